/* utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef VECD_BASE_UTF8_H
#define VECD_BASE_UTF8_H

#include <stdint.h>

#include "base/span.h"

/* The first byte of the first ill-formed sequence, or len where all is well. */
size_t vecd_utf8_valid_prefix(const char *s, size_t len);

/* Decodes the character at *s, which must lie in text already found valid, and moves *s behind it. */
static inline uint32_t vecd_utf8_next(const char **s) {
  const unsigned char *p = (const unsigned char *)*s;
  if (p[0] < 0x80) return *s += 1, p[0];
  if (p[0] < 0xe0) return *s += 2, (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
  if (p[0] < 0xf0) return *s += 3, (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
  *s += 4;
  return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

/* Writes code point c (a scalar value) to out, which has room for 4 bytes; gives the number written. */
static inline size_t vecd_utf8_put(char *out, uint32_t c) {
  unsigned char *p = (unsigned char *)out;
  if (c < 0x80) return p[0] = (unsigned char)c, 1;
  if (c < 0x800) {
    p[0] = (unsigned char)(0xc0 | c >> 6);
    p[1] = (unsigned char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    p[0] = (unsigned char)(0xe0 | c >> 12);
    p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    p[2] = (unsigned char)(0x80 | (c & 0x3f));
    return 3;
  }
  p[0] = (unsigned char)(0xf0 | c >> 18);
  p[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
  p[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
  p[3] = (unsigned char)(0x80 | (c & 0x3f));
  return 4;
}

#endif
