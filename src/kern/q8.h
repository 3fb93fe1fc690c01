/* q8.h - 8-bit weights: how they are quantized and how a panel of them lies in memory; the scales of 16-bit integers.
 *
 * Scheme: weights signed, symmetric, one scale for each output and group of 64 inputs; activations unsigned with a zero point,
 * one scale for each token and group. Coarser schemes lose more: docs/ARCHITECTURE.md, Precision.
 *
 * Of two neighbouring weights (2 i, 2 i + 1) of a group those of one sign add up to 128 at most. So two products with bytes of up
 * to 255 fit 16 bits, and CPUs without VNNI multiply bytes too: every ISA gets the same integers.
 *
 * A panel of nr columns is a row of blocks, one a group: weights [16][nr][4] (four inputs of a column side by side, as VNNI
 * multiplies them), nr scales (bfloat16), nr sums of the group's weights (int16), which take the activations' zero point out. */
#ifndef VECD_KERN_Q8_H
#define VECD_KERN_Q8_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kern/kern.h"

#define VECD_Q8_GROUP ((size_t)64)

/* Groups that k inputs make. */
static inline size_t vecd_q8_groups(size_t k) { return (k + VECD_Q8_GROUP - 1) / VECD_Q8_GROUP; }

/* Bytes of a group's block, and of a panel. */
static inline size_t vecd_q8_block_bytes(size_t nr) { return nr * (VECD_Q8_GROUP + 4); }
static inline size_t vecd_q8_panel_bytes(size_t nr, size_t k) { return vecd_q8_groups(k) * vecd_q8_block_bytes(nr); }

static inline float vecd_q8_scale(uint16_t bf16) {
  uint32_t bits = (uint32_t)bf16 << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/* The scale, as bfloat16, for weights of which neither one nor the sum of two neighbours exceeds `top`: rounded up, so that none
 * is pushed over 127 (and two, rounded, not over 128). *inverse: what to multiply weights by, 0 for a group as good as zero. */
static inline uint16_t vecd_q8_weight_scale(float top, float *inverse) {
  float exact = top * (1.0f / 127.0f);
  uint32_t bits;
  memcpy(&bits, &exact, sizeof bits);
  uint16_t scale = (uint16_t)((bits + 0xffff) >> 16);
  float s = vecd_q8_scale(scale);
  *inverse = s >= 0x1p-126f ? 1.0f / s : 0.0f;
  return scale;
}

/* The scale for 16-bit integers of up to `limit` from values of up to `top`. */
static inline float vecd_q16_scale(float top, int32_t limit, float *inverse) {
  *inverse = top >= 0x1p-100f ? (float)limit / top : 0.0f;
  return top * (1.0f / (float)limit);
}

/* The largest limit for which k products of two such integers fit 31 bits: at most 32767. */
static inline int32_t vecd_q16_limit(size_t k) {
  int32_t limit = (int32_t)sqrt(2147483647.0 / (double)k);
  return limit < 32767 ? limit : 32767;
}

/* Quantizes and packs one panel: columns are `rows` <= kern->nr rows of k finite values, ld floats apart; missing ones are zero.
 * panel  vecd_q8_panel_bytes(kern->nr, k) bytes. */
void vecd_q8_pack(const vecd_kern *kern, const float *src, size_t ld, size_t rows, size_t k, unsigned char *panel);

#endif
