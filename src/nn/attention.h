/* attention.h - softmax(Q K^T / sqrt(d)) V for one head of one sequence (Vaswani et al., arXiv:1706.03762). */
#ifndef VECD_NN_ATTENTION_H
#define VECD_NN_ATTENTION_H

#include "kern/kern.h"

/* One worker's room for one head: floats needed for sequences of up to n tokens. */
size_t vecd_attention_floats(const vecd_kern *kern, size_t n, size_t head_dim);

/* q, k, v  [n, head_dim] each, rows ld floats apart.
 * out      [n, head_dim], rows ldo floats apart; nothing outside is written.
 * scratch  vecd_attention_floats() floats, 64-byte aligned.
 * Memory is linear in n: one tile of queries sees all keys at a time. */
void vecd_attention_run(const vecd_kern *kern, const float *q, const float *k, const float *v, size_t ld, size_t n,
                        size_t head_dim, float *out, size_t ldo, float *scratch);

#endif
