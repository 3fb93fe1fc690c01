/* engine_priv.h - what the engine is made of; for engine.c (callers' side) and scheduler.c (its threads) only. */
#ifndef VECD_ENGINE_ENGINE_PRIV_H
#define VECD_ENGINE_ENGINE_PRIV_H

#include <pthread.h>

#include "base/mem.h"
#include "engine/engine.h"

/* One model the engine has been asked for. Slots are made on demand and live as long as the engine. */
typedef struct vecd_slot {
  struct vecd_slot *next;
  char *id;
  vecd_model_state state;
  vecd_model *model;      /* set in state RESIDENT */
  vecd_job *head, **tail; /* jobs with items that are not taken yet, in the order in which they get their next piece */
  size_t n_jobs, n_queued_items;
  uint64_t n_items, n_tokens;
  double load_ms;
  uint64_t failed_ns; /* when, in state FAILED */
  vecd_err err;       /* why, in state FAILED */
} vecd_slot;

/* Where an item of the batch came from. */
typedef struct vecd_batch_origin {
  vecd_job *job;
  size_t index;
} vecd_batch_origin;

struct vecd_engine {
  vecd_engine_settings settings;
  const vecd_registry *registry;
  vecd_kern kern;
  vecd_precision precision;
  vecd_team *team;
  pthread_mutex_t lock;   /* guards all below */
  pthread_cond_t work;    /* the scheduler has something to do */
  pthread_cond_t load;    /* the loader has */
  pthread_cond_t changed; /* a slot's state changed */
  pthread_t scheduler, loader;
  bool scheduler_runs, loader_runs; /* threads started */
  bool stopping;                    /* nothing is taken any more */
  bool ending;                      /* threads are to return */
  vecd_slot *slots;
  vecd_slot *last_served; /* models take turns */
  size_t n_queued_items;
  /* The scheduler's own. */
  vecd_item *batch;           /* [VECD_MODEL_MAX_ITEMS] */
  vecd_batch_origin *origins; /* [VECD_MODEL_MAX_ITEMS] */
};

/* Thread mains; arg: the engine. */
void *vecd_scheduler_main(void *arg);
void *vecd_loader_main(void *arg);

/* Puts a job at the end of a slot's queue. Lock held. */
void vecd_slot_push(vecd_slot *slot, vecd_job *job);

/* Ends every queued job of a slot with a status; unlocks around the calls of done. Lock held. */
void vecd_slot_fail_jobs(vecd_engine *engine, vecd_slot *slot, vecd_status status, const vecd_err *err);

#endif
