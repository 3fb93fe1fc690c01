/* test_http_exchange.c - requests and replies over a living connection: bodies, pipelining, refusals, streams, headers. */
#include "http_test_server.h"

static void test_plain(void **state) {
  (void)state;
  start_server((vecd_http_settings){.server_name = "vecd/test"});
  int fd = client();
  answer a = {0};
  say(fd, GET("/a%20b?c") "\r\n");
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "/a%20b");
  assert_non_null(strstr(a.head, "\r\nServer: vecd/test\r\n"));
  assert_non_null(strstr(a.head, " GMT\r\n"));
  assert_non_null(strstr(a.head, "\r\nX-Test: yes\r\n"));
  assert_null(strstr(a.head, "X-Bad"));
  assert_null(strstr(a.head, "Connection:"));
  say(fd, "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n");
  hear(fd, &a, true);
  assert_non_null(strstr(a.head, "Content-Length: 4\r\n"));
  say(fd, GET("/none") "\r\n");
  hear(fd, &a, true);
  assert_int_equal(a.status, 204);
  assert_null(strstr(a.head, "Content-Length"));
  say(fd, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "*");
  say(fd, GET("/error") "\r\n");
  expect_status(fd, &a, 422);
  assert_string_equal(a.body, "{\"error\":\"say \\\"no\\\"\\u000a\\\\ \xc3\xa9\"}");
  say(fd, GET("/last") "Connection: close\r\n\r\n");
  expect_status(fd, &a, 200);
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(fd));
  close(fd);
  fd = client();
  say(fd, "GET /old HTTP/1.0\r\n\r\n");
  expect_status(fd, &a, 200);
  assert_true(closed(fd));
  close(fd);
  fd = client();
  for (int i = 0; i < 2; i++) {
    say(fd, "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_status(fd, &a, 200);
    assert_non_null(strstr(a.head, "Connection: keep-alive\r\n"));
  }
  say(fd, GET("/discard") "\r\n");
  assert_true(closed(fd));
  close(fd);
  free(a.body);
  WAIT_UNTIL(the_app.n_done == 10);
  vecd_http_stats stats;
  vecd_http_server_stats(the_app.server, &stats);
  assert_int_equal(stats.requests, 10);
  assert_int_equal(stats.replies[2], 8);
  assert_int_equal(stats.replies[4], 1);
  assert_int_equal(stats.connections_accepted, 3);
  stop_server();
}

static void test_bodies(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_body_bytes = 1 << 20});
  ask(POST("/e") "Content-Length: 5\r\n\r\nhello", 200, "hello");
  ask(POST("/e") "Content-Length: 0\r\n\r\n", 200, "/e");
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n", 200, "abcdefg");
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "/e");
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n", 400, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nbad trailer\r\n\r\n", 400, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n100001\r\na", 413, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\na", 413, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, NULL);
  ask(POST("/e") "Transfer-Encoding: gzip\r\n\r\n", 501, NULL);
  ask(POST("/e") "Content-Length: -1\r\n\r\n", 400, NULL);
  ask(POST("/e") "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, NULL);
  ask(POST("/e") "Content-Length: 1048577\r\n\r\n", 413, NULL);
  ask(POST("/e") "Content-Length: 99999999999999999999999\r\n\r\n", 413, NULL);
  ask(POST("/small") "Content-Length: 10\r\n\r\n0123456789", 200, "0123456789");
  ask(POST("/small") "Content-Length: 11\r\n\r\n", 413, NULL);
  ask(POST("/small") "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n", 413, NULL);
  ask("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, NULL);
  ask("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505, NULL);
  ask("GET / HTTP/1.1\r\n\r\n", 400, NULL);
  ask("GET / HTTP/1.1\nHost: h\n\n", 400, NULL);

  /* A large body both ways, sent in uneven pieces; and the same in chunks. */
  size_t n = (size_t)1 << 20;
  char *body = malloc(n);
  assert_non_null(body);
  for (size_t i = 0; i < n; i++) body[i] = (char)('a' + i * 7 % 26);
  answer a = {0};
  int fd = client();
  for (int chunked = 0; chunked < 2; chunked++) {
    say(fd, chunked ? POST("/e") "Transfer-Encoding: chunked\r\n\r\n" : POST("/e") "Content-Length: 1048576\r\n\r\n");
    for (size_t at = 0, step; at < n; at += step) {
      step = n - at < 9999 + at % 50000 ? n - at : 9999 + at % 50000;
      char line[32];
      snprintf(line, sizeof line, "%zx\r\n", step);
      if (chunked) say(fd, line);
      say_bytes(fd, body + at, step);
      if (chunked) say(fd, "\r\n");
    }
    if (chunked) say(fd, "0\r\n\r\n");
    expect_status(fd, &a, 200);
    assert_int_equal(a.n_body, n);
    assert_memory_equal(a.body, body, n);
  }
  close(fd);
  free(a.body);
  free(body);
  stop_server();
}

static void test_pipelining(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  int fd = client();
  answer a = {0};
  say(fd,
      GET("/1") "\r\n" POST("/2") "Content-Length: 3\r\n\r\ntwo" POST("/3") "Transfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0"
                                                                            "\r\n\r\n" GET("/hold") "\r\n" GET("/5") "\r\n");
  const char *bodies[] = {"/1", "two", "three", "held", "/5"};
  for (int i = 0; i < 5; i++) {
    if (i == 3) {
      WAIT_UNTIL(the_app.n_held == 1);
      assert_int_equal(the_app.n_request, 4); /* the fifth waits its turn */
      reply_text(the_app.held[0], 200, "held", 4);
    }
    expect_status(fd, &a, 200);
    assert_string_equal(a.body, bodies[i]);
  }
  /* Many at once, more than any buffer here holds. */
  char text[] = GET("/many") "\r\n";
  size_t n = 2000, len = sizeof text - 1;
  char *all = malloc(n * len);
  assert_non_null(all);
  for (size_t i = 0; i < n; i++) memcpy(all + i * len, text, len);
  say_bytes(fd, all, n * len);
  for (size_t i = 0; i < n; i++) {
    expect_status(fd, &a, 200);
    assert_string_equal(a.body, "/many");
  }
  /* Behind a fault nothing is read as a request. */
  say(fd, GET("/ok") "\r\nGET /bad HTTP/1.1\r\nHost : h\r\n\r\n" GET("/not") "\r\n");
  expect_status(fd, &a, 200);
  expect_status(fd, &a, 400);
  assert_true(closed(fd));
  close(fd);
  /* Byte by byte. */
  fd = client();
  const char *slow = POST("/slow") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char *p = slow; *p; p++) say_bytes(fd, p, 1);
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "abc");
  close(fd);
  free(a.body);
  free(all);
  stop_server();
}

static void test_early_refusal(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_body_bytes = 1000});
  int fd = client();
  answer a = {0};
  say(fd, POST("/e") "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  expect_status(fd, &a, 100);
  say(fd, "abc");
  expect_status(fd, &a, 200);
  say(fd, POST("/e") "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"); /* not waiting is fine: no 100 then */
  expect_status(fd, &a, 200);
  say(fd, POST("/refuse") "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  expect_status(fd, &a, 429);
  assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(fd));
  close(fd);
  ask(POST("/e") "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, NULL);
  ask(POST("/e") "Content-Length: 1\r\nExpect: 200-ok\r\n\r\n", 417, NULL);
  /* A body that came along is skipped and the connection lives. */
  fd = client();
  say(fd, POST("/refuse") "Content-Length: 3\r\n\r\nabc");
  expect_status(fd, &a, 429);
  say(fd, GET("/refuse") "\r\n");
  expect_status(fd, &a, 429);
  say(fd, GET("/on") "\r\n");
  expect_status(fd, &a, 200);
  close(fd);
  /* A client that sends all its body before it listens still gets to read the refusal. */
  fd = client();
  size_t n = (size_t)4 << 20;
  char *body = calloc(1, n);
  assert_non_null(body);
  say(fd, POST("/refuse") "Content-Length: 4194304\r\n\r\n");
  say_bytes(fd, body, n);
  expect_status(fd, &a, 429);
  assert_true(closed(fd));
  close(fd);
  free(body);
  free(a.body);
  stop_server();
}

/* A header set by on_head goes with every answer, whoever gives it. */
static void test_reply_header(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_body_bytes = 1000});
  static const struct {
    const char *text;
    int status;
  } cases[] = {
      {GET("/a") "X-Mark: m 1\r\n\r\n", 200},
      {GET("/none") "X-Mark: m 1\r\n\r\n", 204},
      {GET("/error") "X-Mark: m 1\r\n\r\n", 422},
      {GET("/refuse") "X-Mark: m 1\r\n\r\n", 429},
      {GET("/stream") "X-Mark: m 1\r\n\r\n", 200},
      {POST("/small") "X-Mark: m 1\r\nContent-Length: 11\r\n\r\n", 413},
      {POST("/e") "X-Mark: m 1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
  };
  answer a = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = client();
    say(fd, cases[i].text);
    hear(fd, &a, cases[i].status == 204);
    assert_int_equal(a.status, cases[i].status);
    assert_non_null(strstr(a.head, "\r\nX-Marked: m 1\r\n"));
    close(fd);
  }
  int fd = client();
  say(fd, GET("/a") "X-Mark: m\r\n\r\n" GET("/a") "\r\n"); /* and with no other */
  expect_status(fd, &a, 200);
  assert_non_null(strstr(a.head, "\r\nX-Marked: m\r\n"));
  expect_status(fd, &a, 200);
  assert_null(strstr(a.head, "X-Marked"));
  char long_mark[300] = "";
  memset(long_mark, 'm', 249); /* one byte over the limit, with the name */
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_buf_printf(&text, GET("/a") "X-Mark: %s\r\n\r\n" GET("/a") "X-Mark: %s\r\n\r\n", long_mark, long_mark + 1);
  say(fd, vecd_buf_cstr(&text));
  vecd_buf_fini(&text);
  expect_status(fd, &a, 200);
  assert_null(strstr(a.head, "X-Marked"));
  expect_status(fd, &a, 200);
  assert_non_null(strstr(a.head, "\r\nX-Marked: mmmm"));
  close(fd);
  free(a.body);
  stop_server();
}

static void test_streams(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  int fd = client();
  answer a = {0};
  const char *texts[] = {GET("/stream") "\r\n", GET("/stream?waits") "\r\n"};
  for (int i = 0; i < 2; i++) {
    say(fd, texts[i]);
    expect_status(fd, &a, 200);
    assert_int_equal(a.n_body, 300000);
    for (size_t k = 0; k < a.n_body; k++) assert_int_equal(a.body[k], '0' + k % 10);
  }
  say(fd, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  hear(fd, &a, true);
  assert_int_equal(a.status, 200);
  say(fd, GET("/stream?breaks") "\r\n");
  hear(fd, &a, false);
  assert_false(a.whole);
  assert_true(closed(fd));
  close(fd);
  fd = client();
  say(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect_status(fd, &a, 200);
  assert_int_equal(a.n_body, 300000);
  assert_null(strstr(a.head, "Transfer-Encoding"));
  close(fd);
  fd = client();
  say(fd, GET("/stream?endless") "\r\n");
  char some[1000];
  assert_true(read_exact(fd, some, sizeof some));
  int n_done = the_app.n_done;
  close(fd);
  WAIT_UNTIL(the_app.n_done == n_done + 1);
  free(a.body);
  stop_server();
}

static void test_many_headers(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_head_bytes = 1 << 20});
  vecd_buf text = {0};
  vecd_buf_append_str(&text, GET("/"));
  for (int i = 0; i < 99; i++) vecd_buf_append_str(&text, "A: b\r\n");
  size_t len = text.len;
  vecd_buf_append_str(&text, "\r\n");
  ask(vecd_buf_cstr(&text), 200, "/");
  text.len = len;
  for (int i = 0; i < 10000; i++) vecd_buf_append_str(&text, "A: b\r\n");
  vecd_buf_append_str(&text, "\r\n");
  ask(vecd_buf_cstr(&text), 431, NULL);
  while (text.len < 2 << 20) vecd_buf_append_str(&text, "A: b\r\n");
  ask(vecd_buf_cstr(&text), 431, NULL);
  text.len = 0;
  vecd_buf_append_str(&text, "GET /");
  while (text.len < 2 << 20) vecd_buf_append_str(&text, "aaaaaaaaaaaaaaaa");
  ask(vecd_buf_cstr(&text), 414, NULL);
  vecd_buf_fini(&text);
  stop_server();
}

/* A keep-alive connection that repeats itself asks the heap only for what the handler itself takes: its reply's buffer. */
static void test_no_malloc_storm(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  int fd = client();
  answer a = {0};
  uint64_t before = 0;
  for (int i = 0; i < 100; i++) {
    if (i == 10) before = vecd_mem_count();
    say(fd, POST("/e") "Content-Length: 10\r\n\r\n0123456789");
    expect_status(fd, &a, 200);
  }
  uint64_t count = vecd_mem_count() - before;
  assert_true(count <= 90);
  /* And one that was large once does not stay so. */
  say(fd, GET("/arena") "\r\n");
  expect_status(fd, &a, 200);
  say(fd, GET("/big") "\r\n");
  expect_status(fd, &a, 200);
  say(fd, GET("/") "\r\n");
  expect_status(fd, &a, 200);
  assert_true(vecd_mem_total_bytes() - bytes_before < 100000);
  close(fd);
  free(a.body);
  stop_server();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),         cmocka_unit_test(test_bodies),          cmocka_unit_test(test_pipelining),
      cmocka_unit_test(test_early_refusal), cmocka_unit_test(test_reply_header),    cmocka_unit_test(test_streams),
      cmocka_unit_test(test_many_headers),  cmocka_unit_test(test_no_malloc_storm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
