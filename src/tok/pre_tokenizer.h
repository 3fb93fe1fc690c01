/* pre_tokenizer.h - the "pre_tokenizer" section: cutting normalized text into pieces, which some of its kinds rewrite.
 *
 * It is a list of steps; each takes the pieces of the one before, on their own. Null and BertPreTokenizer alone need no list of
 * pieces: they are walked through with vecd_pre_tokenizer_next(). */
#ifndef VECD_TOK_PRE_TOKENIZER_H
#define VECD_TOK_PRE_TOKENIZER_H

#include "fmt/json.h"
#include "tok/aligned.h"
#include "tok/pattern.h"
#include "tok/split.h"

#define VECD_PRE_TOKENIZER_MAX_STEPS 16

typedef enum vecd_pre_kind {
  VECD_PRE_BERT, /* splits at White_Space, which vanishes, and around each punctuation character */
  VECD_PRE_BYTE_LEVEL,
  VECD_PRE_METASPACE,
  VECD_PRE_WHITESPACE,
  VECD_PRE_WHITESPACE_SPLIT,
  VECD_PRE_SPLIT,
  VECD_PRE_PUNCTUATION,
  VECD_PRE_DIGITS,
  VECD_PRE_SCRIPTS,
  VECD_PRE_DELIMITER,
  VECD_PRE_FIXED_LENGTH,
} vecd_pre_kind;

typedef enum vecd_prepend { VECD_PREPEND_ALWAYS, VECD_PREPEND_FIRST, VECD_PREPEND_NEVER } vecd_prepend;

typedef struct vecd_pre_step {
  vecd_pre_kind kind;
  vecd_split_behavior behavior; /* Split, Punctuation, Digits */
  bool invert;                  /* Split */
  bool add_prefix_space;        /* ByteLevel */
  vecd_pattern pattern;         /* Split; ByteLevel: GPT-2's, or nothing */
  vecd_prepend prepend;         /* Metaspace */
  bool split;                   /* Metaspace */
  uint32_t c;                   /* Metaspace's replacement, the delimiter */
  size_t length;                /* FixedLength, in characters */
} vecd_pre_step;

typedef struct vecd_pre_tokenizer {
  size_t n_steps;
  vecd_pre_step steps[VECD_PRE_TOKENIZER_MAX_STEPS];
  bool needs_src; /* a step asks where in the original text a piece begins */
} vecd_pre_tokenizer;

/* Working room; zeroed is legal. */
typedef struct vecd_pre_scratch {
  vecd_aligned text[2]; /* the steps that rewrite text do so in turn */
  vecd_piece_list pieces[2];
  vecd_regex_scratch regex;
} vecd_pre_scratch;

/* Reads the section (NULL or JSON null: none). VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED a type we do not have, by name. */
VECD_CHECK vecd_status vecd_pre_tokenizer_load(const char *file, const json_t *section, vecd_pre_tokenizer *out, vecd_err *err);
void vecd_pre_tokenizer_fini(vecd_pre_tokenizer *pre);
size_t vecd_pre_tokenizer_bytes(const vecd_pre_tokenizer *pre);

/* Whether words need no list: at most one step, BertPreTokenizer. */
static inline bool vecd_pre_tokenizer_is_simple(const vecd_pre_tokenizer *pre) {
  return pre->n_steps == 0 || (pre->n_steps == 1 && pre->steps[0].kind == VECD_PRE_BERT);
}

/* For a simple one: gives the next word at or behind *at, which moves to its end; false when there is none. Text is valid UTF-8. */
bool vecd_pre_tokenizer_next(const vecd_pre_tokenizer *pre, vecd_span text, size_t *at, vecd_span *word);

/* For any other: cuts `text`, whose bytes have the sources src (NULL: they are not kept), into pieces.
 *
 * out, pieces  the text the pieces are of, and they; borrowed from `text` or living in scratch until the next call.
 * VECD_OK; VECD_BAD_TEXT a regular expression would run too long, or the rewritten text is too long; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_pre_tokenizer_run(const vecd_pre_tokenizer *pre, vecd_span text, const uint32_t *src,
                                              vecd_pre_scratch *scratch, vecd_aligned *out, const vecd_piece_list **pieces,
                                              vecd_err *err);

void vecd_pre_scratch_fini(vecd_pre_scratch *scratch);

#endif
