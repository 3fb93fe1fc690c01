/* test_regex.c - Oniguruma's syntax over classes of characters: matches, empty matches, what is refused and how, and that a pattern
 * that explodes is stopped. (Parity over many patterns and texts: tests/golden.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tok/regex.h"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static vecd_regex_scratch scratch;

/* "0-2 3-3": the matches of pattern in text. */
static const char *matches(const char *pattern, vecd_span text) {
  static char shown[1024];
  vecd_regex *regex = NULL;
  vecd_regex_search search;
  vecd_err err;
  size_t n = 0, begin, end;
  bool found;
  shown[0] = '\0';
  if (vecd_regex_new("t", vecd_span_of(pattern), &regex, &err)) return snprintf(shown, sizeof shown, "%s", err.text), shown;
  if (vecd_regex_begin(regex, text, &scratch, &search, &err)) fail_msg("%s", err.text);
  for (;;) {
    if (vecd_regex_next(&search, &found, &begin, &end, &err)) fail_msg("%s", err.text);
    if (!found) break;
    n += (size_t)snprintf(shown + n, sizeof shown - n, n ? " %zu-%zu" : "%zu-%zu", begin, end);
  }
  vecd_regex_free(&regex);
  assert_null(regex);
  return shown;
}

static void expect(const char *pattern, const char *text, const char *want) {
  const char *got = matches(pattern, vecd_span_of(text));
  if (strcmp(got, want) != 0) fail_msg("/%s/ in \"%s\": \"%s\", must be \"%s\"", pattern, text, got, want);
}

static void test_matches(void **state) {
  (void)state;
  expect(GPT2, "I'll  go\n", "0-1 1-4 4-5 5-8 8-9");
  expect(GPT2, "\xc3\xa9t\xc3\xa9 12", "0-5 5-8");
  expect("a{2}+", "aaaaa", "0-4"); /* the '+' is a quantifier of its own */
  expect("a{2}?b", "b aab", "0-1 2-5");
  expect("(?i:s)", "sS\xc5\xbf", "0-1 1-2 2-4");
  expect("[^\\s\\d]", "a 1\xe3\x80\x80", "0-1");
  expect("\\s", "\xe1\xa0\x8e \xc2\x85", "3-4 4-6"); /* the Mongolian separator is no space any more */
  expect("^.|.$", "ab\ncd", "0-1 1-2 3-4 4-5");
  expect("\\bb", "b ab -b", "0-1 6-7");
  expect("(?<=\\p{Lu})\\p{Ll}", "Ab cD \xc3\x89\xc3\xa9", "1-2 8-10");
  expect("[\\]a-c\\-]+", "x]b-", "1-4");
  expect("\\x41|\\u00e9|\\x{4e2d}", "A\xc3\xa9\xe4\xb8\xad", "0-1 1-3 3-6");
}

static void test_empty_matches(void **state) {
  (void)state;
  expect("", "a\xc3\xa9", "0-0 1-1 3-3");
  expect("x*", "axx", "0-0 1-3");
  expect("", "", "0-0");
  expect("b", "", "");
  char text[2000];
  memset(text, 'a', sizeof text);
  text[1999] = 'b'; /* far behind what one call looks at */
  assert_string_equal(matches("b", (vecd_span){text, sizeof text}), "1999-2000");
  assert_string_equal(matches("(?<=a)b|$", (vecd_span){text, sizeof text}), "1999-2000");
  assert_string_equal(matches("\\A.", (vecd_span){text, sizeof text}), "0-1");
}

static void expect_refused(vecd_span pattern, vecd_status code, const char *named) {
  vecd_regex *regex = NULL;
  vecd_err err = {0};
  size_t before = vecd_mem_total_bytes();
  vecd_status s = vecd_regex_new("t.json: here", pattern, &regex, &err);
  assert_null(regex);
  if (s != code || strncmp(err.text, "t.json: here: regular expression", 32) != 0 || !strstr(err.text, named))
    fail_msg("/%.60s/: code %d: %s", pattern.ptr, (int)s, err.text);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *pattern;
    vecd_status code;
    const char *named;
  } bad[] = {
      {"(a", VECD_BAD_MODEL, "a group has no end"},
      {"a)", VECD_BAD_MODEL, "byte 1"},
      {"[a", VECD_BAD_MODEL, "a class has no end"},
      {"*", VECD_BAD_MODEL, "nothing to repeat"},
      {"a\\", VECD_BAD_MODEL, "backslash"},
      {"\\p{L", VECD_BAD_MODEL, "has no end"},
      {"\\x{110000}", VECD_BAD_MODEL, "too large"},
      {"[b-a]", VECD_BAD_MODEL, "backwards"},
      {"(?<n", VECD_BAD_MODEL, "name"},
      {"\\p{Klingon}", VECD_UNSUPPORTED, "\"Klingon\""},
      {"(a)\\1", VECD_UNSUPPORTED, "\\1"},
      {"\\X", VECD_UNSUPPORTED, "\\X"},
      {"(?i:ss)", VECD_UNSUPPORTED, "pair of letters"},
      {"(?i:\xc3\xa9)", VECD_UNSUPPORTED, "ASCII"},
      {"a(?i)b", VECD_UNSUPPORTED, "middle"},
      {"(?x: a)", VECD_UNSUPPORTED, "kind of group"},
      {"[[:alpha:]]", VECD_UNSUPPORTED, "POSIX"},
      {"[a&&b]", VECD_UNSUPPORTED, "intersection"},
      {"a{1001}", VECD_UNSUPPORTED, "repetition"},
      {"a******", VECD_UNSUPPORTED, "quantifiers"},
      {"(?=a)*", VECD_UNSUPPORTED, "repeated assertion"},
      {"(?<=a*)b", VECD_UNSUPPORTED, "PCRE2"},
      {"(?:(?:(?:a{999}b){999}c){999}d){999}", VECD_UNSUPPORTED, "PCRE2"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect_refused(vecd_span_of(bad[i].pattern), bad[i].code, bad[i].named);
  size_t n = 100000;
  char *text = malloc(n);
  memset(text, '(', n);
  expect_refused((vecd_span){text, 60000}, VECD_UNSUPPORTED, "nesting");
  memset(text, '[', n);
  expect_refused((vecd_span){text, 60000}, VECD_UNSUPPORTED, "nesting");
  memset(text, 'a', n);
  expect_refused((vecd_span){text, n}, VECD_UNSUPPORTED, "64 KiB");
  size_t len = 0;
  for (uint32_t c = 0x4e00; c < 0x4e00 + 300; c++) len += (size_t)sprintf(text + len, "\\u%04x", c);
  expect_refused((vecd_span){text, len}, VECD_UNSUPPORTED, "so many sets");
  free(text);
}

/* What the reference runs for hours is stopped, and says so. */
static void test_explosions(void **state) {
  (void)state;
  static const char *const patterns[] = {"(?:a+)+b", "(?:a|aa)+b", "(?:a|a|a|a)*b", "(?:(?:a*)*)*b", "a*a*a*a*a*a*b"};
  size_t n = 30000;
  char *text = malloc(n);
  memset(text, 'a', n);
  memcpy(text + n - 2, "cb", 2); /* PCRE2 looks for the b first */
  uint64_t begun = vecd_now_ms();
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    vecd_regex *regex = NULL;
    vecd_regex_search search;
    vecd_err err = {0};
    bool found;
    size_t begin, end;
    assert_int_equal(vecd_regex_new("t", vecd_span_of(patterns[i]), &regex, NULL), VECD_OK);
    assert_int_equal(vecd_regex_begin(regex, (vecd_span){text, n}, &scratch, &search, NULL), VECD_OK);
    assert_int_equal(vecd_regex_next(&search, &found, &begin, &end, &err), VECD_BAD_TEXT);
    assert_non_null(strstr(err.text, "does not come to an end"));
    vecd_regex_free(&regex);
  }
  assert_true(vecd_now_ms() - begun < 240000);
  free(text);
}

/* A long run of space is no explosion. */
static void test_long_runs(void **state) {
  (void)state;
  size_t n = 1000000;
  char *text = malloc(n);
  memset(text, ' ', n);
  text[n - 1] = 'x';
  assert_string_equal(matches(GPT2, (vecd_span){text, n}), "0-999998 999998-1000000");
  assert_string_equal(matches("\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+|x", (vecd_span){text, n}),
                      "0-999998 999998-999999 999999-1000000");
  memset(text, 'a', n);
  assert_string_equal(matches(GPT2, (vecd_span){text, n}), "0-1000000");
  free(text);
}

static void test_failing_memory(void **state) {
  (void)state;
  vecd_regex_scratch_fini(&scratch);
  size_t before = vecd_mem_total_bytes();
  for (uint64_t n = 1;; n++) {
    assert_true(n < 1000);
    vecd_regex *regex = NULL;
    vecd_regex_scratch own = {0};
    vecd_regex_search search;
    bool found = false;
    size_t begin, end;
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_regex_new("t", VECD_SPAN(GPT2), &regex, NULL);
    if (!s) s = vecd_regex_begin(regex, VECD_SPAN("some text"), &own, &search, NULL);
    if (!s) s = vecd_regex_next(&search, &found, &begin, &end, NULL);
    vecd_mem_fail_nth(0);
    vecd_regex_free(&regex);
    vecd_regex_scratch_fini(&own);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s && found && n > 20) break;
    assert_true(s == VECD_OK || s == VECD_NO_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matches),    cmocka_unit_test(test_empty_matches), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_explosions), cmocka_unit_test(test_long_runs),     cmocka_unit_test(test_failing_memory),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  vecd_regex_scratch_fini(&scratch);
  return failed;
}
