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

typedef struct vecd_encoder_config {
  unsigned n_layers;
  unsigned hidden;  /* width of a token's vector */
  unsigned n_heads; /* hidden = n_heads * head_dim */
  unsigned head_dim;
  unsigned intermediate; /* width inside the MLP */
  unsigned vocab_size;
  unsigned n_positions; /* rows of the position table */
  unsigned n_types;     /* rows of the token type table */
  float norm_eps;
  vecd_activation activation;
} vecd_encoder_config;

/* Names of the checkpoint's tensors. "%u" is the layer. A linear layer has ".weight" [out, in] and ".bias" [out], a norm
 * ".weight"/".bias" or, in old checkpoints, ".gamma"/".beta" [hidden]. */
typedef struct vecd_tensor_names {
  const char *prefixes[4]; /* tried in this order before every name; the first that finds the word embeddings holds for all */
  const char *word_embeddings, *position_embeddings, *type_embeddings, *embedding_norm;
  const char *query, *key, *value, *attention_output, *attention_norm;
  const char *mlp_up, *mlp_down, *mlp_norm;
} vecd_tensor_names;

typedef struct vecd_arch {
  const char *model_type; /* config.json's */
  vecd_tensor_names names;
  /* Fills *config from folder->config. VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED an option by name and value. */
  vecd_status (*configure)(const vecd_model_folder *folder, vecd_encoder_config *config, vecd_err *err);
} vecd_arch;

/* The family for folder->model_type. VECD_OK; VECD_UNSUPPORTED, listing those there are. */
VECD_CHECK vecd_status vecd_arch_find(const vecd_model_folder *folder, const vecd_arch **out, vecd_err *err);

/* "gelu", "gelu_new", ... as transformers' ACT2FN reads them. */
VECD_CHECK vecd_status vecd_activation_parse(vecd_span name, const char *file, vecd_activation *out, vecd_err *err);

extern const vecd_arch vecd_arch_bert;

#endif
