/* check_rows.c - softmax_f32 and layer_norm_f32: against double precision row by row, and every row of a call the same bits as
 * alone. */
#include "check.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MOST_N    1536
#define MOST_ROWS (2 * VECD_KERN_MAX_MR + 3)
#define FADED     2.36e-38 /* just above 2^-125, what is given for anything smaller */

static const size_t extra[] = {0, 1, 16, 3, 7};
static float in[MOST_ROWS * MOST_N], in2[MOST_ROWS * MOST_N], want[MOST_ROWS * MOST_N];
static float gamma_[MOST_N], beta_[MOST_N];

/* All tails of up to three vectors, and longer rows. */
static size_t next_n(size_t n, unsigned lanes) {
  static const size_t far[] = {64, 70, 127, 257, 384, 513, 1536};
  if (n <= 3 * lanes) return n + 1;
  for (size_t i = 0; i < sizeof far / sizeof *far; i++)
    if (far[i] > n) return far[i];
  return 0;
}

/* With d = scale (x - max): what 2^t is taken of is off by 3.3 * 2^-24 |d| (the difference, log2 e times scale, and their
 * product are rounded) and 2^t by 3 * 2^-24 of itself. The error of e^d / sum relative to
 * itself is that of its own e^d, that of the sum, and two roundings more; the sum's is the chain of its additions, 2^t's, and the
 * mean of 3.3 * 2^-24 |d| weighted by the result, where that of |d| is at most the result's entropy: ln n. */
static void softmax_oracle(const check_pair *pair, const float *x, const float *got, size_t n, float scale, size_t row) {
  double chain = check_chain(pair, n), top = -INFINITY, sum = 0, sum_got = 0;
  for (size_t j = 0; j < n; j++) top = fmax(top, (double)x[j] * scale);
  for (size_t j = 0; j < n; j++) sum += exp((double)x[j] * scale - top);
  for (size_t j = 0; j < n; j++) {
    double d = (double)x[j] * scale - top, exact = exp(d) / sum;
    double relative = UNIT_ROUNDOFF * (3.3 * (-d + log((double)n)) + chain + 8);
    double bound = (isinf(d) ? 0 : relative * SECOND_ORDER * exact) + FADED;
    check_near(got[j], exact, bound, "softmax_f32 against double", row, j);
    sum_got += got[j];
  }
  check_near((float)(sum_got - 1), 0, (chain + 3) * UNIT_ROUNDOFF * SECOND_ORDER + (double)n * 0x1p-149, "softmax_f32's sum",
             row, 0);
}

/* Rows with NaN or inf, or nothing but -inf, give NaN throughout; others may have -inf, which counts nothing. */
static bool softmax_spoilt(const float *x, size_t n) {
  float top = -INFINITY;
  for (size_t j = 0; j < n; j++) {
    if (isnan(x[j])) return true;
    top = fmaxf(top, x[j]);
  }
  return isinf(top);
}

static void softmax_values(float *x, size_t n, int values) {
  if (values < VALUES_COUNT) {
    check_fill(x, n, values);
    return;
  }
  check_fill(x, n, VALUES_ORDINARY);
  for (size_t j = 0; j < n; j++) {
    if (values == VALUES_COUNT) x[j] *= 200; /* results from 1 down to nothing */
    if (values == VALUES_COUNT + 1 && check_random() % 3 == 0) x[j] = -INFINITY;
    if (values == VALUES_COUNT + 2) x[j] = 3.25f; /* all alike */
  }
}

void check_softmax_f32(const check_pair *pair) {
  static const float scales[] = {1.0f, 0.17677669f, 0.125f};
  const vecd_kern *kern = pair->kern;
  check_room room = check_room_new(MOST_ROWS * (MOST_N + 32));
  size_t most = 2 * kern->mr + 3, turn = 0;
  for (int values = 0; values < VALUES_COUNT + 3; values++)
    for (size_t n = 1; n; n = next_n(n, pair->lanes)) {
      float scale = scales[n % 3];
      for (size_t i = 0; i < most; i++) softmax_values(in + i * n, n, values);
      memcpy(want, in, sizeof in);
      for (size_t i = 0; i < most; i++) {
        kern->softmax_f32(want + i * n, n, 1, n, scale);
        if (!softmax_spoilt(in + i * n, n))
          softmax_oracle(pair, in + i * n, want + i * n, n, scale, i);
        else
          for (size_t j = 0; j < n; j++) check_equal(want[i * n + j], NAN, "softmax_f32 of NaN or inf", i, j);
      }
      for (size_t rows = 1; rows <= most; rows += 1 + (rows > 3 && n > 70) * 5, turn++) {
        size_t ld = n + extra[turn % 5];
        float *x = check_block(&room, turn % PLACE_COUNT, rows, n, ld);
        check_spread(x, ld, in, rows, n);
        kern->softmax_f32(x, ld, rows, n, scale);
        for (size_t i = 0; i < rows; i++)
          for (size_t j = 0; j < n; j++) check_equal(x[i * ld + j], want[i * n + j], "softmax_f32", i, j);
        check_canaries(&room, x, rows, n, ld, "softmax_f32");
      }
    }
  check_room_free(&room);
}

/* t = x + residual is one rounding and the input of all that follows. With u = 2^-24, m the chain of additions,
 * r = 1 / sqrt(var + eps) and d = t - mean:
 *   the mean is off by D = (m + 2) u mean|t|;
 *   the sum of squares has no term linear in D (the d add up to 0), so var + eps is off by (m + 6) u and D^2 r^2 of itself and
 *   its root's inverse by half of that, never more than all, and two roundings;
 *   d r is then off by r (D + |d| (m / 2 + 7) u + |d| D^2 r^2 / 2), and the last multiply-add rounds once. */
static void layer_norm_oracle(const check_pair *pair, const float *x, const float *residual, float eps, size_t n,
                              const float *got, size_t row) {
  double m = check_chain(pair, n), sum = 0, sum_abs = 0, squares = 0;
  static double t[MOST_N];
  for (size_t j = 0; j < n; j++) {
    t[j] = residual ? x[j] + residual[j] : x[j];
    sum += t[j];
    sum_abs += fabs(t[j]);
  }
  double mean = sum / (double)n, off = (m + 2) * UNIT_ROUNDOFF * sum_abs / (double)n;
  for (size_t j = 0; j < n; j++) squares += (t[j] - mean) * (t[j] - mean);
  double r = 1 / sqrt(squares / (double)n + (double)eps), share = fmin(1, off * off * r * r / 2);
  for (size_t j = 0; j < n; j++) {
    double d = fabs(t[j] - mean), exact = (t[j] - mean) * r * gamma_[j] + beta_[j];
    double z = r * (off + d * ((m / 2 + 7) * UNIT_ROUNDOFF + share)) + 0x1p-149;
    double bound = (fabs(gamma_[j]) * z + UNIT_ROUNDOFF * fabs(exact)) * SECOND_ORDER + 0x1p-149;
    check_near(got[j], exact, bound, "layer_norm_f32 against double", row, j);
  }
}

static void layer_norm_values(float *x, size_t n, int values) {
  check_fill(x, n, values % VALUES_COUNT);
  for (size_t j = 0; j < n; j++) {
    if (values == VALUES_WIDE) x[j] = ldexpf(x[j], -5);                      /* squares stay below FLT_MAX */
    if (values == VALUES_COUNT) x[j] = 100 + x[j] / 64;                      /* a mean far above the spread */
    if (values == VALUES_COUNT + 1) x[j] = j == n / 2 ? 1e6f : 1e-6f * x[j]; /* one large among small */
  }
}

void check_layer_norm_f32(const check_pair *pair) {
  static const float epsilons[] = {1e-12f, 1e-5f, 1e-3f};
  const vecd_kern *kern = pair->kern;
  check_room rooms[5]; /* x, residual, out, gamma, beta */
  for (int i = 0; i < 5; i++) rooms[i] = check_room_new(MOST_ROWS * (MOST_N + 32));
  size_t most = 2 * kern->mr + 3, turn = 0;
  for (int values = 0; values < VALUES_COUNT + 2; values++)
    for (size_t n = 1; n; n = next_n(n, pair->lanes))
      for (int with = 0; with < 2; with++) {
        float eps = epsilons[n % 3];
        check_fill(gamma_, n, VALUES_ORDINARY);
        check_fill(beta_, n, VALUES_ORDINARY);
        for (size_t i = 0; i < most; i++) {
          layer_norm_values(in + i * n, n, values);
          layer_norm_values(in2 + i * n, n, values);
          const float *residual = with ? in2 + i * n : NULL;
          kern->layer_norm_f32(in + i * n, n, residual, n, gamma_, beta_, eps, 1, n, want + i * n, n);
          if (values != VALUES_SPECIAL) layer_norm_oracle(pair, in + i * n, residual, eps, n, want + i * n, i);
        }
        for (size_t rows = 1; rows <= most; rows += 1 + (rows > 3 && n > 70) * 5, turn++) {
          size_t ldx = n + extra[turn % 5], ldr = n + extra[turn / 5 % 5], ldo = n + extra[turn / 3 % 5];
          float *x = check_block(&rooms[0], turn % PLACE_COUNT, rows, n, ldx);
          float *residual = check_block(&rooms[1], turn / 2 % PLACE_COUNT, rows, n, ldr);
          float *out = check_block(&rooms[2], turn / 3 % PLACE_COUNT, rows, n, ldo);
          float *gamma = check_block(&rooms[3], turn / 4 % PLACE_COUNT, 1, n, 0);
          float *beta = check_block(&rooms[4], turn / 5 % PLACE_COUNT, 1, n, 0);
          const check_room *room = &rooms[2];
          if (turn % 3 == 1) out = x, ldo = ldx, room = &rooms[0];
          if (turn % 3 == 2 && with) out = residual, ldo = ldr, room = &rooms[1];
          check_spread(x, ldx, in, rows, n);
          check_spread(residual, ldr, in2, rows, n);
          check_spread(gamma, 0, gamma_, 1, n);
          check_spread(beta, 0, beta_, 1, n);
          kern->layer_norm_f32(x, ldx, with ? residual : NULL, ldr, gamma, beta, eps, rows, n, out, ldo);
          for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++) check_equal(out[i * ldo + j], want[i * n + j], "layer_norm_f32", i, j);
          check_canaries(room, out, rows, n, ldo, "layer_norm_f32");
        }
      }
  for (int i = 0; i < 5; i++) check_room_free(&rooms[i]);
}

/* The sum of squares is a chain of m fused multiply-adds, times 1 / n, plus eps, a root, its inverse, and two products. */
static void rms_norm_oracle(const check_pair *pair, const float *x, float eps, size_t n, const float *got, size_t row) {
  double m = check_chain(pair, n), squares = 0;
  for (size_t j = 0; j < n; j++) squares += (double)x[j] * x[j];
  double r = 1 / sqrt(squares / (double)n + (double)eps);
  for (size_t j = 0; j < n; j++) {
    double exact = x[j] * r * gamma_[j];
    check_near(got[j], exact, ((m + 3) / 2 + 5) * UNIT_ROUNDOFF * SECOND_ORDER * fabs(exact) + 0x1p-148, "rms_norm_f32", row,
               j);
  }
}

void check_rms_norm_f32(const check_pair *pair) {
  const vecd_kern *kern = pair->kern;
  check_room rooms[2] = {check_room_new(MOST_ROWS * (MOST_N + 32)), check_room_new(MOST_ROWS * (MOST_N + 32))};
  size_t most = 2 * kern->mr + 3, turn = 0;
  for (int values = 0; values < VALUES_COUNT; values++) {
    if (values == VALUES_SPECIAL) continue;
    for (size_t n = 1; n; n = next_n(n, pair->lanes)) {
      check_fill(gamma_, n, VALUES_ORDINARY);
      for (size_t i = 0; i < most; i++) {
        layer_norm_values(in + i * n, n, values);
        kern->rms_norm_f32(in + i * n, n, gamma_, 1e-6f, 1, n, want + i * n, n);
        rms_norm_oracle(pair, in + i * n, 1e-6f, n, want + i * n, i);
      }
      for (size_t rows = 1; rows <= most; rows += 4, turn++) {
        size_t ldx = n + extra[turn % 5], ldo = turn % 3 ? n + extra[turn / 3 % 5] : ldx;
        float *x = check_block(&rooms[0], turn % PLACE_COUNT, rows, n, ldx), *out = x;
        if (turn % 3) out = check_block(&rooms[1], turn / 3 % PLACE_COUNT, rows, n, ldo);
        check_spread(x, ldx, in, rows, n);
        kern->rms_norm_f32(x, ldx, gamma_, 1e-6f, rows, n, out, ldo);
        for (size_t i = 0; i < rows; i++)
          for (size_t j = 0; j < n; j++) check_equal(out[i * ldo + j], want[i * n + j], "rms_norm_f32", i, j);
        check_canaries(&rooms[turn % 3 != 0], out, rows, n, ldo, "rms_norm_f32");
      }
    }
  }
  for (int i = 0; i < 2; i++) check_room_free(&rooms[i]);
}

/* x op y, bit for bit. */
static void check_pairwise(const check_pair *pair, const char *what, float (*exact)(float a, float b),
                           void (*op)(float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n)) {
  check_room rooms[2] = {check_room_new(MOST_ROWS * (MOST_N + 32)), check_room_new(MOST_ROWS * (MOST_N + 32))};
  size_t turn = 0;
  for (int values = 0; values < VALUES_COUNT; values++)
    for (size_t n = 1; n; n = next_n(n, pair->lanes), turn++) {
      size_t rows = 1 + turn % 9, ldx = n + extra[turn % 5], ldy = n + extra[turn / 5 % 5];
      float *x = check_block(&rooms[0], turn % PLACE_COUNT, rows, n, ldx);
      float *y = check_block(&rooms[1], turn / 3 % PLACE_COUNT, rows, n, ldy);
      check_fill(in, rows * n, values);
      check_fill(in2, rows * n, values);
      check_spread(x, ldx, in, rows, n);
      check_spread(y, ldy, in2, rows, n);
      op(x, ldx, y, ldy, rows, n);
      for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++) check_equal(x[i * ldx + j], exact(in[i * n + j], in2[i * n + j]), what, i, j);
      check_canaries(&rooms[0], x, rows, n, ldx, what);
    }
  for (int i = 0; i < 2; i++) check_room_free(&rooms[i]);
}

static float sum_of(float a, float b) { return a + b; }
static float product_of(float a, float b) { return a * b; }

void check_add_f32(const check_pair *pair) { check_pairwise(pair, "add_f32", sum_of, pair->kern->add_f32); }
void check_mul_f32(const check_pair *pair) { check_pairwise(pair, "mul_f32", product_of, pair->kern->mul_f32); }

void check_scale_add_f32(const check_pair *pair) {
  check_room rooms[2] = {check_room_new(MOST_N + 32), check_room_new(MOST_N + 32)};
  size_t turn = 0;
  for (int values = 0; values < VALUES_COUNT; values++)
    for (size_t n = 1; n; n = next_n(n, pair->lanes), turn++) {
      float *x = check_block(&rooms[0], turn % PLACE_COUNT, 1, n, 0),
            *y = check_block(&rooms[1], turn / 3 % PLACE_COUNT, 1, n, 0);
      check_fill(in, n, values);
      check_fill(in2, n, values);
      check_spread(x, 0, in, 1, n);
      check_spread(y, 0, in2, 1, n);
      pair->kern->scale_add_f32(x, n, 0.17677669f, y);
      for (size_t j = 0; j < n; j++) check_equal(x[j], fmaf(in[j], 0.17677669f, in2[j]), "scale_add_f32", 0, j);
      check_canaries(&rooms[0], x, 1, n, 0, "scale_add_f32");
    }
  for (int i = 0; i < 2; i++) check_room_free(&rooms[i]);
}
