/* test_api.c - the API room's pure functions: what is parsed, what is refused and with which words, what is printed, which route
 * a path has. The server they make together is in test_api_server.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/admission.h"
#include "api/json_print.h"
#include "api/native.h"
#include "api/once.h"
#include "fmt/json.h"

/* ---- printing ---- */

static void strings_are_escaped(void **state) {
  (void)state;
  const struct {
    vecd_span text;
    const char *json;
  } cases[] = {
      {VECD_SPAN(""), "\"\""},
      {VECD_SPAN("a \"b\" \\ /"), "\"a \\\"b\\\" \\\\ /\""},
      {VECD_SPAN("\n\t\0\x1f\x7f"), "\"\\u000a\\u0009\\u0000\\u001f\x7f\""},
      {VECD_SPAN("\xc3\xa9\xf0\x9f\x99\x82"), "\"\xc3\xa9\xf0\x9f\x99\x82\""},
      {VECD_SPAN("a\xff\"\xc3"), "\"a\xef\xbf\xbd\\\"\xef\xbf\xbd\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_buf buf = {.tag = VECD_MEM_MISC};
    vecd_print_string(&buf, cases[i].text);
    assert_string_equal(vecd_buf_cstr(&buf), cases[i].json);
    vecd_buf_fini(&buf);
  }
  vecd_buf buf = {.tag = VECD_MEM_MISC};
  vecd_print_str(&buf, NULL);
  vecd_print_uint(&buf, 0);
  vecd_print_uint(&buf, UINT64_MAX);
  vecd_print_uint_or_null(&buf, 0);
  assert_string_equal(vecd_buf_cstr(&buf), "null018446744073709551615null");
  vecd_buf_fini(&buf);
}

/* Finite ones of all bits. */
static void fill_random(float *values, size_t n, uint32_t x) {
  for (size_t i = 0; i < n; i++) {
    do {
      x = x * 1664525u + 1013904223u;
      memcpy(&values[i], &x, sizeof x);
    } while (!isfinite(values[i]));
  }
}

static void floats_read_back(void **state) {
  (void)state;
  enum { N = 5000 };
  static float values[N];
  fill_random(values, N, 12345);
  vecd_buf buf = {.tag = VECD_MEM_MISC};
  assert_true(vecd_print_floats(&buf, values, N));
  const char *p = vecd_buf_cstr(&buf);
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(*p, i ? ',' : '[');
    char *end;
    float back = strtof(p + 1, &end);
    assert_memory_equal(&back, &values[i], sizeof back);
    p = end;
  }
  assert_string_equal(p, "]");
  buf.len = 0;
  assert_true(vecd_print_floats(&buf, values, 0));
  assert_true(vecd_print_floats(&buf, (float[]){0.1f, -0.0f, 3}, 3));
  assert_string_equal(vecd_buf_cstr(&buf), "[][0.1,-0.0,3.0]");
  assert_false(vecd_print_floats(&buf, (float[]){1, NAN}, 2));
  assert_false(vecd_print_floats(&buf, (float[]){-INFINITY}, 1));
  vecd_buf_fini(&buf);
}

/* The alphabet in its order, every length of the last group, and values of all bits. */
static void base64_is_of_the_bytes(void **state) {
  (void)state;
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  enum { N = 300 };
  float values[N];
  fill_random(values, N, 1);
  vecd_buf buf = {.tag = VECD_MEM_MISC};
  for (size_t n = 0; n <= N; n++) {
    unsigned char bytes[N * 4 + 3] = {0};
    size_t n_bytes = n * 4, n_digits = (n_bytes + 2) / 3 * 4;
    if (n) memcpy(bytes, values, n_bytes);
    buf.len = 0;
    assert_true(vecd_print_floats_base64(&buf, values, n));
    assert_int_equal(buf.len, n_digits + 2);
    assert_true(buf.ptr[0] == '"' && buf.ptr[n_digits + 1] == '"');
    for (size_t i = 0; i < n_digits; i++) {
      size_t bit = i * 6;
      unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
      char digit = digits[two >> (10 - bit % 8) & 63];
      assert_int_equal(buf.ptr[i + 1], bit >= n_bytes * 8 ? '=' : digit);
    }
  }
  buf.len = 0;
  assert_false(vecd_print_floats_base64(&buf, (float[]){1, NAN}, 2));
  assert_false(vecd_print_floats_base64(&buf, (float[]){-INFINITY}, 1));
  assert_int_equal(buf.len, 0);
  vecd_buf_fini(&buf);
}

/* ---- the native dialect ---- */

static const vecd_embed_limits limits = {.max_texts = 4, .max_text_bytes = 10, .max_prompts_bytes = 27};

static vecd_status parse(vecd_span body, vecd_arena *arena, vecd_embed_request *out, vecd_err *err) {
  *out = (vecd_embed_request){0};
  return vecd_native_dialect.parse(&limits, body, arena, out, err);
}

static void good_requests_are_parsed(void **state) {
  (void)state;
  vecd_arena arena = {.tag = VECD_MEM_REQUEST};
  vecd_embed_request r;
  vecd_err err;
  assert_int_equal(parse(VECD_SPAN(" {\"texts\":[\"a\\u0000b\",\"\",\"\\u00e9\"],\"model\":\"m/x\"}\n"), &arena, &r, &err),
                   VECD_OK);
  assert_int_equal(r.n_items, 3);
  assert_true(vecd_span_eq(r.items[0].text, VECD_SPAN("a\0b")));
  assert_int_equal(r.items[1].text.len, 0);
  assert_true(vecd_span_eq(r.items[2].text, VECD_SPAN("\xc3\xa9")));
  assert_int_equal(r.items[0].flags, 0);
  assert_null(r.items[0].ids);
  assert_string_equal(r.model_id, "m/x");
  json_decref(r.body);
  assert_int_equal(parse(VECD_SPAN("{\"model\":null,\"other\":null,\"texts\":[\"1234567890\"]}"), &arena, &r, &err), VECD_OK);
  assert_null(r.model_id);
  json_decref(r.body);
  vecd_arena_fini(&arena);
}

/* What the fields beside texts and model make of a job's options. */
static void options_are_parsed(void **state) {
  (void)state;
  static const struct {
    const char *fields;
    unsigned flags, dimensions;
    const char *pooling, *prompt, *prompt_name;
    bool base64;
  } cases[] = {
      {"\"truncate\":true", 0, 0, NULL, NULL, NULL, false},
      {"\"truncate\":false", VECD_NO_TRUNCATE, 0, NULL, NULL, NULL, false},
      {"\"normalize\":true,\"truncate\":false", VECD_NO_TRUNCATE | VECD_NORMALIZE, 0, NULL, NULL, NULL, false},
      {"\"normalize\":false", VECD_RAW, 0, NULL, NULL, NULL, false},
      {"\"dimensions\":1", 0, 1, NULL, NULL, NULL, false},
      {"\"dimensions\":2147483647", 0, 2147483647, NULL, NULL, NULL, false},
      {"\"dimensions\":256.0", 0, 256, NULL, NULL, NULL, false},
      {"\"pooling\":\"cls\"", 0, 0, "cls", NULL, NULL, false},
      {"\"pooling\":\"max\"", 0, 0, "max", NULL, NULL, false},
      {"\"pooling\":\"mean\"", 0, 0, "mean", NULL, NULL, false},
      {"\"pooling\":\"mean_sqrt_len_tokens\"", 0, 0, "mean_sqrt_len_tokens", NULL, NULL, false},
      {"\"pooling\":\"weightedmean\"", 0, 0, "weightedmean", NULL, NULL, false},
      {"\"pooling\":\"lasttoken\"", 0, 0, "lasttoken", NULL, NULL, false},
      {"\"pooling\":\"last_token\"", 0, 0, "lasttoken", NULL, NULL, false},
      {"\"pooling\":\"weighted_mean\"", 0, 0, "weightedmean", NULL, NULL, false},
      {"\"prompt\":\"\"", 0, 0, NULL, "", NULL, false},
      {"\"prompt\":\"query: \"", 0, 0, NULL, "query: ", NULL, false},
      {"\"prompt_name\":\"query\",\"prompt\":null", 0, 0, NULL, NULL, "query", false},
      {"\"encoding_format\":\"float\"", 0, 0, NULL, NULL, NULL, false},
      {"\"encoding_format\":\"base64\"", 0, 0, NULL, NULL, NULL, true},
      {"\"truncate\":null,\"normalize\":null,\"dimensions\":null,\"pooling\":null,\"prompt\":null,\"prompt_name\":null,"
       "\"encoding_format\":null",
       0, 0, NULL, NULL, NULL, false},
  };
  vecd_arena arena = {.tag = VECD_MEM_REQUEST};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char body[256];
    snprintf(body, sizeof body, "{\"texts\":[\"a\"],%s}", cases[i].fields);
    vecd_embed_request r;
    vecd_err err;
    if (parse(vecd_span_of(body), &arena, &r, &err)) fail_msg("%s: %s", body, err.text);
    assert_int_equal(r.options.flags, cases[i].flags);
    assert_int_equal(r.options.dimensions, cases[i].dimensions);
    assert_int_equal(!r.options.pooling, !cases[i].pooling);
    if (cases[i].pooling) assert_string_equal(r.options.pooling, cases[i].pooling);
    assert_int_equal(r.base64, cases[i].base64);
    assert_int_equal(!r.options.prompt, !cases[i].prompt);
    if (cases[i].prompt) assert_true(vecd_span_eq(*r.options.prompt, vecd_span_of(cases[i].prompt)));
    assert_int_equal(!r.options.prompt_name, !cases[i].prompt_name);
    if (cases[i].prompt_name) assert_string_equal(r.options.prompt_name, cases[i].prompt_name);
    json_decref(r.body);
  }
  vecd_arena_fini(&arena);
}

#define KNOWN        "texts, model, truncate, normalize, dimensions, pooling, prompt, prompt_name, encoding_format"
#define POOLS        "cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken"
#define WITH(fields) VECD_SPAN("{\"texts\":[\"a\"]," fields "}")

static void bad_requests_say_what_is_wrong(void **state) {
  (void)state;
  const struct {
    vecd_span body;
    int http;
    const char *text;
  } cases[] = {
      {VECD_SPAN(""), 400, "request body: line 1, column 1: empty, a JSON value expected"},
      {VECD_SPAN("{\n \"texts\": [nope]\n}"), 400, "request body: line 2, column 12: unknown word"},
      {VECD_SPAN("{\"texts\":[\"a\"],\"texts\":[]}"), 400,
       "request body: line 1, column 16: this key stands here a second time"},
      {VECD_SPAN("{\"texts\":[\"\xff\"]}"), 400, "request body: line 1, column 12: not valid UTF-8"},
      {VECD_SPAN("[]"), 400, "request body: must be a JSON object, is an array"},
      {VECD_SPAN("null"), 400, "request body: must be a JSON object, is null"},
      {VECD_SPAN("1.5"), 400, "request body: must be a JSON object, is a real number"},
      {VECD_SPAN("true"), 400, "request body: must be a JSON object, is a boolean"},
      {VECD_SPAN("{}"), 400, "texts: is missing; it must be an array of strings"},
      {VECD_SPAN("{\"texts\":null}"), 400, "texts: is missing; it must be an array of strings"},
      {VECD_SPAN("{\"text\":[\"a\"]}"), 400,
       "texts: is missing; it must be an array of strings (there is an unknown field \"text\")"},
      {VECD_SPAN("{\"texts\":\"a\"}"), 400, "texts: must be an array of strings, is a string"},
      {VECD_SPAN("{\"texts\":{}}"), 400, "texts: must be an array of strings, is an object"},
      {VECD_SPAN("{\"texts\":[]}"), 400, "texts: is empty; give at least one text"},
      {VECD_SPAN("{\"texts\":[\"a\",1]}"), 400, "texts[1]: must be a string, is an integer"},
      {VECD_SPAN("{\"texts\":[null]}"), 400, "texts[0]: must be a string, is null"},
      {VECD_SPAN("{\"texts\":[\"a\",[\"b\"]]}"), 400, "texts[1]: must be a string, is an array"},
      {VECD_SPAN("{\"texts\":[\"\",\"\",\"\",\"\",\"\"]}"), 422,
       "texts: has 5 texts, at most 4 are taken in one request (--max-texts)"},
      {VECD_SPAN("{\"texts\":[\"12345678901\"]}"), 422,
       "texts[0]: has 11 bytes, at most 10 are taken in one text (--max-text-bytes)"},
      {VECD_SPAN("{\"texts\":[\"\",\"\",\"\",\"\"],\"prompt\":\"query: \"}"), 422,
       "prompt: 7 bytes before each of 4 texts are more than the 27 that a body may have (--max-body); send fewer texts at a "
       "time"},
      {VECD_SPAN("{\"texts\":[\"a\"],\"model\":1}"), 400, "model: must be a string, is an integer"},
      {VECD_SPAN("{\"texts\":[\"a\"],\"model\":\"m\\u0000n\"}"), 404, "Model not found: m?"},
      {VECD_SPAN("{\"texts\":[\"a\"],\"modle\":\"m\"}"), 422, "modle: unknown field; known are " KNOWN},
      {VECD_SPAN("{\"texts\":[\"a\"],\"\\u001b[1m\":0}"), 422, "?[1m: unknown field; known are " KNOWN},
  };
  vecd_arena arena = {.tag = VECD_MEM_REQUEST};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_embed_request r;
    vecd_err err;
    vecd_status s = parse(cases[i].body, &arena, &r, &err);
    assert_string_equal(err.text, cases[i].text);
    assert_int_equal(err.code, s);
    assert_int_equal(vecd_status_http(s), cases[i].http);
    json_decref(r.body);
  }
  /* Many values: refused before they cost memory. */
  vecd_buf body = {.tag = VECD_MEM_MISC};
  vecd_buf_append_str(&body, "{\"texts\":[\"a\"],\"x\":[");
  for (size_t i = 0; i < 2000; i++) vecd_buf_append_str(&body, "[],");
  vecd_buf_append_str(&body, "[]]}");
  vecd_embed_request r;
  vecd_err err;
  assert_int_equal(parse((vecd_span){body.ptr, body.len}, &arena, &r, &err), VECD_BAD_SYNTAX);
  assert_non_null(strstr(err.text, "too many values"));
  assert_null(r.body);
  vecd_buf_fini(&body);
  vecd_arena_fini(&arena);
}

static void replies_are_printed(void **state) {
  (void)state;
  static const float vectors[] = {0.5f, -1, 2, 1e-10f, 0, 0.1f};
  const vecd_item items[] = {{.n_tokens = 5, .n_untruncated = 5}, {.n_tokens = 7, .n_untruncated = 8}};
  vecd_embed_reply r = {"org/m\"", "m\"", vectors, 2, 3, items, 12, false};
  vecd_buf out = {.tag = VECD_MEM_MISC};
  vecd_native_dialect.put_head(&out, &r);
  assert_true(vecd_native_dialect.put_vector(&out, &r, 0));
  assert_true(vecd_native_dialect.put_vector(&out, &r, 1));
  vecd_native_dialect.put_tail(&out, &r);
  assert_string_equal(vecd_buf_cstr(&out), "{\"embeddings\":[[0.5,-1.0,2.0],[1e-10,0.0,0.1]],\"model\":{\"id\":\"org/m\\\"\","
                                           "\"name\":\"m\\\"\",\"dimension\":3},\"usage\":{\"prompt_tokens\":12,"
                                           "\"total_tokens\":12},\"truncated\":[1]}");
  out.len = 0;
  r.base64 = true;
  assert_true(vecd_native_dialect.put_vector(&out, &r, 0));
  assert_true(vecd_native_dialect.put_vector(&out, &r, 1));
  assert_string_equal(vecd_buf_cstr(&out), "\"AAAAPwAAgL8AAABA\",\"/+bbLgAAAADNzMw9\"");
  vecd_buf_fini(&out);
}

static void print(void (*how)(vecd_buf *, double), double x, const char *expected) {
  vecd_buf out = {.tag = VECD_MEM_MISC};
  how(&out, x);
  assert_string_equal(vecd_buf_cstr(&out), expected);
  vecd_buf_fini(&out);
}

static void numbers_and_values_are_printed(void **state) {
  (void)state;
  static const struct {
    double x;
    const char *text;
  } cases[] = {{0, "null"},      {90, "90"},         {100, "100"},  {22.5, "22.5"},
               {11.25, "11.25"}, {90.868, "90.868"}, {0.0001, "0"}, {1e9, "1000000000"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) print(vecd_print_number_or_null, cases[i].x, cases[i].text);
  static const char text[] = "{\"a\":[\"b\\n\",{}],\"c\\\"\":\"\\u0000d\"}";
  json_t *value = NULL;
  assert_int_equal(vecd_json_parse("test", vecd_span_of(text), &value, NULL), VECD_OK);
  vecd_buf out = {.tag = VECD_MEM_MISC};
  vecd_print_json(&out, value);
  vecd_print_json(&out, NULL);
  assert_string_equal(vecd_buf_cstr(&out), "{\"a\":[\"b\\u000a\",{}],\"c\\\"\":\"\\u0000d\"}null");
  json_decref(value);
  vecd_buf_fini(&out);
}

/* ---- what requests may take ---- */

static void promises_are_kept_below_the_limit(void **state) {
  (void)state;
  size_t before = vecd_mem_bytes(VECD_MEM_REQUEST) + vecd_mem_bytes(VECD_MEM_HTTP);
  vecd_admission a = {.most_bytes = before + 1000};
  assert_int_equal(vecd_admission_left(&a), 1000);
  assert_true(vecd_admission_take(&a, 600));
  assert_false(vecd_admission_take(&a, 401));
  assert_int_equal(vecd_admission_left(&a), 400);
  void *measured = vecd_alloc(VECD_MEM_REQUEST, 300), *more = vecd_alloc(VECD_MEM_HTTP, 200);
  assert_int_equal(vecd_admission_left(&a), 0);
  assert_false(vecd_admission_take(&a, 1));
  assert_true(vecd_admission_take(&a, 0));
  vecd_free(more);
  assert_true(vecd_admission_take(&a, 100));
  vecd_admission_give(&a, 700);
  vecd_free(measured);
  assert_int_equal(vecd_admission_left(&a), 1000);
}

static void a_name_is_new_once(void **state) {
  (void)state;
  static const char a[] = "a", b[] = "a"; /* told by address */
  vecd_once_set set;
  vecd_once_init(&set);
  assert_true(vecd_once(&set, a));
  assert_true(vecd_once(&set, b));
  assert_false(vecd_once(&set, a));
  assert_false(vecd_once(&set, b));
  vecd_once_fini(&set);
}

/* ---- routes ---- */

static void routes_are_found(void **state) {
  (void)state;
  static const struct {
    vecd_http_method method;
    const char *path, *route, *rest, *allow; /* route NULL: none */
  } cases[] = {
      {VECD_HTTP_GET, "/", "/", "", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_HEAD, "/", "/", "", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_POST, "/api/v1/embed", "/api/v1/embed", "", "POST, OPTIONS"},
      {VECD_HTTP_GET, "/api/v1/embed", NULL, "", "POST, OPTIONS"},
      {VECD_HTTP_HEAD, "/api/v1/embed", NULL, "", "POST, OPTIONS"},
      {VECD_HTTP_OPTIONS, "/api/v1/embed", NULL, "", "POST, OPTIONS"},
      {VECD_HTTP_GET, "/api/v1/models", "/api/v1/models", "", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_GET, "/api/v1/models/", NULL, "", ""},
      {VECD_HTTP_GET, "/api/v1/models/a", "/api/v1/models/{id}", "a", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_GET, "/api/v1/models/a/b%2fc", "/api/v1/models/{id}", "a/b%2fc", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_DELETE, "/api/v1/models/a", NULL, "", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_GET, "/api/v1/modelsx", NULL, "", ""},
      {VECD_HTTP_GET, "/health/live", "/health/live", "", "GET, HEAD, OPTIONS"},
      {VECD_HTTP_GET, "/%68ealth/live", NULL, "", ""},
      {VECD_HTTP_OPTIONS, "*", NULL, "", "GET, HEAD, POST, OPTIONS"},
      {VECD_HTTP_GET, "", NULL, "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_route_match m;
    vecd_route_find(cases[i].method, vecd_span_of(cases[i].path), &m);
    assert_string_equal(m.route ? m.route->path : "none", cases[i].route ? cases[i].route : "none");
    if (m.route) assert_true(vecd_span_eq(m.rest, vecd_span_of(cases[i].rest)));
    assert_string_equal(m.allow, cases[i].allow);
  }
}

static void content_types_are_told_apart(void **state) {
  (void)state;
  static const char *const good[] = {
      "application/json",  "Application/JSON",    "application/json; charset=utf-8", "application/json;charset=\"UTF-8\" ; x=y",
      "application/json;", "application/json ; a"};
  static const char *const bad[] = {"",
                                    "text/plain",
                                    "application/jsonx",
                                    "application/json, text/plain",
                                    "application",
                                    "application/json; charset=latin1",
                                    "application/json;charset=",
                                    ";application/json"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    if (!vecd_content_type_is_json(vecd_span_of(good[i]))) fail_msg("%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (vecd_content_type_is_json(vecd_span_of(bad[i]))) fail_msg("%s", bad[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(floats_read_back),
      cmocka_unit_test(base64_is_of_the_bytes),
      cmocka_unit_test(options_are_parsed),
      cmocka_unit_test(good_requests_are_parsed),
      cmocka_unit_test(bad_requests_say_what_is_wrong),
      cmocka_unit_test(replies_are_printed),
      cmocka_unit_test(routes_are_found),
      cmocka_unit_test(content_types_are_told_apart),
      cmocka_unit_test(promises_are_kept_below_the_limit),
      cmocka_unit_test(a_name_is_new_once),
      cmocka_unit_test(content_types_are_told_apart),
      cmocka_unit_test(numbers_and_values_are_printed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
