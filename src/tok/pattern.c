/* pattern.c - one of two ways to find places in a text. */
#include "tok/pattern.h"

#include "base/mem.h"

vecd_status vecd_pattern_load(const char *where, const json_t *section, vecd_pattern *out, vecd_err *err) {
  *out = (vecd_pattern){0};
  const json_t *pattern = json_object_get(section, "pattern");
  const json_t *literal = json_object_get(pattern, "String"), *regex = json_object_get(pattern, "Regex");
  const json_t *text = literal ? literal : regex;
  if (!json_is_object(pattern) || json_object_size(pattern) != 1 || !json_is_string(text))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"pattern\" must be {\"String\": ...} or {\"Regex\": ...}",
                        where);
  vecd_span span = vecd_json_span(text);
  if (regex || span.len == 0) return vecd_pattern_init_regex(where, span, out, err); /* nothing is found everywhere */
  out->literal = vecd_strndup(VECD_MEM_VOCAB, span.ptr, span.len);
  out->literal_len = span.len;
  return out->literal ? VECD_OK : vecd_err_no_memory(err, "pattern", span.len);
}

vecd_status vecd_pattern_init_regex(const char *where, vecd_span text, vecd_pattern *out, vecd_err *err) {
  *out = (vecd_pattern){0};
  return vecd_regex_new(where, text, &out->regex, err);
}

void vecd_pattern_fini(vecd_pattern *pattern) {
  vecd_free(pattern->literal);
  vecd_regex_free(&pattern->regex);
  *pattern = (vecd_pattern){0};
}

size_t vecd_pattern_bytes(const vecd_pattern *pattern) {
  return pattern->literal_len + (pattern->regex ? vecd_regex_bytes(pattern->regex) : 0);
}

bool vecd_pattern_matches_empty(const vecd_pattern *pattern) {
  return pattern->regex && vecd_regex_matches_empty(pattern->regex);
}

vecd_status vecd_pattern_begin(const vecd_pattern *pattern, vecd_span text, vecd_regex_scratch *scratch,
                               vecd_pattern_search *search, vecd_err *err) {
  *search = (vecd_pattern_search){.pattern = pattern, .text = text};
  return pattern->regex ? vecd_regex_begin(pattern->regex, text, scratch, &search->regex, err) : VECD_OK;
}

vecd_status vecd_pattern_next(vecd_pattern_search *search, bool *found, size_t *begin, size_t *end, vecd_err *err) {
  const vecd_pattern *pattern = search->pattern;
  if (pattern->regex) return vecd_regex_next(&search->regex, found, begin, end, err);
  *found = false;
  const char *p = search->text.ptr + search->at, *stop = search->text.ptr + search->text.len;
  while (pattern->literal_len && (size_t)(stop - p) >= pattern->literal_len) {
    p = memchr(p, pattern->literal[0], (size_t)(stop - p) - pattern->literal_len + 1);
    if (!p) break;
    if (memcmp(p, pattern->literal, pattern->literal_len) == 0) {
      *found = true;
      *begin = (size_t)(p - search->text.ptr);
      *end = search->at = *begin + pattern->literal_len;
      break;
    }
    p++;
  }
  return VECD_OK;
}
