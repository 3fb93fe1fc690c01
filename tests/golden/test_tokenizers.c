/* test_tokenizers.c - our ids and offsets for the small tokenizers of make_tokenizers.py, against what Hugging Face tokenizers
 * gave. A tokenizer with something we do not have yet is refused by name, and named here.
 *
 * VECD_SOURCE_ROOT is the repository. */
#include "golden.h"
#include "tok/tokenizer.h"

static json_t *texts;

static bool same(const vecd_encoding *e, const json_t *row) {
  const json_t *ids = json_object_get(row, "ids"), *offsets = json_object_get(row, "offsets");
  if (json_array_size(ids) != e->n_ids || json_array_size(offsets) != 2 * e->n_ids) return false;
  for (size_t i = 0; i < e->n_ids; i++) {
    if (json_integer_value(json_array_get(ids, i)) != e->ids[i]) return false;
    if (json_integer_value(json_array_get(offsets, 2 * i)) != e->starts[i]) return false;
    if (json_integer_value(json_array_get(offsets, 2 * i + 1)) != e->ends[i]) return false;
  }
  return true;
}

static void check(const char *path, const char *folder, void *n_checked) {
  char file[GOLDEN_PATH_BYTES];
  vecd_err err = {0};
  vecd_tokenizer *t = NULL;
  vecd_encoding encoding = {0};
  join_path(file, path, "tokenizer.json");
  vecd_status s = vecd_tokenizer_open(file, NULL, &t, &err);
  if (s == VECD_UNSUPPORTED) {
    print_message("not compared: %s\n", err.text);
    return;
  }
  if (s) fail_msg("%s", err.text);
  join_path(file, path, "ids.json");
  json_t *rows = read_json(file);
  assert_true(json_array_size(rows) > 90);
  for (size_t i = 0; i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    size_t index = (size_t)json_integer_value(json_object_get(row, "text"));
    const json_t *text = json_array_get(texts, index);
    vecd_span span = {json_string_value(text), json_string_length(text)};
    if (vecd_tokenizer_encode(t, span, 0, VECD_TOK_OFFSETS, &encoding, &err)) fail_msg("%s: %s", folder, err.text);
    if (!same(&encoding, row)) fail_msg("%s: ids or offsets of text %zu differ", folder, index);
  }
  json_decref(rows);
  vecd_encoding_fini(&encoding);
  vecd_tokenizer_close(&t);
  ++*(size_t *)n_checked;
}

static void test_tokenizers(void **state) {
  (void)state;
  size_t n = 0;
  texts = read_golden_json("texts.json");
  each_golden_folder("tokenizers", check, &n);
  json_decref(texts);
  assert_true(n >= 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokenizers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
