/* vec_avx512.h - the vectors of 16 floats and 16 integers the shared kernel bodies are written in. See vec_avx2.h for the
 * meaning. */
#ifndef VECD_KERN_VEC_AVX512_H
#define VECD_KERN_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_N         16
#define VF_MR        12
#define VF_REGISTERS 32
#define VF_NAME(op)  vecd_##op##_avx512
typedef __m512 vf;
typedef __m512i vi;

static inline __mmask16 vf_mask(size_t n) { return (__mmask16)((1u << n) - 1u); }
static inline vf vf_set1(float x) { return _mm512_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vf vf_load_part(const float *p, size_t n) { return _mm512_maskz_loadu_ps(vf_mask(n), p); }
static inline void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void vf_store_part(float *p, vf v, size_t n) { _mm512_mask_storeu_ps(p, vf_mask(n), v); }
static inline vf vf_keep(vf v, vf rest, size_t n) { return _mm512_mask_blend_ps(vf_mask(n), rest, v); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf vf_scale2(vf a, vf n) { return _mm512_scalef_ps(a, n); }
static inline vf vf_zero_below(vf a, vf x, float limit) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(limit), _CMP_NLT_UQ), a);
}
static inline float vf_sum(vf a) { return _mm512_reduce_add_ps(a); }
static inline float vf_top(vf a) { return _mm512_reduce_max_ps(a); }
static inline vf vf_abs(vf a) { return _mm512_abs_ps(a); }
static inline vf vf_swap(vf a) { return _mm512_permute_ps(a, 0xb1); }
static inline vi vf_bits(vf a) { return _mm512_castps_si512(a); }
static inline vf vf_of_bits(vi a) { return _mm512_castsi512_ps(a); }
static inline vf vf_from(vi a) { return _mm512_cvtepi32_ps(a); }
static inline vf vf_load_bf16(const void *p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16));
}

static inline vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
static inline vi vi_set1_s16(int16_t x) { return _mm512_set1_epi16(x); }
static inline vi vi_load(const void *p) { return _mm512_loadu_si512(p); }
static inline vi vi_load_s16(const void *p) { return _mm512_cvtepi16_epi32(_mm256_loadu_si256(p)); }
static inline void vi_store(void *p, vi a) { _mm512_storeu_si512(p, a); }
static inline vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
static inline vi vi_shift_left(vi a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
static inline vi vi_madd(vi a, vi b) { return _mm512_madd_epi16(a, b); }
static inline vi vi_round(vf a) { return _mm512_cvtps_epi32(a); }
static inline vi vi_pair(vi low, vi high) { return _mm512_mask_mov_epi16(low, 0xaaaaaaaau, _mm512_slli_epi32(high, 16)); }
static inline int32_t vi_first(vi a) { return _mm512_cvtsi512_si32(a); }
static inline int32_t vi_sum(vi a) { return _mm512_reduce_add_epi32(a); }
static inline void vi_store_s16(int16_t *p, vi a, vi b) {
  _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtsepi32_epi16(a));
  _mm256_storeu_si256((__m256i *)(void *)(p + 16), _mm512_cvtsepi32_epi16(b));
}
static inline __m128i vi_to_u8(vi a) { return _mm512_cvtusepi32_epi8(_mm512_max_epi32(a, _mm512_setzero_si512())); }
static inline void vi_store_u8(uint8_t *p, vi a, vi b, vi c, vi d) {
  _mm_storeu_si128((__m128i *)(void *)p, vi_to_u8(a));
  _mm_storeu_si128((__m128i *)(void *)(p + 16), vi_to_u8(b));
  _mm_storeu_si128((__m128i *)(void *)(p + 32), vi_to_u8(c));
  _mm_storeu_si128((__m128i *)(void *)(p + 48), vi_to_u8(d));
}
static inline void vi_store_s8(int8_t *p, vi a, vi b, vi c, vi d) {
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtsepi32_epi8(a));
  _mm_storeu_si128((__m128i *)(void *)(p + 16), _mm512_cvtsepi32_epi8(b));
  _mm_storeu_si128((__m128i *)(void *)(p + 32), _mm512_cvtsepi32_epi8(c));
  _mm_storeu_si128((__m128i *)(void *)(p + 48), _mm512_cvtsepi32_epi8(d));
}

#endif
