/* arch_t5.c - the encoder of T5 (Raffel et al., arXiv:1910.10683) and its gated successors: RMSNorm in front, no biases, scores that
 * are not scaled, a relative bias that all layers share. */
#include "nn/arch.h"

#define L "encoder.block.%u."

/* "relu", or "gated-gelu": an MLP with a gate, whose "gelu" is the tanh form. dense_act_fn and is_gated_act, where they stand, say the
 * same and count more. */
static vecd_status read_mlp(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names, vecd_err *err) {
  vecd_span name = VECD_SPAN("relu");
  vecd_status s =
      vecd_json_get_string(folder->config, folder->config_path, "feed_forward_proj", VECD_JSON_OPTIONAL, &name, err);
  if (s) return s;
  if (name.len > 6 && memcmp(name.ptr, "gated-", 6) == 0) {
    c->gated = true;
    name = (vecd_span){name.ptr + 6, name.len - 6};
    if (vecd_span_eq(name, VECD_SPAN("gelu"))) name = VECD_SPAN("gelu_new");
  }
  if ((s = vecd_json_get_string(folder->config, folder->config_path, "dense_act_fn", VECD_JSON_OPTIONAL, &name, err)) ||
      (s = vecd_json_get_bool(folder->config, folder->config_path, "is_gated_act", VECD_JSON_OPTIONAL, &c->gated, err)))
    return s;
  if (c->gated) {
    names->mlp_gate = L "layer.1.DenseReluDense.wi_0";
    names->mlp_up = L "layer.1.DenseReluDense.wi_1";
  }
  return vecd_activation_parse(name, folder->config_path, &c->activation, err);
}

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)flags;
  static const vecd_size_keys keys = {"num_layers", "d_model", "num_heads", "d_ff"};
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_RELATIVE,
                             .n_positions = 512, /* no table, but what it was trained for; the folder may say less */
                             .rms_norm = true,
                             .norm_place = VECD_NORM_PRE,
                             .norm_eps = 1e-6f,
                             .attention_scale = 1.0f,
                             .head_dim = 64,
                             .n_buckets = 32,
                             .most_distance = 128};
  vecd_status s;
  if ((s = vecd_json_get_uint(j, file, "d_kv", VECD_JSON_OPTIONAL, 1, 1024, &c->head_dim, err)) ||
      (s = vecd_arch_read_sizes(folder, &keys, c, err)) ||
      (s = vecd_json_get_uint(j, file, "relative_attention_num_buckets", VECD_JSON_OPTIONAL, 4, 1024, &c->n_buckets, err)) ||
      (s = vecd_json_get_uint(j, file, "relative_attention_max_distance", VECD_JSON_OPTIONAL, 2, 1u << 20, &c->most_distance,
                              err)) ||
      (s = vecd_arch_read_float(j, file, "layer_norm_epsilon", 0, 1, &c->norm_eps, err)))
    return s;
  return read_mlp(folder, c, names, err);
}

const vecd_arch vecd_arch_t5 = {
    .model_types = {"t5", NULL},
    .configure = configure,
    .names =
        {
            .prefixes = {"", NULL},
            .word_embeddings = "shared.weight",
            .word_embeddings_too = "encoder.embed_tokens.weight",
            .relative_bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            .attention_norm_in = L "layer.0.layer_norm",
            .query = L "layer.0.SelfAttention.q",
            .key = L "layer.0.SelfAttention.k",
            .value = L "layer.0.SelfAttention.v",
            .attention_output = L "layer.0.SelfAttention.o",
            .mlp_norm_in = L "layer.1.layer_norm",
            .mlp_up = L "layer.1.DenseReluDense.wi",
            .mlp_down = L "layer.1.DenseReluDense.wo",
            .final_norm = "encoder.final_layer_norm",
        },
};
