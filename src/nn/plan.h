/* plan.h - how a batch of sequences is shared out to the workers. Decides speed only, never a bit of the result. */
#ifndef VECD_NN_PLAN_H
#define VECD_NN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of vecd_plan.order[]: whole sequences that pass through the layers together. */
typedef struct vecd_chunk {
  uint32_t first, end;
  bool done; /* false, until whoever runs it says otherwise */
} vecd_chunk;

/* Who does what: each worker takes chunks of its own, or all work on each chunk, rows or columns of its products shared out. */
typedef enum vecd_split { VECD_APART, VECD_BY_ROWS, VECD_BY_COLUMNS } vecd_split;

typedef struct vecd_plan {
  uint32_t *order;    /* [n_seqs] sequence numbers, longest first */
  vecd_chunk *chunks; /* [n_chunks], most tokens first as far as possible */
  size_t n_chunks;
  vecd_split split;
} vecd_plan;

/* Plans n_seqs sequences of lens[] tokens for n_workers.
 *
 * most_tokens   that all of them can hold together, at least the longest.
 * apart_tokens  that each can hold alone; for one worker the same.
 * rows_each     who work together split rows where each gets as many, else columns.
 * counts        scratch [most_tokens + 1].
 * plan          ->order and ->chunks have room for n_seqs entries. */
void vecd_plan_make(vecd_plan *plan, const uint32_t *lens, size_t n_seqs, unsigned n_workers, size_t most_tokens,
                    size_t apart_tokens, size_t rows_each, uint32_t *counts);

#endif
