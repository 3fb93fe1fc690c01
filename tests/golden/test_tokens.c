/* test_tokens.c - our token ids and offsets against those that sentence-transformers and Hugging Face tokenizers gave for the
 * golden texts (README.md here), around every Unicode code point, and for the tiny folders.
 *
 * VECD_SOURCE_ROOT is the repository; VECD_TEST_MODEL the folder of all-MiniLM-L6-v2, by default where
 * tools/get_default_model.sh puts it. Without the model the test fails. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "golden.h"
#include "tok/tokenizer.h"

#define MINILM_MAX_TOKENS 256

static char model_path[GOLDEN_PATH_BYTES]; /* MiniLM's tokenizer.json */
static json_t *texts;
static vecd_encoding encoding;

static vecd_tokenizer *open_tokenizer(const char *path, const vecd_tokenizer_rules *rules) {
  vecd_err err = {0};
  vecd_tokenizer *t = NULL;
  if (vecd_tokenizer_open(path, rules, &t, &err)) fail_msg("%s", err.text);
  return t;
}

static vecd_span span_of(const json_t *string) { return (vecd_span){json_string_value(string), json_string_length(string)}; }

static void encode(const vecd_tokenizer *t, vecd_span text, size_t max_tokens, unsigned flags) {
  vecd_err err = {0};
  if (vecd_tokenizer_encode(t, text, max_tokens, flags, &encoding, &err)) fail_msg("%s", err.text);
}

static void expect_ids(const json_t *ids, const char *what, size_t index) {
  size_t n = json_array_size(ids);
  bool same = json_is_array(ids) && encoding.n_ids == n;
  for (size_t i = 0; same && i < n; i++) same = json_integer_value(json_array_get(ids, i)) == (json_int_t)encoding.ids[i];
  if (!same) fail_msg("%s: the ids of text %zu differ", what, index);
}

static void test_ids(void **state) {
  (void)state;
  vecd_tokenizer *t = open_tokenizer(model_path, NULL);
  json_t *rows = read_golden_json("minilm_ids.json");
  assert_true(json_array_size(rows) > 400);
  assert_int_equal(json_array_size(rows), json_array_size(texts));
  for (size_t i = 0; i < json_array_size(rows); i++) {
    encode(t, span_of(json_array_get(texts, i)), MINILM_MAX_TOKENS, 0);
    expect_ids(json_array_get(rows, i), "minilm_ids.json", i);
  }
  json_decref(rows);
  vecd_tokenizer_close(&t);
}

static void test_offsets(void **state) {
  (void)state;
  vecd_tokenizer *t = open_tokenizer(model_path, NULL);
  json_t *rows = read_golden_json("minilm_offsets.json");
  assert_true(json_array_size(rows) >= 60);
  for (size_t r = 0; r < json_array_size(rows); r++) {
    const json_t *row = json_array_get(rows, r), *tokens = json_object_get(row, "tokens"),
                 *spans = json_object_get(row, "offsets");
    size_t index = (size_t)json_integer_value(json_object_get(row, "text"));
    encode(t, span_of(json_array_get(texts, index)), 0, VECD_TOK_OFFSETS);
    expect_ids(json_object_get(row, "ids"), "minilm_offsets.json", index);
    for (size_t i = 0; i < encoding.n_ids; i++) {
      vecd_span piece = vecd_tokenizer_piece(t, encoding.ids[i]);
      const json_t *span = json_array_get(spans, i);
      if (!vecd_span_eq(piece, span_of(json_array_get(tokens, i)))) fail_msg("piece %zu of text %zu differs", i, index);
      assert_int_equal(encoding.starts[i], json_integer_value(json_array_get(span, 0)));
      assert_int_equal(encoding.ends[i], json_integer_value(json_array_get(span, 1)));
    }
  }
  json_decref(rows);
  vecd_tokenizer_close(&t);
}

/* Encodes before + c * times + after and appends what is digested of it. */
static void digest_text(vecd_buf *digested, const vecd_tokenizer *t, const char *before, uint32_t c, int times,
                        const char *after) {
  char text[32];
  size_t n = strlen(before);
  memcpy(text, before, n);
  while (times--) n += vecd_utf8_put(text + n, c);
  memcpy(text + n, after, strlen(after));
  encode(t, (vecd_span){text, n + strlen(after)}, 0, 0);
  for (size_t i = 0; i <= encoding.n_ids; i++) {
    uint32_t id = i < encoding.n_ids ? encoding.ids[i] : 0xffffffff;
    unsigned char le[4] = {(unsigned char)id, (unsigned char)(id >> 8), (unsigned char)(id >> 16), (unsigned char)(id >> 24)};
    vecd_buf_append(digested, le, sizeof le);
  }
}

static void test_codepoints(void **state) {
  (void)state;
  vecd_tokenizer *t = open_tokenizer(model_path, NULL);
  json_t *root = read_golden_json("minilm_codepoints.json"), *blocks = json_object_get(root, "blocks");
  vecd_buf digested = {0};
  assert_int_equal(json_array_size(blocks), 0x110000 / 256);
  for (uint32_t block = 0; block < 0x110000 / 256; block++) {
    digested.len = 0;
    for (uint32_t c = block * 256; c < block * 256 + 256; c++) {
      if (c >= 0xd800 && c <= 0xdfff) continue;
      digest_text(&digested, t, "", c, 1, "");
      digest_text(&digested, t, "a", c, 1, "b");
      digest_text(&digested, t, "e", c, 2, " z");
    }
    char hex[17];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)XXH3_64bits(digested.ptr, digested.len));
    if (strcmp(hex, json_string_value(json_array_get(blocks, block))) != 0)
      fail_msg("U+%04X..U+%04X differ", block * 256, block * 256 + 255);
  }
  vecd_buf_fini(&digested);
  json_decref(root);
  vecd_tokenizer_close(&t);
}

static void check_tiny(const char *folder) {
  char path[GOLDEN_PATH_BYTES];
  vecd_model_folder f;
  vecd_err err;
  if (vecd_model_folder_open(folder, &f, &err)) fail_msg("%s", err.text);
  unsigned positions = 0;
  assert_int_equal(
      vecd_json_get_uint(f.config, "config.json", "max_position_embeddings", VECD_JSON_REQUIRED, 1, 1u << 20, &positions, &err),
      VECD_OK);
  size_t max_tokens = f.max_tokens && f.max_tokens < positions ? f.max_tokens : positions;
  vecd_tokenizer *t = open_tokenizer(f.tokenizer_path, &f.tokenizer_rules);
  vecd_span prompt = VECD_SPAN("");
  if (f.default_prompt) assert_int_equal(vecd_model_folder_prompt(&f, f.default_prompt, &prompt, &err), VECD_OK);
  vecd_buf whole = {.tag = VECD_MEM_MISC};
  join_path(path, folder, "golden.json");
  json_t *golden = read_json(path);
  const json_t *indices = json_object_get(golden, "text_indices"), *more = json_object_get(golden, "texts");
  const json_t *rows = json_object_get(golden, "ids");
  size_t n = json_array_size(indices) + json_array_size(more);
  assert_true(n > 0);
  assert_int_equal(json_array_size(rows), n);
  for (size_t i = 0; i < n; i++) {
    const json_t *text = i < json_array_size(indices)
                             ? json_array_get(texts, (size_t)json_integer_value(json_array_get(indices, i)))
                             : json_array_get(more, i - json_array_size(indices));
    whole.len = 0;
    vecd_buf_append(&whole, prompt.ptr, prompt.len);
    vecd_buf_append(&whole, span_of(text).ptr, span_of(text).len);
    encode(t, (vecd_span){vecd_buf_cstr(&whole), whole.len}, max_tokens, 0);
    expect_ids(json_array_get(rows, i), folder, i);
  }
  vecd_buf_fini(&whole);
  vecd_model_folder_close(&f);
  json_decref(golden);
  vecd_tokenizer_close(&t);
}

static void check_bert_folder(const char *path, const char *name, void *n_checked) {
  if (strncmp(name, "bert-", 5) != 0) return;
  check_tiny(path);
  ++*(size_t *)n_checked;
}

static void test_tiny_folders(void **state) {
  (void)state;
  size_t n = 0;
  each_golden_folder("tiny", check_bert_folder, &n);
  assert_true(n >= 40);
}

static int set_up(void **state) {
  (void)state;
  const char *model = getenv("VECD_TEST_MODEL"), *home = getenv("HOME");
  if (!getenv("VECD_SOURCE_ROOT")) {
    print_error("VECD_SOURCE_ROOT must be set\n");
    return -1;
  }
  char folder[GOLDEN_PATH_BYTES];
  join_path(folder, home ? home : "", ".local/share/vecd/models/all-MiniLM-L6-v2");
  join_path(model_path, model ? model : folder, "tokenizer.json");
  texts = read_golden_json("texts.json");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  json_decref(texts);
  vecd_encoding_fini(&encoding);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ids),
      cmocka_unit_test(test_offsets),
      cmocka_unit_test(test_codepoints),
      cmocka_unit_test(test_tiny_folders),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
