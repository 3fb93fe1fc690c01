/* tok_model.c - picking the kind of model, and passing calls on to it. */
#include "tok/tok_model.h"

#include <stdio.h>

static const char *const kind_names[] = {
    [VECD_TOK_MODEL_WORDPIECE] = "WordPiece",
};

#define N_KINDS (sizeof kind_names / sizeof *kind_names)

/* Files from before 2021 do not say of which type they are; then the fields do. */
static bool guess_kind(const json_t *section, vecd_tok_model_kind *kind) {
  *kind = VECD_TOK_MODEL_WORDPIECE;
  return json_object_get(section, "continuing_subword_prefix") && json_object_get(section, "max_input_chars_per_word");
}

static vecd_status read_kind(const char *where, const json_t *section, vecd_tok_model_kind *kind, vecd_err *err) {
  vecd_span type = {0};
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_OPTIONAL, &type, err);
  if (s) return s;
  if (!type.ptr && guess_kind(section, kind)) return VECD_OK;
  if (!type.ptr) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"type\" is missing", where);
  for (size_t i = 0; i < N_KINDS; i++)
    if (vecd_span_eq(type, vecd_span_of(kind_names[i]))) return *kind = (vecd_tok_model_kind)i, VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where,
                      (int)(type.len < 64 ? type.len : 64), type.ptr);
}

vecd_status vecd_tok_model_load(const char *file, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                                vecd_tok_model *out, vecd_err *err) {
  char where[256];
  snprintf(where, sizeof where, "%.200s: model", file);
  *out = (vecd_tok_model){.ids_per_byte = 1};
  vecd_status s = read_kind(where, section, &out->kind, err);
  if (s) return s;
  return vecd_wordpiece_load(where, section, n_more, more_bytes, vocab, &out->n_tokens, &out->as.wordpiece, err);
}

void vecd_tok_model_fini(vecd_tok_model *model) { vecd_wordpiece_fini(&model->as.wordpiece); }

size_t vecd_tok_model_encode(const vecd_tok_model *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                             vecd_tok_model_scratch *scratch) {
  (void)scratch;
  return vecd_wordpiece_encode(&model->as.wordpiece, word, ids, ends);
}

void vecd_tok_model_scratch_fini(vecd_tok_model_scratch *scratch) { *scratch = (vecd_tok_model_scratch){0}; }

uint32_t vecd_tok_model_find(const vecd_tok_model *model, vecd_span bytes) {
  return vecd_piece_table_get(&model->as.wordpiece.begin, bytes);
}

size_t vecd_tok_model_bytes(const vecd_tok_model *model) {
  return vecd_piece_table_bytes(&model->as.wordpiece.begin) + vecd_piece_table_bytes(&model->as.wordpiece.rest);
}
