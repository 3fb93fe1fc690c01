/* test_pooling.c - what the golden folders do not reach: NaN, one token, rows that stand apart, vectors of length 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "nn/pooling.h"

enum { N = 3, H = 2, LD = 5 };

/* Two columns of three tokens; what lies between the rows must not count. */
static const float tokens[N * LD] = {1, -8, NAN, NAN, NAN, 2, 4, NAN, NAN, NAN, 6, -2, NAN, NAN, NAN};

static void expect(vecd_pool pool, size_t n, size_t from, double a, double b) {
  float out[H + 1] = {NAN, NAN, 7};
  vecd_pooling_run(&pool, 1, tokens, LD, n, from, H, out);
  assert_float_equal(out[0], a, 1e-6);
  assert_float_equal(out[1], b, 1e-6);
  assert_float_equal(out[2], 7, 0);
}

static void every_mode(void **state) {
  (void)state;
  expect(VECD_POOL_CLS, 3, 0, 1, -8);
  expect(VECD_POOL_MAX, 3, 0, 6, 4);
  expect(VECD_POOL_MEAN, 3, 0, 3, -2);
  expect(VECD_POOL_MEAN_SQRT_LEN, 3, 0, 9 / sqrt(3), -6 / sqrt(3));
  expect(VECD_POOL_WEIGHTED_MEAN, 3, 0, (1 + 4 + 18) / 6.0, (-8 + 8 - 6) / 6.0);
  expect(VECD_POOL_LAST_TOKEN, 3, 0, 6, -2);
  for (int pool = 0; pool < VECD_POOL_COUNT; pool++) expect((vecd_pool)pool, 1, 0, 1, -8); /* one token is the answer */
}

/* The first tokens are a prompt's. Weights stay those of the places; with no token left it is what the formulas give. */
static void a_prompt_is_left_out(void **state) {
  (void)state;
  expect(VECD_POOL_CLS, 3, 1, 2, 4);
  expect(VECD_POOL_MAX, 3, 1, 6, 4);
  expect(VECD_POOL_MEAN, 3, 1, 4, 1);
  expect(VECD_POOL_MEAN_SQRT_LEN, 3, 1, 8 / sqrt(2), 2 / sqrt(2));
  expect(VECD_POOL_WEIGHTED_MEAN, 3, 1, (4 + 18) / 5.0, (8 - 6) / 5.0);
  expect(VECD_POOL_LAST_TOKEN, 3, 1, 6, -2);
  for (int pool = 0; pool < VECD_POOL_COUNT; pool++) expect((vecd_pool)pool, 3, 2, 6, -2);
  for (size_t from = 3; from < 5; from++) {
    expect(VECD_POOL_CLS, 3, from, 1, -8);
    expect(VECD_POOL_MEAN, 3, from, 0, 0);
    expect(VECD_POOL_MEAN_SQRT_LEN, 3, from, 0, 0);
    expect(VECD_POOL_WEIGHTED_MEAN, 3, from, 0, 0);
    expect(VECD_POOL_LAST_TOKEN, 3, from, 0, 0);
    vecd_pool max = VECD_POOL_MAX;
    float out[H];
    vecd_pooling_run(&max, 1, tokens, LD, 3, from, H, out);
    assert_true(isinf(out[0]) && out[0] < 0 && isinf(out[1]) && out[1] < 0);
  }
}

static void one_after_another(void **state) {
  (void)state;
  const vecd_pool pools[] = {VECD_POOL_LAST_TOKEN, VECD_POOL_CLS, VECD_POOL_LAST_TOKEN};
  float out[3 * H];
  vecd_pooling_run(pools, 3, tokens, LD, N, 0, H, out);
  static const float want[] = {6, -2, 1, -8, 6, -2};
  assert_memory_equal(out, want, sizeof want);
}

static void nan_comes_through(void **state) {
  (void)state;
  for (size_t at = 0; at < N; at++) {
    float t[N] = {1, 2, 3}, out;
    t[at] = NAN;
    for (int i = 0; i < VECD_POOL_COUNT; i++) {
      vecd_pool pool = (vecd_pool)i;
      if ((pool == VECD_POOL_CLS && at != 0) || (pool == VECD_POOL_LAST_TOKEN && at != N - 1)) continue;
      vecd_pooling_run(&pool, 1, t, 1, N, 0, 1, &out);
      assert_true(isnan(out));
    }
  }
}

static void lengths(void **state) {
  (void)state;
  float zero[4] = {0, 0, -0.0f, 0}, huge[2] = {3e38f, -3e38f}, tiny[2] = {3e-20f, 4e-20f}, plain[2] = {3, 4};
  vecd_normalize_l2(zero, 4);
  for (int i = 0; i < 4; i++) assert_true(zero[i] == 0);
  vecd_normalize_l2(huge, 2);
  assert_float_equal(huge[0], sqrt(0.5), 1e-7);
  assert_float_equal(huge[1], -sqrt(0.5), 1e-7);
  vecd_normalize_l2(plain, 2);
  assert_true(plain[0] == 0.6f && plain[1] == 0.8f);
  vecd_normalize_l2(tiny, 2); /* below 1e-12 the length counts as 1e-12, as in torch's normalize */
  assert_float_equal(tiny[0] * 1e8, 3, 1e-5);
  assert_float_equal(tiny[1] * 1e8, 4, 1e-5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mode),        cmocka_unit_test(a_prompt_is_left_out),
      cmocka_unit_test(one_after_another), cmocka_unit_test(nan_comes_through),
      cmocka_unit_test(lengths),
  };
  return cmocka_run_group_tests_name("pooling", tests, NULL, NULL);
}
