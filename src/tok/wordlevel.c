/* wordlevel.c - words by their bytes. */
#include "tok/wordlevel.h"

vecd_status vecd_wordlevel_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                                size_t *n_tokens, vecd_wordlevel *out, vecd_err *err) {
  vecd_span unk = {0};
  vecd_status s = vecd_json_get_string(section, where, "unk_token", VECD_JSON_REQUIRED, &unk, err);
  if (!s) s = vecd_vocab_load(where, section, n_more, more_bytes, vocab, n_tokens, err);
  if (!s) s = vecd_piece_table_init(&out->tokens, vocab, *n_tokens, err);
  if (s) return s;
  for (uint32_t id = 0; id < vocab->id_limit; id++)
    if (vecd_vocab_piece(vocab, id).ptr) vecd_piece_table_put(&out->tokens, id, 0);
  out->unk_id = vecd_piece_table_get(&out->tokens, unk);
  return VECD_OK;
}

void vecd_wordlevel_fini(vecd_wordlevel *model) { vecd_piece_table_fini(&model->tokens); }

uint32_t vecd_wordlevel_encode(const vecd_wordlevel *model, vecd_span word) {
  uint32_t id = vecd_piece_table_get(&model->tokens, word);
  return id == VECD_NO_ID ? model->unk_id : id;
}
