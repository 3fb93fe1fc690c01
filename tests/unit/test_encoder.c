/* test_encoder.c - token ids -> vectors: every tiny golden folder against what sentence-transformers gave, on every ISA this CPU
 * has and teams of 1, 2 and 3; a sequence's bits depend on nothing but its ids; the forward pass allocates nothing; every
 * allocation of vecd_encoder_open() may fail. */
#include <malloc.h>

#include "../golden/golden.h"
#include "base/mem.h"
#include "nn/encoder.h"
#include "nn/pooling.h"

#define MOST_DIFFERENCE 1e-5 /* times the largest value where that is over 1 */
/* The tiny folders' random, spread-out weights suffer more from 8 bits than trained ones: where two scores are nearly alike a step
 * decides which wins. So one text may be far off, if most are near: the largest distance of a cosine from 1, and the median's. */
#define INT8_MOST_ANGLE   0.15
#define INT8_MEDIAN_ANGLE 0.005

#if defined(__SANITIZE_THREAD__) /* slow, and there for other faults than wrong bits */
enum { N_BATCHES = 4, STEP = 19 };
#elif defined(__SANITIZE_ADDRESS__)
enum { N_BATCHES = 4, STEP = 7 };
#else
enum { N_BATCHES = 20, STEP = 1 };
#endif
enum { MOST_FOLDERS = 96, MOST_THREADS = 3, MOST_BATCH = 6 };

/* One folder's golden data. */
typedef struct golden {
  char name[256];
  vecd_model_folder folder;
  size_t n;
  uint32_t **ids, *lens; /* [n] */
  npy want;              /* n rows */
  size_t dimension;
  float *alone; /* [n, dimension] on the ISA at hand, each sequence alone, not normalised */
} golden;

static golden folders[MOST_FOLDERS];
static size_t n_folders;

/* Zeroed, so that no room is left to chance; a failure ends the test. */
static void *room(size_t n, size_t size) {
  void *p = calloc(n, size);
  assert_non_null(p);
  return p;
}

static void read_ids(golden *g, const char *dir) {
  char path[GOLDEN_PATH_BYTES];
  vecd_err err;
  json_t *json;
  join_path(path, dir, "golden.json");
  if (vecd_json_read(path, (size_t)16 << 20, &json, &err)) fail_msg("%s", err.text);
  const json_t *ids = json_object_get(json, "ids");
  g->n = json_array_size(ids);
  assert_in_range(g->n, 1, VECD_ENCODER_MAX_SEQS);
  g->ids = room(g->n, sizeof *g->ids);
  g->lens = room(g->n, sizeof *g->lens);
  for (size_t i = 0; i < g->n; i++) {
    const json_t *row = json_array_get(ids, i);
    g->lens[i] = (uint32_t)json_array_size(row);
    g->ids[i] = room(g->lens[i], sizeof **g->ids);
    for (size_t j = 0; j < g->lens[i]; j++) g->ids[i][j] = (uint32_t)json_integer_value(json_array_get(row, j));
  }
  json_decref(json);
}

static void read_vectors(golden *g, const char *dir) {
  char path[GOLDEN_PATH_BYTES];
  join_path(path, dir, "vectors.npy");
  open_npy(&g->want, path, g->n);
  g->dimension = g->want.width;
  g->alone = room(g->n * g->dimension, sizeof *g->alone);
  for (size_t i = 0; i < g->n; i++) { /* or no angle would be between it and ours */
    const float *want = g->want.values + i * g->dimension;
    assert_true(dot(want, want, g->dimension) > 0);
  }
}

/* The golden vectors are the encoder's own, but for their length; others are for tests/golden/test_tiny.c. */
static bool is_plain(const vecd_model_folder *f) {
  bool all_tokens = f->pooling.include_prompt || !f->default_prompt;
  for (unsigned i = 0; i < f->n_modules; i++)
    if (f->modules[i].kind != VECD_MODULE_NORMALIZE) return false;
  return all_tokens && !f->truncate_dim;
}

static bool is_normalized(const vecd_model_folder *f) { return f->n_modules > 0; }

/* Those with modules behind the pooling are the whole model's to check. */
static void read_plain_folder(const char *path, const char *name, void *ctx) {
  (void)ctx;
  golden *g = &folders[n_folders];
  vecd_err err;
  snprintf(g->name, sizeof g->name, "%s", name);
  if (vecd_model_folder_open(path, &g->folder, &err)) fail_msg("%s", err.text);
  if (!is_plain(&g->folder)) {
    vecd_model_folder_close(&g->folder);
    return;
  }
  read_ids(g, path);
  read_vectors(g, path);
  n_folders++;
  assert_true(n_folders < MOST_FOLDERS);
}

static int read_folders(void **state) {
  (void)state;
  each_golden_folder("tiny", read_plain_folder, NULL);
  assert_true(n_folders >= 20);
  each_golden_folder("families", read_plain_folder, NULL);
  assert_true(n_folders >= 45);
  return 0;
}

static int drop_folders(void **state) {
  (void)state;
  for (size_t f = 0; f < n_folders; f++) {
    golden *g = &folders[f];
    for (size_t i = 0; i < g->n; i++) free(g->ids[i]);
    free(g->ids);
    free(g->lens);
    vecd_mapping_close(&g->want.file);
    free(g->alone);
    vecd_model_folder_close(&g->folder);
  }
  return 0;
}

static vecd_encoder *open_encoder(const golden *g, vecd_precision precision, const vecd_kern *kern, vecd_team *team) {
  vecd_encoder *e = NULL;
  vecd_err err;
  if (vecd_encoder_open(&g->folder, precision, kern, team, &e, &err)) fail_msg("%s: %s", g->name, err.text);
  assert_int_equal(vecd_encoder_dimension(e), g->dimension);
  for (size_t i = 0; i < g->n; i++) assert_in_range(g->lens[i], 1, vecd_encoder_max_tokens(e));
  return e;
}

/* Runs the sequences picked[0 .. n-1] as one batch into out, [n, dimension]; pooling: nullable, [n]. */
static void run_pooled(vecd_encoder *e, const golden *g, const size_t *picked, const uint8_t *pooling, size_t n, float *out) {
  const uint32_t *ids[VECD_ENCODER_MAX_SEQS];
  uint32_t lens[VECD_ENCODER_MAX_SEQS];
  float *rows[VECD_ENCODER_MAX_SEQS];
  for (size_t i = 0; i < n; i++) {
    ids[i] = g->ids[picked[i]];
    lens[i] = g->lens[picked[i]];
    rows[i] = out + i * g->dimension;
  }
  vecd_encoder_run(e, ids, lens, NULL, pooling, n, NULL, rows);
}

static void run(vecd_encoder *e, const golden *g, const size_t *picked, size_t n, float *out) {
  run_pooled(e, g, picked, NULL, n, out);
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % n;
}

/* The largest difference or angle as a share of what is allowed. */
static double compare(const golden *g, vecd_precision precision, const float *got) {
  size_t width = g->dimension;
  if (precision == VECD_PRECISION_INT8)
    return share_of_angles(g->want.values, got, g->n, width, INT8_MOST_ANGLE, INT8_MEDIAN_ANGLE);
  float *v = room(g->n, width * sizeof *v);
  memcpy(v, got, g->n * width * sizeof *v);
  for (size_t i = 0; i < g->n && is_normalized(&g->folder); i++) vecd_normalize_l2(v + i * width, width);
  double difference = largest_difference(g->want.values, v, g->n, width);
  free(v);
  return difference / MOST_DIFFERENCE;
}

static void same_bits(const golden *g, const size_t *picked, size_t n, const float *got, const char *isa, unsigned threads) {
  for (size_t i = 0; i < n; i++)
    if (memcmp(got + i * g->dimension, g->alone + picked[i] * g->dimension, g->dimension * sizeof *got) != 0)
      fail_msg("%s, %s, %u threads: sequence %zu has other bits in a batch of %zu", g->name, isa, threads, picked[i], n);
}

/* One folder on one ISA: alone with one thread, then all at once and in random batches with every team. */
static double check_folder(golden *g, vecd_precision precision, const vecd_kern *kern, vecd_team *const *teams) {
  double worst = 0;
  size_t picked[VECD_ENCODER_MAX_SEQS];
  float *out = room(g->n > MOST_BATCH ? g->n : MOST_BATCH, g->dimension * sizeof *out);
  for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
    vecd_encoder *e = open_encoder(g, precision, kern, teams[threads - 1]);
    for (size_t i = 0; i < g->n; i += threads) {
      run(e, g, &i, 1, out);
      if (threads == 1)
        memcpy(g->alone + i * g->dimension, out, g->dimension * sizeof *out);
      else
        same_bits(g, &i, 1, out, kern->isa, threads);
    }
    for (size_t i = 0; i < g->n; i++) picked[i] = i;
    run(e, g, picked, g->n, out);
    same_bits(g, picked, g->n, out, kern->isa, threads);
    worst = larger(worst, compare(g, precision, out));
    bool few = precision == VECD_PRECISION_INT8 || strncmp(g->name, "bert-", 5) != 0; /* BERT has had them all */
    unsigned n_batches = few ? N_BATCHES / 4 : N_BATCHES;
    for (unsigned batch = 0; batch < n_batches; batch++) {
      size_t n = 1 + random_below(MOST_BATCH);
      for (size_t i = 0; i < n; i++) picked[i] = random_below((uint32_t)g->n);
      run(e, g, picked, n, out);
      same_bits(g, picked, n, out, kern->isa, threads);
    }
    vecd_encoder_close(&e);
    assert_null(e);
  }
  free(out);
  return worst;
}

/* What `agrees` is run with. */
typedef struct setting {
  const char *isa;
  vecd_precision precision;
} setting;

static void agrees(void **state) {
  const setting *how = *state;
  const char *isa = how->isa;
  double allowed = how->precision == VECD_PRECISION_INT8 ? INT8_MOST_ANGLE : MOST_DIFFERENCE;
  vecd_kern kern;
  if (vecd_kern_choose(&kern, isa, NULL)) {
    print_message("this CPU has no %s: skipped\n", isa);
    skip();
  }
  vecd_team *teams[MOST_THREADS];
  for (unsigned i = 0; i < MOST_THREADS; i++) assert_int_equal(vecd_team_new(i + 1, &teams[i], NULL), VECD_OK);
  double worst = 0;
  const char *where = "";
  size_t n_checked = 0;
  for (size_t f = 0; f < n_folders; f += STEP) {
    /* Of BERT's many folders most are there for poolings and file formats, which are FP32's to check. */
    if (how->precision == VECD_PRECISION_INT8 && strncmp(folders[f].name, "bert-", 5) == 0 && f % 3) continue;
    n_checked++;
    double share = check_folder(&folders[f], how->precision, &kern, teams);
    if (!(share <= 1)) fail_msg("%s, %s, %s: %.2e", folders[f].name, isa, vecd_precision_name(how->precision), share * allowed);
    if (share > worst) worst = share, where = folders[f].name;
  }
  if (how->precision == VECD_PRECISION_INT8)
    print_message("%s, int8, %zu folders: at most %.2f of the bound, in %s\n", isa, n_checked, worst, where);
  else
    print_message("%s, %zu folders: largest difference %.2e max(1, largest value), in %s\n", isa, n_checked, worst * allowed,
                  where);
  for (unsigned i = 0; i < MOST_THREADS; i++) vecd_team_free(&teams[i]);
}

/* [g->n, VECD_POOL_COUNT, hidden]: each sequence alone in each pooling that can be asked for. */
static float *pooled_alone(vecd_encoder *e, const golden *g, size_t hidden) {
  float *all = room(g->n * VECD_POOL_COUNT * hidden, sizeof *all);
  for (size_t i = 0; i < g->n; i++)
    for (uint8_t p = 1; p <= VECD_POOL_COUNT; p++) run_pooled(e, g, &i, &p, 1, all + (i * VECD_POOL_COUNT + p - 1) * hidden);
  return all;
}

/* Batches in which each sequence is pooled as luck wills: it has the bits it has alone. */
static void check_mixed(vecd_encoder *e, const golden *g, const float *own, const float *pooled, size_t hidden) {
  for (int batch = 0; batch < 3 * N_BATCHES; batch++) {
    size_t n = 1 + random_below(MOST_BATCH), picked[MOST_BATCH];
    uint8_t pooling[MOST_BATCH];
    float *out = room(MOST_BATCH, g->dimension * sizeof *out);
    for (size_t i = 0; i < n; i++) {
      picked[i] = random_below((uint32_t)g->n);
      pooling[i] = (uint8_t)random_below(1 + VECD_POOL_COUNT);
    }
    run_pooled(e, g, picked, pooling, n, out);
    for (size_t i = 0; i < n; i++) {
      const float *want =
          pooling[i] ? pooled + (picked[i] * VECD_POOL_COUNT + pooling[i] - 1) * hidden : own + picked[i] * g->dimension;
      if (memcmp(want, out + i * g->dimension, (pooling[i] ? hidden : g->dimension) * sizeof *out) != 0)
        fail_msg("%s: sequence %zu, pooling %u: other bits in a batch of %zu", g->name, picked[i], pooling[i], n);
    }
    free(out);
  }
}

/* Every sequence in every pooling is what a folder of that pooling gives; bert-concat gives all six, so it is their golden data. */
static void poolings_may_differ(void **state) {
  (void)state;
  static const char *const names[] = {"bert-concat",    "bert-cls",       "bert-last-token",
                                      "bert-mean-norm", "modernbert-cls", "qwen3-base"};
  vecd_kern kern;
  size_t n_seen = 0;
  assert_int_equal(vecd_kern_choose(&kern, NULL, NULL), VECD_OK);
  for (size_t f = 0; f < 2 * n_folders; f++) {
    golden *g = &folders[f / 2];
    bool named = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) named |= strcmp(names[i], g->name) == 0;
    if (!named) continue;
    n_seen++;
    float *pooled = NULL;
    for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
      vecd_team *team;
      assert_int_equal(vecd_team_new(threads, &team, NULL), VECD_OK);
      vecd_encoder *e = open_encoder(g, f % 2 ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32, &kern, team);
      size_t hidden = vecd_encoder_config_of(e)->hidden;
      for (size_t i = 0; i < g->n && !pooled; i++) run(e, g, &i, 1, g->alone + i * g->dimension);
      if (!pooled) pooled = pooled_alone(e, g, hidden);
      if (g->folder.pooling.n == VECD_POOL_COUNT) assert_memory_equal(pooled, g->alone, g->n * g->dimension * sizeof *pooled);
      check_mixed(e, g, g->alone, pooled, hidden);
      vecd_encoder_close(&e);
      vecd_team_free(&team);
    }
    free(pooled);
  }
  assert_int_equal(n_seen, 2 * sizeof names / sizeof *names);
}

/* Told to stop before it begins, a run of a model of several layers finishes nothing, with however many workers, and the next run
 * everything. */
static void a_run_can_be_stopped(void **state) {
  (void)state;
  vecd_kern kern;
  const golden *g = folders;
  const atomic_bool stop = true;
  const uint32_t *ids[VECD_ENCODER_MAX_SEQS];
  float *rows[VECD_ENCODER_MAX_SEQS];
  assert_int_equal(vecd_kern_choose(&kern, NULL, NULL), VECD_OK);
  while (strcmp(g->name, "bert-max") != 0) assert_true(++g < folders + n_folders);
  float *out = room(g->n, g->dimension * sizeof *out), *want = room(g->n, g->dimension * sizeof *want);
  for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
    vecd_team *team;
    assert_int_equal(vecd_team_new(threads, &team, NULL), VECD_OK);
    vecd_encoder *e = open_encoder(g, VECD_PRECISION_FP32, &kern, team);
    size_t picked[VECD_ENCODER_MAX_SEQS];
    for (size_t n = 1; n <= g->n; n = n < g->n && 3 * n > g->n ? g->n : 3 * n) { /* by columns, by rows, apart */
      for (size_t i = 0; i < n; i++) picked[i] = i, ids[i] = g->ids[i], rows[i] = out + i * g->dimension;
      vecd_encoder_run(e, ids, g->lens, NULL, NULL, n, &stop, rows);
      for (size_t i = 0; i < n; i++) assert_null(rows[i]);
      run(e, g, picked, n, threads == 1 ? want : out);
      assert_memory_equal(want, threads == 1 ? want : out, n * g->dimension * sizeof *out);
    }
    vecd_encoder_close(&e);
    vecd_team_free(&team);
  }
  free(out);
  free(want);
}

/* Bytes the C library's heap has given out; 0 where it does not tell. */
static size_t heap_bytes(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return mallinfo2().uordblks;
#else
  return 0;
#endif
}

static void forward_allocates_nothing(void **state) {
  (void)state;
  vecd_kern kern;
  assert_int_equal(vecd_kern_choose(&kern, NULL, NULL), VECD_OK);
  for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
    vecd_team *team;
    assert_int_equal(vecd_team_new(threads, &team, NULL), VECD_OK);
    for (size_t f = 0; f < n_folders; f++) {
      const golden *g = &folders[f];
      vecd_encoder *e = open_encoder(g, f % 2 ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32, &kern, team);
      size_t picked[VECD_ENCODER_MAX_SEQS];
      for (size_t i = 0; i < g->n; i++) picked[i] = i;
      float *out = room(g->n, g->dimension * sizeof *out);
      uint64_t count = vecd_mem_count();
      size_t total = vecd_mem_total_bytes(), heap = heap_bytes();
      run(e, g, picked, g->n, out); /* the first call, too: nothing is put off until it is needed */
      run(e, g, picked, 1, out);
      assert_int_equal(heap_bytes(), heap);
      assert_int_equal(vecd_mem_count(), count);
      assert_int_equal(vecd_mem_total_bytes(), total);
      free(out);
      vecd_encoder_close(&e);
    }
    vecd_team_free(&team);
  }
}

static void nothing(void *ctx, unsigned member) {
  (void)ctx;
  (void)member;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  static const char *const names[] = {"bert-mean-norm", "bert-f16", "bert-last-token"}; /* F32, F16, widths off the panels */
  vecd_kern kern;
  assert_int_equal(vecd_kern_choose(&kern, NULL, NULL), VECD_OK);
  for (unsigned threads = 1; threads <= 2; threads++) {
    vecd_team *team;
    assert_int_equal(vecd_team_new(threads, &team, NULL), VECD_OK);
    vecd_team_run(team, nothing, NULL); /* a thread still starting up gives memory back */
    size_t n_seen = 0;
    for (size_t f = 0; f < n_folders; f++) {
      bool named = false;
      for (size_t i = 0; i < sizeof names / sizeof *names; i++) named |= strcmp(names[i], folders[f].name) == 0;
      if (!named) continue;
      n_seen++;
      size_t before = vecd_mem_total_bytes();
      for (uint64_t n = 1;; n++) {
        vecd_encoder *e = NULL;
        vecd_err err;
        vecd_mem_fail_nth(n);
        vecd_precision precision = threads == 2 ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32;
        vecd_status s = vecd_encoder_open(&folders[f].folder, precision, &kern, team, &e, &err);
        vecd_mem_fail_nth(0);
        if (s == VECD_OK) {
          vecd_encoder_close(&e);
          assert_int_equal(vecd_mem_total_bytes(), before);
          assert_true(n > 5); /* it did fail before */
          break;
        }
        assert_int_equal(s, VECD_NO_MEMORY);
        assert_null(e);
        assert_true(err.text[0] != '\0');
        assert_int_equal(vecd_mem_total_bytes(), before);
        assert_true(n < 10000);
      }
    }
    assert_int_equal(n_seen, sizeof names / sizeof *names);
    vecd_team_free(&team);
  }
}

int main(void) {
  static setting settings[] = {{"ref", VECD_PRECISION_FP32},     {"avx2", VECD_PRECISION_FP32},
                               {"avx512", VECD_PRECISION_FP32},  {"ref", VECD_PRECISION_INT8},
                               {"avx2", VECD_PRECISION_INT8},    {"avx512", VECD_PRECISION_INT8},
                               {"avxvnni", VECD_PRECISION_INT8}, {"avx512vnni", VECD_PRECISION_INT8}};
  const struct CMUnitTest tests[] = {
      {"agrees, ref", agrees, NULL, NULL, &settings[0]},
      {"agrees, avx2", agrees, NULL, NULL, &settings[1]},
      {"agrees, avx512", agrees, NULL, NULL, &settings[2]},
      {"agrees, ref, int8", agrees, NULL, NULL, &settings[3]},
      {"agrees, avx2, int8", agrees, NULL, NULL, &settings[4]},
      {"agrees, avx512, int8", agrees, NULL, NULL, &settings[5]},
      {"agrees, avxvnni, int8", agrees, NULL, NULL, &settings[6]},
      {"agrees, avx512vnni, int8", agrees, NULL, NULL, &settings[7]},
      cmocka_unit_test(poolings_may_differ),
      cmocka_unit_test(a_run_can_be_stopped),
      cmocka_unit_test(forward_allocates_nothing),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("encoder", tests, read_folders, drop_folders);
}
