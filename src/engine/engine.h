/* engine.h - many models at work: finds and loads them, queues requests, encodes what several clients ask for together.
 *
 * A job is a request's texts for one model. Jobs of a model form a queue; whenever the workers are free they get a batch of
 * whole texts from as many jobs as fit, each job going to the back of the queue when it has had a piece, so a long job does
 * not hold up short ones. Models load in a thread of their own, so other models go on meanwhile. */
#ifndef VECD_ENGINE_ENGINE_H
#define VECD_ENGINE_ENGINE_H

#include "model/folder_facts.h" /* what is known of a model that is not resident */
#include "model/model.h"
#include "registry/registry.h"

typedef struct vecd_engine vecd_engine;
typedef struct vecd_job vecd_job;

/* Zero is always the default. */
typedef struct vecd_engine_settings {
  unsigned threads;       /* worker threads; 0: vecd_cpu_count() */
  const char *isa;        /* NULL: the best */
  const char *precision;  /* "fp32" (NULL), "int8" or "auto", for every model */
  size_t batch_tokens;    /* about how many tokens one batch has at the most: enough for full speed, few enough
                              that who comes next does not wait long; 512 */
  size_t max_queue_items; /* texts waiting, all models together, beyond which jobs are refused; 65536 */
} vecd_engine_settings;

/* Called once for each job, on an engine thread, when it has ended: status VECD_OK and every item's vector filled, or what went
 * wrong. Must not block; may free the job's memory. */
typedef void vecd_job_done(vecd_job *job);

/* A request on its way. The caller owns the memory, fills the first part, and keeps all of it until done has been called. */
struct vecd_job {
  const char *model_id; /* borrowed until done */
  vecd_item *items;     /* [n_items]; text and flags filled. The engine sets vector: [dimension] each, inside job->vectors */
  size_t n_items;       /* >= 1 */
  vecd_job_done *done;
  void *user;

  float *
      vectors; /* [n_items, dimension], allocated by the engine (tag REQUEST) once the model is known; the caller's: vecd_free */
  size_t dimension;
  vecd_status status;
  vecd_err err; /* filled where status is not VECD_OK; of the first item that failed, by index */

  struct { /* the engine's own */
    vecd_job *next;
    size_t taken, finished;
    struct vecd_slot *slot;
    bool dropped;  /* ends when what was taken of it is finished */
    int cancelled; /* atomic */
  } priv;
};

/* registry: borrowed until free. */
VECD_CHECK vecd_status vecd_engine_new(const vecd_engine_settings *settings, const vecd_registry *registry, vecd_engine **out,
                                       vecd_err *err);

/* Ends every job that is left with VECD_STOPPING, unloads all models. Sets *engine NULL. */
void vecd_engine_free(vecd_engine **engine);

/* Hands a job over. VECD_OK: done will be called, perhaps before this returns. VECD_BUSY the queue is full; VECD_NOT_FOUND no
 * such model ("Model not found: X"); VECD_STOPPING: done will not be called. Any thread. */
VECD_CHECK vecd_status vecd_engine_submit(vecd_engine *engine, vecd_job *job, vecd_err *err);

/* The job's answer is no longer wanted: it leaves the queue as soon as possible and ends with VECD_CANCELLED (or as it would
 * have, if it was about to). Any thread, while the job's memory is alive; done is still called. */
void vecd_engine_cancel(vecd_engine *engine, vecd_job *job);

/* Loads a model now and encodes a few texts of several lengths, so that the first request finds everything warm. Blocks.
 * VECD_OK, or why it cannot be loaded. */
VECD_CHECK vecd_status vecd_engine_preload(vecd_engine *engine, const char *model_id, vecd_err *err);

/* From now on vecd_engine_submit() gives VECD_STOPPING; jobs that were taken are finished. */
void vecd_engine_stop(vecd_engine *engine);

/* A model as the engine sees it. Strings are the engine's and live as long as it does. */
typedef enum vecd_model_state {
  VECD_MODEL_AVAILABLE,
  VECD_MODEL_LOADING,
  VECD_MODEL_RESIDENT,
  VECD_MODEL_FAILED
} vecd_model_state;

typedef struct vecd_model_status {
  vecd_model_state state;
  size_t resident_bytes;
  double load_ms;
  size_t queued_items;
  uint64_t n_items, n_tokens; /* encoded so far */
  vecd_info info;             /* of a resident model; zero otherwise */
  char error[256];            /* why it failed */
} vecd_model_status;

/* State of model `id`: VECD_MODEL_AVAILABLE for one never asked for. Any thread. */
void vecd_engine_model_status(vecd_engine *engine, const char *id, vecd_model_status *out);

/* "resident", "available", ... */
const char *vecd_model_state_name(vecd_model_state state);

#endif
