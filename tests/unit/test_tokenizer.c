/* test_tokenizer.c - every component and flag of a tokenizer.json on small files: ids, offsets, truncation, added tokens, files
 * nobody should trust, memory that runs out, and that a warm call asks for none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tok/tokenizer_impl.h"
#include "tok/unicode.h"

/* What a test's tokenizer.json has in each section; NULL: the default. */
typedef struct sections {
  const char *normalizer, *pre_tokenizer, *added, *post_processor, *model, *more;
} sections;

#define BERT(clean, cjk, strip, lower)                                                                                 \
  "{\"type\":\"BertNormalizer\",\"clean_text\":" #clean ",\"handle_chinese_chars\":" #cjk ",\"strip_accents\":" #strip \
  ",\"lowercase\":" #lower "}"
#define SPLIT "{\"type\":\"BertPreTokenizer\"}"
#define MODEL(prefix, most, vocab)                                                          \
  "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"" prefix \
  "\",\"max_input_chars_per_word\":" #most ",\"vocab\":{" vocab "}}"
#define VOCAB                                                                                                        \
  "\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"a\":3,\"b\":4,\"##b\":5,\"ab\":6,\"##c\":7,\"e\":8,\"\\u00e9\":9,\"A\":10," \
  "\"\\u4e2d\":11,\",\":12,\"##bc\":13,\"\\u1100\":14,\"##\\u1161\":15,\"e\\u0301\":16,\"i\":17,\"##\\u0307\":18,\"##a\":19"
#define N_VOCAB 20
#define TEMPLATE                                                                                                            \
  "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"                       \
  "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],\"pair\":["             \
  "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}},{\"Sequence\":{\"id\":"  \
  "\"B\","                                                                                                                  \
  "\"type_id\":1}}],\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[1],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":" \
  "\"[SEP]\",\"ids\":[2],\"tokens\":[\"[SEP]\"]}}}"
#define ADDED(id, content, single, left, right, normalized)                                                         \
  "{\"id\":" #id ",\"content\":\"" content "\",\"single_word\":" #single ",\"lstrip\":" #left ",\"rstrip\":" #right \
  ",\"normalized\":" #normalized ",\"special\":false}"

static const char *or_default(const char *s, const char *otherwise) { return s ? s : otherwise; }

static const char *file_text(sections s) {
  static char text[16384];
  int n = snprintf(text, sizeof text,
                   "{\"version\":\"1.0\",%s\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_processor\":%s,"
                   "\"decoder\":{\"type\":\"whatever\"},\"model\":%s}",
                   or_default(s.more, ""), or_default(s.added, ""), or_default(s.normalizer, BERT(true, true, null, true)),
                   or_default(s.pre_tokenizer, SPLIT), or_default(s.post_processor, "null"),
                   or_default(s.model, MODEL("##", 100, VOCAB)));
  assert_true(n > 0 && (size_t)n < sizeof text);
  return text;
}

static vecd_tokenizer *make(sections s) {
  vecd_tokenizer *t = NULL;
  vecd_err err = {0};
  if (vecd_tokenizer_parse("t.json", vecd_span_of(file_text(s)), NULL, &t, &err)) fail_msg("%s", err.text);
  return t;
}

/* "3 5@0-1 7@1-2": ids, and offsets where asked for. */
static const char *shown(const vecd_encoding *e, bool offsets) {
  static char text[4096];
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; i < e->n_ids && n < sizeof text - 64; i++) {
    n += (size_t)snprintf(text + n, 64, i ? " %u" : "%u", e->ids[i]);
    if (offsets) n += (size_t)snprintf(text + n, 64, "@%u-%u", e->starts[i], e->ends[i]);
  }
  return text;
}

static void expect_span(const vecd_tokenizer *t, vecd_span text, const char *ids, const char *with_offsets) {
  vecd_encoding e = {0};
  vecd_err err = {0};
  if (vecd_tokenizer_encode(t, text, 0, 0, &e, &err)) fail_msg("%s", err.text);
  assert_string_equal(shown(&e, false), ids);
  assert_int_equal(e.n_untruncated, e.n_ids);
  if (vecd_tokenizer_encode(t, text, 0, VECD_TOK_OFFSETS, &e, &err)) fail_msg("%s", err.text);
  assert_string_equal(shown(&e, false), ids);
  if (with_offsets) assert_string_equal(shown(&e, true), with_offsets);
  vecd_encoding_fini(&e);
}

static void expect(sections s, const char *text, const char *ids, const char *with_offsets) {
  vecd_tokenizer *t = make(s);
  expect_span(t, vecd_span_of(text), ids, with_offsets);
  vecd_tokenizer_close(&t);
  assert_null(t);
}

static void test_wordpiece(void **state) {
  (void)state;
  expect((sections){0}, "", "", "");
  expect((sections){0}, "abc", "6 7", "6@0-2 7@2-3"); /* longest first, not the ##bc of "a ##bc" */
  expect((sections){0}, "bbc", "4 13", NULL);
  expect((sections){0}, "abx", "0", "0@0-3"); /* one bad piece spoils the word */
  expect((sections){0}, "a b,ab", "3 4 12 6", "3@0-1 4@2-3 12@3-4 6@4-6");
  expect((sections){.model = MODEL("##", 2, VOCAB)}, "ab abc ee", "6 0 0", NULL);
  expect((sections){.model = MODEL("##", 1, VOCAB), .normalizer = BERT(true, true, false, true)}, "\xc3\xa9 a", "9 3", NULL);
  expect((sections){.model = MODEL("##", 0, VOCAB)}, "a", "0", NULL);
  expect((sections){.model = MODEL("", 100, "\"[UNK]\":0,\"a\":1,\"ab\":2,\"b\":3")}, "abba", "2 3 1", NULL);
  expect((sections){.pre_tokenizer = "null"}, "a b", "0", "0@0-3");
  expect((sections){.model = MODEL("##", 100, "\"[UNK]\":0,\"##a\":1"), .pre_tokenizer = "null"}, "##a", "1", NULL);
  expect((sections){.model = "{\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":9,"
                             "\"vocab\":{\"[UNK]\":0,\"a\":1}}"},
         "a b", "1 0", NULL); /* files from before types */
}

/* A vocabulary with tokens over and around 63 bytes, where the table of lengths ends. */
static void test_long_tokens(void **state) {
  (void)state;
  static char vocab[16384], text[512], ids[64];
  size_t n = 0;
  static const int lens[] = {1, 2, 3, 61, 62, 63, 64, 65, 80, 100};
  n += (size_t)snprintf(vocab, sizeof vocab,
                        "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                        "\"max_input_chars_per_word\":1000,\"vocab\":{\"[UNK]\":0");
  for (int i = 0; i < 10; i++) {
    char run[128];
    memset(run, 'a', sizeof run);
    run[lens[i]] = '\0';
    n += (size_t)snprintf(vocab + n, sizeof vocab - n, ",\"%s\":%d,\"##%s\":%d", run, 2 * i + 1, run, 2 * i + 2);
  }
  snprintf(vocab + n, sizeof vocab - n, "}}");
  vecd_tokenizer *t = make((sections){.model = vocab});
  for (int i = 0; i < 10; i++) {
    memset(text, 'a', sizeof text);
    snprintf(ids, sizeof ids, "%d", 2 * i + 1);
    expect_span(t, (vecd_span){text, (size_t)lens[i]}, ids, NULL);
    snprintf(ids, sizeof ids, "19 %d", 2 * i + 2); /* 100, then the rest */
    expect_span(t, (vecd_span){text, 100 + (size_t)lens[i]}, ids, NULL);
  }
  expect_span(t, (vecd_span){text, 104}, "19 6 2", NULL);
  vecd_tokenizer_close(&t);
}

static void test_clean_text(void **state) {
  (void)state;
  const sections clean = {.normalizer = BERT(true, false, false, false)},
                 dirty = {.normalizer = BERT(false, false, false, false)};
  expect(clean,
         "a\x07"
         "b",
         "6", "6@0-3");
  expect(clean,
         "a\xe2\x80\x8d"
         "b",
         "6", "6@0-3"); /* zero-width joiner */
  expect(clean,
         "a\xef\xbf\xbd"
         "b\xc2\xad",
         "6", "6@0-3"); /* U+FFFD, soft hyphen */
  expect(clean,
         "a\tb\xe2\x80\xa8"
         "a\xc2\xa0"
         "b",
         "3 4 3 4", "3@0-1 4@2-3 3@4-5 4@6-7");
  expect(clean,
         "a\x0b"
         "b",
         "6", NULL); /* a space, but a control first */
  expect(dirty,
         "a\x0b"
         "b a\x07"
         "b",
         "3 4 0", NULL);
  vecd_tokenizer *t = make(clean);
  expect_span(t, (vecd_span){"a\0b", 3}, "6", "6@0-3"); /* U+0000 is a character */
  vecd_tokenizer_close(&t);
  t = make(dirty);
  expect_span(t, (vecd_span){"a \0", 3}, "3 0", "3@0-1 0@2-3");
  vecd_tokenizer_close(&t);
}

static void test_bert_flags(void **state) {
  (void)state;
  expect((sections){.normalizer = BERT(true, true, null, true)},
         "\xe4\xb8\xad"
         "a",
         "11 3", "11@0-1 3@1-2");
  expect((sections){.normalizer = BERT(true, false, null, true)},
         "\xe4\xb8\xad"
         "a",
         "11 19", "11@0-1 19@1-2");
  expect((sections){.normalizer = BERT(true, true, null, true)}, "\xc3\x89 A", "8 3", NULL);
  expect((sections){.normalizer = BERT(true, true, false, true)}, "\xc3\x89 A", "9 3", NULL);
  expect((sections){.normalizer = BERT(true, true, true, true)}, "\xc3\x89 A", "8 3", NULL);
  expect((sections){.normalizer = BERT(true, true, null, false)}, "\xc3\xa9 A", "9 10", NULL);
  expect((sections){.normalizer = BERT(true, true, true, false)}, "\xc3\xa9 A", "8 10", NULL);
  expect((sections){.normalizer = BERT(true, true, false, false)}, "\xc3\xa9 A", "9 10", NULL);
  expect((sections){0}, "\xea\xb0\x80", "14 15", "14@0-1 15@0-1"); /* Hangul falls into jamo */
  expect((sections){.normalizer = BERT(true, true, false, true)}, "\xc4\xb0", "17 18", "17@0-1 18@0-1"); /* one becomes two */
  expect((sections){0},
         "\xe2\x84\xaa"
         "e\xcc\x81",
         "0", "0@0-2"); /* Kelvin sign: decomposed, then lowercased; the mark goes */
}

static void test_other_normalizers(void **state) {
  (void)state;
  expect((sections){.normalizer = "null"}, "A \xc3\xa9", "10 9", NULL);
  expect((sections){.normalizer = "{\"type\":\"Lowercase\"}"}, "A \xc3\x89", "3 9", NULL);
  expect((sections){.normalizer = "{\"type\":\"NFD\"}"}, "A \xc3\xa9", "10 16", "10@0-1 16@2-3");
  expect((sections){.normalizer = "{\"type\":\"StripAccents\"}"}, "e\xcc\x81 \xc3\xa9", "8 9", NULL);
  expect((sections){.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"Lowercase\"},"
                                  "{\"type\":\"StripAccents\"}]}"},
         "A \xc3\x89"
         "b",
         "3 8 5", "3@0-1 8@2-3 5@3-4");
  expect((sections){.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[]}"}, "A", "10", NULL);
}

static void test_lower_first(void **state) {
  (void)state;
  vecd_tokenizer *t = NULL;
  const char *text = file_text((sections){.normalizer = BERT(true, true, null, false)});
  assert_int_equal(vecd_tokenizer_parse("t.json", vecd_span_of(text), &(vecd_tokenizer_rules){.lower_first = true}, &t, NULL),
                   VECD_OK);
  expect_span(t, VECD_SPAN("A \xc3\x89 \xc4\xb0"), "3 9 17 18", "3@0-1 9@2-3 17@4-5 18@4-5");
  vecd_tokenizer_close(&t);
}

/* Marks are put in canonical order; their places go by count, as in the reference. */
static void test_canonical_order(void **state) {
  (void)state;
  vecd_normalizer n;
  vecd_normalizer_scratch scratch = {0};
  json_t *nfd = json_pack("{s:s}", "type", "NFD");
  assert_int_equal(vecd_normalizer_load("t", nfd, false, &n, NULL), VECD_OK);
  const vecd_aligned *out;
  const vecd_span marked = VECD_SPAN("e\xcc\x81\xcc\xa7"
                                     "a");
  assert_int_equal(vecd_normalizer_run(&n, marked, 10, true, &scratch, &out, NULL), VECD_OK);
  assert_memory_equal(out->bytes,
                      "e\xcc\xa7\xcc\x81"
                      "a",
                      6);
  const uint32_t src[] = {10, 11, 11, 12, 12, 13};
  assert_memory_equal(out->src, src, sizeof src);

  char text[1 + 4 * 1000]; /* a run too long for insertion */
  text[0] = 'e';
  for (int i = 0; i < 1000; i++) memcpy(text + 1 + 4 * i, "\xcc\x81\xcc\xa7", 4);
  assert_int_equal(vecd_normalizer_run(&n, (vecd_span){text, sizeof text}, 0, true, &scratch, &out, NULL), VECD_OK);
  assert_int_equal(out->len, sizeof text);
  for (int i = 0; i < 2000; i++) {
    assert_memory_equal(out->bytes + 1 + 2 * i, i < 1000 ? "\xcc\xa7" : "\xcc\x81", 2);
    assert_int_equal(out->src[1 + 2 * i], i + 1);
  }
  vecd_normalizer_scratch_fini(&scratch);
  vecd_normalizer_fini(&n);
  json_decref(nfd);
}

static void test_post_processors(void **state) {
  (void)state;
  expect((sections){.post_processor = TEMPLATE}, "a", "1 3 2", "1@0-0 3@0-1 2@0-0");
  expect((sections){.post_processor = TEMPLATE}, "", "1 2", NULL);
  expect((sections){.post_processor = "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]}"}, "a",
         "1 3 2", NULL);
  vecd_tokenizer *t = make((sections){.post_processor = TEMPLATE});
  vecd_encoding e = {0};
  assert_int_equal(vecd_tokenizer_encode(t, VECD_SPAN("a b"), 0, VECD_TOK_NO_SPECIALS, &e, NULL), VECD_OK);
  assert_string_equal(shown(&e, false), "3 4");
  vecd_encoding_fini(&e);
  vecd_tokenizer_close(&t);
}

static void test_truncation(void **state) {
  (void)state;
  static const char *const right[] = {"1 3 4 6 7 2", "2", "1 2", "1 3 2", "1 3 4 2", "1 3 4 6 2", "1 3 4 6 7 2", "1 3 4 6 7 2"};
  static const char *const left[] = {"1 3 4 6 7 2", "2", "1 2", "1 7 2", "1 6 7 2", "1 4 6 7 2", "1 3 4 6 7 2", "1 3 4 6 7 2"};
  static const char *const bare[] = {"3 4 6 7", "3", "3 4", "3 4 6", "3 4 6 7", "3 4 6 7", "3 4 6 7", "3 4 6 7"};
  const char *cut_left = "\"truncation\":{\"direction\":\"Left\",\"max_length\":2,\"strategy\":\"LongestFirst\",\"stride\":0},";
  vecd_tokenizer *t = make((sections){.post_processor = TEMPLATE}),
                 *l = make((sections){.post_processor = TEMPLATE, .more = cut_left});
  vecd_encoding e = {0};
  for (size_t most = 0; most < 8; most++) {
    assert_int_equal(vecd_tokenizer_encode(t, VECD_SPAN("a b abc"), most, VECD_TOK_OFFSETS, &e, NULL), VECD_OK);
    assert_string_equal(shown(&e, false), right[most]);
    assert_int_equal(e.n_untruncated, 6);
    assert_int_equal(e.ends[e.n_ids - 1], 0);
    assert_int_equal(vecd_tokenizer_encode(l, VECD_SPAN("a b abc"), most, VECD_TOK_OFFSETS, &e, NULL), VECD_OK);
    assert_string_equal(shown(&e, false), left[most]);
    assert_int_equal(e.n_untruncated, 6);
    assert_int_equal(vecd_tokenizer_encode(t, VECD_SPAN("a b abc"), most, VECD_TOK_NO_SPECIALS, &e, NULL), VECD_OK);
    assert_string_equal(shown(&e, false), bare[most]);
    assert_int_equal(e.n_untruncated, 4);
  }
  vecd_encoding_fini(&e);
  vecd_tokenizer_close(&t);
  vecd_tokenizer_close(&l);
}

static void test_added_tokens(void **state) {
  (void)state;
  expect((sections){.added = ADDED(20, "<x>", false, false, false, false)}, "a<x> b<X>", "3 20 4 0 0 0", NULL);
  expect((sections){.added = ADDED(20, "<x>", false, true, false, false)}, "a  <x> b", "3 20 4", "3@0-1 20@1-6 4@7-8");
  expect((sections){.added = ADDED(20, "<x>", false, false, true, false)}, "a <x>  b", "3 20 4", "3@0-1 20@2-7 4@7-8");
  expect((sections){.added = ADDED(20, "<x>", false, true, true, false)}, " <x> <x> ", "20 20", "20@0-5 20@5-9");
  expect((sections){.added = ADDED(3, "a", true, false, false, false)}, "a ab a,ba a", "3 6 3 12 4 19 3", NULL);
  expect((sections){.added = ADDED(20, "x", true, false, false, false)}, "x ax x_ \xc3\xa9x x\xcc\x81 ,x,",
         "20 0 0 0 0 0 12 20 12", NULL);
  expect((sections){.added = ADDED(20, "Abc", false, false, false, true)}, "aABCb", "3 20 4", "3@0-1 20@1-4 4@4-5");
  expect((sections){.added = ADDED(20, "Abc", false, false, false, false)}, "aABCb Abc", "3 19 13 5 20", NULL);
  expect((sections){.added = ADDED(20, "\\u00c9x", false, false, false, true)}, "a\xc3\x89xe\xcc\x81x", "3 20 20",
         "3@0-1 20@1-3 20@3-6"); /* content and text are normalized alike */
  expect((sections){.added = ADDED(20, "abc", false, false, false, false) "," ADDED(21, "abcd", false, false, false, false)},
         "abcdabc", "21 20", NULL); /* the longest */
  expect((sections){.added = ADDED(20, "bcd", false, false, false, false) "," ADDED(21, "abc", false, false, false, false)},
         "abcd", "21 0", NULL); /* the leftmost */
  expect((sections){.added = ADDED(6, "ab", false, false, false, true) "," ADDED(20, "b<", false, false, false, false)}, "ab<",
         "3 20", NULL); /* raw ones come first */
  expect((sections){.added = ADDED(20, "x", false, false, false, false) "," ADDED(20, "x", false, true, false, false)}, "a x",
         "3 20", "3@0-1 20@1-3"); /* of two the last one's flags */
  expect((sections){.added = ADDED(21, "", false, false, false, false)}, "a", "3", NULL);
  vecd_tokenizer *t =
      make((sections){.added = ADDED(20, "<x>", false, false, false, false) "," ADDED(3, "a", false, false, false, false)});
  assert_int_equal(vecd_tokenizer_id_limit(t), 21);
  assert_true(vecd_span_eq(vecd_tokenizer_piece(t, 20), VECD_SPAN("<x>")));
  assert_true(vecd_span_eq(vecd_tokenizer_piece(t, 13), VECD_SPAN("##bc")));
  assert_null(vecd_tokenizer_piece(t, 21).ptr);
  vecd_tokenizer_close(&t);
}

/* What the model does not know gets the next id, whatever the file says, even one that a token has. */
static void new_added_tokens_get_the_next_id(void **state) {
  (void)state;
  vecd_tokenizer *t = make((sections){.added = ADDED(5, "<x>", false, false, false, false)});
  assert_int_equal(vecd_tokenizer_id_limit(t), 21);
  assert_true(vecd_span_eq(vecd_tokenizer_piece(t, 20), VECD_SPAN("<x>")));
  vecd_tokenizer_close(&t);
  t = make(
      (sections){.added = ADDED(0, "<x>", false, false, false, false), .model = MODEL("##", 9, "\"[UNK]\":0,\"a\":3,\"b\":1")});
  assert_true(vecd_span_eq(vecd_tokenizer_piece(t, 3), VECD_SPAN("a")));
  vecd_encoding e = {0};
  vecd_err err;
  assert_int_equal(vecd_tokenizer_encode(t, VECD_SPAN("<x>"), 0, VECD_TOK_NO_SPECIALS, &e, &err), VECD_OK);
  assert_int_equal(e.n_ids, 1);
  assert_int_equal(e.ids[0], 3);
  vecd_encoding_fini(&e);
  vecd_tokenizer_close(&t);
}

static void expect_refused(sections s, vecd_status code, const char *named) {
  vecd_tokenizer *t = NULL;
  vecd_err err = {0};
  size_t before = vecd_mem_total_bytes();
  vecd_status got = vecd_tokenizer_parse("t.json", vecd_span_of(file_text(s)), NULL, &t, &err);
  assert_null(t);
  if (got != code || err.code != code) fail_msg("code %d for %s: %s", got, named, err.text);
  if (strncmp(err.text, "t.json", 6) != 0 || !strstr(err.text, named)) fail_msg("\"%s\" does not name %s", err.text, named);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

static void test_hostile_models(void **state) {
  (void)state;
#define REFUSED(vocab, named) expect_refused((sections){.model = MODEL("##", 100, vocab)}, VECD_BAD_MODEL, named)
  REFUSED("", "vocab is empty");
  REFUSED("\"a\":0", "unk_token");
  REFUSED("\"[UNK]\":0,\"a\":0", "both have id 0");
  REFUSED("\"[UNK]\":-1", "\"[UNK]\" is -1");
  REFUSED("\"[UNK]\":0,\"a\":4294967296", "4294967296");
  REFUSED("\"[UNK]\":0,\"a\":4000000000", "out of range");
  REFUSED("\"[UNK]\":0,\"a\":1.0", "type real");
  REFUSED("\"[UNK]\":\"0\"", "type string");
  REFUSED("\"[UNK]\":null", "type null");
  expect((sections){.model = MODEL("##", 100, "\"[UNK]\":5,\"a\":1000")}, "a b", "1000 5", NULL); /* holes are legal */
#define SECTION(field, value, code, named) expect_refused((sections){.field = value}, code, named)
  SECTION(model, "null", VECD_BAD_MODEL, "model");
  SECTION(model, "[]", VECD_BAD_MODEL, "model");
  SECTION(model, "{}", VECD_BAD_MODEL, "\"type\"");
  SECTION(model, "{\"type\":\"Neural\"}", VECD_UNSUPPORTED, "\"Neural\"");
  SECTION(model, "{\"type\":7}", VECD_BAD_MODEL, "\"type\"");
  SECTION(model, "{\"type\":\"WordPiece\"}", VECD_BAD_MODEL, "\"unk_token\"");
  SECTION(model, "{\"type\":\"WordPiece\",\"unk_token\":\"u\"}", VECD_BAD_MODEL, "\"continuing_subword_prefix\"");
  SECTION(model,
          "{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"\",\"max_input_chars_per_word\":9}",
          VECD_BAD_MODEL, "\"vocab\"");
  SECTION(model, MODEL("##", -1, "\"[UNK]\":0"), VECD_BAD_MODEL, "max_input_chars_per_word");
}

static void test_hostile_sections(void **state) {
  (void)state;
  SECTION(normalizer, "[]", VECD_BAD_MODEL, "normalizer");
  SECTION(normalizer, "{}", VECD_BAD_MODEL, "\"type\"");
  SECTION(normalizer, "{\"type\":\"NFX\"}", VECD_UNSUPPORTED, "normalizer: the type \"NFX\"");
  SECTION(normalizer, "{\"type\":\"BertNormalizer\"}", VECD_BAD_MODEL, "\"clean_text\"");
  SECTION(normalizer, BERT(1, true, null, true), VECD_BAD_MODEL, "\"clean_text\"");
  SECTION(normalizer, BERT(true, true, 0, true), VECD_BAD_MODEL, "\"strip_accents\"");
  SECTION(normalizer, "{\"type\":\"Sequence\"}", VECD_BAD_MODEL, "\"normalizers\"");
  SECTION(normalizer, "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\"}]}", VECD_BAD_MODEL, "normalizers[0]");
  SECTION(pre_tokenizer, "{\"type\":\"Metaphor\"}", VECD_UNSUPPORTED, "pre_tokenizer: the type \"Metaphor\"");
  SECTION(pre_tokenizer, "3", VECD_BAD_MODEL, "pre_tokenizer");
  SECTION(post_processor, "{\"type\":\"RobertaProcess\"}", VECD_UNSUPPORTED, "\"RobertaProcess\"");
  SECTION(post_processor, "{\"type\":\"TemplateProcessing\"}", VECD_BAD_MODEL, "\"special_tokens\"");
  SECTION(post_processor, "{\"type\":\"BertProcessing\",\"cls\":[\"a\"],\"sep\":[\"b\",1]}", VECD_BAD_MODEL, "\"cls\"");
  SECTION(post_processor, "{\"type\":\"BertProcessing\",\"cls\":[\"a\",3],\"sep\":[\"b\",20]}", VECD_BAD_MODEL, "id 20");
#define SINGLE(pieces, special) \
  "{\"type\":\"TemplateProcessing\",\"single\":[" pieces "],\"pair\":[],\"special_tokens\":{" special "}}"
#define SPECIAL(id)        "{\"SpecialToken\":{\"id\":\"" id "\",\"type_id\":0}}"
#define SEQUENCE(id, type) "{\"Sequence\":{\"id\":\"" id "\",\"type_id\":" #type "}}"
  SECTION(post_processor, SINGLE(SPECIAL("x") "," SEQUENCE("A", 0), ""), VECD_BAD_MODEL, "single names \"x\"");
  SECTION(post_processor, SINGLE(SPECIAL("x"), "\"x\":{\"id\":\"x\",\"ids\":[1,2],\"tokens\":[\"x\"]}"), VECD_BAD_MODEL,
          "\"x\"");
  SECTION(post_processor, SINGLE(SPECIAL("x"), "\"x\":{\"id\":\"x\",\"ids\":[77],\"tokens\":[\"x\"]}"), VECD_BAD_MODEL,
          "id 77");
  SECTION(post_processor, SINGLE(SPECIAL("x"), "\"x\":{\"id\":\"x\",\"ids\":[1],\"tokens\":[\"x\"]}"), VECD_UNSUPPORTED,
          "single");
  SECTION(post_processor, SINGLE(SEQUENCE("A", 0) "," SEQUENCE("B", 0), ""), VECD_UNSUPPORTED, "single");
  SECTION(post_processor, SINGLE(SEQUENCE("C", 0), ""), VECD_BAD_MODEL, "single[0]");
  SECTION(post_processor, SINGLE(SEQUENCE("A", 1), ""), VECD_UNSUPPORTED, "type_id");
  SECTION(post_processor, SINGLE("7", ""), VECD_BAD_MODEL, "single[0]");
  SECTION(more, "\"truncation\":7,", VECD_BAD_MODEL, "truncation");
  SECTION(more, "\"truncation\":{},", VECD_BAD_MODEL, "truncation");
  SECTION(more, "\"truncation\":{\"max_length\":1,\"direction\":\"Up\"},", VECD_BAD_MODEL, "direction");
  SECTION(more, "\"padding\":{\"pad_id\":-1},", VECD_BAD_MODEL, "padding");
  SECTION(added, "7", VECD_BAD_MODEL, "added_tokens[0]");
  SECTION(added, "{\"id\":20,\"content\":\"x\"}", VECD_BAD_MODEL, "added_tokens[0]");
  SECTION(added, ADDED(20, "a", false, false, false, false), VECD_BAD_MODEL, "must have 3");
  SECTION(added, ADDED(-1, "x", false, false, false, false), VECD_BAD_MODEL, "\"id\"");
  SECTION(added, ADDED(20, "x", 0, false, false, false), VECD_BAD_MODEL, "\"single_word\"");
  SECTION(added, ADDED(20, "x", false, false, false, false) "," ADDED(21, "x", false, false, false, false), VECD_BAD_MODEL,
          "20 and 21");
  SECTION(added, ADDED(20, "\\u0301", false, false, false, true), VECD_UNSUPPORTED, "added_tokens[0]");
  vecd_tokenizer *t = NULL;
  vecd_err err;
  assert_int_equal(vecd_tokenizer_parse("t.json", VECD_SPAN("[]"), NULL, &t, &err), VECD_BAD_MODEL);
  assert_int_equal(vecd_tokenizer_parse("t.json", VECD_SPAN("{"), NULL, &t, &err), VECD_BAD_SYNTAX);
  assert_int_equal(vecd_tokenizer_parse("t.json", VECD_SPAN("{\"version\":\"2.0\"}"), NULL, &t, &err), VECD_UNSUPPORTED);
}

/* The real door: a file. */
static void test_open_file(void **state) {
  (void)state;
  char path[] = "/tmp/vecd-test-tokenizer-XXXXXX";
  vecd_tokenizer *t = NULL;
  vecd_err err;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  const char *text = file_text((sections){0});
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  assert_int_equal(vecd_tokenizer_open(path, NULL, &t, &err), VECD_OK);
  expect_span(t, VECD_SPAN("ab"), "6", NULL);
  assert_true(vecd_tokenizer_bytes(t) >= 20 * sizeof(vecd_piece));
  assert_true(vecd_tokenizer_bytes(t) <= vecd_mem_bytes(VECD_MEM_VOCAB));
  vecd_tokenizer_close(&t);
  assert_int_equal(ftruncate(fd, 10), 0);
  assert_int_equal(vecd_tokenizer_open(path, NULL, &t, &err), VECD_BAD_MODEL);
  close(fd);
  unlink(path);
  assert_int_equal(vecd_tokenizer_open(path, NULL, &t, &err), VECD_NOT_FOUND);
}

static void test_bad_text(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t pos;
  } bad[] = {{"\x80", 0},
             {"ab\xc3", 2},
             {"a\xed\xa0\x80", 1},
             {"\xc0\x80", 0},
             {"abc\xf4\x90\x80\x80", 3},
             {"aaaaaaaaaa\xe2\x82", 10}};
  vecd_tokenizer *t = make((sections){.post_processor = TEMPLATE});
  vecd_encoding e = {0};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vecd_err err = {0};
    assert_int_equal(vecd_tokenizer_encode(t, vecd_span_of(bad[i].text), 0, 0, &e, &err), VECD_BAD_TEXT);
    assert_int_equal(err.pos, bad[i].pos);
    assert_int_equal(e.n_ids, 0);
  }
  assert_int_equal(vecd_tokenizer_encode(t, (vecd_span){NULL, 0}, 0, VECD_TOK_OFFSETS, &e, NULL), VECD_OK);
  assert_int_equal(e.n_ids, 2);
  vecd_encoding_fini(&e);
  vecd_encoding_fini(&e);
  vecd_tokenizer_close(&t);
  vecd_tokenizer_close(&t);
}

static uint64_t rng_state = 88172645463325252u;
static uint32_t rng(uint32_t below) {
  rng_state ^= rng_state << 13, rng_state ^= rng_state >> 7, rng_state ^= rng_state << 17;
  return (uint32_t)(rng_state >> 33) % below;
}

/* Texts of up to 20,000 bytes: several chunks, so that the whole path is compared with one that takes everything at once. */
static size_t random_text(char *text, size_t most, bool ascii) {
  static const char *const bits[] = {
      "the ",         "ab",           "A",       ",", " ", "\t", "\x01", "\xc3\xa9", "e\xcc\x81\xcc\xa7", "\xe4\xb8\xad",
      "\xea\xb0\x80", "\xe2\x80\x8d", "\xc4\xb0"};
  size_t n = 0;
  while (n + 8 < most) {
    const char *bit = bits[rng(ascii ? 7 : 13)];
    memcpy(text + n, bit, strlen(bit));
    n += strlen(bit);
    if (rng(3) == 0) text[n++] = (char)rng(0x80);
  }
  return n;
}

/* ASCII by table and in blocks, and text in chunks, against every character by its record and text in one piece. A normalized
 * added token that never occurs is what keeps the second one from chunking. */
static void test_fast_paths_equal_slow(void **state) {
  (void)state;
  static const char *const normalizers[] = {BERT(true, true, null, true), BERT(false, true, true, false),
                                            BERT(true, false, false, true), BERT(false, false, false, false), "null"};
  char *text = malloc(20000);
  for (size_t i = 0; i < 5; i++) {
    vecd_tokenizer *fast = make((sections){.normalizer = normalizers[i]});
    vecd_tokenizer *slow =
        make((sections){.normalizer = normalizers[i], .added = ADDED(20, "\\u2603", false, false, false, true)});
    slow->normalizer.passes[0].by_record = true;
    vecd_encoding a = {0}, b = {0};
    for (int round = 0; round < 60; round++) {
      size_t len = random_text(text, round % 3 ? 10 + rng(300) : 19000, round & 1);
      assert_int_equal(vecd_tokenizer_encode(fast, (vecd_span){text, len}, 0, VECD_TOK_OFFSETS, &a, NULL), VECD_OK);
      assert_int_equal(vecd_tokenizer_encode(slow, (vecd_span){text, len}, 0, VECD_TOK_OFFSETS, &b, NULL), VECD_OK);
      assert_int_equal(a.n_ids, b.n_ids);
      assert_memory_equal(a.ids, b.ids, a.n_ids * sizeof *a.ids);
      assert_memory_equal(a.starts, b.starts, a.n_ids * sizeof *a.ids);
      assert_memory_equal(a.ends, b.ends, a.n_ids * sizeof *a.ids);
    }
    vecd_encoding_fini(&a);
    vecd_encoding_fini(&b);
    vecd_tokenizer_close(&fast);
    vecd_tokenizer_close(&slow);
  }
  free(text);
}

/* The pre-tokenizer keeps its own table for ASCII. */
static void test_ascii_kinds(void **state) {
  (void)state;
  static const vecd_pre_tokenizer bert = {.n_steps = 1, .steps = {{.kind = VECD_PRE_BERT}}};
  for (uint32_t c = 0; c < 0x80; c++) {
    char text[4] = {'a', (char)c, 'b', '\0'};
    unsigned props = vecd_unicode_props(c), n = 0;
    vecd_span word;
    for (size_t at = 0; vecd_pre_tokenizer_next(&bert, (vecd_span){text, 3}, &at, &word);) n++;
    assert_int_equal(n, props & VECD_UNICODE_SPACE ? 2 : props & VECD_UNICODE_PUNCTUATION ? 3 : 1);
  }
}

static const char *const rich_text =
    "Ab, a <x> \xc3\x89\xcc\x81 \xe4\xb8\xad\xea\xb0\x80 abcabcabcabcabc <X>  e\xcc\x81\xcc\xa7";
static const sections rich = {
    .post_processor = TEMPLATE,
    .added = ADDED(20, "<x>", false, true, false, false) "," ADDED(21, "\\u00c9", true, false, true, true)};

static void test_warm_call_allocates_nothing(void **state) {
  (void)state;
  vecd_tokenizer *t = make(rich);
  vecd_encoding e = {0};
  for (int i = 0; i < 2; i++) {
    uint64_t before = vecd_mem_count();
    assert_int_equal(vecd_tokenizer_encode(t, vecd_span_of(rich_text), 9, VECD_TOK_OFFSETS, &e, NULL), VECD_OK);
    assert_int_equal(vecd_tokenizer_encode(t, VECD_SPAN("a"), 9, 0, &e, NULL), VECD_OK);
    if (i) assert_int_equal(vecd_mem_count(), before);
  }
  vecd_encoding_fini(&e);
  vecd_tokenizer_close(&t);
}

static void test_failing_memory(void **state) {
  (void)state;
  size_t before = vecd_mem_total_bytes();
  for (uint64_t n = 1;; n++) {
    assert_true(n < 1000);
    vecd_tokenizer *t = NULL;
    vecd_encoding e = {0};
    vecd_err err = {0};
    const char *text = file_text(rich);
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_tokenizer_parse("t.json", vecd_span_of(text), &(vecd_tokenizer_rules){.lower_first = true}, &t, &err);
    if (!s) s = vecd_tokenizer_encode(t, vecd_span_of(rich_text), 0, VECD_TOK_OFFSETS, &e, &err);
    vecd_mem_fail_nth(0);
    vecd_encoding_fini(&e);
    vecd_tokenizer_close(&t);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s) {
      assert_true(n > 15);
      break;
    }
    assert_int_equal(s, VECD_NO_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_added_tokens_get_the_next_id),
      cmocka_unit_test(test_wordpiece),
      cmocka_unit_test(test_long_tokens),
      cmocka_unit_test(test_clean_text),
      cmocka_unit_test(test_bert_flags),
      cmocka_unit_test(test_other_normalizers),
      cmocka_unit_test(test_lower_first),
      cmocka_unit_test(test_canonical_order),
      cmocka_unit_test(test_post_processors),
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_added_tokens),
      cmocka_unit_test(test_hostile_models),
      cmocka_unit_test(test_hostile_sections),
      cmocka_unit_test(test_open_file),
      cmocka_unit_test(test_bad_text),
      cmocka_unit_test(test_fast_paths_equal_slow),
      cmocka_unit_test(test_ascii_kinds),
      cmocka_unit_test(test_warm_call_allocates_nothing),
      cmocka_unit_test(test_failing_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
