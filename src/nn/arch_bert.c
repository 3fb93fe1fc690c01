/* arch_bert.c - BERT (Devlin et al., arXiv:1810.04805): learned positions, token types, LayerNorm after each block. */
#include "nn/arch.h"

#define L "encoder.layer.%u."

static vecd_status refuse_unless(const json_t *config, const char *file, const char *key, const char *want, vecd_err *err) {
  vecd_span got = vecd_span_of(want);
  vecd_status s = vecd_json_get_string(config, file, key, VECD_JSON_OPTIONAL, &got, err);
  if (s || vecd_span_eq(got, vecd_span_of(want))) return s;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s: \"%.*s\" is not supported, only \"%s\"", file, key,
                      (int)(got.len > 64 ? 64 : got.len), got.ptr, want);
}

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_err *err) {
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  *c = (vecd_encoder_config){.n_types = 2, .n_positions = 512, .activation = VECD_ACT_GELU};
  double eps = 1e-12;
  vecd_span act = {NULL, 0};
  bool is_decoder = false;
  vecd_status s;
  if ((s = vecd_json_get_uint(j, file, "num_hidden_layers", VECD_JSON_REQUIRED, 1, 1024, &c->n_layers, err)) ||
      (s = vecd_json_get_uint(j, file, "hidden_size", VECD_JSON_REQUIRED, 1, 65536, &c->hidden, err)) ||
      (s = vecd_json_get_uint(j, file, "num_attention_heads", VECD_JSON_REQUIRED, 1, 4096, &c->n_heads, err)) ||
      (s = vecd_json_get_uint(j, file, "intermediate_size", VECD_JSON_REQUIRED, 1, 1u << 20, &c->intermediate, err)) ||
      (s = vecd_json_get_uint(j, file, "vocab_size", VECD_JSON_REQUIRED, 1, 1u << 24, &c->vocab_size, err)) ||
      (s = vecd_json_get_uint(j, file, "max_position_embeddings", VECD_JSON_OPTIONAL, 1, 1u << 20, &c->n_positions, err)) ||
      (s = vecd_json_get_uint(j, file, "type_vocab_size", VECD_JSON_OPTIONAL, 1, 1024, &c->n_types, err)) ||
      (s = vecd_json_get_real(j, file, "layer_norm_eps", VECD_JSON_OPTIONAL, 0, 1, &eps, err)) ||
      (s = vecd_json_get_bool(j, file, "is_decoder", VECD_JSON_OPTIONAL, &is_decoder, err)) ||
      (s = vecd_json_get_string(j, file, "hidden_act", VECD_JSON_OPTIONAL, &act, err)) ||
      (s = refuse_unless(j, file, "position_embedding_type", "absolute", err)))
    return s;
  if (act.ptr && (s = vecd_activation_parse(act, file, &c->activation, err))) return s;
  if (is_decoder)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: is_decoder: true is not supported, only an encoder", file);
  if (c->hidden % c->n_heads)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: hidden_size %u is no multiple of num_attention_heads %u", file,
                        c->hidden, c->n_heads);
  c->head_dim = c->hidden / c->n_heads;
  c->norm_eps = (float)eps;
  return VECD_OK;
}

const vecd_arch vecd_arch_bert = {
    .model_type = "bert",
    .configure = configure,
    .names =
        {
            .prefixes = {"", "bert.", "model.", NULL},
            .word_embeddings = "embeddings.word_embeddings.weight",
            .position_embeddings = "embeddings.position_embeddings.weight",
            .type_embeddings = "embeddings.token_type_embeddings.weight",
            .embedding_norm = "embeddings.LayerNorm",
            .query = L "attention.self.query",
            .key = L "attention.self.key",
            .value = L "attention.self.value",
            .attention_output = L "attention.output.dense",
            .attention_norm = L "attention.output.LayerNorm",
            .mlp_up = L "intermediate.dense",
            .mlp_down = L "output.dense",
            .mlp_norm = L "output.LayerNorm",
        },
};
