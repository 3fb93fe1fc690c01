/* vocab_load.c - reading of {"token": id, ...}, which three of the four kinds of model have.
 *
 * Holes are legal, as in Hugging Face tokenizers, but only so many that what is allocated stays in proportion to what the file
 * really holds. Two tokens with one id are not: one of them could not be shown. */
#include "tok/vocab.h"

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

vecd_status vecd_vocab_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                            size_t *n_tokens, vecd_err *err) {
  json_t *tokens = json_object_get(section, "vocab");
  size_t max_id, n_bytes;
  if (!json_is_object(tokens)) return vecd_json_wrong_type(tokens, where, "vocab", "an object", err);
  *n_tokens = json_object_size(tokens);
  if (*n_tokens == 0) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab is empty", where);
  vecd_status s = measure(where, tokens, &max_id, &n_bytes, err);
  if (s) return s;
  s = vecd_vocab_init(vocab, max_id + 1 + n_more, n_bytes + more_bytes, err);
  if (s) return s == VECD_UNSUPPORTED ? vecd_err_context(err, s, "%s: vocab", where) : s;
  const char *key;
  json_t *value;
  json_object_foreach(tokens, key, value) {
    uint32_t id = (uint32_t)json_integer_value(value);
    vecd_span other = vecd_vocab_piece(vocab, id);
    if (other.ptr)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab: \"%.*s\" and \"%.64s\" both have id %u", where,
                          VECD_SHOWN(other), key, id);
    s = vecd_vocab_put(vocab, id, vecd_span_of(key), err);
    if (s) return s;
  }
  return VECD_OK;
}
