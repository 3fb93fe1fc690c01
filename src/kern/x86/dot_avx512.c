/* dot_avx512.c - dot_body.h for AVX-512 without VNNI, as dot_avx2.c. */
#include "kern/kern.h"
#include "kern/x86/vec_avx512.h"

#define DOT_NAME(op) vecd_##op##_avx512

typedef vi weights4;
static inline weights4 load4(const unsigned char *p) { return vi_load(p); }

static inline vi dot4(vi acc, vi x, weights4 w, vi ones) {
  vi product;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
          : "+v"(acc), "=&v"(product)
          : "v"(x), "v"(w), "v"(ones));
  return acc;
}

static inline vi dot2(vi acc, vi x, vi b) {
  vi product;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(acc), "=&v"(product) : "v"(x), "v"(b));
  return acc;
}

#include "kern/dot_body.h"
