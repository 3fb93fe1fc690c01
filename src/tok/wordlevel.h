/* wordlevel.h - the WordLevel model: a word is a token, or it is unknown. */
#ifndef VECD_TOK_WORDLEVEL_H
#define VECD_TOK_WORDLEVEL_H

#include "fmt/json.h"
#include "tok/vocab.h"

typedef struct vecd_wordlevel {
  vecd_piece_table tokens;
  uint32_t unk_id; /* VECD_NO_ID: none */
} vecd_wordlevel;

/* As vecd_tok_model_load(), which has checked the type; `where` is what errors call the section. */
VECD_CHECK vecd_status vecd_wordlevel_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes,
                                           vecd_vocab *vocab, size_t *n_tokens, vecd_wordlevel *out, vecd_err *err);
void vecd_wordlevel_fini(vecd_wordlevel *model);

/* The id of word, or VECD_NO_ID where it is unknown and vocab lacks unk_token. */
uint32_t vecd_wordlevel_encode(const vecd_wordlevel *model, vecd_span word);

#endif
