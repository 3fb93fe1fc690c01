/* test_tok_models.c - Unigram, BPE and WordLevel on tables made by hand: ids and places, ties, unknown characters, files nobody
 * should trust, memory that runs out, and words of a hundred thousand bytes in a time that grows with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "tok/tok_model.h"

typedef struct fixture {
  vecd_vocab vocab;
  vecd_tok_model model;
  vecd_tok_model_scratch scratch;
} fixture;

static vecd_status load(const char *section, fixture *f, vecd_err *err) {
  json_t *root = NULL;
  *f = (fixture){0};
  vecd_status s = vecd_json_parse_like_serde("t.json", vecd_span_of(section), &root, err);
  if (!s) s = vecd_tok_model_load("t.json", root, 1, 8, &f->vocab, &f->model, err);
  json_decref(root);
  return s;
}

static void fini(fixture *f) {
  vecd_tok_model_fini(&f->model);
  vecd_vocab_fini(&f->vocab);
  vecd_tok_model_scratch_fini(&f->scratch);
}

static size_t encode(fixture *f, vecd_span word, uint32_t **ids, uint32_t **ends) {
  size_t room = word.len * f->model.ids_per_byte;
  *ids = calloc(room, sizeof **ids);
  *ends = calloc(room, sizeof **ends);
  size_t n = vecd_tok_model_encode(&f->model, word, *ids, *ends, &f->scratch);
  assert_true(n == VECD_TOK_MODEL_FAILED || n <= room);
  return n;
}

/* "3@2 5@4": ids and the bytes at which they end. "-": no token for something in it. */
static void expect(const char *section, const char *word, const char *want) {
  fixture f;
  vecd_err err = {0};
  if (load(section, &f, &err)) fail_msg("%s", err.text);
  uint32_t *ids, *ends;
  char got[512] = "";
  size_t len = 0, n = encode(&f, vecd_span_of(word), &ids, &ends);
  if (n == VECD_TOK_MODEL_FAILED) {
    assert_true(f.scratch.no_token);
    strcpy(got, "-");
  }
  for (size_t i = 0; n != VECD_TOK_MODEL_FAILED && i < n; i++)
    len += (size_t)snprintf(got + len, sizeof got - len, i ? " %u@%u" : "%u@%u", ids[i], ends[i]);
  assert_string_equal(got, want);
  assert_true(vecd_tok_model_bytes(&f.model) > 0);
  free(ids);
  free(ends);
  fini(&f);
}

static void expect_refused(const char *section, vecd_status code, const char *named) {
  fixture f;
  vecd_err err = {0};
  size_t before = vecd_mem_total_bytes();
  vecd_status got = load(section, &f, &err);
  fini(&f);
  if (got != code) fail_msg("code %d for %s: %s", got, named, err.text);
  if (strncmp(err.text, "t.json", 6) != 0 || !strstr(err.text, named)) fail_msg("\"%s\" does not name %s", err.text, named);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

#define UNIGRAM(more, vocab) "{\"type\":\"Unigram\"," more "\"vocab\":[" vocab "]}"
#define P(token, score)      "[\"" token "\"," #score "]"
#define UNK                  "\"unk_id\":0,"

static void test_unigram(void **state) {
  (void)state;
#define ABC P("<unk>", 0) "," P("a", -1) "," P("b", -1) "," P("ab", -1.5) "," P("abc", -9) "," P("c", -1)
  const char *abc = UNIGRAM(UNK, ABC);
  expect(abc, "abab", "3@2 3@4");
  expect(abc, "abc", "3@2 5@3"); /* -2.5, not -9 */
  expect(abc, "bca", "2@1 5@2 1@3");
  expect(abc, "xab", "0@1 3@3");
  expect(abc, "axyzb", "1@1 0@4 2@5"); /* unknown ones in a row are one */
  expect(abc, "\xe2\x98\x83\xc3\xa9", "0@5");
  expect(abc, "x", "0@1");
  expect(abc, "x<unk>ya", "0@7 1@8"); /* its own name is unknown too, and joins them */
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", 0) "," P("b", 0) "," P("c", 0) "," P("d", 0) "," P("cd", 1) "," P("ab", 2) "," P(
                          "abc", 5) "," P("abcd", 10)),
         "abcdacdxx", "8@4 1@5 5@7 0@9");
}

/* Of equal sums the first found stays: the one whose last piece begins earlier. */
static void test_unigram_ties(void **state) {
  (void)state;
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", -1) "," P("aa", -2)), "aaa", "1@1 2@3");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", -1) "," P("aa", -2)), "aa", "2@2");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", -1) "," P("b", -1) "," P("c", -1) "," P("ab", -1) "," P("bc", -1)), "abc",
         "1@1 5@3");
  /* 0.1 + 0.2 is more than 0.3 in doubles, and 0.1f + 0.2f is not. */
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", 0.1) "," P("b", 0.2) "," P("ab", 0.3)), "ab", "1@1 2@2");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", 0.1) "," P("b", 0.1) "," P("ab", 0.2)), "ab", "3@2");
  /* As serde_json reads them, the first is no more than the second; the nearest doubles would say otherwise. */
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", 0) "," P("b", -1.8771917819976807) "," P("ab", -1.8771917819976809)), "ab",
         "3@2");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", 0) "," P("b", -1.8771917819976805) "," P("ab", -1.8771917819976807)), "ab",
         "1@1 2@2");
}

static void test_unigram_bytes(void **state) {
  (void)state;
#define E_ACUTE P("<0xC3>", 0) "," P("<0xA9>", 0)
  const char *bytes = UNIGRAM(UNK "\"byte_fallback\":true,", P("<unk>", 0) "," P("a", -1) "," E_ACUTE);
  expect(bytes, "a\xc3\xa9", "1@1 2@3 3@3");
  expect(bytes,
         "\xc3\xa9\xc3\xa9"
         "a",
         "2@4 3@4 2@4 3@4 1@5");            /* all over the whole stretch */
  expect(bytes, "\xc3\xa9\xc3\xa8", "0@4"); /* one byte has no token, so none has */
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a", -1) "," E_ACUTE), "\xc3\xa9", "0@2");
  expect(UNIGRAM("\"byte_fallback\":true,", P("a", -1) "," E_ACUTE), "\xc3\xa9", "-"); /* needs unk_id all the same */
  expect(UNIGRAM("", P("a", -1)), "aa", "0@1 0@2");
  expect(UNIGRAM("\"unk_id\":null,", P("a", -1)), "ab", "-");
  /* Two unknown characters that are a token together, but one worth less than they: still the token. */
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("xy", 99) "," P("a", 100)), "xy", "1@2");
  expect(UNIGRAM("\"unk_id\":3,", P("xy", 30) "," P("a", 40) "," P("b", 45) "," P("u", 50)), "axyb", "1@1 0@3 2@4");
}

static void test_unigram_repeats(void **state) {
  (void)state;
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("ab", -1) "," P("ab", -9) "," P("a", -1) "," P("b", -1)), "ab", "3@1 4@2");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("", 5) "," P("", 5) "," P("a", -1)), "aa", "3@1 3@2");
  expect(UNIGRAM(UNK, P("<unk>", 0) "," P("a\\u0000b", -1) "," P("a", -9)), "ab", "2@1 0@2");
  fixture f;
  assert_int_equal(load(UNIGRAM(UNK, P("<unk>", 0) "," P("a\\u0000b", -1) "," P("ab", -9) "," P("ab", -1)), &f, NULL), VECD_OK);
  assert_int_equal(vecd_tok_model_find(&f.model, (vecd_span){"a\0b", 3}), 1);
  assert_int_equal(vecd_tok_model_find(&f.model, VECD_SPAN("ab")), 3);
  assert_int_equal(vecd_tok_model_find(&f.model, VECD_SPAN("a")), VECD_NO_ID);
  assert_int_equal(vecd_tok_model_find(&f.model, VECD_SPAN("abc")), VECD_NO_ID);
  assert_int_equal(f.model.n_tokens, 4);
  fini(&f);
}

#define BPE(more, vocab, merges) "{\"type\":\"BPE\"," more "\"vocab\":{" vocab "},\"merges\":[" merges "]}"
#define HUG                      "\"<u>\":0,\"a\":1,\"b\":2,\"c\":3,\"ab\":4,\"bc\":5,\"abc\":6,\"aa\":7,\"aaaa\":8,\"\\u00e9\":9,\"abcab\":10"

static void test_bpe(void **state) {
  (void)state;
  const char *hug = BPE("\"unk_token\":\"<u>\",", HUG, "\"a b\",\"b c\",\"ab c\",\"a bc\",\"a a\",\"aa aa\"");
  expect(hug, "a", "1@1");
  expect(hug, "abc", "6@3");
  expect(hug, "bcbc", "5@2 5@4");
  expect(hug, "aaaaa", "8@4 1@5"); /* from the left */
  expect(hug, "aaab", "7@2 4@4");  /* the better rank first */
  expect(hug, "cab\xc3\xa9", "3@1 4@3 9@5");
  expect(BPE("\"unk_token\":\"<u>\",", HUG, "[\"b\",\"c\"],[\"a\",\"bc\"],[\"a\",\"b\"]"), "abcab", "6@3 4@5");
  expect(BPE("\"unk_token\":\"<u>\",", HUG, "\"#version: 0.2\",\"b c\",\"a b\",\"a bc\""), "abc", "6@3");
  expect(BPE("\"unk_token\":\"<u>\",", HUG, "\"a b\",\"b c\",\"a b\""), "abc", "1@1 5@3"); /* of two places the last */
  expect(BPE("\"unk_token\":\"<u>\",\"ignore_merges\":true,", HUG, ""), "abcab", "10@5");
  expect(BPE("\"unk_token\":\"<u>\",\"ignore_merges\":true,", HUG, ""), "abca", "1@1 2@2 3@3 1@4");
  expect(BPE("\"dropout\":0.0,\"fuse_unk\":null,", HUG, ""), "ab", "1@1 2@2");
}

static void test_bpe_unknown(void **state) {
  (void)state;
#define BYTES_VOCAB "\"<u>\":0,\"a\":1,\"<0xC3>\":2,\"<0xA9>\":3,\"<u>a\":4"
  expect(BPE("\"unk_token\":\"<u>\",", HUG, ""), "xya", "0@1 0@2 1@3");
  expect(BPE("\"unk_token\":\"<u>\",\"fuse_unk\":true,", HUG, ""), "xya", "0@2 1@3");
  expect(BPE("", HUG, ""), "axyb", "1@1 2@2"); /* left out, and places go wrong, as in the reference */
  expect(BPE("", HUG, ""), "xy", "");
  expect(BPE("\"unk_token\":\"<none>\",", HUG, ""), "ab", "1@1 2@2");
  expect(BPE("\"unk_token\":\"<none>\",", HUG, ""), "ax", "-");
  expect(BPE("\"unk_token\":\"<u>\",\"byte_fallback\":true,", BYTES_VOCAB, ""), "a\xc3\xa9", "1@1 2@2 3@3");
  expect(BPE("\"unk_token\":\"<u>\",\"byte_fallback\":true,", BYTES_VOCAB, ""), "\xc3\xa8", "0@2");
  /* An unknown character waits while bytes pass it. */
  expect(BPE("\"unk_token\":\"<u>\",\"byte_fallback\":true,", BYTES_VOCAB, ""),
         "x\xc3\xa9"
         "a",
         "2@1 3@2 0@3 1@4");
  expect(BPE("\"unk_token\":\"<u>\",", BYTES_VOCAB, "\"<u> a\""), "xa", "4@2"); /* merges know no difference */
}

static void test_bpe_affixes(void **state) {
  (void)state;
#define PREFIXED "\"<u>\":0,\"a\":1,\"##a\":2,\"##b\":3,\"ab\":4,\"##ab\":5,\"aab\":6,\"##\":7"
#define PREFIX   "\"unk_token\":\"<u>\",\"continuing_subword_prefix\":\"##\","
  expect(BPE(PREFIX, PREFIXED, ""), "aab", "1@1 2@2 3@3");
  expect(BPE(PREFIX, PREFIXED, "\"##a ##b\",\"a ##ab\""), "aab", "6@3");
  expect(BPE(PREFIX, PREFIXED, "\"a ##b\""), "bab", "0@1 2@2 3@3");
  expect(BPE(PREFIX, PREFIXED, "\"a ##\""), "ab", "1@1 3@2"); /* a merge that makes its own left side */
#define SUFFIX "\"unk_token\":\"<u>\",\"end_of_word_suffix\":\"</w>\","
  expect(BPE(SUFFIX, "\"<u>\":0,\"a\":1,\"a</w>\":2,\"aa</w>\":3", ""), "aaa", "1@1 1@2 2@3");
  expect(BPE(SUFFIX, "\"<u>\":0,\"a\":1,\"a</w>\":2,\"aa</w>\":3", "\"a a</w>\""), "aaa", "1@1 3@3");
  expect(BPE(SUFFIX, "\"<u>\":0,\"a\":1", ""), "aa", "1@1 0@2");
  /* The prefix falls back to bytes with its character: more ids than bytes, whose places end with the word. */
  expect(BPE("\"continuing_subword_prefix\":\"#\",\"byte_fallback\":true,", "\"a\":0,\"<0x23>\":1,\"<0x62>\":2", ""), "abb",
         "0@1 1@2 2@3 1@3 2@3");
}

static void test_wordlevel(void **state) {
  (void)state;
#define WORDS(unk) "{\"type\":\"WordLevel\",\"unk_token\":\"" unk "\",\"vocab\":{\"u\":4,\"ab\":1,\"\\u00e9\":2}}"
  expect(WORDS("u"), "ab", "1@2");
  expect(WORDS("u"), "a", "4@1");
  expect(WORDS("u"), "\xc3\xa9", "2@2");
  expect(WORDS("v"), "ab", "1@2");
  expect(WORDS("v"), "x", "-");
}

/* Without a type the fields tell. */
static void test_untyped(void **state) {
  (void)state;
  expect("{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a a\"]}", "aa", "1@2");
  expect("{\"vocab\":[[\"a\",0]]}", "aa", "0@1 0@2");
  expect("{\"vocab\":{\"a\":0,\"u\":1},\"unk_token\":\"u\"}", "aa", "1@2");
  expect("{\"vocab\":{\"a\":0,\"##a\":1},\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\","
         "\"max_input_chars_per_word\":9}",
         "aa", "0@1 1@2");
  expect_refused("{\"vocab\":{\"a\":0}}", VECD_BAD_MODEL, "\"type\" is missing");
  expect_refused("{\"type\":\"Neural\",\"vocab\":[[\"a\",0]]}", VECD_UNSUPPORTED, "\"Neural\"");
}

static void test_hostile_unigram(void **state) {
  (void)state;
  expect_refused("{\"type\":\"Unigram\"}", VECD_BAD_MODEL, "\"vocab\"");
  expect_refused("{\"type\":\"Unigram\",\"vocab\":{\"a\":0}}", VECD_BAD_MODEL, "must be an array");
  expect_refused(UNIGRAM(UNK, ""), VECD_BAD_MODEL, "vocab is empty");
  expect_refused(UNIGRAM("\"unk_id\":1,", P("a", 0)), VECD_BAD_MODEL, "\"unk_id\"");
  expect_refused(UNIGRAM("\"unk_id\":-1,", P("a", 0)), VECD_BAD_MODEL, "\"unk_id\"");
  expect_refused(UNIGRAM("\"unk_id\":\"a\",", P("a", 0)), VECD_BAD_MODEL, "\"unk_id\"");
  expect_refused(UNIGRAM("\"byte_fallback\":1,", P("a", 0)), VECD_BAD_MODEL, "\"byte_fallback\"");
  expect_refused(UNIGRAM(UNK, P("a", 0) ",7"), VECD_BAD_MODEL, "vocab[1]");
  expect_refused(UNIGRAM(UNK, P("a", 0) ",[\"b\"]"), VECD_BAD_MODEL, "vocab[1]");
  expect_refused(UNIGRAM(UNK, "[\"b\",0,0]"), VECD_BAD_MODEL, "vocab[0]");
  expect_refused(UNIGRAM(UNK, "[1,0]"), VECD_BAD_MODEL, "vocab[0]: the token");
  expect_refused(UNIGRAM(UNK, "[\"b\",\"NaN\"]"), VECD_BAD_MODEL, "the score of \"b\"");
  expect_refused(UNIGRAM(UNK, "[\"b\",null]"), VECD_BAD_MODEL, "the score of \"b\"");
  expect_refused(UNIGRAM(UNK, "[\"b\",1e999]"), VECD_BAD_SYNTAX, "number too large");
  expect_refused(UNIGRAM(UNK, "[\"b\",NaN]"), VECD_BAD_SYNTAX, "a value expected");
  expect_refused(UNIGRAM(UNK, "[\"b\",-Infinity]"), VECD_BAD_SYNTAX, "line 1");
  expect(UNIGRAM(UNK, P("<unk>", -1e308) "," P("a", -1e308)), "aaa", "1@1 1@2 1@3"); /* sums that leave the range */
}

static void test_hostile_bpe(void **state) {
  (void)state;
  expect_refused("{\"type\":\"BPE\",\"vocab\":{\"a\":0}}", VECD_BAD_MODEL, "\"merges\"");
  expect_refused("{\"type\":\"BPE\",\"merges\":[]}", VECD_BAD_MODEL, "\"vocab\"");
  expect_refused("{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}", VECD_BAD_MODEL, "\"vocab\"");
  expect_refused(BPE("", "", ""), VECD_BAD_MODEL, "vocab is empty");
  expect_refused(BPE("", HUG, "\"a b\",\"x b\""), VECD_BAD_MODEL, "merges[1] names \"x\"");
  expect_refused(BPE("", HUG, "[\"a\",\"y\"]"), VECD_BAD_MODEL, "merges[0] names \"y\"");
  expect_refused(BPE("", HUG, "\"c a\""), VECD_BAD_MODEL, "merges[0] makes \"ca\"");
  expect_refused(BPE("", HUG, "\"a b c\""), VECD_BAD_MODEL, "merges[0]");
  expect_refused(BPE("", HUG, "\"ab\""), VECD_BAD_MODEL, "merges[0]");
  expect_refused(BPE("", HUG, "\"a b\",[\"a\",\"b\"]"), VECD_BAD_MODEL, "merges[1] is of type array");
  expect_refused(BPE("", HUG, "[\"a\",\"b\"],\"a b\""), VECD_BAD_MODEL, "merges[1]");
  expect_refused(BPE("", HUG, "[\"a\",\"b\",\"c\"]"), VECD_BAD_MODEL, "merges[0]");
  expect_refused(BPE("", HUG, "7"), VECD_BAD_MODEL, "merges[0]");
  expect_refused(BPE("\"continuing_subword_prefix\":\"##\",", HUG, "\"a b\""), VECD_BAD_MODEL, "does not have the prefix");
  expect_refused(BPE("\"dropout\":0.1,", HUG, ""), VECD_UNSUPPORTED, "dropout of 0.1");
  expect_refused(BPE("\"dropout\":\"x\",", HUG, ""), VECD_BAD_MODEL, "\"dropout\"");
  expect_refused(BPE("\"fuse_unk\":1,", HUG, ""), VECD_BAD_MODEL, "\"fuse_unk\"");
  expect_refused(BPE("\"unk_token\":1,", HUG, ""), VECD_BAD_MODEL, "\"unk_token\"");
  expect_refused(BPE("", "\"a\":0,\"b\":0", ""), VECD_BAD_MODEL, "both have id 0");
  expect_refused(BPE("", "\"a\":4000000000", ""), VECD_BAD_MODEL, "out of range");
#define LONG_AFFIX "0123456789012345678901234567890123456789012345678901234567890123456789"
  expect_refused(BPE("\"byte_fallback\":true,\"end_of_word_suffix\":\"" LONG_AFFIX "\",", HUG, ""), VECD_UNSUPPORTED,
                 "end_of_word_suffix");
  expect(BPE("\"end_of_word_suffix\":\"" LONG_AFFIX "\",", HUG, ""), "ab", "1@1");
  expect_refused("{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}", VECD_BAD_MODEL, "\"unk_token\"");
  expect_refused("{\"type\":\"WordLevel\",\"unk_token\":\"a\"}", VECD_BAD_MODEL, "\"vocab\"");
}

static uint64_t rng_state = 88172645463325252u;
static uint32_t rng(uint32_t below) {
  rng_state ^= rng_state << 13, rng_state ^= rng_state >> 7, rng_state ^= rng_state << 17;
  return (uint32_t)(rng_state >> 33) % below;
}

/* Random strings over four letters: every get of every token, and of what is none, and all prefixes in a walk. */
static void test_trie(void **state) {
  (void)state;
  enum { N = 3000 };
  vecd_vocab vocab;
  vecd_piece_trie trie;
  vecd_piece_table table;
  assert_int_equal(vecd_vocab_init(&vocab, N, N * 12, NULL), VECD_OK);
  for (uint32_t id = 0; id < N; id++) {
    char token[12];
    size_t len = 1 + rng(11);
    for (size_t i = 0; i < len; i++) token[i] = "ab\0\xff"[rng(4)];
    assert_int_equal(vecd_vocab_put(&vocab, id, (vecd_span){token, len}, NULL), VECD_OK);
  }
  assert_int_equal(vecd_piece_trie_init(&trie, &vocab, N, NULL), VECD_OK);
  assert_int_equal(vecd_piece_table_init(&table, &vocab, N, NULL), VECD_OK);
  for (uint32_t id = N; id-- > 0;) vecd_piece_table_put(&table, id, 0); /* the last one is found first */
  for (int round = 0; round < 20000; round++) {
    char text[14];
    for (size_t i = 0; i < sizeof text; i++) text[i] = "ab\0\xff"[rng(4)];
    vecd_trie_walk walk = vecd_trie_begin(&trie, text, text + sizeof text);
    for (size_t len = 1; len <= sizeof text; len++) {
      uint32_t id = vecd_piece_table_get(&table, (vecd_span){text, len});
      assert_int_equal(vecd_piece_trie_get(&trie, (vecd_span){text, len}), id);
      if (id == VECD_NO_ID) continue;
      assert_int_equal(vecd_trie_next(&trie, &walk), id);
      assert_int_equal(walk.p - text, len);
    }
    assert_int_equal(vecd_trie_next(&trie, &walk), VECD_NO_ID);
  }
  vecd_piece_table_fini(&table);
  vecd_piece_trie_fini(&trie);
  vecd_vocab_fini(&vocab);
}

/* Two tokens that differ only behind nine million bytes would need as many nodes. */
static void test_trie_too_large(void **state) {
  (void)state;
  enum { LEN = 9000000 };
  vecd_vocab vocab;
  vecd_piece_trie trie;
  vecd_err err = {0};
  char *token = malloc(LEN);
  memset(token, 'a', LEN);
  size_t before = vecd_mem_total_bytes();
  assert_int_equal(vecd_vocab_init(&vocab, 2, 2 * LEN, NULL), VECD_OK);
  for (uint32_t id = 0; id < 2; id++) {
    token[LEN - 1] = (char)('a' + id);
    assert_int_equal(vecd_vocab_put(&vocab, id, (vecd_span){token, LEN}, NULL), VECD_OK);
  }
  assert_int_equal(vecd_piece_trie_init(&trie, &vocab, 2, &err), VECD_UNSUPPORTED);
  assert_non_null(strstr(err.text, "too large"));
  vecd_vocab_fini(&vocab);
  assert_int_equal(vecd_mem_total_bytes(), before);
  free(token);
}

/* Both ways of merging give the same for every word, and so does the definition: the best rank, the leftmost first. */
static void test_bpe_ways_agree(void **state) {
  (void)state;
  static char section[16384];
  size_t n = (size_t)snprintf(section, sizeof section, "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2");
  char tokens[120][20] = {"a", "b", "c"};
  uint32_t n_tokens = 3, pairs[400][2], n_pairs = 0;
  while (n_tokens < 120) {
    uint32_t left = rng(n_tokens), right = rng(n_tokens), k = 0;
    size_t left_len = strlen(tokens[left]), right_len = strlen(tokens[right]);
    if (left_len + right_len > 9) continue;
    memcpy(tokens[n_tokens], tokens[left], left_len);
    memcpy(tokens[n_tokens] + left_len, tokens[right], right_len + 1);
    while (strcmp(tokens[k], tokens[n_tokens]) != 0) k++;
    pairs[n_pairs][0] = left, pairs[n_pairs++][1] = right;
    if (k < n_tokens) continue;
    n += (size_t)snprintf(section + n, sizeof section - n, ",\"%s\":%u", tokens[n_tokens], n_tokens);
    n_tokens++;
    if (n_pairs == 400) break;
  }
  n += (size_t)snprintf(section + n, sizeof section - n, "},\"merges\":[");
  for (uint32_t i = 0; i < n_pairs; i++) {
    uint32_t k = rng(n_pairs - i) + i, left = pairs[k][0], right = pairs[k][1];
    pairs[k][0] = pairs[i][0], pairs[k][1] = pairs[i][1];
    n += (size_t)snprintf(section + n, sizeof section - n, i ? ",\"%s %s\"" : "\"%s %s\"", tokens[left], tokens[right]);
  }
  snprintf(section + n, sizeof section - n, "]}");
  fixture f;
  vecd_err err = {0};
  if (load(section, &f, &err)) fail_msg("%s", err.text);
  for (int round = 0; round < 20000; round++) {
    char word[40];
    size_t len = 1 + rng(32);
    for (size_t i = 0; i < len; i++) word[i] = "abc"[rng(3)];
    uint32_t ids[2][40], ends[2][40];
    f.model.as.bpe.by_queue = false;
    size_t n_short = vecd_tok_model_encode(&f.model, (vecd_span){word, len}, ids[0], ends[0], &f.scratch);
    f.model.as.bpe.by_queue = true;
    assert_int_equal(vecd_tok_model_encode(&f.model, (vecd_span){word, len}, ids[1], ends[1], &f.scratch), n_short);
    assert_memory_equal(ids[0], ids[1], n_short * sizeof *ids[0]);
    assert_memory_equal(ends[0], ends[1], n_short * sizeof *ends[0]);
    assert_int_equal(ends[0][n_short - 1], len);
  }
  fini(&f);
}

/* Of this thread: what else the machine does must not count. */
static uint64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Words of 100 KB and of 800 KB: eight times as long may take thirty times as long, not sixty-four. */
static void test_long_words(void **state) {
  (void)state;
  static const char *const sections[] = {
      UNIGRAM(UNK, ABC), UNIGRAM(UNK "\"byte_fallback\":true,", P("<unk>", 0) "," P("a", -1) "," E_ACUTE),
      BPE("\"unk_token\":\"<u>\",", HUG, "\"a b\",\"b c\",\"ab c\",\"a bc\",\"a a\",\"aa aa\""), WORDS("u")};
  static const char *const words[] = {"a", "abc", "\xc3\xa9", "aab\xe2\x98\x83"};
  enum { LEN = 800000 };
  char *text = malloc(LEN);
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    fixture f;
    vecd_err err = {0};
    if (load(sections[i], &f, &err)) fail_msg("%s", err.text);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
      uint64_t spent[2];
      for (int big = 0; big < 2; big++) {
        size_t len = 0, most = big ? LEN : LEN / 8, step = strlen(words[k]);
        for (; len + step <= most; len += step) memcpy(text + len, words[k], step);
        uint32_t *ids, *ends;
        spent[big] = cpu_ns();
        size_t n = encode(&f, (vecd_span){text, len}, &ids, &ends);
        spent[big] = cpu_ns() - spent[big];
        assert_true(n >= 1 && n <= len);
        assert_int_equal(ends[n - 1], len);
        free(ids);
        free(ends);
      }
      if (spent[1] > 30 * spent[0] + 100000000) fail_msg("%s: %.3f s", sections[i], (double)spent[1] / 1e9);
    }
    fini(&f);
  }
  free(text);
}

static void test_failing_memory(void **state) {
  (void)state;
  static const char *const sections[] = {UNIGRAM(UNK, ABC), BPE(PREFIX, PREFIXED, "\"##a ##b\",\"a ##ab\""), WORDS("u")};
  char word[100];
  memset(word, 'a', sizeof word);
  size_t before = vecd_mem_total_bytes();
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    for (uint64_t nth = 1;; nth++) {
      assert_true(nth < 100);
      fixture f = {0};
      json_t *root = NULL;
      assert_int_equal(vecd_json_parse("t.json", vecd_span_of(sections[i]), &root, NULL), VECD_OK);
      uint32_t ids[100], ends[100];
      vecd_mem_fail_nth(nth);
      vecd_status s = vecd_tok_model_load("t.json", root, 1, 8, &f.vocab, &f.model, NULL);
      if (!s && vecd_tok_model_encode(&f.model, (vecd_span){word, 100}, ids, ends, &f.scratch) == VECD_TOK_MODEL_FAILED) {
        assert_false(f.scratch.no_token);
        s = VECD_NO_MEMORY;
      }
      vecd_mem_fail_nth(0);
      uint64_t count = vecd_mem_count();
      if (!s) assert_true(vecd_tok_model_encode(&f.model, (vecd_span){word, 100}, ids, ends, &f.scratch) > 0);
      assert_int_equal(vecd_mem_count(), count); /* a warm call asks for nothing */
      fini(&f);
      json_decref(root);
      assert_int_equal(vecd_mem_total_bytes(), before);
      if (!s) {
        assert_true(nth > 3);
        break;
      }
      assert_int_equal(s, VECD_NO_MEMORY);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unigram),
      cmocka_unit_test(test_unigram_ties),
      cmocka_unit_test(test_unigram_bytes),
      cmocka_unit_test(test_unigram_repeats),
      cmocka_unit_test(test_bpe),
      cmocka_unit_test(test_bpe_unknown),
      cmocka_unit_test(test_bpe_affixes),
      cmocka_unit_test(test_wordlevel),
      cmocka_unit_test(test_untyped),
      cmocka_unit_test(test_hostile_unigram),
      cmocka_unit_test(test_hostile_bpe),
      cmocka_unit_test(test_trie),
      cmocka_unit_test(test_trie_too_large),
      cmocka_unit_test(test_bpe_ways_agree),
      cmocka_unit_test(test_long_words),
      cmocka_unit_test(test_failing_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
