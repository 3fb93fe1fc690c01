/* attention.h - softmax(Q K^T / sqrt(d)) V for one head of one sequence (Vaswani et al., arXiv:1706.03762). */
#ifndef VECD_NN_ATTENTION_H
#define VECD_NN_ATTENTION_H

#include <stdbool.h>

#include "kern/kern.h"

/* One head's shape and how it is multiplied. */
typedef struct vecd_attention {
  const vecd_kern *kern;
  size_t head_dim;
  bool q16;    /* products of 16-bit integers (exact sums, scales by row or head) rather than of floats */
  float scale; /* of scores; 0: 1 / sqrt(head_dim) */
} vecd_attention;

/* Which keys a query sees, and what is added to its scores. Zeroed: all, nothing. */
typedef struct vecd_attention_view {
  bool causal;       /* none behind it */
  size_t window;     /* none further away; 0: however far */
  const float *bias; /* of distance key - query: bias[distance] from -(n - 1) to n - 1; NULL: none */
} vecd_attention_view;

/* One worker's room for one head: bytes needed for sequences of up to n tokens. */
size_t vecd_attention_bytes(const vecd_attention *a, size_t n);

/* The keys and values of one head of one sequence, made ready once for any number of queries; they live in scratch.
 *
 * k, v     [n, head_dim] each, rows ld floats apart; 1 <= n <= 32768.
 * scratch  vecd_attention_bytes() bytes, 64-byte aligned: the caller's until the last vecd_attention_run().
 * Memory is linear in n: one tile of queries sees all keys at a time. */
void vecd_attention_begin(const vecd_attention *a, const float *k, const float *v, size_t ld, size_t n, void *scratch);

/* The attention of n_queries queries, the first of them token number `first` of the sequence: each row's bits depend on that query,
 * the keys and the values only.
 *
 * q    [n_queries, head_dim], rows ld floats apart.
 * n    that of vecd_attention_begin(), as scratch is.
 * out  [n_queries, head_dim], rows ldo floats apart; nothing outside is written. */
void vecd_attention_run(const vecd_attention *a, const vecd_attention_view *view, const float *q, size_t ld, size_t first,
                        size_t n_queries, size_t n, float *out, size_t ldo, void *scratch);

#endif
