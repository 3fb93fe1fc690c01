/* exp_avx512.c - opens exp_vf of rows_f32_body.h to the check: the kernels use it, none of them is it. */
#include "check.h"
#include "kern/x86/vec_avx512.h"

#undef VF_NAME
#define VF_NAME(op) vecd_##op##_again_avx512 /* the body's kernels come along */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "kern/rows_f32_body.h"

void check_exp_avx512(float *x, size_t n) {
  for (size_t i = 0; i < n; i += VF_N) vf_store(x + i, exp_vf(vf_load(x + i)));
}
