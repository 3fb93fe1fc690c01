/* pooling.h - token vectors of one sequence -> one vector, as sentence-transformers' Pooling does it. */
#ifndef VECD_NN_POOLING_H
#define VECD_NN_POOLING_H

#include "fmt/model_folder.h"

/* tokens  [n, hidden], rows ld floats apart; n >= 1, every token counts (there is no padding).
 * out     [n_pools * hidden]: the poolings one after another. */
void vecd_pooling_run(const vecd_pool *pools, unsigned n_pools, const float *tokens, size_t ld, size_t n, size_t hidden,
                      float *out);

/* v / max(|v|, 1e-12), the length summed in double so that it depends on nothing but v. */
void vecd_normalize_l2(float *v, size_t n);

#endif
