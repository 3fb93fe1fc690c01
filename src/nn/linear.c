/* linear.c - the loop around the gemm kernel: a panel stays in cache while all rows pass it, tile by tile; what follows the
 * product is applied to the finished tile, still in the first-level cache, in a function of its own (inlined into the kernel's
 * loop it would take the accumulators' registers). */
#include "nn/linear.h"

#include "kern/q8.h"

void vecd_linear_run(const vecd_kern *kern, const vecd_linear *w, const float *a, size_t lda, float *c, size_t ldc, size_t rows,
                     size_t first, size_t end, vecd_activation_fn *act) {
  size_t nr = kern->nr, n_tiles = (rows + kern->mr - 1) / kern->mr;
  for (size_t p = first; p < end; p++) {
    const float *panel = w->panels + p * w->n_in * nr;
    for (size_t t = 0, row = 0; t < n_tiles; t++) { /* tiles of nearly equal height: a last one of a single row would be slow */
      size_t next = rows * (t + 1) / n_tiles;
      float *tile = c + row * ldc + p * nr;
      kern->gemm_f32(a + row * lda, lda, panel, w->bias + p * nr, tile, ldc, next - row, w->n_in);
      if (act) act(tile, ldc, next - row, nr);
      row = next;
    }
  }
}

void vecd_q8_rows_fill(const vecd_kern *kern, const vecd_q8_rows *to, size_t row, size_t first_value, const float *x,
                       size_t ldx, size_t rows, size_t n) {
  size_t group = first_value / VECD_Q8_GROUP, at = row * to->lds + group;
  kern->quantize_q8(x, ldx, rows, n, to->q + row * to->ldq + first_value, to->ldq, to->scale + at, to->zero + at, to->lds);
}

void vecd_linear_run_q8(const vecd_kern *kern, const vecd_linear *w, const vecd_q8_rows *a, float *c, size_t ldc, size_t rows,
                        size_t first, size_t end, vecd_activation_fn *act) {
  size_t nr = kern->nr, bytes = vecd_q8_panel_bytes(nr, w->n_in);
  for (size_t p = first; p < end; p++) {
    float *columns = c + (p - first) * nr;
    kern->gemm_q8(a->q, a->ldq, a->scale, a->zero, a->lds, w->q8 + p * bytes, w->bias + p * nr, columns, ldc, rows, w->n_in);
    if (act) act(columns, ldc, rows, nr);
  }
}
