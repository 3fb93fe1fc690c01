/* arch_gte.c - GTE v1.5 (Zhang et al., arXiv:2407.19669): BERT with rotary positions and a gated MLP. The Hub's folders call it "new",
 * transformers 5 saves it as "gte". */
#include "nn/arch.h"

#include <math.h>

#define L "encoder.layer.%u."

/* "ntk": the base grows so that the slowest turn reaches `factor` times as far, and frequencies fall by factor^(2 / dim) besides. */
static vecd_status read_scaling(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_err *err) {
  if (json_object_get(folder->config, "rope_parameters")) return vecd_arch_read_rope(folder, "rope_theta", NULL, c, err);
  const json_t *scaling = json_object_get(folder->config, "rope_scaling");
  if (!scaling || json_is_null(scaling)) return VECD_OK;
  vecd_span type = {NULL, 0};
  float factor = 1.0f;
  vecd_status s = vecd_json_get_string(scaling, folder->config_path, "type", VECD_JSON_REQUIRED, &type, err);
  if (!s) s = vecd_arch_read_float(scaling, folder->config_path, "factor", 1, 1e6, &factor, err);
  if (s) return s;
  if (!vecd_span_eq(type, VECD_SPAN("ntk")))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: rope_scaling: type \"%.*s\" is not supported",
                        folder->config_path, (int)(type.len < 64 ? type.len : 64), type.ptr);
  c->rope_theta *= factor;
  c->rope_factor = (float)pow((double)factor, 2.0 / c->head_dim);
  return VECD_OK;
}

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names, (void)flags;
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_ROTARY,
                             .n_positions = 8192,
                             .norm_eps = 1e-12f,
                             .rope_theta = 10000.0f,
                             .activation = VECD_ACT_GELU,
                             .gated = true};
  vecd_status s;
  if ((s = vecd_arch_read_bert(folder, c, err)) ||
      (s = vecd_json_get_uint(j, file, "type_vocab_size", VECD_JSON_OPTIONAL, 0, 1024, &c->n_types, err)) ||
      (s = vecd_arch_read_float(j, file, "rope_theta", 1, 1e12, &c->rope_theta, err)) ||
      (s = vecd_arch_want_string(folder, "position_embedding_type", "rope", err)) ||
      (s = vecd_arch_want_string(folder, "layer_norm_type", "layer_norm", err)) ||
      (s = vecd_arch_want_bool(folder, "logn_attention_scale", false, err)) || (s = read_scaling(folder, c, err)))
    return s;
  return VECD_OK;
}

const vecd_arch vecd_arch_gte = {
    .model_types = {"new", "gte", NULL},
    .configure = configure,
    .flags = {.qkv_bias = true, .attention_output_bias = true, .mlp_down_bias = true, .norm_bias = true},
    .names =
        {
            .prefixes = {"", "new.", "model.", NULL},
            .word_embeddings = "embeddings.word_embeddings.weight",
            .type_embeddings = "embeddings.token_type_embeddings.weight",
            .embedding_norm = "embeddings.LayerNorm",
            .qkv = L "attention.qkv_proj",
            .attention_output = L "attention.o_proj",
            .attention_norm = L "attn_ln",
            .mlp_up_gate = L "mlp.up_gate_proj",
            .mlp_down = L "mlp.down_proj",
            .mlp_norm = L "mlp_ln",
        },
};
