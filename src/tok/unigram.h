/* unigram.h - the Unigram model (SentencePiece): of all ways to cut a word into tokens, the one whose scores add up to most.
 *
 * A character that is no token can still be passed, as unknown and at a price; unknown ones side by side become one piece. */
#ifndef VECD_TOK_UNIGRAM_H
#define VECD_TOK_UNIGRAM_H

#include "fmt/json.h"
#include "tok/piece_trie.h"

typedef struct vecd_unigram {
  vecd_piece_trie trie;
  double *scores;         /* [number of tokens] */
  double unk_score;       /* of one unknown character */
  uint32_t unk_id;        /* VECD_NO_ID: none */
  uint32_t byte_ids[256]; /* of "<0x00>" to "<0xFF>", VECD_NO_ID where there is none */
  bool byte_fallback;     /* an unknown piece becomes its bytes, if there is a token for each */
} vecd_unigram;

/* The best way to one byte of the word. */
typedef struct vecd_unigram_node {
  double score;
  uint32_t begin; /* of its last piece */
  uint32_t id;
} vecd_unigram_node;

typedef struct vecd_unigram_scratch {
  vecd_unigram_node *nodes;
  size_t cap;
} vecd_unigram_scratch;

/* As vecd_tok_model_load(), which has checked the type; `where` is what errors call the section. */
VECD_CHECK vecd_status vecd_unigram_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes,
                                         vecd_vocab *vocab, size_t *n_tokens, vecd_unigram *out, vecd_err *err);
void vecd_unigram_fini(vecd_unigram *model);

/* As vecd_tok_model_encode(). Gives the number of ids; SIZE_MAX when memory is out, or with *no_token where an unknown character
 * meets a model without unk_id. Time is the word's length times that of the longest match; room is that of the longest stretch
 * in which tokens overlap without a gap. */
size_t vecd_unigram_encode(const vecd_unigram *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                           vecd_unigram_scratch *scratch, bool *no_token);

size_t vecd_unigram_bytes(const vecd_unigram *model, size_t n_tokens);

#endif
