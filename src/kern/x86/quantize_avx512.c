/* quantize_avx512.c - quantize_body.h for AVX-512 (F, BW, DQ, VL). */
#include "kern/kern.h"
#include "kern/x86/vec_avx512.h"

#include "kern/quantize_body.h"
