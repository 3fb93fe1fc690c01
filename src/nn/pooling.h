/* pooling.h - token vectors of one sequence -> one vector, as sentence-transformers' Pooling does it. */
#ifndef VECD_NN_POOLING_H
#define VECD_NN_POOLING_H

#include "fmt/model_folder.h"

/* tokens  [n, hidden], rows ld floats apart; n >= 1, there is no padding.
 * from    the first token that counts: those before it belong to a prompt that is left out. Weights stay those of the places in
 *         the whole sequence. Where none is left, the sums are 0, the largest of none is -inf, and the first token is the first.
 * out     [n_pools * hidden]: the poolings one after another. */
void vecd_pooling_run(const vecd_pool *pools, unsigned n_pools, const float *tokens, size_t ld, size_t n, size_t from,
                      size_t hidden, float *out);

/* v / max(|v|, 1e-12), the length summed in double so that it depends on nothing but v. */
void vecd_normalize_l2(float *v, size_t n);

#endif
