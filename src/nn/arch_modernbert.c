/* arch_modernbert.c - ModernBERT (Warner et al., arXiv:2412.13663): LayerNorm in front, rotary positions, gated MLP, and every layer
 * but each third sees a window only. */
#include "nn/arch.h"

#define L "layers.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names;
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  unsigned every = 3, reach = 128;
  bool attention_bias = false, mlp_bias = false;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_ROTARY,
                             .n_positions = 8192,
                             .norm_place = VECD_NORM_PRE,
                             .norm_eps = 1e-5f,
                             .rope_theta = 160000.0f,
                             .rope_theta_local = 10000.0f,
                             .activation = VECD_ACT_GELU,
                             .gated = true};
  vecd_status s;
  if ((s = vecd_arch_read_sizes(folder, &vecd_size_keys_bert, c, err)) ||
      (s = vecd_json_get_uint(j, file, "max_position_embeddings", VECD_JSON_OPTIONAL, 1, 1u << 20, &c->n_positions, err)) ||
      (s = vecd_json_get_uint(j, file, "global_attn_every_n_layers", VECD_JSON_OPTIONAL, 1, 1024, &every, err)) ||
      (s = vecd_json_get_uint(j, file, "local_attention", VECD_JSON_OPTIONAL, 2, 1u << 20, &reach, err)) ||
      (s = vecd_arch_read_float(j, file, "norm_eps", 0, 1, &c->norm_eps, err)) ||
      (s = vecd_json_get_bool(j, file, "attention_bias", VECD_JSON_OPTIONAL, &attention_bias, err)) ||
      (s = vecd_json_get_bool(j, file, "mlp_bias", VECD_JSON_OPTIONAL, &mlp_bias, err)) ||
      (s = vecd_json_get_bool(j, file, "norm_bias", VECD_JSON_OPTIONAL, &flags->norm_bias, err)) ||
      (s = vecd_arch_read_rope(folder, "global_rope_theta", "local_rope_theta", c, err)) ||
      (s = vecd_arch_read_layer_types(folder, every, 0, c, err)))
    return s;
  c->window = reach / 2; /* to either side */
  flags->qkv_bias = flags->attention_output_bias = attention_bias;
  flags->mlp_up_bias = flags->mlp_down_bias = mlp_bias;
  flags->no_first_attention_norm = true; /* the embeddings' own stands right before it */
  return vecd_arch_read_activation(folder, "hidden_activation", c, err);
}

const vecd_arch vecd_arch_modernbert = {
    .model_types = {"modernbert", NULL},
    .configure = configure,
    .names =
        {
            .prefixes = {"", "model.", NULL},
            .word_embeddings = "embeddings.tok_embeddings.weight",
            .embedding_norm = "embeddings.norm",
            .attention_norm_in = L "attn_norm",
            .qkv = L "attn.Wqkv",
            .attention_output = L "attn.Wo",
            .mlp_norm_in = L "mlp_norm",
            .mlp_gate_up = L "mlp.Wi",
            .mlp_down = L "mlp.Wo",
            .final_norm = "final_norm",
        },
};
