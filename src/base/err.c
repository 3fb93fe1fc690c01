/* err.c - the one list of errors made into text and HTTP status, and the filling of vecd_err. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* An error is one line for people, and often a JSON string: foreign bytes that would break line, terminal or UTF-8 (paths need
 * not be UTF-8, and "%.60s" cuts where it likes) do not get in. */
static void make_printable(char *s) {
  size_t len = strlen(s), i;
  while ((i = vecd_utf8_valid_prefix(s, len)) < len) s[i] = '?';
  for (; *s; s++)
    if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = '?';
}

/* vsnprintf may have cut a UTF-8 character in two. */
static void trim_cut_utf8(char *s) {
  size_t n = strlen(s), i = n;
  while (i > 0 && ((unsigned char)s[i - 1] & 0xc0) == 0x80) i--;
  if (i == 0) return;
  unsigned char lead = (unsigned char)s[i - 1];
  size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (n - (i - 1) < want) s[i - 1] = '\0';
}

vecd_status vecd_err_set(vecd_err *err, vecd_status code, size_t pos, const char *fmt, ...) {
  if (!err) return code;
  err->code = code;
  err->pos = pos;
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(err->text, sizeof err->text, fmt, args);
  va_end(args);
  if (n >= (int)sizeof err->text) trim_cut_utf8(err->text);
  make_printable(err->text);
  return code;
}

vecd_status vecd_err_context(vecd_err *err, vecd_status code, const char *fmt, ...) {
  if (!err) return code;
  char old[sizeof err->text];
  memcpy(old, err->text, sizeof old);
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(err->text, sizeof err->text, fmt, args);
  va_end(args);
  make_printable(err->text);
  if (n < 0 || (size_t)n >= sizeof err->text) return err->code ? err->code : code;
  snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", old);
  trim_cut_utf8(err->text);
  return err->code ? err->code : code;
}

vecd_status vecd_err_no_memory(vecd_err *err, const char *what, size_t n_bytes) {
  return vecd_err_set(err, VECD_NO_MEMORY, VECD_NO_POS, "out of memory: %zu bytes for %s", n_bytes, what);
}

const char *vecd_status_text(vecd_status status) {
  switch (status) {
#define X(name, value, text, http) \
  case VECD_##name: return text;
    VECD_STATUS_LIST(X)
#undef X
  }
  return "unknown error";
}

int vecd_status_http(vecd_status status) {
  switch (status) {
#define X(name, value, text, http) \
  case VECD_##name: return http;
    VECD_STATUS_LIST(X)
#undef X
  }
  return 500;
}

void vecd_assert_failed(const char *cond, const char *file, int line) {
  fprintf(stderr, "vecd: internal fault at %s:%d: %s does not hold; please report this\n", file, line, cond);
  abort();
}
