/* weights.h - an encoder's weights: found in the checkpoint, checked, packed for the kernels by all threads. */
#ifndef VECD_NN_WEIGHTS_H
#define VECD_NN_WEIGHTS_H

#include "base/team.h"
#include "fmt/checkpoint.h"
#include "nn/arch.h"
#include "nn/linear.h"

/* gamma NULL: there is no such norm. beta is all zero where the checkpoint has none. */
typedef struct vecd_norm {
  float *gamma, *beta; /* [hidden] */
} vecd_norm;

typedef struct vecd_layer {
  vecd_norm attention_norm_in;
  vecd_linear qkv;              /* outputs: queries [n_heads, head_dim], keys and values, each [n_kv_heads, head_dim] */
  float *query_norm, *key_norm; /* [head_dim] or NULL */
  vecd_linear attention_output;
  vecd_norm attention_norm;
  vecd_norm mlp_norm_in;
  vecd_linear mlp_up, mlp_gate, mlp_down; /* mlp_gate has no panels where the MLP is plain */
  vecd_norm mlp_norm;
} vecd_layer;

typedef struct vecd_weights {
  vecd_precision precision;
  vecd_checkpoint *file;              /* FP32: stays mapped, the word embeddings are read from it row by row. INT8: NULL */
  const vecd_tensor *word_embeddings; /* FP32: [vocab_size, hidden], F32, F16 or BF16 */
  unsigned char *word_q8; /* INT8: [vocab_size] rows of `hidden` int8 values, then a bfloat16 scale for each 64 of them */
  size_t word_q8_bytes;   /* of a row */
  float *added;           /* [n_added, hidden]: what is added to the words: position rows plus token type 0, or that alone */
  size_t n_added;         /* rows: one for each position there may be, or 1, or 0 */
  float *relative;        /* [n_heads, 2 max_tokens - 1] of scores, by distance key - query + max_tokens - 1; or NULL */
  float *turns[2]; /* ROTARY: [max_tokens, 2, head_dim / 2] cosines, sines; of layers that see everything, of local ones */
  vecd_norm embedding_norm, final_norm;
  vecd_layer *layers; /* [n_layers] */
  void *block;        /* the one allocation that all of the above lie in, but for the file */
  size_t block_bytes;
  uint64_t n_parameters;
} vecd_weights;

/* Opens folder->weights_path, checks every tensor the architecture names (there, right shape, F32/F16/BF16, finite), and
 * packs. names, flags: the architecture's, as configured. Positions are kept for max_tokens tokens. VECD_OK; VECD_BAD_MODEL (file and tensor named); VECD_NO_MEMORY; VECD_IO. */
VECD_CHECK vecd_status vecd_weights_open(const vecd_model_folder *folder, const vecd_encoder_config *config,
                                         const vecd_tensor_names *names, const vecd_tensor_flags *flags, size_t max_tokens,
                                         vecd_precision precision, const vecd_kern *kern, vecd_team *team, vecd_weights *out,
                                         vecd_err *err);
/* What vecd_weights_open() would make of the checkpoint, by its headers: no tensor is read, and nothing but precision, block_bytes and
 * n_parameters is filled in; there is nothing to close. As vecd_weights_open(), as far as that can be told without reading. */
VECD_CHECK vecd_status vecd_weights_measure(const vecd_model_folder *folder, const vecd_encoder_config *config,
                                            const vecd_tensor_names *names, const vecd_tensor_flags *flags, size_t max_tokens,
                                            vecd_precision precision, const vecd_kern *kern, vecd_weights *out, vecd_err *err);
void vecd_weights_close(vecd_weights *weights);

/* The word embedding of id < vocab_size, as float32, into out [hidden]. */
void vecd_weights_word(const vecd_weights *weights, uint32_t id, size_t hidden, float *out);

#endif
