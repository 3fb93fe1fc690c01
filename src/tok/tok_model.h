/* tok_model.h - the "model" section: what cuts one word into tokens. One type that stands for any of the kinds there are. */
#ifndef VECD_TOK_TOK_MODEL_H
#define VECD_TOK_TOK_MODEL_H

#include "tok/bpe.h"
#include "tok/unigram.h"
#include "tok/wordlevel.h"
#include "tok/wordpiece.h"

typedef enum vecd_tok_model_kind {
  VECD_TOK_MODEL_WORDPIECE,
  VECD_TOK_MODEL_UNIGRAM,
  VECD_TOK_MODEL_BPE,
  VECD_TOK_MODEL_WORDLEVEL,
} vecd_tok_model_kind;

typedef struct vecd_tok_model {
  vecd_tok_model_kind kind;
  size_t n_tokens;     /* entries of the section's vocab; added tokens get the ids from here on */
  size_t ids_per_byte; /* a word of n bytes never has more than n * ids_per_byte ids */
  union {
    vecd_wordpiece wordpiece;
    vecd_unigram unigram;
    vecd_bpe bpe;
    vecd_wordlevel wordlevel;
  } as;
} vecd_tok_model;

/* Working room; zeroed is legal. Kept from word to word, so that a warm call allocates nothing. */
typedef struct vecd_tok_model_scratch {
  vecd_unigram_scratch unigram;
  vecd_bpe_scratch bpe;
  bool no_token; /* why the last call failed: the model knows no token for the word and has no unknown one; else memory */
} vecd_tok_model_scratch;

#define VECD_TOK_MODEL_FAILED SIZE_MAX

/* Reads the "model" section, puts its tokens into vocab, which is made here with room for n_more tokens of more_bytes in all.
 *
 * file   is for errors.
 * vocab  must stay where it is as long as the model lives.
 * VECD_OK; VECD_BAD_MODEL err names file and field; VECD_UNSUPPORTED another type, by name; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_tok_model_load(const char *file, const json_t *section, size_t n_more, size_t more_bytes,
                                           vecd_vocab *vocab, vecd_tok_model *out, vecd_err *err);
void vecd_tok_model_fini(vecd_tok_model *model);

/* Splits word (not empty, valid UTF-8) into ids. ids and ends have room for word.len * model->ids_per_byte.
 *
 * ends[i] is the byte of the word at which piece i ends; it begins where the one before ended. Pieces with equal ends are the
 * bytes of one stretch nobody knows, and all of them begin where the first does.
 * Gives their number (0 where a model leaves out what it does not know), or VECD_TOK_MODEL_FAILED. */
static inline size_t vecd_tok_model_encode(const vecd_tok_model *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                                           vecd_tok_model_scratch *scratch);
void vecd_tok_model_scratch_fini(vecd_tok_model_scratch *scratch);

/* vecd_tok_model_encode() for all but WordPiece, whose words are so short that the call would count. */
size_t vecd_tok_model_encode_other(const vecd_tok_model *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                                   vecd_tok_model_scratch *scratch);

static inline size_t vecd_tok_model_encode(const vecd_tok_model *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                                           vecd_tok_model_scratch *scratch) {
  if (model->kind == VECD_TOK_MODEL_WORDPIECE) return vecd_wordpiece_encode(&model->as.wordpiece, word, ids, ends);
  return vecd_tok_model_encode_other(model, word, ids, ends, scratch);
}

/* The model's token that is exactly bytes, or VECD_NO_ID; added tokens are not found. */
uint32_t vecd_tok_model_find(const vecd_tok_model *model, vecd_span bytes);

size_t vecd_tok_model_bytes(const vecd_tok_model *model);

#endif
