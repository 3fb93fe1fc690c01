/* test_trace.c - request ids and traceparent: what is taken, what is ignored, and that ids differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/trace.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"
#define ZEROS "00000000000000000000000000000000"

static void traceparent_is_read_strictly(void **state) {
  (void)state;
  static const struct {
    const char *value;
    bool valid;
  } cases[] = {
      {"00-" TRACE "-" SPAN "-01", true},
      {"00-" TRACE "-" SPAN "-00", true},
      {"00-" TRACE "-" SPAN "-ff", true}, /* unknown flags are for others */
      {"cc-" TRACE "-" SPAN "-01", true},
      {"cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", true},
      {"cc-" TRACE "-" SPAN "-01-", true},
      {"cc-" TRACE "-" SPAN "-01.x", false},
      {"cc-" TRACE "-" SPAN "-012", false},
      {"00-" TRACE "-" SPAN "-01-x", false},
      {"00-" TRACE "-" SPAN "-01-", false},
      {"00-" TRACE "-" SPAN "-1", false},
      {"00-" TRACE "-" SPAN "-", false},
      {"00-" TRACE "-" SPAN, false},
      {"00-" TRACE "-" SPAN "-.0", false},
      {"00-" TRACE "-" SPAN "-0G", false},
      {"ff-" TRACE "-" SPAN "-01", false},
      {"FF-" TRACE "-" SPAN "-01", false},
      {"0-" TRACE "-" SPAN "-01", false},
      {".0-" TRACE "-" SPAN "-01", false},
      {"000-" TRACE "-" SPAN "-01", false},
      {"00-" ZEROS "-" SPAN "-01", false},
      {"00-" TRACE "-0000000000000000-01", false},
      {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false},
      {"00-" TRACE "-B7AD6B7169203331-01", false},
      {"00-.af7651916cd43dd8448eb211c80319c-" SPAN "-01", false},
      {"00-" TRACE "_" SPAN "-01", false},
      {"00_" TRACE "-" SPAN "-01", false},
      {"00-" TRACE "-" SPAN "_01", false},
      {"00-0" TRACE "-" SPAN "-01", false},
      {"", false},
      {"00", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_trace trace = {.trace_id = "before", .span_id = "too"};
    if (vecd_trace_parse_parent(vecd_span_of(cases[i].value), &trace) != cases[i].valid) fail_msg("%s", cases[i].value);
    assert_string_equal(trace.trace_id, cases[i].valid ? TRACE : "before");
    assert_string_equal(trace.span_id, cases[i].valid ? SPAN : "too");
  }
}

static void begin(vecd_trace_source *source, const vecd_http_header *headers, size_t n, vecd_trace *out) {
  vecd_http_request req = {.headers = headers, .n_headers = n};
  vecd_trace_begin(source, &req, out);
}

static bool is_made(const char *id) { return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32; }

static void ids_are_taken_or_made(void **state) {
  (void)state;
  vecd_trace_source source;
  vecd_trace trace;
  char longest[VECD_TRACE_ID_BYTES + 2];
  memset(longest, '~', sizeof longest);
  vecd_trace_source_init(&source);
  static const char *const taken[] = {"1", "a b", "client/7:\"x\"", "00000000-0000-4000-8000-000000000000"};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
    vecd_http_header headers[] = {{VECD_SPAN("x-request-ID"), vecd_span_of(taken[i])},
                                  {VECD_SPAN("X-Request-Id"), VECD_SPAN("second")}};
    begin(&source, headers, 2, &trace);
    assert_string_equal(trace.request_id, taken[i]);
    assert_string_equal(trace.trace_id, "");
  }
  vecd_http_header most = {VECD_SPAN("X-Request-Id"), {longest, VECD_TRACE_ID_BYTES}};
  begin(&source, &most, 1, &trace);
  assert_int_equal(strlen(trace.request_id), VECD_TRACE_ID_BYTES);
  const vecd_span refused[] = {
      VECD_SPAN(""), VECD_SPAN("a\tb"), VECD_SPAN("caf\xc3\xa9"), VECD_SPAN("a\x7f"), {longest, VECD_TRACE_ID_BYTES + 1}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    vecd_http_header header = {VECD_SPAN("X-Request-Id"), refused[i]};
    begin(&source, &header, 1, &trace);
    assert_true(is_made(trace.request_id));
  }
}

static void the_caller_s_trace_is_known(void **state) {
  (void)state;
  vecd_trace_source source;
  vecd_trace trace;
  vecd_trace_source_init(&source);
  vecd_http_header headers[] = {{VECD_SPAN("TraceParent"), VECD_SPAN("00-" TRACE "-" SPAN "-01")},
                                {VECD_SPAN("traceparent"), VECD_SPAN("00-" TRACE "-" SPAN "-01")}};
  begin(&source, headers, 1, &trace);
  assert_string_equal(trace.trace_id, TRACE);
  assert_string_equal(trace.span_id, SPAN);
  assert_true(is_made(trace.request_id));
  begin(&source, headers, 2, &trace); /* two: none counts */
  assert_string_equal(trace.trace_id, "");
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void made_ids_differ(void **state) {
  (void)state;
  enum { N = 20000 };
  static char ids[2 * N][33];
  vecd_trace_source sources[2];
  vecd_trace trace;
  for (size_t k = 0; k < 2; k++) {
    vecd_trace_source_init(&sources[k]);
    for (size_t i = 0; i < N; i++) {
      begin(&sources[k], NULL, 0, &trace);
      assert_true(is_made(trace.request_id));
      memcpy(ids[k * N + i], trace.request_id, 33);
    }
  }
  qsort(ids, 2 * N, sizeof *ids, by_text);
  for (size_t i = 1; i < 2 * N; i++) assert_string_not_equal(ids[i - 1], ids[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(traceparent_is_read_strictly),
      cmocka_unit_test(ids_are_taken_or_made),
      cmocka_unit_test(the_caller_s_trace_is_known),
      cmocka_unit_test(made_ids_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
