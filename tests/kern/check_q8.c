/* check_q8.c - the 8-bit kernels: bit for bit the scalar ones, which themselves are held against sums in integers and double
 * precision. Panels are of different width on each ISA, so each side packs its own. */
#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kern/q8.h"

enum { MOST_K = 1536, MOST_ROWS = 15, MOST_NR = VECD_KERN_MAX_NR, MOST_GROUPS = MOST_K / 64 };

static const size_t ks[] = {1, 2, 3, 4, 5, 31, 36, 60, 63, 64, 65, 96, 100, 127, 128, 129, 192, 384, 771, 1536};
static const check_values kinds[] = {VALUES_ORDINARY, VALUES_WIDE, VALUES_SUBNORMAL, VALUES_ZEROS};

static float x[MOST_ROWS * MOST_K], w[MOST_NR * MOST_K], bias[MOST_NR], want[MOST_ROWS * MOST_NR];

/* One side's quantized rows. */
typedef struct quantized {
  uint8_t q[MOST_ROWS * MOST_GROUPS * 64];
  float scale[MOST_ROWS * MOST_GROUPS];
  int32_t zero[MOST_ROWS * MOST_GROUPS];
} quantized;

static quantized by_ref, by_isa;

static void fill_rows(float *to, size_t n, check_values values) {
  check_fill(to, n, values);
  for (size_t i = 0; i < n; i++) to[i] = fmaxf(-1e30f, fminf(1e30f, to[i])); /* a group's range must be finite */
}

void check_quantize_q8(const check_pair *pair) {
  check_room room = check_room_new(MOST_ROWS * (MOST_K + 8));
  size_t turn = 0;
  for (size_t v = 0; v < sizeof kinds / sizeof *kinds; v++)
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++, turn++) {
      size_t k = ks[i], n_groups = vecd_q8_groups(k), ldq = n_groups * 64, ld = k + turn % 3;
      fill_rows(x, MOST_ROWS * k, kinds[v]);
      if (turn % 2)
        for (size_t j = 0; j < MOST_ROWS * k; j++) x[j] = fabsf(x[j]) + 1.0f; /* a range that 0 is not inside of */
      float *src = check_block(&room, turn % PLACE_COUNT, MOST_ROWS, k, ld);
      check_spread(src, ld, x, MOST_ROWS, k);
      pair->ref->quantize_q8(x, k, MOST_ROWS, k, by_ref.q, ldq, by_ref.scale, by_ref.zero, n_groups);
      pair->kern->quantize_q8(src, ld, MOST_ROWS, k, by_isa.q, ldq, by_isa.scale, by_isa.zero, n_groups);
      for (size_t row = 0; row < MOST_ROWS; row++)
        for (size_t p = 0; p < ldq; p++) {
          size_t group = row * n_groups + p / 64, at = row * ldq + p;
          int a = by_ref.q[at] - by_ref.zero[group], b = by_isa.q[at] - by_isa.zero[group];
          if (a != b) fail_msg("quantize_q8: k %zu, row %zu, value %zu: %d, not %d", k, row, p, b, a);
          assert_in_range(by_ref.zero[group], 0, 255);
          check_equal(by_isa.scale[group], by_ref.scale[group], "scale", row, p);
          assert_int_equal(by_isa.zero[group], by_ref.zero[group]);
          float original = p < k ? x[row * k + p] : 0.0f; /* within a step: the zero point is rounded too */
          check_near((float)a * by_ref.scale[group], original, 1.01 * by_ref.scale[group] + 0x1p-99, "quantize_q8", row, p);
        }
    }
  check_room_free(&room);
}

void check_weights_q8(const check_pair *pair) {
  check_room room = check_room_new(64 + 8);
  size_t turn = 0;
  for (size_t v = 0; v < sizeof kinds / sizeof *kinds; v++)
    for (size_t n = 1; n <= 64; n++, turn++) {
      int8_t a[64], b[64];
      int32_t sum_a, sum_b;
      fill_rows(w, n, kinds[v]);
      if (turn % 3 == 0)
        for (size_t i = 0; i < n; i++) w[i] = i % 8 < 4 ? 127.0f : -127.0f; /* the largest pairs of either sign there are */
      float *src = check_block(&room, turn % PLACE_COUNT, 1, n, n);
      check_spread(src, n, w, 1, n);
      uint16_t scale_a = pair->ref->weights_q8(w, n, a, &sum_a), scale_b = pair->kern->weights_q8(src, n, b, &sum_b);
      assert_int_equal(scale_a, scale_b);
      assert_memory_equal(a, b, sizeof a);
      assert_int_equal(sum_a, sum_b);
      int32_t sum = 0;
      float scale = vecd_q8_scale(scale_a);
      for (size_t i = 0; i < 64; i++) {
        sum += a[i];
        check_near((float)a[i] * scale, i < n ? w[i] : 0.0f, 0.501 * scale + 0x1p-126f, "weights_q8", n, i);
        if (i % 2) assert_in_range(a[i - 1] + a[i] + 128, a[i - 1] < 0 && a[i] < 0 ? 0 : 1, 256);
      }
      assert_int_equal(sum, sum_a);
    }
  check_room_free(&room);
}

static void pack(const vecd_kern *kern, size_t first, size_t k, unsigned char *panel) {
  vecd_q8_pack(kern, w + first * k, k, kern->nr, k, panel);
}

/* The scalar kernel against the same sum with the outer part in double: (2 G + 2) roundings of G terms and the bias. */
static void expect(const vecd_kern *ref, size_t rows, size_t k, size_t nr) {
  static unsigned char panel[MOST_GROUPS * 68 * MOST_NR];
  size_t n_groups = vecd_q8_groups(k), ldq = n_groups * 64, step = ref->nr;
  ref->quantize_q8(x, k, rows, k, by_ref.q, ldq, by_ref.scale, by_ref.zero, n_groups);
  for (size_t j = 0; j < nr; j += step) {
    pack(ref, j, k, panel);
    ref->gemm_q8(by_ref.q, ldq, by_ref.scale, by_ref.zero, n_groups, panel, bias + j, want + j, nr, rows, k);
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < nr; j++) {
      double exact = bias[j], sum = fabs(bias[j]);
      for (size_t g = 0; g < n_groups; g++) {
        int8_t q[64];
        size_t n = k - g * 64 < 64 ? k - g * 64 : 64;
        int32_t sum_of_weights;
        float ws = vecd_q8_scale(ref->weights_q8(w + j * k + g * 64, n, q, &sum_of_weights));
        long dot = 0;
        for (size_t p = 0; p < 64; p++) dot += (by_ref.q[i * ldq + g * 64 + p] - by_ref.zero[i * n_groups + g]) * q[p];
        double term = (double)dot * ws * by_ref.scale[i * n_groups + g];
        exact += term;
        sum += fabs(term);
      }
      check_near(want[i * nr + j], exact, (double)(2 * n_groups + 2) * UNIT_ROUNDOFF * sum + (double)n_groups * 0x1p-148,
                 "gemm_q8 against double", i, j);
    }
}

void check_gemm_q8(const check_pair *pair) {
  const vecd_kern *kern = pair->kern;
  size_t nr = kern->nr, turn = 0;
  assert_true(nr <= MOST_NR && nr % 8 == 0);
  check_room activations = check_room_new(MOST_ROWS * MOST_K / 2 + MOST_ROWS * 64), panels = check_room_new(MOST_K * MOST_NR);
  check_room out = check_room_new(MOST_ROWS * (MOST_NR + 16));
  for (size_t v = 0; v < sizeof kinds / sizeof *kinds; v++)
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
      size_t k = ks[i], n_groups = vecd_q8_groups(k), ldq = n_groups * 64;
      fill_rows(x, MOST_ROWS * k, kinds[v]);
      fill_rows(w, nr * k, kinds[v]);
      if (i % 3 == 0) /* the largest weights of one sign */
        for (size_t p = 0; p < nr * k; p++) w[p] = 1.0f;
      check_fill(bias, nr, VALUES_ORDINARY);
      if (turn % 2) /* the largest sums there are */
        for (size_t p = 0; p < MOST_ROWS * k; p++) x[p] = p % 64 ? 1.0f : 0.0f;
      expect(pair->ref, MOST_ROWS, k, nr);
      unsigned char *panel =
          (unsigned char *)check_block(&panels, turn % 2 ? PLACE_END : PLACE_START, 1, vecd_q8_panel_bytes(nr, k) / 4, 0);
      pack(kern, 0, k, panel);
      for (size_t rows = 1; rows <= MOST_ROWS; rows++, turn++) {
        size_t ldc = nr + turn % 3 * 5;
        check_place place = turn % PLACE_COUNT;
        unsigned char *a = (unsigned char *)check_block(&activations, PLACE_END, 1, rows * ldq / 4, 0);
        float *c = check_block(&out, place, rows, nr, ldc);
        kern->quantize_q8(x, k, rows, k, a, ldq, by_isa.scale, by_isa.zero, n_groups);
        size_t cut = turn % 3 ? 0 : rows / 2; /* in two pieces: no row may depend on how many there are */
        if (cut) kern->gemm_q8(a, ldq, by_isa.scale, by_isa.zero, n_groups, panel, bias, c, ldc, cut, k);
        kern->gemm_q8(a + cut * ldq, ldq, by_isa.scale + cut * n_groups, by_isa.zero + cut * n_groups, n_groups, panel, bias,
                      c + cut * ldc, ldc, rows - cut, k);
        for (size_t r = 0; r < rows; r++)
          for (size_t j = 0; j < nr; j++) check_equal(c[r * ldc + j], want[r * nr + j], "gemm_q8", r, j);
        check_canaries(&out, c, rows, nr, ldc, "gemm_q8");
      }
    }
  check_room_free(&activations);
  check_room_free(&panels);
  check_room_free(&out);
}
