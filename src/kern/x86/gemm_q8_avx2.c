/* gemm_q8_avx2.c - quantize_q8 and gemm_q8 for AVX2 without VNNI.
 *
 * vpmaddubsw would saturate (255 * 127 * 2 does not fit 16 bits), so both sides are widened: activations when they are
 * quantized (two bytes each, zero point already taken out), weights as they are read; vpmaddwd then adds two exact products to
 * a lane. A lane's pairs of a column are joined at the end of a group. Same integers as everywhere, so the same bits. */
#include <immintrin.h>

#include "kern/kern.h"
#include "kern/q8.h"
#include "kern/unroll.h"

#define NR         ((size_t)16)
#define MR         6
#define UNROLL_ALL VECD_UNROLL_ALL

/* acc + w . x by twos. In assembly because gcc 12 computes all products first and then has no register left for the sums. */
static inline __m256i dot2(__m256i acc, __m256i w, __m256i x) {
  __m256i product;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(product) : "x"(w), "x"(x));
  return acc;
}

/* Columns 0 .. 7 of which x has the halves of 0 .. 3 and y those of 4 .. 7, side by side. */
static inline __m256i join(__m256i x, __m256i y) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(x, y), 0xd8); }

static inline __m256 scales_of(const unsigned char *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}

/* `rows` rows by 8 columns, half of the panel: 12 accumulators, two widened weights, one activation, one product. */
__attribute__((always_inline)) static inline void tile(const int rows, const int16_t *a, size_t lda, const float *scale,
                                                       size_t lds, const unsigned char *block, size_t half, const float *bias,
                                                       float *c, size_t ldc, size_t n_groups) {
  UNROLL_ALL for (int i = 0; i < rows; i++) _mm256_storeu_ps(c + (size_t)i * ldc, _mm256_loadu_ps(bias));
  for (size_t g = 0; g < n_groups; g++, block += NR * (VECD_Q8_GROUP + 4), a += VECD_Q8_GROUP, scale++) {
    const unsigned char *weights = block + 32 * half, *scales = block + NR * VECD_Q8_GROUP + 16 * half;
    const int16_t *a3 = rows > 3 ? a + 3 * lda : a;
    __m256i acc[MR][2]; /* four columns each */
    UNROLL_ALL for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
    for (size_t p = 0; p < VECD_Q8_GROUP; p += 4, weights += 4 * NR) {
      __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)weights));
      __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(weights + 16)));
      UNROLL_ALL for (int i = 0; i < rows; i++) {
        int64_t four;
        memcpy(&four, (i < 3 ? a + (size_t)i * lda : a3 + (size_t)(i - 3) * lda) + p, 8);
        __m256i x = _mm256_set1_epi64x(four);
        acc[i][0] = dot2(acc[i][0], w0, x);
        acc[i][1] = dot2(acc[i][1], w1, x);
      }
    }
    __m256 ws = scales_of(scales);
    UNROLL_ALL for (int i = 0; i < rows; i++) {
      float *to = c + (size_t)i * ldc;
      __m256 dot = _mm256_mul_ps(_mm256_cvtepi32_ps(join(acc[i][0], acc[i][1])), ws);
      _mm256_storeu_ps(to, _mm256_fmadd_ps(dot, _mm256_set1_ps(scale[(size_t)i * lds]), _mm256_loadu_ps(to)));
    }
  }
}

#define TILE_OF(n)                                                         \
  case n:                                                                  \
    tile(n, a, lda, scale, lds, panel, 0, bias, c, ldc, n_groups);         \
    tile(n, a, lda, scale, lds, panel, 1, bias + 8, c + 8, ldc, n_groups); \
    break;

void vecd_gemm_q8_avx2(const void *activations, size_t lda, const float *scale, const int32_t *zero, size_t lds,
                       const unsigned char *panel, const float *bias, float *c, size_t ldc, size_t rows, size_t k) {
  (void)zero; /* taken out by vecd_quantize_q8_avx2() */
  const int16_t *a = activations;
  size_t n_groups = vecd_q8_groups(k);
  for (size_t n_tiles = (rows + MR - 1) / MR, n; n_tiles; n_tiles--, rows -= n) { /* of nearly equal height */
    n = (rows + n_tiles - 1) / n_tiles;
    switch (n) {
      TILE_OF(1)
      TILE_OF(2)
      TILE_OF(3)
      TILE_OF(4)
      TILE_OF(5)
      TILE_OF(6)
    }
    a += n * lda;
    scale += n * lds;
    c += n * ldc;
  }
}

static inline float top_of(__m256 a) {
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}

static inline void quantize_group(const float *x, size_t n, int16_t *q, float *scale, int32_t *zero) {
  static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  __m256 v[8], low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  for (size_t i = 0; i < 8; i++) {
    size_t have = n > 8 * i ? n - 8 * i : 0;
    if (have > 8) have = 8;
    v[i] = _mm256_maskload_ps(x + 8 * i, _mm256_loadu_si256((const __m256i *)(const void *)(edge + 8 - have)));
    low = _mm256_min_ps(v[i], low);
    high = _mm256_max_ps(v[i], high);
  }
  float lowest = -top_of(_mm256_sub_ps(_mm256_setzero_ps(), low)), range = top_of(high) - lowest;
  float inverse = range >= 0x1p-100f ? 255.0f / range : 0.0f;
  __m256 by = _mm256_set1_ps(inverse);
  __m256i z = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_set1_ps(-lowest), by)), most = _mm256_set1_epi32(255);
  for (size_t i = 0; i < 8; i += 2) {
    __m256i w[2];
    for (size_t j = 0; j < 2; j++) {
      w[j] = _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(v[i + j], by)), z);
      w[j] = _mm256_min_epi32(_mm256_max_epi32(w[j], _mm256_setzero_si256()), most);
      w[j] = _mm256_sub_epi32(w[j], z);
    }
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(w[0], w[1]), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)(q + 8 * i), words);
  }
  *scale = range * (1.0f / 255.0f);
  *zero = _mm_cvtsi128_si32(_mm256_castsi256_si128(z));
}

void vecd_quantize_q8_avx2(const float *x, size_t ldx, size_t rows, size_t k, void *q, size_t ldq, float *scale, int32_t *zero,
                           size_t lds) {
  for (size_t i = 0; i < rows; i++)
    for (size_t g = 0; g < vecd_q8_groups(k); g++) {
      size_t first = g * VECD_Q8_GROUP, n = k - first < VECD_Q8_GROUP ? k - first : VECD_Q8_GROUP;
      quantize_group(x + i * ldx + first, n, (int16_t *)q + i * ldq + first, &scale[i * lds + g], &zero[i * lds + g]);
    }
}
