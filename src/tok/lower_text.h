/* lower_text.h - Python's str.lower(), which sentence-transformers applies before the tokenizer where
 * sentence_bert_config.json says do_lower_case. */
#ifndef VECD_TOK_LOWER_TEXT_H
#define VECD_TOK_LOWER_TEXT_H

#include "tok/aligned.h"

/* Writes the lower case of `text` (valid UTF-8) into out. False when memory is out. */
bool vecd_lower_text(vecd_span text, bool keep_src, vecd_aligned *out);

#endif
