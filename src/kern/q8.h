/* q8.h - 8-bit weights: how they are quantized and how a panel of them lies in memory.
 *
 * Scheme: weights signed, symmetric, one scale for each output and group of 64 inputs; activations unsigned with a zero point,
 * one scale for each token and group. Coarser schemes lose more: docs/ARCHITECTURE.md, Precision.
 *
 * A panel of nr columns is a row of blocks, one a group: weights [16][nr][4] (four inputs of a column side by side, as VNNI
 * multiplies them), nr scales (bfloat16), nr sums of the group's weights (int16), which take the activations' zero point out. */
#ifndef VECD_KERN_Q8_H
#define VECD_KERN_Q8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Quantizes n <= 64 values: out[i] = round(x[i] / scale) in -127 .. 127; gives the scale. Finite values only. */
uint16_t vecd_q8_quantize_group(const float *x, size_t n, int8_t *out);

/* Quantizes and packs one panel: columns are `rows` <= nr rows of k values, ld floats apart; missing ones are zero.
 * panel  vecd_q8_panel_bytes(nr, k) bytes. */
void vecd_q8_pack(const float *src, size_t ld, size_t rows, size_t k, size_t nr, unsigned char *panel);

#endif
