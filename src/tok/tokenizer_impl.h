/* tokenizer_impl.h - what a tokenizer is made of; for this room's files and its tests. */
#ifndef VECD_TOK_TOKENIZER_IMPL_H
#define VECD_TOK_TOKENIZER_IMPL_H

#include "tok/added_tokens.h"
#include "tok/normalizer.h"
#include "tok/post_processor.h"
#include "tok/pre_tokenizer.h"
#include "tok/tok_model.h"
#include "tok/tokenizer.h"
#include "tok/vocab.h"

/* In the order in which a text goes through them. */
struct vecd_tokenizer {
  bool truncate_left; /* "truncation": the beginning of a long text is cut, not its end */
  vecd_added_tokens added;
  vecd_normalizer normalizer;
  vecd_pre_tokenizer pre_tokenizer;
  vecd_tok_model model;
  vecd_post_processor post;
  vecd_vocab vocab;
};

/* As vecd_tokenizer_open(), from the file's text; `name` is what errors call it. */
VECD_CHECK vecd_status vecd_tokenizer_parse(const char *name, vecd_span text, const vecd_tokenizer_rules *rules,
                                            vecd_tokenizer **out, vecd_err *err);

#endif
