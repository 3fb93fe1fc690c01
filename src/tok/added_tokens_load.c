/* added_tokens_load.c - reading of the "added_tokens" section.
 *
 * Ids are given out as Hugging Face tokenizers does it, which goes by the content alone: the model's id where the model has the
 * token, else the next number behind the size of the vocabulary. There the file's own ids are decoration; here they must agree,
 * because a file that contradicts itself is not to be trusted with a model's vectors. */
#include <stdlib.h>

#include "base/mem.h"
#include "tok/added_tokens.h"

typedef struct entry {
  vecd_span content; /* as in the file, or (later) the text it matches */
  vecd_added_token token;
  size_t order; /* in the file */
  bool normalized;
  bool dropped; /* a later entry has the same content */
} entry;

vecd_status vecd_added_tokens_measure(const char *file, const json_t *section, size_t *n, size_t *n_bytes, vecd_err *err) {
  *n = *n_bytes = 0;
  if (!section || json_is_null(section)) return VECD_OK;
  if (!json_is_array(section))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: added_tokens is of type %s, must be an array", file,
                        vecd_json_type_name(section));
  *n = json_array_size(section);
  for (size_t i = 0; i < *n; i++) *n_bytes += json_string_length(json_object_get(json_array_get(section, i), "content"));
  return VECD_OK;
}

static int compare(const void *pa, const void *pb) {
  const entry *a = pa, *b = pb;
  size_t n = a->content.len < b->content.len ? a->content.len : b->content.len;
  int c = n ? memcmp(a->content.ptr, b->content.ptr, n) : 0;
  if (c) return c;
  if (a->content.len != b->content.len) return a->content.len < b->content.len ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

static int compare_order(const void *pa, const void *pb) {
  const entry *a = pa, *b = pb;
  return a->order < b->order ? -1 : a->order > b->order;
}

static vecd_status read_entry(const char *where, const json_t *item, entry *e, vecd_err *err) {
  unsigned id = 0;
  bool special;
  vecd_status s = vecd_json_get_string(item, where, "content", VECD_JSON_REQUIRED, &e->content, err);
  if (!s) s = vecd_json_get_uint(item, where, "id", VECD_JSON_REQUIRED, 0, INT32_MAX, &id, err);
  if (!s) s = vecd_json_get_bool(item, where, "single_word", VECD_JSON_REQUIRED, &e->token.single_word, err);
  if (!s) s = vecd_json_get_bool(item, where, "lstrip", VECD_JSON_REQUIRED, &e->token.lstrip, err);
  if (!s) s = vecd_json_get_bool(item, where, "rstrip", VECD_JSON_REQUIRED, &e->token.rstrip, err);
  if (!s) s = vecd_json_get_bool(item, where, "normalized", VECD_JSON_REQUIRED, &e->normalized, err);
  if (!s) s = vecd_json_get_bool(item, where, "special", VECD_JSON_REQUIRED, &special, err); /* matters to decoders only */
  e->token.id = id;
  return s;
}

/* Checks the ids of entries, which stand in the order of the file, and puts the new tokens into vocab. One that the model does not
 * know gets the next id behind the model's tokens, whatever the file says: ModernBERT's says 0 and 1 of two that come to lie on ids of
 * ordinary tokens. */
static vecd_status check_ids(const char *file, entry *entries, size_t n, const vecd_tok_model *model, vecd_vocab *vocab,
                             vecd_err *err) {
  size_t next = model->n_tokens;
  for (size_t i = 0; i < n; i++) {
    entry *e = &entries[i];
    if (e->dropped || e->content.len == 0) continue;
    uint32_t id = vecd_tok_model_find(model, e->content);
    bool new = id == VECD_NO_ID;
    if (new) id = (uint32_t)next++;
    if (!new &&id != e->token.id)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: added_tokens[%zu]: \"%.*s\" has the id %u, must have %u", file,
                          e->order, VECD_SHOWN(e->content), e->token.id, id);
    e->token.id = id;
    bool taken = vecd_vocab_piece(vocab, id).ptr != NULL;
    vecd_status s = new && !taken ? vecd_vocab_put(vocab, id, e->content, err) : VECD_OK;
    if (s) return s;
  }
  return VECD_OK;
}

/* Puts those entries into set that belong there; reorders them. */
static vecd_status fill_set(const char *file, entry *entries, size_t n, bool normalized, const vecd_normalizer *normalizer,
                            vecd_normalizer_scratch *scratch, vecd_added_set *set, vecd_err *err) {
  size_t n_kept = 0;
  set->text.tag = VECD_MEM_VOCAB;
  set->only_first = -1;
  for (size_t i = 0; i < n; i++) {
    entry *e = &entries[i];
    if (e->dropped || e->content.len == 0 || e->normalized != normalized) continue;
    vecd_span match = e->content;
    if (normalized) {
      const vecd_aligned *norm;
      vecd_status s = vecd_normalizer_run(normalizer, e->content, 0, false, scratch, &norm, err);
      if (s == VECD_BAD_TEXT) { /* there, the text is a part of the file */
        vecd_err_context(err, s, "%s: added_tokens[%zu]", file, e->order);
        if (err) err->code = VECD_UNSUPPORTED;
        return VECD_UNSUPPORTED;
      }
      if (s) return s;
      match = (vecd_span){norm->bytes, norm->len};
      if (match.len == 0)
        return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                            "%s: added_tokens[%zu]: nothing is left of \"%.*s\" after normalization", file, e->order,
                            VECD_SHOWN(e->content));
    }
    if (set->text.len + match.len >= INT32_MAX)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: added_tokens: over 2 GiB", file);
    entries[n_kept] = *e;
    entries[n_kept].token.at = (uint32_t)set->text.len;
    entries[n_kept++].token.len = (uint32_t)match.len;
    vecd_buf_append(&set->text, match.ptr, match.len);
  }
  if (n_kept == 0) return VECD_OK;
  set->tokens = vecd_alloc_array(VECD_MEM_VOCAB, n_kept, sizeof *set->tokens);
  if (!set->tokens || set->text.failed) return vecd_err_no_memory(err, "added_tokens", n_kept * sizeof *set->tokens);
  for (size_t i = 0; i < n_kept; i++)
    entries[i].content = (vecd_span){set->text.ptr + entries[i].token.at, entries[i].token.len};
  qsort(entries, n_kept, sizeof *entries, compare);
  size_t count[256] = {0};
  for (size_t i = 0; i < n_kept; i++) {
    if (i > 0 && vecd_span_eq(entries[i].content, entries[i - 1].content))
      continue; /* normalized to the same: the first has it */
    set->tokens[set->n++] = entries[i].token;
    count[(unsigned char)entries[i].content.ptr[0]]++;
  }
  for (int b = 0; b < 256; b++) {
    set->first[b + 1] = set->first[b] + (uint32_t)count[b];
    if (count[b] == set->n) set->only_first = b;
  }
  return VECD_OK;
}

static vecd_status load(const char *file, const json_t *section, entry *entries, size_t n, const vecd_normalizer *normalizer,
                        const vecd_tok_model *model, vecd_vocab *vocab, vecd_added_tokens *out, vecd_err *err) {
  char where[256];
  for (size_t i = 0; i < n; i++) {
    snprintf(where, sizeof where, "%.200s: added_tokens[%zu]", file, i);
    entries[i] = (entry){.order = i};
    vecd_status s = read_entry(where, json_array_get(section, i), &entries[i], err);
    if (s) return s;
  }
  /* Of entries with one content the last one's flags count, in the place of the first one. */
  qsort(entries, n, sizeof *entries, compare);
  for (size_t i = 1; i < n; i++) {
    if (!vecd_span_eq(entries[i].content, entries[i - 1].content)) continue;
    if (entries[i].token.id != entries[i - 1].token.id)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: added_tokens: \"%.*s\" has the ids %u and %u", file,
                          VECD_SHOWN(entries[i].content), entries[i - 1].token.id, entries[i].token.id);
    entries[i].order = entries[i - 1].order;
    entries[i - 1].dropped = true;
  }
  qsort(entries, n, sizeof *entries, compare_order);
  vecd_normalizer_scratch scratch = {0};
  vecd_status s = check_ids(file, entries, n, model, vocab, err);
  entry *half = NULL; /* fill_set() reorders what it is given, so each set gets a copy */
  if (!s && !(half = vecd_alloc_array(VECD_MEM_VOCAB, n, sizeof *half)))
    s = vecd_err_no_memory(err, "added_tokens", n * sizeof *half);
  if (!s) memcpy(half, entries, n * sizeof *half);
  if (!s) s = fill_set(file, half, n, false, normalizer, &scratch, &out->raw, err);
  if (!s) s = fill_set(file, entries, n, true, normalizer, &scratch, &out->normalized, err);
  vecd_free(half);
  vecd_normalizer_scratch_fini(&scratch);
  return s;
}

vecd_status vecd_added_tokens_load(const char *file, const json_t *section, const vecd_normalizer *normalizer,
                                   const vecd_tok_model *model, vecd_vocab *vocab, vecd_added_tokens *out, vecd_err *err) {
  *out = (vecd_added_tokens){0};
  size_t n = json_array_size(section);
  if (n == 0) return VECD_OK;
  entry *entries = vecd_alloc_array(VECD_MEM_VOCAB, n, sizeof *entries);
  if (!entries) return vecd_err_no_memory(err, "added_tokens", n * sizeof *entries);
  vecd_status s = load(file, section, entries, n, normalizer, model, vocab, out, err);
  vecd_free(entries);
  if (s) vecd_added_tokens_fini(out);
  return s;
}
