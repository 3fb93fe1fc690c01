/* positions.c - the buckets of distances and the angles of rotary positions, in float32 wherever the reference computes so. */
#include "nn/positions.h"

#include <math.h>
#include <stdlib.h>

/* The bucket of a distance key - query: exact up to a quarter of the buckets, then by the logarithm (T5, section 2.1). In float32
 * like the reference, which truncates. */
static unsigned bucket_of(const vecd_encoder_config *c, long distance) {
  unsigned half = c->n_buckets / 2, exact = half / 2, base = distance > 0 ? half : 0;
  unsigned long n = (unsigned long)labs(distance);
  if (n < exact) return base + (unsigned)n;
  float far = logf((float)n / (float)exact) / (float)log((double)c->most_distance / exact) * (float)(half - exact);
  unsigned at = exact + (unsigned)far;
  return base + (at < half ? at : half - 1);
}

void vecd_positions_relative(const vecd_encoder_config *c, const float *table, size_t max_tokens, float *out) {
  size_t width = 2 * max_tokens - 1;
  for (size_t i = 0; i < width; i++) {
    unsigned bucket = bucket_of(c, (long)i - (long)max_tokens + 1);
    for (unsigned head = 0; head < c->n_heads; head++) out[head * width + i] = table[bucket * c->n_heads + head];
  }
}

/* Step by step in float32: at thousands of positions more precision would be less alike. */
void vecd_positions_turns(const vecd_encoder_config *c, bool local, size_t first, size_t end, float *out) {
  size_t half = c->head_dim / 2;
  float theta = local ? c->rope_theta_local : c->rope_theta;
  for (size_t j = 0; j < half; j++) {
    float frequency = 1.0f / (float)pow((double)theta, (double)((float)(2 * j) / (float)c->head_dim));
    if (!local && c->rope_factor != 0.0f) frequency /= c->rope_factor;
    for (size_t p = first; p < end; p++) {
      float angle = (float)p * frequency;
      out[p * 2 * half + j] = (float)cos((double)angle);
      out[p * 2 * half + half + j] = (float)sin((double)angle);
    }
  }
}
