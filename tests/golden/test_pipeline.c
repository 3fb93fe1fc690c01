/* test_pipeline.c - every normalizer and pre-tokenizer cuts short texts into the pieces of pipeline.json, at their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tok/normalizer.h"
#include "tok/pre_tokenizer.h"

typedef struct pipeline {
  vecd_normalizer normalizer;
  vecd_pre_tokenizer pre;
  vecd_normalizer_scratch normalizer_scratch;
  vecd_pre_scratch pre_scratch;
} pipeline;

static pipeline p;

/* Piece number i of what has been cut; false: there is none. */
static bool piece_at(const vecd_aligned *text, const vecd_piece_list *pieces, size_t i, size_t *at, size_t *begin,
                     size_t *end) {
  if (pieces) {
    if (i >= pieces->n) return false;
    *begin = pieces->ranges[i].begin;
    *end = pieces->ranges[i].end;
    return true;
  }
  vecd_span word;
  if (!vecd_pre_tokenizer_next(&p.pre, (vecd_span){text->bytes, text->len}, at, &word)) return false;
  *begin = (size_t)(word.ptr - text->bytes);
  *end = *begin + word.len;
  return true;
}

static void check_text(const char *name, const json_t *text, const json_t *want, bool keep_src) {
  vecd_err err;
  const vecd_aligned *norm;
  vecd_aligned out;
  const vecd_piece_list *pieces = NULL;
  vecd_span span = {json_string_value(text), json_string_length(text)};
  keep_src |= p.pre.needs_src;
  if (vecd_normalizer_run(&p.normalizer, span, 0, keep_src, &p.normalizer_scratch, &norm, &err))
    fail_msg("%s: %s", name, err.text);
  out = *norm;
  if (!vecd_pre_tokenizer_is_simple(&p.pre) &&
      vecd_pre_tokenizer_run(&p.pre, (vecd_span){norm->bytes, norm->len}, keep_src ? norm->src : NULL, &p.pre_scratch, &out,
                             &pieces, &err))
    fail_msg("%s: %s", name, err.text);
  size_t n = 0, at = 0, begin, end;
  for (; piece_at(&out, pieces, n, &at, &begin, &end); n++) {
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
    if (vecd_normalizer_load(name, json_array_get(row, 1), false, &p.normalizer, &err)) fail_msg("%s", err.text);
    if (vecd_pre_tokenizer_load(name, json_array_get(row, 2), &p.pre, &err)) fail_msg("%s", err.text);
    for (size_t k = 0; k < json_array_size(texts); k++, n_texts++) {
      const json_t *pair = json_array_get(texts, k);
      check_text(name, json_array_get(pair, 0), json_array_get(pair, 1), true);
      check_text(name, json_array_get(pair, 0), json_array_get(pair, 1), false);
    }
    vecd_normalizer_fini(&p.normalizer);
    vecd_pre_tokenizer_fini(&p.pre);
  }
  json_decref(cases);
  vecd_normalizer_scratch_fini(&p.normalizer_scratch);
  vecd_pre_scratch_fini(&p.pre_scratch);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH), before);
  print_message("%zu texts\n", n_texts);
  assert_true(n_texts > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pipelines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
