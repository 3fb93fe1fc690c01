/* bench_report.h - what `vecd bench` found, and how it is said: a table, JSON, CSV, a plot. All append to a buffer, whose `failed`
 * is the one thing that can go wrong. */
#ifndef VECD_CMD_BENCH_REPORT_H
#define VECD_CMD_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "vecd.h"

typedef struct vecd_bench_row {
  const char *name, *what; /* of the workload: a word, a phrase; borrowed */
  bool is_left_out;        /* longer than the model takes: what follows is 0 */
  size_t n_texts, n_tokens;
  double ms, tokens_per_s, gflops; /* medians */
  double share;                    /* of the limit; over 1 is possible with 8 bits */
} vecd_bench_row;

typedef struct vecd_bench_report {
  vecd_info info;                 /* of the model, which stays open */
  char model[256], cpu[128];      /* one line of UTF-8 without control characters, as vecd_err's text */
  char date[sizeof "2000-12-31"]; /* UTC */
  size_t n_rounds;
  double limit_gflops; /* of float32 multiply-adds, all threads */
  const vecd_bench_row *rows;
  size_t n_rows;
} vecd_bench_report;

/* Fills the facts on model, processor and day; the figures are the caller's to set. */
void vecd_bench_report_init(vecd_bench_report *r, const vecd_model *model);

void vecd_bench_report_text(const vecd_bench_report *r, vecd_buf *out);
void vecd_bench_report_json(const vecd_bench_report *r, vecd_buf *out);

/* A header line, then a line for each workload that was run; the facts on the run stand in each, so that files can be joined. */
void vecd_bench_report_csv(const vecd_bench_report *r, vecd_buf *out);

/* An SVG: a bar for each workload, its length the share of the limit. */
void vecd_bench_report_svg(const vecd_bench_report *r, vecd_buf *out);

#endif
