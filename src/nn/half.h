/* half.h - 16-bit floats to float32, exactly. */
#ifndef VECD_NN_HALF_H
#define VECD_NN_HALF_H

#include <stdint.h>
#include <string.h>

static inline float vecd_bits_f32(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static inline float vecd_bf16_f32(uint16_t h) { return vecd_bits_f32((uint32_t)h << 16); }

/* IEEE 754 binary16. */
static inline float vecd_f16_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, mantissa = h & 0x3ff;
  if (exponent == 0x1f) return vecd_bits_f32(sign | 0x7f800000u | mantissa << 13);
  if (exponent) return vecd_bits_f32(sign | (exponent + 112) << 23 | mantissa << 13);
  float f = (float)mantissa * 0x1p-24f; /* zero or subnormal: exact */
  return sign ? -f : f;
}

#endif
