/* bench_report.c - the figures as a table, JSON and CSV; bench_plot.c draws them. */
#include "cmd/bench_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/err.h"
#include "cmd/output.h"

/* A folder's name may hold anything; an error's text is always one line of valid UTF-8. */
static void copy_clean(char *out, size_t cap, const char *text) {
  vecd_err clean;
  vecd_err_set(&clean, VECD_OK, VECD_NO_POS, "%.*s", (int)cap - 1, text);
  snprintf(out, cap, "%.*s", (int)cap - 1, clean.text);
}

void vecd_bench_report_init(vecd_bench_report *r, const vecd_model *model) {
  char name[sizeof r->cpu];
  struct tm tm;
  time_t now = time(NULL);
  *r = (vecd_bench_report){.n_rows = 0};
  vecd_describe(model, &r->info);
  vecd_cpu_name(name, sizeof name);
  copy_clean(r->cpu, sizeof r->cpu, name);
  copy_clean(r->model, sizeof r->model, r->info.id);
  if (gmtime_r(&now, &tm)) strftime(r->date, sizeof r->date, "%Y-%m-%d", &tm);
}

void vecd_bench_report_text(const vecd_bench_report *r, vecd_buf *out) {
  vecd_buf_printf(out, "%s, %s, %s, %u threads, medians of %zu rounds\n", r->model, r->info.precision, r->info.isa,
                  r->info.threads, r->n_rounds);
  vecd_buf_printf(out, "float32 multiply-add limit: %.1f GFLOP/s\n\n", r->limit_gflops);
  vecd_buf_printf(out, "%-8s  %-28s  %9s  %10s  %9s  %6s\n", "workload", "", "ms", "tokens/s", "GFLOP/s", "share");
  for (const vecd_bench_row *w = r->rows; w < r->rows + r->n_rows; w++) {
    vecd_buf_printf(out, "%-8s  %-28s  ", w->name, w->what);
    if (w->is_left_out)
      vecd_buf_printf(out, "left out: the model takes %u tokens\n", r->info.max_tokens);
    else
      vecd_buf_printf(out, "%9.2f  %10.0f  %9.1f  %6.3f\n", w->ms, w->tokens_per_s, w->gflops, w->share);
  }
}

void vecd_bench_report_json(const vecd_bench_report *r, vecd_buf *out) {
  vecd_buf_append_str(out, "{\"model\":");
  vecd_output_json_string(out, r->model, strlen(r->model));
  vecd_buf_printf(out,
                  ",\"isa\":\"%s\",\"precision\":\"%s\",\"threads\":%u,\"rounds\":%zu,\"limit_gflops\":%.2f,\"workloads\":[",
                  r->info.isa, r->info.precision, r->info.threads, r->n_rounds, r->limit_gflops);
  const char *gap = "";
  for (const vecd_bench_row *w = r->rows; w < r->rows + r->n_rows; w++) {
    if (w->is_left_out) continue;
    vecd_buf_printf(out,
                    "%s\n {\"name\":\"%s\",\"texts\":%zu,\"tokens\":%zu,\"ms\":%.4f,\"tokens_per_s\":%.1f,\"gflops\":%.2f,"
                    "\"share\":%.4f}",
                    gap, w->name, w->n_texts, w->n_tokens, w->ms, w->tokens_per_s, w->gflops, w->share);
    gap = ",";
  }
  vecd_buf_append_str(out, "]}\n");
}

/* RFC 4180; a comma behind it. */
static void put_csv(vecd_buf *out, const char *text) {
  bool quote = strpbrk(text, ",\"") != NULL;
  if (quote) vecd_buf_append_char(out, '"');
  for (; *text; text++) {
    if (*text == '"') vecd_buf_append_char(out, '"');
    vecd_buf_append_char(out, *text);
  }
  vecd_buf_append_str(out, quote ? "\"," : ",");
}

void vecd_bench_report_csv(const vecd_bench_report *r, vecd_buf *out) {
  vecd_buf_append_str(out, "cpu,model,isa,precision,date,version,threads,rounds,fp32_limit_gflops,workload,texts,tokens,ms,"
                           "tokens_per_s,gflops,share_of_fp32_limit\n");
  for (const vecd_bench_row *w = r->rows; w < r->rows + r->n_rows; w++) {
    if (w->is_left_out) continue;
    put_csv(out, r->cpu);
    put_csv(out, r->model);
    vecd_buf_printf(out, "%s,%s,%s,%s,%u,%zu,%.2f,", r->info.isa, r->info.precision, r->date, vecd_version(), r->info.threads,
                    r->n_rounds, r->limit_gflops);
    vecd_buf_printf(out, "%s,%zu,%zu,%.4f,%.1f,%.2f,%.4f\n", w->name, w->n_texts, w->n_tokens, w->ms, w->tokens_per_s,
                    w->gflops, w->share);
  }
}
