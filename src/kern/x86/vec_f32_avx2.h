/* vec_f32_avx2.h - the vector of 8 floats the shared kernel bodies are written in.
 *
 * VF_N lanes, VF_MR rows of the gemm tile, VF_NAME(op) the function's name. `_part` touches only the first n < VF_N lanes and
 * reads the rest as 0; vf_keep takes lanes from n on out of `rest`; vf_max(a, b) and vf_min(a, b) are b where a or b is NaN;
 * vf_scale2(a, n) = a 2^n for whole n in -126 .. 127; vf_zero_below(a, x, limit) is 0 where x < limit (NaN kept); vf_sum and
 * vf_top reduce in a fixed order. */
#ifndef VECD_KERN_VEC_F32_AVX2_H
#define VECD_KERN_VEC_F32_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_N        8
#define VF_MR       6
#define VF_NAME(op) vecd_##op##_avx2
typedef __m256 vf;

static inline __m256i vf_mask(size_t n) {
  static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return _mm256_loadu_si256((const __m256i *)(const void *)(edge + 8 - n));
}
static inline vf vf_set1(float x) { return _mm256_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vf vf_load_part(const float *p, size_t n) { return _mm256_maskload_ps(p, vf_mask(n)); }
static inline void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void vf_store_part(float *p, vf v, size_t n) { _mm256_maskstore_ps(p, vf_mask(n), v); }
static inline vf vf_keep(vf v, vf rest, size_t n) { return _mm256_blendv_ps(rest, v, _mm256_castsi256_ps(vf_mask(n))); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf vf_scale2(vf a, vf n) {
  __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
}
static inline vf vf_zero_below(vf a, vf x, float limit) {
  return _mm256_and_ps(a, _mm256_cmp_ps(x, _mm256_set1_ps(limit), _CMP_NLT_UQ));
}
static inline __m128 vf_half_sum(__m128 a) {
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_add_ss(a, _mm_movehdup_ps(a));
}
static inline float vf_sum(vf a) {
  return _mm_cvtss_f32(vf_half_sum(_mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1))));
}
static inline float vf_top(vf a) {
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}

#endif
