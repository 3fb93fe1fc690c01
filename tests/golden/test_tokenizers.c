/* test_tokenizers.c - our ids and offsets for the small tokenizers of make_tokenizers.py, against what Hugging Face tokenizers
 * gave. A tokenizer with something we do not have yet is refused by name, and named here.
 *
 * VECD_SOURCE_ROOT is the repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>

#include "fmt/json.h"
#include "tok/tokenizer.h"

#define PATH_BYTES 2048
#define MOST_BYTES ((size_t)64 << 20)

static json_t *texts;

static const char *golden_path(const char *folder, const char *name) {
  static char path[PATH_BYTES];
  int n = snprintf(path, sizeof path, "%s/tests/golden/%s/%s", getenv("VECD_SOURCE_ROOT"), folder, name);
  assert_true(n > 0 && n < PATH_BYTES);
  return path;
}

static json_t *read_json(const char *path) {
  vecd_err err = {0};
  json_t *root = NULL;
  if (vecd_json_read(path, MOST_BYTES, &root, &err)) fail_msg("%s", err.text);
  return root;
}

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

/* False: not supported. */
static bool check(const char *folder) {
  vecd_err err = {0};
  vecd_tokenizer *t = NULL;
  vecd_encoding encoding = {0};
  vecd_status s = vecd_tokenizer_open(golden_path(folder, "tokenizer.json"), NULL, &t, &err);
  if (s == VECD_UNSUPPORTED) {
    print_message("not compared: %s\n", err.text);
    return false;
  }
  if (s) fail_msg("%s", err.text);
  json_t *rows = read_json(golden_path(folder, "ids.json"));
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
  return true;
}

static void test_tokenizers(void **state) {
  (void)state;
  size_t n = 0;
  char folder[PATH_BYTES];
  DIR *dir = opendir(golden_path("tokenizers", ""));
  assert_non_null(dir);
  texts = read_json(golden_path("", "texts.json"));
  for (struct dirent *e; (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    assert_true((size_t)snprintf(folder, sizeof folder, "tokenizers/%s", e->d_name) < sizeof folder);
    n += check(folder);
  }
  closedir(dir);
  json_decref(texts);
  assert_true(n >= 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokenizers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
