/* cpu.h - what this processor can do and how much of it is ours. */
#ifndef VECD_BASE_CPU_H
#define VECD_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* Instruction sets as far as kernels exist or are planned for them; a bit is set only where CPU and kernel (XCR0) agree. */
#define VECD_CPU_LIST(X)        \
  X(AVX2, "avx2")               \
  X(FMA, "fma")                 \
  X(F16C, "f16c")               \
  X(AVX512, "avx512")           \
  X(AVX512_VNNI, "avx512_vnni") \
  X(AVX512_BF16, "avx512_bf16") \
  X(AVX_VNNI, "avx_vnni")       \
  X(NEON, "neon")               \
  X(NEON_DOTPROD, "dotprod")    \
  X(NEON_I8MM, "i8mm")

enum {
#define X(name, text) VECD_CPU_BIT_##name,
  VECD_CPU_LIST(X)
#undef X
};
#define X(name, text) static const unsigned VECD_CPU_##name = 1u << VECD_CPU_BIT_##name;
VECD_CPU_LIST(X)
#undef X

/* The feature bits of the running CPU. AVX512 means F, BW, DQ and VL together. Thread-safe. */
unsigned vecd_cpu_features(void);

/* Writes the names of the bits, blank-separated, into out. */
void vecd_cpu_feature_names(unsigned bits, char *out, size_t cap);

/* The processor's name for people ("AMD EPYC ..."), or "unknown". */
void vecd_cpu_name(char *out, size_t cap);

/* Processors this process may really use: the affinity mask cut by the cgroup's CPU quota (v1 and v2), rounded up; >= 1. */
unsigned vecd_cpu_count(void);

#endif
