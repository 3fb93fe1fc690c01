/* test_tiny.c - every folder of tiny/ and families/ through the public API, from text to vector: every family's tokenizer and encoder,
 * prompts, poolings, the modules behind them, truncation, weights in several files. The vectors are sentence-transformers' for the
 * same folder (make_tiny.py, make_families.py); the ids are those its encoder was fed. On every instruction set this CPU has. */
#include <sys/stat.h>
#include <unistd.h>

#include "golden.h"
#include "kern/kern.h"
#include "model/folder_facts.h"
#include "vecd.h"

#define MOST_DIFFERENCE 1e-5 /* times the largest value where that is over 1 */
/* In 8 bits: distances of cosines from 1. Random weights suffer more than trained ones; where two scores are nearly alike a step
 * decides which wins, so one text of a deeper folder may be far off if most are near. */
#define MOST_ANGLE          0.015
#define MOST_ANGLE_FAMILIES 0.15
#define MEDIAN_ANGLE        0.005
#define MOST_FOLDERS        128
#define MOST_TEXTS          512
#define MOST_IDS            512

static char names[MOST_FOLDERS][256];
static size_t n_folders;
static json_t *common;

/* One folder's golden data. */
typedef struct golden {
  json_t *json;
  size_t n, lens[MOST_TEXTS];
  const char *texts[MOST_TEXTS];
  npy want; /* n rows */
} golden;

static void add_text(golden *g, const json_t *text) {
  assert_true(json_is_string(text) && g->n < MOST_TEXTS);
  g->texts[g->n] = json_string_value(text);
  g->lens[g->n++] = json_string_length(text);
}

static void open_golden(golden *g, const char *name) {
  char folder[GOLDEN_PATH_BYTES], path[GOLDEN_PATH_BYTES];
  *g = (golden){.json = NULL};
  golden_path(folder, name);
  join_path(path, folder, "golden.json");
  g->json = read_json(path);
  const json_t *indices = json_object_get(g->json, "text_indices"), *texts = json_object_get(g->json, "texts");
  for (size_t i = 0; i < json_array_size(indices); i++)
    add_text(g, json_array_get(common, (size_t)json_integer_value(json_array_get(indices, i))));
  for (size_t i = 0; i < json_array_size(texts); i++) add_text(g, json_array_get(texts, i));
  assert_int_equal(json_array_size(json_object_get(g->json, "ids")), g->n);
  join_path(path, folder, "vectors.npy");
  open_npy(&g->want, path, g->n);
}

static void close_golden(golden *g) {
  json_decref(g->json);
  vecd_mapping_close(&g->want.file);
}

static vecd_model *open_model(const char *name, const char *isa, const char *precision, unsigned threads) {
  char path[GOLDEN_PATH_BYTES];
  vecd_model *m = NULL;
  vecd_err err;
  golden_path(path, name);
  if (vecd_open(path, &(vecd_options){.isa = isa, .precision = precision, .threads = threads}, &m, &err))
    fail_msg("%s", err.text);
  return m;
}

static void check_ids(vecd_model *m, const golden *g, const char *name) {
  const json_t *rows = json_object_get(g->json, "ids");
  for (size_t i = 0; i < g->n; i++) {
    const json_t *row = json_array_get(rows, i);
    uint32_t ids[MOST_IDS];
    size_t n = 0;
    vecd_err err;
    if (vecd_tokenize(m, g->texts[i], g->lens[i], 0, ids, MOST_IDS, &n, &err)) fail_msg("%s, text %zu: %s", name, i, err.text);
    bool same = n == json_array_size(row);
    for (size_t k = 0; k < n && same; k++) same = (json_int_t)ids[k] == json_integer_value(json_array_get(row, k));
    if (!same) fail_msg("%s, text %zu: other ids", name, i);
  }
}

/* The largest difference or angle as a share of what is allowed. */
static double compare(const golden *g, const float *got, const char *name, const char *precision) {
  if (strcmp(precision, "int8") != 0) return largest_difference(g->want.values, got, g->n, g->want.width) / MOST_DIFFERENCE;
  double most = strncmp(name, "families/", 9) == 0 ? MOST_ANGLE_FAMILIES : MOST_ANGLE;
  return share_of_angles(g->want.values, got, g->n, g->want.width, most, MEDIAN_ANGLE);
}

/* What the small files tell of a model is what it is once open. */
static void check_facts(const char *name, const vecd_info *info) {
  char path[GOLDEN_PATH_BYTES];
  vecd_folder_facts facts;
  vecd_err err;
  golden_path(path, name);
  if (vecd_folder_facts_read(path, &facts, NULL, &err)) fail_msg("%s", err.text);
  assert_string_equal(facts.architecture, info->architecture);
  assert_string_equal(facts.pooling, info->pooling);
  assert_int_equal(facts.dimension, info->dimension);
  assert_int_equal(facts.max_tokens, info->max_tokens);
  assert_int_equal(facts.normalized, info->normalized);
}

/* What the headers tell of the bytes is what they come to. */
static void check_estimate(const char *name, const char *isa, const char *precision, const vecd_info *info) {
  char path[GOLDEN_PATH_BYTES];
  vecd_kern kern;
  vecd_precision p;
  vecd_err err;
  size_t n_bytes;
  golden_path(path, name);
  assert_int_equal(vecd_kern_choose(&kern, isa, NULL), VECD_OK);
  assert_int_equal(vecd_precision_parse(precision, &p, NULL), VECD_OK);
  if (vecd_folder_estimate_bytes(path, p, &kern, info->threads, &n_bytes, &err)) fail_msg("%s", err.text);
  double real = (double)info->resident_bytes;
  if (fabs((double)n_bytes - real) > 0.05 * real + 100e3)
    fail_msg("%s, %s: %zu bytes, not %.0f", name, precision, n_bytes, real);
}

static double check_folder(const char *name, const char *isa, const char *precision) {
  golden g;
  double worst = 0;
  open_golden(&g, name);
  size_t width = g.want.width;
  float *alone = calloc(g.n * width, sizeof *alone), *together = calloc(g.n * width, sizeof *together);
  for (unsigned threads = 1; threads <= 2; threads++) {
    vecd_model *m = open_model(name, isa, precision, threads);
    vecd_info info;
    vecd_err err;
    vecd_describe(m, &info);
    assert_int_equal(info.dimension, width);
    check_facts(name, &info);
    check_estimate(name, isa, precision, &info);
    check_ids(m, &g, name);
    if (vecd_encode(m, g.texts, g.lens, g.n, 0, together, NULL, &err)) fail_msg("%s: %s", name, err.text);
    for (size_t i = 0; i < g.n && threads == 1; i++)
      assert_int_equal(vecd_encode(m, &g.texts[i], &g.lens[i], 1, 0, alone + i * width, NULL, NULL), VECD_OK);
    assert_memory_equal(alone, together, g.n * width * sizeof *alone);
    worst = larger(worst, compare(&g, together, name, precision));
    vecd_close(&m);
  }
  free(alone);
  free(together);
  close_golden(&g);
  return worst;
}

typedef struct setting {
  const char *isa, *precision;
} setting;

static void agrees(void **state) {
  const setting *how = *state;
  vecd_kern kern;
  if (vecd_kern_choose(&kern, how->isa, NULL)) {
    print_message("this CPU has no %s: not run\n", how->isa);
    skip();
  }
  double worst = 0;
  const char *where = "";
  for (size_t f = 0; f < n_folders; f++) {
    double share = check_folder(names[f], how->isa, how->precision);
    if (!(share <= 1)) fail_msg("%s, %s, %s: %.2f times what is allowed", names[f], how->isa, how->precision, share);
    if (share > worst) worst = share, where = names[f];
  }
  print_message("%s, %s, %zu folders: at most %.2f of what is allowed, in %s\n", how->isa, how->precision, n_folders, worst,
                where);
}

/* The folder `from` again as `to`, by links, with another pooling. */
static void copy_with_pooling(const char *from, const char *to, const char *config) {
  char old[GOLDEN_PATH_BYTES], new[GOLDEN_PATH_BYTES];
  struct dirent **entries;
  int n = scandir(from, &entries, NULL, by_name);
  assert_true(n > 0 && mkdir(to, 0700) == 0);
  for (int i = 0; i < n; i++) {
    join_path(old, from, entries[i]->d_name);
    join_path(new, to, entries[i]->d_name);
    if (!vecd_dir_exists(old)) assert_int_equal(symlink(old, new), 0);
    free(entries[i]);
  }
  free(entries);
  join_path(new, to, "1_Pooling");
  assert_int_equal(mkdir(new, 0700), 0);
  join_path(new, to, "1_Pooling/config.json");
  FILE *f = fopen(new, "w");
  assert_non_null(f);
  fputs(config, f);
  assert_int_equal(fclose(f), 0);
}

static void remove_copy(const char *folder) {
  char path[GOLDEN_PATH_BYTES];
  struct dirent **entries;
  join_path(path, folder, "1_Pooling/config.json");
  assert_int_equal(unlink(path), 0);
  int n = scandir(folder, &entries, NULL, by_name);
  for (int i = 0; i < n; i++) {
    join_path(path, folder, entries[i]->d_name);
    if (unlink(path) != 0 && entries[i]->d_name[0] != '.') assert_int_equal(rmdir(path), 0);
    free(entries[i]);
  }
  free(entries);
  assert_int_equal(rmdir(folder), 0);
}

/* Two folders' golden vectors are all six poolings one after another, one folder's behind a prompt that stays out of them. With a
 * single pooling in place of these, each of the six can be asked for, and together they are the golden vectors. */
static void every_pooling_can_be_asked_for(void **state) {
  (void)state;
  static const char *const folders[] = {"tiny/bert-concat", "tiny/bert-prompt-all-poolings"};
  static const char *const poolings[] = {"cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"};
  static const char *const configs[] = {
      "{\"word_embedding_dimension\": 30, \"pooling_mode\": \"mean\"}",
      "{\"word_embedding_dimension\": 20, \"pooling_mode\": \"cls\", \"include_prompt\": false}"};
  char root[] = "/tmp/vecd-tiny-XXXXXX", from[GOLDEN_PATH_BYTES], to[GOLDEN_PATH_BYTES];
  assert_non_null(mkdtemp(root));
  for (size_t f = 0; f < 2; f++) {
    golden g;
    open_golden(&g, folders[f]);
    golden_path(from, folders[f]);
    join_path(to, root, "copy");
    copy_with_pooling(from, to, configs[f]);
    vecd_model *m = NULL;
    vecd_err err;
    size_t width = g.want.width / 6;
    float *got = calloc(g.n * width, sizeof *got), *want = calloc(g.n * width, sizeof *want);
    if (vecd_open(to, &(vecd_options){.precision = "fp32", .threads = 2}, &m, &err)) fail_msg("%s", err.text);
    for (size_t p = 0; p < 6; p++) {
      const vecd_encoding_options how = {.pooling = poolings[p]};
      if (vecd_encode_with(m, g.texts, g.lens, g.n, &how, got, NULL, &err)) fail_msg("%s: %s", poolings[p], err.text);
      for (size_t i = 0; i < g.n; i++) {
        const float *part = g.want.values + i * g.want.width + p * width;
        double length = f ? 1 : sqrt(dot(part, part, width)); /* the one folder ends in Normalize */
        for (size_t j = 0; j < width; j++) want[i * width + j] = (float)(part[j] / length);
      }
      double difference = largest_difference(want, got, g.n, width);
      if (!(difference <= MOST_DIFFERENCE)) fail_msg("%s, %s: off by %.2e", folders[f], poolings[p], difference);
    }
    free(got);
    free(want);
    vecd_close(&m);
    remove_copy(to);
    close_golden(&g);
  }
  assert_int_equal(rmdir(root), 0);
}

static void add_folder(const char *path, const char *name, void *where) {
  (void)path;
  assert_true(n_folders < MOST_FOLDERS);
  snprintf(names[n_folders++], sizeof names[0], "%s/%.200s", (const char *)where, name);
}

static int find_folders(void **state) {
  (void)state;
  static char tiny[] = "tiny", families[] = "families";
  common = read_golden_json("texts.json");
  each_golden_folder(tiny, add_folder, tiny);
  assert_true(n_folders >= 40);
  each_golden_folder(families, add_folder, families);
  assert_true(n_folders >= 70);
  return 0;
}

static int drop_folders(void **state) {
  (void)state;
  json_decref(common);
  return 0;
}

int main(void) {
  static setting settings[] = {{"ref", "fp32"}, {"avx2", "fp32"}, {"avx512", "fp32"}, {"avx2", "int8"}};
  const struct CMUnitTest tests[] = {
      {"agrees, ref", agrees, NULL, NULL, &settings[0]},    {"agrees, avx2", agrees, NULL, NULL, &settings[1]},
      {"agrees, avx512", agrees, NULL, NULL, &settings[2]}, {"agrees, avx2, int8", agrees, NULL, NULL, &settings[3]},
      cmocka_unit_test(every_pooling_can_be_asked_for),
  };
  return cmocka_run_group_tests_name("tiny", tests, find_folders, drop_folders);
}
