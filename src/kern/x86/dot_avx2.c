/* dot_avx2.c - dot_body.h for AVX2. vpmaddubsw adds two products of bytes in 16 bits: weights are quantized so that no pair of
 * them can overflow (q8.h). */
#include "kern/kern.h"
#include "kern/x86/vec_avx2.h"

#define DOT_NAME(op) vecd_##op##_avx2

/* Not loaded: 16 registers do not hold 12 sums, two vectors of weights and what else there is. */
typedef const unsigned char *weights4;
static inline weights4 load4(const unsigned char *p) { return p; }

static inline vi dot4(vi acc, vi x, weights4 w, vi ones) {
  vi product;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
          : "+x"(acc), "=&x"(product)
          : "x"(x), "m"(*(const vi *)(const void *)w), "x"(ones));
  return acc;
}

static inline vi dot2(vi acc, vi x, vi b) {
  vi product;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(product) : "x"(x), "x"(b));
  return acc;
}

#include "kern/dot_body.h"
