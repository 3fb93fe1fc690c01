/* test_pre_tokenizer.c - pre-tokenizers one by one: pieces and places, fields that are missing or wrong, and memory. (Parity over
 * many texts: tests/golden.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tok/pre_tokenizer.h"

static vecd_pre_scratch scratch;

static json_t *parse(const char *json) {
  json_t *value = NULL;
  vecd_err err;
  if (vecd_json_parse("test", vecd_span_of(json), &value, &err)) fail_msg("%s: %s", json, err.text);
  return value;
}

/* "piece@first-end|..." of what the section cuts text into; text's first character is number first_char. */
static void expect_at(const char *json, const char *text, uint32_t first_char, const char *want) {
  vecd_pre_tokenizer pre;
  vecd_err err;
  vecd_aligned in = {.keep_src = true}, out;
  const vecd_piece_list *pieces = NULL;
  char shown[1024] = "";
  size_t n = 0;
  json_t *section = parse(json);
  if (vecd_pre_tokenizer_load("t", section, &pre, &err)) fail_msg("%s", err.text);
  vecd_aligned_append(&in, vecd_span_of(text), NULL, first_char);
  if (vecd_pre_tokenizer_run(&pre, (vecd_span){in.bytes, in.len}, in.src, &scratch, &out, &pieces, &err))
    fail_msg("%s", err.text);
  for (size_t i = 0; i < pieces->n; i++) {
    vecd_piece_range r = pieces->ranges[i];
    n += (size_t)snprintf(shown + n, sizeof shown - n, "%s%.*s@%u-%u", i ? "|" : "", (int)(r.end - r.begin),
                          out.bytes + r.begin, out.src[r.begin], out.src[r.end - 1] + 1);
  }
  if (strcmp(shown, want) != 0) fail_msg("%s: \"%s\": %s, must be %s", json, text, shown, want);
  json_decref(section);
  vecd_pre_tokenizer_fini(&pre);
  vecd_aligned_fini(&in);
}

static void expect(const char *json, const char *text, const char *want) { expect_at(json, text, 0, want); }

#define SPLIT(kind, pattern, behavior, invert) \
  "{\"type\":\"Split\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"behavior\":\"" behavior "\",\"invert\":" invert "}"
#define METASPACE(more) "{\"type\":\"Metaspace\",\"replacement\":\"_\"" more "}"
#define BYTE_LEVEL(prefix, regex) \
  "{\"type\":\"ByteLevel\",\"trim_offsets\":true,\"add_prefix_space\":" prefix ",\"use_regex\":" regex "}"
#define SEQUENCE(members) "{\"type\":\"Sequence\",\"pretokenizers\":[" members "]}"

static void test_split(void **state) {
  (void)state;
  expect(SPLIT("String", "-", "Removed", "false"), "the-final--countdown", "the@0-3|final@4-9|countdown@11-20");
  expect(SPLIT("String", "-", "Isolated", "false"), "a--b", "a@0-1|-@1-2|-@2-3|b@3-4");
  expect(SPLIT("String", "-", "MergedWithPrevious", "false"), "a--b", "a-@0-2|-@2-3|b@3-4");
  expect(SPLIT("String", "-", "MergedWithNext", "false"), "a--b", "a@0-1|-@1-2|-b@2-4");
  expect(SPLIT("String", "-", "Contiguous", "false"), "a--b", "a@0-1|--@1-3|b@3-4");
  expect(SPLIT("String", "-", "MergedWithNext", "true"), "a--b-", "a-@0-2|-@2-3|b-@3-5");
  expect(SPLIT("Regex", "\\\\d+", "Removed", "true"), "ab12c3", "12@2-4|3@5-6");
  expect(SPLIT("String", "", "Isolated", "false"), "a\xc3\xa9", "a@0-1|\xc3\xa9@1-2");
  expect(SPLIT("String", ".", "Removed", "false"), "a.b", "a@0-1|b@2-3");
}

static void test_others(void **state) {
  (void)state;
  expect("{\"type\":\"Whitespace\"}", "a_1 b!? \xc3\xa9", "a_1@0-3|b@4-5|!?@5-7|\xc3\xa9@8-9");
  expect("{\"type\":\"WhitespaceSplit\"}", " a!  b", "a!@1-3|b@5-6");
  expect("{\"type\":\"Punctuation\"}", "a!?b", "a@0-1|!@1-2|?@2-3|b@3-4");
  expect("{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}", "a!?b", "a@0-1|!?@1-3|b@3-4");
  expect("{\"type\":\"Digits\",\"individual_digits\":false}",
         "a12\xc2\xb2"
         "b",
         "a@0-1|12\xc2\xb2@1-4|b@4-5");
  expect("{\"type\":\"Digits\",\"individual_digits\":true}", "a12", "a@0-1|1@1-2|2@2-3");
  expect("{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"-\"}", "-a-b", "a@1-2|b@3-4");
  expect("{\"type\":\"FixedLength\",\"length\":2}",
         "a\xc3\xa9"
         "bcd",
         "a\xc3\xa9@0-2|bc@2-4|d@4-5");
  expect("{\"type\":\"FixedLength\"}", "abcdef", "abcde@0-5|f@5-6");
  expect("{\"type\":\"UnicodeScripts\"}", "ab \xd0\xb6", "ab @0-3|\xd0\xb6@3-4");
  expect(SEQUENCE("{\"type\":\"BertPreTokenizer\"}," SEQUENCE(METASPACE(""))), "a b,", "_a@0-1|_b@2-3|_,@3-4");
  expect(SEQUENCE(""), "a b", "a b@0-3");
}

static void test_metaspace(void **state) {
  (void)state;
  expect(METASPACE(""), "a  b", "_a@0-1|_@1-2|_b@2-4");
  expect(METASPACE(""), " a", "_a@0-2");
  expect(METASPACE(",\"split\":false"), "a b", "_a_b@0-3");
  expect(METASPACE(",\"prepend_scheme\":\"never\""), "a b", "a@0-1|_b@1-3");
  expect(METASPACE(",\"add_prefix_space\":true"), "a", "_a@0-1");
  expect(METASPACE(",\"add_prefix_space\":false,\"prepend_scheme\":\"never\""), "a", "a@0-1");
  expect(METASPACE(",\"prepend_scheme\":\"first\""), "a b", "_a@0-1|_b@1-3");
  expect_at(METASPACE(",\"prepend_scheme\":\"first\""), "a b", 5, "a@5-6|_b@6-8");
  expect(SEQUENCE("{\"type\":\"WhitespaceSplit\"}," METASPACE(",\"prepend_scheme\":\"first\"")), "a b", "_a@0-1|b@2-3");
}

static void test_byte_level(void **state) {
  (void)state;
  expect(BYTE_LEVEL("false", "true"), "I'll go\n", "I@0-1|'ll@1-4|\xc4\xa0go@4-7|\xc4\x8a@7-8");
  expect(BYTE_LEVEL("true", "true"), "a",
         "\xc4\xa0"
         "a@0-1");
  expect(BYTE_LEVEL("false", "false"), "\xc3\xa9 b",
         "\xc3\x83\xc2\xa9\xc4\xa0"
         "b@0-3");
  expect(SEQUENCE(SPLIT("String", " ", "MergedWithNext", "false") "," BYTE_LEVEL("true", "false")), "a b",
         "\xc4\xa0"
         "a@0-1|\xc4\xa0"
         "b@1-3");
  /* Each byte is another character, none is lost. */
  char text[2 * 128 + 1];
  size_t n = 0;
  for (int c = 1; c < 0x80; c++) text[n++] = (char)c;
  vecd_pre_tokenizer pre;
  vecd_aligned out;
  const vecd_piece_list *pieces;
  json_t *section = parse(BYTE_LEVEL("false", "false"));
  assert_int_equal(vecd_pre_tokenizer_load("t", section, &pre, NULL), VECD_OK);
  assert_int_equal(vecd_pre_tokenizer_run(&pre, (vecd_span){text, n}, NULL, &scratch, &out, &pieces, NULL), VECD_OK);
  assert_int_equal(pieces->n, 1);
  assert_int_equal(out.len, 94 + 33 * 2);
  json_decref(section);
  vecd_pre_tokenizer_fini(&pre);
}

static void expect_refused(const char *json, vecd_status code, const char *named) {
  vecd_pre_tokenizer pre;
  vecd_err err = {0};
  json_t *section = parse(json);
  size_t before = vecd_mem_bytes(VECD_MEM_VOCAB);
  vecd_status s = vecd_pre_tokenizer_load("t.json", section, &pre, &err);
  if (s != code || strncmp(err.text, "t.json: pre_tokenizer", 21) != 0 || !strstr(err.text, named))
    fail_msg("%s: %d %s", json, (int)s, err.text);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB), before);
  json_decref(section);
}

static void test_refused(void **state) {
  (void)state;
  expect_refused("{\"type\":\"Metaspace\"}", VECD_BAD_MODEL, "\"replacement\"");
  expect_refused("{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", VECD_BAD_MODEL, "one character");
  expect_refused("{\"type\":\"Metaspace\",\"replacement\":\"\"}", VECD_BAD_MODEL, "one character");
  expect_refused(METASPACE(",\"prepend_scheme\":\"second\""), VECD_BAD_MODEL, "\"second\"");
  expect_refused(METASPACE(",\"add_prefix_space\":false"), VECD_BAD_MODEL, "contradicts");
  expect_refused("{\"type\":\"ByteLevel\"}", VECD_BAD_MODEL, "\"add_prefix_space\"");
  expect_refused("{\"type\":\"Split\",\"behavior\":\"Isolated\",\"invert\":false}", VECD_BAD_MODEL, "\"pattern\"");
  expect_refused(SPLIT("String", "a", "Eaten", "false"), VECD_BAD_MODEL, "\"Eaten\"");
  expect_refused(SPLIT("Regex", "a(", "Removed", "false"), VECD_BAD_MODEL, "group");
  expect_refused(SPLIT("Regex", "\\\\X", "Removed", "false"), VECD_UNSUPPORTED, "\\X");
  expect_refused("{\"type\":\"Digits\"}", VECD_BAD_MODEL, "\"individual_digits\"");
  expect_refused("{\"type\":\"FixedLength\",\"length\":0}", VECD_BAD_MODEL, "\"length\"");
  expect_refused("{\"type\":\"CharDelimiterSplit\",\"delimiter\":7}", VECD_BAD_MODEL, "\"delimiter\"");
  expect_refused("{\"type\":\"Sequence\"}", VECD_BAD_MODEL, "\"pretokenizers\"");
  expect_refused(SEQUENCE("{\"type\":\"Whitespace\"}," SEQUENCE("{\"type\":\"Jieba\"}")), VECD_UNSUPPORTED,
                 "pretokenizers[1].pretokenizers[0]: the type \"Jieba\"");
  char many[4096];
  size_t n = (size_t)sprintf(many, "{\"type\":\"Sequence\",\"pretokenizers\":[");
  for (int i = 0; i < 17; i++) n += (size_t)sprintf(many + n, i ? ",{\"type\":\"Whitespace\"}" : "{\"type\":\"Whitespace\"}");
  strcpy(many + n, "]}");
  expect_refused(many, VECD_UNSUPPORTED, "more than 16");
}

#define RICH                                    \
  SEQUENCE(SPLIT("Regex", "\\\\s+", "Isolated", \
                 "false") "," METASPACE("") "," BYTE_LEVEL("true", "true") ",{\"type\":\"Whitespace\"}")

static void test_memory(void **state) {
  (void)state;
  static const char text[] = "some text, \xc3\xa9 and  more of it so that the buffers have to grow a little";
  vecd_pre_scratch_fini(&scratch);
  json_t *section = parse(RICH);
  size_t before = vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH);
  for (uint64_t n = 1;; n++) {
    assert_true(n < 1000);
    vecd_pre_tokenizer pre;
    vecd_aligned out;
    const vecd_piece_list *pieces;
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_pre_tokenizer_load("t", section, &pre, NULL);
    bool loaded = !s;
    if (!s) s = vecd_pre_tokenizer_run(&pre, VECD_SPAN(text), NULL, &scratch, &out, &pieces, NULL);
    vecd_mem_fail_nth(0);
    if (!s) { /* warm */
      uint64_t count = vecd_mem_count();
      assert_int_equal(vecd_pre_tokenizer_run(&pre, VECD_SPAN(text), NULL, &scratch, &out, &pieces, NULL), VECD_OK);
      assert_int_equal(vecd_mem_count(), count);
    }
    if (loaded) vecd_pre_tokenizer_fini(&pre);
    vecd_pre_scratch_fini(&scratch);
    assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH), before);
    if (!s && n > 60) break;
    assert_true(!s || s == VECD_NO_MEMORY);
  }
  json_decref(section);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_split),      cmocka_unit_test(test_others),  cmocka_unit_test(test_metaspace),
      cmocka_unit_test(test_byte_level), cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  vecd_pre_scratch_fini(&scratch);
  return failed;
}
