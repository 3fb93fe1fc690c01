/* test_ftoa.c - every text must read back to the same bits, no shorter one may, and no other of its length may be nearer. The
 * oracle is the C library: strtof() reads, "%.*e" gives the nearest text of a length.
 *
 * VECD_LONG=1 goes through all 2^31 positive values instead of a sample (half an hour of processor time, shared by all processors). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ftoa.h"
#include "base/team.h"

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* The digits of a number's text without leading and trailing zeros, and the power of ten of the first. */
typedef struct decimal {
  char digits[40];
  int n, e;
} decimal;

static decimal read_decimal(const char *text) {
  decimal d = {"", 0, 0};
  int point = -1, seen = 0;
  const char *p = text + (*text == '-');
  for (; *p && *p != 'e'; p++) {
    if (*p == '.')
      point = seen;
    else if (seen++, d.n || *p != '0')
      d.digits[d.n++] = *p;
  }
  if (point < 0) point = seen;
  d.e = point - 1 - (seen - d.n) + (*p == 'e' ? atoi(p + 1) : 0);
  while (d.n && d.digits[d.n - 1] == '0') d.n--;
  d.digits[d.n] = '\0';
  return d;
}

/* NULL where all is well, else what is wrong. `neighbours`: also try the texts beside the nearest of one digit less, which
 * matters only where the interval is lopsided. */
static const char *fault(uint32_t bits, bool neighbours) {
  float x = from_bits(bits);
  char text[VECD_FTOA_BYTES + 1], oracle[64];
  memset(text, '#', sizeof text);
  size_t len = vecd_ftoa_f32(text, x);
  if (len > 15 || text[VECD_FTOA_BYTES] != '#') return "too long";
  text[len] = '\0';
  if (bits_of(strtof(text, NULL)) != bits) return "reads back to something else";
  if (!strpbrk(text, ".e")) return "looks like an integer";
  if ((bits & 0x7fffffff) == 0) return NULL;
  decimal d = read_decimal(text);
  if (d.n < 1 || d.n > 9) return "number of digits";
  if ((d.e >= -4 && d.e < 9) != !strchr(text, 'e')) return "wrong notation";
  snprintf(oracle, sizeof oracle, "%.*e", d.n - 1, (double)x);
  decimal nearest = read_decimal(oracle);
  if (bits_of(strtof(oracle, NULL)) == bits && (nearest.e != d.e || strcmp(nearest.digits, d.digits) != 0))
    return "another of the same length is nearer";
  if (d.n == 1) return NULL;
  snprintf(oracle, sizeof oracle, "%.*e", d.n - 2, (double)x);
  if (bits_of(strtof(oracle, NULL)) == bits) return "a shorter one reads back";
  if (neighbours) {
    decimal s = read_decimal(oracle);
    while (s.n < d.n - 1) s.digits[s.n++] = '0';
    s.digits[s.n] = '\0';
    for (int step = -1; step <= 1; step += 2) {
      snprintf(oracle, sizeof oracle, "%s%lde%d", x < 0 ? "-" : "", atol(s.digits) + step, s.e - s.n + 1);
      if (bits_of(strtof(oracle, NULL)) == bits) return "a shorter one beside the nearest reads back";
    }
  }
  return NULL;
}

static void check(uint32_t bits, bool neighbours) {
  if ((bits & 0x7f800000) == 0x7f800000) return;
  const char *what = fault(bits, neighbours);
  if (what) fail_msg("0x%08x (%.9g): %s", bits, (double)from_bits(bits), what);
}

static void known_texts(void **state) {
  (void)state;
  static const struct {
    float x;
    const char *text;
  } cases[] = {
      {0.0f, "0.0"},
      {-0.0f, "-0.0"},
      {1.0f, "1.0"},
      {-1.0f, "-1.0"},
      {10.0f, "10.0"},
      {100.0f, "100.0"},
      {12.5f, "12.5"},
      {0.1f, "0.1"},
      {0.3f, "0.3"},
      {-1.5e-07f, "-1.5e-07"},
      {0.0001f, "0.0001"},
      {0.00012345678f, "0.00012345678"},
      {0.00001f, "1e-05"},
      {1e20f, "1e+20"},
      {1e8f, "100000000.0"},
      {1e9f, "1e+09"},
      {16777216.0f, "16777216.0"},
      {1.0f / 3.0f, "0.33333334"},
      {3.4028235e38f, "3.4028235e+38"},
      {-3.4028235e38f, "-3.4028235e+38"},
      {1.17549435e-38f, "1.1754944e-38"},
      {1e-45f, "1e-45"},
      {9.8e-45f, "1e-44"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[VECD_FTOA_BYTES + 1];
    text[vecd_ftoa_f32(text, cases[i].x)] = '\0';
    assert_string_equal(text, cases[i].text);
  }
}

static void every_exponent(void **state) {
  (void)state;
  for (uint32_t exponent = 0; exponent < 255; exponent++) {
    for (uint32_t i = 0; i < 64; i++) { /* around both ends of the mantissa and spread over it */
      check(exponent << 23 | i, true);
      check(exponent << 23 | (0x7fffff - i), true);
      check(exponent << 23 | i * 131071, true);
      check(0x80000000 | exponent << 23 | (i * 104729 + 7), true);
    }
    for (uint32_t bit = 0; bit < 23; bit++) check(exponent << 23 | 1u << bit, true);
  }
  for (uint32_t high = 0; high < 0x10000; high++) check(high << 16, true);
}

static void powers_and_denormals(void **state) {
  (void)state;
  for (int e = -45; e <= 38; e++)
    for (int m = 1; m < 100; m++) {
      char text[32];
      snprintf(text, sizeof text, "%de%d", m, e);
      uint32_t bits = bits_of(strtof(text, NULL));
      for (uint32_t d = 0; d < 5; d++) check(bits >= 2 ? bits + d - 2 : bits + d, true);
    }
  for (uint32_t bits = 0; bits < 20000; bits++) check(bits, true);
  for (uint32_t n = 0; n < 20000; n++) check(bits_of((float)n), true);
}

static uint64_t next(uint64_t *s) {
  *s ^= *s << 13;
  *s ^= *s >> 7;
  return *s ^= *s << 17;
}

static void random_values(void **state) {
  (void)state;
  uint64_t seed = 88172645463325252u;
  for (int i = 0; i < 1000000; i++) check((uint32_t)(next(&seed) >> 32), false);
  for (int i = 0; i < 1000000; i++) { /* components of vectors: within [-1, 1], mostly small */
    double u = (double)(next(&seed) >> 11) * 0x1p-53, v = (double)(next(&seed) >> 11) * 0x1p-53;
    check(bits_of((float)((2 * u - 1) * v)), false);
  }
}

typedef struct sweep {
  unsigned n_members;
  uint32_t bad[64];
} sweep;

static void sweep_part(void *ctx, unsigned member) {
  sweep *s = ctx;
  for (uint32_t bits = member; bits < 0x7f800000 && !s->bad[member]; bits += s->n_members)
    if (fault(bits, false)) s->bad[member] = bits;
}

static void all_values(void **state) {
  (void)state;
  const char *wish = getenv("VECD_LONG");
  if (!wish || strcmp(wish, "1") != 0) skip();
  vecd_team *team = NULL;
  assert_int_equal(vecd_team_new(0, &team, NULL), VECD_OK);
  sweep s = {vecd_team_size(team) < 64 ? vecd_team_size(team) : 64, {0}};
  vecd_team_run(team, sweep_part, &s);
  for (unsigned i = 0; i < 64; i++)
    if (s.bad[i]) fail_msg("0x%08x: %s", s.bad[i], fault(s.bad[i], false));
  vecd_team_free(&team);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_texts),   cmocka_unit_test(every_exponent), cmocka_unit_test(powers_and_denormals),
      cmocka_unit_test(random_values), cmocka_unit_test(all_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
