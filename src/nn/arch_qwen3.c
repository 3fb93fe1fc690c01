/* arch_qwen3.c - Qwen3 (arXiv:2505.09388) as Qwen3-Embedding uses it (arXiv:2506.05176): causal, RMSNorm in front and on each head's
 * queries and keys, fewer heads of keys than of queries. */
#include "nn/arch.h"

#define L "layers.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names;
  const char *file = folder->config_path;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_ROTARY,
                             .n_positions = 32768,
                             .rms_norm = true,
                             .norm_place = VECD_NORM_PRE,
                             .norm_eps = 1e-6f,
                             .rope_theta = 10000.0f,
                             .head_dim = 128,
                             .causal = true,
                             .activation = VECD_ACT_SILU,
                             .gated = true};
  vecd_status s;
  if ((s = vecd_arch_read_decoder(folder, c, flags, err)) ||
      (s = vecd_arch_want_bool(folder, "use_sliding_window", false, err)) ||
      (s = vecd_arch_read_rope(folder, "rope_theta", NULL, c, err)) || (s = vecd_arch_read_layer_types(folder, 0, 0, c, err)))
    return s;
  for (unsigned i = 0; i < c->n_layers; i++)
    if (c->local[i])
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: layer_types[%u]: sliding_attention is not supported", file,
                          i);
  return vecd_arch_read_activation(folder, "hidden_act", c, err);
}

const vecd_arch vecd_arch_qwen3 = {
    .model_types = {"qwen3", NULL},
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
            .mlp_norm_in = L "post_attention_layernorm",
            .mlp_gate = L "mlp.gate_proj",
            .mlp_up = L "mlp.up_proj",
            .mlp_down = L "mlp.down_proj",
            .final_norm = "norm",
        },
};
