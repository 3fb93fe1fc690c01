/* arch_nomic_bert.c - nomic-bert (Nussbaum et al., arXiv:2402.01613): BERT with rotary positions, a gated MLP and no biases. The Hub's
 * folders name their sizes as GPT-2 does, transformers 5 as BERT does. */
#include "nn/arch.h"

#define L "encoder.layers.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names;
  static const vecd_size_keys hub = {"n_layer", "n_embd", "n_head", "n_inner"};
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  float fraction = 1.0f;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_ROTARY,
                             .n_positions = 8192,
                             .n_types = 2,
                             .norm_eps = 1e-12f,
                             .rope_theta = 10000.0f,
                             .activation = VECD_ACT_SILU,
                             .gated = true};
  vecd_status s;
  if (json_object_get(j, "rope_parameters")) {
    if ((s = vecd_json_get_uint(j, file, "head_dim", VECD_JSON_OPTIONAL, 2, 1024, &c->head_dim, err)) ||
        (s = vecd_arch_read_bert(folder, c, err)) ||
        (s = vecd_json_get_uint(j, file, "type_vocab_size", VECD_JSON_OPTIONAL, 0, 1024, &c->n_types, err)))
      return s;
    return vecd_arch_read_rope(folder, "rope_theta", NULL, c, err);
  }
  if ((s = vecd_arch_read_sizes(folder, &hub, c, err)) ||
      (s = vecd_json_get_uint(j, file, "n_positions", VECD_JSON_OPTIONAL, 1, 1u << 20, &c->n_positions, err)) ||
      (s = vecd_json_get_uint(j, file, "type_vocab_size", VECD_JSON_OPTIONAL, 0, 1024, &c->n_types, err)) ||
      (s = vecd_arch_read_float(j, file, "layer_norm_epsilon", 0, 1, &c->norm_eps, err)) ||
      (s = vecd_arch_read_float(j, file, "rotary_emb_base", 1, 1e12, &c->rope_theta, err)) ||
      (s = vecd_arch_read_float(j, file, "rotary_emb_fraction", 0, 1, &fraction, err)) ||
      (s = vecd_arch_want_bool(folder, "rotary_emb_interleaved", false, err)) ||
      (s = vecd_arch_want_null(folder, "rotary_scaling_factor", err)) ||
      (s = vecd_arch_want_null(folder, "rotary_emb_scale_base", err)) ||
      (s = vecd_arch_want_bool(folder, "prenorm", false, err)) ||
      (s = vecd_arch_want_bool(folder, "parallel_block", false, err)) ||
      (s = vecd_arch_want_bool(folder, "use_rms_norm", false, err)) ||
      (s = vecd_arch_want_bool(folder, "causal", false, err)) ||
      (s = vecd_arch_want_string(folder, "activation_function", "swiglu", err)) ||
      (s = vecd_json_get_bool(j, file, "qkv_proj_bias", VECD_JSON_OPTIONAL, &flags->qkv_bias, err)) ||
      (s = vecd_json_get_bool(j, file, "mlp_fc1_bias", VECD_JSON_OPTIONAL, &flags->mlp_up_bias, err)) ||
      (s = vecd_json_get_bool(j, file, "mlp_fc2_bias", VECD_JSON_OPTIONAL, &flags->mlp_down_bias, err)))
    return s;
  flags->attention_output_bias = flags->qkv_bias;
  if (fraction != 1.0f)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: rotary_emb_fraction: only 1.0 is supported", file);
  return VECD_OK;
}

const vecd_arch vecd_arch_nomic_bert = {
    .model_types = {"nomic_bert", NULL},
    .configure = configure,
    .flags = {.norm_bias = true},
    .names =
        {
            .prefixes = {"", "bert.", "model.", NULL},
            .word_embeddings = "embeddings.word_embeddings.weight",
            .type_embeddings = "embeddings.token_type_embeddings.weight",
            .embedding_norm = "emb_ln",
            .qkv = L "attn.Wqkv",
            .attention_output = L "attn.out_proj",
            .attention_norm = L "norm1",
            .mlp_up = L "mlp.fc11",
            .mlp_gate = L "mlp.fc12",
            .mlp_down = L "mlp.fc2",
            .mlp_norm = L "norm2",
        },
};
