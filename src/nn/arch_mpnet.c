/* arch_mpnet.c - MPNet (Song et al., arXiv:2004.09297): BERT with RoBERTa's positions and, besides, a relative bias that all layers
 * share. */
#include "nn/arch.h"

#define L "encoder.layer.%u."

static vecd_status configure(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_names *names,
                             vecd_tensor_flags *flags, vecd_err *err) {
  (void)names, (void)flags;
  *c = (vecd_encoder_config){.positions = VECD_POSITIONS_LEARNED | VECD_POSITIONS_RELATIVE,
                             .n_positions = 512,
                             .activation = VECD_ACT_GELU,
                             .norm_eps = 1e-12f,
                             .has_pad_positions = true,
                             .pad_id = 1, /* fixed in the reference */
                             .position_offset = 2,
                             .n_buckets = 32,
                             .most_distance = 128};
  vecd_status s = vecd_arch_read_bert(folder, c, err);
  if (s) return s;
  return vecd_json_get_uint(folder->config, folder->config_path, "relative_attention_num_buckets", VECD_JSON_OPTIONAL, 32, 32,
                            &c->n_buckets, err);
}

const vecd_arch vecd_arch_mpnet = {
    .model_types = {"mpnet", NULL},
    .configure = configure,
    .flags = {.qkv_bias = true, .attention_output_bias = true, .mlp_up_bias = true, .mlp_down_bias = true, .norm_bias = true},
    .names =
        {
            .prefixes = {"", "mpnet.", "model.", NULL},
            .word_embeddings = "embeddings.word_embeddings.weight",
            .position_embeddings = "embeddings.position_embeddings.weight",
            .relative_bias = "encoder.relative_attention_bias.weight",
            .embedding_norm = "embeddings.LayerNorm",
            .query = L "attention.attn.q",
            .key = L "attention.attn.k",
            .value = L "attention.attn.v",
            .attention_output = L "attention.attn.o",
            .attention_norm = L "attention.LayerNorm",
            .mlp_up = L "intermediate.dense",
            .mlp_down = L "output.dense",
            .mlp_norm = L "output.LayerNorm",
        },
};
