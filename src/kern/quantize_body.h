/* quantize_body.h - floats to 8- and 16-bit integers for any vector of vec_*.h; included once by each quantize_<isa>.c. All
 * bit for bit what quantize_ref.c gives. */

#include "kern/q8.h"
#include "kern/unroll.h"

#define N_VECTORS  ((int)(VECD_Q8_GROUP / VF_N))
#define UNROLL_ALL VECD_UNROLL_ALL

/* A group of n values, 1 .. 64, what is missing being 0. */
static inline void load_group(const float *x, size_t n, vf v[]) {
  if (n == VECD_Q8_GROUP) {
    UNROLL_ALL for (int i = 0; i < N_VECTORS; i++) v[i] = vf_load(x + VF_N * i);
    return;
  }
  for (int i = 0; i < N_VECTORS; i++) {
    size_t first = (size_t)VF_N * (size_t)i, have = n > first ? n - first : 0;
    v[i] = have >= VF_N ? vf_load(x + first) : have ? vf_load_part(x + first, have) : vf_set1(0.0f);
  }
}

static inline void quantize_group(const float *x, size_t n, uint8_t *q, float *scale, int32_t *zero) {
  vf v[N_VECTORS], low = vf_set1(0.0f), high = vf_set1(0.0f);
  load_group(x, n, v);
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i++) {
    low = vf_min(v[i], low);
    high = vf_max(v[i], high);
  }
  float lowest = -vf_top(vf_sub(vf_set1(0.0f), low)), range = vf_top(high) - lowest;
  float inverse = range >= 0x1p-100f ? 255.0f / range : 0.0f;
  vf by = vf_set1(inverse);
  vi whole[N_VECTORS], z = vi_round(vf_mul(vf_set1(-lowest), by));
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i++) whole[i] = vi_add(vi_round(vf_mul(v[i], by)), z);
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i += 4)
      vi_store_u8(q + VF_N * i, whole[i], whole[i + 1], whole[i + 2], whole[i + 3]);
  *scale = range * (1.0f / 255.0f);
  *zero = vi_first(z);
}

void VF_NAME(quantize_q8)(const float *x, size_t ldx, size_t rows, size_t k, uint8_t *q, size_t ldq, float *scale,
                          int32_t *zero, size_t lds) {
  for (size_t i = 0; i < rows; i++)
    for (size_t g = 0; g < vecd_q8_groups(k); g++) {
      size_t first = g * VECD_Q8_GROUP, n = k - first < VECD_Q8_GROUP ? k - first : VECD_Q8_GROUP;
      quantize_group(x + i * ldx + first, n, q + i * ldq + first, &scale[i * lds + g], &zero[i * lds + g]);
    }
}

uint16_t VF_NAME(weights_q8)(const float *x, size_t n, int8_t *q, int32_t *sum) {
  vf v[N_VECTORS], top = vf_set1(0.0f);
  load_group(x, n, v);
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i++) top = vf_max(vf_max(vf_abs(v[i]), vf_abs(vf_add(v[i], vf_swap(v[i])))), top);
  float inverse;
  uint16_t scale = vecd_q8_weight_scale(vf_top(top), &inverse);
  vf by = vf_set1(inverse);
  vi whole[N_VECTORS], total = vi_set1(0);
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i++) {
    whole[i] = vi_round(vf_mul(v[i], by));
    total = vi_add(total, whole[i]);
  }
  UNROLL_ALL for (int i = 0; i < N_VECTORS; i += 4)
      vi_store_s8(q + VF_N * i, whole[i], whole[i + 1], whole[i + 2], whole[i + 3]);
  *sum = vi_sum(total);
  return scale;
}

/* The largest magnitude of `rows` rows of n values. */
static inline float top_of(const float *x, size_t ldx, size_t rows, size_t n) {
  vf top = vf_set1(0.0f);
  size_t whole = n / VF_N * VF_N;
  for (size_t i = 0; i < rows; i++, x += ldx) {
    for (size_t j = 0; j < whole; j += VF_N) top = vf_max(vf_abs(vf_load(x + j)), top);
    if (whole < n) top = vf_max(vf_abs(vf_load_part(x + whole, n - whole)), top);
  }
  return vf_top(top);
}

float VF_NAME(quantize_q16)(const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *q, size_t ldq) {
  float inverse, scale = vecd_q16_scale(top_of(x, ldx, rows, n), limit, &inverse);
  vf by = vf_set1(inverse);
  for (size_t i = 0; i < rows; i++, x += ldx, q += ldq) {
    size_t j = 0;
    for (; j + 2 * VF_N <= n; j += 2 * VF_N)
      vi_store_s16(q + j, vi_round(vf_mul(vf_load(x + j), by)), vi_round(vf_mul(vf_load(x + j + VF_N), by)));
    if (j == n) continue;
    int16_t rest[2 * VF_N];
    size_t have = n - j;
    vf first = have >= VF_N ? vf_load(x + j) : vf_load_part(x + j, have);
    vf second = have > VF_N ? vf_load_part(x + j + VF_N, have - VF_N) : vf_set1(0.0f);
    vi_store_s16(rest, vi_round(vf_mul(first, by)), vi_round(vf_mul(second, by)));
    memcpy(q + j, rest, (have + have % 2) * sizeof *q);
  }
  return scale;
}

float VF_NAME(pairs_q16)(const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *panel) {
  enum { NR = 2 * VF_N };
  float inverse, scale = vecd_q16_scale(top_of(x, ldx, rows, n), limit, &inverse);
  vf by = vf_set1(inverse), none = vf_set1(0.0f);
  for (size_t i = 0; i < rows; i += 2, x += 2 * ldx, panel += 2 * NR) {
    UNROLL_ALL for (size_t c = 0; c < NR; c += VF_N) {
      size_t have = n > c ? n - c : 0;
      vf low = have >= VF_N ? vf_load(x + c) : have ? vf_load_part(x + c, have) : none, high = none;
      if (i + 1 < rows) high = have >= VF_N ? vf_load(x + ldx + c) : have ? vf_load_part(x + ldx + c, have) : none;
      vi_store(panel + 2 * c, vi_pair(vi_round(vf_mul(low, by)), vi_round(vf_mul(high, by))));
    }
  }
  return scale;
}
