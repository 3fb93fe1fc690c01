/* pooling.c - each mode walks the tokens in order, so a sum depends on the sequence alone. */
#include "nn/pooling.h"

#include <math.h>

static void add_scaled(float *out, const float *x, float scale, size_t n) {
  for (size_t j = 0; j < n; j++) out[j] += x[j] * scale;
}

static void divide(float *out, float by, size_t n) {
  for (size_t j = 0; j < n; j++) out[j] /= by;
}

/* No token counts: what the same formulas give for none. */
static void pool_nothing(vecd_pool pool, const float *tokens, size_t h, float *out) {
  if (pool == VECD_POOL_CLS)
    memcpy(out, tokens, h * sizeof *out);
  else
    for (size_t j = 0; j < h; j++) out[j] = pool == VECD_POOL_MAX ? -INFINITY : 0.0f;
}

static void pool_one(vecd_pool pool, const float *tokens, size_t ld, size_t n, size_t from, size_t h, float *out) {
  if (from >= n) {
    pool_nothing(pool, tokens, h, out);
    return;
  }
  switch (pool) {
  case VECD_POOL_CLS: memcpy(out, tokens + from * ld, h * sizeof *out); return;
  case VECD_POOL_LAST_TOKEN: memcpy(out, tokens + (n - 1) * ld, h * sizeof *out); return;
  case VECD_POOL_MAX:
    memcpy(out, tokens + from * ld, h * sizeof *out);
    for (size_t i = from + 1; i < n; i++)
      for (size_t j = 0; j < h; j++) { /* a NaN must come through, and stay */
        float t = tokens[i * ld + j];
        if (t > out[j] || isnan(t)) out[j] = t;
      }
    return;
  case VECD_POOL_MEAN:
  case VECD_POOL_MEAN_SQRT_LEN:
  case VECD_POOL_WEIGHTED_MEAN: break;
  case VECD_POOL_COUNT: return;
  }
  memset(out, 0, h * sizeof *out);
  bool weighted = pool == VECD_POOL_WEIGHTED_MEAN; /* weights from + 1 .. n */
  for (size_t i = from; i < n; i++) add_scaled(out, tokens + i * ld, weighted ? (float)(i + 1) : 1.0f, h);
  double total = weighted ? (double)(n - from) * (double)(n + from + 1) / 2 : (double)(n - from);
  divide(out, (float)(pool == VECD_POOL_MEAN_SQRT_LEN ? sqrt(total) : total), h);
}

void vecd_pooling_run(const vecd_pool *pools, unsigned n_pools, const float *tokens, size_t ld, size_t n, size_t from,
                      size_t hidden, float *out) {
  for (unsigned i = 0; i < n_pools; i++) pool_one(pools[i], tokens, ld, n, from, hidden, out + i * hidden);
}

void vecd_normalize_l2(float *v, size_t n) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += (double)v[i] * v[i];
  double length = sqrt(sum), inverse = 1.0 / (length > 1e-12 ? length : 1e-12);
  for (size_t i = 0; i < n; i++) v[i] = (float)(v[i] * inverse);
}
