/* test_head.c - the modules behind the pooling against the same sums in double precision; the same bits for every number of rows
 * and workers, with layers large enough to be shared out; widths off the kernels' panels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "nn/head.h"

enum { N_IN = 515, WIDE = 1030, N_OUT = 77, ROWS = VECD_HEAD_MAX_ROWS };

static char paths[3][64];
static float w1[WIDE * N_IN], b1[WIDE], gamma_[WIDE], beta[WIDE], w2[N_OUT * WIDE];
static float in[ROWS * N_IN];
static double want[ROWS * N_OUT];

static uint32_t random_state = 1;
static void fill(float *x, size_t n, float size) {
  for (size_t i = 0; i < n; i++) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    x[i] = ((float)(random_state >> 8) / (float)(1 << 23) - 1) * size;
  }
}

/* One or two tensors of F32 as a .safetensors file; cols 0: a vector. */
static void put(char *path, const char *name1, const float *x, size_t rows, size_t cols, const char *name2, const float *y,
                size_t n2) {
  char header[512], shape[64];
  size_t n1 = 4 * rows * (cols ? cols : 1);
  snprintf(shape, sizeof shape, cols ? "%zu,%zu" : "%zu", rows, cols);
  int n =
      snprintf(header, sizeof header, "{\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,%zu]}", name1, shape, n1);
  if (name2)
    n += snprintf(header + n, sizeof header - (size_t)n,
                  ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}", name2, n2, n1, n1 + 4 * n2);
  header[n++] = '}';
  unsigned char length[8] = {(unsigned char)n, (unsigned char)(n >> 8)};
  strcpy(path, "/tmp/vecd-test-XXXXXX");
  int fd = mkstemp(path);
  FILE *f = fdopen(fd, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(length, 1, 8, f) + fwrite(header, 1, (size_t)n, f) + fwrite(x, 1, n1, f), 8 + (size_t)n + n1);
  if (name2) assert_int_equal(fwrite(y, 4, n2, f), n2);
  fclose(f);
}

/* Dense with bias and Tanh, Normalize, LayerNorm, Dense without either, Normalize. */
static vecd_module modules[] = {
    {.kind = VECD_MODULE_DENSE, .weights_path = paths[0], .n_in = N_IN, .n_out = WIDE, .has_bias = true, .has_tanh = true},
    {.kind = VECD_MODULE_NORMALIZE},
    {.kind = VECD_MODULE_LAYER_NORM, .weights_path = paths[1], .n_in = WIDE, .n_out = WIDE},
    {.kind = VECD_MODULE_DENSE, .weights_path = paths[2], .n_in = WIDE, .n_out = N_OUT},
    {.kind = VECD_MODULE_NORMALIZE},
};
static const vecd_model_folder folder = {.modules = modules, .n_modules = 5};

static void reference(const float *x, double *out) {
  double y[WIDE], length = 0, mean = 0, var = 0;
  for (size_t i = 0; i < WIDE; i++) {
    y[i] = b1[i];
    for (size_t k = 0; k < N_IN; k++) y[i] += (double)w1[i * N_IN + k] * x[k];
    y[i] = tanh(y[i]);
    length += y[i] * y[i];
  }
  for (size_t i = 0; i < WIDE; i++) mean += (y[i] /= sqrt(length)) / WIDE;
  for (size_t i = 0; i < WIDE; i++) var += (y[i] - mean) * (y[i] - mean) / WIDE;
  for (size_t i = 0; i < WIDE; i++) y[i] = (y[i] - mean) / sqrt(var + 1e-5) * gamma_[i] + beta[i];
  for (size_t i = 0; i < N_OUT; i++) {
    out[i] = 0;
    for (size_t k = 0; k < WIDE; k++) out[i] += (double)w2[i * WIDE + k] * y[k];
  }
}

static int setup(void **state) {
  (void)state;
  fill(w1, WIDE * N_IN, 0.1f);
  fill(b1, WIDE, 0.5f);
  fill(gamma_, WIDE, 1);
  fill(beta, WIDE, 0.3f);
  fill(w2, N_OUT * WIDE, 0.1f);
  fill(in, ROWS * N_IN, 1);
  put(paths[0], "linear.weight", w1, WIDE, N_IN, "linear.bias", b1, WIDE);
  put(paths[1], "norm.weight", gamma_, WIDE, 0, "norm.bias", beta, WIDE);
  put(paths[2], "linear.weight", w2, N_OUT, WIDE, NULL, NULL, 0);
  for (size_t row = 0; row < ROWS; row++) reference(in + row * N_IN, want + row * N_OUT);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) unlink(paths[i]);
  return 0;
}

static void is_the_sum_it_should_be(void **state) {
  (void)state;
  static float got[ROWS * N_OUT];
  for (size_t k = 0; vecd_kern_isas[k]; k++) {
    vecd_kern kern;
    if (vecd_kern_choose(&kern, vecd_kern_isas[k], NULL)) continue;
    for (unsigned threads = 1; threads <= 3; threads++) {
      vecd_team *team;
      vecd_head *h = NULL;
      vecd_err err;
      size_t ld;
      double worst = 0;
      assert_int_equal(vecd_team_new(threads, &team, NULL), VECD_OK);
      if (vecd_head_open(&folder, N_IN, &kern, team, &h, &err)) fail_msg("%s", err.text);
      assert_true(!vecd_head_is_empty(h) && vecd_head_ends_in_normalize(h) && vecd_head_dimension(h) == N_OUT);
      assert_int_equal(vecd_head_parameters(h), WIDE * N_IN + 3 * WIDE + N_OUT * WIDE);
      const float *all = vecd_head_run(h, in, ROWS, &ld);
      for (size_t row = 0; row < ROWS; row++) memcpy(got + row * N_OUT, all + row * ld, N_OUT * sizeof *got);
      for (size_t i = 0; i < ROWS * N_OUT; i++) {
        double d = fabs(got[i] - want[i]);
        if (!(d <= worst)) worst = d;
      }
      print_message("%s, %u threads: largest difference %.2e\n", kern.isa, threads, worst);
      assert_true(worst < 1e-5);
      for (size_t first = 0, n = 1; first + n <= ROWS; first += n++) {
        const float *some = vecd_head_run(h, in + first * N_IN, n, &ld);
        for (size_t row = 0; row < n; row++)
          assert_memory_equal(some + row * ld, got + (first + row) * N_OUT, N_OUT * sizeof *got);
      }
      vecd_head_close(&h);
      assert_null(h);
      vecd_team_free(&team);
    }
  }
}

static void nothing_to_do_is_legal(void **state) {
  (void)state;
  vecd_kern kern;
  vecd_head *h = NULL;
  vecd_module normalize[2] = {{.kind = VECD_MODULE_NORMALIZE}, {.kind = VECD_MODULE_NORMALIZE}};
  assert_int_equal(vecd_kern_choose(&kern, NULL, NULL), VECD_OK);
  for (unsigned n = 0; n <= 2; n++) {
    const vecd_model_folder some = {.modules = normalize, .n_modules = n};
    assert_int_equal(vecd_head_open(&some, 7, &kern, NULL, &h, NULL), VECD_OK);
    assert_true(vecd_head_is_empty(h) && vecd_head_ends_in_normalize(h) == (n > 0) && vecd_head_dimension(h) == 7);
    assert_int_equal(vecd_head_bytes(h), 0);
    vecd_head_close(&h);
  }
  vecd_head_close(&h);
  vecd_head_close(NULL);
  vecd_err err;
  assert_int_equal(vecd_head_open(&folder, N_IN + 1, &kern, NULL, &h, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "515"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_the_sum_it_should_be),
      cmocka_unit_test(nothing_to_do_is_legal),
  };
  return cmocka_run_group_tests_name("head", tests, setup, teardown);
}
