/* check_gemm.c - gemm_f32: bit for bit the scalar kernel, which itself lies within the bound for sums of products; pack_f32 and
 * peak_f32. */
#include "check.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST_K    1536
#define MOST_ROWS (2 * VECD_KERN_MAX_MR + 3)
#define MOST_NR   VECD_KERN_MAX_NR

/* The k of every shape class: all small ones, whole vectors and odd ones beyond. */
static size_t next_k(size_t k) {
  static const size_t far[] = {96, 127, 129, 255, 384, 511, 777, 1536};
  if (k < 70) return k + 1;
  for (size_t i = 0; i < sizeof far / sizeof *far; i++)
    if (far[i] > k) return far[i];
  return 0;
}

static float a[MOST_ROWS * MOST_K], b[MOST_K * MOST_NR], bias[MOST_NR], want[MOST_ROWS * MOST_NR];

/* The scalar kernel's result for panels of nr columns, from its own panels. */
static void expect(const vecd_kern *ref, size_t rows, size_t k, size_t nr) {
  static float panel[MOST_K * MOST_NR];
  for (size_t j = 0; j < nr; j += ref->nr) {
    for (size_t p = 0; p < k; p++) memcpy(panel + p * ref->nr, b + p * nr + j, ref->nr * sizeof *panel);
    ref->gemm_f32(a, k, panel, bias + j, want + j, nr, rows, k);
  }
}

/* |y - exact| <= (k + 2) 2^-24 sum |a b| + k FLT_TRUE_MIN, the bias being one more term. */
static void check_oracle(size_t rows, size_t k, size_t nr) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < nr; j++) {
      double exact = bias[j], sum = fabs(bias[j]);
      for (size_t p = 0; p < k; p++) {
        double product = (double)a[i * k + p] * b[p * nr + j];
        exact += product;
        sum += fabs(product);
      }
      double bound = (double)(k + 2) * UNIT_ROUNDOFF * sum + (double)k * 0x1p-149;
      check_near(want[i * nr + j], exact, bound, "gemm_f32 against double", i, j);
    }
}

void check_gemm_f32(const check_pair *pair) {
  const vecd_kern *kern = pair->kern;
  size_t nr = kern->nr, most = 2 * kern->mr + 3, turn = 0;
  assert_true(nr <= MOST_NR && nr % 8 == 0 && kern->mr <= VECD_KERN_MAX_MR);
  check_room rooms[4]; /* a, b, bias, c */
  for (int i = 0; i < 4; i++) rooms[i] = check_room_new(MOST_ROWS * (MOST_K + 32));
  for (int values = 0; values < VALUES_COUNT; values++)
    for (size_t k = 1; k; k = next_k(k)) {
      check_fill(a, most * k, values);
      check_fill(b, k * nr, values);
      check_fill(bias, nr, values);
      expect(pair->ref, most, k, nr);
      if (values != VALUES_SPECIAL) check_oracle(most, k, nr);
      for (size_t rows = 1; rows <= most; rows++, turn++) {
        static const size_t extra[] = {0, 1, 16, 3, 7};
        size_t lda = k + extra[turn % 5], ldc = nr + extra[turn / 5 % 5];
        float *pa = check_block(&rooms[0], turn % PLACE_COUNT, rows, k, lda);
        float *pb = check_block(&rooms[1], turn / 3 % PLACE_COUNT, 1, k * nr, 0);
        float *pbias = check_block(&rooms[2], turn / 2 % PLACE_COUNT, 1, nr, 0);
        check_place place = turn / 5 % PLACE_COUNT;
        float *pc = check_block(&rooms[3], place, rows, nr, ldc);
        check_spread(pa, lda, a, rows, k);
        check_spread(pb, 0, b, 1, k * nr);
        check_spread(pbias, 0, bias, 1, nr);
        if (turn % 4 != 3)
          kern->gemm_f32(pa, lda, pb, pbias, pc, ldc, rows, k);
        else /* in pieces: no row may depend on how many there are */
          for (size_t row = 0, step; row < rows; row += step) {
            step = 1 + check_random() % (rows - row);
            kern->gemm_f32(pa + row * lda, lda, pb, pbias, pc + row * ldc, ldc, step, k);
          }
        for (size_t i = 0; i < rows; i++)
          for (size_t j = 0; j < nr; j++) check_equal(pc[i * ldc + j], want[i * nr + j], "gemm_f32", i, j);
        check_canaries(&rooms[3], pc, rows, nr, ldc, "gemm_f32");
      }
    }
  for (int i = 0; i < 4; i++) check_room_free(&rooms[i]);
}

void check_pack_f32(const check_pair *pair) {
  const vecd_kern *kern = pair->kern;
  size_t nr = kern->nr, turn = 0;
  check_room from = check_room_new(MOST_NR * (MOST_K + 32)), to = check_room_new(MOST_NR * (MOST_K + 32));
  for (size_t k = 1; k; k = next_k(k))
    for (size_t rows = 1; rows <= nr; rows++, turn++) {
      static const size_t extra[] = {0, 1, 16, 3, 7};
      size_t ld = k + extra[turn % 5];
      for (size_t i = 0; i < rows * k; i++) b[i] = check_float(check_random()); /* any bits at all: they are moved */
      float *src = check_block(&from, turn % PLACE_COUNT, rows, k, ld);
      float *dst = check_block(&to, turn / 3 % PLACE_COUNT, 1, k * nr, 0);
      check_spread(src, ld, b, rows, k);
      kern->pack_f32(src, ld, rows, k, dst);
      for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < nr; i++) check_equal(dst[p * nr + i], i < rows ? b[i * k + p] : 0.0f, "pack_f32", i, p);
      check_canaries(&to, dst, 1, k * nr, 0, "pack_f32");
    }
  check_room_free(&from);
  check_room_free(&to);
}

void check_peak_f32(const check_pair *pair) {
  float sink = 1e-30f;
  double one = pair->kern->peak_f32(1, &sink), many = pair->kern->peak_f32(1000, &sink);
  assert_true(one >= 2.0 * pair->lanes && many == 1000 * one);
  assert_true(isfinite(sink));
  check_count(2);
}
