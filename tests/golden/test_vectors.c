/* test_vectors.c - our vectors of the golden texts against those sentence-transformers gave in float32 (README.md here), on every
 * instruction set this CPU has, and that a text's bits depend on nothing but the text.
 *
 * VECD_SOURCE_ROOT is the repository; VECD_TEST_MODEL the folder of all-MiniLM-L6-v2, by default where
 * tools/get_default_model.sh puts it. Without the model the test fails. With VECD_LONG=1 the scalar kernels do every text, not
 * forty of them. */
#include "golden.h"
#include "kern/kern.h"
#include "model/folder_facts.h"
#include "vecd.h"

enum { DIMENSION = 384, MOST_TEXTS = 2048, N_BATCHES = 20 };

/* The reference itself is 3.5e-7 from the same sum in double precision. */
#define MOST_DIFFERENCE 1e-6
#define LEAST_COSINE    0.999999

/* With weights and activations in 8 bits. */
#define INT8_LEAST_COSINE 0.995
#define INT8_MEAN_COSINE  0.999

static char model_path[2048];
static json_t *json;
static const char *texts[MOST_TEXTS];
static size_t lens[MOST_TEXTS], n_texts;
static npy want; /* n_texts rows */

static int read_golden(void **state) {
  (void)state;
  char path[GOLDEN_PATH_BYTES];
  json = read_golden_json("texts.json");
  n_texts = json_array_size(json);
  assert_in_range(n_texts, 400, MOST_TEXTS);
  for (size_t i = 0; i < n_texts; i++) {
    texts[i] = json_string_value(json_array_get(json, i));
    lens[i] = json_string_length(json_array_get(json, i));
  }
  golden_path(path, "minilm_vectors.npy");
  open_npy(&want, path, n_texts);
  assert_int_equal(want.width, DIMENSION);
  return 0;
}

/* What the headers tell of the bytes is what they come to. */
static void check_estimate(const vecd_model *m) {
  vecd_info info;
  vecd_kern kern;
  vecd_precision precision;
  size_t n_bytes;
  vecd_err err;
  vecd_describe(m, &info);
  assert_int_equal(vecd_kern_choose(&kern, info.isa, NULL), VECD_OK);
  assert_int_equal(vecd_precision_parse(info.precision, &precision, NULL), VECD_OK);
  if (vecd_folder_estimate_bytes(model_path, precision, &kern, info.threads, &n_bytes, &err)) fail_msg("%s", err.text);
  double real = (double)info.resident_bytes;
  if (fabs((double)n_bytes - real) > 0.01 * real) fail_msg("%s: %zu bytes estimated, not %.0f", info.precision, n_bytes, real);
}

static vecd_model *open_model(const char *isa, const char *precision, unsigned threads) {
  vecd_model *m = NULL;
  vecd_err err;
  if (vecd_open(model_path, &(vecd_options){.isa = isa, .precision = precision, .threads = threads}, &m, &err))
    fail_msg("%s (tools/get_default_model.sh brings the model)", err.text);
  check_estimate(m);
  return m;
}

static float *encode(vecd_model *m, const char *const *t, const size_t *l, size_t n) {
  float *v = calloc(n * DIMENSION, sizeof *v);
  vecd_err err;
  if (vecd_encode(m, t, l, n, 0, v, NULL, &err)) fail_msg("%s", err.text);
  return v;
}

static void compare(const char *isa, const char *precision, unsigned threads, const float *got, size_t n) {
  double worst = 0, least = 1, sum = 0;
  for (size_t i = 0; i < n; i++) {
    const float *a = want.values + i * DIMENSION, *b = got + i * DIMENSION;
    for (size_t j = 0; j < DIMENSION; j++) worst = fmax(worst, fabs((double)b[j] - a[j]));
    double c = cosine(a, b, DIMENSION);
    assert_false(isnan(c)); /* fmax() and fmin() would pass it over */
    least = fmin(least, c);
    sum += c;
  }
  print_message("%s, %s, %u thread(s), %zu texts: largest difference %.2e, least cosine %.9f, mean %.9f\n", isa, precision,
                threads, n, worst, least, sum / (double)n);
  if (strcmp(precision, "int8") == 0) {
    assert_true(least >= INT8_LEAST_COSINE);
    assert_true(sum / (double)n >= INT8_MEAN_COSINE);
  } else {
    assert_true(worst <= MOST_DIFFERENCE);
    assert_true(least >= LEAST_COSINE);
  }
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % n;
}

/* The vectors of `got` again, from random batches. */
static void expect_same_bits(vecd_model *m, const float *got) {
  for (unsigned batch = 0; batch < N_BATCHES; batch++) {
    const char *t[64];
    size_t l[64], index[64], n = 1 + random_below(64);
    for (size_t i = 0; i < n; i++) {
      index[i] = random_below((uint32_t)n_texts);
      t[i] = texts[index[i]];
      l[i] = lens[index[i]];
    }
    float *v = encode(m, t, l, n);
    for (size_t i = 0; i < n; i++) assert_memory_equal(v + i * DIMENSION, got + index[i] * DIMENSION, DIMENSION * sizeof *v);
    free(v);
  }
}

static void check_isa(const char *isa, const char *precision) {
  vecd_kern kern;
  if (vecd_kern_choose(&kern, isa, NULL)) {
    print_message("this CPU has no %s: not run\n", isa);
    skip();
  }
  float *alone = NULL;
  for (unsigned threads = 1; threads <= 2; threads++) {
    vecd_model *m = open_model(isa, precision, threads);
    float *got = encode(m, texts, lens, n_texts);
    compare(isa, precision, threads, got, n_texts);
    if (threads == 1) {
      alone = calloc(n_texts * DIMENSION, sizeof *alone);
      for (size_t i = 0; i < n_texts; i++) {
        float *v = encode(m, &texts[i], &lens[i], 1);
        memcpy(alone + i * DIMENSION, v, DIMENSION * sizeof *v);
        free(v);
      }
    }
    assert_memory_equal(got, alone, n_texts * DIMENSION * sizeof *got);
    expect_same_bits(m, alone);
    free(got);
    vecd_close(&m);
  }
  free(alone);
}

typedef struct check {
  const char *isa, *precision;
} check;

static void agrees(void **state) {
  const check *c = *state;
  check_isa(c->isa, c->precision);
}

static void check_scalar(const char *precision) {
  size_t n = getenv("VECD_LONG") ? n_texts : 40;
  vecd_model *m = open_model("ref", precision, 2);
  float *got = encode(m, texts, lens, n);
  compare("ref", precision, 2, got, n);
  float *one = encode(m, &texts[n / 2], &lens[n / 2], 1);
  assert_memory_equal(one, got + n / 2 * DIMENSION, DIMENSION * sizeof *one);
  free(one);
  free(got);
  vecd_close(&m);
}

static void scalar_agrees(void **state) { check_scalar(((const check *)*state)->precision); }

static int drop_golden(void **state) {
  (void)state;
  json_decref(json);
  vecd_mapping_close(&want.file);
  return 0;
}

int main(void) {
  const char *model = getenv("VECD_TEST_MODEL"), *models = getenv("VECD_MODELS"), *data = getenv("XDG_DATA_HOME");
  if (model && *model)
    snprintf(model_path, sizeof model_path, "%s", model);
  else if (models && *models)
    snprintf(model_path, sizeof model_path, "%s/all-MiniLM-L6-v2", models);
  else if (data && *data)
    snprintf(model_path, sizeof model_path, "%s/vecd/models/all-MiniLM-L6-v2", data);
  else
    snprintf(model_path, sizeof model_path, "%s/.local/share/vecd/models/all-MiniLM-L6-v2", getenv("HOME"));
  static check checks[] = {{"ref", "fp32"},  {"avx2", "fp32"},    {"avx512", "fp32"}, {"ref", "int8"},
                           {"avx2", "int8"}, {"avxvnni", "int8"}, {"avx512", "int8"}, {"avx512vnni", "int8"}};
  enum { N = sizeof checks / sizeof *checks };
  static char names[N][32];
  static struct CMUnitTest tests[N];
  for (size_t i = 0; i < N; i++) {
    snprintf(names[i], sizeof names[i], "%s, %s", checks[i].isa, checks[i].precision);
    tests[i] = (struct CMUnitTest){
        .name = names[i], .test_func = strcmp(checks[i].isa, "ref") == 0 ? scalar_agrees : agrees, .initial_state = &checks[i]};
  }
  return _cmocka_run_group_tests("vectors", tests, N, read_golden, drop_golden);
}
