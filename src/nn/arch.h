/* arch.h - an architecture is a table, not a program: what differs between families, as data.
 *
 * One encoder (encoder.c) runs them all. A family is one arch_<family>.c that fills a vecd_encoder_config from config.json and
 * names the checkpoint's tensors. */
#ifndef VECD_NN_ARCH_H
#define VECD_NN_ARCH_H

#include "fmt/model_folder.h"

typedef enum vecd_activation { VECD_ACT_GELU, VECD_ACT_GELU_TANH, VECD_ACT_SILU, VECD_ACT_RELU } vecd_activation;

/* How weights are kept and multiplied. */
typedef enum vecd_precision {
  VECD_PRECISION_FP32,
  VECD_PRECISION_INT8,
  VECD_PRECISION_AUTO, /* asked for, never had: INT8 for over VECD_INT8_FROM_PARAMETERS parameters, else FP32 */
} vecd_precision;

#define VECD_INT8_FROM_PARAMETERS 100000000u

/* "fp32", "int8" or "auto"; NULL is "fp32". VECD_OK; VECD_BAD_ARGUMENT naming what there is. */
VECD_CHECK vecd_status vecd_precision_parse(const char *name, vecd_precision *out, vecd_err *err);
const char *vecd_precision_name(vecd_precision precision);

/* Where norms stand (x: the residual stream, f: attention or MLP). */
typedef enum vecd_norm_place {
  VECD_NORM_POST,     /* x = norm(x + f(x)) */
  VECD_NORM_PRE,      /* x = x + f(norm(x)) */
  VECD_NORM_SANDWICH, /* x = x + norm(f(norm(x))) */
} vecd_norm_place;

/* How positions enter; several may. */
enum {
  VECD_POSITIONS_LEARNED = 1,  /* a table of vectors added to the embeddings */
  VECD_POSITIONS_RELATIVE = 2, /* a number for each head and distance added to the scores (Raffel et al., arXiv:1910.10683) */
  VECD_POSITIONS_ROTARY = 4,   /* queries and keys are turned (Su et al., arXiv:2104.09864) */
};

#define VECD_MOST_LAYERS 256

/* What an encoder is, whatever family it comes from. Fields of what is not there are 0. */
typedef struct vecd_encoder_config {
  unsigned n_layers;
  unsigned hidden;       /* width of a token's vector */
  unsigned n_heads;      /* of queries */
  unsigned n_kv_heads;   /* of keys and values; divides n_heads */
  unsigned head_dim;     /* n_heads * head_dim need not be hidden */
  unsigned intermediate; /* width inside the MLP */
  unsigned vocab_size;

  bool rms_norm;      /* x / rms(x) * gamma, rather than LayerNorm */
  bool norm_plus_one; /* the checkpoint holds gamma - 1 */
  vecd_norm_place norm_place;
  float norm_eps;

  float embedding_scale;    /* words are multiplied by it; 0: they are not */
  unsigned positions;       /* VECD_POSITIONS_... */
  unsigned n_positions;     /* LEARNED: rows of the table; else the longest sequence the config allows, 0: any */
  unsigned position_offset; /* LEARNED: the row of a sequence's first token */
  bool has_pad_positions;   /* LEARNED: tokens that are pad_id take the row before the first and do not count */
  unsigned pad_id;
  unsigned n_types;       /* rows of the token type table, whose row 0 is added; 0: none */
  unsigned n_buckets;     /* RELATIVE: rows of the table; half of them for either direction */
  unsigned most_distance; /* RELATIVE: from here on all distances share a bucket */
  float rope_theta;       /* ROTARY: base of layers that see everything */
  float rope_theta_local; /* ROTARY: base of layers with a window */
  float rope_factor;      /* ROTARY: positions are divided by it in layers that see everything; 0: 1 */

  float attention_scale;        /* of scores; 0: 1 / sqrt(head_dim) */
  bool causal;                  /* a token sees those before it only */
  unsigned window;              /* in local layers a token sees that many to either side */
  bool local[VECD_MOST_LAYERS]; /* which layers are local */

  vecd_activation activation;
  bool gated; /* MLP: down(act(gate x) * up x), rather than down(act(up x)) */
} vecd_encoder_config;

/* Names of the checkpoint's tensors. "%u" is the layer; NULL: there is no such tensor. A linear layer has ".weight" [out, in] and,
 * where its row says so, ".bias" [out]; a norm ".weight" and, where there is one, ".bias" (in old checkpoints ".gamma", ".beta"). */
typedef struct vecd_tensor_names {
  const char *prefixes[4]; /* tried in this order before every name; the first that finds the word embeddings holds for all */
  const char *word_embeddings, *word_embeddings_too; /* the second where the first is missing */
  const char *position_embeddings, *type_embeddings, *embedding_norm, *relative_bias;
  const char *query, *key, *value; /* or all in one: */
  const char *qkv;
  const char *query_norm, *key_norm; /* of each head, behind the projection */
  const char *attention_output;
  const char *attention_norm_in, *attention_norm; /* before the block; behind it (POST: of the sum, SANDWICH: of the block) */
  const char *mlp_up, *mlp_gate, *mlp_down;
  const char *mlp_up_gate, *mlp_gate_up; /* or both in one, in that order */
  const char *mlp_norm_in, *mlp_norm;
  const char *final_norm;
} vecd_tensor_names;

/* Which linear layers have a bias, and which norms are left out. */
typedef struct vecd_tensor_flags {
  bool qkv_bias, attention_output_bias, mlp_up_bias, mlp_down_bias, norm_bias;
  bool no_first_attention_norm; /* the first layer's attention_norm_in is missing: nothing is done there */
} vecd_tensor_flags;

typedef struct vecd_arch {
  const char *model_types[4]; /* of config.json; the last is NULL */
  vecd_tensor_names names;
  vecd_tensor_flags flags; /* what configure() may change */
  /* Fills *config and changes *names and *flags (this table's) as folder->config says. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED
   * an option by name and value. */
  vecd_status (*configure)(const vecd_model_folder *folder, vecd_encoder_config *config, vecd_tensor_names *names,
                           vecd_tensor_flags *flags, vecd_err *err);
} vecd_arch;

/* The family for folder->model_type, and that name as a static string. VECD_OK; VECD_UNSUPPORTED, listing those there are. */
VECD_CHECK vecd_status vecd_arch_find(const vecd_model_folder *folder, const vecd_arch **out, const char **model_type,
                                      vecd_err *err);

/* What most families' config.json says, under names that differ. */
typedef struct vecd_size_keys {
  const char *layers, *hidden, *heads, *intermediate;
} vecd_size_keys;

/* Reads these and vocab_size; heads' width is hidden by heads, keys and values have as many heads. VECD_OK; VECD_BAD_MODEL. */
VECD_CHECK vecd_status vecd_arch_read_sizes(const vecd_model_folder *folder, const vecd_size_keys *keys, vecd_encoder_config *c,
                                            vecd_err *err);

/* How BERT and most after it spell them. */
extern const vecd_size_keys vecd_size_keys_bert;

/* What config.json says in BERT's words: the sizes, "max_position_embeddings", "layer_norm_eps" and "hidden_act"; but for the sizes,
 * what is missing is left alone. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED. */
VECD_CHECK vecd_status vecd_arch_read_bert(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_err *err);

/* What config.json says in the words of today's decoders: the sizes in BERT's, "head_dim", "num_key_value_heads",
 * "max_position_embeddings", "rms_norm_eps", and "attention_bias", which goes to flags. As above. */
VECD_CHECK vecd_status vecd_arch_read_decoder(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_flags *flags,
                                              vecd_err *err);

/* A float within least .. most; missing: left alone. */
VECD_CHECK vecd_status vecd_arch_read_float(const json_t *object, const char *file, const char *key, double least, double most,
                                            float *out, vecd_err *err);

/* The activation under `key`; missing: left alone. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED. */
VECD_CHECK vecd_status vecd_arch_read_activation(const vecd_model_folder *folder, const char *key, vecd_encoder_config *c,
                                                 vecd_err *err);

/* VECD_UNSUPPORTED, with key and value, where config.json has something else under `key` than `want`. */
VECD_CHECK vecd_status vecd_arch_want_string(const vecd_model_folder *folder, const char *key, const char *want, vecd_err *err);
VECD_CHECK vecd_status vecd_arch_want_bool(const vecd_model_folder *folder, const char *key, bool want, vecd_err *err);
VECD_CHECK vecd_status vecd_arch_want_null(const vecd_model_folder *folder, const char *key, vecd_err *err);

/* Which layers are local: "layer_types", else every layer but each `every`-th, counted so that layer `global` is one of these. */
VECD_CHECK vecd_status vecd_arch_read_layer_types(const vecd_model_folder *folder, unsigned every, unsigned global,
                                                  vecd_encoder_config *c, vecd_err *err);

/* Rotary bases: "rope_parameters" as transformers 5 writes it, else the keys of old (nullable), else what c has. */
VECD_CHECK vecd_status vecd_arch_read_rope(const vecd_model_folder *folder, const char *key, const char *local_key,
                                           vecd_encoder_config *c, vecd_err *err);

/* "gelu", "gelu_new", ... as transformers' ACT2FN reads them. */
VECD_CHECK vecd_status vecd_activation_parse(vecd_span name, const char *file, vecd_activation *out, vecd_err *err);

extern const vecd_arch vecd_arch_bert, vecd_arch_distilbert, vecd_arch_gemma3, vecd_arch_gte, vecd_arch_modernbert,
    vecd_arch_mpnet, vecd_arch_nomic_bert, vecd_arch_qwen3, vecd_arch_roberta, vecd_arch_t5;

#endif
