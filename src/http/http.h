/* http.h - a small, strict HTTP/1.1 server on epoll. It has never heard of models.
 *
 * The life of a request, as the handler sees it (all callbacks run on the event thread that owns the connection, and must
 * not block; no lock is held while they run):
 *
 *   on_head     the head is parsed, nothing of the body has been handed over. The handler either lets it pass, perhaps with
 *               a smaller max_body_bytes, or refuses at once by calling one of the reply functions before it returns;
 *               on_request is then not called.
 *   on_request  the body is complete. From here the handler owes exactly one of vecd_http_reply(), vecd_http_reply_error(),
 *               vecd_http_reply_stream() or vecd_http_discard(), now or later, from any thread. A request waits as long as
 *               the handler lets it: there is no deadline on the answer here.
 *   on_cancel   the client hung up while the answer is owed; at most once, on the event thread. The answer is still owed.
 *   on_done     always the last, exactly once for every on_head: the reply is sent or will never be. After it the request,
 *               its arena and its body are gone.
 *
 * No race between answering and cancelling: a request dies only on its event thread, after the answer owed for it has come
 * in. on_cancel may run at the same time as another thread's reply call for the same request, so what both touch (a flag
 * "cancelled") must be atomic. Keep it in the request's arena or free it in on_done, never next to the reply call. The
 * thread that replies must not touch the request after the call.
 *
 * Hang-up. A reset ends the connection: on_cancel, and whatever is answered is thrown away. A FIN cannot be told from a
 * half-close (both are EPOLLRDHUP), and it means "hang-up" to the handler: on_cancel. But the answer that is then given is
 * sent, after which the connection is closed. So a client that shuts down its sending side after a complete request gets
 * every answer the handler does not give up on, and a closed one costs no work. A FIN within a request is answered 400.
 *
 * What the layer answers itself is always JSON, {"error":"..."}: 400 malformed, 408 too slow, 413 body too large, 414 line
 * too long, 417 unknown Expect, 431 head too large, 501 unknown method or transfer coding, 505 other version, 503 too many
 * connections or out of memory. Where framing is in doubt the connection is then closed, lingering (for a bounded time it
 * reads and drops what the client still sends, so that the client gets to read the answer).
 *
 * Pipelined requests are handled one after the other, so answers are in order by construction. */
#ifndef VECD_HTTP_HTTP_H
#define VECD_HTTP_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Methods the server knows; another one is 501. Which of them a path allows is the handler's matter (405). */
#define VECD_HTTP_METHOD_LIST(X) X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS)

typedef enum vecd_http_method {
#define X(name) VECD_HTTP_##name,
  VECD_HTTP_METHOD_LIST(X)
#undef X
} vecd_http_method;

/* "GET" for VECD_HTTP_GET and so on. */
const char *vecd_http_method_name(vecd_http_method method);

/* "Not Found" for 404 and so on; "Unknown" for a number without a name. */
const char *vecd_http_reason(int status);

typedef struct vecd_http_header {
  vecd_span name;  /* a token, in the case the client wrote it */
  vecd_span value; /* without blanks around it; may be empty; may hold bytes >= 0x80 and tabs, no other control bytes */
} vecd_http_header;

/* A request. All spans are the request's own memory and live until on_done returns. Fields are read-only to the handler but
 * for `user` and, in on_head, `max_body_bytes` and `reply_header`. */
typedef struct vecd_http_request {
  vecd_http_method method;
  int minor;           /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
  vecd_span target;    /* as sent */
  vecd_span path;      /* raw, still percent-encoded: from the first '/' to '?'; "*" for OPTIONS * */
  vecd_span query;     /* raw, behind '?'; empty where there is none */
  vecd_span authority; /* of an absolute-form target, else of Host; may be empty */
  const vecd_http_header *headers;
  size_t n_headers;
  bool chunked;            /* the body's length is not known before on_request */
  uint64_t content_length; /* as announced; 0 where there is no body or it is chunked */
  vecd_span body;          /* contiguous and whole; set from on_request on */
  const char *peer;        /* "127.0.0.1:4711", "[::1]:4711" or "unix" */
  uint64_t begun_ns;       /* vecd_now_ns() when its first byte was seen */
  size_t max_body_bytes;   /* on_head may make it smaller; a longer body is answered 413 */
  vecd_arena arena;        /* for the handler: one user at a time, which is whoever owes the answer */
  void *user;              /* the handler's; NULL at on_head */

  /* Goes with whatever answers the request, the layer's own errors included. Borrowed until on_done; left out where it is
   * malformed, or name and value have over 256 bytes. */
  vecd_http_header reply_header;

  /* Set by the layer, to be read in on_done. */
  int status;          /* what was answered; 0: nothing */
  uint64_t sent_bytes; /* of the reply, head included, that the kernel took */
  bool complete;       /* the whole reply was taken by the kernel */
} vecd_http_request;

typedef struct vecd_http_handler {
  void *ctx;
  void (*on_head)(void *ctx, vecd_http_request *req);    /* nullable */
  void (*on_request)(void *ctx, vecd_http_request *req); /* required */
  void (*on_cancel)(void *ctx, vecd_http_request *req);  /* nullable */
  void (*on_done)(void *ctx, vecd_http_request *req);    /* nullable */
} vecd_http_handler;

/* The first header of that name, case ignored; NULL where there is none. `name` is NUL-terminated. */
const vecd_span *vecd_http_header_find(const vecd_http_request *req, const char *name);

/* Decodes %XX (and nothing else: '+' stays) of a path or query part into the request's arena.
 * out   set on success: NUL-terminated behind its end.
 * VECD_OK; VECD_BAD_SYNTAX an invalid escape or an escaped NUL (pos is its place in `raw`); VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_http_percent_decode(vecd_arena *arena, vecd_span raw, vecd_span *out, vecd_err *err);

/* Answers and gives the request back. Once, from any thread; never fails: when memory is out the client gets a 503.
 *
 * content_type  NUL-terminated, copied; NULL where there is no body.
 * headers       further ones, copied; nullable when n_headers is 0. Content-Length, Transfer-Encoding, Connection, Date and
 *               Server are the layer's and left out, as is a malformed name or a value with a control byte.
 * body          nullable; its bytes change hands without being copied and *body is left empty. A failed buffer is a 503.
 *               HEAD, 204 and 304 send none, HEAD and 304 keep its Content-Length. */
void vecd_http_reply(vecd_http_request *req, int status, const char *content_type, const vecd_http_header *headers,
                     size_t n_headers, vecd_buf *body);

/* The same with the body {"error":"text"}; `text` is UTF-8 (control bytes are escaped, over 500 bytes are cut). Needs no
 * memory beyond the request's. */
void vecd_http_reply_error(vecd_http_request *req, int status, const char *text);

/* Gives the request back unanswered and closes the connection: for a request that was cancelled. */
void vecd_http_discard(vecd_http_request *req);

/* A streamed reply is pulled: whenever the client has taken what was there, the event thread asks for the next piece, so
 * memory is bounded by one piece whatever the client's pace. */
typedef enum vecd_http_piece {
  VECD_HTTP_MORE,  /* ask again */
  VECD_HTTP_WAIT,  /* nothing further yet: exactly one vecd_http_stream_wake() will follow (or has come already) */
  VECD_HTTP_END,   /* that was the last */
  VECD_HTTP_ABORT, /* broken: cut the connection, so that the client sees the reply is not whole */
} vecd_http_piece;

/* Appends the next piece (best 4-64 KiB, any size) to out, which holds nothing the source may read or take away. May append
 * and WAIT. Event thread; must not block. Not called any more once the client has gone. */
typedef vecd_http_piece vecd_http_source(void *ctx, vecd_http_request *req, vecd_buf *out);

/* Answers with a stream: chunked for HTTP/1.1, ended by close for 1.0, not asked for at all by HEAD. The other parameters
 * are those of vecd_http_reply(). `ctx` lives until on_done. */
void vecd_http_reply_stream(vecd_http_request *req, int status, const char *content_type, const vecd_http_header *headers,
                            size_t n_headers, vecd_http_source *source, void *ctx);

/* Makes a source that answered WAIT be asked again. Owed exactly once for each WAIT, from any thread, even if on_cancel came
 * meanwhile: the request lives until then. Like a reply, it gives the request back. */
void vecd_http_stream_wake(vecd_http_request *req);

/* Zero is always the default. Strings are borrowed until vecd_http_server_new() returns. */
typedef struct vecd_http_settings {
  /* Where to listen: "127.0.0.1:8080", "[::1]:8080", "name:8080", "unix:/path", "fd:3" (an inherited listening socket).
   * Port 0 picks a free one. An IPv6 address listens for IPv6 only. */
  const char *const *listen;
  size_t n_listen;           /* at least 1 */
  size_t max_head_bytes;     /* request line and headers; 32 KiB */
  size_t max_headers;        /* 100 */
  size_t max_body_bytes;     /* 32 MiB */
  unsigned max_connections;  /* 1024, those included whose client is gone while the answer is still owed */
  unsigned header_ms;        /* from a request's first byte to the end of its head; 10 s, then 408 */
  unsigned body_ms;          /* each stretch of this length must bring body_bytes_per_s on average, or the end; 10 s, 408 */
  unsigned body_bytes_per_s; /* 1024 */
  unsigned idle_ms;          /* between two requests, or before the first; 60 s, then closed without a word */
  unsigned send_ms;          /* like body_ms, for the client taking the reply; 20 s, then cut */
  unsigned send_bytes_per_s; /* 1024 */
  unsigned linger_ms;        /* longest lingering close; 2 s */
  unsigned grace_ms;         /* longest drain after vecd_http_server_stop(); 30 s */
  unsigned n_threads;        /* event threads; 1 */
  const char *server_name;   /* of the Server header; NULL: none is sent */
} vecd_http_settings;

typedef struct vecd_http_stats {
  uint64_t connections_open;     /* now */
  uint64_t connections_accepted; /* ever, the refused included */
  uint64_t connections_refused;  /* over the limit, or for want of memory or descriptors */
  uint64_t requests;             /* heads handed to on_head */
  uint64_t replies[6];           /* replies by class: [2] counts 2xx, ..., those the layer gave itself included */
  uint64_t cancelled;            /* on_cancel calls */
  uint64_t timeouts;             /* cut for slowness: header, body or reply (not idle) */
  uint64_t received_bytes, sent_bytes;
} vecd_http_stats;

typedef struct vecd_http_server vecd_http_server;

/* Opens the listeners; connections are taken once it runs.
 *
 * handler  copied.
 * out      set on success: the caller's, given back with vecd_http_server_free().
 * VECD_OK; VECD_BAD_ARGUMENT an address that makes no sense; VECD_IO a listener cannot be opened (err says which, why and
 * what to do); VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_http_server_new(const vecd_http_settings *settings, const vecd_http_handler *handler,
                                            vecd_http_server **out, vecd_err *err);

/* Serves until stopped; this thread is the first event thread. Once per server.
 * VECD_OK drained; VECD_TIMEOUT the grace period ended with work left; VECD_IO threads cannot start. */
VECD_CHECK vecd_status vecd_http_server_run(vecd_http_server *server, vecd_err *err);

/* The same in a thread of its own; vecd_http_server_join() waits for its end and gives what run would have given. */
VECD_CHECK vecd_status vecd_http_server_start(vecd_http_server *server, vecd_err *err);
vecd_status vecd_http_server_join(vecd_http_server *server);

/* Begins to drain: listeners and idle connections are closed, requests that have begun are finished and answered with
 * "Connection: close", then run returns. Any thread and any signal handler, any number of times, also before run. */
void vecd_http_server_stop(vecd_http_server *server);

/* Ends the drain (or starts and ends it) now: run returns VECD_TIMEOUT if work was left. As callable as stop. */
void vecd_http_server_abort(vecd_http_server *server);

/* Closes what is left and frees. Not while run runs or another thread is about to answer a request: stop those first (an
 * answer given between the end of run and this call is legal and dropped). Sets *server NULL; NULL is legal. */
void vecd_http_server_free(vecd_http_server **server);

/* The TCP port of the index-th address of settings.listen, 0 for another kind. Any thread. */
unsigned vecd_http_server_port(const vecd_http_server *server, size_t index);

/* A snapshot of the counters (each exact, not all of one instant). Any thread. */
void vecd_http_server_stats(const vecd_http_server *server, vecd_http_stats *out);

#endif
