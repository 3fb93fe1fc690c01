/* gemm_f32_body.h - gemm_f32 and pack_f32 for any vector of vec_*.h; included once by each gemm_f32_<isa>.c.
 *
 * A tile of VF_MR rows by two vectors of columns lives in registers: 2 VF_MR accumulators, two columns of the panel, one
 * broadcast. The rows are reached as four bases with lda's multiples, so that addresses fit the 16 general registers. Each
 * accumulator is one chain over k: a tile of fewer rows gives the same bits.
 *
 * Two steps of k a round: with one, a core that issues four operations a cycle has none to spare for the loop itself; with
 * four, gcc 12 runs out of the 16 registers of AVX2 and sends an accumulator through memory, which its chain has to wait for. */

#include "kern/unroll.h"

#define NR ((size_t)(2 * VF_N))
/* Floats from what is multiplied to what is fetched: a query of a few tokens reads all weights from far away. */
#define AHEAD ((size_t)1024)

#define UNROLL_ALL VECD_UNROLL_ALL

/* The tile for a constant number of rows; always inlined, so that `rows` is known and acc[][] stays in registers. */
__attribute__((always_inline)) static inline void tile(const int rows, const float *restrict a, size_t lda,
                                                       const float *restrict b, const float *restrict bias, float *restrict c,
                                                       size_t ldc, size_t k) {
  vf acc[VF_MR][2];
  vf bias0 = vf_load(bias), bias1 = vf_load(bias + VF_N);
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    acc[i][0] = bias0;
    acc[i][1] = bias1;
  }
  const float *a3 = rows > 3 ? a + 3 * lda : a, *a6 = rows > 6 ? a + 6 * lda : a, *a9 = rows > 9 ? a + 9 * lda : a;
#define ROW(i)                            \
  ((i) < 3   ? a + (size_t)(i)*lda        \
   : (i) < 6 ? a3 + (size_t)((i)-3) * lda \
   : (i) < 9 ? a6 + (size_t)((i)-6) * lda \
             : a9 + (size_t)((i)-9) * lda)
#define STEP(p)                                                   \
  {                                                               \
    vf b0 = vf_load(b + (p)*NR), b1 = vf_load(b + (p)*NR + VF_N); \
    UNROLL_ALL for (int i = 0; i < rows; i++) {                   \
      vf x = vf_set1(ROW(i)[p]);                                  \
      acc[i][0] = vf_fma(x, b0, acc[i][0]);                       \
      acc[i][1] = vf_fma(x, b1, acc[i][1]);                       \
    }                                                             \
  }
  for (; k >= 2; k -= 2, b += 2 * NR, a += 2, a3 += 2, a6 += 2, a9 += 2) {
    UNROLL_ALL for (size_t i = 0; i < 2 * NR; i += 16) __builtin_prefetch(b + AHEAD + i);
    STEP(0)
    STEP(1)
  }
  if (k) STEP(0)
#undef STEP
#undef ROW
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    vf_store(c + (size_t)i * ldc, acc[i][0]);
    vf_store(c + (size_t)i * ldc + VF_N, acc[i][1]);
  }
}

#define TILE_OF(n) \
  case n: tile(n, a, lda, b, bias, c, ldc, k); break;

void VF_NAME(gemm_f32)(const float *a, size_t lda, const float *b, const float *bias, float *c, size_t ldc, size_t rows,
                       size_t k) {
  while (rows) {
    size_t n = rows < VF_MR ? rows : VF_MR;
    /* clang-format off */
    switch (n) {
      TILE_OF(1) TILE_OF(2) TILE_OF(3) TILE_OF(4) TILE_OF(5) TILE_OF(6)
#if VF_MR > 6
      TILE_OF(7) TILE_OF(8) TILE_OF(9) TILE_OF(10) TILE_OF(11) TILE_OF(12)
#endif
    }
    /* clang-format on */
    rows -= n;
    a += n * lda;
    c += n * ldc;
  }
}

/* Transposes an 8 x 8 block: dst[p][i] = src[i][p], dst rows NR apart. */
static inline void transpose8(const float *src, size_t ld, float *dst) {
  __m256 r[8], t[8];
  for (size_t i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(src + i * ld);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (size_t i = 0; i < 4; i++) {
    _mm256_storeu_ps(dst + i * NR, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(dst + (i + 4) * NR, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

void VF_NAME(pack_f32)(const float *src, size_t ld, size_t rows, size_t k, float *dst) {
  size_t p = 0;
  for (; p + 8 <= k; p += 8) {
    size_t i = 0;
    for (; i + 8 <= rows; i += 8) transpose8(src + i * ld + p, ld, dst + p * NR + i);
    for (; i < NR; i++)
      for (size_t q = p; q < p + 8; q++) dst[q * NR + i] = i < rows ? src[i * ld + q] : 0.0f;
  }
  for (; p < k; p++)
    for (size_t i = 0; i < NR; i++) dst[p * NR + i] = i < rows ? src[i * ld + p] : 0.0f;
}

double VF_NAME(peak_f32)(size_t loops, float *sink) {
  vf acc[2 * VF_MR], x = vf_set1(*sink), y = vf_set1(0.5f);
  UNROLL_ALL for (int i = 0; i < 2 * VF_MR; i++) acc[i] = vf_set1((float)i);
  for (size_t n = 0; n < loops; n++) {
    for (int round = 0; round < 16; round++) {
      UNROLL_ALL for (int i = 0; i < 2 * VF_MR; i++) acc[i] = vf_fma(acc[i], y, x);
      __asm__ volatile("" : "+v"(x), "+v"(y));
    }
  }
  vf sum = acc[0];
  for (int i = 1; i < 2 * VF_MR; i++) sum = vf_add(sum, acc[i]);
  *sink = vf_sum(sum);
  return (double)loops * 16 * 2 * VF_MR * VF_N * 2;
}
