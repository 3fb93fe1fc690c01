/* wordpiece.c - Schuster and Nakajima, "Japanese and Korean voice search" (2012), as Hugging Face tokenizers does it. */
#include "tok/wordpiece.h"

#include <limits.h>

static bool continues(vecd_span token, vecd_span prefix) {
  return token.len > prefix.len && memcmp(token.ptr, prefix.ptr, prefix.len) == 0;
}

static vecd_status fill_tables(const vecd_vocab *vocab, vecd_span prefix, size_t n_tokens, vecd_wordpiece *out, vecd_err *err) {
  size_t n_continuing = 0;
  for (uint32_t id = 0; id < vocab->id_limit; id++) n_continuing += continues(vecd_vocab_piece(vocab, id), prefix);
  vecd_status s = vecd_piece_table_init(&out->begin, vocab, n_tokens, err);
  if (!s) s = vecd_piece_table_init(&out->rest, vocab, n_continuing, err);
  if (s) return s;
  for (uint32_t id = 0; id < vocab->id_limit; id++) {
    vecd_span token = vecd_vocab_piece(vocab, id);
    if (!token.ptr) continue;
    vecd_piece_table_put(&out->begin, id, 0);
    if (continues(token, prefix)) vecd_piece_table_put(&out->rest, id, prefix.len);
  }
  return VECD_OK;
}

vecd_status vecd_wordpiece_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                                size_t *n_tokens, vecd_wordpiece *out, vecd_err *err) {
  vecd_span unk = {0}, prefix = {0};
  unsigned max_chars = 0;
  vecd_status s = vecd_json_get_string(section, where, "unk_token", VECD_JSON_REQUIRED, &unk, err);
  if (!s) s = vecd_json_get_string(section, where, "continuing_subword_prefix", VECD_JSON_REQUIRED, &prefix, err);
  if (!s) s = vecd_json_get_uint(section, where, "max_input_chars_per_word", VECD_JSON_REQUIRED, 0, UINT_MAX, &max_chars, err);
  if (!s) s = vecd_vocab_load(where, section, n_more, more_bytes, vocab, n_tokens, err);
  if (!s) s = fill_tables(vocab, prefix, *n_tokens, out, err);
  if (s) return s;
  out->max_chars = max_chars;
  out->unk_id = vecd_piece_table_get(&out->begin, unk);
  if (out->unk_id == VECD_NO_ID)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: unk_token \"%.*s\" is not in vocab", where, VECD_SHOWN(unk));
  return VECD_OK;
}

void vecd_wordpiece_fini(vecd_wordpiece *model) {
  vecd_piece_table_fini(&model->begin);
  vecd_piece_table_fini(&model->rest);
}

static bool too_long(vecd_span word, size_t max_chars) {
  if (word.len <= max_chars) return false;
  size_t n = 0;
  for (size_t i = 0; i < word.len; i++) n += ((unsigned char)word.ptr[i] & 0xc0) != 0x80;
  return n > max_chars;
}

size_t vecd_wordpiece_encode(const vecd_wordpiece *model, vecd_span word, uint32_t *ids, uint32_t *ends) {
  size_t n = 0, at = 0, len = 0;
  if (too_long(word, model->max_chars)) goto unknown;
  const vecd_piece_table *table = &model->begin;
  while (at < word.len) {
    uint32_t id = vecd_piece_table_longest(table, (vecd_span){word.ptr + at, word.len - at}, &len);
    if (id == VECD_NO_ID) goto unknown;
    at += len;
    ids[n] = id;
    ends[n++] = (uint32_t)at;
    table = &model->rest;
  }
  return n;
unknown:
  ids[0] = model->unk_id;
  ends[0] = (uint32_t)word.len;
  return 1;
}
