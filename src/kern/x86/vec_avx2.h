/* vec_avx2.h - the vectors of 8 floats (vf) and 8 integers (vi) the shared kernel bodies are written in.
 *
 * VF_N lanes, VF_MR rows of the gemm_f32 tile, VF_REGISTERS there are, VF_NAME(op) the function's name. `_part` touches only the first n < VF_N lanes and
 * reads the rest as 0; vf_keep takes lanes from n on out of `rest`; vf_max(a, b) and vf_min(a, b) are b where a or b is NaN;
 * vf_scale2(a, n) = a 2^n for whole n in -126 .. 127; vf_zero_below(a, x, limit) is 0 where x < limit (NaN kept); vf_sum and
 * vf_top reduce in a fixed order; vf_swap exchanges neighbours.
 *
 * vi_sum and vi_madd (pairs of 16-bit products, added) wrap around; vi_round rounds to nearest even; vi_pair(a, b) has the lower
 * halves of a's lanes below those of b; vi_store_s16, _u8 and _s8 narrow with saturation and keep the order. */
#ifndef VECD_KERN_VEC_AVX2_H
#define VECD_KERN_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_N         8
#define VF_MR        6
#define VF_REGISTERS 16
#define VF_NAME(op)  vecd_##op##_avx2
typedef __m256 vf;
typedef __m256i vi;

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
static inline vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf vf_swap(vf a) { return _mm256_permute_ps(a, 0xb1); }
static inline vi vf_bits(vf a) { return _mm256_castps_si256(a); }
static inline vf vf_of_bits(vi a) { return _mm256_castsi256_ps(a); }
static inline vf vf_from(vi a) { return _mm256_cvtepi32_ps(a); }
static inline vf vf_load_bf16(const void *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
}

static inline vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_set1_s16(int16_t x) { return _mm256_set1_epi16(x); }
static inline vi vi_load(const void *p) { return _mm256_loadu_si256(p); }
static inline vi vi_load_s16(const void *p) { return _mm256_cvtepi16_epi32(_mm_loadu_si128(p)); }
static inline void vi_store(void *p, vi a) { _mm256_storeu_si256(p, a); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_shift_left(vi a, int n) { return _mm256_slli_epi32(a, n); }
static inline vi vi_madd(vi a, vi b) { return _mm256_madd_epi16(a, b); }
static inline vi vi_round(vf a) { return _mm256_cvtps_epi32(a); }
static inline vi vi_pair(vi low, vi high) { return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa); }
static inline int32_t vi_first(vi a) { return _mm_cvtsi128_si32(_mm256_castsi256_si128(a)); }
static inline int32_t vi_sum(vi a) {
  __m128i h = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1)));
}
static inline void vi_store_s16(int16_t *p, vi a, vi b) {
  _mm256_storeu_si256((__m256i *)(void *)p, _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8));
}
/* 16-bit a a b b a a b b and c c d d c c d d, narrowed, have the bytes in fours: a b c d a b c d. */
static inline __m256i vi_in_order(__m256i fours) {
  return _mm256_permutevar8x32_epi32(fours, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
static inline void vi_store_u8(uint8_t *p, vi a, vi b, vi c, vi d) {
  _mm256_storeu_si256((__m256i *)(void *)p,
                      vi_in_order(_mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d))));
}
static inline void vi_store_s8(int8_t *p, vi a, vi b, vi c, vi d) {
  _mm256_storeu_si256((__m256i *)(void *)p,
                      vi_in_order(_mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d))));
}

#endif
