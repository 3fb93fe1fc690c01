/* check.c - the differential kernel check: every operation of every ISA this CPU has against the scalar kernels, and against
 * double precision within bounds that are derived, not tried. Set VECD_LONG=1 to walk over all float32 where a function has
 * one variable. */
#include "check.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"

#define CANARY 0x7fa5c35au /* a NaN: it shows in every result it gets into */
#define MARGIN 32          /* floats of canary looked at on both sides */

static uint64_t n_compared;
static uint64_t seed = 88172645463325252u;

void check_count(uint64_t n_comparisons) { n_compared += n_comparisons; }

uint32_t check_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)(seed * 2685821657736338717u >> 32);
}

static float random_unit(void) { return (float)(int32_t)check_random() * 0x1p-31f; }

void check_fill(float *x, size_t n, check_values values) {
  static const float special[] = {INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX};
  for (size_t i = 0; i < n; i++) {
    uint32_t r = check_random();
    switch (values) {
    case VALUES_ORDINARY: x[i] = random_unit(); break;
    case VALUES_WIDE: x[i] = ldexpf(random_unit(), (int)(r % 116) - 60); break; /* 1536 products stay below FLT_MAX */
    case VALUES_SUBNORMAL: x[i] = r % 2 ? check_float(check_random() & 0x807fffffu) : 0x1p-20f * random_unit(); break;
    case VALUES_ZEROS: x[i] = r % 8 == 0 ? 1.0f : r % 2 ? 0.0f : -0.0f; break;
    case VALUES_SPECIAL: x[i] = r % 64 == 0 ? special[r / 64 % 5] : random_unit(); break;
    case VALUES_COUNT: break;
    }
  }
}

check_room check_room_new(size_t n_floats) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (n_floats * sizeof(float) + page - 1) / page * page;
  char *p = mmap(NULL, bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(p != MAP_FAILED);
  assert_int_equal(mprotect(p, page, PROT_NONE), 0);
  assert_int_equal(mprotect(p + page + bytes, page, PROT_NONE), 0);
  return (check_room){(float *)(void *)(p + page), (float *)(void *)(p + page + bytes)};
}

void check_room_free(check_room *room) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  munmap((char *)room->start - page, (size_t)((char *)room->end - (char *)room->start) + 2 * page);
  *room = (check_room){NULL, NULL};
}

/* Where the canaries around a block begin and end. */
static float *margin_start(const check_room *room, const float *block) {
  return block - room->start < MARGIN ? room->start : (float *)block - MARGIN;
}
static float *margin_end(const check_room *room, const float *end) {
  return room->end - end < MARGIN ? room->end : (float *)end + MARGIN;
}

float *check_block(const check_room *room, check_place place, size_t rows, size_t n, size_t ld) {
  size_t length = (rows - 1) * ld + n;
  assert_true(length < (size_t)(room->end - room->start));
  float *block = place == PLACE_END ? room->end - length : room->start + (place == PLACE_START_OFF);
  for (float *p = margin_start(room, block), *end = margin_end(room, block + length); p < end; p++) *p = check_float(CANARY);
  return block;
}

static void canary(const float *p, const float *block, const char *what) {
  if (check_bits(*p) != CANARY) fail_msg("%s: wrote %td floats from the block's start", what, p - block);
}

void check_canaries(const check_room *room, const float *block, size_t rows, size_t n, size_t ld, const char *what) {
  const float *end = block + (rows - 1) * ld + n;
  for (const float *p = margin_start(room, block); p < block; p++) canary(p, block, what);
  for (size_t i = 0; i + 1 < rows; i++)
    for (const float *p = block + i * ld + n; p < block + (i + 1) * ld; p++) canary(p, block, what);
  for (const float *p = end; p < margin_end(room, end); p++) canary(p, block, what);
}

void check_spread(float *block, size_t ld, const float *dense, size_t rows, size_t n) {
  for (size_t i = 0; i < rows; i++) memcpy(block + i * ld, dense + i * n, n * sizeof *dense);
}

void check_equal(float got, float want, const char *what, size_t row, size_t column) {
  n_compared++;
  if (!check_same(got, want))
    fail_msg("%s: row %zu, column %zu: %.9g (%08x), not %.9g (%08x)", what, row, column, (double)got, check_bits(got),
             (double)want, check_bits(want));
}

void check_near(float got, double want, double bound, const char *what, size_t row, size_t column) {
  n_compared++;
  if (!(fabs(got - want) <= bound))
    fail_msg("%s: row %zu, column %zu: %.9g is %.3g from %.9g, more than %.3g", what, row, column, (double)got,
             fabs(got - want), want, bound);
}

/* One cmocka test: an operation on an ISA, or a curve on all of them. */
typedef struct check_case {
  char name[64];
  void (*op)(const check_pair *pair);
  void (*curve)(const check_pair *pairs, size_t n_pairs);
  const check_pair *pairs;
  size_t n_pairs; /* 0: this CPU lacks the ISA */
} check_case;

static void run_case(void **state) {
  const check_case *c = *state;
  if (c->n_pairs == 0) {
    print_message("%s: skipped, this CPU has no such instructions\n", c->name);
    skip();
  }
  n_compared = 0;
  if (c->op)
    c->op(c->pairs);
  else
    c->curve(c->pairs, c->n_pairs);
  if (n_compared == 0) fail_msg("%s compared nothing", c->name);
  print_message("%s: %llu comparisons\n", c->name, (unsigned long long)n_compared);
}

#if defined(VECD_EMULATE)
#define X(name, result, params) result vecd_##name##_avxvnni_emulated params;
VECD_KERN_DOT_LIST(X)
#undef X
#endif

/* The table of an ISA; where this CPU lacks it, one that emulates it. False: there is neither. */
static bool table_of(const char *isa, vecd_kern *table) {
  if (vecd_kern_choose(table, isa, NULL) == VECD_OK) return true;
#if defined(VECD_EMULATE)
  if (strcmp(isa, "avxvnni") == 0 && vecd_kern_choose(table, "avx2", NULL) == VECD_OK) {
#define X(name, result, params) table->name = vecd_##name##_avxvnni_emulated;
    VECD_KERN_DOT_LIST(X)
#undef X
    print_message("this CPU has no %s: emulated\n", isa);
    return true;
  }
#endif
  return false;
}

int main(void) {
  static const struct {
    const char *isa;
    unsigned lanes;
    bool dot_only; /* the rest is that of the set before */
  } isas[] = {{"ref", 1, 0}, {"avx2", 8, 0}, {"avxvnni", 8, 1}, {"avx512", 16, 0}, {"avx512vnni", 16, 1}};
  enum { N_ISAS = sizeof isas / sizeof *isas };
  static const struct {
    const char *name;
    void (*op)(const check_pair *pair);
    bool is_dot;
  } ops[] = {
#define X(name, result, params) {#name, check_##name, false},
      VECD_KERN_LIST(X)
#undef X
#define X(name, result, params) {#name, check_##name, true},
          VECD_KERN_DOT_LIST(X)
#undef X
  };
  enum { N_OPS = sizeof ops / sizeof *ops };
  static const struct {
    const char *name;
    void (*curve)(const check_pair *pairs, size_t n_pairs);
  } curves[] = {
      {"gelu over float32", check_curve_gelu}, {"gelu_tanh over float32", check_curve_gelu_tanh},
      {"silu over float32", check_curve_silu}, {"relu over float32", check_curve_relu},
      {"exp over float32", check_curve_exp},
  };
  enum { N_CURVES = sizeof curves / sizeof *curves };

  static vecd_kern tables[N_ISAS];
  static check_pair pairs[N_ISAS], float_pairs[N_ISAS];
  static check_case cases[N_ISAS * N_OPS + N_CURVES];
  static struct CMUnitTest tests[N_ISAS * N_OPS + N_CURVES];
  size_t n_pairs = 0, n_float_pairs = 0, n = 0;
  vecd_kern_init(&tables[0], 0);
  for (size_t i = 0; i < N_ISAS; i++) {
    bool has = table_of(isas[i].isa, &tables[i]);
    if (has) pairs[n_pairs++] = (check_pair){&tables[0], &tables[i], isas[i].lanes};
    if (has && !isas[i].dot_only) float_pairs[n_float_pairs++] = pairs[n_pairs - 1];
    for (size_t op = 0; op < N_OPS; op++) {
      if (isas[i].dot_only && !ops[op].is_dot) continue;
      cases[n] = (check_case){.op = ops[op].op, .pairs = &pairs[n_pairs - 1], .n_pairs = has};
      snprintf(cases[n++].name, sizeof cases->name, "%s, %s", ops[op].name, isas[i].isa);
    }
  }
  for (size_t i = 0; i < N_CURVES; i++) {
    cases[n] = (check_case){.curve = curves[i].curve, .pairs = float_pairs, .n_pairs = n_float_pairs};
    snprintf(cases[n++].name, sizeof cases->name, "%s", curves[i].name);
  }
  for (size_t i = 0; i < n; i++)
    tests[i] = (struct CMUnitTest){.name = cases[i].name, .test_func = run_case, .initial_state = &cases[i]};
  return _cmocka_run_group_tests("kernels", tests, n, NULL, NULL);
}
