/* gemm_q8_avx512vnni.c - quantize_q8 and gemm_q8 for AVX-512 with VNNI: vpdpbusd multiplies unsigned activations by signed
 * weights, four to a lane.
 *
 * A tile of up to 6 rows by 32 columns keeps its integer sums and its float sums in registers. Three operations beside the 16
 * multiplying ones end a group: the zero point (where the sums start), the weights' scale, the activations' scale. */
#include <immintrin.h>

#include "kern/kern.h"
#include "kern/q8.h"
#include "kern/unroll.h"

#define NR         ((size_t)32)
#define MR         6
#define UNROLL_ALL VECD_UNROLL_ALL

/* acc + a . b by fours. In assembly because gcc 12 copies accumulators of the intrinsic from register to register. */
static inline __m512i dot4(__m512i acc, __m512i a, __m512i b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
  return acc;
}

static inline __m512 scales_of(const unsigned char *p) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p)), 16));
}

static inline __m512i sums_of(const unsigned char *p) {
  return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

__attribute__((always_inline)) static inline void tile(const int rows, const unsigned char *a, size_t lda, const float *scale,
                                                       const int32_t *zero, size_t lds, const unsigned char *block,
                                                       const float *bias, float *c, size_t ldc, size_t n_groups) {
  __m512 sum[MR][2];
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    sum[i][0] = _mm512_loadu_ps(bias);
    sum[i][1] = _mm512_loadu_ps(bias + 16);
  }
  for (size_t g = 0; g < n_groups; g++, block += NR * (VECD_Q8_GROUP + 4), a += VECD_Q8_GROUP, scale++, zero++) {
    const unsigned char *scales = block + NR * VECD_Q8_GROUP, *sums = scales + 2 * NR;
    __m512i acc[MR][2], w0 = sums_of(sums), w1 = sums_of(sums + 32);
    UNROLL_ALL for (int i = 0; i < rows; i++) { /* -zero times the sum of weights; both fit 16 bits, the upper halves cancel */
      __m512i z = _mm512_set1_epi32(-zero[(size_t)i * lds] & 0xffff);
      acc[i][0] = _mm512_madd_epi16(w0, z);
      acc[i][1] = _mm512_madd_epi16(w1, z);
    }
    const unsigned char *a3 = a + 3 * lda;
    for (size_t p = 0; p < VECD_Q8_GROUP; p += 8) {
      UNROLL_ALL for (size_t q = p; q < p + 8; q += 4) {
        __m512i b0 = _mm512_loadu_si512(block + q * NR), b1 = _mm512_loadu_si512(block + q * NR + 64);
        UNROLL_ALL for (int i = 0; i < rows; i++) {
          int32_t four;
          memcpy(&four, (i < 3 ? a + (size_t)i * lda : a3 + (size_t)(i - 3) * lda) + q, 4);
          __m512i x = _mm512_set1_epi32(four);
          acc[i][0] = dot4(acc[i][0], x, b0);
          acc[i][1] = dot4(acc[i][1], x, b1);
        }
      }
    }
    __m512 s0 = scales_of(scales), s1 = scales_of(scales + 32);
    UNROLL_ALL for (int i = 0; i < rows; i++) {
      __m512 s = _mm512_set1_ps(scale[(size_t)i * lds]);
      sum[i][0] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i][0]), s0), s, sum[i][0]);
      sum[i][1] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i][1]), s1), s, sum[i][1]);
    }
  }
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    _mm512_storeu_ps(c + (size_t)i * ldc, sum[i][0]);
    _mm512_storeu_ps(c + (size_t)i * ldc + 16, sum[i][1]);
  }
}

#define TILE_OF(n) \
  case n: tile(n, a, lda, scale, zero, lds, panel, bias, c, ldc, n_groups); break;

void vecd_gemm_q8_avx512vnni(const void *activations, size_t lda, const float *scale, const int32_t *zero, size_t lds,
                             const unsigned char *panel, const float *bias, float *c, size_t ldc, size_t rows, size_t k) {
  const unsigned char *a = activations;
  size_t n_groups = vecd_q8_groups(k);
  for (size_t n_tiles = (rows + MR - 1) / MR; n_tiles; n_tiles--) { /* of nearly equal height */
    size_t n = (rows + n_tiles - 1) / n_tiles;
    switch (n) {
      TILE_OF(1)
      TILE_OF(2)
      TILE_OF(3)
      TILE_OF(4)
      TILE_OF(5)
      TILE_OF(6)
    }
    rows -= n;
    a += n * lda;
    scale += n * lds;
    zero += n * lds;
    c += n * ldc;
  }
}

/* One group of n values, 1 .. 64. */
static inline void quantize_group(const float *x, size_t n, unsigned char *q, float *scale, int32_t *zero) {
  __mmask64 have = n == 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
  __m512 v[4], low = _mm512_setzero_ps(), high = _mm512_setzero_ps();
  UNROLL_ALL for (int i = 0; i < 4; i++) {
    v[i] = _mm512_maskz_loadu_ps((__mmask16)(have >> 16 * i), x + 16 * i);
    low = _mm512_min_ps(v[i], low);
    high = _mm512_max_ps(v[i], high);
  }
  float lowest = _mm512_reduce_min_ps(low), range = _mm512_reduce_max_ps(high) - lowest;
  float inverse = range >= 0x1p-100f ? 255.0f / range : 0.0f;
  __m512 by = _mm512_set1_ps(inverse);
  __m512i z = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_set1_ps(-lowest), by));
  UNROLL_ALL for (int i = 0; i < 4; i++) {
    __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(v[i], by)), z);
    whole = _mm512_max_epi32(whole, _mm512_setzero_si512());
    _mm_storeu_si128((__m128i *)(void *)(q + 16 * i), _mm512_cvtusepi32_epi8(whole));
  }
  *scale = range * (1.0f / 255.0f);
  *zero = _mm512_cvtsi512_si32(z);
}

void vecd_quantize_q8_avx512vnni(const float *x, size_t ldx, size_t rows, size_t k, void *q, size_t ldq, float *scale,
                                 int32_t *zero, size_t lds) {
  for (size_t i = 0; i < rows; i++)
    for (size_t g = 0; g < vecd_q8_groups(k); g++) {
      size_t first = g * VECD_Q8_GROUP, n = k - first < VECD_Q8_GROUP ? k - first : VECD_Q8_GROUP;
      quantize_group(x + i * ldx + first, n, (unsigned char *)q + i * ldq + first, &scale[i * lds + g], &zero[i * lds + g]);
    }
}
