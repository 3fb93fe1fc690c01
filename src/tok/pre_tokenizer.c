/* pre_tokenizer.c - cutting normalized text into words. */
#include "tok/pre_tokenizer.h"

#include <stdio.h>

#include "tok/unicode.h"

typedef enum kind { LETTER, SPACE, PUNCT, LONG /* the first byte of a longer character */ } kind;

#define L4  LETTER, LETTER, LETTER, LETTER
#define P4  PUNCT, PUNCT, PUNCT, PUNCT
#define N16 LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG

/* The records for ASCII, at hand; a test compares them. Controls that no normalizer dropped are letters. */
/* clang-format off */
static const unsigned char byte_kind[256] = {
    L4, L4, LETTER, SPACE, SPACE, SPACE, SPACE, SPACE, LETTER, LETTER, L4, L4, L4, L4,           /* 0x00 */
    SPACE, PUNCT, PUNCT, PUNCT, P4, P4, P4, L4, L4, LETTER, LETTER, PUNCT, PUNCT, P4,            /* 0x20 */
    PUNCT, LETTER, LETTER, LETTER, L4, L4, L4, L4, L4, LETTER, LETTER, LETTER, PUNCT, P4,        /* 0x40 */
    PUNCT, LETTER, LETTER, LETTER, L4, L4, L4, L4, L4, LETTER, LETTER, LETTER, P4, LETTER,       /* 0x60 */
    N16, N16, N16, N16, N16, N16, N16, N16,
};
/* clang-format on */

vecd_status vecd_pre_tokenizer_load(const char *file, const json_t *section, vecd_pre_tokenizer *out, vecd_err *err) {
  *out = VECD_PRE_TOKENIZER_NONE;
  if (!section || json_is_null(section)) return VECD_OK;
  char where[256];
  snprintf(where, sizeof where, "%.200s: pre_tokenizer", file);
  vecd_span type;
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_REQUIRED, &type, err);
  if (s) return s;
  if (!vecd_span_eq(type, VECD_SPAN("BertPreTokenizer")))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where,
                        (int)(type.len < 64 ? type.len : 64), type.ptr);
  *out = VECD_PRE_TOKENIZER_BERT;
  return VECD_OK;
}

/* The kind of the character at *p, which moves behind it. */
static inline kind next_kind(const char **p) {
  kind k = byte_kind[(unsigned char)**p];
  if (k != LONG) {
    (*p)++;
    return k;
  }
  unsigned props = vecd_unicode_props(vecd_utf8_next(p));
  return props & VECD_UNICODE_SPACE ? SPACE : props & VECD_UNICODE_PUNCTUATION ? PUNCT : LETTER;
}

bool vecd_pre_tokenizer_next(vecd_pre_tokenizer pre_tokenizer, vecd_span text, size_t *at, vecd_span *word) {
  const char *p = text.ptr + *at, *end = text.ptr + text.len, *begin = p;
  if (*at >= text.len) return false;
  if (pre_tokenizer == VECD_PRE_TOKENIZER_NONE) {
    *word = (vecd_span){begin, text.len - *at};
    *at = text.len;
    return true;
  }
  kind k;
  do {
    if (p == end) return *at = text.len, false;
    begin = p;
  } while ((k = next_kind(&p)) == SPACE);
  if (k == LETTER) {
    for (const char *next = p; p < end; p = next)
      if (next_kind(&next) != LETTER) break;
  }
  *word = (vecd_span){begin, (size_t)(p - begin)};
  *at = (size_t)(p - text.ptr);
  return true;
}
