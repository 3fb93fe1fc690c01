/* arch_roberta.c - RoBERTa (Liu et al., arXiv:1907.11692), XLM-RoBERTa and CamemBERT: BERT whose positions follow from the ids: the
 * first row of the table belongs to padding, tokens count from the row behind pad_token_id. */
#include "nn/arch.h"

#define L "encoder.layer.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names, (void)flags;
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_LEARNED,
                             .n_positions = 512,
                             .n_types = 2,
                             .activation = VECD_ACT_GELU,
                             .norm_eps = 1e-12f,
                             .has_pad_positions = true,
                             .pad_id = 1};
  vecd_status s;
  if ((s = vecd_arch_read_bert(folder, c, err)) ||
      (s = vecd_json_get_uint(j, file, "type_vocab_size", VECD_JSON_OPTIONAL, 1, 1024, &c->n_types, err)) ||
      (s = vecd_json_get_uint(j, file, "pad_token_id", VECD_JSON_OPTIONAL, 0, 1u << 20, &c->pad_id, err)) ||
      (s = vecd_arch_want_bool(folder, "is_decoder", false, err)) ||
      (s = vecd_arch_want_string(folder, "position_embedding_type", "absolute", err)))
    return s;
  c->position_offset = c->pad_id + 1;
  return VECD_OK;
}

const vecd_arch vecd_arch_roberta = {
    .model_types = {"roberta", "xlm-roberta", "camembert", NULL},
    .configure = configure,
    .flags = {.qkv_bias = true, .attention_output_bias = true, .mlp_up_bias = true, .mlp_down_bias = true, .norm_bias = true},
    .names =
        {
            .prefixes = {"", "roberta.", "model.", NULL},
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
