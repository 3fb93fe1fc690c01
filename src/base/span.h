/* span.h - a borrowed run of bytes: pointer and length, never NUL-terminated by promise. */
#ifndef VECD_BASE_SPAN_H
#define VECD_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct vecd_span {
  const char *ptr;
  size_t len;
} vecd_span;

/* For "%.*s" in errors: what a file says is shown up to a bound. */
#define VECD_SHOWN(span) (int)((span).len < 64 ? (span).len : 64), (span).ptr

#define VECD_SPAN(literal) ((vecd_span){(literal), sizeof(literal) - 1})

static inline vecd_span vecd_span_of(const char *s) { return (vecd_span){s, strlen(s)}; }

static inline bool vecd_span_eq(vecd_span a, vecd_span b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Same bytes but for ASCII case. */
static inline bool vecd_span_eq_nocase(vecd_span a, vecd_span b) {
  if (a.len != b.len) return false;
  for (size_t i = 0; i < a.len; i++) {
    unsigned char x = (unsigned char)a.ptr[i], y = (unsigned char)b.ptr[i];
    if (x >= 'A' && x <= 'Z') x |= 0x20;
    if (y >= 'A' && y <= 'Z') y |= 0x20;
    if (x != y) return false;
  }
  return true;
}

#endif
