/* gemm_q8_ref.c - the specification of quantize_q8 and gemm_q8, for panels of 8 columns and activations of one byte. */
#include <math.h>

#include "kern/kern.h"
#include "kern/q8.h"

#define NR 8

void vecd_quantize_q8_ref(const float *x, size_t ldx, size_t rows, size_t k, void *q, size_t ldq, float *scale, int32_t *zero,
                          size_t lds) {
  for (size_t i = 0; i < rows; i++)
    for (size_t g = 0; g < vecd_q8_groups(k); g++) {
      const float *from = x + i * ldx + g * VECD_Q8_GROUP;
      uint8_t *to = (uint8_t *)q + i * ldq + g * VECD_Q8_GROUP;
      size_t n = k - g * VECD_Q8_GROUP < VECD_Q8_GROUP ? k - g * VECD_Q8_GROUP : VECD_Q8_GROUP;
      float low = 0.0f, high = 0.0f;
      for (size_t p = 0; p < n; p++) {
        low = from[p] < low ? from[p] : low;
        high = from[p] > high ? from[p] : high;
      }
      float range = high - low, inverse = range >= 0x1p-100f ? 255.0f / range : 0.0f;
      int32_t z = (int32_t)rintf(-low * inverse);
      for (size_t p = 0; p < VECD_Q8_GROUP; p++) {
        int32_t v = (p < n ? (int32_t)rintf(from[p] * inverse) : 0) + z;
        to[p] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
      }
      scale[i * lds + g] = range * (1.0f / 255.0f);
      zero[i * lds + g] = z;
    }
}

void vecd_gemm_q8_ref(const void *a, size_t lda, const float *scale, const int32_t *zero, size_t lds,
                      const unsigned char *panel, const float *bias, float *c, size_t ldc, size_t rows, size_t k) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < NR; j++) {
      float sum = bias[j];
      const unsigned char *block = panel;
      for (size_t g = 0; g < vecd_q8_groups(k); g++, block += vecd_q8_block_bytes(NR)) {
        const uint8_t *u = (const uint8_t *)a + i * lda + g * VECD_Q8_GROUP;
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
