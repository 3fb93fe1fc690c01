/* normalizer_step.c - the normalizers that look at more than one character, or add some. */
#include "tok/byte_level.h"
#include "tok/normalizer.h"
#include "tok/unicode.h"

/* Bytes of space that text begins with. */
static size_t leading_space(vecd_span text) {
  const char *p = text.ptr, *end = p + text.len;
  for (const char *next = p; p < end; p = next)
    if (!vecd_unicode_is_space(vecd_utf8_next(&next))) break;
  return (size_t)(p - text.ptr);
}

static size_t trailing_space(vecd_span text) {
  size_t n = 0;
  while (n < text.len) {
    size_t at = text.len - n - 1;
    while (((unsigned char)text.ptr[at] & 0xc0) == 0x80) at--;
    const char *p = text.ptr + at;
    if (!vecd_unicode_is_space(vecd_utf8_next(&p))) break;
    n = text.len - at;
  }
  return n;
}

static void strip(const vecd_normalizer_pass *pass, vecd_span text, vecd_transform *t) {
  size_t left = pass->strip_left ? leading_space(text) : 0;
  size_t right = pass->strip_right && left < text.len ? trailing_space(text) : 0;
  const char *begin = text.ptr + left;
  while (t->p < begin) vecd_transform_step(t);
  vecd_transform_keep(t, text.len - left - right);
}

/* What is prepended shares the place of the first character. */
static void prepend(const vecd_normalizer_pass *pass, vecd_span text, vecd_transform *t) {
  if (text.len == 0) return;
  uint32_t src = vecd_transform_src(t);
  for (const char *p = pass->text, *end = p + pass->text_len; p < end;) vecd_aligned_put(t->out, vecd_utf8_next(&p), src);
  vecd_transform_keep(t, text.len);
}

/* What is put in has the place of the last character taken out. */
static vecd_status replace(const vecd_normalizer_pass *pass, vecd_span text, vecd_transform *t, vecd_regex_scratch *scratch,
                           vecd_err *err) {
  vecd_pattern_search search;
  vecd_status s = vecd_pattern_begin(&pass->pattern, text, scratch, &search, err);
  while (!s && !t->out->failed) {
    bool found;
    size_t begin, end;
    s = vecd_pattern_next(&search, &found, &begin, &end, err);
    if (s || !found) break;
    vecd_transform_keep(t, begin - (size_t)(t->p - text.ptr));
    while (t->p < text.ptr + end) vecd_transform_step(t);
    for (const char *p = pass->text, *stop = p + pass->text_len; p < stop;) vecd_transform_put(t, vecd_utf8_next(&p), 1);
  }
  if (!s) vecd_transform_keep(t, (size_t)(t->end - t->p));
  return s;
}

/* What the Nmt normalizer makes of a character; UINT32_MAX: it is dropped. */
static uint32_t nmt(uint32_t c) {
  if ((c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f)
    return UINT32_MAX;
  switch (c) {
  case 0x09:
  case 0x0a:
  case 0x0c:
  case 0x0d:
  case 0x1680:
  case 0x2028:
  case 0x2029:
  case 0x2581:
  case 0xfeff:
  case 0xfffd: return ' ';
  default: return c >= 0x200b && c <= 0x200f ? ' ' : c;
  }
}

static void clean_nmt(vecd_transform *t) {
  while (t->p < t->end && !t->out->failed) {
    const char *p = t->p;
    uint32_t c = nmt(vecd_utf8_next(&p));
    if (c == UINT32_MAX)
      vecd_transform_step(t);
    else
      vecd_transform_put(t, c, 0);
  }
}

vecd_status vecd_normalizer_step(const vecd_normalizer_pass *pass, vecd_span text, const uint32_t *src_in, uint32_t index,
                                 vecd_normalizer_scratch *scratch, vecd_aligned *out, vecd_err *err) {
  vecd_transform t = vecd_transform_over(out, text, src_in, index);
  switch (pass->kind) {
  case VECD_NORMALIZER_FORM: vecd_compose_text(pass->form, &t, &scratch->compose); break;
  case VECD_NORMALIZER_STRIP: strip(pass, text, &t); break;
  case VECD_NORMALIZER_PREPEND: prepend(pass, text, &t); break;
  case VECD_NORMALIZER_REPLACE: return replace(pass, text, &t, &scratch->regex, err);
  case VECD_NORMALIZER_NMT: clean_nmt(&t); break;
  case VECD_NORMALIZER_PRECOMPILED: vecd_precompiled_text(&pass->precompiled, &t); break;
  case VECD_NORMALIZER_BYTE_LEVEL: vecd_byte_level_append(out, text, src_in, index); break;
  case VECD_NORMALIZER_CHARS: break;
  }
  return VECD_OK;
}
