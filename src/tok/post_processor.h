/* post_processor.h - the "post_processor" section: which special tokens stand before and behind a single text, and whether
 * offsets leave out the space that tokens of the byte-level kind begin with.
 *
 * TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, a Sequence of them, or null. The template for pairs is checked
 * but not kept: nobody encodes pairs. */
#ifndef VECD_TOK_POST_PROCESSOR_H
#define VECD_TOK_POST_PROCESSOR_H

#include "fmt/json.h"
#include "tok/vocab.h"

#define VECD_MOST_TRIMS 4

/* One trimming of offsets. */
typedef struct vecd_trim {
  bool add_prefix_space; /* a single space at the beginning of the text was put there, so there is nothing to leave out */
  size_t n_before;       /* special tokens that have been put before the text by then */
} vecd_trim;

typedef struct vecd_post_processor {
  uint32_t *ids; /* [n_before + n_behind] */
  size_t n_before, n_behind;
  vecd_trim trims[VECD_MOST_TRIMS];
  size_t n_trims;
} vecd_post_processor;

/* Reads the section (NULL or JSON null: nothing is added). Every id must have a token in vocab.
 * VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED a type we do not have, by name, or a template that does not have the text once. */
VECD_CHECK vecd_status vecd_post_processor_load(const char *file, const json_t *section, const vecd_vocab *vocab,
                                                vecd_post_processor *out, vecd_err *err);
void vecd_post_processor_fini(vecd_post_processor *post);

#endif
