/* gemm_f32_avx2.c - gemm_f32_body.h for AVX2 with FMA. */
#include "kern/kern.h"
#include "kern/x86/vec_avx2.h"

#include "kern/gemm_f32_body.h"
