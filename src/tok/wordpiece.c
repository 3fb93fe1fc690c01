/* wordpiece.c - Schuster and Nakajima, "Japanese and Korean voice search" (2012), as Hugging Face tokenizers does it. */
#include "tok/wordpiece.h"

#include <limits.h>
#include <stdio.h>

static vecd_status check_type(const char *where, const json_t *section, vecd_err *err) {
  vecd_span type = {0};
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_OPTIONAL, &type, err);
  if (s) return s;
  /* Files from before 2021 do not say; then the fields do. */
  if (!type.ptr && json_object_get(section, "continuing_subword_prefix") &&
      json_object_get(section, "max_input_chars_per_word"))
    return VECD_OK;
  if (!type.ptr) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"type\" is missing", where);
  if (vecd_span_eq(type, VECD_SPAN("WordPiece"))) return VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where,
                      (int)(type.len < 64 ? type.len : 64), type.ptr);
}

/* Checks every id before anything is allocated for it; gives the largest and the bytes of all tokens. */
static vecd_status measure(const char *where, json_t *tokens, size_t *max_id, size_t *n_bytes, vecd_err *err) {
  const char *key;
  json_t *value;
  size_t n = json_object_size(tokens), most = n * 2 + 1024;
  *max_id = *n_bytes = 0;
  json_object_foreach(tokens, key, value) {
    if (!json_is_integer(value))
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab: the id of \"%.64s\" is of type %s, must be an integer",
                          where, key, vecd_json_type_name(value));
    json_int_t id = json_integer_value(value);
    if (id < 0 || (uint64_t)id >= most)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                          "%s: vocab: the id of \"%.64s\" is %" JSON_INTEGER_FORMAT ", out of range for %zu tokens", where, key,
                          id, n);
    if ((size_t)id > *max_id) *max_id = (size_t)id;
    *n_bytes += strlen(key);
  }
  return VECD_OK;
}

static vecd_status load_vocab(const char *where, json_t *tokens, vecd_span prefix, size_t n_more, size_t more_bytes,
                              vecd_vocab *vocab, vecd_wordpiece *out, vecd_err *err) {
  size_t n = json_object_size(tokens), max_id, n_bytes, n_continuing = 0;
  if (n == 0) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab is empty", where);
  vecd_status s = measure(where, tokens, &max_id, &n_bytes, err);
  if (s) return s;
  s = vecd_vocab_init(vocab, max_id + 1 + n_more, n_bytes + more_bytes, err);
  const char *key;
  json_t *value;
  if (!s) json_object_foreach(tokens, key, value) {
      uint32_t id = (uint32_t)json_integer_value(value);
      vecd_span token = vecd_span_of(key), other = vecd_vocab_piece(vocab, id);
      if (other.ptr)
        return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab: \"%.*s\" and \"%.64s\" both have id %u", where,
                            (int)(other.len < 64 ? other.len : 64), other.ptr, key, id);
      s = vecd_vocab_put(vocab, id, token, err);
      if (s) return s;
      n_continuing += token.len > prefix.len && memcmp(token.ptr, prefix.ptr, prefix.len) == 0;
    }
  if (!s) s = vecd_piece_table_init(&out->begin, vocab, n, err);
  if (!s) s = vecd_piece_table_init(&out->rest, vocab, n_continuing, err);
  if (s) return s;
  for (uint32_t id = 0; id < vocab->id_limit; id++) {
    vecd_span token = vecd_vocab_piece(vocab, id);
    if (!token.ptr) continue;
    vecd_piece_table_put(&out->begin, id, 0);
    if (token.len > prefix.len && memcmp(token.ptr, prefix.ptr, prefix.len) == 0)
      vecd_piece_table_put(&out->rest, id, prefix.len);
  }
  return VECD_OK;
}

vecd_status vecd_wordpiece_load(const char *file, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                                vecd_wordpiece *out, vecd_err *err) {
  char where[256];
  snprintf(where, sizeof where, "%.200s: model", file);
  *out = (vecd_wordpiece){0};
  vecd_span unk = {0}, prefix = {0};
  unsigned max_chars = 0;
  vecd_status s = check_type(where, section, err);
  if (!s) s = vecd_json_get_string(section, where, "unk_token", VECD_JSON_REQUIRED, &unk, err);
  if (!s) s = vecd_json_get_string(section, where, "continuing_subword_prefix", VECD_JSON_REQUIRED, &prefix, err);
  if (!s) s = vecd_json_get_uint(section, where, "max_input_chars_per_word", VECD_JSON_REQUIRED, 0, UINT_MAX, &max_chars, err);
  if (s) return s;
  json_t *tokens = json_object_get(section, "vocab");
  if (!json_is_object(tokens))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"vocab\" is of type %s, must be an object", where,
                        vecd_json_type_name(tokens));
  out->max_chars = max_chars;
  s = load_vocab(where, tokens, prefix, n_more, more_bytes, vocab, out, err);
  if (s) return s;
  out->unk_id = vecd_piece_table_get(&out->begin, unk);
  if (out->unk_id == VECD_NO_ID)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: unk_token \"%.*s\" is not in vocab", where,
                        (int)(unk.len < 64 ? unk.len : 64), unk.ptr);
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
