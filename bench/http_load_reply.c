/* http_load_reply.c - see the header. No more of HTTP than a server that is measured will say. */
#include "http_load_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void reply_begin(reply *r) {
  r->status = 0;
  r->closes = false;
  r->at = AT_HEAD;
  r->left = r->n_line = r->n_head = r->n_tail = 0;
}

static void keep_tail(reply *r, const char *bytes, size_t n) {
  size_t fresh = n < REPLY_TAIL ? n : REPLY_TAIL, old = r->n_tail + fresh > REPLY_TAIL ? REPLY_TAIL - fresh : r->n_tail;
  memmove(r->tail, r->tail + r->n_tail - old, old);
  memcpy(r->tail + old, bytes + n - fresh, fresh);
  r->n_tail = old + fresh;
  r->tail[r->n_tail] = '\0';
}

/* The head is whole and NUL-terminated. */
static bool read_head(reply *r) {
  r->status = strncmp(r->head, "HTTP/1.1 ", 9) == 0 ? atoi(r->head + 9) : 0;
  if (r->status < 200 || r->status > 599) return false;
  r->at = AT_BODY_TO_END;
  for (const char *line = r->head; (line = strstr(line, "\r\n"));) {
    line += 2;
    if (strncasecmp(line, "Content-Length:", 15) == 0) {
      r->left = strtoull(line + 15, NULL, 10);
      r->at = AT_BODY;
    } else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) {
      r->at = AT_CHUNK_SIZE;
    } else if (strncasecmp(line, "Connection: close", 17) == 0) {
      r->closes = true;
    }
  }
  if (r->at == AT_BODY_TO_END) r->closes = true;
  return true;
}

/* Takes bytes of the head; gives how many, or 0 where it makes no sense. */
static size_t feed_head(reply *r, const char *bytes, size_t n) {
  size_t room = REPLY_HEAD - 1 - r->n_head, k = n < room ? n : room, before = r->n_head;
  memcpy(r->head + r->n_head, bytes, k);
  r->head[r->n_head + k] = '\0';
  const char *end = strstr(r->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
  if (!end) {
    r->n_head += k;
    return r->n_head < REPLY_HEAD - 1 ? k : 0;
  }
  size_t whole = (size_t)(end + 4 - r->head);
  r->head[whole] = '\0';
  r->n_head = whole;
  return read_head(r) ? whole - before : 0;
}

static size_t feed_body(reply *r, const char *bytes, size_t n) {
  size_t k = r->at != AT_BODY_TO_END && n > r->left ? (size_t)r->left : n;
  keep_tail(r, bytes, k);
  if (r->at != AT_BODY_TO_END) r->left -= k;
  if (r->at == AT_CHUNK && r->left == 0) r->at = AT_CHUNK_END;
  return k;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte between chunks. False: it makes no sense. */
static bool feed_between(reply *r, char c, bool *done) {
  if (r->at == AT_CHUNK_END) {
    if (c == '\n') r->at = AT_CHUNK_SIZE;
    return c == '\n' || c == '\r';
  }
  if (r->at == AT_CHUNK_SIZE && c != '\n') {
    if (c == '\r') return true;
    r->n_line++;
    r->left = r->left << 4 | (uint64_t)hex_digit(c);
    return hex_digit(c) >= 0 && r->n_line <= 15;
  }
  if (r->at == AT_CHUNK_SIZE) {
    if (!r->n_line) return false;
    r->n_line = 0;
    r->at = r->left ? AT_CHUNK : AT_TRAILER;
    return true;
  }
  if (c == '\n') {
    *done = r->n_line == 0;
    r->n_line = 0;
  } else if (c != '\r') {
    r->n_line++;
  }
  return true;
}

reply_state reply_feed(reply *r, const char *bytes, size_t n) {
  bool done = false;
  while (n && !done) {
    size_t k = 1;
    if (r->at == AT_HEAD)
      k = feed_head(r, bytes, n);
    else if (r->at == AT_BODY || r->at == AT_CHUNK || r->at == AT_BODY_TO_END)
      k = feed_body(r, bytes, n);
    else if (!feed_between(r, *bytes, &done))
      k = 0;
    if (k == 0) return REPLY_BROKEN;
    bytes += k;
    n -= k;
    if (r->at == AT_BODY && r->left == 0) done = true;
  }
  if (!done) return REPLY_MORE;
  return n ? REPLY_BROKEN : REPLY_DONE;
}

bool reply_end(const reply *r) { return r->at == AT_BODY_TO_END; }

uint64_t reply_tokens(const reply *r) {
  static const char key[] = "\"total_tokens\":";
  for (size_t i = r->n_tail; i-- > 0;)
    if (r->n_tail - i > sizeof key && memcmp(r->tail + i, key, sizeof key - 1) == 0)
      return strtoull(r->tail + i + sizeof key - 1, NULL, 10);
  return 0;
}
