/* arch_distilbert.c - DistilBERT (Sanh et al., arXiv:1910.01108): BERT without token types. */
#include "nn/arch.h"

#define L "transformer.layer.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names, (void)flags;
  static const vecd_size_keys keys = {"n_layers", "dim", "n_heads", "hidden_dim"};
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_LEARNED, /* sinusoidal ones are in the checkpoint too */
                             .n_positions = 512,
                             .activation = VECD_ACT_GELU,
                             .norm_eps = 1e-12f};
  vecd_status s = vecd_arch_read_sizes(folder, &keys, c, err);
  if (!s)
    s = vecd_json_get_uint(folder->config, folder->config_path, "max_position_embeddings", VECD_JSON_OPTIONAL, 1, 1u << 20,
                           &c->n_positions, err);
  return s ? s : vecd_arch_read_activation(folder, "activation", c, err);
}

const vecd_arch vecd_arch_distilbert = {
    .model_types = {"distilbert", NULL},
    .configure = configure,
    .flags = {.qkv_bias = true, .attention_output_bias = true, .mlp_up_bias = true, .mlp_down_bias = true, .norm_bias = true},
    .names =
        {
            .prefixes = {"", "distilbert.", "model.", NULL},
            .word_embeddings = "embeddings.word_embeddings.weight",
            .position_embeddings = "embeddings.position_embeddings.weight",
            .embedding_norm = "embeddings.LayerNorm",
            .query = L "attention.q_lin",
            .key = L "attention.k_lin",
            .value = L "attention.v_lin",
            .attention_output = L "attention.out_lin",
            .attention_norm = L "sa_layer_norm",
            .mlp_up = L "ffn.lin1",
            .mlp_down = L "ffn.lin2",
            .mlp_norm = L "output_layer_norm",
        },
};
