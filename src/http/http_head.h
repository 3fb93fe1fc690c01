/* http_head.h - reads the head of a request: request line and header lines. Nothing is allocated, nothing is kept.
 *
 * Two steps, so that a head may arrive in any pieces and still costs one look at each byte: the scan finds where the head
 * ends and refuses stray bytes as soon as they come; the parse then reads the whole head at once. Both give the place of
 * the fault, counted from the first byte scanned, and the same one however the bytes were cut. */
#ifndef VECD_HTTP_HTTP_HEAD_H
#define VECD_HTTP_HTTP_HEAD_H

#include "http/http.h"

typedef struct vecd_http_fault {
  int status;       /* what to answer */
  size_t pos;       /* byte at fault */
  const char *text; /* static */
} vecd_http_fault;

typedef enum vecd_http_step {
  VECD_HTTP_STEP_MORE, /* needs further bytes */
  VECD_HTTP_STEP_DATA, /* chunked bodies only: here is some */
  VECD_HTTP_STEP_DONE,
  VECD_HTTP_STEP_FAULT,
} vecd_http_step;

/* Start with zeros. */
typedef struct vecd_http_scan {
  size_t pos;        /* bytes looked at; where DONE: the head's length, the empty line included */
  size_t line_start; /* of the line pos is in */
  size_t n_lines;    /* whole lines so far, empty ones not counted */
  size_t start;      /* where the request line begins: 2 behind one leading empty line (RFC 9112, 2.2), else 0 */
  bool cr;           /* the last byte was a CR */
} vecd_http_scan;

/* Goes on scanning p[0, len), of which the first scan->pos bytes are known. A head over max_bytes is a fault. */
vecd_http_step vecd_http_head_scan(vecd_http_scan *scan, const char *p, size_t len, size_t max_bytes, vecd_http_fault *fault);

typedef enum vecd_http_framing { VECD_HTTP_NO_BODY, VECD_HTTP_LENGTH, VECD_HTTP_CHUNKED } vecd_http_framing;

/* Spans point into the head that was parsed. */
typedef struct vecd_http_head {
  vecd_http_method method;
  int minor;
  vecd_span target, path, query, authority;
  size_t n_headers;
  vecd_http_framing framing;
  uint64_t content_length;
  bool keep_alive;
  bool expect_continue;
} vecd_http_head;

/* Parses a head whose scan is DONE: p[0, scan->pos).
 * headers  room for `cap`; more header lines than that are a fault (431). */
vecd_http_step vecd_http_head_parse(const char *p, const vecd_http_scan *scan, vecd_http_head *head, vecd_http_header *headers,
                                    size_t cap, vecd_http_fault *fault);

/* Splits a target into path, query and, for the absolute form, authority. False: fault->pos counts from the target. */
bool vecd_http_target_parse(vecd_span target, vecd_http_head *head, vecd_http_fault *fault);

/* True for uri-host [":" port], which may be empty (RFC 9110, 7.2). */
bool vecd_http_host_valid(vecd_span host);

/* Classes of bytes, RFC 9110 5.6.2 and RFC 3986. */
#define VECD_HTTP_C_TOKEN 1u
#define VECD_HTTP_C_URI   2u /* pchar, '/', '?' and '%' */
#define VECD_HTTP_C_HOST  4u /* reg-name without '%' */
#define VECD_HTTP_C_VALUE 8u /* field-vchar, blank and tab */
#define VECD_HTTP_C_HEX   16u
#define VECD_HTTP_C_DIGIT 32u
extern const uint8_t vecd_http_class[256];

static inline bool vecd_http_is(char c, unsigned class_bits) { return (vecd_http_class[(uint8_t)c] & class_bits) != 0; }

static inline unsigned vecd_http_hex_value(char c) {
  return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

#endif
