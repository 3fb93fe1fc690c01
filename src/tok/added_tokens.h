/* added_tokens.h - the "added_tokens" section: tokens found in the text before anything else looks at it.
 *
 * Those that are not `normalized` are matched in the text as it came; the others, under the normalized form of their content,
 * in the normalized text of what lies between. In both cases leftmost first, then longest. */
#ifndef VECD_TOK_ADDED_TOKENS_H
#define VECD_TOK_ADDED_TOKENS_H

#include "fmt/json.h"
#include "tok/normalizer.h"
#include "tok/tok_model.h"
#include "tok/vocab.h"

typedef struct vecd_added_token {
  uint32_t at, len; /* what it matches, in vecd_added_set.text */
  uint32_t id;
  bool single_word; /* no word character may touch it */
  bool lstrip;      /* takes the space on its left with it */
  bool rstrip;
} vecd_added_token;

typedef struct vecd_added_set {
  vecd_buf text;
  vecd_added_token *tokens; /* [n], in the order of their bytes */
  size_t n;
  uint32_t first[257]; /* tokens beginning with byte b are first[b] .. first[b + 1] - 1 */
  int only_first;      /* the byte that all tokens begin with, or -1 */
} vecd_added_set;

typedef struct vecd_added_tokens {
  vecd_added_set raw, normalized;
} vecd_added_tokens;

/* Where a search stands; zeroed at the beginning of a text. */
typedef struct vecd_added_search {
  size_t scan;                   /* the next byte to look at */
  size_t done;                   /* the text before this has been given out: the caller sets it to each match's end */
  size_t space_begin, space_end; /* all space between them, as the last rstrip found */
} vecd_added_search;

typedef struct vecd_added_match {
  size_t begin, end; /* stripped space included */
  uint32_t id;
} vecd_added_match;

/* What the section will need: number and bytes of its tokens. VECD_OK; VECD_BAD_MODEL it is not an array of objects. */
VECD_CHECK vecd_status vecd_added_tokens_measure(const char *file, const json_t *section, size_t *n, size_t *n_bytes,
                                                 vecd_err *err);

/* Reads the section (NULL: none). Tokens the model has keep its id, the others get the next ones and are put into vocab; the
 * file must agree. `model` finds the model's own tokens. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_added_tokens_load(const char *file, const json_t *section, const vecd_normalizer *normalizer,
                                              const vecd_tok_model *model, vecd_vocab *vocab, vecd_added_tokens *out,
                                              vecd_err *err);
void vecd_added_tokens_fini(vecd_added_tokens *added);

/* The next match in text (valid UTF-8); false when there is none. What lies between search->done before the call and
 * match->begin is text between tokens. A match that has been swallowed by the space another one took is not given. */
bool vecd_added_set_next(const vecd_added_set *set, vecd_span text, vecd_added_search *search, vecd_added_match *match);

size_t vecd_added_tokens_bytes(const vecd_added_tokens *added);

#endif
