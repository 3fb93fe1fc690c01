/* test_quality.c - cosines of two tiny golden models against a plain sum over their vectors, and the built-in sample's promises. */
#include "../golden/golden.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/quality.h"

enum { MOST = 600 }; /* more than two slices */

static vecd_model *open_tiny(const char *name, const char *precision) {
  char tiny[GOLDEN_PATH_BYTES], folder[GOLDEN_PATH_BYTES];
  vecd_model *m = NULL;
  vecd_err err;
  golden_path(tiny, "tiny");
  join_path(folder, tiny, name);
  if (vecd_open(folder, &(vecd_options){.threads = 2, .precision = precision}, &m, &err)) fail_msg("%s", err.text);
  return m;
}

/* MOST different texts. */
static const vecd_span *some_texts(void) {
  static char room[MOST][64];
  static vecd_span texts[MOST];
  static const char *const words[] = {"apple", "river", "seven", "the", "of glass", "x", "no?"};
  for (unsigned i = 0; i < MOST; i++) {
    snprintf(room[i], sizeof room[i], "%u %s %s", i, words[i % 7], words[i * i % 5]);
    texts[i] = vecd_span_of(room[i]);
  }
  return texts;
}

static void cosines_are_never_nan(void **state) {
  (void)state;
  const float a[] = {3, 4, 0}, b[] = {4, 3, 0}, c[] = {-6, -8, 0}, d[] = {0, 0, 5}, zero[3] = {0};
  const float tiny[] = {1e-45f, 0, 1e-45f}, huge[] = {3e38f, 3e38f, -3e38f};
  assert_true(fabs(vecd_cosine(a, b, 3) - 0.96) < 1e-15);
  assert_true(vecd_cosine(a, c, 3) == -1);
  assert_true(vecd_cosine(a, d, 3) == 0);
  assert_true(vecd_cosine(a, zero, 3) == 0 && vecd_cosine(zero, a, 3) == 0);
  assert_true(vecd_cosine(zero, zero, 3) == 1);
  assert_true(vecd_cosine(tiny, tiny, 3) == 1 && vecd_cosine(huge, huge, 3) == 1);
  assert_true(fabs(vecd_cosine(tiny, huge, 3)) < 1e-15);
  uint32_t x = 1;
  for (int round = 0; round < 10000; round++) { /* nothing rounds over 1, and a vector is always like itself */
    float v[7], w[7];
    for (int i = 0; i < 7; i++) {
      x = x * 1664525u + 1013904223u;
      v[i] = (float)(int32_t)x * 0x1p-20f;
      w[i] = v[i] * 0.1f;
    }
    assert_true(vecd_cosine(v, v, 7) == 1);
    double cosine = vecd_cosine(v, w, 7);
    assert_true(cosine <= 1 && cosine > 1 - 1e-12);
  }
}

static void a_model_equals_itself(void **state) {
  (void)state;
  const vecd_span *texts = some_texts();
  vecd_model *m = open_tiny("bert-mean-norm", "fp32"), *again = open_tiny("bert-mean-norm", NULL);
  vecd_quality q;
  static const size_t counts[] = {1, 2, 255, 256, 257, MOST}; /* around a slice */
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    size_t n = counts[i];
    assert_int_equal(vecd_quality_measure(m, i % 2 ? m : again, texts, n, VECD_MODEL_SLICE, NULL, NULL, &q, NULL), VECD_OK);
    assert_true(q.least == 1 && q.first_percentile == 1 && q.mean == 1);
    assert_int_equal(q.least_index, 0);
    assert_int_equal(q.n, n);
    assert_int_equal(q.bad.status, VECD_OK);
    assert_true(q.n_tokens > 2 * n);
  }
  vecd_close(&m);
  vecd_close(&again);
}

/* Each text alone, through the public API; the numbers by the most obvious way there is. */
static void expect(vecd_model *reference, vecd_model *candidate, const vecd_span *texts, size_t n) {
  static double cosines[MOST];
  vecd_quality q;
  size_t d = vecd_model_dimension(reference), least = 0;
  float *a = calloc(2 * d, sizeof *a), *b = a + d;
  double sum = 0;
  uint64_t n_tokens = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t tokens;
    assert_int_equal(vecd_encode(reference, &texts[i].ptr, &texts[i].len, 1, 0, a, &tokens, NULL), VECD_OK);
    assert_int_equal(vecd_encode(candidate, &texts[i].ptr, &texts[i].len, 1, 0, b, NULL, NULL), VECD_OK);
    long double dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < d; j++) {
      dot += (long double)a[j] * b[j];
      aa += (long double)a[j] * a[j];
      bb += (long double)b[j] * b[j];
    }
    cosines[i] = (double)(dot / sqrtl(aa * bb));
    if (cosines[i] < cosines[least]) least = i;
    sum += cosines[i];
    n_tokens += tokens;
  }
  assert_int_equal(vecd_quality_measure(reference, candidate, texts, n, VECD_MODEL_SLICE, NULL, NULL, &q, NULL), VECD_OK);
  assert_int_equal(q.least_index, least);
  assert_int_equal(q.n, n);
  assert_int_equal(q.n_tokens, n_tokens);
  assert_true(fabs(q.least - cosines[least]) < 1e-12);
  assert_true(fabs(q.mean - sum / (double)n) < 1e-12);
  qsort(cosines, n, sizeof *cosines, by_value);
  assert_true(fabs(q.first_percentile - cosines[(n + 99) / 100 - 1]) < 1e-12);
  assert_true(q.least <= q.first_percentile && q.first_percentile <= q.mean && q.mean <= 1);
  free(a);
}

static void eight_bits_cost_what_they_cost(void **state) {
  (void)state;
  vecd_model *fp32 = open_tiny("bert-mean-norm", "fp32"), *int8 = open_tiny("bert-mean-norm", "int8");
  expect(fp32, int8, some_texts(), MOST);
  expect(fp32, int8, some_texts() + 17, 101);
  vecd_close(&fp32);
  vecd_close(&int8);
}

static void other_models_are_told_apart(void **state) {
  (void)state;
  vecd_model *a = open_tiny("bert-relu", NULL), *b = open_tiny("bert-cls", NULL);
  expect(a, b, some_texts(), 300);
  expect(b, a, some_texts(), 1);
  vecd_close(&a);
  vecd_close(&b);
}

static void weights_in_8_bits_are_fewer_bytes(void **state) {
  (void)state;
  vecd_model *fp32 = open_tiny("bert-mean-norm", "fp32"), *int8 = open_tiny("bert-mean-norm", "int8");
  const vecd_encoder *e = vecd_model_encoder(fp32), *e8 = vecd_model_encoder(int8);
  size_t values = (size_t)vecd_encoder_parameters(e);
  const vecd_encoder_config *c = vecd_encoder_config_of(e);
  assert_true(vecd_encoder_weight_bytes(e) + c->n_positions * c->hidden * sizeof(float) >= values * sizeof(float));
  assert_true(vecd_encoder_weight_bytes(e8) > (values - c->n_positions * c->hidden));
  assert_true(vecd_encoder_weight_bytes(e8) < vecd_encoder_weight_bytes(e));
  assert_true(vecd_encoder_weight_bytes(e8) < vecd_encoder_bytes(e8)); /* which has scratch in it */
  vecd_close(&fp32);
  vecd_close(&int8);
}

static void a_bad_text_is_named(void **state) {
  (void)state;
  static vecd_span texts[MOST];
  vecd_model *m = open_tiny("bert-mean-norm", NULL);
  vecd_quality q;
  vecd_err err;
  memcpy(texts, some_texts(), sizeof texts);
  texts[299] = VECD_SPAN("not \xff good");
  assert_int_equal(vecd_quality_measure(m, m, texts, MOST, VECD_MODEL_SLICE, NULL, NULL, &q, &err), VECD_BAD_TEXT);
  assert_string_equal(err.text, "texts[299]: not valid UTF-8 at byte 4");
  assert_int_equal(q.n, 299);
  assert_int_equal(q.bad.status, VECD_BAD_TEXT);
  assert_int_equal(q.bad.error_pos, 4);
  assert_ptr_equal(q.bad.text.ptr, texts[299].ptr);
  assert_int_equal(vecd_quality_measure(m, m, texts, 299, VECD_MODEL_SLICE, NULL, NULL, &q, NULL), VECD_OK);
  vecd_close(&m);
}

static bool count_steps(void *ctx, size_t n_done) {
  size_t *seen = ctx;
  assert_true(n_done > seen[0] && n_done <= MOST);
  seen[0] = n_done;
  return ++seen[1] != seen[2];
}

static void steps_can_end_it(void **state) {
  (void)state;
  vecd_model *m = open_tiny("bert-mean-norm", NULL);
  vecd_quality q;
  vecd_err err;
  size_t seen[3] = {0, 0, 2};
  assert_int_equal(vecd_quality_measure(m, m, some_texts(), MOST, VECD_MODEL_SLICE, count_steps, seen, &q, &err),
                   VECD_CANCELLED);
  assert_int_equal(seen[1], 2);
  assert_int_equal(q.bad.status, VECD_OK);
  memset(seen, 0, sizeof seen);
  assert_int_equal(vecd_quality_measure(m, m, some_texts(), MOST, VECD_MODEL_SLICE, count_steps, seen, &q, &err), VECD_OK);
  assert_int_equal(seen[0], MOST);
  vecd_close(&m);
}

/* However few at a time: the same numbers, and a step after each slice. */
static void the_slice_does_not_matter(void **state) {
  (void)state;
  vecd_model *fp32 = open_tiny("bert-mean-norm", "fp32"), *int8 = open_tiny("bert-mean-norm", "int8");
  vecd_quality want, got;
  static const size_t slices[] = {1, 7, 8, 101, VECD_MODEL_SLICE};
  assert_int_equal(vecd_quality_measure(fp32, int8, some_texts(), 101, VECD_MODEL_SLICE, NULL, NULL, &want, NULL), VECD_OK);
  for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
    size_t seen[3] = {0, 0, 0};
    assert_int_equal(vecd_quality_measure(fp32, int8, some_texts(), 101, slices[i], count_steps, seen, &got, NULL), VECD_OK);
    assert_int_equal(seen[1], (101 + slices[i] - 1) / slices[i]);
    assert_true(got.mean == want.mean && got.least == want.least && got.first_percentile == want.first_percentile);
    assert_true(got.least_index == want.least_index && got.n == want.n && got.n_tokens == want.n_tokens);
  }
  vecd_close(&fp32);
  vecd_close(&int8);
}

static void memory_is_bounded_and_its_want_survived(void **state) {
  (void)state;
  vecd_model *m = open_tiny("bert-mean-norm", NULL);
  vecd_quality q;
  vecd_err err;
  for (int i = 0; i < 3; i++)
    assert_int_equal(vecd_quality_measure(m, m, some_texts(), MOST, VECD_MODEL_SLICE, NULL, NULL, &q, &err), VECD_OK);
  size_t before = vecd_mem_total_bytes();
  uint64_t n_allocations = vecd_mem_count();
  assert_int_equal(vecd_quality_measure(m, m, some_texts(), MOST, VECD_MODEL_SLICE, NULL, NULL, &q, &err), VECD_OK);
  assert_int_equal(vecd_mem_count() - n_allocations, 2); /* cosines, one slice of vectors */
  for (uint64_t n = 1; n <= 2; n++) {
    vecd_mem_fail_nth(n);
    assert_int_equal(vecd_quality_measure(m, m, some_texts(), MOST, VECD_MODEL_SLICE, NULL, NULL, &q, &err), VECD_NO_MEMORY);
    vecd_mem_fail_nth(0);
  }
  assert_int_equal(vecd_mem_total_bytes(), before);
  vecd_close(&m);
}

static void the_sample_is_what_it_promises(void **state) {
  (void)state;
  size_t n_bytes = 0, n_ascii = 0;
  assert_in_range(vecd_quality_sample_size, 400, 1000);
  for (size_t i = 0; i < vecd_quality_sample_size; i++) {
    vecd_span text = vecd_quality_sample[i];
    bool is_ascii = true;
    assert_true(text.len > 0);
    assert_int_equal(vecd_utf8_valid_prefix(text.ptr, text.len), text.len);
    for (size_t j = 0; j < i; j++) assert_false(vecd_span_eq(text, vecd_quality_sample[j]));
    for (size_t j = 0; j < text.len; j++) is_ascii = is_ascii && (unsigned char)text.ptr[j] < 0x80;
    n_ascii += is_ascii;
    n_bytes += text.len + sizeof text;
  }
  assert_true(n_bytes < 150000);
  assert_in_range(n_ascii, vecd_quality_sample_size / 3, vecd_quality_sample_size * 2 / 3);
}

static void the_quick_sample_is_a_part_of_it(void **state) {
  (void)state;
  vecd_span quick[VECD_QUALITY_QUICK_MOST];
  size_t n = vecd_quality_quick_sample(quick), at = 0, n_bytes = 0, n_ascii = 0;
  assert_in_range(n, 50, VECD_QUALITY_QUICK_MOST);
  for (size_t i = 0; i < n; i++) {
    bool is_ascii = true;
    while (at < vecd_quality_sample_size && vecd_quality_sample[at].ptr != quick[i].ptr) at++;
    assert_true(at < vecd_quality_sample_size); /* all of them, in order */
    for (size_t j = 0; j < quick[i].len; j++) is_ascii = is_ascii && (unsigned char)quick[i].ptr[j] < 0x80;
    n_ascii += is_ascii;
    n_bytes += quick[i].len;
  }
  assert_in_range(n_ascii, n / 3, n * 2 / 3);
  assert_true(n_bytes < 8000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cosines_are_never_nan),
      cmocka_unit_test(a_model_equals_itself),
      cmocka_unit_test(eight_bits_cost_what_they_cost),
      cmocka_unit_test(other_models_are_told_apart),
      cmocka_unit_test(weights_in_8_bits_are_fewer_bytes),
      cmocka_unit_test(a_bad_text_is_named),
      cmocka_unit_test(steps_can_end_it),
      cmocka_unit_test(the_slice_does_not_matter),
      cmocka_unit_test(memory_is_bounded_and_its_want_survived),
      cmocka_unit_test(the_sample_is_what_it_promises),
      cmocka_unit_test(the_quick_sample_is_a_part_of_it),
  };
  return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
