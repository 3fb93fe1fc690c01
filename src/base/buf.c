/* buf.c - see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

void vecd_buf_init(vecd_buf *buf, vecd_mem_tag tag) { *buf = (vecd_buf){.tag = tag}; }

void vecd_buf_fini(vecd_buf *buf) {
  vecd_free(buf->ptr);
  *buf = (vecd_buf){.tag = buf->tag};
}

bool vecd_buf_reserve(vecd_buf *buf, size_t n) {
  if (buf->failed) return false;
  if (buf->cap - buf->len >= n) return true;
  size_t need;
  if (__builtin_add_overflow(buf->len, n, &need)) return buf->failed = true, false;
  size_t cap = buf->cap + buf->cap / 2 + 64;
  if (cap < need) cap = need;
  char *p = vecd_realloc(buf->tag, buf->ptr, cap);
  if (!p) return buf->failed = true, false;
  buf->ptr = p;
  buf->cap = cap;
  return true;
}

void vecd_buf_append(vecd_buf *buf, const void *bytes, size_t n) {
  if (!n || !vecd_buf_reserve(buf, n)) return;
  memcpy(buf->ptr + buf->len, bytes, n);
  buf->len += n;
}

void vecd_buf_append_str(vecd_buf *buf, const char *s) { vecd_buf_append(buf, s, strlen(s)); }

void vecd_buf_append_char(vecd_buf *buf, char c) { vecd_buf_append(buf, &c, 1); }

void vecd_buf_printf(vecd_buf *buf, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n < 0) {
    buf->failed = true;
    return;
  }
  if (!vecd_buf_reserve(buf, (size_t)n + 1)) return;
  va_start(args, fmt);
  vsnprintf(buf->ptr + buf->len, (size_t)n + 1, fmt, args);
  va_end(args);
  buf->len += (size_t)n;
}

const char *vecd_buf_cstr(vecd_buf *buf) {
  if (!vecd_buf_reserve(buf, 1)) return "";
  buf->ptr[buf->len] = '\0';
  return buf->ptr;
}
