/* check_act.c - activations: every place in a row gives the bits that any other place gives, and the curve lies within its
 * bound of double precision. */
#include "check.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST_N    1536
#define MOST_ROWS 5
#define BLOCK     4096 /* values of a curve at a time */

typedef void act_fn(float *x, size_t ld, size_t rows, size_t n);

static void check_act(const check_pair *pair, act_fn *act, const char *what) {
  static float in[MOST_ROWS * MOST_N], want[MOST_ROWS * MOST_N];
  check_room room = check_room_new(MOST_ROWS * (MOST_N + 32));
  size_t turn = 0;
  for (int values = 0; values < VALUES_COUNT + 1; values++)
    for (size_t n = 1; n <= MOST_N; n += n <= 3 * pair->lanes ? 1 : n < 384 ? 384 - n : MOST_N - 384)
      for (size_t rows = 1; rows <= MOST_ROWS; rows++, turn++) {
        static const size_t extra[] = {0, 1, 16, 3, 7};
        size_t ld = n + extra[turn % 5];
        if (values < VALUES_COUNT)
          check_fill(in, rows * n, values);
        else
          for (size_t i = 0; i < rows * n; i++) in[i] = check_float(check_random());
        memcpy(want, in, sizeof in);
        act(want, MOST_N, 1, (rows * n + 15) / 16 * 16); /* one row of whole vectors */
        float *x = check_block(&room, turn % PLACE_COUNT, rows, n, ld);
        check_spread(x, ld, in, rows, n);
        act(x, ld, rows, n);
        for (size_t i = 0; i < rows; i++)
          for (size_t j = 0; j < n; j++) check_equal(x[i * ld + j], want[i * n + j], what, i, j);
        check_canaries(&room, x, rows, n, ld, what);
      }
  check_room_free(&room);
}

#define CHECK_ACT(op) \
  void check_##op(const check_pair *pair) { check_act(pair, pair->kern->op, #op); }

CHECK_ACT(act_gelu_f32)
CHECK_ACT(act_gelu_tanh_f32)
CHECK_ACT(act_silu_f32)
CHECK_ACT(act_relu_f32)

static double gelu(double x) { return 0.5 * x * erfc(-x * 0.70710678118654752440); }
static double gelu_tanh(double x) { return x / (1 + exp(-2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x))); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double relu(double x) { return x < 0 ? 0 : x; }

/* Patterns of float32 from one to the next: all, or every `sparse`-th. */
static uint32_t stride(uint32_t sparse) {
  const char *v = getenv("VECD_LONG");
  return v && *v && *v != '0' ? 1 : sparse;
}

static double ulps(float got, double exact) {
  int e;
  frexp(exact, &e);
  return fabs(got - exact) / ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

/* The largest error seen and where. */
typedef struct worst {
  double error, at;
} worst;

static void note(worst *w, double error, float x) {
  if (!(error <= w->error)) *w = (worst){error, x};
}

/* An activation's bounds: in ulp of the exact result from x = -1 on, absolute below, where the result fades. */
typedef struct curve {
  double (*exact)(double x);
  double ulp, absolute;
} curve;

static void check_curve(const check_pair *pairs, size_t n_pairs, const curve *c, size_t op) {
  static float in[BLOCK], out[BLOCK];
  static double exact[BLOCK];
  worst ulp[8] = {{0, 0}}, absolute[8] = {{0, 0}};
  uint64_t step = stride(509), from = 0;
  assert_true(n_pairs <= 8);
  while (from <= UINT32_MAX) {
    size_t n = 0;
    for (; n < BLOCK && from <= UINT32_MAX; n++, from += step) in[n] = check_float((uint32_t)from);
    for (size_t i = n; i < BLOCK; i++) in[i] = 0;
    for (size_t i = 0; i < n; i++) exact[i] = c->exact(in[i]);
    for (size_t p = 0; p < n_pairs; p++) {
      const vecd_kern *kern = pairs[p].kern;
      act_fn *const acts[] = {kern->act_gelu_f32, kern->act_gelu_tanh_f32, kern->act_silu_f32, kern->act_relu_f32};
      memcpy(out, in, sizeof in);
      acts[op](out, BLOCK, 1, BLOCK);
      check_count(n);
      for (size_t i = 0; i < n; i++) {
        float x = in[i], y = out[i];
        if (isnan(x)) {
          if (!isnan(y)) fail_msg("%s: NaN gives %g", kern->isa, (double)y);
        } else if (isinf(x)) { /* inf gives inf; -inf NaN or next to nothing */
          if (x > 0 ? y != x : fabsf(y) > c->absolute) fail_msg("%s: %g gives %g", kern->isa, (double)x, (double)y);
        } else if (x >= -1) {
          note(&ulp[p], ulps(y, exact[i]), x);
        } else {
          note(&absolute[p], fabs(y - exact[i]), x);
        }
      }
    }
  }
  for (size_t p = 0; p < n_pairs; p++) {
    print_message("  %s: %.3f ulp at x = %.9g; below -1 %.3g at x = %.9g\n", pairs[p].kern->isa, ulp[p].error, ulp[p].at,
                  absolute[p].error, absolute[p].at);
    if (!(ulp[p].error <= c->ulp)) fail_msg("%s: more than %g ulp", pairs[p].kern->isa, c->ulp);
    if (!(absolute[p].error <= c->absolute)) fail_msg("%s: more than %g", pairs[p].kern->isa, c->absolute);
  }
}

void check_curve_gelu(const check_pair *pairs, size_t n_pairs) { check_curve(pairs, n_pairs, &(curve){gelu, 5.5, 4e-7}, 0); }
void check_curve_gelu_tanh(const check_pair *pairs, size_t n_pairs) {
  check_curve(pairs, n_pairs, &(curve){gelu_tanh, 5, 9e-8}, 1);
}
void check_curve_silu(const check_pair *pairs, size_t n_pairs) { check_curve(pairs, n_pairs, &(curve){silu, 2, 4e-8}, 2); }
void check_curve_relu(const check_pair *pairs, size_t n_pairs) { check_curve(pairs, n_pairs, &(curve){relu, 0, 0}, 3); }

/* False for the scalar kernels, which use libm's. */
static bool exp_in_place(const check_pair *pair, float x[BLOCK]) {
#if defined(__x86_64__)
  if (pair->lanes == 8) check_exp_avx2(x, BLOCK);
  if (pair->lanes == 16) check_exp_avx512(x, BLOCK);
#endif
  (void)x;
  return pair->lanes > 1;
}

void check_curve_exp(const check_pair *pairs, size_t n_pairs) {
  static float in[BLOCK], out[BLOCK];
  static double exact[BLOCK];
  worst ulp[8] = {{0, 0}};
  if (n_pairs == 1) {
    print_message("exp: skipped, this CPU runs the scalar kernels only\n");
    skip();
  }
  uint64_t step = stride(61), from = 0;
  while (from <= UINT32_MAX) {
    size_t n = 0;
    for (; n < BLOCK && from <= UINT32_MAX; from += step) {
      float x = check_float((uint32_t)from);
      if (!(x > 88.0f)) in[n++] = x; /* NaN among them */
    }
    for (size_t i = n; i < BLOCK; i++) in[i] = 0;
    for (size_t i = 0; i < n; i++) exact[i] = exp(in[i]);
    for (size_t p = 0; p < n_pairs; p++) {
      memcpy(out, in, sizeof in);
      if (!exp_in_place(&pairs[p], out)) continue;
      check_count(n);
      for (size_t i = 0; i < n; i++) {
        if (isnan(in[i]) ? !isnan(out[i]) : in[i] < -87.3f ? out[i] != 0 : false)
          fail_msg("%s: e^%g is not %g", pairs[p].kern->isa, (double)in[i], (double)out[i]);
        if (!(in[i] >= -87.3f)) continue;
        note(&ulp[p], ulps(out[i], exact[i]), in[i]);
      }
    }
  }
  for (size_t p = 0; p < n_pairs; p++) {
    if (pairs[p].lanes == 1) continue;
    print_message("  %s: %.3f ulp at x = %.9g\n", pairs[p].kern->isa, ulp[p].error, ulp[p].at);
    if (!(ulp[p].error <= EXP_ULP)) fail_msg("%s: more than %g ulp", pairs[p].kern->isa, EXP_ULP);
  }
}
