/* arch_gemma3.c - Gemma 3's text model (arXiv:2503.19786) as EmbeddingGemma uses it (arXiv:2509.20354): both directions, norms before and
 * behind each block, most layers with a window. Norms are kept less one. */
#include "nn/arch.h"

#include <math.h>

#define L "layers.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names;
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  unsigned reach = 4096, every = 6;
  float scalar = 256.0f;
  bool both = false;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_ROTARY,
                             .n_positions = 131072,
                             .rms_norm = true,
                             .norm_plus_one = true,
                             .norm_place = VECD_NORM_SANDWICH,
                             .norm_eps = 1e-6f,
                             .rope_theta = 1e6f,
                             .rope_theta_local = 1e4f,
                             .head_dim = 256,
                             .activation = VECD_ACT_GELU_TANH,
                             .gated = true};
  vecd_status s;
  if ((s = vecd_arch_read_decoder(folder, c, flags, err)) ||
      (s = vecd_json_get_uint(j, file, "sliding_window", VECD_JSON_OPTIONAL, 1, 1u << 20, &reach, err)) ||
      (s = vecd_json_get_uint(j, file, "sliding_window_pattern", VECD_JSON_OPTIONAL, 1, 1024, &every, err)) ||
      (s = vecd_arch_read_float(j, file, "query_pre_attn_scalar", 1e-6, 1e6, &scalar, err)) ||
      (s = vecd_json_get_bool(j, file, "use_bidirectional_attention", VECD_JSON_OPTIONAL, &both, err)) ||
      (s = vecd_arch_want_null(folder, "attn_logit_softcapping", err)) ||
      (s = vecd_arch_read_rope(folder, "rope_theta", "rope_local_base_freq", c, err)) ||
      (s = vecd_arch_read_layer_types(folder, every, every - 1, c, err)))
    return s;
  c->causal = !both;
  c->window = both ? reach / 2 : reach - 1; /* tokens to either side; a causal one counts the token itself */
  c->attention_scale = 1.0f / sqrtf(scalar);
  c->embedding_scale = sqrtf((float)c->hidden);
  return vecd_arch_read_activation(folder, "hidden_activation", c, err);
}

const vecd_arch vecd_arch_gemma3 = {
    .model_types = {"gemma3_text", NULL},
    .configure = configure,
    .names =
        {
            .prefixes = {"", "model.", NULL},
            .word_embeddings = "embed_tokens.weight",
            .attention_norm_in = L "input_layernorm",
            .query = L "self_attn.q_proj",
            .key = L "self_attn.k_proj",
            .value = L "self_attn.v_proj",
            .query_norm = L "self_attn.q_norm",
            .key_norm = L "self_attn.k_norm",
            .attention_output = L "self_attn.o_proj",
            .attention_norm = L "post_attention_layernorm",
            .mlp_norm_in = L "pre_feedforward_layernorm",
            .mlp_gate = L "mlp.gate_proj",
            .mlp_up = L "mlp.up_proj",
            .mlp_down = L "mlp.down_proj",
            .mlp_norm = L "post_feedforward_layernorm",
            .final_norm = "norm",
        },
};
