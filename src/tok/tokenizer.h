/* tokenizer.h - text -> token ids: a tokenizer.json executed as it is written.
 *
 * The ids equal those of Hugging Face `tokenizers` for the same file, but for its truncation and padding sections, which
 * sentence-transformers overrides: only truncation's direction counts, the rest is checked for sense. An opened tokenizer is read-only and serves
 * any number of threads, each with its own vecd_encoding. */
#ifndef VECD_TOK_TOKENIZER_H
#define VECD_TOK_TOKENIZER_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "fmt/model_folder.h"

typedef struct vecd_tokenizer vecd_tokenizer;

/* One text's tokens. Zeroed is legal and empty; arrays grow as needed and are reused from call to call, so that a warm
 * encoding allocates nothing. */
typedef struct vecd_encoding {
  uint32_t *ids;        /* [n_ids] */
  uint32_t *starts;     /* [n_ids] first character (code point) of the original text; only with VECD_TOK_OFFSETS */
  uint32_t *ends;       /* [n_ids] one behind the last; 0,0 for special tokens the post-processor added */
  size_t n_ids;         /* after truncation, special tokens included */
  size_t n_untruncated; /* what it would have been */
  size_t cap;
  struct vecd_tok_scratch *scratch; /* the tokenizer's own working room */
} vecd_encoding;

#define VECD_TOK_OFFSETS     1u /* fill starts and ends */
#define VECD_TOK_NO_SPECIALS 2u /* leave out what the post-processor adds */

/* path           of tokenizer.json.
 * rules          what the files beside it say of it; nullable; borrowed until return.
 * VECD_OK; VECD_NOT_FOUND; VECD_IO; VECD_BAD_MODEL (err names file and field); VECD_UNSUPPORTED a component by name. */
VECD_CHECK vecd_status vecd_tokenizer_open(const char *path, const vecd_tokenizer_rules *rules, vecd_tokenizer **out,
                                           vecd_err *err);
void vecd_tokenizer_close(vecd_tokenizer **tokenizer);

/* Encodes one text, cut so that with special tokens it has at most max_tokens ids (0: no limit). Special tokens survive; where
 * there is no room even for them, the trailing ones do. VECD_OK; VECD_BAD_TEXT invalid UTF-8 (err->pos is
 * the byte), or nothing this tokenizer can take (VECD_NO_POS); VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_tokenizer_encode(const vecd_tokenizer *tokenizer, vecd_span text, size_t max_tokens, unsigned flags,
                                             vecd_encoding *out, vecd_err *err);
void vecd_encoding_fini(vecd_encoding *encoding);

/* The token's text as it stands in the vocabulary ("##ing"), borrowed; {NULL, 0} for an id nobody has. */
vecd_span vecd_tokenizer_piece(const vecd_tokenizer *tokenizer, uint32_t id);

/* A special token that the post-processor puts before or behind a text. */
bool vecd_tokenizer_is_special(const vecd_tokenizer *tokenizer, uint32_t id);

/* One more than the largest id (added tokens included). The model's embedding table must have at least as many rows. */
uint32_t vecd_tokenizer_id_limit(const vecd_tokenizer *tokenizer);

/* Bytes held by vocabulary and tables. */
size_t vecd_tokenizer_bytes(const vecd_tokenizer *tokenizer);

/* About what that will be for a tokenizer.json of file_bytes and a model of n_ids. */
size_t vecd_tokenizer_estimate(size_t file_bytes, size_t n_ids);

#endif
