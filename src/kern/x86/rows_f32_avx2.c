/* rows_f32_avx2.c - rows_f32_body.h for AVX2 with FMA. */
#include "kern/kern.h"
#include "kern/x86/vec_avx2.h"

#include "kern/rows_f32_body.h"
