/* dot_ref.c - the specification of gemm_q8 and gemm_q16, for panels of 8 columns. */
#include <math.h>

#include "kern/kern.h"
#include "kern/q8.h"

#define NR 8

void vecd_gemm_q8_ref(const uint8_t *a, size_t lda, const float *scale, const int32_t *zero, size_t lds,
                      const unsigned char *panel, const float *bias, float *c, size_t ldc, size_t rows, size_t k) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < NR; j++) {
      float sum = bias[j];
      const unsigned char *block = panel;
      for (size_t g = 0; g < vecd_q8_groups(k); g++, block += vecd_q8_block_bytes(NR)) {
        const uint8_t *u = a + i * lda + g * VECD_Q8_GROUP;
        int32_t dot = 0;
        for (size_t p = 0; p < VECD_Q8_GROUP; p++)
          dot += (u[p] - zero[i * lds + g]) * (int8_t)block[(p / 4 * NR + j) * 4 + p % 4];
        uint16_t ws;
        memcpy(&ws, block + NR * VECD_Q8_GROUP + 2 * j, 2);
        sum = fmaf((float)dot * vecd_q8_scale(ws), scale[i * lds + g], sum);
      }
      c[i * ldc + j] = sum;
    }
}

void vecd_gemm_q16_ref(const int16_t *a, size_t lda, const int16_t *b, const float *factor, float *c, size_t ldc, size_t rows,
                       size_t k) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < NR; j++) {
      int32_t dot = 0;
      for (size_t p = 0; p < k; p++) dot += a[i * lda + p] * b[(p / 2 * NR + j) * 2 + p % 2];
      c[i * ldc + j] = (float)dot * factor[i];
    }
}
