/* quantize_avx2.c - quantize_body.h for AVX2 with FMA. */
#include "kern/kern.h"
#include "kern/x86/vec_avx2.h"

#include "kern/quantize_body.h"
