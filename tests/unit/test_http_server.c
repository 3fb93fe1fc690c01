/* test_http_server.c - the whole server over real sockets, with a small handler that echoes, waits, streams or refuses as the
 * path says. Nothing here asserts how fast something is; waiting ends when what is waited for has happened, and a watchdog
 * ends a test that hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http.h"

/* ---- the handler ---- */

#define MOST_HELD 64

typedef struct app {
  vecd_http_server *server;
  atomic_int n_head, n_request, n_cancel, n_done, n_held, n_pieces;
  atomic_int last_status;
  atomic_bool last_complete;
  pthread_mutex_t lock;
  vecd_http_request *held[MOST_HELD]; /* requests an answer is owed for */
} app;

static void reply_text(vecd_http_request *req, int status, const char *text, size_t len) {
  vecd_buf body = {.tag = VECD_MEM_HTTP};
  vecd_buf_append(&body, text, len);
  vecd_http_header headers[] = {{VECD_SPAN("X-Test"), VECD_SPAN("yes")}, {VECD_SPAN("X-Bad"), VECD_SPAN("a\r\nb: c")}};
  vecd_http_reply(req, status, "text/plain", headers, 2, &body);
  assert_null(body.ptr);
}

static void on_head(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  assert_null(req->user);
  req->user = a;
  atomic_fetch_add(&a->n_head, 1);
  const vecd_span *mark = vecd_http_header_find(req, "X-Mark");
  if (mark) req->reply_header = (vecd_http_header){VECD_SPAN("X-Marked"), *mark};
  if (vecd_span_eq(req->path, VECD_SPAN("/refuse"))) {
    vecd_http_header retry = {VECD_SPAN("Retry-After"), VECD_SPAN("1")};
    vecd_buf body = {.tag = VECD_MEM_HTTP};
    vecd_buf_append_str(&body, "{\"error\":\"busy\"}");
    vecd_http_reply(req, 429, "application/json", &retry, 1, &body);
  }
  if (vecd_span_eq(req->path, VECD_SPAN("/small"))) req->max_body_bytes = 10;
}

/* n pieces of 10,000 bytes; where `waits`, each third has to be woken for. */
typedef struct stream {
  int n_left;
  bool waits, breaks;
} stream;

static void *wake_later(void *req) {
  vecd_http_stream_wake(req);
  return NULL;
}

static vecd_http_piece next_piece(void *ctx, vecd_http_request *req, vecd_buf *out) {
  stream *s = ctx;
  app *a = req->user;
  atomic_fetch_add(&a->n_pieces, 1);
  if (s->n_left == 0) return s->breaks ? VECD_HTTP_ABORT : VECD_HTTP_END;
  s->n_left--;
  for (int i = 0; i < 1000; i++) vecd_buf_append_str(out, "0123456789");
  if (!s->waits || s->n_left % 3) return VECD_HTTP_MORE;
  pthread_t thread;
  if (pthread_create(&thread, NULL, wake_later, req)) abort();
  pthread_detach(thread);
  return VECD_HTTP_WAIT;
}

static void on_request(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  atomic_fetch_add(&a->n_request, 1);
  if (vecd_span_eq(req->path, VECD_SPAN("/hold"))) {
    pthread_mutex_lock(&a->lock);
    a->held[a->n_held] = req;
    atomic_fetch_add(&a->n_held, 1);
    pthread_mutex_unlock(&a->lock);
  } else if (vecd_span_eq(req->path, VECD_SPAN("/big"))) {
    vecd_buf body = {.tag = VECD_MEM_HTTP};
    size_t n = (size_t)8 << 20;
    if (vecd_buf_reserve(&body, n)) memset(body.ptr, 'b', body.len = n);
    vecd_http_reply(req, 200, "text/plain", NULL, 0, &body);
  } else if (vecd_span_eq(req->path, VECD_SPAN("/stream"))) {
    stream *s = vecd_arena_zero(&req->arena, 1, sizeof *s);
    if (!s) {
      vecd_http_reply_error(req, 503, "out of memory");
      return;
    }
    s->n_left = 30;
    s->waits = vecd_span_eq(req->query, VECD_SPAN("waits"));
    s->breaks = vecd_span_eq(req->query, VECD_SPAN("breaks"));
    if (vecd_span_eq(req->query, VECD_SPAN("endless"))) s->n_left = 1000000;
    vecd_http_reply_stream(req, 200, "text/plain", NULL, 0, next_piece, s);
  } else if (vecd_span_eq(req->path, VECD_SPAN("/discard"))) {
    vecd_http_discard(req);
  } else if (vecd_span_eq(req->path, VECD_SPAN("/error"))) {
    vecd_http_reply_error(req, 422, "say \"no\"\n\\ \xc3\xa9");
  } else if (vecd_span_eq(req->path, VECD_SPAN("/arena"))) {
    void *p = vecd_arena_alloc(&req->arena, (size_t)8 << 20);
    vecd_http_reply_error(req, p ? 200 : 503, "");
  } else if (vecd_span_eq(req->path, VECD_SPAN("/none"))) {
    vecd_http_reply(req, 204, NULL, NULL, 0, NULL);
  } else if (req->body.len) {
    reply_text(req, 200, req->body.ptr, req->body.len);
  } else {
    reply_text(req, 200, req->path.ptr, req->path.len);
  }
}

static void on_cancel(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  assert_ptr_equal(req->user, a);
  atomic_fetch_add(&a->n_cancel, 1);
}

static void on_done(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  atomic_store(&a->last_status, req->status);
  atomic_store(&a->last_complete, req->complete);
  atomic_fetch_add(&a->n_done, 1);
}

/* ---- the harness ---- */

static app the_app;
static size_t bytes_before;

static void start_server(vecd_http_settings settings) {
  static const char *const loopback[] = {"127.0.0.1:0"};
  alarm(60);
  bytes_before = vecd_mem_total_bytes();
  the_app = (app){.lock = PTHREAD_MUTEX_INITIALIZER};
  if (!settings.n_listen) {
    settings.listen = loopback;
    settings.n_listen = 1;
  }
  vecd_http_handler handler = {&the_app, on_head, on_request, on_cancel, on_done};
  vecd_err err = {0};
  if (vecd_http_server_new(&settings, &handler, &the_app.server, &err)) fail_msg("%s", err.text);
  assert_int_equal(vecd_http_server_start(the_app.server, &err), VECD_OK);
}

static vecd_status end_server(void) {
  vecd_status status = vecd_http_server_join(the_app.server);
  assert_int_equal(the_app.n_head, the_app.n_done + (status ? the_app.n_held : 0));
  vecd_http_stats stats;
  vecd_http_server_stats(the_app.server, &stats);
  assert_int_equal(stats.connections_open, 0);
  assert_int_equal(stats.cancelled, the_app.n_cancel);
  vecd_http_server_free(&the_app.server);
  assert_null(the_app.server);
  assert_int_equal(the_app.n_head, the_app.n_done);
  assert_int_equal(vecd_mem_total_bytes(), bytes_before);
  return status;
}

static void stop_server(void) {
  vecd_http_server_stop(the_app.server);
  assert_int_equal(end_server(), VECD_OK);
}

static void nap(void) { poll(NULL, 0, 2); }
#define WAIT_UNTIL(condition) \
  while (!(condition)) nap()

static int client(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) fail_msg("connect: %s", strerror(errno));
  return fd;
}

static void say_bytes(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent < 0) return; /* the server may have had enough: the answer tells */
    p += sent;
    n -= (size_t)sent;
  }
}

static void say(int fd, const char *text) { say_bytes(fd, text, strlen(text)); }

/* What a server said: a head and a body. */
typedef struct answer {
  int status; /* 0: nothing came */
  char head[2048];
  char *body;
  size_t n_body;
  bool whole;
} answer;

static bool read_exact(int fd, char *to, size_t n) {
  while (n) {
    ssize_t got = recv(fd, to, n, 0);
    if (got <= 0) return false;
    to += got;
    n -= (size_t)got;
  }
  return true;
}

static bool read_line(int fd, char *to, size_t cap) {
  for (size_t n = 0; n + 1 < cap; n++) {
    if (!read_exact(fd, to + n, 1)) return false;
    to[n + 1] = '\0';
    if (n && to[n - 1] == '\r' && to[n] == '\n') return true;
  }
  return false;
}

/* Frees the last answer and reads the next. */
static void hear(int fd, answer *a, bool no_body) {
  free(a->body);
  *a = (answer){.body = calloc(1, 1)};
  size_t n = 0;
  while (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0) {
    if (n + 1 >= sizeof a->head || !read_exact(fd, a->head + n, 1)) return;
    n++;
  }
  assert_int_equal(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
  if (a->status == 100 || no_body) {
    a->whole = true;
    return;
  }
  const char *length = strstr(a->head, "Content-Length: ");
  if (length) {
    a->n_body = strtoul(length + 16, NULL, 10);
    a->body = realloc(a->body, a->n_body + 1);
    a->body[a->n_body] = '\0';
    a->whole = read_exact(fd, a->body, a->n_body);
    return;
  }
  bool chunked = strstr(a->head, "Transfer-Encoding: chunked\r\n");
  for (;;) {
    char line[64];
    size_t size = 4096;
    if (chunked) {
      if (!read_line(fd, line, sizeof line)) return;
      size = strtoul(line, NULL, 16);
    }
    a->body = realloc(a->body, a->n_body + size + 1);
    if (!chunked) {
      ssize_t got = recv(fd, a->body + a->n_body, size, 0);
      if (got > 0) a->n_body += (size_t)got;
      if (got <= 0) a->whole = got == 0;
      if (got <= 0) return;
      continue;
    }
    if (!read_exact(fd, a->body + a->n_body, size) || !read_line(fd, line, sizeof line)) return;
    a->n_body += size;
    if (size == 0) {
      a->whole = true;
      return;
    }
  }
}

static bool closed(int fd) {
  char c;
  return recv(fd, &c, 1, 0) <= 0;
}

static void expect_status(int fd, answer *a, int status) {
  hear(fd, a, false);
  if (a->status != status) fail_msg("status %d, not %d: %s%s", a->status, status, a->head, a->body);
  assert_true(a->whole);
}

/* One exchange on a connection of its own, to its end. */
static void ask(const char *text, int status, const char *body) {
  int fd = client();
  answer a = {0};
  say(fd, text);
  expect_status(fd, &a, status);
  if (body) assert_string_equal(a.body, body);
  if (status >= 400) assert_non_null(strstr(a.head, "application/json\r\n"));
  close(fd);
  free(a.body);
}

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: h\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: h\r\n"

/* ---- the tests ---- */

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

static void test_deadlines(void **state) {
  (void)state;
  start_server((vecd_http_settings){.header_ms = 60, .body_ms = 60, .idle_ms = 400});
  ask("GET / HT", 408, NULL);
  ask(POST("/e") "Content-Length: 10\r\n\r\nabc", 408, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408, NULL);
  /* Dripping does not help. */
  for (int body = 0; body < 2; body++) {
    int fd = client();
    answer a = {0};
    say(fd, body ? POST("/e") "Content-Length: 100000\r\n\r\n" : GET("/") "A: ");
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, 5) == 0) say(fd, "x");
    expect_status(fd, &a, 408);
    close(fd);
    free(a.body);
  }
  /* Idle ones are closed without a word, fresh or not. */
  int fd = client();
  assert_true(closed(fd));
  close(fd);
  fd = client();
  answer a = {0};
  say(fd, GET("/") "\r\n");
  expect_status(fd, &a, 200);
  assert_true(closed(fd));
  close(fd);
  free(a.body);
  vecd_http_stats stats;
  vecd_http_server_stats(the_app.server, &stats);
  assert_int_equal(stats.timeouts, 5);
  stop_server();
}

static void test_slow_reader(void **state) {
  (void)state;
  start_server((vecd_http_settings){.send_ms = 100});
  const char *texts[] = {GET("/big") "\r\n", GET("/stream?endless") "\r\n"};
  for (int i = 0; i < 2; i++) {
    int fd = client();
    say(fd, texts[i]);
    WAIT_UNTIL(the_app.n_done == i + 1);
    assert_false(the_app.last_complete);
    assert_int_equal(the_app.last_status, 200);
    close(fd);
  }
  assert_true(the_app.n_pieces < 5000); /* the kernel's buffers full, and no more */
  stop_server();
  /* One that reads gets it all. */
  start_server((vecd_http_settings){0});
  int fd = client();
  answer a = {0};
  say(fd, GET("/big") "\r\n");
  expect_status(fd, &a, 200);
  assert_int_equal(a.n_body, 8 << 20);
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

static void test_hang_up(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  /* Closed while waiting: told at once, answered into the void. */
  int fd = client();
  say(fd, POST("/hold") "Content-Length: 3\r\n\r\nabc");
  WAIT_UNTIL(the_app.n_held == 1);
  close(fd);
  WAIT_UNTIL(the_app.n_cancel == 1);
  assert_int_equal(the_app.n_done, 0);
  assert_memory_equal(the_app.held[0]->body.ptr, "abc", 3); /* still ours */
  reply_text(the_app.held[0], 200, "x", 1);
  WAIT_UNTIL(the_app.n_done == 1);
  /* Reset. */
  fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 2);
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
  WAIT_UNTIL(the_app.n_cancel == 2);
  vecd_http_discard(the_app.held[1]);
  WAIT_UNTIL(the_app.n_done == 2);
  assert_int_equal(the_app.last_status, 0);
  /* Half-closed: told just the same, but an answer given all the same arrives. */
  fd = client();
  answer a = {0};
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 3);
  shutdown(fd, SHUT_WR);
  WAIT_UNTIL(the_app.n_cancel == 3);
  reply_text(the_app.held[2], 200, "still", 5);
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "still");
  assert_true(closed(fd));
  close(fd);
  /* Half-closed before the server looks: all requests that came are answered. */
  fd = client();
  say(fd, GET("/1") "\r\n" GET("/2") "\r\n");
  shutdown(fd, SHUT_WR);
  expect_status(fd, &a, 200);
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "/2");
  assert_true(closed(fd));
  close(fd);
  /* Half-closed within a request. */
  const char *halves[] = {"GET / HTT", POST("/") "Content-Length: 5\r\n\r\nab",
                          POST("/") "Transfer-Encoding: chunked\r\n\r\n5\r\nab"};
  for (int i = 0; i < 3; i++) {
    fd = client();
    say(fd, halves[i]);
    shutdown(fd, SHUT_WR);
    expect_status(fd, &a, 400);
    assert_true(closed(fd));
    close(fd);
  }
  free(a.body);
  assert_int_equal(the_app.n_cancel, 3);
  stop_server();
}

static void *answer_all(void *ctx) {
  app *a = ctx;
  for (int n = 0; n < 40; n++) {
    WAIT_UNTIL(a->n_held > n);
    pthread_mutex_lock(&a->lock);
    vecd_http_request *req = a->held[n];
    pthread_mutex_unlock(&a->lock);
    reply_text(req, 200, "later", 5);
  }
  return NULL;
}

static void test_other_thread(void **state) {
  (void)state;
  start_server((vecd_http_settings){.n_threads = 2});
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, answer_all, &the_app), 0);
  int fds[10];
  answer a = {0};
  for (int i = 0; i < 10; i++) fds[i] = client();
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 10; i++) say(fds[i], GET("/hold") "\r\n");
    for (int i = 0; i < 10; i++) {
      if (round == 3 && i % 2) {
        close(fds[i]); /* races with the answer: both are fine */
        continue;
      }
      expect_status(fds[i], &a, 200);
      assert_string_equal(a.body, "later");
    }
  }
  pthread_join(thread, NULL);
  for (int i = 0; i < 10; i += 2) close(fds[i]);
  free(a.body);
  stop_server();
}

static void test_connection_limit(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_connections = 3, .linger_ms = 100});
  int held[3];
  answer a = {0};
  for (int i = 0; i < 3; i++) {
    held[i] = client();
    say(held[i], GET("/") "\r\n");
    expect_status(held[i], &a, 200);
  }
  int many[100];
  int n_answered = 0;
  for (int i = 0; i < 100; i++) many[i] = client();
  for (int i = 0; i < 100; i++) {
    hear(many[i], &a, false);
    if (a.status) assert_int_equal(a.status, 503);
    n_answered += a.status == 503;
  }
  assert_true(n_answered >= 64); /* the rest, if any, was just closed */
  for (int i = 0; i < 100; i++) close(many[i]);
  close(held[0]);
  vecd_http_stats stats;
  do vecd_http_server_stats(the_app.server, &stats);
  while (stats.connections_open != 2);
  assert_int_equal(stats.connections_refused, 100);
  ask(GET("/again") "\r\n", 200, "/again");
  close(held[1]);
  close(held[2]);
  free(a.body);
  stop_server();
}

static void test_drain(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  int idle = client(), waiting = client(), half = client(), fresh = client();
  answer a = {0};
  say(idle, GET("/") "\r\n");
  expect_status(idle, &a, 200);
  say(waiting, GET("/hold") "\r\n" GET("/never") "\r\n");
  say(half, POST("/e") "Content-Length: 4\r\n\r\nab");
  WAIT_UNTIL(the_app.n_held == 1 && the_app.n_head == 3);
  vecd_http_server_stop(the_app.server);
  assert_true(closed(idle));
  assert_true(closed(fresh));
  close(idle);
  close(fresh);
  say(half, "cd");
  expect_status(half, &a, 200);
  assert_string_equal(a.body, "abcd");
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(half));
  close(half);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
  close(fd);
  reply_text(the_app.held[0], 200, "done", 4);
  expect_status(waiting, &a, 200);
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(waiting));
  close(waiting);
  free(a.body);
  assert_int_equal(end_server(), VECD_OK);
}

static void test_grace(void **state) {
  (void)state;
  start_server((vecd_http_settings){.grace_ms = 50});
  int fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  vecd_http_server_stop(the_app.server);
  assert_true(closed(fd));
  close(fd);
  assert_int_equal(vecd_http_server_join(the_app.server), VECD_TIMEOUT);
  assert_int_equal(the_app.n_cancel, 1);
  reply_text(the_app.held[0], 200, "late", 4); /* legal, and dropped */
  assert_int_equal(end_server(), VECD_TIMEOUT);
  /* And one never answered; and abort, which does not wait. */
  start_server((vecd_http_settings){0});
  fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  vecd_http_server_abort(the_app.server);
  assert_int_equal(end_server(), VECD_TIMEOUT);
  close(fd);
}

static void test_listeners(void **state) {
  (void)state;
  char unix_address[128], inherited[32], folder[] = "/tmp/vecd-http-XXXXXX";
  assert_non_null(mkdtemp(folder));
  snprintf(unix_address, sizeof unix_address, "unix:%s/socket", folder);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(listen(fd, 5), 0);
  struct sockaddr_in own = {0};
  socklen_t len = sizeof own;
  getsockname(fd, (struct sockaddr *)&own, &len);
  snprintf(inherited, sizeof inherited, "fd:%d", fd);
  const char *addresses[] = {"127.0.0.1:0", unix_address, inherited, "localhost:0"};
  /* The path of a crashed server does not stand in the way, a living one's does. */
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  strcpy(path.sun_path, unix_address + 5);
  int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(stale, (struct sockaddr *)&path, sizeof path), 0);
  close(stale);
  start_server((vecd_http_settings){.listen = addresses, .n_listen = 4});
  answer a = {0};
  assert_true(vecd_http_server_port(the_app.server, 0) > 0);
  assert_int_equal(vecd_http_server_port(the_app.server, 1), 0);
  assert_int_equal(vecd_http_server_port(the_app.server, 2), ntohs(own.sin_port));
  assert_true(vecd_http_server_port(the_app.server, 3) > 0);
  int c = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(connect(c, (struct sockaddr *)&path, sizeof path), 0);
  say(c, POST("/u") "Content-Length: 2\r\n\r\nok");
  expect_status(c, &a, 200);
  say(c, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  assert_string_equal(the_app.held[0]->peer, "unix");
  close(c);
  WAIT_UNTIL(the_app.n_cancel == 1);
  vecd_http_discard(the_app.held[0]);
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(c, (struct sockaddr *)&own, sizeof own), 0);
  say(c, GET("/inherited") "\r\n");
  expect_status(c, &a, 200);
  close(c);
  free(a.body);

  char port[32];
  snprintf(port, sizeof port, "127.0.0.1:%u", vecd_http_server_port(the_app.server, 0));
  const struct {
    const char *address, *text;
    vecd_status status;
  } bad[] = {{port, "address already in use", VECD_IO},
             {unix_address, "address already in use", VECD_IO},
             {"unix:/no/such/folder/x", "/no/such/folder/x: ", VECD_IO},
             {"fd:999", "not a listening socket", VECD_IO},
             {"192.0.2.1:80", "no such address", VECD_IO},
             {"127.0.0.1", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:", "not an address", VECD_BAD_ARGUMENT},
             {":80", "not an address", VECD_BAD_ARGUMENT},
             {"::1:80", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:65536", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:-1", "not an address", VECD_BAD_ARGUMENT},
             {"fd:x", "not an address", VECD_BAD_ARGUMENT},
             {"unix:", "a socket's path", VECD_BAD_ARGUMENT}};
  vecd_http_handler handler = {.on_request = on_request};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vecd_http_server *none = NULL;
    vecd_err err = {0};
    vecd_http_settings s = {.listen = &bad[i].address, .n_listen = 1};
    assert_int_equal(vecd_http_server_new(&s, &handler, &none, &err), bad[i].status);
    assert_null(none);
    if (!strstr(err.text, bad[i].text)) fail_msg("%s", err.text);
  }
  stop_server();
  assert_int_equal(access(path.sun_path, F_OK), -1);
  assert_int_equal(rmdir(folder), 0);
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

static void test_out_of_descriptors(void **state) {
  (void)state;
  start_server((vecd_http_settings){.linger_ms = 100});
  ask(GET("/") "\r\n", 200, "/");
  vecd_http_stats stats;
  do vecd_http_server_stats(the_app.server, &stats);
  while (stats.connections_open); /* its descriptor would be free to the next */
  struct rlimit old, few;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  int waiting[3];
  for (int i = 0; i < 3; i++) waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
  few = old;
  few.rlim_cur = (rlim_t)waiting[2] + 1; /* none of ours is left to the server, or at most gaps */
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  int gaps[64], n_gaps = 0;
  while (n_gaps < 64 && (gaps[n_gaps] = dup(0)) >= 0) n_gaps++;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(connect(waiting[i], (struct sockaddr *)&to, sizeof to), 0);
    answer a = {0};
    hear(waiting[i], &a, false); /* a 503 or an end, but not silence */
    if (a.status) assert_int_equal(a.status, 503);
    free(a.body);
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  for (int i = 0; i < n_gaps; i++) close(gaps[i]);
  for (int i = 0; i < 3; i++) close(waiting[i]);
  ask(GET("/") "\r\n", 200, "/");
  stop_server();
}

/* The N-th allocation fails, for every N a round of requests makes: each client gets a proper answer or an end, and the next
 * round, with memory, is served as ever. */
static void test_out_of_memory(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  const char *texts[] = {POST("/e") "Content-Length: 20\r\n\r\n01234567890123456789",
                         POST("/e") "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", GET("/stream") "\r\n",
                         GET("/big") "\r\n", GET("/refuse") "\r\n"};
  int n_served = 0, n_refused = 0;
  for (uint64_t n = 1; n < 40; n++)
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      vecd_mem_fail_nth(n);
      int fd = client();
      answer a = {0};
      say(fd, texts[i]);
      hear(fd, &a, false);
      if (a.status == 503)
        n_refused++;
      else if (a.status)
        assert_int_equal(a.status, i == 4 ? 429 : 200);
      n_served += a.status == 200;
      close(fd);
      free(a.body);
      vecd_mem_fail_nth(0);
    }
  assert_true(n_served > 50);
  assert_true(n_refused > 0);
  ask(texts[0], 200, "01234567890123456789");
  stop_server();
  /* Setting up. */
  static const char *const listen_at[] = {"127.0.0.1:0"};
  vecd_http_settings settings = {.listen = listen_at, .n_listen = 1, .server_name = "x", .n_threads = 3};
  vecd_http_handler handler = {.on_request = on_request};
  vecd_http_server *server = NULL;
  for (uint64_t n = 1; !server; n++) {
    vecd_err err = {0};
    vecd_mem_fail_nth(n);
    vecd_status status = vecd_http_server_new(&settings, &handler, &server, &err);
    vecd_mem_fail_nth(0);
    assert_true(status == VECD_OK || status == VECD_NO_MEMORY);
  }
  vecd_http_server_free(&server);
  vecd_http_server_free(&server);
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

static vecd_http_server *to_stop;
static void on_signal(int number) {
  (void)number;
  vecd_http_server_stop(to_stop);
}

static void test_stop_from_signal(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  to_stop = the_app.server;
  struct sigaction action = {.sa_handler = on_signal}, old;
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  assert_int_equal(end_server(), VECD_OK);
  sigaction(SIGUSR1, &old, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_bodies),
      cmocka_unit_test(test_pipelining),
      cmocka_unit_test(test_early_refusal),
      cmocka_unit_test(test_reply_header),
      cmocka_unit_test(test_deadlines),
      cmocka_unit_test(test_slow_reader),
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_hang_up),
      cmocka_unit_test(test_other_thread),
      cmocka_unit_test(test_connection_limit),
      cmocka_unit_test(test_drain),
      cmocka_unit_test(test_grace),
      cmocka_unit_test(test_listeners),
      cmocka_unit_test(test_many_headers),
      cmocka_unit_test(test_out_of_descriptors),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_no_malloc_storm),
      cmocka_unit_test(test_stop_from_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
