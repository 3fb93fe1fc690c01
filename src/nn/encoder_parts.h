/* encoder_parts.h - what the encoder's two halves share: encoder.c opens and lays out, forward.c computes. */
#ifndef VECD_NN_ENCODER_PARTS_H
#define VECD_NN_ENCODER_PARTS_H

#include <stdatomic.h>

#include "nn/attention.h"
#include "nn/encoder.h"
#include "nn/plan.h"
#include "nn/weights.h"

/* Floats between the rows of one group of columns. */
#define VECD_LD_COLUMNS (VECD_Q8_GROUP + 16)

/* One worker's room. Rows of activations stand a few floats further apart than they are long, so that the rows of a tile do not
 * fall into the same cache sets. */
typedef struct vecd_lane {
  float *x;            /* [apart_tokens, ld_hidden] the residual stream */
  float *qkv;          /* [apart_tokens, ld_qkv] */
  float *y;            /* [block_rows, ld_hidden] what attention or MLP adds to it */
  float *in;           /* [block_rows, ld_hidden] what goes into them, behind a norm; NULL where no norm stands there */
  float *attended;     /* [block_rows, ld_attended] */
  float *mlp;          /* FP32: [block_rows, ld_mlp], in attended's place */
  vecd_q8_rows q_x;    /* INT8: [block_rows] the residual stream, quantized */
  vecd_q8_rows q_wide; /* INT8: [block_rows] what attention or the MLP's first half gives, quantized */
  float *columns;      /* INT8: [block_rows, VECD_LD_COLUMNS] one group of the MLP's columns */
  float *gate;         /* [block_rows, VECD_LD_COLUMNS] a panel of a gated MLP's gate; NULL where it is not gated */
  void *attention;     /* room for one head */
} vecd_lane;

struct vecd_encoder {
  vecd_encoder_config config;
  const vecd_arch *arch;
  const char *model_type; /* config.json's, static */
  vecd_tensor_names names;
  vecd_tensor_flags flags;
  vecd_kern kern;
  vecd_team *team;
  vecd_weights weights;
  vecd_activation_fn *activation;
  vecd_attention attention;
  unsigned head_unit; /* heads that one worker takes at a time: their columns are whole groups of 64 in INT8 */
  unsigned n_pools;
  vecd_pool pools[VECD_POOL_COUNT];
  size_t max_tokens;
  size_t most_tokens;  /* that all lanes hold together */
  size_t apart_tokens; /* that a lane holds */
  size_t block_rows;   /* that go through attention's end and the MLP at a time */
  size_t ld_hidden, ld_qkv, ld_attended, ld_mlp;
  void *scratch; /* all lanes */
  size_t scratch_bytes;
  vecd_lane *lanes;  /* [team size] */
  float *shared_x;   /* [most_tokens, ld_hidden] and */
  float *shared_qkv; /* [most_tokens, ld_qkv] of workers who split rows; NULL for a team of one */
  vecd_plan plan;
  uint32_t *counts; /* [most_tokens + 1] */
};

/* One call of vecd_encoder_run(), seen by all workers. */
typedef struct vecd_forward_job {
  vecd_encoder *e;
  const uint32_t *const *ids;
  const uint32_t *lens;
  const uint32_t *pool_from; /* nullable */
  const uint8_t *pooling;    /* nullable */
  const atomic_bool *stop;   /* nullable */
  float *const *out;
  atomic_size_t next_chunk;
  atomic_size_t last_layer; /* of workers together, counted over all chunks: none begins a later one */
} vecd_forward_job;

/* A vecd_team_fn: this member's part of the planned job `ctx`. */
void vecd_forward_run(void *ctx, unsigned member);

#endif
