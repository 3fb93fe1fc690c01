/* aligned.h - text on its way through the normalizers: UTF-8 and, where offsets are wanted, for each byte the character of the
 * original text it came from.
 *
 * One number a byte is enough: every normalizer of Hugging Face tokenizers gives a new character the place of exactly one old
 * one, also where it composes, replaces or inserts. */
#ifndef VECD_TOK_ALIGNED_H
#define VECD_TOK_ALIGNED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/utf8.h"

typedef struct vecd_aligned {
  char *bytes;
  uint32_t *src; /* [len] index of the original character (code point); only with keep_src */
  size_t len;
  size_t cap, src_cap;
  bool keep_src;
  bool failed;   /* memory ran out, or `most` bytes did: the content is not to be used */
  bool too_long; /* the latter */
  size_t most;   /* 0: no limit */
} vecd_aligned;

/* A text that is rewritten may become so much longer, but no more: files say by how much, and files are not to be trusted. */
#define VECD_ALIGNED_MOST(len) ((len) < SIZE_MAX / 128 ? (len)*64 + 65536 : SIZE_MAX)

/* A zeroed one is legal and empty. Memory is kept and used again. */
static inline void vecd_aligned_reset(vecd_aligned *text, bool keep_src, size_t most) {
  text->len = 0;
  text->keep_src = keep_src;
  text->failed = text->too_long = false;
  text->most = most;
}

void vecd_aligned_fini(vecd_aligned *text);

bool vecd_aligned_grow(vecd_aligned *text, size_t n);

/* Makes room for n more bytes; false (and failed) when memory or `most` is out. Room that is left from another text does not
 * count beyond `most`, so that a text is too long or is not, whatever came before it. */
static inline bool vecd_aligned_reserve(vecd_aligned *text, size_t n) {
  size_t room = text->keep_src && text->src_cap < text->cap ? text->src_cap : text->cap;
  if (text->most && text->most < room) room = text->most;
  return room - text->len >= n || vecd_aligned_grow(text, n);
}

/* Appends character c, which came from the original character number src. */
static inline void vecd_aligned_put(vecd_aligned *text, uint32_t c, uint32_t src) {
  if (!vecd_aligned_reserve(text, 4)) return;
  size_t n = vecd_utf8_put(text->bytes + text->len, c);
  if (text->keep_src)
    for (size_t i = 0; i < n; i++) text->src[text->len + i] = src;
  text->len += n;
}

/* Appends bytes of whole characters with their sources (src_in, one a byte); NULL: they are numbered from `index` on. */
void vecd_aligned_append(vecd_aligned *text, vecd_span bytes, const uint32_t *src_in, uint32_t index);

#endif
