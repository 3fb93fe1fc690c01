/* http_connection.c - the state machine. Every public entry moves the connection as far as it goes without blocking; no
 * function here calls itself through the handler, so a client that pipelines cannot dig a deep stack. A connection that dies
 * keeps its memory until the end of the loop's round, so callers need not wonder whether it is still there. */
#include "http/http_connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_shard.h"

#define FIRST_IN_BYTES    ((size_t)8 << 10)
#define MOST_BODY_STEP    ((size_t)64 << 10) /* a body's buffer doubles, from this */
#define KEEP_BYTES        ((size_t)32 << 10) /* buffers beyond this do not outlive their request */
#define MOST_LINGER_BYTES ((uint64_t)64 << 20)
#define READS_A_TURN      8
#define PIECES_A_TURN     16

static const vecd_http_settings *settings_of(const vecd_http_connection *c) { return &c->shard->server->settings; }
static const vecd_http_handler *handler_of(const vecd_http_connection *c) { return &c->shard->server->handler; }

static size_t unread(const vecd_http_connection *c) { return c->in.len - c->in_pos; }

vecd_http_connection *vecd_http_connection_new(vecd_http_shard *shard, int fd, bool counted) {
  size_t out_bytes = VECD_HTTP_OUT_BYTES + (shard->server->server_name ? strlen(shard->server->server_name) : 0);
  vecd_http_connection *c = vecd_alloc_zero(VECD_MEM_HTTP, 1, sizeof *c);
  if (!c) return NULL;
  vecd_buf_init(&c->in, VECD_MEM_HTTP);
  vecd_buf_init(&c->out, VECD_MEM_HTTP);
  vecd_buf_init(&c->body, VECD_MEM_REQUEST);
  vecd_buf_init(&c->answer.headers, VECD_MEM_HTTP);
  vecd_buf_init(&c->answer.body, VECD_MEM_HTTP);
  vecd_arena_init(&c->req.arena, VECD_MEM_REQUEST);
  /* One timer each, and the shard's own. */
  if (!vecd_buf_reserve(&c->out, out_bytes) || !vecd_http_timers_reserve(&shard->timers, shard->n_connections + 2)) {
    vecd_http_connection_free(c);
    return NULL;
  }
  c->watch = VECD_HTTP_WATCH_CONNECTION;
  c->fd = fd;
  c->io = &vecd_http_io_socket;
  c->shard = shard;
  c->counted = counted;
  c->next = shard->connections;
  if (c->next) c->next->prev = c;
  shard->connections = c;
  shard->n_connections++;
  if (counted)
    atomic_fetch_add(&shard->server->n_counted, 1);
  else
    shard->n_refusing++;
  VECD_HTTP_COUNT(shard, open, 1);
  vecd_http_deadline(c, settings_of(c)->idle_ms);
  return c;
}

void vecd_http_connection_free(vecd_http_connection *c) {
  vecd_buf_fini(&c->in);
  vecd_buf_fini(&c->out);
  vecd_buf_fini(&c->body);
  vecd_buf_fini(&c->answer.headers);
  vecd_buf_fini(&c->answer.body);
  vecd_arena_fini(&c->req.arena);
  vecd_free(c);
}

/* Tells the handler that its request is over and makes ready for the next; memory is kept for it, but not without bound. */
static void end_request(vecd_http_connection *c) {
  if (c->in_handler) {
    c->in_handler = false;
    if (handler_of(c)->on_done) handler_of(c)->on_done(handler_of(c)->ctx, &c->req);
  }
  vecd_arena arena = c->req.arena;
  if (arena.head != c->arena_first)
    vecd_arena_fini(&arena);
  else
    vecd_arena_reset(&arena);
  c->arena_first = arena.head;
  c->req = (vecd_http_request){.arena = arena, .peer = c->peer};
  vecd_buf *reused[] = {&c->body, &c->answer.headers};
  for (size_t i = 0; i < sizeof reused / sizeof *reused; i++) {
    if (reused[i]->cap > KEEP_BYTES) vecd_buf_fini(reused[i]);
    reused[i]->len = 0;
    reused[i]->failed = false;
  }
  vecd_buf_fini(&c->answer.body);
  c->answer.n_error = 0;
  c->tail = (vecd_span){0};
  c->out_pos = c->tail_pos = 0;
  c->streaming = c->answered = c->cancel_told = false;
}

static void die(vecd_http_connection *c) {
  vecd_http_shard *shard = c->shard;
  end_request(c);
  c->state = VECD_HTTP_DEAD;
  if (c->prev) c->prev->next = c->next;
  if (c->next) c->next->prev = c->prev;
  if (shard->connections == c) shard->connections = c->next;
  shard->n_connections--;
  if (c->counted)
    atomic_fetch_sub(&shard->server->n_counted, 1);
  else
    shard->n_refusing--;
  c->prev = NULL;
  c->next = shard->dead;
  shard->dead = c;
}

static void tell_cancel(vecd_http_connection *c) {
  if (!c->owed || c->cancel_told) return;
  c->cancel_told = true;
  VECD_HTTP_COUNT(c->shard, cancelled, 1);
  if (handler_of(c)->on_cancel) handler_of(c)->on_cancel(handler_of(c)->ctx, &c->req);
}

void vecd_http_connection_close(vecd_http_connection *c) {
  if (c->state == VECD_HTTP_GONE || c->state == VECD_HTTP_DEAD) return;
  c->state = VECD_HTTP_GONE;
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  vecd_http_timer_remove(&c->shard->timers, &c->timer);
  VECD_HTTP_COUNT(c->shard, open, (uint64_t)-1);
  if (c->owed)
    tell_cancel(c);
  else
    die(c);
}

void vecd_http_connection_kill(vecd_http_connection *c) {
  c->owed = false;
  if (c->state == VECD_HTTP_GONE)
    die(c);
  else
    vecd_http_connection_close(c);
}

/* The end of our side. The socket is closed when the client has read all and closed too, or the time is up: closing with
 * bytes unread would reset the connection, and the client might never see the answer. */
static void linger(vecd_http_connection *c) {
  if (c->eof) {
    vecd_http_connection_close(c);
    return;
  }
  if (c->fd >= 0) shutdown(c->fd, SHUT_WR);
  c->state = VECD_HTTP_LINGER;
  c->window_bytes = 0;
  c->blocked = false;
  vecd_buf_fini(&c->in);
  c->in_pos = 0;
  vecd_http_deadline(c, settings_of(c)->linger_ms);
}

static void expect_head(vecd_http_connection *c) {
  c->state = VECD_HTTP_READ_HEAD;
  c->scan = (vecd_http_scan){0};
  vecd_http_deadline(c, settings_of(c)->idle_ms);
  if (c->shard->draining && unread(c) == 0) linger(c);
}

static void begin_answer(vecd_http_connection *c) {
  if (c->answer.kind == VECD_HTTP_ANSWER_DISCARD) {
    vecd_http_connection_close(c);
    return;
  }
  vecd_http_reply_compose(c);
  c->state = VECD_HTTP_SENDING;
  c->blocked = false; /* by an interim answer: from here it counts anew */
  vecd_http_no_deadline(c);
}

void vecd_http_connection_refuse(vecd_http_connection *c, int status, const char *text) {
  vecd_http_answer_error(c, status, text);
  c->close_after = true;
  begin_answer(c);
}

static bool refuse(vecd_http_connection *c, int status, const char *text) {
  vecd_http_connection_refuse(c, status, text);
  return true;
}

/* Lets the handler see the whole request. True when it answered at once. */
static bool call_request(vecd_http_connection *c) {
  c->req.body = (vecd_span){c->body.ptr, c->body.len};
  c->state = VECD_HTTP_WAITING;
  vecd_http_no_deadline(c);
  c->owed = true;
  c->shard->calling = c;
  handler_of(c)->on_request(handler_of(c)->ctx, &c->req);
  c->shard->calling = NULL;
  if (c->answered) {
    c->owed = false;
    begin_answer(c);
    return true;
  }
  if (c->fin) tell_cancel(c);
  return false;
}

/* The head is whole and in order: the handler's turn, then the body's. */
static bool begin_request(vecd_http_connection *c, const vecd_http_head *head) {
  c->framing = head->framing;
  c->body_left = head->content_length;
  c->chunked = (vecd_http_chunked){0};
  c->keep_alive = head->keep_alive;
  c->close_after = !head->keep_alive;
  c->in_handler = true;
  VECD_HTTP_COUNT(c->shard, requests, 1);
  if (handler_of(c)->on_head) {
    c->shard->calling = c;
    handler_of(c)->on_head(handler_of(c)->ctx, &c->req);
    c->shard->calling = NULL;
  }
  if (c->answered) {
    /* The body of a refused request is skipped where it has come along; waiting for one that may never come would keep the
     * refusal from the client, so there the connection ends. */
    if (c->framing == VECD_HTTP_LENGTH && unread(c) >= c->body_left)
      c->in_pos += (size_t)c->body_left;
    else if (c->framing != VECD_HTTP_NO_BODY)
      c->close_after = true;
    begin_answer(c);
    return true;
  }
  if (c->framing == VECD_HTTP_NO_BODY) return call_request(c);
  if (c->body_left > c->req.max_body_bytes) return refuse(c, 413, "request body too large");
  c->state = VECD_HTTP_READ_BODY;
  c->window_bytes = 0;
  vecd_http_deadline(c, settings_of(c)->body_ms);
  if (head->expect_continue && unread(c) == 0) {
    vecd_buf_append_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    vecd_http_send_pending(c);
  }
  return true;
}

/* Moves one head from `in` to the request's arena, where nothing will push it about. False: needs more bytes. */
static bool take_head(vecd_http_connection *c) {
  if (unread(c) == 0) {
    if (c->eof) vecd_http_connection_close(c);
    return false;
  }
  if (c->scan.pos == 0) {
    c->req.begun_ns = vecd_now_ns();
    vecd_http_deadline(c, settings_of(c)->header_ms);
  }
  const char *p = c->in.ptr + c->in_pos;
  vecd_http_fault fault;
  vecd_http_step step = vecd_http_head_scan(&c->scan, p, unread(c), settings_of(c)->max_head_bytes, &fault);
  if (step == VECD_HTTP_STEP_FAULT) return refuse(c, fault.status, fault.text);
  if (step == VECD_HTTP_STEP_MORE) return c->eof ? refuse(c, 400, "request is not whole") : false;
  size_t cap = c->scan.n_lines - 1;
  if (cap > settings_of(c)->max_headers) cap = settings_of(c)->max_headers;
  char *copy = vecd_arena_alloc(&c->req.arena, c->scan.pos);
  vecd_http_header *headers = vecd_arena_alloc(&c->req.arena, cap * sizeof *headers);
  if (!copy || !headers) return refuse(c, 503, "out of memory");
  c->arena_first = c->req.arena.head;
  memcpy(copy, p, c->scan.pos);
  c->in_pos += c->scan.pos;
  vecd_http_head head;
  step = vecd_http_head_parse(copy, &c->scan, &head, headers, cap, &fault);
  if (step == VECD_HTTP_STEP_FAULT) return refuse(c, fault.status, fault.text);
  vecd_http_request *req = &c->req;
  req->method = head.method;
  req->minor = head.minor;
  req->target = head.target;
  req->path = head.path;
  req->query = head.query;
  req->authority = head.authority;
  req->headers = headers;
  req->n_headers = head.n_headers;
  req->chunked = head.framing == VECD_HTTP_CHUNKED;
  req->content_length = head.content_length;
  req->max_body_bytes = settings_of(c)->max_body_bytes;
  return begin_request(c, &head);
}

static bool take_chunks(vecd_http_connection *c) {
  while (unread(c)) {
    size_t used;
    vecd_span data;
    vecd_http_fault fault;
    vecd_http_step step = vecd_http_chunked_step(&c->chunked, c->in.ptr + c->in_pos, unread(c), &used, &data, &fault);
    c->in_pos += used;
    if (step == VECD_HTTP_STEP_DONE) return call_request(c);
    if (step == VECD_HTTP_STEP_FAULT) return refuse(c, fault.status, fault.text);
    size_t room = c->req.max_body_bytes - c->body.len, n = step == VECD_HTTP_STEP_DATA ? data.len : 0;
    if (n > room || c->chunked.left > room - n)
      return refuse(c, 413, "request body too large"); /* also before its first byte */
    if (step == VECD_HTTP_STEP_MORE) break;
    vecd_buf_append(&c->body, data.ptr, data.len);
    if (c->body.failed) return refuse(c, 503, "out of memory");
  }
  return c->eof ? refuse(c, 400, "request body is not whole") : false;
}

static bool take_body(vecd_http_connection *c) {
  if (c->framing == VECD_HTTP_CHUNKED) return take_chunks(c);
  size_t n = unread(c) < c->body_left ? unread(c) : (size_t)c->body_left;
  if (n) {
    vecd_buf_append(&c->body, c->in.ptr + c->in_pos, n);
    if (c->body.failed) return refuse(c, 503, "out of memory");
    c->in_pos += n;
    c->body_left -= n;
  }
  if (c->body_left == 0) return call_request(c);
  return c->eof ? refuse(c, 400, "request body is not whole") : false;
}

/* True when the reply is out and the next request's turn has come. */
static bool send_more(vecd_http_connection *c) {
  for (int n_pieces = 0;; n_pieces++) {
    if (!vecd_http_send_pending(c)) return false;
    if (!c->streaming) break;
    if (c->owed) return false;
    if (n_pieces == PIECES_A_TURN) {
      /* Others want their turn: go on when epoll says, which is at once if the client is quick. */
      c->blocked = true;
      c->window_bytes = 0;
      vecd_http_deadline(c, settings_of(c)->send_ms);
      return false;
    }
    vecd_http_send_piece(c);
    if (c->state != VECD_HTTP_SENDING) return false;
    if (c->fin) tell_cancel(c);
  }
  c->req.complete = true;
  end_request(c);
  if (c->close_after)
    linger(c);
  else
    expect_head(c);
  return true;
}

static void advance(vecd_http_connection *c) {
  for (bool go = true; go;) {
    switch (c->state) {
    case VECD_HTTP_READ_HEAD: go = take_head(c); break;
    case VECD_HTTP_READ_BODY: go = take_body(c); break;
    case VECD_HTTP_SENDING: go = send_more(c); break;
    default: go = false;
    }
  }
}

/* Where to read to: the body itself where its length is known and nothing else is pending, else `in`. NULL: no memory. */
static char *read_room(vecd_http_connection *c, size_t *room) {
  if (c->state == VECD_HTTP_READ_BODY && c->framing == VECD_HTTP_LENGTH) {
    size_t step = c->body.len > MOST_BODY_STEP ? c->body.len : MOST_BODY_STEP;
    if (step > c->body_left) step = (size_t)c->body_left;
    if (c->body.cap == c->body.len && !vecd_buf_reserve(&c->body, step)) return NULL;
    *room = c->body.cap - c->body.len < c->body_left ? c->body.cap - c->body.len : (size_t)c->body_left;
    return c->body.ptr + c->body.len;
  }
  if (c->in_pos) {
    memmove(c->in.ptr, c->in.ptr + c->in_pos, unread(c));
    c->in.len -= c->in_pos;
    c->in_pos = 0;
  }
  if (c->in.len == c->in.cap && !vecd_buf_reserve(&c->in, c->in.cap ? c->in.cap : FIRST_IN_BYTES)) return NULL;
  *room = c->in.cap - c->in.len;
  return c->in.ptr + c->in.len;
}

static bool wants_bytes(const vecd_http_connection *c) {
  return (c->state == VECD_HTTP_READ_HEAD || c->state == VECD_HTTP_READ_BODY || c->state == VECD_HTTP_LINGER) && !c->eof;
}

/* One read. True when it filled its room, so that there may be more. */
static bool read_some(vecd_http_connection *c) {
  char dropped[16 << 10];
  size_t room = sizeof dropped;
  char *to = c->state == VECD_HTTP_LINGER ? dropped : read_room(c, &room);
  if (!to) {
    vecd_http_connection_refuse(c, 503, "out of memory");
    return false;
  }
  ssize_t n = c->io->read(c, to, room);
  if (n < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) vecd_http_connection_close(c);
    return false;
  }
  c->window_bytes += (size_t)n;
  VECD_HTTP_COUNT(c->shard, received, (size_t)n);
  if (n == 0) c->eof = c->fin = true;
  if (c->state == VECD_HTTP_LINGER) {
    if (c->eof || c->window_bytes > MOST_LINGER_BYTES) vecd_http_connection_close(c);
  } else if (c->state == VECD_HTTP_READ_BODY && c->framing == VECD_HTTP_LENGTH) {
    c->body.len += (size_t)n;
    c->body_left -= (size_t)n;
  } else {
    c->in.len += (size_t)n;
  }
  return (size_t)n == room;
}

void vecd_http_connection_ready(vecd_http_connection *c, bool readable, bool writable) {
  if (writable) {
    if (c->state == VECD_HTTP_SENDING)
      advance(c);
    else if (c->out.len > c->out_pos)
      vecd_http_send_pending(c); /* an interim answer */
  }
  for (int i = 0; readable && i < READS_A_TURN && wants_bytes(c); i++) {
    readable = read_some(c);
    advance(c);
  }
}

void vecd_http_connection_fin(vecd_http_connection *c) {
  c->fin = true;
  tell_cancel(c);
}

void vecd_http_connection_answered(vecd_http_connection *c) {
  c->owed = false;
  if (c->state == VECD_HTTP_GONE) {
    die(c);
    return;
  }
  if (c->state == VECD_HTTP_WAITING) begin_answer(c);
  advance(c);
  vecd_http_shard_watch(c, 0);
}

/* True when the rate of the window just ended will do; a new one has then begun. */
static bool rate_holds(vecd_http_connection *c, unsigned window_ms, unsigned least_bytes_per_s) {
  if (c->window_bytes * 1000 < (uint64_t)least_bytes_per_s * window_ms || c->window_bytes == 0) return false;
  c->window_bytes = 0;
  vecd_http_deadline(c, window_ms);
  return true;
}

void vecd_http_connection_timeout(vecd_http_connection *c) {
  const vecd_http_settings *s = settings_of(c);
  switch (c->state) {
  case VECD_HTTP_READ_HEAD:
    if (unread(c) == 0) {
      linger(c);
      break;
    }
    VECD_HTTP_COUNT(c->shard, timeouts, 1);
    vecd_http_connection_refuse(c, 408, "request head took too long");
    break;
  case VECD_HTTP_READ_BODY:
    if (rate_holds(c, s->body_ms, s->body_bytes_per_s)) return;
    VECD_HTTP_COUNT(c->shard, timeouts, 1);
    vecd_http_connection_refuse(c, 408, "request body came too slowly");
    break;
  case VECD_HTTP_SENDING:
    if (rate_holds(c, s->send_ms, s->send_bytes_per_s)) return;
    VECD_HTTP_COUNT(c->shard, timeouts, 1);
    vecd_http_connection_close(c);
    break;
  default: vecd_http_connection_close(c);
  }
  advance(c);
  vecd_http_shard_watch(c, 0);
}

void vecd_http_connection_drain(vecd_http_connection *c) {
  if (c->state != VECD_HTTP_READ_HEAD) return;
  vecd_http_connection_ready(c, true, false); /* a request may have come and not been looked at */
  if (c->state == VECD_HTTP_READ_HEAD && unread(c) == 0) linger(c);
  vecd_http_shard_watch(c, 0);
}
