/* tok_model.c - picking the kind of model, and passing calls on to it. */
#include "tok/tok_model.h"

#include <stdio.h>

#include "base/mem.h"

static const char *const kind_names[] = {
    [VECD_TOK_MODEL_WORDPIECE] = "WordPiece",
    [VECD_TOK_MODEL_UNIGRAM] = "Unigram",
    [VECD_TOK_MODEL_BPE] = "BPE",
    [VECD_TOK_MODEL_WORDLEVEL] = "WordLevel",
};

#define N_KINDS (sizeof kind_names / sizeof *kind_names)

/* Files from before 2021 do not say of which type they are; then the fields do, asked in the order of the reference. */
static bool guess_kind(const json_t *section, vecd_tok_model_kind *kind) {
  const json_t *vocab = json_object_get(section, "vocab");
  if (json_is_object(vocab) && json_is_array(json_object_get(section, "merges")))
    *kind = VECD_TOK_MODEL_BPE;
  else if (json_object_get(section, "continuing_subword_prefix") && json_object_get(section, "max_input_chars_per_word"))
    *kind = VECD_TOK_MODEL_WORDPIECE;
  else if (json_is_object(vocab) && json_object_get(section, "unk_token"))
    *kind = VECD_TOK_MODEL_WORDLEVEL;
  else if (json_is_array(vocab))
    *kind = VECD_TOK_MODEL_UNIGRAM;
  else
    return false;
  return true;
}

static vecd_status read_kind(const char *where, const json_t *section, vecd_tok_model_kind *kind, vecd_err *err) {
  vecd_span type = {0};
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_OPTIONAL, &type, err);
  if (s) return s;
  if (!type.ptr && guess_kind(section, kind)) return VECD_OK;
  if (!type.ptr) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"type\" is missing", where);
  for (size_t i = 0; i < N_KINDS; i++)
    if (vecd_span_eq(type, vecd_span_of(kind_names[i]))) return *kind = (vecd_tok_model_kind)i, VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where, VECD_SHOWN(type));
}

vecd_status vecd_tok_model_load(const char *file, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                                vecd_tok_model *out, vecd_err *err) {
  char where[256];
  size_t *n = &out->n_tokens;
  snprintf(where, sizeof where, "%.200s: model", file);
  *out = (vecd_tok_model){.ids_per_byte = 1};
  vecd_status s = read_kind(where, section, &out->kind, err);
  if (s) return s;
  switch (out->kind) {
  case VECD_TOK_MODEL_WORDPIECE:
    return vecd_wordpiece_load(where, section, n_more, more_bytes, vocab, n, &out->as.wordpiece, err);
  case VECD_TOK_MODEL_UNIGRAM: return vecd_unigram_load(where, section, n_more, more_bytes, vocab, n, &out->as.unigram, err);
  case VECD_TOK_MODEL_BPE:
    s = vecd_bpe_load(where, section, n_more, more_bytes, vocab, n, &out->as.bpe, err);
    out->ids_per_byte = vecd_bpe_ids_per_byte(&out->as.bpe);
    return s;
  case VECD_TOK_MODEL_WORDLEVEL:
    return vecd_wordlevel_load(where, section, n_more, more_bytes, vocab, n, &out->as.wordlevel, err);
  }
  return VECD_UNSUPPORTED;
}

void vecd_tok_model_fini(vecd_tok_model *model) {
  switch (model->kind) {
  case VECD_TOK_MODEL_WORDPIECE: vecd_wordpiece_fini(&model->as.wordpiece); break;
  case VECD_TOK_MODEL_UNIGRAM: vecd_unigram_fini(&model->as.unigram); break;
  case VECD_TOK_MODEL_BPE: vecd_bpe_fini(&model->as.bpe); break;
  case VECD_TOK_MODEL_WORDLEVEL: vecd_wordlevel_fini(&model->as.wordlevel); break;
  }
}

size_t vecd_tok_model_encode_other(const vecd_tok_model *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                                   vecd_tok_model_scratch *scratch) {
  if (model->kind == VECD_TOK_MODEL_UNIGRAM)
    return vecd_unigram_encode(&model->as.unigram, word, ids, ends, &scratch->unigram, &scratch->no_token);
  if (model->kind == VECD_TOK_MODEL_BPE)
    return vecd_bpe_encode(&model->as.bpe, word, ids, ends, &scratch->bpe, &scratch->no_token);
  ids[0] = vecd_wordlevel_encode(&model->as.wordlevel, word);
  ends[0] = (uint32_t)word.len;
  scratch->no_token = ids[0] == VECD_NO_ID;
  return scratch->no_token ? VECD_TOK_MODEL_FAILED : 1;
}

void vecd_tok_model_scratch_fini(vecd_tok_model_scratch *scratch) {
  vecd_free(scratch->unigram.nodes);
  vecd_free(scratch->bpe.links);
  vecd_free(scratch->bpe.queue);
  *scratch = (vecd_tok_model_scratch){0};
}

uint32_t vecd_tok_model_find(const vecd_tok_model *model, vecd_span bytes) {
  switch (model->kind) {
  case VECD_TOK_MODEL_WORDPIECE: return vecd_piece_table_get(&model->as.wordpiece.begin, bytes);
  case VECD_TOK_MODEL_UNIGRAM: return vecd_piece_trie_get(&model->as.unigram.trie, bytes);
  case VECD_TOK_MODEL_BPE: return vecd_piece_table_get(&model->as.bpe.tokens, bytes);
  case VECD_TOK_MODEL_WORDLEVEL: break;
  }
  return vecd_piece_table_get(&model->as.wordlevel.tokens, bytes);
}

size_t vecd_tok_model_bytes(const vecd_tok_model *model) {
  switch (model->kind) {
  case VECD_TOK_MODEL_WORDPIECE:
    return vecd_piece_table_bytes(&model->as.wordpiece.begin) + vecd_piece_table_bytes(&model->as.wordpiece.rest);
  case VECD_TOK_MODEL_UNIGRAM: return vecd_unigram_bytes(&model->as.unigram, model->n_tokens);
  case VECD_TOK_MODEL_BPE: return vecd_bpe_bytes(&model->as.bpe);
  case VECD_TOK_MODEL_WORDLEVEL: break;
  }
  return vecd_piece_table_bytes(&model->as.wordlevel.tokens);
}
