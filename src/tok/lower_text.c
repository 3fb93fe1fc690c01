/* lower_text.c - lower case of a whole text. Unlike the normalizers, which see one character at a time, Python knows the final
 * sigma. */
#include "tok/lower_text.h"

#include "tok/unicode.h"

/* The character before *s (in [begin, *s)), and moves *s onto it. */
static uint32_t previous_char(const char *begin, const char **s) {
  const char *p = *s;
  do p--;
  while (p > begin && ((unsigned char)*p & 0xc0) == 0x80);
  *s = p;
  return vecd_utf8_next(&p);
}

/* Final_Sigma (Unicode standard, table 3-17): a cased letter before it, none behind it, case-ignorable ones not counted. */
static bool is_final_sigma(vecd_span text, const char *sigma, const char *behind) {
  unsigned props = VECD_UNICODE_CASE_IGNORABLE;
  const char *end = text.ptr + text.len;
  while (sigma > text.ptr && (props & VECD_UNICODE_CASE_IGNORABLE)) props = vecd_unicode_props(previous_char(text.ptr, &sigma));
  if (!(props & VECD_UNICODE_CASED)) return false;
  props = VECD_UNICODE_CASE_IGNORABLE;
  while (behind < end && (props & VECD_UNICODE_CASE_IGNORABLE)) props = vecd_unicode_props(vecd_utf8_next(&behind));
  return !(props & VECD_UNICODE_CASED);
}

bool vecd_lower_text(vecd_span text, bool keep_src, vecd_aligned *out) {
  vecd_aligned_reset(out, keep_src);
  const char *p = text.ptr, *end = text.ptr + text.len;
  for (uint32_t index = 0; p < end; index++) {
    const char *at = p;
    uint32_t c = vecd_utf8_next(&p), low[2];
    size_t n = vecd_unicode_lower(c, vecd_unicode_get(c), low);
    if (c == 0x3a3 && is_final_sigma(text, at, p)) low[0] = 0x3c2;
    for (size_t i = 0; i < n; i++) vecd_aligned_put(out, low[i], index);
  }
  return !out->failed;
}
