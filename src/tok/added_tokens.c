/* added_tokens.c - finding added tokens. Reading them is in added_tokens_load.c.
 *
 * The tokens of a set are sorted; the longest one at a place is found by narrowing the range of those that agree with the text
 * so far. Most texts have no byte that a token begins with, so what counts is to pass over them fast. */
#include "tok/added_tokens.h"

#include "base/mem.h"
#include "tok/unicode.h"

static bool is_word(uint32_t c) { return (vecd_unicode_props(c) & VECD_UNICODE_WORD) != 0; }

static uint32_t char_before(vecd_span text, size_t at, size_t *begin) {
  do at--;
  while (at > 0 && ((unsigned char)text.ptr[at] & 0xc0) == 0x80);
  const char *p = text.ptr + at;
  *begin = at;
  return vecd_utf8_next(&p);
}

static uint32_t char_at(vecd_span text, size_t at, size_t *end) {
  const char *p = text.ptr + at;
  uint32_t c = vecd_utf8_next(&p);
  *end = (size_t)(p - text.ptr);
  return c;
}

/* The first token in [lo, hi), all equal in their first k bytes, whose byte k is >= b. */
static size_t lower_bound(const vecd_added_set *set, size_t lo, size_t hi, size_t k, unsigned b) {
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if ((unsigned char)set->text.ptr[set->tokens[mid].at + k] < b)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

static const vecd_added_token *longest_at(const vecd_added_set *set, vecd_span text, size_t at) {
  unsigned b = (unsigned char)text.ptr[at];
  size_t lo = set->first[b], hi = set->first[b + 1];
  const vecd_added_token *best = NULL;
  for (size_t k = 1; lo < hi; k++) {
    if (set->tokens[lo].len == k) best = &set->tokens[lo++]; /* the shortest stands first */
    if (at + k == text.len || lo == hi) break;
    b = (unsigned char)text.ptr[at + k];
    lo = lower_bound(set, lo, hi, k, b);
    hi = lower_bound(set, lo, hi, k, b + 1);
  }
  return best;
}

/* Moves to the next byte from `at` on with which a token may begin. */
static size_t skip_to_first(const vecd_added_set *set, vecd_span text, size_t at) {
  if (at >= text.len) return text.len;
  if (set->only_first >= 0) {
    const char *p = memchr(text.ptr + at, set->only_first, text.len - at);
    return p ? (size_t)(p - text.ptr) : text.len;
  }
  for (; at < text.len; at++) {
    unsigned b = (unsigned char)text.ptr[at];
    if (set->first[b] < set->first[b + 1]) break;
  }
  return at;
}

bool vecd_added_set_next(const vecd_added_set *set, vecd_span text, vecd_added_search *search, vecd_added_match *match) {
  if (set->n == 0) return false;
  for (;;) {
    size_t begin = skip_to_first(set, text, search->scan), other;
    if (begin == text.len) return search->scan = text.len, false;
    const vecd_added_token *token = longest_at(set, text, begin);
    if (!token) {
      search->scan = begin + 1;
      continue;
    }
    size_t end = begin + token->len;
    search->scan = end;
    if (token->single_word) {
      if (begin > 0 && is_word(char_before(text, begin, &other))) continue;
      if (end < text.len && is_word(char_at(text, end, &other))) continue;
    }
    if (token->lstrip) {
      while (begin > search->done && vecd_unicode_is_space(char_before(text, begin, &other))) begin = other;
      if (begin < search->done) begin = search->done;
    }
    if (token->rstrip) {
      size_t from = end;
      if (end >= search->space_begin && end < search->space_end) end = search->space_end; /* has been walked over before */
      while (end < text.len && vecd_unicode_is_space(char_at(text, end, &other))) end = other;
      search->space_begin = from;
      search->space_end = end;
    }
    if (begin >= end) { /* the one before has taken it all; Hugging Face tokenizers drops it or panics */
      if (end > search->done) search->done = end;
      continue;
    }
    *match = (vecd_added_match){begin, end, token->id};
    return true;
  }
}

void vecd_added_tokens_fini(vecd_added_tokens *added) {
  vecd_buf_fini(&added->raw.text);
  vecd_buf_fini(&added->normalized.text);
  vecd_free(added->raw.tokens);
  vecd_free(added->normalized.tokens);
  *added = (vecd_added_tokens){0};
}

size_t vecd_added_tokens_bytes(const vecd_added_tokens *added) {
  return added->raw.text.cap + added->normalized.text.cap + (added->raw.n + added->normalized.n) * sizeof *added->raw.tokens;
}
