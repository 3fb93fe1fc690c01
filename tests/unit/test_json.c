/* test_json.c - what the parser takes, what it refuses and where it says the fault lies; typed fields; failing memory. */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fmt/json.h"

static json_t *parse(const char *text) {
  json_t *value = NULL;
  vecd_err err;
  vecd_status s = vecd_json_parse("t", vecd_span_of(text), &value, &err);
  if (s) fail_msg("%s", err.text);
  return value;
}

static void values_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text, *again;
  } cases[] = {
      {"3", "3"},
      {" \t\r\n[ ] ", "[]"},
      {"{}", "{}"},
      {"{\"a\":[1,{\"b\":null}],\"c\":true,\"d\":false}", "{\"a\":[1,{\"b\":null}],\"c\":true,\"d\":false}"},
      {"[0,-0,-1,9223372036854775807,-9223372036854775808]", "[0,0,-1,9223372036854775807,-9223372036854775808]"},
      {"[0.5,-2.5e3,1E2,1e-2]", "[0.5,-2500.0,100.0,0.01]"},
      {"\"\"", "\"\""},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
      {"\"\\u00e9\\uD83D\\ude00\\u0000x\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\u0000x\""},
      {"{\"\\u0061\\n\":{\"k\\\"\":\"v\\t\"}}", "{\"a\\n\":{\"k\\\"\":\"v\\t\"}}"},
      {"\"\x7f\xef\xbf\xbf\"", "\"\x7f\xef\xbf\xbf\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_t *value = parse(cases[i].text);
    char *again = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(again, cases[i].again);
    vecd_free(again); /* from jansson, which counts in this program */
    json_decref(value);
  }
}

static void numbers_are_exact(void **state) {
  (void)state;
  json_t *v = parse("[1000000000000000019884624838656,9223372036854775808,-9223372036854775809,0.1,5e-324,1e-999,"
                    "1.7976931348623157e308,123456789012345678901234567890e-20]");
  static const double expected[] = {
      1e30, 0x1p63, -0x1p63, 0.1, 5e-324, 0, 1.7976931348623157e308, 1234567890.1234567890123456789};
  for (size_t i = 0; i < 8; i++) {
    assert_true(json_is_real(json_array_get(v, i)));
    assert_true(json_real_value(json_array_get(v, i)) == expected[i]);
  }
  json_decref(v);
  if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) { /* where it is installed: a comma must not become the point */
    v = parse("0.5");
    assert_true(json_real_value(v) == 0.5);
    json_decref(v);
    setlocale(LC_NUMERIC, "C");
  }
}

static void faults_are_located(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t pos;
    const char *words; /* in the message */
  } cases[] = {
      {"", 0, "empty"},
      {" \n ", 3, "line 2, column 2: empty"},
      {"\xef\xbb\xbf{}", 0, "byte order mark"},
      {"[\"\xff\"]", 2, "UTF-8"},
      {"[\"\xed\xa0\x80\"]", 2, "UTF-8"},
      {"[\xc3\xa4, \n\xc3\xa4]", 1, "line 1, column 2"},
      {"[\"\xc3\xa4\",\n \"\xc3\xa4\" x]", 13, "line 2, column 6: ',' or ']'"},
      {"{\"a\":1,\"a\":2}", 7, "second time"},
      {"{\"a\":1,\"\\u0061\":2}", 7, "second time"},
      {"{\"a\\u0000\":1}", 1, "\\u0000 in a key"},
      {"{\"a\" 1}", 5, "':' expected"},
      {"{\"a\":1 \"b\":2}", 7, "',' or '}'"},
      {"{\"a\":1,}", 7, "key"},
      {"{a:1}", 1, "key"},
      {"{", 1, "key"},
      {"[1,]", 3, "value expected"},
      {"[1 2]", 3, "',' or ']'"},
      {"[", 1, "value is expected"},
      {"[1,", 3, "value is expected"},
      {"[1]x", 3, "follows the end"},
      {"[1][2]", 3, "follows the end"},
      {"01", 0, "leading zero"},
      {"-", 0, "digits"},
      {"[1.]", 1, "point"},
      {"[1e]", 1, "exponent"},
      {"[1e+]", 1, "exponent"},
      {"+1", 0, "value expected"},
      {".5", 0, "value expected"},
      {"1e999", 0, "too large"},
      {"NaN", 0, "value expected"},
      {"Infinity", 0, "value expected"},
      {"nul", 0, "unknown word"},
      {"True", 0, "value expected"},
      {"'a'", 0, "value expected"},
      {"\"abc", 0, "without end"},
      {"\"abc\\", 0, "without end"},
      {"\"a\nb\"", 2, "control character"},
      {"\"a\\x\"", 2, "unknown escape"},
      {"\"\\u12g4\"", 1, "four hexadecimal"},
      {"\"\\u12", 1, "four hexadecimal"},
      {"\"\\ud800\"", 1, "surrogate"},
      {"\"\\udc00\"", 1, "surrogate"},
      {"\"\\ud800\\u0041\"", 1, "surrogate"},
      {"\"\\ud800\\n\"", 1, "surrogate"},
      {"/* c */ 1", 0, "value expected"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_t *value = NULL;
    vecd_err err;
    assert_int_equal(vecd_json_parse("name", vecd_span_of(cases[i].text), &value, &err), VECD_BAD_SYNTAX);
    assert_null(value);
    if (err.pos != cases[i].pos || !strstr(err.text, cases[i].words) || strncmp(err.text, "name: line ", 11) != 0)
      fail_msg("case %zu, pos %zu: %s", i, err.pos, err.text);
    assert_int_equal(vecd_json_parse("name", vecd_span_of(cases[i].text), &value, NULL), VECD_BAD_SYNTAX);
  }
  json_t *value;
  vecd_err err;
  assert_int_equal(vecd_json_parse("t", (vecd_span){"[1]\0", 4}, &value, &err), VECD_BAD_SYNTAX);
  assert_int_equal(err.pos, 3);
  assert_int_equal(vecd_json_parse("t", (vecd_span){NULL, 0}, &value, &err), VECD_BAD_SYNTAX);
  assert_int_equal(vecd_json_parse("t", (vecd_span){"\"\\\0\"", 4}, &value, &err), VECD_BAD_SYNTAX);
}

/* Parses `depth` nested arrays or objects. */
static vecd_status nest(size_t depth, bool objects) {
  vecd_buf text = {0};
  for (size_t i = 0; i < depth; i++) vecd_buf_append_str(&text, objects ? "{\"key\":" : "[");
  vecd_buf_append_str(&text, "0");
  for (size_t i = 0; i < depth; i++) vecd_buf_append_char(&text, objects ? '}' : ']');
  json_t *value = NULL;
  vecd_status s = vecd_json_parse("t", (vecd_span){text.ptr, text.len}, &value, NULL);
  json_decref(value);
  vecd_buf_fini(&text);
  return s;
}

static void *nest_on_small_stack(void *result) {
  *(bool *)result = nest(128, true) == VECD_OK && nest(128, false) == VECD_OK && nest(129, true) == VECD_BAD_SYNTAX &&
                    nest(1000000, false) == VECD_BAD_SYNTAX;
  return NULL;
}

static void nesting_is_bounded(void **state) {
  (void)state;
  pthread_attr_t attr;
  pthread_t thread;
  bool good = false;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 256 << 10);
  assert_int_equal(pthread_create(&thread, &attr, nest_on_small_stack, &good), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
  assert_true(good);
}

static void the_number_of_values_is_bounded(void **state) {
  (void)state;
  json_t *value = NULL;
  vecd_err err;
  assert_int_equal(vecd_json_parse_most("t", VECD_SPAN("[1,[],{\"a\":2}]"), 5, &value, &err), VECD_OK);
  json_decref(value);
  assert_int_equal(vecd_json_parse_most("t", VECD_SPAN("[1,[],{\"a\":2}]"), 4, &value, &err), VECD_BAD_SYNTAX);
  assert_non_null(strstr(err.text, "too many values"));
  assert_int_equal(vecd_json_parse_most("t", VECD_SPAN("1"), 0, &value, &err), VECD_BAD_SYNTAX);
  char *digits = malloc(100001);
  memset(digits, '1', 100000);
  digits[100000] = '\0';
  assert_int_equal(vecd_json_parse("t", vecd_span_of(digits), &value, &err), VECD_BAD_SYNTAX);
  assert_non_null(strstr(err.text, "too long"));
  free(digits);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  const char *text =
      "{\"a\\n\":[1,2.5,\"x\\ty\",\"plain\",{\"b\":{\"c\":[[],{},true,null]}}],\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,"
      "\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"long\\u0041\":\"123456789012345678901234567890"
      "1234567890123456789012345678901234567890123456789012345678901234567890\\n\",\"m\":1e30}";
  size_t before = vecd_mem_total_bytes();
  uint64_t n = 1;
  for (;; n++) {
    json_t *value = NULL;
    vecd_err err = {VECD_OK, 0, ""};
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_json_parse("t", vecd_span_of(text), &value, &err);
    vecd_mem_fail_nth(0);
    json_decref(value);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (s == VECD_OK) break;
    assert_int_equal(s, VECD_NO_MEMORY);
    assert_int_equal(err.code, VECD_NO_MEMORY);
  }
  assert_true(n > 40); /* jansson's allocations are counted too */
}

static void fields_are_typed_and_ranged(void **state) {
  (void)state;
  json_t *o =
      parse("{\"n\":7,\"r\":0.5,\"b\":true,\"s\":\"x\\u0000y\",\"z\":null,\"big\":5000000000,\"neg\":-1,\"huge\":1e30}");
  unsigned u = 42;
  double d = 42;
  bool b = false;
  vecd_span s = {NULL, 0};
  vecd_err e;
  assert_int_equal(vecd_json_get_uint(o, "f", "n", VECD_JSON_REQUIRED, 7, 7, &u, &e), VECD_OK);
  assert_int_equal(u, 7);
  assert_int_equal(vecd_json_get_real(o, "f", "n", VECD_JSON_REQUIRED, 0, 10, &d, &e), VECD_OK);
  assert_true(d == 7);
  assert_int_equal(vecd_json_get_real(o, "f", "r", VECD_JSON_REQUIRED, 0, 1, &d, &e), VECD_OK);
  assert_true(d == 0.5);
  assert_int_equal(vecd_json_get_bool(o, "f", "b", VECD_JSON_REQUIRED, &b, &e), VECD_OK);
  assert_true(b);
  assert_int_equal(vecd_json_get_string(o, "f", "s", VECD_JSON_REQUIRED, &s, &e), VECD_OK);
  assert_int_equal(s.len, 3);
  assert_memory_equal(s.ptr, "x\0y", 3);

  u = 42;
  assert_int_equal(vecd_json_get_uint(o, "f", "none", VECD_JSON_OPTIONAL, 0, 9, &u, &e), VECD_OK);
  assert_int_equal(vecd_json_get_uint(o, "f", "z", VECD_JSON_OPTIONAL, 0, 9, &u, &e), VECD_OK);
  assert_int_equal(u, 42);
  assert_int_equal(vecd_json_get_uint(o, "f", "none", VECD_JSON_REQUIRED, 0, 9, &u, &e), VECD_BAD_MODEL);
  assert_string_equal(e.text, "f: field \"none\" is missing");
  assert_int_equal(vecd_json_get_uint(o, "f", "z", VECD_JSON_REQUIRED, 0, 9, &u, &e), VECD_BAD_MODEL);
  assert_string_equal(e.text, "f: field \"z\" is null");
  assert_int_equal(vecd_json_get_uint(o, "f", "n", VECD_JSON_REQUIRED, 8, 9, &u, &e), VECD_BAD_MODEL);
  assert_string_equal(e.text, "f: field \"n\" is 7, must be an integer from 8 to 9");
  assert_int_equal(vecd_json_get_uint(o, "f", "neg", VECD_JSON_REQUIRED, 0, UINT32_MAX, &u, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_uint(o, "f", "big", VECD_JSON_REQUIRED, 0, UINT32_MAX, &u, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_uint(o, "f", "huge", VECD_JSON_REQUIRED, 0, UINT32_MAX, &u, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_uint(o, "f", "r", VECD_JSON_REQUIRED, 0, 9, &u, &e), VECD_BAD_MODEL);
  assert_string_equal(e.text, "f: field \"r\" is of type real, must be an integer from 0 to 9");
  assert_int_equal(vecd_json_get_real(o, "f", "r", VECD_JSON_REQUIRED, 0.75, 1, &d, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_real(o, "f", "s", VECD_JSON_REQUIRED, 0, 1, &d, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_bool(o, "f", "n", VECD_JSON_OPTIONAL, &b, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_string(o, "f", "n", VECD_JSON_OPTIONAL, &s, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_string(json_object_get(o, "n"), "f", "k", VECD_JSON_OPTIONAL, &s, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_get_string(NULL, "f", "k", VECD_JSON_OPTIONAL, &s, NULL), VECD_BAD_MODEL);
  assert_int_equal(u, 42);
  json_decref(o);
  assert_string_equal(vecd_json_type_name(NULL), "nothing");
}

static void files_are_parsed(void **state) {
  (void)state;
  char path[] = "/tmp/vecd-test-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *f = fdopen(fd, "w");
  fputs("{\"a\": oops}", f);
  fclose(f);
  json_t *value = NULL;
  vecd_err e;
  assert_int_equal(vecd_json_read(path, 100, &value, &e), VECD_BAD_MODEL);
  assert_int_equal(e.code, VECD_BAD_MODEL);
  assert_true(strncmp(e.text, path, strlen(path)) == 0 && strstr(e.text, "line 1, column 7"));
  assert_int_equal(vecd_json_read(path, 5, &value, &e), VECD_BAD_MODEL);
  assert_int_equal(vecd_json_read("/tmp", 5, &value, &e), VECD_IO);
  remove(path);
  assert_int_equal(vecd_json_read(path, 5, &value, &e), VECD_NOT_FOUND);
}

/* Pairs of a number and what serde_json 1.0 makes of it, which is not always the nearest double. */
static void numbers_are_like_serde(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } numbers[] = {{"-15.774467468261719", -15.77446746826172},
                 {"-1.8771917819976807", -1.8771917819976809},
                 {"-9.87654321098765432109876543210", -9.876543210987656},
                 {"0.1", 0.1},
                 {"-2.5E+3", -2500},
                 {"1e-5", 1e-5},
                 {"12345678901234567890123", 1.2345678901234568e22},
                 {"18446744073709551616", 18446744073709551616.0},
                 {"123456789012345678901.5e1", 1.2345678901234568e21},
                 {"1.7976931348623157e308", 1.7976931348623157e308},
                 {"0e999999999999", 0},
                 {"1e-400", 0},
                 {"5e-324", 5e-324}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    json_t *value = NULL;
    vecd_err err = {0};
    if (vecd_json_parse_like_serde("t", vecd_span_of(numbers[i].text), &value, &err)) fail_msg("%s", err.text);
    if (json_real_value(value) != numbers[i].value)
      fail_msg("%s is %.17g, not %.17g", numbers[i].text, json_real_value(value), numbers[i].value);
    json_decref(value);
  }
  static const char *const refused[] = {"1e309", "-1e999999999999", "1.8e308", "999999999999999999999e300"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    json_t *value = NULL;
    assert_int_equal(vecd_json_parse_like_serde("t", vecd_span_of(refused[i]), &value, NULL), VECD_BAD_SYNTAX);
    assert_null(value);
  }
}

int main(void) {
  vecd_json_count_memory();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_read),
      cmocka_unit_test(numbers_are_exact),
      cmocka_unit_test(faults_are_located),
      cmocka_unit_test(nesting_is_bounded),
      cmocka_unit_test(the_number_of_values_is_bounded),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(fields_are_typed_and_ranged),
      cmocka_unit_test(files_are_parsed),
      cmocka_unit_test(numbers_are_like_serde),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
