/* check_q16.c - the 16-bit kernels of attention: the integer ones bit for bit the scalar ones, softmax within one step of double
 * precision. */
#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kern/q8.h"

enum { MOST_K = 512, MOST_ROWS = 27, MOST_NR = VECD_KERN_MAX_NR };

static const size_t ks[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 255, 256, 511, 512};
static const check_values kinds[] = {VALUES_ORDINARY, VALUES_WIDE, VALUES_SUBNORMAL, VALUES_ZEROS};
static const int32_t limits[] = {127, 2047, 5792, 32767};

static float x[MOST_ROWS * MOST_K];
static int16_t by_ref[MOST_ROWS * (MOST_K + 1)], by_isa[MOST_ROWS * (MOST_K + 1) + 64];

static void check_equal_q16(int16_t got, int16_t want, const char *what, size_t row, size_t column) {
  check_count(1);
  if (got != want) fail_msg("%s: row %zu, column %zu: %d, not %d", what, row, column, got, want);
}

void check_quantize_q16(const check_pair *pair) {
  check_room room = check_room_new(MOST_ROWS * (MOST_K + 8));
  size_t turn = 0;
  for (size_t v = 0; v < sizeof kinds / sizeof *kinds; v++)
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++, turn++) {
      size_t n = ks[i], even = n + n % 2, ld = n + turn % 3, rows = 1 + turn % MOST_ROWS;
      int32_t limit = limits[turn % 4];
      check_fill(x, rows * n, kinds[v]);
      float *src = check_block(&room, turn % PLACE_COUNT, rows, n, ld);
      check_spread(src, ld, x, rows, n);
      for (size_t p = 0; p < sizeof by_isa / sizeof *by_isa; p++) by_isa[p] = 0x5a5a;
      float a = pair->ref->quantize_q16(x, n, rows, n, limit, by_ref, even);
      float b = pair->kern->quantize_q16(src, ld, rows, n, limit, by_isa, even);
      check_equal(b, a, "scale", 0, 0);
      for (size_t r = 0; r < rows; r++)
        for (size_t p = 0; p < even; p++) {
          check_equal_q16(by_isa[r * even + p], by_ref[r * even + p], "quantize_q16", r, p);
          float original = p < n ? x[r * n + p] : 0.0f;
          check_near((float)by_ref[r * even + p] * a, original, 0.51 * a + 0x1p-99, "quantize_q16", r, p);
          assert_true(abs(by_ref[r * even + p]) <= limit);
        }
      assert_int_equal(by_isa[rows * even], 0x5a5a);
    }
  check_room_free(&room);
}

void check_pairs_q16(const check_pair *pair) {
  size_t nr = pair->kern->nr, turn = 0;
  check_room room = check_room_new(MOST_K * (MOST_NR + 8)), out = check_room_new(MOST_K * MOST_NR / 2 + 64);
  static float values[MOST_K * MOST_NR];
  for (size_t v = 0; v < sizeof kinds / sizeof *kinds; v++)
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++, turn++) {
      size_t rows = ks[i], n = 1 + turn * 7 % nr, ld = n + turn % 3, even = rows + rows % 2;
      check_fill(values, rows * n, kinds[v]);
      float *src = check_block(&room, turn % PLACE_COUNT, rows, n, ld);
      check_spread(src, ld, values, rows, n);
      float *to = check_block(&out, turn % PLACE_COUNT, 1, even * nr / 2, 0);
      float scale = pair->kern->pairs_q16(src, ld, rows, n, 32767, (int16_t *)(void *)to), inverse, top = 0.0f;
      check_canaries(&out, to, 1, even * nr / 2, 0, "pairs_q16");
      for (size_t p = 0; p < rows * n; p++) top = fmaxf(top, fabsf(values[p]));
      check_equal(scale, vecd_q16_scale(top, 32767, &inverse), "scale", rows, n);
      for (size_t r = 0; r < even; r++)
        for (size_t j = 0; j < nr; j++) {
          int16_t want = r < rows && j < n ? (int16_t)rintf(values[r * n + j] * inverse) : 0;
          check_equal_q16(((int16_t *)(void *)to)[(r / 2 * nr + j) * 2 + r % 2], want, "pairs_q16", r, j);
        }
    }
  check_room_free(&room);
  check_room_free(&out);
}

/* The sum in 64 bits: the contract says that it fits 32. */
void check_gemm_q16(const check_pair *pair) {
  const vecd_kern *kern = pair->kern;
  size_t nr = kern->nr, turn = 0;
  check_room activations = check_room_new(MOST_ROWS * MOST_K / 2 + 64), panels = check_room_new(MOST_K * MOST_NR / 2 + 64);
  check_room out = check_room_new(MOST_ROWS * (MOST_NR + 16));
  for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
    size_t k = ks[i] + ks[i] % 2;
    int32_t limit = vecd_q16_limit(k);
    for (size_t kind = 0; kind < 3; kind++) /* anything; the largest sums there are, of either sign */
      for (size_t rows = 1; rows <= MOST_ROWS; rows++, turn++) {
        int16_t *a = (int16_t *)(void *)check_block(&activations, PLACE_END, 1, rows * k / 2, 0);
        int16_t *b = (int16_t *)(void *)check_block(&panels, turn % 2 ? PLACE_END : PLACE_START, 1, k * nr / 2, 0);
        float factor[MOST_ROWS];
        check_fill(factor, rows, VALUES_ORDINARY);
        for (size_t p = 0; p < rows * k; p++)
          a[p] = (int16_t)(kind ? limit : (int32_t)(check_random() % (2 * (uint32_t)limit + 1)) - limit);
        for (size_t p = 0; p < k * nr; p++)
          b[p] = (int16_t)(kind == 1   ? limit
                           : kind == 2 ? -limit
                                       : (int32_t)(check_random() % (2 * (uint32_t)limit + 1)) - limit);
        size_t ldc = nr + turn % 3 * 5, cut = turn % 3 ? 0 : rows / 2; /* no row may depend on how many there are */
        float *c = check_block(&out, turn % PLACE_COUNT, rows, nr, ldc);
        if (cut) kern->gemm_q16(a, k, b, factor, c, ldc, cut, k);
        kern->gemm_q16(a + cut * k, k, b, factor + cut, c + cut * ldc, ldc, rows - cut, k);
        for (size_t r = 0; r < rows; r++)
          for (size_t j = 0; j < nr; j++) {
            int64_t dot = 0;
            for (size_t p = 0; p < k; p++) dot += (int64_t)a[r * k + p] * b[(p / 2 * nr + j) * 2 + p % 2];
            assert_true(dot >= INT32_MIN && dot <= INT32_MAX);
            check_equal(c[r * ldc + j], (float)dot * factor[r], "gemm_q16", r, j);
          }
        check_canaries(&out, c, rows, nr, ldc, "gemm_q16");
      }
  }
  check_room_free(&activations);
  check_room_free(&panels);
  check_room_free(&out);
}

/* softmax_f32's bound says how far its floats are; rounding to whole steps adds half of one. 0x1p-6 steps are far more than that
 * bound at any n here. */
void check_softmax_q16(const check_pair *pair) {
  static float rows_of_scores[MOST_ROWS * MOST_K];
  check_room room = check_room_new(MOST_ROWS * (MOST_K + 8));
  size_t turn = 0;
  for (size_t v = 0; v < 2; v++)
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++, turn++) {
      size_t n = ks[i], even = n + n % 2, ld = n + turn % 3, rows = 1 + turn % MOST_ROWS;
      float scale = turn % 2 ? 0.17677669f : 1.0f;
      check_fill(rows_of_scores, rows * n, kinds[v ? 3 : 0]);
      for (size_t p = 0; p < rows * n; p++) rows_of_scores[p] *= turn % 3 ? 8.0f : 0.5f;
      float *src = check_block(&room, turn % PLACE_COUNT, rows, n, ld);
      check_spread(src, ld, rows_of_scores, rows, n);
      by_isa[rows * even] = 0x5a5a;
      pair->kern->softmax_q16(src, ld, rows, n, scale, by_isa, even);
      assert_int_equal(by_isa[rows * even], 0x5a5a);
      check_canaries(&room, src, rows, n, ld, "softmax_q16");
      for (size_t r = 0; r < rows; r++) {
        const float *s = rows_of_scores + r * n;
        double max = -INFINITY, sum = 0;
        for (size_t p = 0; p < n; p++) max = fmax(max, (double)s[p] * scale);
        for (size_t p = 0; p < n; p++) sum += exp((double)s[p] * scale - max);
        for (size_t p = 0; p < n; p++)
          check_near(by_isa[r * even + p], 32767 * exp((double)s[p] * scale - max) / sum, 0.5 + 0x1p-6, "softmax_q16", r, p);
        if (n % 2) assert_int_equal(by_isa[r * even + n], 0);
      }
    }
  check_room_free(&room);
}
