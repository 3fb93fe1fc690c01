/* kern.h - the table of SIMD kernels. Built by a pure function, so a test holds the scalar and the AVX-512 table side by side.
 */
#ifndef VECD_KERN_H
#define VECD_KERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/kern_list.h"

typedef struct vecd_kern {
  const char *isa; /* one of vecd_kern_isas: the set asked for */
  unsigned mr;     /* gemm_f32 is fastest on this many rows at a time */
  unsigned nr;     /* columns of a panel, a multiple of 8 */
#define X(name, result, params) \
  result(*name) params;         \
  const char *name##_isa; /* whose kernel fills the slot */
  VECD_KERN_LIST(X)
  VECD_KERN_DOT_LIST(X)
#undef X
} vecd_kern;

/* The most mr and nr of any ISA: sizes of buffers on the stack. */
#define VECD_KERN_MAX_MR 16
#define VECD_KERN_MAX_NR 32

/* Fills every slot with the scalar kernel, then lets each ISA whose bits are in `features` (vecd_cpu_features()) override what
 * it does better. */
void vecd_kern_init(vecd_kern *table, unsigned features);

/* The names of the sets, the least first; NULL ends them. */
extern const char *const vecd_kern_isas[];

/* The table for an ISA by name, or the best this CPU has (NULL).
 * VECD_OK; VECD_BAD_ARGUMENT unknown name, or the CPU lacks it. */
VECD_CHECK vecd_status vecd_kern_choose(vecd_kern *table, const char *isa, vecd_err *err);

/* Every kernel there is, by ISA, for the table and the differential check. */
#define X(name, result, params)     \
  result vecd_##name##_ref params;  \
  result vecd_##name##_avx2 params; \
  result vecd_##name##_avx512 params;
VECD_KERN_LIST(X)
#undef X
#define X(name, result, params)        \
  result vecd_##name##_ref params;     \
  result vecd_##name##_avx2 params;    \
  result vecd_##name##_avxvnni params; \
  result vecd_##name##_avx512 params;  \
  result vecd_##name##_avx512vnni params;
VECD_KERN_DOT_LIST(X)
#undef X

#endif
