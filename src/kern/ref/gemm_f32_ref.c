/* gemm_f32_ref.c - the specification of gemm_f32 and pack_f32, for panels of 8 columns. */
#include <math.h>

#include "kern/kern.h"

#define NR 8

void vecd_gemm_f32_ref(const float *a, size_t lda, const float *b, const float *bias, float *c, size_t ldc, size_t rows,
                       size_t k) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < NR; j++) {
      float sum = bias[j];
      for (size_t p = 0; p < k; p++) sum = fmaf(a[i * lda + p], b[p * NR + j], sum);
      c[i * ldc + j] = sum;
    }
}

void vecd_pack_f32_ref(const float *src, size_t ld, size_t rows, size_t k, float *dst) {
  for (size_t p = 0; p < k; p++)
    for (size_t i = 0; i < NR; i++) dst[p * NR + i] = i < rows ? src[i * ld + p] : 0.0f;
}

double vecd_peak_f32_ref(size_t loops, float *sink) {
  float acc[8] = {0, 1, 2, 3, 4, 5, 6, 7}, x = *sink;
  for (size_t n = 0; n < loops; n++)
    for (int i = 0; i < 8; i++) acc[i] = acc[i] * 0.5f + x;
  for (int i = 1; i < 8; i++) acc[0] += acc[i];
  *sink = acc[0];
  return (double)loops * 8 * 2;
}
