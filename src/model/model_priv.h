/* model_priv.h - what a model is made of; for model.c and capi.c only. */
#ifndef VECD_MODEL_MODEL_PRIV_H
#define VECD_MODEL_MODEL_PRIV_H

#include <pthread.h>

#include "base/mem.h"
#include "model/model.h"
#include "nn/head.h"
#include "nn/pooling.h"

struct vecd_model {
  vecd_model_folder folder;
  vecd_tokenizer *tokenizer;
  vecd_encoder *encoder;
  vecd_head *head;
  vecd_kern kern;
  vecd_team *team;
  bool owns_team;
  size_t max_tokens;
  size_t pooled_dimension, full_dimension, dimension; /* behind the pooling; behind all modules; of these those kept */
  vecd_prompt default_prompt;
  char pooling_name[128];

  pthread_mutex_t lock;       /* held by the one caller whose texts are being encoded; guards all below */
  struct tok_lane *tok_lanes; /* [team size] */
  struct place *places;       /* [VECD_MODEL_MAX_ITEMS], as the five below */
  const uint32_t **seq_ids;
  uint32_t *seq_lens, *seq_pool_from;
  uint8_t *seq_pooling;
  float **seq_out;
  float *pooled; /* [cap_pooled, pooled_dimension], where vectors do not go straight to the caller */
  size_t cap_pooled;
};

#endif
