/* test_http_head.c - what the readers of requests accept, what they refuse, with which status and at which byte; and that it
 * makes no difference how the bytes were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_chunked.h"

#define MOST_HEADERS 8
#define MOST_BYTES   256

typedef struct outcome {
  int status; /* 0: accepted */
  size_t pos;
  const char *text;
} outcome;

/* Scans text in the pieces [0, cut), [cut, len), from memory of exactly that size so that a sanitizer sees an overrun. */
static outcome read_head(const char *text, size_t len, size_t cut, vecd_http_head *head, vecd_http_header *headers) {
  vecd_http_scan scan = {0};
  vecd_http_fault fault = {0};
  vecd_http_step step = VECD_HTTP_STEP_MORE;
  size_t ends[] = {cut, len};
  for (int i = 0; i < 2 && step == VECD_HTTP_STEP_MORE; i++) {
    char *copy = malloc(ends[i] + !ends[i]);
    assert_non_null(copy);
    memcpy(copy, text, ends[i]);
    step = vecd_http_head_scan(&scan, copy, ends[i], MOST_BYTES, &fault);
    free(copy);
  }
  if (step == VECD_HTTP_STEP_MORE) return (outcome){-1, scan.pos, "more"};
  if (step == VECD_HTTP_STEP_DONE) step = vecd_http_head_parse(text, &scan, head, headers, MOST_HEADERS, &fault);
  if (step == VECD_HTTP_STEP_FAULT) return (outcome){fault.status, fault.pos, fault.text};
  assert_int_equal(step, VECD_HTTP_STEP_DONE);
  return (outcome){0, scan.pos, ""};
}

static outcome read_all_cuts(const char *text, size_t len, vecd_http_head *head, vecd_http_header *headers) {
  outcome whole = read_head(text, len, 0, head, headers);
  for (size_t cut = 1; cut <= len; cut++) {
    outcome o = read_head(text, len, cut, head, headers);
    assert_int_equal(o.status, whole.status);
    assert_int_equal(o.pos, whole.pos);
    assert_string_equal(o.text, whole.text);
  }
  return whole;
}

#define HOST "Host: h\r\n"

static const struct refusal {
  const char *text;
  int status;
  size_t pos;
} refusals[] = {
    /* request line */
    {"GET / HTTP/1.1\nHost: h\n\n", 400, 14},
    {"GET / HTTP/1.1\rHost: h\r\n\r\n", 400, 14},
    {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, 2},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET\r\n" HOST "\r\n", 400, 3},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n", 400, 1},
    {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, 3},
    {"GET /\r\n\r\n", 400, 5},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, 5},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400, 6},
    {"GET /  HTTP/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET / http/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET / HTTP/1.\r\n" HOST "\r\n", 400, 6},
    {"GET / HTTP/11\r\n" HOST "\r\n", 400, 6},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", 400, 6},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, 6},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505, 6},
    {"GET / HTTP/0.9\r\n\r\n", 505, 6},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 6},
    {"BREW / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"TRACE / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    /* target */
    {"GET x HTTP/1.1\r\n" HOST "\r\n", 400, 4},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, 4},
    {"GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET /a\x80 HTTP/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400, 6},
    {"GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400, 5},
    {"GET /%4g HTTP/1.1\r\n" HOST "\r\n", 400, 5},
    {"GET /?a=% HTTP/1.1\r\n" HOST "\r\n", 400, 8},
    {"GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400, 11},
    {"GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n", 400, 11},
    {"GET http://:80/x HTTP/1.1\r\n" HOST "\r\n", 400, 11},
    {"GET ftp://h/x HTTP/1.1\r\n" HOST "\r\n", 400, 4},
    /* headers */
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, 20},
    {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400, 31},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, 16},
    {"GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400, 26},
    {"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400, 25},
    {"GET / HTTP/1.1\r\n" HOST "A b: c\r\n\r\n", 400, 26},
    {"GET / HTTP/1.1\r\n" HOST "A(: c\r\n\r\n", 400, 26},
    {"GET / HTTP/1.1\r\n" HOST "\x80: c\r\n\r\n", 400, 25},
    {"GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400, 29},
    {"GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n\r\n", 400, 29},
    {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400, 29},
    {"GET / HTTP/1.1\r\n" HOST "A: b\nc: d\r\n\r\n", 400, 29},
    {"GET / HTTP/1.1\r\n" HOST "A: b\r\r\n\r\n", 400, 29},
    {"GET / HTTP/1.1\r\n" HOST "A:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\nA:7\r\nA:8\r\n\r\n", 431, 60},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400, 16},
    {"GET / HTTP/1.1\r\nA: b\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, 25},
    {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, 25},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\nHost: a,b:x\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, 22},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400, 22},
    /* framing */
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, 41},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, 42},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400, 42},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1x\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 \t\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1,1\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1.0\r\n\r\n", 400, 43},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413, 42},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n", 413, 42},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, 45},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\ncontent-length: 2\r\n\r\n", 400, 45},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, 54},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 54},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 400, 44},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n", 400, 52},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;a=b\r\n\r\n", 400, 52},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunkedx\r\n\r\n", 501, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501, 45},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\t\r\n\r\n", 400, 52},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400, 45},
    {"POST / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 417, 34},
};

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const struct refusal *r = &refusals[i];
    vecd_http_head head;
    vecd_http_header headers[MOST_HEADERS];
    outcome o = read_all_cuts(r->text, strlen(r->text), &head, headers);
    if (o.status != r->status || o.pos != r->pos)
      fail_msg("%s\nis %d at %zu (%s), not %d at %zu", r->text, o.status, o.pos, o.text, r->status, r->pos);
  }
}

/* Every byte that is no part of the grammar, at every kind of place. */
static void test_control_bytes(void **state) {
  (void)state;
  static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nA: bcd\r\n\r\n";
  size_t places[] = {1, 5, 9, 18, 21, 26, 30};
  for (int c = 0; c < 256; c++) {
    if (c >= 0x20 && c != 0x7f && c < 0x80) continue;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
      bool value = places[i] == 30 && (c >= 0x80 || c == '\t');
      char copy[sizeof text];
      memcpy(copy, text, sizeof text);
      copy[places[i]] = (char)c;
      vecd_http_head head;
      vecd_http_header headers[MOST_HEADERS];
      outcome o = read_all_cuts(copy, sizeof text - 1, &head, headers);
      assert_int_equal(o.status, value ? 0 : 400);
    }
  }
}

static void test_limits(void **state) {
  (void)state;
  char text[MOST_BYTES + 64];
  vecd_http_head head;
  vecd_http_header headers[MOST_HEADERS];
  memset(text, 'a', sizeof text);
  memcpy(text, "GET /", 5);
  outcome o = read_all_cuts(text, sizeof text, &head, headers);
  assert_int_equal(o.status, 414);
  assert_int_equal(o.pos, MOST_BYTES);
  memcpy(text, "GET / HTTP/1.1\r\n", 16);
  o = read_all_cuts(text, sizeof text, &head, headers);
  assert_int_equal(o.status, 431);
  assert_int_equal(o.pos, MOST_BYTES);
  /* The largest head there may be, and one byte more. */
  for (size_t more = 0; more < 2; more++) {
    memcpy(text, "GET / HTTP/1.1\r\nHost: h\r\nA: ", 28);
    memset(text + 28, 'b', sizeof text - 28);
    memcpy(text + MOST_BYTES + more - 4, "\r\n\r\n", 4);
    o = read_all_cuts(text, MOST_BYTES + more, &head, headers);
    assert_int_equal(o.status, more ? 431 : 0);
    assert_int_equal(o.pos, MOST_BYTES);
  }
}

static void assert_span(vecd_span s, const char *text) {
  assert_int_equal(s.len, strlen(text));
  assert_memory_equal(s.ptr, text, s.len);
}

static vecd_http_head accept_head(const char *text, vecd_http_header *headers) {
  vecd_http_head head;
  outcome o = read_all_cuts(text, strlen(text), &head, headers);
  if (o.status) fail_msg("%s\nis %d at %zu (%s)", text, o.status, o.pos, o.text);
  (void)read_head(text, strlen(text), 0, &head, headers); /* spans into text itself */
  return head;
}

static void test_accepted(void **state) {
  (void)state;
  vecd_http_header h[MOST_HEADERS];
  vecd_http_head head = accept_head("\r\nPOST /v1/x%20y?q=%41&r HTTP/1.1\r\nhOST:\t h:80 \r\nX-A:\r\nX-B: a \t b\t\r\n"
                                    "content-LENGTH: 0012\r\nConnection: foo , CLOSE\r\nExpect: 100-Continue\r\n\r\n",
                                    h);
  assert_int_equal(head.method, VECD_HTTP_POST);
  assert_int_equal(head.minor, 1);
  assert_span(head.target, "/v1/x%20y?q=%41&r");
  assert_span(head.path, "/v1/x%20y");
  assert_span(head.query, "q=%41&r");
  assert_span(head.authority, "h:80");
  assert_int_equal(head.n_headers, 6);
  assert_span(h[0].name, "hOST");
  assert_span(h[0].value, "h:80");
  assert_span(h[1].value, "");
  assert_span(h[2].value, "a \t b");
  assert_int_equal(head.framing, VECD_HTTP_LENGTH);
  assert_int_equal(head.content_length, 12);
  assert_false(head.keep_alive);
  assert_true(head.expect_continue);

  head = accept_head("GET http://Example.com:8080?x HTTP/1.1\r\nHost: other\r\n\r\n", h);
  assert_span(head.path, "/");
  assert_span(head.query, "x");
  assert_span(head.authority, "Example.com:8080");
  assert_true(head.keep_alive);
  assert_int_equal(head.framing, VECD_HTTP_NO_BODY);

  head = accept_head("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", h);
  assert_span(head.path, "*");
  head = accept_head("GET / HTTP/1.0\r\n\r\n", h);
  assert_int_equal(head.minor, 0);
  assert_false(head.keep_alive);
  head = accept_head("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: tea\r\n\r\n", h);
  assert_true(head.keep_alive);
  head = accept_head("PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: Chunked\r\n\r\n", h);
  assert_int_equal(head.framing, VECD_HTTP_CHUNKED);
  head = accept_head("DELETE /?? HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n", h);
  assert_true(head.content_length == UINT64_MAX);
  assert_span(head.query, "?");
}

static void test_percent(void **state) {
  (void)state;
  vecd_arena arena = {0};
  vecd_err err = {0};
  vecd_span out;
  assert_int_equal(vecd_http_percent_decode(&arena, VECD_SPAN("/a%2Fb%c3%A9+%25"), &out, &err), VECD_OK);
  assert_span(out, "/a/b\xc3\xa9+%");
  assert_int_equal(out.ptr[out.len], 0);
  assert_int_equal(vecd_http_percent_decode(&arena, VECD_SPAN(""), &out, &err), VECD_OK);
  assert_int_equal(out.len, 0);
  const struct {
    const char *text;
    size_t pos;
  } bad[] = {{"a%", 1}, {"a%4", 1}, {"%zz", 0}, {"ab%4x", 2}, {"a%00b", 1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(vecd_http_percent_decode(&arena, vecd_span_of(bad[i].text), &out, &err), VECD_BAD_SYNTAX);
    assert_int_equal(err.pos, bad[i].pos);
  }
  vecd_mem_fail_nth(1);
  vecd_arena_fini(&arena);
  assert_int_equal(vecd_http_percent_decode(&arena, VECD_SPAN("a"), &out, &err), VECD_NO_MEMORY);
  vecd_mem_fail_nth(0);
  vecd_arena_fini(&arena);
}

/* Decodes [0, cut) and [cut, len); body gets what came out. */
static outcome read_chunks(const char *text, size_t len, size_t cut, char *body, size_t *n_body, size_t *n_used) {
  vecd_http_chunked d = {0};
  vecd_http_fault fault = {0};
  vecd_http_step step = VECD_HTTP_STEP_MORE;
  size_t at = 0, ends[] = {cut, len};
  *n_body = 0;
  for (int i = 0; i < 2; i++)
    while (at < ends[i] && (step == VECD_HTTP_STEP_MORE || step == VECD_HTTP_STEP_DATA)) {
      size_t used = 0;
      vecd_span data;
      step = vecd_http_chunked_step(&d, text + at, ends[i] - at, &used, &data, &fault);
      assert_true(used <= ends[i] - at);
      assert_true(step != VECD_HTTP_STEP_MORE || used == ends[i] - at);
      at += used;
      if (step != VECD_HTTP_STEP_DATA) continue;
      memcpy(body + *n_body, data.ptr, data.len);
      *n_body += data.len;
    }
  *n_used = at;
  if (step == VECD_HTTP_STEP_FAULT) return (outcome){fault.status, fault.pos, fault.text};
  return (outcome){step == VECD_HTTP_STEP_DONE ? 0 : -1, at, ""};
}

static const struct chunk_case {
  const char *text;
  int status; /* 0: whole; -1: goes on */
  size_t pos;
  const char *body;
} chunk_cases[] = {
    {"0\r\n\r\n", 0, 5, ""},
    {"5\r\nhello\r\n0\r\n\r\nGET", 0, 15, "hello"},
    {"A\r\n0123456789\r\n00a\r\nabcdefghij\r\n0\r\n\r\n", 0, 37, "0123456789abcdefghij"},
    {"1;a\r\nx\r\n0;b=c;d=\"e\\\"\xc3\xa9\"\r\n\r\n", 0, 27, "x"},
    {"0\r\nA: b\r\nC:\r\n\r\n", 0, 15, ""},
    {"3\r\nab", -1, 5, "ab"},
    {"\r\n", 400, 0, ""},
    {"x\r\n", 400, 0, ""},
    {"-2\r\n", 400, 0, ""},
    {"0x5\r\n", 400, 1, ""},
    {" 5\r\n", 400, 0, ""},
    {"5 \r\n", 400, 1, ""},
    {"5\n", 400, 1, ""},
    {"5\r\r", 400, 2, ""},
    {"5 ;a\r\n", 400, 1, ""},
    {"5;\r\n", 400, 2, ""},
    {"5;a=\r\n", 400, 4, ""},
    {"5;a b\r\n", 400, 3, ""},
    {"5;a=\"b\n", 400, 6, ""},
    {"5;a=\"b\"c\r\n", 400, 7, ""},
    {"5;a=\"\\\x01\"\r\n", 400, 6, ""},
    {"5;a\n", 400, 3, ""},
    {"1\r\nab\r\n", 400, 4, "a"},
    {"1\r\na\n", 400, 4, "a"},
    {"1\r\na\r1", 400, 5, "a"},
    {"1\r\na\r\n\r\n", 400, 6, "a"},
    {"FFFFFFFFFFFFFFFF\r\n", 413, 15, ""},
    {"00000000000000001\r\n", 400, 16, ""},
    {"10000000000000000\r\n", 413, 16, ""},
    {"0\r\n x: y\r\n\r\n", 400, 3, ""},
    {"0\r\nx : y\r\n\r\n", 400, 4, ""},
    {"0\r\n: y\r\n\r\n", 400, 3, ""},
    {"0\r\nx\r\n\r\n", 400, 4, ""},
    {"0\r\nx: \x01\r\n\r\n", 400, 6, ""},
    {"0\r\nx: y\n\r\n", 400, 7, ""},
    {"0\r\n\rx", 400, 4, ""},
    {"0\r\n\n", 400, 3, ""},
    {"0\r\nTransfer-encoding: x\r\n\r\n", 400, 20, ""},
    {"0\r\nA: b\r\nContent-Length: 1\r\n\r\n", 400, 23, ""},
    {"0\r\nHOST: h\r\n\r\n", 400, 7, ""},
    {"0\r\nContent-Length-But-Longer: 1\r\n\r\n", 0, 35, ""},
};

static void test_chunked(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof chunk_cases / sizeof *chunk_cases; i++) {
    const struct chunk_case *k = &chunk_cases[i];
    size_t len = strlen(k->text);
    for (size_t cut = 0; cut <= len; cut++) {
      char body[256];
      size_t n_body, n_used;
      outcome o = read_chunks(k->text, len, cut, body, &n_body, &n_used);
      if (o.status != k->status || o.pos != k->pos || n_used != k->pos)
        fail_msg("%s\nis %d at %zu (%s), not %d at %zu", k->text, o.status, o.pos, o.text, k->status, k->pos);
      assert_int_equal(n_body, strlen(k->body));
      assert_memory_equal(body, k->body, n_body);
    }
  }
}

static void test_chunked_bounds(void **state) {
  (void)state;
  static const struct {
    const char *start, *unit;
    int status;
  } cases[] = {{"0\r\n", "A: b\r\n", 431}, {"1;a=", "b", 400}, {"", "1;aaaaaaaa\r\nx\r\n", 400}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_http_chunked d = {0};
    vecd_http_fault fault = {0};
    vecd_http_step step = VECD_HTTP_STEP_MORE;
    size_t n_units = 0;
    for (const char *p = cases[i].start; step != VECD_HTTP_STEP_FAULT; p = cases[i].unit) {
      for (size_t at = 0, used; at < strlen(p) && step != VECD_HTTP_STEP_FAULT; at += used) {
        vecd_span data;
        step = vecd_http_chunked_step(&d, p + at, strlen(p) - at, &used, &data, &fault);
      }
      assert_true(n_units++ < 100000);
    }
    assert_int_equal(fault.status, cases[i].status);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals),       cmocka_unit_test(test_control_bytes), cmocka_unit_test(test_limits),
      cmocka_unit_test(test_accepted),       cmocka_unit_test(test_percent),       cmocka_unit_test(test_chunked),
      cmocka_unit_test(test_chunked_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
