/* rows_f32_avx512.c - rows_f32_body.h for AVX-512 (F, BW, DQ, VL). */
#include "kern/kern.h"
#include "kern/x86/vec_avx512.h"

#include "kern/rows_f32_body.h"
