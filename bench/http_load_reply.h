/* http_load_reply.h - an HTTP reply read as it comes, for http_load.c: its status, where it ends, and the last bytes of its body. */
#ifndef VECD_BENCH_HTTP_LOAD_REPLY_H
#define VECD_BENCH_HTTP_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD 4096 /* a longer head is broken */
#define REPLY_TAIL 128

typedef enum reply_state { REPLY_MORE, REPLY_DONE, REPLY_BROKEN } reply_state;

typedef struct reply {
  int status;
  bool closes; /* the connection is not to be used again */
  enum { AT_HEAD, AT_BODY, AT_BODY_TO_END, AT_CHUNK_SIZE, AT_CHUNK, AT_CHUNK_END, AT_TRAILER } at;
  uint64_t left; /* of the body or the chunk */
  size_t n_line; /* of the chunk's size, the trailer's line */
  size_t n_head, n_tail;
  char head[REPLY_HEAD], tail[REPLY_TAIL + 1]; /* both NUL-terminated */
} reply;

void reply_begin(reply *r);

/* Takes the next bytes. REPLY_DONE: they end the reply; more than that is REPLY_BROKEN, since nothing else was asked for. */
reply_state reply_feed(reply *r, const char *bytes, size_t n);

/* The connection has ended: true if that is how this reply ends. */
bool reply_end(const reply *r);

/* usage.total_tokens, which a good reply has near its end; 0 where it has none. */
uint64_t reply_tokens(const reply *r);

#endif
