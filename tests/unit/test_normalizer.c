/* test_normalizer.c - normalizers one by one: texts, places, fields that are missing or wrong, charsmaps nobody should trust, and
 * memory. (Parity over many texts: tests/golden.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tok/cluster.h"
#include "tok/normalizer.h"

static vecd_normalizer_scratch scratch;

static json_t *parse(const char *json) {
  json_t *value = NULL;
  vecd_err err;
  if (vecd_json_parse("test", vecd_span_of(json), &value, &err)) fail_msg("%s", err.text);
  return value;
}

/* The normalized text, and the places of its bytes where asked for. */
static void expect(const char *json, const char *text, const char *want, const char *places) {
  vecd_normalizer n;
  vecd_err err;
  const vecd_aligned *out;
  json_t *section = parse(json);
  if (vecd_normalizer_load("t", section, false, &n, &err)) fail_msg("%s", err.text);
  for (int keep_src = 0; keep_src < 2; keep_src++) {
    if (vecd_normalizer_run(&n, vecd_span_of(text), 0, keep_src, &scratch, &out, &err)) fail_msg("%s", err.text);
    if (!vecd_span_eq((vecd_span){out->bytes, out->len}, vecd_span_of(want)))
      fail_msg("%s: \"%s\" becomes \"%.*s\"", json, text, (int)out->len, out->bytes);
  }
  for (size_t i = 0; places && i < out->len; i++)
    if (out->src[i] != (uint32_t)(places[i] - '0')) fail_msg("%s: \"%s\": byte %zu comes from %u", json, text, i, out->src[i]);
  json_decref(section);
  vecd_normalizer_fini(&n);
}

#define REPLACE(kind, pattern, content) \
  "{\"type\":\"Replace\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"content\":\"" content "\"}"

static void test_texts(void **state) {
  (void)state;
  expect("{\"type\":\"NFC\"}", "ae\xcc\x81z", "a\xc3\xa9z", "0113");
  expect("{\"type\":\"NFC\"}", "\xc3\xa9", "\xc3\xa9", "00");
  expect("{\"type\":\"NFC\"}", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8x", "\xea\xb0\x81x", "0003");
  expect("{\"type\":\"NFKC\"}", "\xef\xac\x81 \xc2\xbd",
         "fi 1\xe2\x81\x84"
         "2",
         "00122222");
  expect("{\"type\":\"NFKD\"}", "\xc3\xa9\xef\xbc\xa1",
         "e\xcc\x81"
         "A",
         "0001");
  expect("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
         " \xe3\x80\x80"
         "ab ",
         "ab", "23");
  expect("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", " \t ", "", "");
  expect("{\"type\":\"Prepend\",\"prepend\":\"\\u2581\"}", "ab",
         "\xe2\x96\x81"
         "ab",
         "00001");
  expect("{\"type\":\"Prepend\",\"prepend\":\"x\"}", "", "", "");
  expect(REPLACE("String", "aa", "b"), "aaaxaa", "baxb", "1235");
  expect(REPLACE("Regex", " {2,}", " "), "a   b c", "a b c", "03456");
  expect("{\"type\":\"Nmt\"}", "a\x01\tb\xe2\x80\x8b", "a b ", "0234");
  expect("{\"type\":\"ByteLevel\"}", "\xc3\xa9 a",
         "\xc3\x83\xc2\xa9\xc4\xa0"
         "a",
         "0000112");
  expect("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"}]},{\"type\":"
         "\"StripAccents\"},{\"type\":\"Prepend\",\"prepend\":\"_\"}]}",
         "\xc3\xa9"
         "b",
         "_eb", "001");
  expect("{\"type\":\"Sequence\",\"normalizers\":[]}", "A", "A", "0");
}

/* A trie for one key of one byte, 'a', that becomes `value`. */
static void expect_mapped(uint32_t value, const char *texts, size_t n_texts, const char *text, const char *want) {
  enum { N = 512 };
  unsigned char blob[4 + N * 4 + 64] = {0};
  uint32_t units[N] = {0};
  units[0] = 256u << 10;
  units[256 ^ 'a'] = 256u << 10 | 1u << 8 | 'a';
  units['a'] = 1u << 31 | value;
  blob[1] = (N * 4) >> 8;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 4; k++) blob[4 + 4 * i + k] = (unsigned char)(units[i] >> 8 * k);
  memcpy(blob + 4 + N * 4, texts, n_texts);
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char json[4096];
  size_t n = (size_t)sprintf(json, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
  for (size_t i = 0; i < 4 + N * 4 + 3 - (4 + N * 4) % 3 + 30; i += 3) {
    uint32_t bits = (uint32_t)blob[i] << 16 | (uint32_t)blob[i + 1] << 8 | blob[i + 2];
    for (int k = 18; k >= 0; k -= 6) json[n++] = digits[bits >> k & 63];
  }
  strcpy(json + n, "\"}");
  expect(json, text, want, NULL);
}

static void test_precompiled(void **state) {
  (void)state;
  expect_mapped(0, "xyz\0w", 6, "bab", "bxyzb");
  expect_mapped(4, "xyz\0w", 6, "a", "w");
  expect_mapped(3, "xyz\0w", 6, "bab", "bb");
  expect_mapped(0, "x", 2, "a\xcc\x81", "x"); /* a short cluster goes by its first key alone */
  expect_mapped(0, "x", 2, "a\xcc\x81\xcc\x81\xcc\x81", "x\xcc\x81\xcc\x81\xcc\x81");
  expect_mapped(1, "\xc3\xa9", 3, "a", "a");       /* not the beginning of a character */
  expect_mapped(1000000, "\xc3\xa9", 3, "a", "a"); /* outside */
}

static void expect_refused(const char *json, vecd_status code, const char *named) {
  vecd_normalizer n;
  vecd_err err = {0};
  json_t *section = parse(json);
  size_t before = vecd_mem_bytes(VECD_MEM_VOCAB);
  vecd_status s = vecd_normalizer_load("t.json", section, false, &n, &err);
  if (s != code || strncmp(err.text, "t.json: normalizer", 18) != 0 || !strstr(err.text, named))
    fail_msg("%s: %d %s", json, (int)s, err.text);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB), before);
  json_decref(section);
}

#define CHARSMAP(base64) "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" base64 "\"}"

static void test_refused(void **state) {
  (void)state;
  expect_refused("{\"type\":\"Strip\",\"strip_left\":true}", VECD_BAD_MODEL, "\"strip_right\"");
  expect_refused("{\"type\":\"Prepend\"}", VECD_BAD_MODEL, "\"prepend\"");
  expect_refused("{\"type\":\"Prepend\",\"prepend\":\"\"}", VECD_UNSUPPORTED, "\"prepend\"");
  expect_refused("{\"type\":\"Replace\",\"content\":\"\"}", VECD_BAD_MODEL, "\"pattern\"");
  expect_refused("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\",\"Regex\":\"a\"},\"content\":\"\"}", VECD_BAD_MODEL,
                 "\"pattern\"");
  expect_refused(REPLACE("Regex", "a*", ""), VECD_UNSUPPORTED, "empty");
  expect_refused(REPLACE("Regex", "(", ""), VECD_BAD_MODEL, "group");
  expect_refused(REPLACE("String", "", ""), VECD_UNSUPPORTED, "empty");
  expect_refused("{\"type\":\"NFE\"}", VECD_UNSUPPORTED, "\"NFE\"");
  expect_refused(
      "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"X\"}]}]}",
      VECD_UNSUPPORTED, "normalizers[1].normalizers[0]: the type \"X\"");
  expect_refused(CHARSMAP(""), VECD_BAD_MODEL, "trie");
  expect_refused(CHARSMAP("A"), VECD_BAD_MODEL, "Base64");
  expect_refused(CHARSMAP("AA=A"), VECD_BAD_MODEL, "Base64");
  expect_refused(CHARSMAP("AB=="), VECD_BAD_MODEL, "Base64"); /* stray bits */
  expect_refused(CHARSMAP("AAA\\u00e9"), VECD_BAD_MODEL, "Base64");
  expect_refused(CHARSMAP("AAAAAA=="), VECD_BAD_MODEL, "trie");
  expect_refused(CHARSMAP("/////wAAAAA="), VECD_BAD_MODEL, "trie"); /* 4 GiB of it */
  expect_refused(CHARSMAP("BAAAAAAAAAD/"), VECD_BAD_MODEL, "UTF-8");
  char many[4096], longest[1100];
  memset(longest, 'x', sizeof longest);
  snprintf(many, sizeof many, "{\"type\":\"Prepend\",\"prepend\":\"%.1025s\"}", longest);
  expect_refused(many, VECD_UNSUPPORTED, "over 1024 bytes");
  size_t n = (size_t)sprintf(many, "{\"type\":\"Sequence\",\"normalizers\":[");
  for (int i = 0; i < 17; i++) n += (size_t)sprintf(many + n, i ? ",{\"type\":\"Nmt\"}" : "{\"type\":\"Nmt\"}");
  strcpy(many + n, "]}");
  expect_refused(many, VECD_UNSUPPORTED, "more than 16");
}

static size_t cluster(const char *text) { return (size_t)(vecd_cluster_end(text, text + strlen(text)) - text); }

static void test_clusters(void **state) {
  (void)state;
  assert_int_equal(cluster("ab"), 1);
  assert_int_equal(cluster("\r\n\n"), 2);
  assert_int_equal(cluster("\n\xcc\x81"), 1);
  assert_int_equal(cluster("e\xcc\x81\xcc\xa7x"), 5);
  assert_int_equal(cluster("\xd8\x80"
                           "a\xcc\x81"
                           "b"),
                   5);                                                              /* a prepended mark */
  assert_int_equal(cluster("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8\xe1\x84\x80"), 9); /* a syllable */
  assert_int_equal(cluster("\xc2\xa9\xcc\x81\xe2\x80\x8d\xc2\xa9"
                           "a"),
                   9);                                                              /* pictures, joined */
  assert_int_equal(cluster("\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\x95\xe0\xa4\x95"), 9); /* a conjunct */
}

/* A text of one cluster, one run of marks, of a million characters: linear, and without recursion. */
static void test_long_runs(void **state) {
  (void)state;
  size_t n = 1000000;
  char *text = malloc(2 * n + 1);
  text[0] = 'e';
  for (size_t i = 0; i < n; i++) memcpy(text + 1 + 2 * i, i & 1 ? "\xcc\x81" : "\xcc\xa7", 2);
  static const char *const forms[] = {"{\"type\":\"NFC\"}", "{\"type\":\"NFKD\"}",
                                      "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}"};
  for (size_t i = 0; i < 3; i++) {
    vecd_normalizer norm;
    const vecd_aligned *out;
    json_t *section = parse(forms[i]);
    assert_int_equal(vecd_normalizer_load("t", section, false, &norm, NULL), VECD_OK);
    assert_int_equal(vecd_normalizer_run(&norm, (vecd_span){text, 2 * n + 1}, 0, true, &scratch, &out, NULL), VECD_OK);
    assert_in_range(out->len, 2 * n - 8, 2 * n + 1);
    json_decref(section);
    vecd_normalizer_fini(&norm);
  }
  free(text);
}

/* Sixteen times longer, eight times in a row: stopped before memory is. */
static void test_growth(void **state) {
  (void)state;
  char json[4096];
  size_t n = (size_t)sprintf(json, "{\"type\":\"Sequence\",\"normalizers\":[");
  for (int i = 0; i < 8; i++) n += (size_t)sprintf(json + n, i ? ",%s" : "%s", REPLACE("String", "a", "aaaaaaaaaaaaaaaa"));
  strcpy(json + n, "]}");
  vecd_normalizer norm;
  const vecd_aligned *out;
  vecd_err err = {0};
  json_t *section = parse(json);
  assert_int_equal(vecd_normalizer_load("t", section, false, &norm, NULL), VECD_OK);
  assert_int_equal(vecd_normalizer_run(&norm, VECD_SPAN("aaa"), 0, true, &scratch, &out, &err), VECD_BAD_TEXT);
  assert_non_null(strstr(err.text, "over 65728 bytes"));
  json_decref(section);
  vecd_normalizer_fini(&norm);
}

/* Each "a" becomes 1024 bytes, and 65536 bytes more than 64 times the text's are too many: so 69 are, and 68 are not, be the
 * scratch cold or left with room for far more. */
static void test_growth_warm(void **state) {
  (void)state;
  enum { CONTENT = 1024, MOST_A = 200, MORE = 10000 };
  static const size_t counts[] = {1, 68, 69, 128, MOST_A};
  static char json[CONTENT + 128], text[MOST_A + MORE + 1];
  size_t n = (size_t)sprintf(json, "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"");
  memset(json + n, 'x', CONTENT);
  strcpy(json + n + CONTENT, "\"}");
  memset(text, 'a', MOST_A);
  memset(text + MOST_A, 'b', MORE);
  vecd_normalizer norm;
  const vecd_aligned *out;
  json_t *section = parse(json);
  assert_int_equal(vecd_normalizer_load("t", section, false, &norm, NULL), VECD_OK);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int keep_src = 0; keep_src < 2; keep_src++) {
      vecd_span some = {text, counts[i]};
      vecd_err errs[2] = {0};
      vecd_status want = counts[i] <= 68 ? VECD_OK : VECD_BAD_TEXT;
      vecd_normalizer_scratch_fini(&scratch);
      for (int warm = 0; warm < 2; warm++) {
        assert_int_equal(vecd_normalizer_run(&norm, some, 0, keep_src, &scratch, &out, &errs[warm]), want);
        if (!want) assert_int_equal(out->len, counts[i] * CONTENT);
        if (warm) break;
        assert_int_equal(vecd_normalizer_run(&norm, (vecd_span){text, MOST_A + MORE}, 0, true, &scratch, &out, NULL), VECD_OK);
        assert_int_equal(out->len, MOST_A * CONTENT + MORE);
      }
      assert_string_equal(errs[0].text, errs[1].text);
    }
  json_decref(section);
  vecd_normalizer_fini(&norm);
}

#define RICH                                                                                                                   \
  "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"_\"}," REPLACE("Regex", "a+", "b") "," REPLACE( \
      "String", "c", "dd") ",{\"type\":\"NFKC\"},{\"type\":\"ByteLevel\"},{\"type\":\"NFC\"}]}"

static void test_memory(void **state) {
  (void)state;
  static const char text[] = "aac e\xcc\x81\xcc\xa7\xcc\xa7 \xef\xac\x81 some more text so that buffers grow \xe4\xb8\xad";
  vecd_normalizer_scratch_fini(&scratch);
  json_t *section = parse(RICH);
  size_t before = vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH);
  for (uint64_t n = 1;; n++) {
    assert_true(n < 1000);
    vecd_normalizer norm;
    const vecd_aligned *out;
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_normalizer_load("t", section, false, &norm, NULL);
    bool loaded = !s;
    if (!s) s = vecd_normalizer_run(&norm, VECD_SPAN(text), 0, true, &scratch, &out, NULL);
    vecd_mem_fail_nth(0);
    if (!s) { /* warm */
      uint64_t count = vecd_mem_count();
      assert_int_equal(vecd_normalizer_run(&norm, VECD_SPAN(text), 0, true, &scratch, &out, NULL), VECD_OK);
      assert_int_equal(vecd_mem_count(), count);
    }
    if (loaded) vecd_normalizer_fini(&norm);
    vecd_normalizer_scratch_fini(&scratch);
    assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB) + vecd_mem_bytes(VECD_MEM_SCRATCH), before);
    if (!s && n > 40) break;
    assert_true(!s || s == VECD_NO_MEMORY);
  }
  json_decref(section);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),     cmocka_unit_test(test_precompiled), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_clusters),  cmocka_unit_test(test_growth),      cmocka_unit_test(test_growth_warm),
      cmocka_unit_test(test_long_runs), cmocka_unit_test(test_memory),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  vecd_normalizer_scratch_fini(&scratch);
  return failed;
}
