/* pre_tokenizer.h - the "pre_tokenizer" section: BertPreTokenizer, or null, which leaves the text in one piece. */
#ifndef VECD_TOK_PRE_TOKENIZER_H
#define VECD_TOK_PRE_TOKENIZER_H

#include "fmt/json.h"

typedef enum vecd_pre_tokenizer {
  VECD_PRE_TOKENIZER_NONE,
  VECD_PRE_TOKENIZER_BERT, /* splits at White_Space, which vanishes, and around each punctuation character */
} vecd_pre_tokenizer;

/* Reads the section (NULL or JSON null: none). VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED a type we do not have, by name. */
VECD_CHECK vecd_status vecd_pre_tokenizer_load(const char *file, const json_t *section, vecd_pre_tokenizer *out, vecd_err *err);

/* Gives the next word at or behind *at, which moves to its end; false when there is none. Text is valid UTF-8. */
bool vecd_pre_tokenizer_next(vecd_pre_tokenizer pre_tokenizer, vecd_span text, size_t *at, vecd_span *word);

#endif
