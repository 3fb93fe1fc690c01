/* bpe_load.c - reading of the BPE model: its merges, given as "left right" or as ["left", "right"], and the ids of single
 * characters in each place of a word. */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tok/bpe.h"

#define MOST_AFFIX 64 /* bytes of prefix and suffix with byte_fallback: each character may become as many ids more */

/* Bytes of prefix, one character, and suffix, if token is that: gives the character, or -1. */
static int32_t only_char(vecd_span token, vecd_span prefix, vecd_span suffix) {
  if (token.len <= prefix.len + suffix.len || token.len > prefix.len + suffix.len + 4) return -1;
  if (prefix.len && memcmp(token.ptr, prefix.ptr, prefix.len) != 0) return -1;
  if (suffix.len && memcmp(token.ptr + token.len - suffix.len, suffix.ptr, suffix.len) != 0) return -1;
  const char *p = token.ptr + prefix.len, *end = token.ptr + token.len - suffix.len;
  if (vecd_utf8_valid_prefix(p, (size_t)(end - p)) < (size_t)(end - p)) return -1;
  uint32_t c = vecd_utf8_next(&p);
  return p == end ? (int32_t)c : -1;
}

static vecd_status fill_chars(const vecd_vocab *vocab, vecd_span prefix, vecd_span suffix, vecd_char_ids *out, vecd_err *err) {
  size_t n_pages = 1;
  out->page_of = vecd_alloc_zero(VECD_MEM_VOCAB, VECD_CHAR_IDS_N_PAGES, sizeof *out->page_of);
  if (!out->page_of) return vecd_err_no_memory(err, "vocabulary", VECD_CHAR_IDS_N_PAGES * sizeof *out->page_of);
  for (uint32_t id = 0; id < vocab->id_limit; id++) {
    int32_t c = only_char(vecd_vocab_piece(vocab, id), prefix, suffix);
    uint16_t *page = c >= 0 ? &out->page_of[(uint32_t)c / VECD_CHAR_IDS_PAGE] : NULL;
    if (page && !*page) *page = (uint16_t)n_pages++;
  }
  out->ids = vecd_alloc_array(VECD_MEM_VOCAB, n_pages * VECD_CHAR_IDS_PAGE, sizeof *out->ids);
  if (!out->ids) return vecd_err_no_memory(err, "vocabulary", n_pages * VECD_CHAR_IDS_PAGE * sizeof *out->ids);
  out->n_pages = n_pages;
  memset(out->ids, 0xff, n_pages * VECD_CHAR_IDS_PAGE * sizeof *out->ids);
  for (uint32_t id = 0; id < vocab->id_limit; id++) {
    int32_t c = only_char(vecd_vocab_piece(vocab, id), prefix, suffix);
    if (c >= 0) *vecd_char_ids_at(out, (uint32_t)c) = id;
  }
  return VECD_OK;
}

static vecd_status load_chars(const vecd_vocab *vocab, vecd_bpe *out, vecd_err *err) {
  vecd_span prefix = {out->affixes.ptr, out->prefix_len}, none = {"", 0};
  vecd_span suffix = {out->affixes.ptr ? out->affixes.ptr + out->prefix_len : NULL, out->suffix_len};
  for (unsigned place = 0; place < 4; place++) {
    unsigned from = place;
    if (!prefix.len) from &= ~VECD_BPE_BEHIND;
    if (!suffix.len) from &= ~VECD_BPE_LAST;
    out->chars_at[place] = from;
    if (from != place) continue;
    vecd_status s = fill_chars(vocab, place & VECD_BPE_BEHIND ? prefix : none, place & VECD_BPE_LAST ? suffix : none,
                               &out->chars[place], err);
    if (s) return s;
  }
  return VECD_OK;
}

/* One entry of merges; *skipped: it is the version line of a merges.txt. All entries are of the type of the first one. */
static vecd_status read_merge(const char *where, size_t i, const json_t *entry, bool pairs, vecd_span *left, vecd_span *right,
                              bool *skipped, vecd_err *err) {
  if (pairs) {
    const json_t *a = json_array_get(entry, 0), *b = json_array_get(entry, 1);
    if (json_array_size(entry) != 2 || !json_is_string(a) || !json_is_string(b))
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu] must be an array of two strings", where, i);
    *left = vecd_json_span(a);
    *right = vecd_json_span(b);
    return VECD_OK;
  }
  vecd_span text = vecd_json_span(entry);
  if (!text.ptr)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu] is of type %s, must be a string", where, i,
                        vecd_json_type_name(entry));
  if ((*skipped = text.len >= 8 && memcmp(text.ptr, "#version", 8) == 0)) return VECD_OK;
  const char *space = memchr(text.ptr, ' ', text.len), *end = text.ptr + text.len;
  if (!space || memchr(space + 1, ' ', (size_t)(end - space - 1)))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu]: \"%.*s\" is not two tokens and one space", where, i,
                        VECD_SHOWN(text));
  *left = (vecd_span){text.ptr, (size_t)(space - text.ptr)};
  *right = (vecd_span){space + 1, (size_t)(end - space - 1)};
  return VECD_OK;
}

/* The ids of both sides and of what they make: the left one, and the right one without its prefix. */
static vecd_status find_merge(const char *where, size_t i, vecd_span left, vecd_span right, const vecd_bpe *model,
                              vecd_buf *joined, uint32_t ids[3], vecd_err *err) {
  const vecd_span sides[2] = {left, right};
  for (int k = 0; k < 2; k++) {
    ids[k] = vecd_piece_table_get(&model->tokens, sides[k]);
    if (ids[k] == VECD_NO_ID)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu] names \"%.*s\", which is not in vocab", where, i,
                          VECD_SHOWN(sides[k]));
  }
  if (right.len < model->prefix_len)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu]: \"%.*s\" does not have the prefix", where, i,
                        VECD_SHOWN(right));
  joined->len = 0;
  vecd_buf_append(joined, left.ptr, left.len);
  vecd_buf_append(joined, right.ptr + model->prefix_len, right.len - model->prefix_len);
  if (joined->failed) return vecd_err_no_memory(err, "merges", left.len + right.len);
  vecd_span result = {joined->ptr, joined->len};
  ids[2] = vecd_piece_table_get(&model->tokens, result);
  if (ids[2] == VECD_NO_ID)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: merges[%zu] makes \"%.*s\", which is not in vocab", where, i,
                        VECD_SHOWN(result));
  return VECD_OK;
}

static vecd_status load_merges(const char *where, const json_t *merges, vecd_bpe *out, vecd_err *err) {
  size_t n = json_array_size(merges);
  if (!json_is_array(merges)) return vecd_json_wrong_type(merges, where, "merges", "an array", err);
  if (n >= INT32_MAX / 2) return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %zu merges are too many", where, n);
  out->n_slots = (uint32_t)(n + n / 2 + 1);
  out->slots = vecd_alloc_array(VECD_MEM_VOCAB, out->n_slots, sizeof *out->slots);
  out->merged = vecd_alloc_array(VECD_MEM_VOCAB, n, sizeof *out->merged);
  if (!out->slots || !out->merged) return vecd_err_no_memory(err, "merges", out->n_slots * sizeof *out->slots);
  memset(out->slots, 0xff, out->n_slots * sizeof *out->slots);
  vecd_buf joined = {.tag = VECD_MEM_VOCAB};
  vecd_status s = VECD_OK;
  bool pairs = json_is_array(json_array_get(merges, 0));
  for (size_t i = 0; i < n && !s; i++) {
    vecd_span left = {0}, right = {0};
    uint32_t ids[3] = {0};
    bool skipped = false;
    s = read_merge(where, i, json_array_get(merges, i), pairs, &left, &right, &skipped, err);
    if (skipped || s) continue;
    s = find_merge(where, i, left, right, out, &joined, ids, err);
    if (s) continue;
    vecd_merge_slot *slot = vecd_bpe_slot(out, ids[0], ids[1]); /* of a pair's places the last counts */
    *slot = (vecd_merge_slot){ids[0], ids[1], out->n_merges};
    out->merged[out->n_merges++] = ids[2];
    out->by_queue |= ids[2] == ids[0];
  }
  vecd_buf_fini(&joined);
  return s;
}

static vecd_status load_affixes(const char *where, const json_t *section, vecd_bpe *out, vecd_err *err) {
  static const char *const fields[2] = {"continuing_subword_prefix", "end_of_word_suffix"};
  out->affixes.tag = VECD_MEM_VOCAB;
  for (int i = 0; i < 2; i++) {
    vecd_span affix = {0};
    vecd_status s = vecd_json_get_string(section, where, fields[i], VECD_JSON_OPTIONAL, &affix, err);
    if (s) return s;
    if (affix.len) vecd_buf_append(&out->affixes, affix.ptr, affix.len);
    *(i ? &out->suffix_len : &out->prefix_len) = affix.len;
  }
  if (out->affixes.failed) return vecd_err_no_memory(err, "vocabulary", out->prefix_len + out->suffix_len);
  if (out->byte_fallback && out->affixes.len > MOST_AFFIX)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s: byte_fallback with %s and %s of over %d bytes is not supported", where, fields[0], fields[1],
                        MOST_AFFIX);
  return VECD_OK;
}

static vecd_status load_settings(const char *where, const json_t *section, vecd_bpe *out, vecd_err *err) {
  const json_t *dropout = json_object_get(section, "dropout");
  if (dropout && !json_is_null(dropout) && !json_is_number(dropout))
    return vecd_json_wrong_type(dropout, where, "dropout", "a number or null", err);
  if (dropout && json_number_value(dropout) != 0)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: a dropout of %g is not supported, it makes ids random", where,
                        json_number_value(dropout));
  vecd_status s = vecd_json_get_bool(section, where, "fuse_unk", VECD_JSON_OPTIONAL, &out->fuse_unk, err);
  if (!s) s = vecd_json_get_bool(section, where, "byte_fallback", VECD_JSON_OPTIONAL, &out->byte_fallback, err);
  if (!s) s = vecd_json_get_bool(section, where, "ignore_merges", VECD_JSON_OPTIONAL, &out->ignore_merges, err);
  return s ? s : load_affixes(where, section, out, err);
}

vecd_status vecd_bpe_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                          size_t *n_tokens, vecd_bpe *out, vecd_err *err) {
  vecd_span unk = {0};
  vecd_status s = load_settings(where, section, out, err);
  if (!s) s = vecd_json_get_string(section, where, "unk_token", VECD_JSON_OPTIONAL, &unk, err);
  if (!s) s = vecd_vocab_load(where, section, n_more, more_bytes, vocab, n_tokens, err);
  if (!s) s = vecd_piece_table_init(&out->tokens, vocab, *n_tokens, err);
  if (s) return s;
  memset(out->byte_ids, 0xff, sizeof out->byte_ids);
  for (uint32_t id = 0; id < vocab->id_limit; id++) {
    vecd_span token = vecd_vocab_piece(vocab, id);
    if (token.ptr) vecd_piece_table_put(&out->tokens, id, 0);
    int byte = vecd_vocab_byte_of(token);
    if (byte >= 0) out->byte_ids[byte] = id;
  }
  out->unk_id = unk.ptr ? vecd_piece_table_get(&out->tokens, unk) : VECD_NO_ID;
  out->unk_missing = unk.ptr && out->unk_id == VECD_NO_ID;
  s = load_chars(vocab, out, err);
  return s ? s : load_merges(where, json_object_get(section, "merges"), out, err);
}

void vecd_bpe_fini(vecd_bpe *model) {
  vecd_piece_table_fini(&model->tokens);
  for (int i = 0; i < 4; i++) {
    vecd_free(model->chars[i].page_of);
    vecd_free(model->chars[i].ids);
  }
  vecd_free(model->slots);
  vecd_free(model->merged);
  vecd_buf_fini(&model->affixes);
  *model = (vecd_bpe){0};
}

size_t vecd_bpe_ids_per_byte(const vecd_bpe *model) { return 1 + (model->byte_fallback ? model->affixes.len : 0); }

size_t vecd_bpe_bytes(const vecd_bpe *model) {
  size_t n = vecd_piece_table_bytes(&model->tokens) + model->n_slots * sizeof *model->slots +
             model->n_merges * sizeof *model->merged + model->affixes.cap;
  for (int i = 0; i < 4; i++)
    if (model->chars[i].page_of)
      n += VECD_CHAR_IDS_N_PAGES * sizeof(uint16_t) + model->chars[i].n_pages * VECD_CHAR_IDS_PAGE * sizeof(uint32_t);
  return n;
}
