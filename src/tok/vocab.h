/* vocab.h - the tokens of a tokenizer: id -> bytes, and tables bytes -> id.
 *
 * All tokens lie in one run of bytes. A table takes the tokens of one role - those that begin a word, those that continue one -
 * under the bytes they match in a text. It is an open-addressing hash table (XXH3) that also knows which lengths occur among
 * the tokens with given first bytes, so that the longest match is found without trying every length. */
#ifndef VECD_TOK_VOCAB_H
#define VECD_TOK_VOCAB_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "fmt/json.h"

#define VECD_NO_ID UINT32_MAX

typedef struct vecd_piece {
  uint32_t at, len; /* in vecd_vocab.text; len VECD_NO_ID: no token has this id */
} vecd_piece;

typedef struct vecd_vocab {
  vecd_buf text;      /* at most 2^31 bytes */
  vecd_piece *pieces; /* [cap_ids] */
  uint32_t id_limit;  /* one more than the largest id */
  uint32_t cap_ids;
} vecd_vocab;

typedef struct vecd_piece_slot {
  uint32_t tag; /* upper half of the hash */
  uint32_t id;  /* VECD_NO_ID: empty */
  uint32_t at, len;
} vecd_piece_slot;

#define VECD_PIECE_LONG 63 /* bit of every length from here on */

typedef struct vecd_piece_table {
  const vecd_vocab *vocab;
  vecd_piece_slot *slots; /* [mask + 1] */
  size_t mask;
  uint64_t *lengths; /* [VECD_PIECE_BUCKETS] by the first three bytes: bit n is set where a token of n bytes may begin so */
  uint64_t short_lengths; /* bits 1 and 2: tokens too short to have three bytes */
  size_t longest;
} vecd_piece_table;

#define VECD_PIECE_BUCKETS 4096

/* Room for ids below cap_ids and text_bytes of tokens. A zeroed vocabulary is legal and empty. */
VECD_CHECK vecd_status vecd_vocab_init(vecd_vocab *vocab, size_t cap_ids, size_t text_bytes, vecd_err *err);
void vecd_vocab_fini(vecd_vocab *vocab);

/* Appends a token with an id below cap_ids; if the id has a token, the new one takes its place. */
VECD_CHECK vecd_status vecd_vocab_put(vecd_vocab *vocab, uint32_t id, vecd_span token, vecd_err *err);

/* Makes vocab of the object "vocab" in a model's section, with room for n_more tokens of more_bytes in all. `where` is what
 * errors call the section. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED too large; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_vocab_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes,
                                       vecd_vocab *vocab, size_t *n_tokens, vecd_err *err);

/* The bytes of token `id`, {NULL, 0} where there is none. */
vecd_span vecd_vocab_piece(const vecd_vocab *vocab, uint32_t id);

/* The number of the byte that a token like "<0x0A>" stands for (byte_fallback), or -1. */
int vecd_vocab_byte_of(vecd_span token);

/* Room for n_tokens. The vocabulary must stay where it is and its text must not grow once tokens are found. */
VECD_CHECK vecd_status vecd_piece_table_init(vecd_piece_table *table, const vecd_vocab *vocab, size_t n_tokens, vecd_err *err);
void vecd_piece_table_fini(vecd_piece_table *table);

/* Puts token `id`, without its first `skip` bytes, into the table. Empty ones are left out: nothing can match them. */
void vecd_piece_table_put(vecd_piece_table *table, uint32_t id, size_t skip);

/* The token that is exactly bytes, or VECD_NO_ID. */
uint32_t vecd_piece_table_get(const vecd_piece_table *table, vecd_span bytes);

/* The longest token that `bytes` (not empty) begin with, or VECD_NO_ID; *len is its length. */
uint32_t vecd_piece_table_longest(const vecd_piece_table *table, vecd_span bytes, size_t *len);

size_t vecd_vocab_bytes(const vecd_vocab *vocab);
size_t vecd_piece_table_bytes(const vecd_piece_table *table);

#endif
