/* quantize_ref.c - the specification of the operations that make integers of floats, for panels of 8 columns. */
#include <math.h>

#include "kern/kern.h"
#include "kern/q8.h"

#define NR 8

void vecd_quantize_q8_ref(const float *x, size_t ldx, size_t rows, size_t k, uint8_t *q, size_t ldq, float *scale,
                          int32_t *zero, size_t lds) {
  for (size_t i = 0; i < rows; i++)
    for (size_t g = 0; g < vecd_q8_groups(k); g++) {
      const float *from = x + i * ldx + g * VECD_Q8_GROUP;
      uint8_t *to = q + i * ldq + g * VECD_Q8_GROUP;
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

uint16_t vecd_weights_q8_ref(const float *x, size_t n, int8_t *q, int32_t *sum) {
  float top = 0.0f, inverse;
  for (size_t i = 0; i < n; i++) {
    float pair = fabsf(x[i & ~(size_t)1] + ((i | 1) < n ? x[i | 1] : 0.0f));
    top = fmaxf(top, fmaxf(fabsf(x[i]), pair));
  }
  uint16_t scale = vecd_q8_weight_scale(top, &inverse);
  *sum = 0;
  for (size_t i = 0; i < VECD_Q8_GROUP; i++) {
    q[i] = i < n ? (int8_t)rintf(x[i] * inverse) : 0;
    *sum += q[i];
  }
  return scale;
}

static float scale_of(const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, float *inverse) {
  float top = 0.0f;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) top = fmaxf(top, fabsf(x[i * ldx + j]));
  return vecd_q16_scale(top, limit, inverse);
}

float vecd_quantize_q16_ref(const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *q, size_t ldq) {
  float inverse, scale = scale_of(x, ldx, rows, n, limit, &inverse);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < n; j++) q[i * ldq + j] = (int16_t)rintf(x[i * ldx + j] * inverse);
    if (n % 2) q[i * ldq + n] = 0;
  }
  return scale;
}

float vecd_pairs_q16_ref(const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *panel) {
  float inverse, scale = scale_of(x, ldx, rows, n, limit, &inverse);
  for (size_t i = 0; i < rows + rows % 2; i++)
    for (size_t j = 0; j < NR; j++)
      panel[(i / 2 * NR + j) * 2 + i % 2] = i < rows && j < n ? (int16_t)rintf(x[i * ldx + j] * inverse) : 0;
  return scale;
}
