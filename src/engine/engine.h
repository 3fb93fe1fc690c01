/* engine.h - many models at work: loads them when they are asked for, keeps those used last within a budget, queues requests and
 * encodes what several clients ask for together.
 *
 * A job is a request's texts for one model. Jobs of a model form a queue; whenever the workers are free they get a batch of
 * whole texts from as many jobs as fit, each job going to the back of the queue when it has had a piece, so a long job does
 * not hold up short ones. Models take turns batch by batch. A model loads in a thread of its own, so others go on meanwhile.
 *
 * A model in use is never evicted. One that has to go while it is busy is given no further jobs: those that come wait for it to be
 * loaded again, in their turn. */
#ifndef VECD_ENGINE_ENGINE_H
#define VECD_ENGINE_ENGINE_H

#include "engine/histogram.h"
#include "model/folder_facts.h" /* what is known of a model that is not resident */
#include "model/model.h"
#include "registry/hub_options.h"
#include "registry/registry.h"

typedef struct vecd_engine vecd_engine;
typedef struct vecd_job vecd_job;

/* One model's precision, where it is not that of all. */
typedef struct vecd_engine_precision {
  const char *id, *precision;
} vecd_engine_precision;

/* Zero is always the default. Strings and arrays are copied by vecd_engine_new(), but for hub. */
typedef struct vecd_engine_settings {
  unsigned threads;      /* worker threads; 0: vecd_cpu_count() */
  const char *isa;       /* NULL: the best */
  const char *precision; /* "fp32", "int8" or "auto" (NULL): what the catalogue says, else by the number of parameters */
  const vecd_engine_precision *precisions; /* [n_precisions], in front of the above */
  size_t n_precisions;

  size_t max_models;        /* resident at a time; 4 */
  size_t max_memory_bytes;  /* of resident models together, measured; 2 GiB */
  unsigned keep_alive_s;    /* a model that was not used for so long is unloaded; 0: never */
  const char *const *keep;  /* [n_keep] ids that are never evicted */
  size_t n_keep;            /* at most max_models */
  double min_similarity;    /* mean cosine of INT8 to FP32 below which "auto" takes FP32; 0.98 */
  const char *quality_path; /* the file in which measured similarities are kept; NULL: nowhere */

  const vecd_hub_options
      *hub; /* borrowed until free: models of the catalogue that are not here are downloaded; NULL: they are not */

  size_t batch_tokens;         /* about how many tokens one batch has at the most: enough for full speed, few enough
                                  that who comes next does not wait long; 512 */
  unsigned batch_window_us;    /* how long a batch that is not full waits for company; 0 */
  unsigned busy_poll_ms;       /* how long processors are kept from halting after a job came or was done (busy_poll.h); 0 */
  size_t max_queue_tokens;     /* about how many tokens may wait, all models together, those of short jobs counted by
                                  themselves, beyond which jobs are refused; 524288 */
  unsigned request_timeout_ms; /* longest wait of a job for its first batch; 10000 */
  unsigned batch_timeout_ms;   /* longest time of one batch, to which a measured allowance for its tokens is added; 5000 */
} vecd_engine_settings;

/* How a job's texts are encoded. Zero is always the default. */
typedef struct vecd_job_options {
  unsigned flags; /* of vecd_item: VECD_RAW, VECD_NORMALIZE, VECD_NO_TRUNCATE, VECD_NO_PROMPT */
  unsigned
      dimensions; /* 0: the model's. Fewer are cut; then normalised where the model's own vectors are, unless flags say else */
  const char *pooling;     /* nullable, borrowed until done: "mean", "cls", ... rather than the model's own */
  const vecd_span *prompt; /* nullable, borrowed until done: put before every text */
  const char *prompt_name; /* nullable, borrowed until done: the model's prompt of that name */
} vecd_job_options;

/* Called once for each job, with no lock held, when it has ended: status VECD_OK and every item's vector filled, or what went
 * wrong: with an item that fails the job ends, and those behind it need not have been encoded. On an engine's thread, or inside submit, cancel, stop or free. Must not block; may free the job's memory. */
typedef void vecd_job_done(vecd_job *job);

/* A request on its way. The caller owns the memory, fills the first part, and keeps all of it until done has been called. */
struct vecd_job {
  const char *model_id; /* borrowed until submit returns, which sets it to what the model is called (the engine's) */
  vecd_item *items; /* [n_items]; of each the text (or ids) is filled, the rest is the engine's. vector lies in job->vectors */
  size_t n_items;   /* 0: nothing but that the model be loaded, however long that takes */
  vecd_job_options options;
  vecd_job_done *done;
  void *user;

  float *
      vectors; /* [n_items, dimension], allocated by the engine (tag REQUEST) once the model is known; the caller's: vecd_free */
  size_t dimension; /* 0 until then */
  vecd_status status;
  vecd_err err;         /* filled where status is not VECD_OK; of the first item that failed, by index */
  uint64_t queued_ns;   /* from submit to the beginning of its first batch, or to its end where it had none */
  uint64_t tokenize_ns; /* of all its batches: time of the batch, whoever it was shared with */
  uint64_t encode_ns;

  struct {                         /* the engine's own */
    vecd_job *next, *prev;         /* in the slot's queue */
    vecd_job *next_due, *prev_due; /* among those that have not begun, by time of submission */
    struct vecd_slot *slot;
    uint64_t submitted_ns;
    vecd_prompt prompt;
    uint64_t batch;         /* the latest that had items of it */
    size_t taken, finished; /* items */
    size_t tokens_left;     /* about, of the items that are not taken */
    size_t tokens_had;      /* about, of those that are, when there were others */
    unsigned char place;    /* in which list it is */
    bool begun, dropped, cut, failed, ended;
  } priv;
};

/* registry: borrowed until free.
 * VECD_OK; VECD_BAD_ARGUMENT a setting makes no sense (err names it); VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_engine_new(const vecd_engine_settings *settings, vecd_registry *registry, vecd_engine **out,
                                       vecd_err *err);

/* Ends every job that is left with VECD_STOPPING, unloads all models. Sets *engine NULL. */
void vecd_engine_free(vecd_engine **engine);

/* Hands a job over. VECD_OK: done will be called, perhaps before this returns. Otherwise done will not be called: VECD_BUSY the
 * queue is full; VECD_NOT_FOUND no such model ("Model not found: X"); VECD_UNAVAILABLE the model fails again and again (its breaker
 * is open); VECD_STOPPING; or why the model could not be loaded a moment ago. Any thread. */
VECD_CHECK vecd_status vecd_engine_submit(vecd_engine *engine, vecd_job *job, vecd_err *err);

/* The job's answer is no longer wanted: it leaves the queue at once and ends with VECD_CANCELLED, or when the batch that holds a
 * piece of it is done. Any thread, while the job's memory is alive; done is called as always, perhaps before this returns. */
void vecd_engine_cancel(vecd_engine *engine, vecd_job *job);

/* Whole seconds after which a job for this model (nullable: any) that was refused with VECD_BUSY or VECD_UNAVAILABLE may be tried
 * again; at least 1. Any thread. */
unsigned vecd_engine_retry_after_s(vecd_engine *engine, const char *model_id);

/* Loads a model now and encodes a few texts of several lengths, so that the first request finds everything warm (where others keep
 * it too busy for that, it is). Blocks as long as that takes: no time limit. VECD_OK, or why it cannot be loaded. */
VECD_CHECK vecd_status vecd_engine_preload(vecd_engine *engine, const char *model_id, vecd_err *err);

/* The model goes as soon as nothing uses it; *was_resident (nullable) tells whether there was one to go. The next job loads it anew.
 * VECD_OK; VECD_NOT_FOUND no such model. Any thread. */
VECD_CHECK vecd_status vecd_engine_unload(vecd_engine *engine, const char *model_id, bool *was_resident, vecd_err *err);

/* From now on vecd_engine_submit() gives VECD_STOPPING; jobs that were taken are finished, but for those that wait for a download. */
void vecd_engine_stop(vecd_engine *engine);

typedef enum vecd_model_state {
  VECD_MODEL_AVAILABLE,
  VECD_MODEL_LOADING,
  VECD_MODEL_RESIDENT,
  VECD_MODEL_FAILED
} vecd_model_state;

/* "resident", "available", ... */
const char *vecd_model_state_name(vecd_model_state state);

/* What a model has been through since the engine began. All histograms are in seconds, texts or tokens, as their names say. */
typedef struct vecd_model_counts {
  uint64_t hits, misses;                    /* jobs that found it resident, and those that did not */
  uint64_t loads, load_failures, evictions; /* evictions: for room, for keep_alive and by unload */
  uint64_t texts, tokens, batches;          /* encoded */
  uint64_t batch_failures;                  /* batches that failed through no fault of their texts */
  uint64_t timeouts;                        /* jobs that waited too long, and batches that took too long */
  uint64_t breaker_opened;
  vecd_histogram load_seconds, queue_seconds, tokenize_seconds, encode_seconds, batch_texts, batch_tokens;
} vecd_model_counts;

/* A model as the engine sees it: a copy. */
typedef struct vecd_model_status {
  const char *id; /* the engine's; lives as long as it does */
  vecd_model_state state;
  bool breaker_open;
  size_t users; /* jobs at work on it or waiting for it */
  size_t queued_texts, queued_tokens;
  size_t resident_bytes;
  double load_ms;        /* of the last load */
  uint64_t last_used_ms; /* since the epoch; 0: never */
  bool has_quality;      /* INT8 was measured against FP32, now or earlier */
  double quality_mean, quality_least;
  bool fell_back; /* FP32 because INT8 was measured to be too far off */
  vecd_model_counts counts;

  /* Of a resident model; dimension 0 otherwise. */
  unsigned dimension, full_dimension, max_tokens;
  int normalized;
  uint64_t parameters;
  char architecture[65], pooling[128], precision[8], isa[16];

  char error[512]; /* why it failed, in state FAILED */
} vecd_model_status;

/* State of model `id`; VECD_MODEL_AVAILABLE and zeros for one never asked for. Any thread. */
void vecd_engine_model_status(vecd_engine *engine, const char *id, vecd_model_status *out);

/* The ids of all models that were ever asked for, in that order: id number i, NULL where there are not so many. They live as long as
 * the engine, and none is ever taken away. Any thread. */
const char *vecd_engine_model_id(vecd_engine *engine, size_t i);

typedef struct vecd_engine_status {
  size_t n_resident, max_models;
  size_t used_bytes, max_bytes; /* of the memory budget */
  size_t queued_jobs, queued_texts, queued_tokens, max_queue_tokens;
  uint64_t hits, misses, loads, evictions; /* all models together */
  double expected_wait_s;                  /* of a job that came now */
} vecd_engine_status;

void vecd_engine_status_get(vecd_engine *engine, vecd_engine_status *out);

#endif
