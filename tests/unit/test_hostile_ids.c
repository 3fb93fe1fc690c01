/* test_hostile_ids.c - every family's tiny folder and the ids no tokenizer would make of a text: the first of the vocabulary, the last,
 * and padding, alone and as long as the model takes them, with 1 to 3 threads. Of value under ASan; here the vectors must be finite
 * and the same however many threads there are. */
#include "../golden/golden.h"
#include "nn/encoder.h"

enum { N_SEQS = 7, MOST_THREADS = 3, MOST_TOKENS = 512 };

/* One token and as many as there may be of the first, the last and the padding id; and all ids one after the other. */
static void run(const char *name, vecd_encoder *e, float *out) {
  static uint32_t tokens[4][MOST_TOKENS];
  const vecd_encoder_config *c = vecd_encoder_config_of(e);
  size_t most = vecd_encoder_max_tokens(e), width = vecd_encoder_dimension(e);
  if (most > MOST_TOKENS) most = MOST_TOKENS;
  const uint32_t *ids[N_SEQS] = {tokens[0], tokens[1], tokens[2], tokens[0], tokens[1], tokens[2], tokens[3]};
  uint32_t lens[N_SEQS] = {1, 1, 1};
  float *rows[N_SEQS];
  for (size_t i = 0; i < most; i++) {
    tokens[0][i] = 0;
    tokens[1][i] = c->vocab_size - 1;
    tokens[2][i] = c->pad_id < c->vocab_size ? c->pad_id : 0;
    tokens[3][i] = (uint32_t)(i % c->vocab_size);
  }
  for (size_t i = 0; i < N_SEQS; i++) {
    rows[i] = out + i * width;
    if (i >= 3) lens[i] = (uint32_t)most;
  }
  vecd_encoder_run(e, ids, lens, NULL, NULL, N_SEQS, NULL, rows);
  for (size_t i = 0; i < N_SEQS * width; i++)
    if (!isfinite(out[i])) fail_msg("%s: sequence %zu: not finite", name, i / width);
}

/* What each folder is run with, and how many have been. */
typedef struct setting {
  vecd_precision precision;
  vecd_kern kern;
  vecd_team *teams[MOST_THREADS];
  int n_checked;
} setting;

static void check_folder(const char *dir, const char *name, void *ctx) {
  setting *how = ctx;
  vecd_model_folder folder;
  vecd_err err;
  float *alone = NULL;
  if (vecd_model_folder_open(dir, &folder, &err)) fail_msg("%s", err.text);
  for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
    vecd_encoder *e = NULL;
    if (vecd_encoder_open(&folder, how->precision, &how->kern, how->teams[threads - 1], &e, &err)) fail_msg("%s", err.text);
    size_t n = N_SEQS * vecd_encoder_dimension(e);
    float *out = calloc(n, sizeof *out);
    assert_non_null(out);
    run(name, e, out);
    if (alone && memcmp(alone, out, n * sizeof *out) != 0) fail_msg("%s: other bits with %u threads", name, threads);
    if (alone)
      free(out);
    else
      alone = out;
    vecd_encoder_close(&e);
  }
  free(alone);
  vecd_model_folder_close(&folder);
  how->n_checked++;
}

static void every_family(void **state) {
  setting how = {.precision = *(vecd_precision *)*state};
  assert_int_equal(vecd_kern_choose(&how.kern, NULL, NULL), VECD_OK);
  for (unsigned i = 0; i < MOST_THREADS; i++) assert_int_equal(vecd_team_new(i + 1, &how.teams[i], NULL), VECD_OK);
  each_golden_folder("families", check_folder, &how);
  assert_true(how.n_checked >= 31);
  for (unsigned i = 0; i < MOST_THREADS; i++) vecd_team_free(&how.teams[i]);
}

int main(void) {
  static vecd_precision precisions[] = {VECD_PRECISION_FP32, VECD_PRECISION_INT8};
  const struct CMUnitTest tests[] = {{"every family, fp32", every_family, NULL, NULL, &precisions[0]},
                                     {"every family, int8", every_family, NULL, NULL, &precisions[1]}};
  return cmocka_run_group_tests_name("hostile ids", tests, NULL, NULL);
}
