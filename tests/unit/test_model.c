/* test_model.c - the public API and model.h on the tiny golden folder bert-mean-norm: same bits whatever shares the call, each
 * item's own status, no allocation when warm, every allocation's failure survived. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/model.h"
#include "nn/pooling.h"

static char folder[1024];

static const char *const texts[] = {"",
                                    "a",
                                    "The quick brown fox jumps over the lazy dog.",
                                    "na\xc3\xafve caf\xc3\xa9",
                                    "x y z",
                                    "[MASK] and [SEP] inside",
                                    "one two three four five six seven eight nine ten"};
enum { N_TEXTS = sizeof texts / sizeof *texts };

/* A folder beside it. */
static vecd_model *open_named(const char *name, unsigned threads) {
  char path[1200];
  vecd_model *m = NULL;
  vecd_err err;
  snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(folder, '/') + 1 - folder), folder, name);
  if (vecd_open(path, &(vecd_options){.threads = threads}, &m, &err)) fail_msg("%s", err.text);
  return m;
}

static vecd_model *open_tiny(unsigned threads, const char *isa) {
  vecd_options options = {.threads = threads, .isa = isa};
  vecd_model *m = NULL;
  vecd_err err;
  if (vecd_open(folder, &options, &m, &err)) fail_msg("%s", err.text);
  return m;
}

static size_t dimension_of(const vecd_model *m) {
  vecd_info info;
  vecd_describe(m, &info);
  return info.dimension;
}

static void describe_tells_the_facts(void **state) {
  (void)state;
  vecd_model *m = open_tiny(2, NULL);
  vecd_info info;
  vecd_describe(m, &info);
  assert_string_equal(info.id, "bert-mean-norm");
  assert_string_equal(info.architecture, "bert");
  assert_string_equal(info.pooling, "mean");
  assert_int_equal(info.threads, 2);
  assert_true(info.dimension > 0 && info.max_tokens > 2 && info.parameters > 1000 && info.resident_bytes > 1000);
  assert_int_equal(info.normalized, 1);
  vecd_close(&m);
  assert_null(m);
  vecd_close(&m);
  vecd_close(NULL);
}

static void bad_arguments_are_told(void **state) {
  (void)state;
  vecd_model *m = NULL;
  vecd_err err;
  vecd_options options = {.isa = "sse9"};
  assert_int_equal(vecd_open("/nowhere/at/all", NULL, &m, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "/nowhere/at/all"));
  assert_int_equal(vecd_open(folder, &options, &m, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "sse9"));
  assert_int_equal(vecd_open(NULL, NULL, &m, &err), VECD_BAD_ARGUMENT);
  assert_int_equal(vecd_open("/nowhere", NULL, &m, NULL), VECD_NOT_FOUND); /* err is nullable */
}

static void encode_gives_the_same_bits_alone_and_together(void **state) {
  (void)state;
  for (unsigned threads = 1; threads <= 3; threads++) {
    vecd_model *m = open_tiny(threads, NULL);
    size_t d = dimension_of(m), lens[N_TEXTS];
    float *together = calloc(N_TEXTS * d, sizeof(float)), *alone = calloc(d, sizeof(float));
    uint32_t n_tokens[N_TEXTS];
    for (size_t i = 0; i < N_TEXTS; i++) lens[i] = strlen(texts[i]);
    assert_int_equal(vecd_encode(m, texts, lens, N_TEXTS, 0, together, n_tokens, NULL), VECD_OK);
    assert_int_equal(n_tokens[0], 2); /* [CLS] [SEP] */
    for (size_t i = 0; i < N_TEXTS; i++) {
      assert_int_equal(vecd_encode(m, &texts[i], &lens[i], 1, 0, alone, NULL, NULL), VECD_OK);
      assert_memory_equal(alone, together + i * d, d * sizeof(float));
      double length = 0;
      for (size_t j = 0; j < d; j++) length += (double)alone[j] * alone[j];
      assert_true(length > 0.99999 && length < 1.00001);
    }
    free(together);
    free(alone);
    vecd_close(&m);
  }
}

static void ids_and_text_agree(void **state) {
  (void)state;
  vecd_model *m = open_tiny(1, NULL);
  size_t d = dimension_of(m), len = strlen(texts[2]), n_ids = 0, n_more = 0;
  uint32_t ids[256];
  assert_int_equal(vecd_tokenize(m, texts[2], len, 0, ids, 256, &n_ids, NULL), VECD_OK);
  assert_int_equal(vecd_tokenize(m, texts[2], len, 0, NULL, 0, &n_more, NULL), VECD_OK);
  assert_true(n_ids > 2 && n_ids == n_more);
  float *a = calloc(2 * d, sizeof(float)), *b = a + d;
  assert_int_equal(vecd_encode(m, &texts[2], &len, 1, VECD_RAW, a, NULL, NULL), VECD_OK);
  assert_int_equal(vecd_encode_ids(m, ids, &n_ids, 1, VECD_RAW, b, NULL), VECD_OK);
  assert_memory_equal(a, b, d * sizeof(float));

  vecd_err err;
  size_t zero = 0, one = 1;
  uint32_t wild = UINT32_MAX;
  assert_int_equal(vecd_encode_ids(m, &wild, &one, 1, 0, a, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "sequences[0]"));
  assert_int_equal(vecd_encode_ids(m, ids, &zero, 1, 0, a, &err), VECD_BAD_ARGUMENT);
  vecd_info info;
  vecd_describe(m, &info);
  size_t too_long = info.max_tokens + 1u;
  uint32_t *many = calloc(too_long, sizeof *many);
  assert_int_equal(vecd_encode_ids(m, many, &too_long, 1, 0, a, &err), VECD_BAD_ARGUMENT);
  free(many);
  free(a);
  vecd_close(&m);
}

static void each_item_has_its_own_status(void **state) {
  (void)state;
  vecd_model *m = open_tiny(2, NULL);
  size_t d = dimension_of(m);
  float *v = calloc(4 * d, sizeof(float)), *good = calloc(d, sizeof(float));
  char *tall = malloc(20000);
  for (size_t i = 0; i < 20000; i++) tall[i] = i % 2 ? ' ' : 'a';
  vecd_item items[4] = {{.text = VECD_SPAN("fine")},
                        {.text = VECD_SPAN("bad \xff byte")},
                        {.text = {tall, 20000}, .flags = VECD_NO_TRUNCATE},
                        {.text = {tall, 20000}}};
  for (size_t i = 0; i < 4; i++) items[i].vector = v + i * d;
  vecd_model_encode(m, items, 4, NULL, NULL);
  assert_int_equal(items[0].status, VECD_OK);
  assert_int_equal(items[1].status, VECD_BAD_TEXT);
  assert_int_equal(items[1].error_pos, 4);
  assert_int_equal(items[2].status, VECD_BAD_ARGUMENT);
  assert_int_equal(items[3].status, VECD_OK);
  assert_int_equal(items[3].n_tokens, vecd_model_max_tokens(m));
  assert_true(items[3].n_untruncated > items[3].n_tokens);
  vecd_err err;
  assert_int_equal(vecd_item_explain(m, &items[1], "texts", 1, &err), VECD_BAD_TEXT);
  assert_string_equal(err.text, "texts[1]: not valid UTF-8 at byte 4");
  assert_int_equal(vecd_item_explain(m, &items[2], "texts", 2, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "at most"));
  vecd_item again = {.text = VECD_SPAN("fine"), .vector = good};
  vecd_model_encode(m, &again, 1, NULL, NULL);
  assert_memory_equal(good, v, d * sizeof(float));
  free(tall);
  free(v);
  free(good);
  vecd_close(&m);
}

/* What was spent is told, and what was worked at: all that the call took, no more. */
static void times_are_told(void **state) {
  (void)state;
  vecd_model *m = open_tiny(2, NULL);
  size_t d = dimension_of(m);
  float *v = calloc(N_TEXTS * d, sizeof *v);
  vecd_item items[N_TEXTS];
  for (size_t i = 0; i < N_TEXTS; i++) items[i] = (vecd_item){.text = vecd_span_of(texts[i]), .vector = v + i * d};
  items[1].text = VECD_SPAN("bad \xff byte");
  vecd_encode_times times = {.n_tokens = 12345};
  uint64_t begun = vecd_now_ns(), n_tokens = 0;
  vecd_model_encode(m, items, N_TEXTS, NULL, &times);
  uint64_t spent = vecd_now_ns() - begun;
  for (size_t i = 0; i < N_TEXTS; i++) n_tokens += items[i].status ? 0 : items[i].n_tokens;
  assert_int_equal(times.n_tokens, n_tokens);
  assert_true(times.tokenize_ns > 0 && times.forward_ns > 0 && times.tokenize_ns + times.forward_ns <= spent);
  vecd_model_encode(m, &items[1], 1, NULL, &times); /* nothing to encode */
  assert_int_equal(times.n_tokens, 0);
  free(v);
  vecd_close(&m);
}

/* One text, with options; gives the number of its tokens. */
static uint32_t encode_one(vecd_model *m, const char *text, const vecd_encoding_options *options, float *out) {
  size_t len = strlen(text);
  uint32_t n = 0;
  vecd_err err;
  if (vecd_encode_with(m, &text, &len, 1, options, out, &n, &err)) fail_msg("%s", err.text);
  return n;
}

static void a_prompt_stands_before_texts(void **state) {
  (void)state;
  vecd_model *m = open_named("bert-prompt-included", 1);
  enum { D = 24 };
  float a[D], b[D];
  const vecd_encoding_options none = {.prompt = ""}, text = {.size = sizeof text, .prompt = "query: ", .prompt_len = 7},
                              named = {.prompt_name = "query"}, empty = {.prompt_name = "passage"},
                              raw = {.flags = VECD_NO_PROMPT},
                              both = {.prompt = "query: ", .prompt_len = 7, .prompt_name = "no such"};
  assert_int_equal(dimension_of(m), D);
  uint32_t n = encode_one(m, "a b", NULL, a);
  assert_int_equal(encode_one(m, "query: a b", &raw, b), n);
  assert_memory_equal(a, b, sizeof a);
  const vecd_encoding_options *same[] = {&text, &named, &both};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(encode_one(m, "a b", same[i], b), n);
    assert_memory_equal(a, b, sizeof a);
  }
  assert_int_equal(encode_one(m, "a b", &none, a), 4);
  assert_memory_not_equal(a, b, sizeof a);
  const vecd_encoding_options *bare[] = {&raw, &empty};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(encode_one(m, "a b", bare[i], b), 4);
    assert_memory_equal(a, b, sizeof a);
  }
  uint32_t ids[32];
  size_t n_ids = 0, len = 0;
  assert_int_equal(vecd_tokenize(m, "a b", 3, 0, ids, 32, &n_ids, NULL), VECD_OK);
  assert_int_equal(n_ids, n);
  assert_int_equal(vecd_tokenize(m, "a b", 3, VECD_NO_PROMPT, ids, 32, &n_ids, NULL), VECD_OK);
  assert_int_equal(n_ids, 4);
  assert_string_equal(vecd_default_prompt(m), "query");
  const char *prompt = NULL;
  assert_string_equal(vecd_prompt_at(m, 0, NULL, NULL), "passage");
  assert_string_equal(vecd_prompt_at(m, 1, &prompt, &len), "query");
  assert_true(len == 7 && memcmp(prompt, "query: ", 7) == 0);
  assert_null(vecd_prompt_at(m, 2, &prompt, &len));
  vecd_close(&m);
}

static void a_prompt_can_stay_out_of_the_pooling(void **state) {
  (void)state;
  vecd_model *m = open_named("bert-prompt", 1);
  enum { D = 24 };
  float a[D], b[D];
  encode_one(m, "a b", NULL, a);
  encode_one(m, "a b", &(vecd_encoding_options){.prompt = "query: ", .prompt_len = 7}, b);
  assert_memory_equal(a, b, sizeof a);
  encode_one(m, "query: a b", &(vecd_encoding_options){.flags = VECD_NO_PROMPT},
             b); /* the same tokens, but all of them pooled */
  assert_memory_not_equal(a, b, sizeof a);
  vecd_close(&m);
}

static void wrong_prompts_are_told(void **state) {
  (void)state;
  vecd_model *m = open_named("bert-prompt-included", 1);
  float v[24];
  const char *text = "bad \xff byte";
  size_t len = strlen(text), n_ids;
  vecd_err err;
  assert_int_equal(vecd_encode_with(m, &text, &len, 1, &(vecd_encoding_options){.prompt_name = "doc"}, v, NULL, &err),
                   VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "\"doc\""));
  assert_non_null(strstr(err.text, "passage, query"));
  const vecd_encoding_options broken = {.prompt = "a\xff", .prompt_len = 2};
  assert_int_equal(vecd_encode_with(m, &text, &len, 1, &broken, v, NULL, &err), VECD_BAD_TEXT);
  assert_non_null(strstr(err.text, "prompt"));
  assert_int_equal(vecd_encode(m, &text, &len, 1, 0, v, NULL, &err), VECD_BAD_TEXT); /* places are the text's own */
  assert_string_equal(err.text, "texts[0]: not valid UTF-8 at byte 4");
  assert_int_equal(vecd_tokenize(m, text, len, 0, NULL, 0, &n_ids, &err), VECD_BAD_TEXT);
  assert_int_equal(err.pos, 4);
  vecd_close(&m);
}

static void vectors_can_be_cut(void **state) {
  (void)state;
  static const struct {
    const char *name;
    unsigned dimension, full;
  } cases[] = {{"bert-mean-norm", 36, 36}, {"bert-truncate-dim", 10, 24}, {"bert-truncate-dense", 19, 20}};
  for (size_t c = 0; c < 3; c++) {
    vecd_model *m = open_named(cases[c].name, 2);
    vecd_info info;
    vecd_describe(m, &info);
    assert_int_equal(info.dimension, cases[c].dimension);
    assert_int_equal(vecd_full_dimension(m), cases[c].full);
    assert_null(vecd_default_prompt(m));
    assert_null(vecd_prompt_at(m, 0, NULL, NULL));
    assert_int_equal(info.normalized, c == 0);
    float full[64], some[65];
    encode_one(m, "one two", &(vecd_encoding_options){.dimensions = cases[c].full}, full);
    for (unsigned d = 0; d <= cases[c].full; d++) {
      unsigned n = d ? d : cases[c].dimension;
      some[n] = 7;
      encode_one(m, "one two", &(vecd_encoding_options){.dimensions = d}, some);
      assert_memory_equal(full, some, n * sizeof *full);
      assert_true(some[n] == 7);
    }
    const char *text = "a";
    size_t len = 1;
    vecd_err err;
    assert_int_equal(
        vecd_encode_with(m, &text, &len, 1, &(vecd_encoding_options){.dimensions = cases[c].full + 1}, some, NULL, &err),
        VECD_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "dimensions"));
    /* Different wishes in one call, one of them impossible. */
    float v[4][64];
    vecd_item items[4] = {{.text = VECD_SPAN("one two"), .dimension = 3},
                          {.text = VECD_SPAN("one two"), .dimension = 1000},
                          {.text = VECD_SPAN("one two")},
                          {.text = VECD_SPAN("one two"), .dimension = cases[c].full}};
    for (int i = 0; i < 4; i++) items[i].vector = v[i];
    vecd_model_encode(m, items, 4, NULL, NULL);
    assert_int_equal(items[1].status, VECD_BAD_ARGUMENT);
    assert_int_equal(vecd_item_explain(m, &items[1], "texts", 1, &err), VECD_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "1000"));
    assert_memory_equal(v[0], full, 3 * sizeof *full);
    assert_memory_equal(v[2], full, cases[c].dimension * sizeof *full);
    assert_memory_equal(v[3], full, cases[c].full * sizeof *full);
    vecd_close(&m);
  }
}

static void raw_leaves_out_the_last_normalize_only(void **state) {
  (void)state;
  static const char *const names[] = {"bert-dense-two", "bert-order"};
  for (int i = 0; i < 2; i++) {
    vecd_model *m = open_named(names[i], 1);
    float a[64], b[64];
    size_t d = dimension_of(m);
    encode_one(m, "one two", NULL, a);
    encode_one(m, "one two", &(vecd_encoding_options){.flags = VECD_RAW}, b);
    if (i == 0) {
      assert_memory_not_equal(a, b, d * sizeof *a);
      vecd_normalize_l2(b, d);
    }
    assert_memory_equal(a, b, d * sizeof *a);
    vecd_close(&m);
  }
}

/* Cut or not, with modules or without, ending in Normalize or not: what is asked for has length 1 and the direction it had. */
static void vectors_can_be_normalized(void **state) {
  (void)state;
  static const char *const names[] = {"bert-mean-norm", "bert-cls", "bert-dense-two", "bert-order", "bert-truncate-dim"};
  for (int i = 0; i < 5; i++) {
    vecd_model *m = open_named(names[i], 1);
    size_t full = vecd_model_full_dimension(m);
    assert_int_equal(vecd_model_normalizes(m), i != 1 && i != 3);
    for (unsigned d = 0; d <= full; d++) {
      float plain[64], got[65];
      size_t n = d ? d : dimension_of(m);
      encode_one(m, "one two", &(vecd_encoding_options){.dimensions = d}, plain);
      got[n] = 7;
      encode_one(m, "one two", &(vecd_encoding_options){.dimensions = d, .flags = VECD_NORMALIZE}, got);
      assert_true(got[n] == 7);
      if (!vecd_model_normalizes(m) || n < full) vecd_normalize_l2(plain, n);
      assert_memory_equal(plain, got, n * sizeof *got);
    }
    vecd_close(&m);
  }
}

static void raw_and_normalize_exclude_each_other(void **state) {
  (void)state;
  vecd_model *m = open_tiny(1, NULL);
  size_t d = dimension_of(m), len = 1;
  float v[2][64], good[64];
  const char *text = "a";
  vecd_err err;
  assert_true(d <= 64);
  assert_int_equal(vecd_encode(m, &text, &len, 1, VECD_RAW | VECD_NORMALIZE, v[0], NULL, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "VECD_RAW"));
  uint32_t id = 2;
  assert_int_equal(vecd_encode_ids(m, &id, &len, 1, VECD_RAW | VECD_NORMALIZE, v[0], &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "VECD_NORMALIZE"));
  vecd_item items[2] = {{.text = VECD_SPAN("a"), .flags = VECD_RAW | VECD_NORMALIZE, .vector = v[0]},
                        {.text = VECD_SPAN("a"), .vector = v[1]}};
  vecd_model_encode(m, items, 2, NULL, NULL);
  assert_int_equal(items[0].status, VECD_BAD_ARGUMENT);
  assert_int_equal(items[1].status, VECD_OK);
  encode_one(m, "a", NULL, good);
  assert_memory_equal(v[1], good, d * sizeof(float));
  vecd_close(&m);
}

static void a_pooling_can_be_asked_for(void **state) {
  (void)state;
  enum { D = 36 };
  vecd_model *m = open_tiny(2, NULL);
  float own[D], mean[D], cls[D], v[3][D];
  vecd_err err;
  unsigned pooling[2], none = 7;
  encode_one(m, "one two", NULL, own);
  encode_one(m, "one two", &(vecd_encoding_options){.pooling = "mean"}, mean);
  encode_one(m, "one two", &(vecd_encoding_options){.pooling = "cls"}, cls);
  assert_memory_equal(own, mean, sizeof own);
  assert_memory_not_equal(own, cls, sizeof own);
  assert_int_equal(vecd_model_pooling(m, "mean", &pooling[0], NULL), VECD_OK);
  assert_int_equal(vecd_model_pooling(m, "cls", &pooling[1], NULL), VECD_OK);
  assert_int_equal(vecd_model_pooling(m, NULL, &none, NULL), VECD_OK);
  assert_int_equal(none, 0);
  assert_int_equal(vecd_model_pooling(m, "average", &none, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "\"average\""));
  assert_non_null(strstr(err.text, "lasttoken"));
  vecd_item items[3] = {{.pooling = pooling[1]}, {.pooling = pooling[0]}, {.pooling = 0}};
  for (int i = 0; i < 3; i++) items[i].text = VECD_SPAN("one two"), items[i].vector = v[i];
  vecd_model_encode(m, items, 3, NULL, NULL);
  assert_memory_equal(v[0], cls, sizeof cls);
  assert_memory_equal(v[1], own, sizeof own);
  assert_memory_equal(v[2], own, sizeof own);
  vecd_close(&m);
}

/* Behind several poolings one alone is of another width: with modules or without. */
static void of_several_poolings_none_can_be_asked_for(void **state) {
  (void)state;
  static const char *const names[] = {"bert-concat", "bert-dense-two"};
  for (int i = 0; i < 2; i++) {
    vecd_model *m = open_named(names[i], 1);
    float v[400];
    size_t len = 1;
    unsigned pooling;
    const char *text = "a";
    vecd_err err;
    assert_true(dimension_of(m) <= 400);
    assert_int_equal(vecd_model_pooling(m, "cls", &pooling, &err), VECD_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "concatenates"));
    assert_int_equal(vecd_encode_with(m, &text, &len, 1, &(vecd_encoding_options){.pooling = "cls"}, v, NULL, &err),
                     VECD_BAD_ARGUMENT);
    vecd_item item = {.text = VECD_SPAN("a"), .pooling = 1 + VECD_POOL_CLS, .vector = v};
    vecd_model_encode(m, &item, 1, NULL, NULL);
    assert_int_equal(vecd_item_explain(m, &item, "texts", 0, &err), VECD_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, names[i]));
    vecd_close(&m);
  }
}

/* More vectors than the modules take at a time, with bad texts among them. */
static void modules_see_every_item(void **state) {
  (void)state;
  enum { N = 200 };
  vecd_model *m = open_named("bert-dense-two", 2);
  size_t d = dimension_of(m);
  float *v = calloc(N * d, sizeof *v), one[64];
  vecd_item *items = calloc(N, sizeof *items);
  for (size_t i = 0; i < N; i++) {
    items[i] = (vecd_item){.text = vecd_span_of(i % 9 == 4 ? "\xff" : texts[i % N_TEXTS]), .vector = v + i * d};
  }
  vecd_model_encode(m, items, N, NULL, NULL);
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(items[i].status, i % 9 == 4 ? VECD_BAD_TEXT : VECD_OK);
    if (items[i].status) continue;
    encode_one(m, texts[i % N_TEXTS], NULL, one);
    assert_memory_equal(one, items[i].vector, d * sizeof *one);
  }
  free(items);
  free(v);
  vecd_close(&m);
}

/* Sets the flag after having counted to `after`. */
typedef struct stopper {
  unsigned after;
  atomic_bool stop;
} stopper;

static void *stop_after_a_while(void *arg) {
  stopper *s = arg;
  for (volatile unsigned i = 0; i < s->after; i++) {}
  atomic_store(&s->stop, true);
  return NULL;
}

/* Whenever it comes, each item is either done and right or timed out. */
static void a_call_can_be_stopped(void **state) {
  (void)state;
  enum { N = 40 };
  static const char *const names[] = {"bert-mean-norm", "bert-dense-two", "bert-cls"};
  for (size_t k = 0; k < 3 * sizeof names / sizeof *names; k++) {
    vecd_model *m = open_named(names[k / 3], 1 + k % 3);
    size_t d = dimension_of(m);
    float *v = calloc(N * d, sizeof *v), *want = calloc(N_TEXTS * d, sizeof *want);
    for (size_t i = 0; i < N_TEXTS; i++) encode_one(m, texts[i], NULL, want + i * d);
    for (unsigned round = 0; round < 60; round++) {
      vecd_item items[N];
      stopper s = {.after = round % 20 * (round % 20) * 300};
      pthread_t thread;
      size_t n = round % 3 ? N : 1;
      for (size_t i = 0; i < n; i++) items[i] = (vecd_item){.text = vecd_span_of(texts[i % N_TEXTS]), .vector = v + i * d};
      assert_int_equal(pthread_create(&thread, NULL, stop_after_a_while, &s), 0);
      vecd_model_encode(m, items, n, &s.stop, NULL);
      assert_int_equal(pthread_join(thread, NULL), 0);
      for (size_t i = 0; i < n; i++) {
        if (items[i].status) assert_int_equal(items[i].status, VECD_TIMEOUT);
        if (items[i].status) continue;
        assert_memory_equal(items[i].vector, want + i % N_TEXTS * d, d * sizeof *v);
      }
      vecd_model_encode(m, items, n, &s.stop, NULL); /* from the start: nothing is begun */
      for (size_t i = 0; i < n; i++) assert_int_equal(items[i].status, VECD_TIMEOUT);
    }
    vecd_err err;
    vecd_item item = {.status = VECD_TIMEOUT};
    assert_int_equal(vecd_item_explain(m, &item, "texts", 3, &err), VECD_TIMEOUT);
    assert_string_equal(err.text, "texts[3]: timed out");
    free(v);
    free(want);
    vecd_close(&m);
  }
}

static void a_warm_model_allocates_nothing(void **state) {
  (void)state;
  static const char *const names[] = {"bert-mean-norm", "bert-prompt", "bert-dense-two", "bert-truncate-dim"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    vecd_model *m = open_named(names[k], 2);
    size_t d = dimension_of(m), lens[N_TEXTS];
    float *v = calloc(N_TEXTS * d, sizeof(float));
    for (size_t i = 0; i < N_TEXTS; i++) lens[i] = strlen(texts[i]);
    for (int i = 0; i < 3; i++) assert_int_equal(vecd_encode(m, texts, lens, N_TEXTS, 0, v, NULL, NULL), VECD_OK);
    uint64_t before = vecd_mem_count();
    for (int i = 0; i < 10; i++) assert_int_equal(vecd_encode(m, texts, lens, N_TEXTS, 0, v, NULL, NULL), VECD_OK);
    assert_int_equal(vecd_mem_count(), before);
    free(v);
    vecd_close(&m);
  }
}

static void every_failed_allocation_is_survived(void **state) {
  (void)state;
  static const char *const names[] = {"bert-mean-norm", "bert-order", "bert-prompt-cls", "bert-sharded"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    char path[1200];
    snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(folder, '/') + 1 - folder), folder, names[k]);
    size_t before = vecd_mem_total_bytes();
    bool opened = false;
    for (uint64_t n = 1; n < 20000 && !opened; n++) {
      vecd_model *m = NULL;
      vecd_err err;
      vecd_mem_fail_nth(n);
      vecd_status s = vecd_open(path, &(vecd_options){.threads = 2}, &m, &err);
      if (!s) {
        float *v = calloc(dimension_of(m), sizeof(float));
        s = vecd_encode_with(m, &texts[2], &(size_t){10}, 1, &(vecd_encoding_options){.prompt = "x: ", .prompt_len = 3}, v,
                             NULL, &err);
        free(v);
        opened = !s;
      }
      vecd_mem_fail_nth(0);
      if (s) assert_int_equal(s, VECD_NO_MEMORY);
      vecd_close(&m);
    }
    assert_true(opened);
    assert_int_equal(vecd_mem_total_bytes(), before);
  }
}

int main(void) {
  const char *root = getenv("VECD_SOURCE_ROOT");
  snprintf(folder, sizeof folder, "%s/tests/golden/tiny/bert-mean-norm", root ? root : ".");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(describe_tells_the_facts),
      cmocka_unit_test(bad_arguments_are_told),
      cmocka_unit_test(encode_gives_the_same_bits_alone_and_together),
      cmocka_unit_test(ids_and_text_agree),
      cmocka_unit_test(each_item_has_its_own_status),
      cmocka_unit_test(times_are_told),
      cmocka_unit_test(a_prompt_stands_before_texts),
      cmocka_unit_test(a_prompt_can_stay_out_of_the_pooling),
      cmocka_unit_test(wrong_prompts_are_told),
      cmocka_unit_test(vectors_can_be_cut),
      cmocka_unit_test(raw_leaves_out_the_last_normalize_only),
      cmocka_unit_test(vectors_can_be_normalized),
      cmocka_unit_test(raw_and_normalize_exclude_each_other),
      cmocka_unit_test(a_pooling_can_be_asked_for),
      cmocka_unit_test(of_several_poolings_none_can_be_asked_for),
      cmocka_unit_test(modules_see_every_item),
      cmocka_unit_test(a_call_can_be_stopped),
      cmocka_unit_test(a_warm_model_allocates_nothing),
      cmocka_unit_test(every_failed_allocation_is_survived),
  };
  return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
