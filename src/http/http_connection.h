/* http_connection.h - one connection: bytes in, requests to the handler, answers out. Internal to this room.
 *
 * A connection belongs to one event thread, the shard's, which alone reads and writes it but for the `answer`, filled by
 * whichever thread answers and handed over through the shard's queue. It carries one request at a time; pipelined ones
 * wait in `in` or in the socket. It outlives its socket (GONE) while the handler still owes an answer. */
#ifndef VECD_HTTP_HTTP_CONNECTION_H
#define VECD_HTTP_HTTP_CONNECTION_H

#include <sys/types.h>
#include <sys/uio.h>

#include "http/http_chunked.h"
#include "http/http_timer.h"

typedef struct vecd_http_shard vecd_http_shard;
typedef struct vecd_http_connection vecd_http_connection;

/* What an epoll event points to begins with one of these. */
enum { VECD_HTTP_WATCH_LISTENER, VECD_HTTP_WATCH_CONNECTION, VECD_HTTP_WATCH_WAKE };

/* How bytes come and go: sockets, TLS or a test's memory. Both give the number of bytes, or -1 and errno (EAGAIN: the event
 * loop tells when to try again); read gives 0 at the end. */
typedef struct vecd_http_io {
  ssize_t (*read)(vecd_http_connection *c, void *to, size_t n);
  ssize_t (*write)(vecd_http_connection *c, const struct iovec *parts, int n_parts);
} vecd_http_io;

extern const vecd_http_io vecd_http_io_socket;

typedef enum vecd_http_state {
  VECD_HTTP_READ_HEAD, /* or idle */
  VECD_HTTP_READ_BODY,
  VECD_HTTP_WAITING, /* for the handler's answer */
  VECD_HTTP_SENDING,
  VECD_HTTP_LINGER, /* our side is shut; dropping what still comes */
  VECD_HTTP_GONE,   /* socket closed; the handler owes */
  VECD_HTTP_DEAD,   /* to be freed at the end of the loop's round */
} vecd_http_state;

/* What the handler said. */
typedef struct vecd_http_answer {
  enum { VECD_HTTP_ANSWER_BODY, VECD_HTTP_ANSWER_STREAM, VECD_HTTP_ANSWER_DISCARD } kind;
  int status;
  vecd_buf headers; /* rendered lines */
  vecd_buf body;    /* stream: the piece being sent */
  char error[640];  /* JSON to send in place of body, where n_error is not 0: errors need no memory */
  size_t n_error;
  vecd_http_source *source;
  void *source_ctx;
} vecd_http_answer;

struct vecd_http_connection {
  unsigned char watch; /* VECD_HTTP_WATCH_CONNECTION */
  vecd_http_state state;
  int fd; /* -1: none */
  const vecd_http_io *io;
  void *io_ctx; /* of io's functions */
  vecd_http_shard *shard;
  vecd_http_connection *prev, *next; /* the shard's list; next also links the dead */
  uint32_t epoll_mask;               /* registered */
  bool counted;                      /* under max_connections; else it is only being refused */
  bool fin;                          /* the client sends no more, though some may be unread */
  bool eof;                          /* and all is read */
  bool blocked;                      /* the socket took no more bytes */
  bool close_after;                  /* the reply being made is the last */
  vecd_http_timer timer;             /* of whichever deadline the state has */
  char peer[64];

  /* Reading. in[in_pos, in.len) is not consumed. */
  vecd_buf in;
  size_t in_pos;
  vecd_http_scan scan;
  vecd_http_framing framing;
  uint64_t body_left; /* LENGTH: bytes still to come */
  vecd_http_chunked chunked;
  vecd_buf body;
  uint64_t window_bytes; /* moved since the rate was last looked at */

  /* The request. */
  vecd_http_request req;
  vecd_arena_chunk *arena_first; /* what the head needed: kept for the next request; what the handler adds goes back */
  bool in_handler;               /* on_head was called: on_done is due */
  bool owed;                     /* the handler owes an answer (or a wake) */
  bool answered;                 /* it was given inside the callback */
  bool cancel_told;              /* on_cancel was called */
  bool keep_alive;
  vecd_http_answer answer;
  vecd_http_connection *next_answer; /* the shard's queue */

  /* Sending: out[out_pos, ..), then tail[tail_pos, ..). */
  vecd_buf out;
  size_t out_pos, tail_pos;
  vecd_span tail;
  bool streaming;     /* more pieces are to come */
  bool chunked_reply; /* and are framed */
};

/* A connection in `shard`'s list, not yet watched. NULL when memory is out; fd is then still the caller's.
 * counted false: only to be answered 503 and closed. */
vecd_http_connection *vecd_http_connection_new(vecd_http_shard *shard, int fd, bool counted);

/* Something may be readable or writable: moves on as far as it goes. */
void vecd_http_connection_ready(vecd_http_connection *c, bool readable, bool writable);

/* The client hung up or shut down its sending side (EPOLLRDHUP). */
void vecd_http_connection_fin(vecd_http_connection *c);

/* The deadline has come. */
void vecd_http_connection_timeout(vecd_http_connection *c);

/* The answer that was owed is here (or the wake of a stream). */
void vecd_http_connection_answered(vecd_http_connection *c);

/* The server is stopping: closes c if it is idle. */
void vecd_http_connection_drain(vecd_http_connection *c);

/* Closes the socket now. The handler is told; c dies as soon as nothing is owed for it. */
void vecd_http_connection_close(vecd_http_connection *c);

/* Closes c and forgets an answer still owed: for the end of the server. */
void vecd_http_connection_kill(vecd_http_connection *c);

/* Answers for the layer itself and closes afterwards. */
void vecd_http_connection_refuse(vecd_http_connection *c, int status, const char *text);

/* Frees a dead connection. */
void vecd_http_connection_free(vecd_http_connection *c);

/* http_send.c: sends what is pending in out and tail. False: blocked (a deadline is set) or closed. */
bool vecd_http_send_pending(vecd_http_connection *c);

/* http_send.c: asks the stream for its next piece and makes it pending; may close c instead, or leave it owed a wake. */
void vecd_http_send_piece(vecd_http_connection *c);

/* http_reply.c: puts the head of c's answer into c->out and its body into c->tail. Never fails: see VECD_HTTP_OUT_BYTES. */
void vecd_http_reply_compose(vecd_http_connection *c);

/* Room in c->out, beside the server's name, that a connection is born with: enough for the head of an error. */
#define VECD_HTTP_OUT_BYTES 512

/* http_reply.c: fills c's answer with an error's JSON. */
void vecd_http_answer_error(vecd_http_connection *c, int status, const char *text);

static inline vecd_http_connection *vecd_http_connection_of(vecd_http_request *req) {
  return (vecd_http_connection *)(void *)((char *)req - offsetof(vecd_http_connection, req));
}

#endif
