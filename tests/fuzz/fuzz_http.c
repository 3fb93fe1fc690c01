/* fuzz_http.c - head parser, chunked decoder and connection state machine, with memory in place of the socket.
 *
 * Input: a byte of modes, a byte of seed, then what the client sends. The seed decides how the bytes are cut, when writes
 * block and when the handler answers. Whatever comes: every request is finished exactly once, what is sent is a row of
 * well-formed replies in order, the connection ends, and no memory is left. And in the modes that change nothing but the
 * cutting, the handler must see what it sees when all comes in one piece. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/http_shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MODE_JUMP_TIME 1u  /* deadlines pass now and then */
#define MODE_RESET     2u  /* the client vanishes somewhere */
#define MODE_NO_MEMORY 4u  /* an allocation fails */
#define MODE_DRAIN     8u  /* the server stops meanwhile */
#define MODE_KEEP_OPEN 16u /* the client does not end its side */
#define MODES_SAME     (MODE_KEEP_OPEN)

typedef struct world {
  unsigned modes;
  uint32_t random;
  bool whole; /* no cutting, no blocking, answers at once */
  const uint8_t *input;
  size_t len, at, pause_at;
  vecd_buf sent;
  vecd_http_request *held; /* answer owed */
  bool held_stream;
  unsigned n_head, n_request, n_done, n_cancel;
  uint64_t seen; /* digest of all the handler saw */
} world;

static unsigned dice(world *w, unsigned sides) {
  w->random = w->random * 1664525u + 1013904223u;
  return (w->random >> 16) % sides;
}

static void digest(world *w, const char *p, size_t n) {
  for (size_t i = 0; i < n; i++) w->seen = (w->seen ^ (uint8_t)p[i]) * 0x100000001b3u;
  w->seen = (w->seen ^ 0x1ff) * 0x100000001b3u;
}

static ssize_t wire_read(vecd_http_connection *c, void *to, size_t n) {
  world *w = c->io_ctx;
  if (w->at == w->len) {
    if (!(w->modes & MODE_KEEP_OPEN)) return 0;
    errno = EAGAIN;
    return -1;
  }
  if (w->at == w->pause_at) {
    w->pause_at = w->whole ? w->len : w->at + 1 + dice(w, 1u << dice(w, 9));
    if (w->pause_at > w->len) w->pause_at = w->len;
    errno = dice(w, 8) ? EAGAIN : EINTR;
    if (!w->whole) return -1;
  }
  if (n > w->pause_at - w->at) n = w->pause_at - w->at;
  memcpy(to, w->input + w->at, n);
  w->at += n;
  return (ssize_t)n;
}

static ssize_t wire_write(vecd_http_connection *c, const struct iovec *parts, int n_parts) {
  world *w = c->io_ctx;
  size_t n = 0, most = SIZE_MAX;
  if (!w->whole && dice(w, 4) == 0) {
    most = dice(w, 100);
    if (most == 0) {
      errno = EAGAIN;
      return -1;
    }
  }
  for (int i = 0; i < n_parts; i++) {
    size_t take = parts[i].iov_len < most - n ? parts[i].iov_len : most - n;
    vecd_assert(parts[i].iov_len > 0);
    vecd_buf_append(&w->sent, parts[i].iov_base, take);
    n += take;
  }
  return (ssize_t)n;
}

static const vecd_http_io wire = {wire_read, wire_write};

/* ---- the handler ---- */

static void check_span(vecd_span s) {
  for (size_t i = 0; i < s.len; i++) vecd_assert(vecd_http_is(s.ptr[i], VECD_HTTP_C_VALUE));
}

static void on_head(void *ctx, vecd_http_request *req) {
  world *w = ctx;
  vecd_assert(!w->held && w->n_head == w->n_done);
  w->n_head++;
  vecd_assert(req->path.len > 0 && (req->path.ptr[0] == '/' || (req->path.len == 1 && req->path.ptr[0] == '*')));
  check_span(req->target);
  check_span(req->authority);
  for (size_t i = 0; i < req->n_headers; i++) {
    vecd_assert(req->headers[i].name.len > 0);
    for (size_t k = 0; k < req->headers[i].name.len; k++)
      vecd_assert(vecd_http_is(req->headers[i].name.ptr[k], VECD_HTTP_C_TOKEN));
    check_span(req->headers[i].value);
  }
  vecd_span decoded;
  vecd_status ignored = vecd_http_percent_decode(&req->arena, req->path, &decoded, NULL);
  (void)ignored;
  if ((w->modes & ~MODES_SAME) && req->path.len > 1 && req->path.ptr[1] == 'r') vecd_http_reply_error(req, 429, "refused");
  if (req->path.len > 1 && req->path.ptr[1] == 's') req->max_body_bytes = 100;
}

typedef struct stream {
  world *w;
  unsigned n_left;
} stream;

static vecd_http_piece next_piece(void *ctx, vecd_http_request *req, vecd_buf *out) {
  stream *s = ctx;
  vecd_assert(!s->w->held);
  if (s->n_left == 0) return req->query.len == 1 ? VECD_HTTP_ABORT : VECD_HTTP_END;
  s->n_left--;
  for (unsigned i = s->n_left % 7; i; i--) vecd_buf_append_str(out, "piece");
  if (s->n_left % 3 || s->w->whole) return VECD_HTTP_MORE;
  s->w->held = req;
  s->w->held_stream = true;
  return VECD_HTTP_WAIT;
}

static void answer(world *w, vecd_http_request *req) {
  char where = req->path.len > 1 ? req->path.ptr[1] : '/';
  vecd_buf body = {.tag = VECD_MEM_HTTP};
  stream *s;
  switch (where) {
  case 't':
    s = vecd_arena_alloc(&req->arena, sizeof *s);
    if (!s) {
      vecd_http_discard(req);
      return;
    }
    *s = (stream){w, (unsigned)req->query.len * 5};
    vecd_http_reply_stream(req, 200, "text/plain", NULL, 0, next_piece, s);
    return;
  case 'd': vecd_http_discard(req); return;
  case 'n': vecd_http_reply(req, 204, NULL, NULL, 0, NULL); return;
  case 'e': vecd_http_reply_error(req, 422, "\"\x01\\\xc3\xa9"); return;
  default:
    vecd_buf_append(&body, req->body.ptr, req->body.len);
    vecd_http_reply(req, 200, "text/plain", req->headers, req->n_headers < 3 ? req->n_headers : 0, &body);
    vecd_assert(!body.ptr);
  }
}

static void on_request(void *ctx, vecd_http_request *req) {
  world *w = ctx;
  w->n_request++;
  vecd_assert(req->body.len <= req->max_body_bytes);
  vecd_assert(req->chunked || req->content_length == req->body.len);
  digest(w, req->target.ptr, req->target.len);
  for (size_t i = 0; i < req->n_headers; i++) {
    digest(w, req->headers[i].name.ptr, req->headers[i].name.len);
    digest(w, req->headers[i].value.ptr, req->headers[i].value.len);
  }
  digest(w, req->body.ptr, req->body.len);
  if (w->whole || dice(w, 2)) {
    answer(w, req);
  } else {
    w->held = req;
    w->held_stream = false;
  }
}

static void on_cancel(void *ctx, vecd_http_request *req) {
  world *w = ctx;
  vecd_assert(w->held == req);
  w->n_cancel++;
}

static void on_done(void *ctx, vecd_http_request *req) {
  world *w = ctx;
  vecd_assert(w->held != req);
  w->n_done++;
  vecd_assert(w->n_done == w->n_head);
}

static void give_answer(world *w) {
  vecd_http_request *req = w->held;
  if (!req) return;
  w->held = NULL;
  if (w->held_stream)
    vecd_http_stream_wake(req);
  else
    answer(w, req);
}

/* ---- what was sent ---- */

/* Gives the place behind the reply at p, which may be cut off only where all ends (`cut` is then set). */
static const char *check_reply(const char *p, const char *end, bool *cut, bool *last, int *status) {
  static const char start[] = "HTTP/1.1 ";
  *cut = true;
  const char *blank = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
  if (!blank) return end;
  size_t n_head = (size_t)(blank + 2 - p);
  vecd_assert(n_head > 13 && memcmp(p, start, 9) == 0);
  *status = atoi(p + 9);
  vecd_assert(*status >= 100 && *status <= 599);
  for (size_t i = 0; i < n_head; i++)
    vecd_assert(p[i] == '\r' ? p[i + 1] == '\n' : p[i] == '\n' ? i && p[i - 1] == '\r' : vecd_http_is(p[i], VECD_HTTP_C_VALUE));
  *last = memmem(p, n_head, "\r\nConnection: close\r\n", 21) != NULL;
  const char *length = memmem(p, n_head, "\r\nContent-Length: ", 18);
  bool chunked = memmem(p, n_head, "\r\nTransfer-Encoding: chunked\r\n", 30) != NULL;
  p = blank + 4;
  if (chunked) {
    vecd_http_chunked d = {0};
    vecd_http_fault fault;
    for (vecd_http_step step = VECD_HTTP_STEP_MORE; p < end && step != VECD_HTTP_STEP_DONE;) {
      size_t used;
      vecd_span out;
      step = vecd_http_chunked_step(&d, p, (size_t)(end - p), &used, &out, &fault);
      vecd_assert(step != VECD_HTTP_STEP_FAULT);
      p += used;
      if (step == VECD_HTTP_STEP_DONE) *cut = false;
    }
    return p;
  }
  if (!length) {
    *cut = *status >= 200 && *status != 204 && *status != 304; /* ends with the connection, or has no body */
    return *cut ? end : p;
  }
  size_t n = strtoul(length + 18, NULL, 10);
  if ((size_t)(end - p) < n) return end;
  *cut = false;
  return p + n;
}

/* HEAD is kept out of the runs whose output is checked: a reply to it cannot be told from the bytes alone. */
static void check_sent(world *w) {
  bool cut = false, last = false;
  unsigned n_final = 0;
  const char *p = w->sent.len ? w->sent.ptr : "", *end = p + w->sent.len;
  while (p < end) {
    vecd_assert(!cut && !last);
    int status = 0;
    p = check_reply(p, end, &cut, &last, &status);
    if (status >= 200) n_final++;
  }
  vecd_assert(n_final <= w->n_head + 1);
}

/* ---- one run ---- */

static void run(world *w) {
  static vecd_http_server server; /* its list of listeners is large for a stack */
  memset(&server, 0, sizeof server);
  server.settings = (vecd_http_settings){.max_head_bytes = 1000, .max_headers = 16, .max_body_bytes = 2000};
  vecd_http_settings_default(&server.settings);
  server.handler = (vecd_http_handler){w, on_head, on_request, on_cancel, on_done};
  size_t bytes_before = vecd_mem_total_bytes();
  vecd_http_shard shard;
  vecd_status status = vecd_http_shard_init(&shard, &server, NULL);
  vecd_assert(status == VECD_OK);
  w->pause_at = w->whole ? w->len : dice(w, 40);
  if (w->pause_at > w->len) w->pause_at = w->len;
  if (w->modes & MODE_NO_MEMORY) vecd_mem_fail_nth(1 + dice(w, 24));
  vecd_http_connection *c = vecd_http_connection_new(&shard, -1, true);
  if (c) {
    c->io = &wire;
    c->io_ctx = w;
  }
  unsigned n_rounds = 0, n_idle = 0;
  while (shard.n_connections && n_idle < 20) {
    size_t at = w->at, sent = w->sent.len;
    if (c->state < VECD_HTTP_GONE) vecd_http_connection_ready(c, true, true);
    vecd_http_shard_settle(&shard);
    if (!shard.n_connections) break;
    if (w->at == w->len && !(w->modes & MODE_KEEP_OPEN) && c->state < VECD_HTTP_GONE && !c->fin) vecd_http_connection_fin(c);
    if ((w->modes & MODE_JUMP_TIME) && dice(w, 20) == 0) shard.now_ms += 15000;
    if ((w->modes & MODE_RESET) && dice(w, 30) == 0) vecd_http_connection_close(c);
    if ((w->modes & MODE_DRAIN) && !shard.draining && shard.n_connections && dice(w, 10) == 0) {
      shard.draining = true;
      if (c->state < VECD_HTTP_GONE) vecd_http_connection_drain(c);
    }
    if (w->whole || dice(w, 3) == 0) give_answer(w);
    vecd_http_shard_settle(&shard);
    n_idle = w->at == at && w->sent.len == sent && !w->held ? n_idle + 1 : 0;
    vecd_assert(n_rounds++ < 1000000);
  }
  vecd_mem_fail_nth(0);
  /* Nothing moves any more: the deadlines end it. */
  for (int i = 0; shard.n_connections; i++) {
    vecd_assert(i < 100);
    shard.now_ms += 100000;
    vecd_http_shard_settle(&shard);
    give_answer(w);
    vecd_http_shard_settle(&shard);
    if (shard.n_connections && c->state < VECD_HTTP_GONE) vecd_http_connection_ready(c, false, true);
    vecd_http_shard_settle(&shard);
  }
  vecd_assert(w->n_head == w->n_done && w->n_request <= w->n_head && !w->held);
  vecd_http_shard_fini(&shard);
  vecd_assert(atomic_load(&server.counters.open) == 0 && atomic_load(&server.n_counted) == 0);
  vecd_assert(!w->sent.failed || (w->modes & MODE_NO_MEMORY));
  if (!memmem(w->input, w->len, "HEAD", 4) && !w->sent.failed) check_sent(w);
  vecd_buf_fini(&w->sent);
  vecd_assert(vecd_mem_total_bytes() == bytes_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len < 2) return 0;
  world cut = {.modes = data[0] & 31u, .random = data[1], .input = data + 2, .len = len - 2};
  world whole = cut;
  run(&cut);
  if (cut.modes & ~MODES_SAME) return 0;
  whole.whole = true;
  run(&whole);
  vecd_assert(cut.seen == whole.seen && cut.n_request == whole.n_request && cut.n_head == whole.n_head);
  return 0;
}
