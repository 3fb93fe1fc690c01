/* check.h - what the kernel checks share: memory in which a step too far is seen, values that hurt, and the count of
 * comparisons. check.c runs check_<op>() for every operation in kern_list.h and every ISA; an operation without a check does
 * not link. */
#ifndef VECD_TESTS_KERN_CHECK_H
#define VECD_TESTS_KERN_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kern/kern.h"

#define UNIT_ROUNDOFF 0x1p-24

/* Bounds are sums of first-order terms; this covers the products of roundings left out of them. */
#define SECOND_ORDER (1 + 0x1p-8)

/* One ISA under check, next to the scalar kernels. */
typedef struct check_pair {
  const vecd_kern *ref, *kern;
  unsigned lanes; /* of its vector; 1: scalar */
} check_pair;

#define X(name, result, params) void check_##name(const check_pair *pair);
VECD_KERN_LIST(X)
VECD_KERN_DOT_LIST(X)
#undef X

/* Every function of one variable over all float32 (VECD_LONG=1) or a dense sample, on every table this CPU has. */
void check_curve_gelu(const check_pair *pairs, size_t n_pairs);
void check_curve_gelu_tanh(const check_pair *pairs, size_t n_pairs);
void check_curve_silu(const check_pair *pairs, size_t n_pairs);
void check_curve_relu(const check_pair *pairs, size_t n_pairs);
void check_curve_exp(const check_pair *pairs, size_t n_pairs);

/* exp_vf of rows_f32_body.h, in place, within EXP_ULP units in the last place from -87.3 to 88. n is a multiple of 16. */
#define EXP_ULP 1.02
void check_exp_avx2(float *x, size_t n);
void check_exp_avx512(float *x, size_t n);

/* Memory between two pages that must not be touched. A block placed in it has canaries on both sides. */
typedef struct check_room {
  float *start, *end;
} check_room;

typedef enum check_place {
  PLACE_END,       /* the last float lies against the page behind */
  PLACE_START,     /* the first float lies against the page in front */
  PLACE_START_OFF, /* one float further on: misaligned */
  PLACE_COUNT
} check_place;

check_room check_room_new(size_t n_floats);
void check_room_free(check_room *room);

/* A block of `rows` rows of n floats, ld apart, filled with canaries, and canaries around it. */
float *check_block(const check_room *room, check_place place, size_t rows, size_t n, size_t ld);

/* Fails where a canary of the block is gone. */
void check_canaries(const check_room *room, const float *block, size_t rows, size_t n, size_t ld, const char *what);

/* Copies dense rows of n floats into rows ld apart. */
void check_spread(float *block, size_t ld, const float *dense, size_t rows, size_t n);

typedef enum check_values {
  VALUES_ORDINARY,  /* in -1 .. 1 */
  VALUES_WIDE,      /* huge among tiny, both signs */
  VALUES_SUBNORMAL, /* and small ones */
  VALUES_ZEROS,     /* of both signs, and a few ones */
  VALUES_SPECIAL,   /* infinities, NaN and the largest finite ones among ordinary ones */
  VALUES_COUNT
} check_values;

uint32_t check_random(void);
void check_fill(float *x, size_t n, check_values values);

static inline uint32_t check_bits(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}
static inline float check_float(uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

/* Bit for bit the same, any NaN being as good as another. */
static inline bool check_same(float a, float b) { return check_bits(a) == check_bits(b) || (isnan(a) && isnan(b)); }

/* Counts the comparison, fails where `got` is not `want` bit for bit / not within `bound` of it. */
void check_equal(float got, float want, const char *what, size_t row, size_t column);
void check_near(float got, double want, double bound, const char *what, size_t row, size_t column);
void check_count(uint64_t n_comparisons);

/* The longest chain of additions when n values are summed lane by lane and the lanes then pairwise. */
static inline double check_chain(const check_pair *pair, size_t n) {
  return pair->lanes == 1 ? (double)n : (double)((n + pair->lanes - 1) / pair->lanes) + log2(pair->lanes);
}

#endif
