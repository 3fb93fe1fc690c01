/* buf.h - a growing run of bytes. Appending never fails half-way: the first failure sets `failed`, later appends do
 * nothing, and the one check stands at the end. */
#ifndef VECD_BASE_BUF_H
#define VECD_BASE_BUF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

typedef struct vecd_buf {
  char *ptr; /* NULL while cap is 0 */
  size_t len, cap;
  vecd_mem_tag tag;
  bool failed; /* memory ran out: the content is not to be used */
} vecd_buf;

/* A zeroed buffer is a legal empty one (tag MISC). */
void vecd_buf_init(vecd_buf *buf, vecd_mem_tag tag);
void vecd_buf_fini(vecd_buf *buf);

/* Room for n more bytes at ptr + len; false (and failed) when memory is out. */
bool vecd_buf_reserve(vecd_buf *buf, size_t n);

void vecd_buf_append(vecd_buf *buf, const void *bytes, size_t n);
void vecd_buf_append_str(vecd_buf *buf, const char *s);
void vecd_buf_append_char(vecd_buf *buf, char c);
void vecd_buf_printf(vecd_buf *buf, const char *fmt, ...) VECD_PRINTF(2, 3);

/* A NUL behind the content (not counted in len); "" when failed. */
const char *vecd_buf_cstr(vecd_buf *buf);

#endif
