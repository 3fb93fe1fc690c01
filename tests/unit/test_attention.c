/* test_attention.c - attention against double precision, in floats and in 16-bit integers, on every ISA; and that a query's bits
 * depend on nothing but itself, the keys and the values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nn/attention.h"

static uint32_t random_state = 1;
static float random_unit(void) {
  random_state = random_state * 1664525u + 1013904223u;
  return (float)(int32_t)random_state * 0x1p-31f;
}

static bool sees(const vecd_attention_view *view, size_t query, size_t key) {
  if (view->causal && key > query) return false;
  return !view->window || (key > query ? key - query : query - key) <= view->window;
}

static void exact_attention(const vecd_attention_view *view, const float *qkv, size_t ld, size_t n, size_t d, size_t row,
                            double *out) {
  double *p = malloc(n * sizeof *p), top = -INFINITY, sum = 0;
  assert_non_null(p);
  for (size_t j = 0; j < n; j++) {
    p[j] = 0;
    for (size_t c = 0; c < d; c++) p[j] += (double)qkv[row * ld + c] * qkv[j * ld + d + c];
    p[j] /= sqrt((double)d);
    if (view->bias) p[j] += view->bias[(ptrdiff_t)j - (ptrdiff_t)row];
    if (!sees(view, row, j)) p[j] = -INFINITY;
    top = fmax(top, p[j]);
  }
  for (size_t j = 0; j < n; j++) sum += p[j] = exp(p[j] - top);
  for (size_t c = 0; c < d; c++) {
    out[c] = 0;
    for (size_t j = 0; j < n; j++) out[c] += p[j] / sum * qkv[j * ld + 2 * d + c];
  }
  free(p);
}

/* The largest difference from double precision. Values are within -1 .. 1, scores have a deviation of about `spread`. */
static double check(const vecd_attention *a, const vecd_attention_view *how, size_t n, float spread) {
  vecd_attention_view view = *how;
  size_t d = a->head_dim, ld = 3 * d + 1, ldo = d + 3, bytes = vecd_attention_bytes(a, n);
  float *qkv = malloc(n * ld * sizeof *qkv), *out = calloc(n * ldo, sizeof *out), *again = calloc(n * ldo, sizeof *again);
  float *bias = malloc((2 * n - 1) * sizeof *bias);
  assert_non_null(bias);
  for (size_t i = 0; i < 2 * n - 1; i++) bias[i] = random_unit();
  if (how->bias) view.bias = bias + n - 1;
  void *scratch = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, bytes);
  double *want = malloc(d * sizeof *want), worst = 0;
  assert_true(qkv && out && again && scratch && want);
  for (size_t i = 0; i < n * ld; i++) qkv[i] = random_unit();
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < d; c++) qkv[i * ld + c] *= 3.0f * spread;
  vecd_attention_begin(a, qkv + d, qkv + 2 * d, ld, n, scratch);
  vecd_attention_run(a, &view, qkv, ld, 0, n, n, out, ldo, scratch);
  for (size_t i = 0; i < n; i++) {
    exact_attention(&view, qkv, ld, n, d, i, want);
    for (size_t c = 0; c < d; c++) worst = fmax(worst, fabs(out[i * ldo + c] - want[c]));
    for (size_t c = d; c < ldo; c++) assert_true(out[i * ldo + c] == 0.0f); /* nothing written outside */
  }
  for (size_t from = 0, some = 1; from < n; from += some, some = 1 + some * 5 % 7) { /* a few queries at a time */
    if (some > n - from) some = n - from;
    vecd_attention_begin(a, qkv + d, qkv + 2 * d, ld, n, scratch);
    vecd_attention_run(a, &view, qkv + from * ld, ld, from, some, n, again + from * ldo, ldo, scratch);
  }
  assert_memory_equal(out, again, n * ldo * sizeof *out);
  free(qkv), free(out), free(again), free(want), free(bias);
  vecd_free(scratch);
  return worst;
}

static void agrees(void **state) {
  static const size_t dims[] = {1, 2, 3, 12, 16, 31, 32, 33, 64, 80, 128},
                      lengths[] = {1, 2, 3, 11, 12, 13, 31, 33, 64, 129, 300};
  const vecd_kern *kern = *state;
  double worst[2] = {0, 0};
  for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
    for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++)
      for (int q16 = 0; q16 < 2; q16++) {
        static const float some;
        const vecd_attention_view views[] = {{0},
                                             {.bias = &some},
                                             {.causal = true},
                                             {.window = 5},
                                             {.window = 40, .bias = &some},
                                             {.causal = true, .window = 33}};
        vecd_attention a = {kern, dims[i], q16, 0};
        double off = 0;
        for (size_t v = 0; v < sizeof views / sizeof *views; v++)
          off = fmax(off, check(&a, &views[v], lengths[j], j % 2 ? 1.0f : 3.0f));
        if (off > worst[q16]) worst[q16] = off;
      }
  print_message("%s: off by %.2e in floats, %.2e in 16 bits\n", kern->isa, worst[0], worst[1]);
  assert_true(worst[0] < 1e-5);
  assert_true(worst[1] < 1.0 / 255); /* half a step of the 8 bits the result is quantized to, for values within -1 .. 1 */
}

int main(void) {
  enum { MOST = 8 };
  static vecd_kern tables[MOST];
  static struct CMUnitTest tests[MOST];
  size_t n = 0;
  for (const char *const *isa = vecd_kern_isas; *isa && n < MOST; isa++) {
    if (vecd_kern_choose(&tables[n], *isa, NULL)) continue;
    tests[n] = (struct CMUnitTest){.name = *isa, .test_func = agrees, .initial_state = &tables[n]};
    n++;
  }
  return _cmocka_run_group_tests("attention", tests, n, NULL, NULL);
}
