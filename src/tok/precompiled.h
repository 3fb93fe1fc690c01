/* precompiled.h - the normalizer of SentencePiece models, a charsmap compiled into a double-array trie, as Hugging Face
 * tokenizers runs it: whole grapheme clusters first, then single characters. */
#ifndef VECD_TOK_PRECOMPILED_H
#define VECD_TOK_PRECOMPILED_H

#include "base/err.h"
#include "tok/transform.h"

typedef struct vecd_precompiled {
  uint32_t *units; /* [n_units] the trie */
  size_t n_units;
  char *text; /* [text_len] what keys become, each up to a NUL */
  size_t text_len;
  bool maps_ascii[128]; /* the character alone is a key */
} vecd_precompiled;

/* Reads "precompiled_charsmap", Base64 of: bytes of the trie (uint32), the trie, the texts.
 * VECD_OK; VECD_BAD_MODEL; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_precompiled_init(const char *where, vecd_span base64, vecd_precompiled *out, vecd_err *err);
void vecd_precompiled_fini(vecd_precompiled *map);

/* Appends the normalized form of what `t` is laid over; t->out->failed when memory is out. */
void vecd_precompiled_text(const vecd_precompiled *map, vecd_transform *t);

#endif
