/* wordpiece.h - the WordPiece model: a word becomes the longest token it begins with, then the longest continuing token, and so
 * on; the unknown token where that fails or the word is too long. */
#ifndef VECD_TOK_WORDPIECE_H
#define VECD_TOK_WORDPIECE_H

#include "fmt/json.h"
#include "tok/vocab.h"

typedef struct vecd_wordpiece {
  vecd_piece_table begin; /* all tokens */
  vecd_piece_table rest;  /* those with the prefix ("##"), without it */
  uint32_t unk_id;
  size_t max_chars; /* longer words are unknown */
} vecd_wordpiece;

/* As vecd_tok_model_load(), which has checked the type; `where` is what errors call the section. */
VECD_CHECK vecd_status vecd_wordpiece_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes,
                                           vecd_vocab *vocab, size_t *n_tokens, vecd_wordpiece *out, vecd_err *err);
void vecd_wordpiece_fini(vecd_wordpiece *model);

/* Splits word (not empty) into ids; ends[i] is the byte of the word at which piece i ends. Both have room for word.len.
 * Gives their number, >= 1. */
size_t vecd_wordpiece_encode(const vecd_wordpiece *model, vecd_span word, uint32_t *ids, uint32_t *ends);

#endif
