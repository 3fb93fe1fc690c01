/* dot_avx512vnni.c - dot_body.h for AVX-512 with VNNI: one instruction for four products of bytes or two of 16 bits. */
#include "kern/kern.h"
#include "kern/x86/vec_avx512.h"

#define DOT_NAME(op) vecd_##op##_avx512vnni

typedef vi weights4;
static inline weights4 load4(const unsigned char *p) { return vi_load(p); }

static inline vi dot4(vi acc, vi x, weights4 w, vi ones) {
  (void)ones;
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
  return acc;
}

static inline vi dot2(vi acc, vi x, vi b) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(b));
  return acc;
}

#include "kern/dot_body.h"
