/* dot_body.h - gemm_q8 and gemm_q16 for any vector of vec_*.h; included once by each dot_<isa>.c, which first defines
 * DOT_NAME(op) and the two steps an instruction set differs in:
 *
 * weights4, load4(p)     a vector of signed bytes at p, or where it is
 * dot4(acc, x, w, ones)  acc + four products to a lane: unsigned bytes of x by the signed ones of w
 * dot2(acc, x, b)        acc + two products of 16-bit integers to a lane
 *
 * They are in assembly: from intrinsics gcc 12 copies accumulators from register to register, or computes all products first
 * and has no register left for the sums. */

#include <string.h>

#include "kern/q8.h"
#include "kern/unroll.h"

#define NR         ((size_t)(2 * VF_N))
#define MR_Q8      6
#define UNROLL_ALL VECD_UNROLL_ALL

/* The tile of gemm_q8 for a constant number of rows by 2 vectors of columns. The integer sums are in registers and, where there
 * are 32, the float ones too; else these wait in c. A group starts from the zero point's share, -zero times the sum of its
 * weights, and ends with the scales of weights and activations. */
__attribute__((always_inline)) static inline void tile_q8(const int rows, const unsigned char *a, size_t lda,
                                                          const float *scale, const int32_t *zero, size_t lds,
                                                          const unsigned char *block, const float *bias, float *c, size_t ldc,
                                                          size_t n_groups) {
  enum { KEEP = VF_REGISTERS >= 32 };
  vf kept[MR_Q8][2], bias0 = vf_load(bias), bias1 = vf_load(bias + VF_N);
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    if (KEEP) {
      kept[i][0] = bias0;
      kept[i][1] = bias1;
    } else {
      vf_store(c + (size_t)i * ldc, bias0);
      vf_store(c + (size_t)i * ldc + VF_N, bias1);
    }
  }
  vi ones = vi_set1_s16(1);
  for (size_t g = 0; g < n_groups; g++, block += vecd_q8_block_bytes(NR), a += VECD_Q8_GROUP, scale++, zero++) {
    const unsigned char *scales = block + NR * VECD_Q8_GROUP, *sums = scales + 2 * NR, *a3 = rows > 3 ? a + 3 * lda : a;
    vi acc[MR_Q8][2], w0 = vi_load_s16(sums), w1 = vi_load_s16(sums + 2 * VF_N);
    UNROLL_ALL for (int i = 0; i < rows; i++) { /* both fit 16 bits; the upper halves cancel */
      vi z = vi_set1(-zero[(size_t)i * lds] & 0xffff);
      acc[i][0] = vi_madd(w0, z);
      acc[i][1] = vi_madd(w1, z);
    }
    for (size_t p = 0; p < VECD_Q8_GROUP; p += 8) {
      UNROLL_ALL for (size_t q = p; q < p + 8; q += 4) {
        weights4 b0 = load4(block + q * NR), b1 = load4(block + q * NR + 4 * VF_N);
        UNROLL_ALL for (int i = 0; i < rows; i++) {
          int32_t four;
          memcpy(&four, (i < 3 ? a + (size_t)i * lda : a3 + (size_t)(i - 3) * lda) + q, 4);
          vi x = vi_set1(four);
          acc[i][0] = dot4(acc[i][0], x, b0, ones);
          acc[i][1] = dot4(acc[i][1], x, b1, ones);
        }
      }
    }
    vf s0 = vf_load_bf16(scales), s1 = vf_load_bf16(scales + 2 * VF_N);
    UNROLL_ALL for (int i = 0; i < rows; i++) {
      vf s = vf_set1(scale[(size_t)i * lds]);
      float *to = c + (size_t)i * ldc;
      vf sum0 = vf_fma(vf_mul(vf_from(acc[i][0]), s0), s, KEEP ? kept[i][0] : vf_load(to));
      vf sum1 = vf_fma(vf_mul(vf_from(acc[i][1]), s1), s, KEEP ? kept[i][1] : vf_load(to + VF_N));
      if (KEEP) {
        kept[i][0] = sum0;
        kept[i][1] = sum1;
      } else {
        vf_store(to, sum0);
        vf_store(to + VF_N, sum1);
      }
    }
  }
  if (KEEP) {
    UNROLL_ALL for (int i = 0; i < rows; i++) {
      vf_store(c + (size_t)i * ldc, kept[i][0]);
      vf_store(c + (size_t)i * ldc + VF_N, kept[i][1]);
    }
  }
}

#define TILE_OF(n) \
  case n: tile_q8(n, a, lda, scale, zero, lds, panel, bias, c, ldc, n_groups); break;

void DOT_NAME(gemm_q8)(const uint8_t *a, size_t lda, const float *scale, const int32_t *zero, size_t lds,
                       const unsigned char *panel, const float *bias, float *c, size_t ldc, size_t rows, size_t k) {
  size_t n_groups = vecd_q8_groups(k);
  for (size_t n_tiles = (rows + MR_Q8 - 1) / MR_Q8; n_tiles; n_tiles--) { /* of nearly equal height */
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
#undef TILE_OF

/* The tile of gemm_q16: as gemm_f32's, two values of k at a time. */
__attribute__((always_inline)) static inline void tile_q16(const int rows, const int16_t *a, size_t lda, const int16_t *b,
                                                           const float *factor, float *c, size_t ldc, size_t k) {
  vi acc[VF_MR][2];
  UNROLL_ALL for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = vi_set1(0);
  const int16_t *a3 = rows > 3 ? a + 3 * lda : a, *a6 = rows > 6 ? a + 6 * lda : a, *a9 = rows > 9 ? a + 9 * lda : a;
  for (size_t p = 0; p < k; p += 2, b += 2 * NR, a += 2, a3 += 2, a6 += 2, a9 += 2) {
    vi b0 = vi_load(b), b1 = vi_load(b + 2 * VF_N);
    UNROLL_ALL for (int i = 0; i < rows; i++) {
      int32_t two;
      memcpy(&two,
             i < 3   ? a + (size_t)i * lda
             : i < 6 ? a3 + (size_t)(i - 3) * lda
             : i < 9 ? a6 + (size_t)(i - 6) * lda
                     : a9 + (size_t)(i - 9) * lda,
             4);
      vi x = vi_set1(two);
      acc[i][0] = dot2(acc[i][0], x, b0);
      acc[i][1] = dot2(acc[i][1], x, b1);
    }
  }
  UNROLL_ALL for (int i = 0; i < rows; i++) {
    vf f = vf_set1(factor[i]);
    vf_store(c + (size_t)i * ldc, vf_mul(vf_from(acc[i][0]), f));
    vf_store(c + (size_t)i * ldc + VF_N, vf_mul(vf_from(acc[i][1]), f));
  }
}

#define TILE_OF(n) \
  case n: tile_q16(n, a, lda, b, factor, c, ldc, k); break;

void DOT_NAME(gemm_q16)(const int16_t *a, size_t lda, const int16_t *b, const float *factor, float *c, size_t ldc, size_t rows,
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
    factor += n;
    c += n * ldc;
  }
}
