/* q8.c - quantizing weights at load; plain C that compilers turn into vector code. */
#include "kern/q8.h"

#include <math.h>

/* The least bfloat16 not below x >= 0: a scale rounded up never pushes the largest weight over 127. */
static uint16_t bf16_up(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0xffff) >> 16);
}

uint16_t vecd_q8_quantize_group(const float *x, size_t n, int8_t *out) {
  float top = 0.0f;
  for (size_t i = 0; i < n; i++) {
    float a = fabsf(x[i]);
    top = a > top ? a : top;
  }
  uint16_t scale = bf16_up(top * (1.0f / 127.0f));
  float s = vecd_q8_scale(scale), inverse = s >= 0x1p-126f ? 1.0f / s : 0.0f; /* subnormal: the group is as good as zero */
  for (size_t i = 0; i < n; i++) {
    float q = x[i] * inverse;
    q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
    out[i] = (int8_t)(int32_t)(q + (q < 0.0f ? -0.5f : 0.5f));
  }
  return scale;
}

void vecd_q8_pack(const float *src, size_t ld, size_t rows, size_t k, size_t nr, unsigned char *panel) {
  for (size_t first = 0; first < k; first += VECD_Q8_GROUP, panel += vecd_q8_block_bytes(nr)) {
    size_t n = k - first < VECD_Q8_GROUP ? k - first : VECD_Q8_GROUP;
    unsigned char *scales = panel + nr * VECD_Q8_GROUP, *sums = scales + 2 * nr;
    memset(panel, 0, vecd_q8_block_bytes(nr));
    for (size_t j = 0; j < rows; j++) {
      int8_t q[VECD_Q8_GROUP] = {0};
      uint16_t scale = vecd_q8_quantize_group(src + j * ld + first, n, q);
      int16_t sum = 0;
      for (size_t p = 0; p < VECD_Q8_GROUP; p++) sum = (int16_t)(sum + q[p]);
      for (size_t p = 0; p < VECD_Q8_GROUP; p += 4) memcpy(panel + (p / 4 * nr + j) * 4, q + p, 4);
      memcpy(scales + 2 * j, &scale, 2);
      memcpy(sums + 2 * j, &sum, 2);
    }
  }
}
