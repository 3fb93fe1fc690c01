/* linear.h - a linear layer packed once at load: y = x W^T + b.
 *
 * W [n_out, n_in] lies as panels of vecd_kern.nr columns: panel p holds, for each input, the weights of outputs p nr ..
 * p nr + nr - 1, zero where n_out ends earlier. Read in that order by gemm_f32, from one end to the other. */
#ifndef VECD_NN_LINEAR_H
#define VECD_NN_LINEAR_H

#include "kern/kern.h"

typedef void vecd_activation_fn(float *x, size_t ld, size_t rows, size_t n);

typedef struct vecd_linear {
  float *panels; /* [n_panels, n_in, nr] */
  float *bias;   /* [n_panels * nr], zero-padded */
  size_t n_in, n_out, n_panels;
} vecd_linear;

/* Computes columns of panels first .. end - 1 of c = act(a W^T + b).
 *
 * a    [rows, n_in], rows lda floats apart.
 * c    [rows, n_panels * nr], rows ldc floats apart: whole panels are written, the padding gets act(0).
 * act  nullable. */
void vecd_linear_run(const vecd_kern *kern, const vecd_linear *w, const float *a, size_t lda, float *c, size_t ldc, size_t rows,
                     size_t first, size_t end, vecd_activation_fn *act);

#endif
