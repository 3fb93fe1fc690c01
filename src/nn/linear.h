/* linear.h - a linear layer packed once at load: y = x W^T + b.
 *
 * W [n_out, n_in] lies as panels of vecd_kern.nr columns: panel p holds, for each input, the weights of outputs p nr ..
 * p nr + nr - 1, zero where n_out ends earlier. Read in that order by gemm_f32, from one end to the other. */
#ifndef VECD_NN_LINEAR_H
#define VECD_NN_LINEAR_H

#include "kern/kern.h"

typedef void vecd_activation_fn(float *x, size_t ld, size_t rows, size_t n);

typedef struct vecd_linear {
  float *panels;     /* [n_panels, n_in, nr]; NULL where the weights are 8-bit */
  unsigned char *q8; /* [n_panels, vecd_q8_panel_bytes(nr, n_in)]; NULL where they are float32 */
  float *bias;       /* [n_panels * nr], zero-padded */
  size_t n_in, n_out, n_panels;
} vecd_linear;

/* Rows of activations, quantized for gemm_q8. */
typedef struct vecd_q8_rows {
  uint8_t *q;    /* [rows, ldq] */
  float *scale;  /* [rows, lds], one a group of 64 values */
  int32_t *zero; /* [rows, lds] */
  size_t ldq, lds;
} vecd_q8_rows;

/* Quantizes values first_value .. first_value + n - 1 of `rows` rows from `row` on; x points at the first of them, its rows ldx
 * floats apart. first_value is a multiple of 64. */
void vecd_q8_rows_fill(const vecd_kern *kern, const vecd_q8_rows *to, size_t row, size_t first_value, const float *x,
                       size_t ldx, size_t rows, size_t n);

/* The same as vecd_linear_run() for 8-bit weights and activations, but c points at the columns of panel `first`. */
void vecd_linear_run_q8(const vecd_kern *kern, const vecd_linear *w, const vecd_q8_rows *a, float *c, size_t ldc, size_t rows,
                        size_t first, size_t end, vecd_activation_fn *act);

/* Computes columns of panels first .. end - 1 of c = act(a W^T + b).
 *
 * a    [rows, n_in], rows lda floats apart.
 * c    [rows, n_panels * nr], rows ldc floats apart: whole panels are written, the padding gets act(0).
 * act  nullable. */
void vecd_linear_run(const vecd_kern *kern, const vecd_linear *w, const float *a, size_t lda, float *c, size_t ldc, size_t rows,
                     size_t first, size_t end, vecd_activation_fn *act);

#endif
