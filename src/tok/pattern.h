/* pattern.h - the "pattern" of Split and Replace: {"String": ...} is looked for byte by byte, {"Regex": ...} by regex.h. */
#ifndef VECD_TOK_PATTERN_H
#define VECD_TOK_PATTERN_H

#include "fmt/json.h"
#include "tok/regex.h"

/* Zeroed is legal: it is found nowhere. */
typedef struct vecd_pattern {
  char *literal; /* [literal_len], when regex is NULL */
  size_t literal_len;
  vecd_regex *regex;
} vecd_pattern;

typedef struct vecd_pattern_search {
  const vecd_pattern *pattern;
  vecd_span text;
  size_t at;
  vecd_regex_search regex;
} vecd_pattern_search;

/* Reads section["pattern"]. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_pattern_load(const char *where, const json_t *section, vecd_pattern *out, vecd_err *err);
VECD_CHECK vecd_status vecd_pattern_init_regex(const char *where, vecd_span text, vecd_pattern *out, vecd_err *err);
void vecd_pattern_fini(vecd_pattern *pattern);
size_t vecd_pattern_bytes(const vecd_pattern *pattern);

bool vecd_pattern_matches_empty(const vecd_pattern *pattern);

/* As vecd_regex_begin() and vecd_regex_next(). */
VECD_CHECK vecd_status vecd_pattern_begin(const vecd_pattern *pattern, vecd_span text, vecd_regex_scratch *scratch,
                                          vecd_pattern_search *search, vecd_err *err);
VECD_CHECK vecd_status vecd_pattern_next(vecd_pattern_search *search, bool *found, size_t *begin, size_t *end, vecd_err *err);

#endif
