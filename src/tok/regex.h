/* regex.h - regular expressions, as Hugging Face tokenizers gives them to Oniguruma, run by PCRE2.
 *
 * A compiled one is read-only and serves any number of threads, each with its own scratch. What a match may cost is limited:
 * where Oniguruma would go on for hours, the text is refused. */
#ifndef VECD_TOK_REGEX_H
#define VECD_TOK_REGEX_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

typedef struct vecd_regex vecd_regex;

/* Working room of one thread; zeroed is legal. */
typedef struct vecd_regex_scratch {
  struct vecd_regex_room *room;
  unsigned char *symbols; /* [cap] the classes of the text's characters */
  size_t cap;
} vecd_regex_scratch;

/* One text being searched. */
typedef struct vecd_regex_search {
  const vecd_regex *regex;
  vecd_regex_scratch *scratch;
  vecd_span text;
  size_t n;                    /* characters */
  size_t at;                   /* character where the next search begins */
  size_t last_end;             /* of the last match; SIZE_MAX: there was none */
  size_t char_at, char_number; /* byte char_at begins character char_number */
  size_t n_calls;
  uint64_t begun_ns;
} vecd_regex_search;

/* Compiles `pattern`; `where` names it in errors ("tokenizer.json: pre_tokenizer").
 * VECD_OK; VECD_BAD_MODEL malformed; VECD_UNSUPPORTED syntax we do not have, by name; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_regex_new(const char *where, vecd_span pattern, vecd_regex **out, vecd_err *err);
void vecd_regex_free(vecd_regex **regex);
size_t vecd_regex_bytes(const vecd_regex *regex);

/* Whether it can match no characters at all. */
bool vecd_regex_matches_empty(const vecd_regex *regex);

/* Begins a search of text, valid UTF-8 which must stay. VECD_OK; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_regex_begin(const vecd_regex *regex, vecd_span text, vecd_regex_scratch *scratch,
                                        vecd_regex_search *search, vecd_err *err);

/* The next match, its bytes [*begin, *end); *found false: there is no other. Empty ones come too, but not behind another.
 * VECD_OK; VECD_BAD_TEXT the search would cost too much; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_regex_next(vecd_regex_search *search, bool *found, size_t *begin, size_t *end, vecd_err *err);

void vecd_regex_scratch_fini(vecd_regex_scratch *scratch);

#endif
