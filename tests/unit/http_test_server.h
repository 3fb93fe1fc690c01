/* http_test_server.h - a server over real sockets, with a small handler that echoes, waits, streams or refuses as the path says, and
 * a client for it; for the tests of the HTTP layer. Nothing asserts how fast something is; waiting ends when what is waited for has
 * happened, and a watchdog ends a test that hangs. */
#ifndef HTTP_TEST_SERVER_H
#define HTTP_TEST_SERVER_H

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

static inline void reply_text(vecd_http_request *req, int status, const char *text, size_t len) {
  vecd_buf body = {.tag = VECD_MEM_HTTP};
  vecd_buf_append(&body, text, len);
  vecd_http_header headers[] = {{VECD_SPAN("X-Test"), VECD_SPAN("yes")}, {VECD_SPAN("X-Bad"), VECD_SPAN("a\r\nb: c")}};
  vecd_http_reply(req, status, "text/plain", headers, 2, &body);
  assert_null(body.ptr);
}

static inline void on_head(void *ctx, vecd_http_request *req) {
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

static inline void *wake_later(void *req) {
  vecd_http_stream_wake(req);
  return NULL;
}

static inline vecd_http_piece next_piece(void *ctx, vecd_http_request *req, vecd_buf *out) {
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

static inline void on_request(void *ctx, vecd_http_request *req) {
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

static inline void on_cancel(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  assert_ptr_equal(req->user, a);
  atomic_fetch_add(&a->n_cancel, 1);
}

static inline void on_done(void *ctx, vecd_http_request *req) {
  app *a = ctx;
  atomic_store(&a->last_status, req->status);
  atomic_store(&a->last_complete, req->complete);
  atomic_fetch_add(&a->n_done, 1);
}

/* ---- the harness ---- */

static app the_app;
static size_t bytes_before;

static inline void start_server(vecd_http_settings settings) {
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

static inline vecd_status end_server(void) {
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

static inline void stop_server(void) {
  vecd_http_server_stop(the_app.server);
  assert_int_equal(end_server(), VECD_OK);
}

static inline void nap(void) { poll(NULL, 0, 2); }
#define WAIT_UNTIL(condition) \
  while (!(condition)) nap()

static inline int client(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) fail_msg("connect: %s", strerror(errno));
  return fd;
}

static inline void say_bytes(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent < 0) return; /* the server may have had enough: the answer tells */
    p += sent;
    n -= (size_t)sent;
  }
}

static inline void say(int fd, const char *text) { say_bytes(fd, text, strlen(text)); }

/* What a server said: a head and a body. */
typedef struct answer {
  int status; /* 0: nothing came */
  char head[2048];
  char *body;
  size_t n_body;
  bool whole;
} answer;

static inline bool read_exact(int fd, char *to, size_t n) {
  while (n) {
    ssize_t got = recv(fd, to, n, 0);
    if (got <= 0) return false;
    to += got;
    n -= (size_t)got;
  }
  return true;
}

static inline bool read_line(int fd, char *to, size_t cap) {
  for (size_t n = 0; n + 1 < cap; n++) {
    if (!read_exact(fd, to + n, 1)) return false;
    to[n + 1] = '\0';
    if (n && to[n - 1] == '\r' && to[n] == '\n') return true;
  }
  return false;
}

/* Frees the last answer and reads the next. */
static inline void hear(int fd, answer *a, bool no_body) {
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

static inline bool closed(int fd) {
  char c;
  return recv(fd, &c, 1, 0) <= 0;
}

static inline void expect_status(int fd, answer *a, int status) {
  hear(fd, a, false);
  if (a->status != status) fail_msg("status %d, not %d: %s%s", a->status, status, a->head, a->body);
  assert_true(a->whole);
}

/* One exchange on a connection of its own, to its end. */
static inline void ask(const char *text, int status, const char *body) {
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

#endif
