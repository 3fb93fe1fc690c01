/* test_pipeline.c - every normalizer and pre-tokenizer cuts short texts into the pieces of pipeline.json, at their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pipeline.h"

static pipeline p;

static void check_text(const char *name, const json_t *text, const json_t *want, bool keep_src) {
  vecd_err err;
  vecd_aligned out;
  const vecd_piece_list *pieces;
  vecd_span span = {json_string_value(text), json_string_length(text)};
  keep_src |= p.pre.needs_src;
  if (run_pipeline(&p, span, keep_src, &out, &pieces, &err)) fail_msg("%s: %s", name, err.text);
  size_t n = 0, at = 0, begin, end;
  for (; piece_at(&p, &out, pieces, n, &at, &begin, &end); n++) {
    const json_t *piece = json_array_get(want, n), *bytes = json_array_get(piece, 0);
    vecd_span expected = {json_string_value(bytes), json_string_length(bytes)};
    if (!piece || !vecd_span_eq(expected, (vecd_span){out.bytes + begin, end - begin}))
      fail_msg("%s: \"%s\": piece %zu is \"%.*s\"", name, span.ptr, n, (int)(end - begin), out.bytes + begin);
    if (!keep_src) continue;
    if (json_integer_value(json_array_get(piece, 1)) != out.src[begin] ||
        json_integer_value(json_array_get(piece, 2)) != out.src[end - 1] + 1)
      fail_msg("%s: \"%s\": piece %zu is at %u-%u", name, span.ptr, n, out.src[begin], out.src[end - 1] + 1);
  }
  if (n != json_array_size(want)) fail_msg("%s: \"%s\": %zu pieces, must be %zu", name, span.ptr, n, json_array_size(want));
}

static void test_pipelines(void **state) {
  (void)state;
  char path[4096];
  json_t *cases = NULL;
  vecd_err err;
  size_t n_texts = 0, before = vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH);
  snprintf(path, sizeof path, "%s/tests/golden/pipeline.json", getenv("VECD_SOURCE_ROOT"));
  if (vecd_json_read(path, (size_t)1 << 20, &cases, &err)) fail_msg("%s", err.text);
  for (size_t i = 0; i < json_array_size(cases); i++) {
    const json_t *row = json_array_get(cases, i), *texts = json_array_get(row, 3);
    const char *name = json_string_value(json_array_get(row, 0));
    if (load_pipeline(name, json_array_get(row, 1), json_array_get(row, 2), &p, &err)) fail_msg("%s", err.text);
    for (size_t k = 0; k < json_array_size(texts); k++, n_texts++) {
      const json_t *pair = json_array_get(texts, k);
      check_text(name, json_array_get(pair, 0), json_array_get(pair, 1), true);
      check_text(name, json_array_get(pair, 0), json_array_get(pair, 1), false);
    }
    unload_pipeline(&p);
  }
  json_decref(cases);
  free_pipeline(&p);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH), before);
  print_message("%zu texts\n", n_texts);
  assert_true(n_texts > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pipelines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
