/* dot_avxvnni.c - dot_body.h for AVX-VNNI: AVX2's vectors, one instruction for four products of bytes or two of 16 bits. */
#include "kern/kern.h"
#include "kern/x86/vec_avx2.h"

typedef vi weights4;
static inline weights4 load4(const unsigned char *p) { return vi_load(p); }

#if defined(VECD_EMULATE) /* the check's build for CPUs without these instructions */
#include <simde/x86/avx512/dpbusd.h>
#include <simde/x86/avx512/dpwssd.h>

#define DOT_NAME(op) vecd_##op##_avxvnni_emulated

static inline vi dot4(vi acc, vi x, weights4 w, vi ones) {
  (void)ones;
  return simde_mm256_dpbusd_epi32(acc, x, w);
}

static inline vi dot2(vi acc, vi x, vi b) { return simde_mm256_dpwssd_epi32(acc, x, b); }
#else
#define DOT_NAME(op) vecd_##op##_avxvnni

static inline vi dot4(vi acc, vi x, weights4 w, vi ones) {
  (void)ones;
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(w));
  return acc;
}

static inline vi dot2(vi acc, vi x, vi b) {
  __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(b));
  return acc;
}
#endif

#include "kern/dot_body.h"
