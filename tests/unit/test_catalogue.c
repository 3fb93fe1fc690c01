/* test_catalogue.c - the built-in rows, a user's over them, and every way to get one wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "registry/catalogue.h"

#define USER "catalogue.json"

static vecd_catalogue *parse(const char *text) {
  vecd_catalogue *c = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_span span = {text, text ? strlen(text) : 0};
  if (vecd_catalogue_parse(USER, span, &c, &err)) fail_msg("%s", err.text);
  return c;
}

static const vecd_catalogue_row *row_of(const vecd_catalogue *c, const char *id) {
  const vecd_catalogue_row *row = vecd_catalogue_get(c, id);
  assert_non_null(row);
  return row;
}

static void test_the_built_in_rows(void **state) {
  (void)state;
  static const struct {
    const char *id, *name, *hf_path;
    unsigned dimension, max_seq_length;
    double parameters_m, size_mb;
    const char *quantization, *first_use;
    size_t n_uses;
  } rows[] = {
      {"all-MiniLM-L6-v2", "MiniLM L6 v2", "sentence-transformers/all-MiniLM-L6-v2", 384, 256, 22, 90, "fp32",
       "General purpose", 4},
      {"bert-base-uncased", "BERT Base Uncased", "bert-base-uncased", 768, 512, 110, 440, "int8", "High quality", 4},
      {"e5-small-v2", "E5 Small v2", "intfloat/e5-small-v2", 384, 512, 33, 130, "fp32", "Semantic search", 2},
      {"instructor-base", "Instructor Base", "hkunlp/instructor-base", 768, 512, 110, 440, "int8", "Instruction-following", 4},
  };
  static const struct {
    const char *id;
    unsigned least;
  } cut[] = {{"nomic-embed-text-v1.5", 64}, {"Qwen3-Embedding-0.6B", 32}, {"embeddinggemma-300m", 128}, {"gte-small", 0}};
  static const char *const others[] = {"multilingual-e5-small", "all-mpnet-base-v2",  "bge-small-en-v1.5",
                                       "bge-base-en-v1.5",      "gte-small",          "nomic-embed-text-v1.5",
                                       "Qwen3-Embedding-0.6B",  "embeddinggemma-300m"};
  vecd_catalogue *c = parse(NULL);
  assert_int_equal(vecd_catalogue_count(c), 12);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const vecd_catalogue_row *row = row_of(c, rows[i].id);
    assert_string_equal(row->name, rows[i].name);
    assert_string_equal(row->hf_path, rows[i].hf_path);
    assert_int_equal(row->dimension, rows[i].dimension);
    assert_int_equal(row->max_seq_length, rows[i].max_seq_length);
    assert_true(row->parameters_m == rows[i].parameters_m && row->size_mb == rows[i].size_mb);
    assert_string_equal(row->default_quantization, rows[i].quantization);
    assert_int_equal(json_array_size(row->languages), 1);
    assert_string_equal(json_string_value(json_array_get(row->languages, 0)), "en");
    assert_int_equal(json_array_size(row->use_cases), rows[i].n_uses);
    assert_string_equal(json_string_value(json_array_get(row->use_cases, 0)), rows[i].first_use);
    assert_ptr_equal(vecd_catalogue_get(c, rows[i].hf_path), row);
  }
  for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) assert_int_equal(row_of(c, cut[i].id)->least_dimension, cut[i].least);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_true(vecd_catalogue_is_supported(c, others[i]));
  assert_false(vecd_catalogue_is_supported(c, "E5-small-v2"));
  assert_false(vecd_catalogue_is_supported(c, ""));
  assert_string_equal(vecd_catalogue_get_default(c)->id, "all-MiniLM-L6-v2");
  vecd_catalogue_unpin(&c);
}

/* No row lacks anything, and what it says is sensible. */
static void test_the_built_in_rows_are_whole(void **state) {
  (void)state;
  vecd_catalogue *c = parse(NULL);
  for (size_t i = 0; i < vecd_catalogue_count(c); i++) {
    const vecd_catalogue_row *row = vecd_catalogue_at(c, i);
    assert_true(row->hf_path && row->dimension && row->max_seq_length && row->default_quantization && row->description);
    assert_true(row->architecture && row->pooling && row->licence && json_array_size(row->languages) && row->prompts);
    assert_true(json_array_size(row->use_cases) > 0);
    assert_true(json_array_size(row->languages) < 185); /* as many as ISO 639-1 has */
    assert_string_equal(row->default_quantization, row->parameters_m > 100 ? "int8" : "fp32");
    double bytes_each = row->size_mb / row->parameters_m, stored = row->stored_bits / 8.0;
    assert_true(bytes_each > 0.95 * stored && bytes_each < 1.05 * stored);
    if (!json_object_size(row->prompts)) continue;
    assert_non_null(json_object_get(row->prompts, "query"));
    assert_non_null(json_object_get(row->prompts, "document"));
  }
  vecd_catalogue_unpin(&c);
}

static const char *prompt_of(const vecd_catalogue *c, const char *id, const char *name) {
  return json_string_value(json_object_get(row_of(c, id)->prompts, name));
}

static void test_prompts_are_those_of_the_model_cards(void **state) {
  (void)state;
  vecd_catalogue *c = parse(NULL);
  assert_string_equal(prompt_of(c, "e5-small-v2", "query"), "query: ");
  assert_string_equal(prompt_of(c, "multilingual-e5-small", "passage"), "passage: ");
  assert_string_equal(prompt_of(c, "bge-base-en-v1.5", "query"), "Represent this sentence for searching relevant passages: ");
  assert_string_equal(prompt_of(c, "nomic-embed-text-v1.5", "document"), "search_document: ");
  assert_string_equal(prompt_of(c, "Qwen3-Embedding-0.6B", "query"),
                      "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:");
  assert_string_equal(prompt_of(c, "embeddinggemma-300m", "document"), "title: none | text: ");
  assert_string_equal(prompt_of(c, "instructor-base", "document"), "Represent the document for retrieval: ");
  assert_int_equal(json_object_size(row_of(c, "all-MiniLM-L6-v2")->prompts), 0);
  vecd_catalogue_unpin(&c);
}

static void test_the_order_is_default_size_id(void **state) {
  (void)state;
  vecd_catalogue *c = parse("[{\"id\":\"unknown-size\"},{\"id\":\"b\",\"size_mb\":130},{\"id\":\"a\",\"size_mb\":130}]");
  size_t n = vecd_catalogue_count(c);
  assert_int_equal(n, 15);
  assert_string_equal(vecd_catalogue_at(c, 0)->id, "all-MiniLM-L6-v2");
  assert_string_equal(vecd_catalogue_at(c, 1)->id, "gte-small");
  assert_string_equal(vecd_catalogue_at(c, 2)->id, "a");
  assert_string_equal(vecd_catalogue_at(c, 3)->id, "b");
  assert_string_equal(vecd_catalogue_at(c, 4)->id, "e5-small-v2");
  assert_string_equal(vecd_catalogue_at(c, n - 1)->id, "unknown-size");
  vecd_catalogue_unpin(&c);
}

static void test_a_user_overrides_field_by_field(void **state) {
  (void)state;
  vecd_catalogue *c = parse("[{\"id\":\"e5-small-v2\",\"size_mb\":7.5,\"name\":null,\"default_quantization\":\"int8\"},"
                            "{\"id\":\"org/mine\",\"hf_path\":\"org/theirs\",\"is_default\":true,\"prompts\":{\"q\":\"\"},"
                            "\"languages\":[],\"parameters_m\":101}]");
  assert_int_equal(vecd_catalogue_count(c), 13);
  const vecd_catalogue_row *e5 = row_of(c, "e5-small-v2"), *mine = row_of(c, "org/mine");
  assert_true(e5->size_mb == 7.5 && e5->dimension == 384);
  assert_string_equal(e5->name, "E5 Small v2");
  assert_string_equal(vecd_catalogue_recommended_quantization(e5), "int8");
  assert_string_equal(mine->name, "mine");
  assert_ptr_equal(vecd_catalogue_get(c, "org/theirs"), mine);
  assert_ptr_equal(vecd_catalogue_get_default(c), mine);
  assert_false(row_of(c, "all-MiniLM-L6-v2")->is_default);
  assert_int_equal(mine->dimension, 0);
  assert_null(mine->description);
  assert_string_equal(vecd_catalogue_recommended_quantization(mine), "int8");
  vecd_catalogue_unpin(&c);
}

static void test_memory_and_quantization_follow_from_a_row(void **state) {
  (void)state;
  vecd_catalogue *c = parse("[{\"id\":\"m\",\"parameters_m\":100},{\"id\":\"none\"}]");
  const vecd_catalogue_row *bert = row_of(c, "bert-base-uncased"), *gte = row_of(c, "gte-small");
  static const double expected[] = {440, 220, 110, 55};
  static const char *const names[] = {"fp32", "fp16", "int8", "int4"};
  for (int i = 0; i < VECD_STORAGE_COUNT; i++) {
    assert_true(vecd_estimated_memory_mb(bert->size_mb, bert->stored_bits, (vecd_storage)i) == expected[i]);
    assert_string_equal(vecd_storage_name((vecd_storage)i), names[i]);
  }
  assert_true(vecd_estimated_memory_mb(90, 0, VECD_STORAGE_INT8) == 22.5);
  assert_true(vecd_estimated_memory_mb(gte->size_mb, gte->stored_bits, VECD_STORAGE_FP32) == 2 * gte->size_mb);
  assert_true(vecd_estimated_memory_mb(gte->size_mb, gte->stored_bits, VECD_STORAGE_FP16) == gte->size_mb);
  assert_string_equal(vecd_catalogue_recommended_quantization(row_of(c, "m")), "fp32");
  assert_string_equal(vecd_catalogue_recommended_quantization(row_of(c, "none")), "fp32");
  vecd_catalogue_unpin(&c);
}

static void test_a_wrong_field_is_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", USER ": line 1, column 1"},
      {"{}", USER ": is object, must be an array"},
      {"[{\"id\":\"x\"}", USER ": line 1"},
      {"[7]", USER ": row 1: is integer, must be an object"},
      {"[{}]", USER ": row 1: field \"id\" is missing"},
      {"[{\"id\":\"a\"},{\"id\":7}]", USER ": row 2: field \"id\" is of type integer, must be a string"},
      {"[{\"id\":\"\"}]", "row 1 (): field \"id\" must be NAME or ORG/NAME"},
      {"[{\"id\":\"../x\"}]", "row 1 (../x): field \"id\" must be"},
      {"[{\"id\":\"a/b/c\"}]", "field \"id\" must be"},
      {"[{\"id\":\"a\\u0000b\"}]", "field \"id\" must be"},
      {"[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"a\"}]", USER ": row 3 (a): has the id of row 1"},
      {"[{\"id\":\"a\",\"dimenson\":3}]", USER ": row 1 (a): field \"dimenson\" is not known; known are id, name,"},
      {"[{\"id\":\"a\",\"dimension\":0}]", "row 1 (a): field \"dimension\" is 0, must be an integer from 1 to"},
      {"[{\"id\":\"a\",\"dimension\":\"3\"}]", "field \"dimension\" is of type string"},
      {"[{\"id\":\"a\",\"least_dimension\":0}]", "field \"least_dimension\" is 0, must be an integer from 1 to"},
      {"[{\"id\":\"a\",\"max_seq_length\":-1}]", "field \"max_seq_length\" is -1"},
      {"[{\"id\":\"a\",\"parameters_m\":0}]", "field \"parameters_m\" is 0"},
      {"[{\"id\":\"a\",\"size_mb\":1e300}]", "field \"size_mb\" is 1e+300"},
      {"[{\"id\":\"a\",\"stored_bits\":24}]", "field \"stored_bits\" must be 16 or 32"},
      {"[{\"id\":\"a\",\"name\":\"\"}]", "field \"name\" must be a line"},
      {"[{\"id\":\"a\",\"name\":\"x\\u001b[2J\"}]", "field \"name\" must be a line"},
      {"[{\"id\":\"a\",\"hf_path\":\"../../etc\"}]", "field \"hf_path\" must be a repository's id"},
      {"[{\"id\":\"a\",\"hf_path\":\"a/b/c\"}]", "field \"hf_path\" must be"},
      {"[{\"id\":\"a\",\"default_quantization\":\"int5\"}]", "field \"default_quantization\" must be \"fp32\" or \"int8\""},
      {"[{\"id\":\"a\",\"languages\":\"en\"}]", "field \"languages\" is of type string, must be an array of ISO 639-1"},
      {"[{\"id\":\"a\",\"languages\":[\"eng\"]}]", "field \"languages\" must be"},
      {"[{\"id\":\"a\",\"languages\":[null]}]", "field \"languages\" must be"},
      {"[{\"id\":\"a\",\"use_cases\":[3]}]", "field \"use_cases\" must be"},
      {"[{\"id\":\"a\",\"prompts\":[]}]", "field \"prompts\" is of type array"},
      {"[{\"id\":\"a\",\"prompts\":{\"q\":1}}]", "field \"prompts\" must be"},
      {"[{\"id\":\"a\",\"prompts\":{\"\":\"x\"}}]", "field \"prompts\" must be"},
      {"[{\"id\":\"a\",\"is_default\":1}]", "field \"is_default\" is of type integer"},
      {"[{\"id\":\"a\",\"is_default\":true},{\"id\":\"b\",\"is_default\":true}]", "\"is_default\" is true in 2 rows"},
      {"[{\"id\":\"all-MiniLM-L6-v2\",\"is_default\":false}]", USER ": leaves no model the default"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_catalogue *c = NULL;
    vecd_err err = {VECD_OK, 0, ""};
    assert_int_equal(vecd_catalogue_parse(USER, vecd_span_of(cases[i].text), &c, &err), VECD_BAD_MODEL);
    assert_int_equal(err.code, VECD_BAD_MODEL);
    assert_null(c);
    if (!strstr(err.text, cases[i].says)) fail_msg("%s: says %s", cases[i].text, err.text);
  }
}

static void test_a_file_of_too_many_rows_is_refused(void **state) {
  (void)state;
  char *text = malloc(1 << 17), *p = text;
  assert_non_null(text);
  for (int i = 0; i < 1025; i++) p += sprintf(p, "%c{\"id\":\"m%d\"}", i ? ',' : '[', i);
  strcpy(p, "]");
  vecd_catalogue *c = NULL;
  vecd_err err;
  assert_int_equal(vecd_catalogue_parse(USER, vecd_span_of(text), &c, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "has 1025 rows, at most 1024"));
  char *last = strrchr(text, ',');
  strcpy(last, "]");
  assert_int_equal(vecd_catalogue_parse(USER, vecd_span_of(text), &c, &err), VECD_OK);
  assert_int_equal(vecd_catalogue_count(c), 12 + 1024);
  vecd_catalogue_unpin(&c);
  free(text);
}

static void test_files_that_are_not_there_or_no_files(void **state) {
  (void)state;
  vecd_catalogue *c = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  assert_int_equal(vecd_catalogue_new("/nonexistent/" USER, &c, &err), VECD_OK);
  assert_int_equal(vecd_catalogue_count(c), 12);
  assert_int_equal(err.code, VECD_OK);
  vecd_catalogue_unpin(&c);
  assert_int_equal(vecd_catalogue_new(NULL, &c, &err), VECD_OK);
  vecd_catalogue_unpin(&c);
  assert_null(c);
  vecd_catalogue_unpin(&c);
  assert_int_equal(vecd_catalogue_new("/tmp", &c, &err), VECD_IO);
  assert_non_null(strstr(err.text, "/tmp: not a regular file"));
}

static void test_a_share_outlives_the_first(void **state) {
  (void)state;
  size_t before = vecd_mem_total_bytes();
  vecd_catalogue *c = parse("[{\"id\":\"mine\",\"description\":\"of mine\"}]"), *other = vecd_catalogue_pin(c);
  vecd_catalogue_unpin(&c);
  assert_string_equal(row_of(other, "mine")->description, "of mine");
  vecd_catalogue_unpin(&other);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  for (uint64_t n = 1;; n++) {
    vecd_catalogue *c = NULL;
    size_t before = vecd_mem_total_bytes();
    vecd_mem_fail_nth(n);
    vecd_status s =
        vecd_catalogue_parse(USER, VECD_SPAN("[{\"id\":\"a\",\"name\":\"b\",\"prompts\":{\"q\":\"x\"}}]"), &c, NULL);
    vecd_mem_fail_nth(0);
    vecd_catalogue_unpin(&c);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s) {
      assert_true(n > 20);
      break;
    }
    assert_int_equal(s, VECD_NO_MEMORY);
  }
}

int main(void) {
  vecd_json_count_memory();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_built_in_rows),
      cmocka_unit_test(test_the_built_in_rows_are_whole),
      cmocka_unit_test(test_prompts_are_those_of_the_model_cards),
      cmocka_unit_test(test_the_order_is_default_size_id),
      cmocka_unit_test(test_a_user_overrides_field_by_field),
      cmocka_unit_test(test_memory_and_quantization_follow_from_a_row),
      cmocka_unit_test(test_a_wrong_field_is_named),
      cmocka_unit_test(test_a_file_of_too_many_rows_is_refused),
      cmocka_unit_test(test_files_that_are_not_there_or_no_files),
      cmocka_unit_test(test_a_share_outlives_the_first),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
