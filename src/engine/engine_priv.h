/* engine_priv.h - what the engine is made of; for the files of this room only.
 *
 *   engine.c     callers' side: jobs in, states out
 *   slot.c       a model's slot and its queues
 *   scheduler.c  the thread that forms batches and encodes them
 *   residency.c  the thread that loads models and makes room for them; only it evicts
 *   puller.c     the thread that downloads models
 *   keeper.c     the thread that looks at the clock: jobs that waited too long, batches that take too long, idle models
 *
 * One lock guards all. Jobs that end are gathered and told after it is let go, so no callback runs with it held. */
#ifndef VECD_ENGINE_ENGINE_PRIV_H
#define VECD_ENGINE_ENGINE_PRIV_H

#include <pthread.h>

#include "base/busy_poll.h"
#include "base/mem.h"
#include "engine/breaker.h"
#include "engine/engine.h"
#include "engine/quality_memory.h"

/* Where a job is. */
enum { VECD_JOB_NOWHERE, VECD_JOB_READY, VECD_JOB_LONG, VECD_JOB_BULK, VECD_JOB_WAITING };

enum { VECD_BATCH_SIZES = 8 }; /* told apart by their cost; the last has no limit */

typedef struct vecd_job_list {
  vecd_job *first, *last;
  size_t n;
} vecd_job_list;

/* One model the engine has been asked for. Slots are made on demand and live as long as the engine. */
typedef struct vecd_slot {
  struct vecd_slot *next; /* in the order in which they were asked for */
  char *id;
  vecd_model_state state;
  vecd_model *model;        /* set in state RESIDENT */
  vecd_job_list ready;      /* of a resident model: jobs with items left, in the order in which they get their next piece */
  vecd_job_list long_jobs;  /* likewise those that came with a good part of a batch */
  vecd_job_list bulk;       /* and those of them that have had a lot already */
  bool long_first;          /* the last batch passed them over */
  bool bulk_first;          /* the last batch with long jobs passed these over */
  vecd_job_list waiting;    /* for the model to be loaded, or loaded again */
  size_t n_jobs;            /* in either, or with items in the batch only */
  bool busy;                /* has the batch */
  const char *leaving;      /* gets no further jobs and goes when it has done those it has: why. NULL: it stays */
  bool keep;                /* is never evicted */
  bool remote;              /* in state LOADING: must be downloaded first */
  uint64_t wanted;          /* when it was asked to be loaded, as a number that grows; 0: it is not */
  size_t reserved_bytes;    /* in state LOADING */
  uint64_t files_mark;      /* a hash of its files' places, sizes and times when it was loaded */
  uint64_t last_used_ns;    /* 0: never */
  unsigned n_load_failures; /* one after the other */
  uint64_t retry_ns;        /* in state FAILED: not to be tried before */
  vecd_err err;             /* why, in state FAILED */
  vecd_breaker breaker;
  double ns_per_token;                      /* of its batches of late; 0: not known */
  double ns_per_token_of[VECD_BATCH_SIZES]; /* likewise, of batches of up to 16, 32, 64 ... tokens */
  size_t max_tokens;                        /* 0: not known */
  size_t queued_texts, queued_tokens;
  size_t ahead_tokens; /* of the jobs in all queues what counts against those that come */
  size_t short_tokens; /* of these, the short ones' */
  double load_ms;
  bool has_quality, fell_back;
  vecd_quality_mark quality;
  vecd_model_counts counts;
} vecd_slot;

/* Where an item of the batch came from. */
typedef struct vecd_batch_origin {
  vecd_job *job;
  size_t index;
} vecd_batch_origin;

struct vecd_engine {
  vecd_engine_settings settings; /* its strings and arrays are not to be used */
  vecd_precision precision;
  vecd_registry *registry;
  vecd_kern kern;
  vecd_team *team;
  vecd_busy_poll *busy_poll;      /* NULL: processors halt as they like */
  vecd_quality_memory *qualities; /* the loader's */
  struct {
    char *id;
    vecd_precision precision;
  } * precisions; /* [settings.n_precisions] */

  pthread_mutex_t lock; /* guards all below */
  pthread_cond_t work;  /* the scheduler has something to do */
  pthread_cond_t load;  /* the loader has */
  pthread_cond_t tick;  /* the keeper has */
  pthread_cond_t pull;  /* the puller has */
  pthread_t scheduler, loader, keeper, puller;
  unsigned n_threads; /* started, in this order */
  bool stopping;      /* nothing is taken any more */
  bool ending;        /* threads are to return */
  bool check_files;   /* the loader is to look whether files changed */
  vecd_slot *slots, **slots_end;
  vecd_slot *last_served; /* models take turns */
  uint64_t n_wanted;      /* the latest vecd_slot.wanted */
  size_t n_jobs, queued_texts, queued_tokens;
  struct {
    vecd_job *first, *last;
  } due; /* jobs that have not begun and may time out, by time of submission */
  vecd_job *ended, **ended_end;
  uint64_t keeper_wakes_ns; /* at the latest; UINT64_MAX: when told to */
  /* The scheduler's own but for the last two, which are the keeper's too. */
  vecd_item *batch;           /* [VECD_MODEL_MAX_ITEMS] */
  vecd_batch_origin *origins; /* [VECD_MODEL_MAX_ITEMS] */
  size_t batch_tokens;        /* about how many it has */
  uint64_t n_batches;
  uint64_t batch_due_ns; /* when it has taken too long; 0: nothing runs */
  atomic_bool batch_stop;
};

/* Thread mains; arg: the engine. */
void *vecd_scheduler_main(void *arg);
void *vecd_loader_main(void *arg);
void *vecd_keeper_main(void *arg);
void *vecd_puller_main(void *arg);

static inline uint64_t vecd_engine_ms(unsigned ms) { return (uint64_t)ms * 1000000u; }

/* --- engine.c */

void vecd_engine_lock(vecd_engine *e);
/* Lets go of the lock, then tells the jobs that ended. */
void vecd_engine_unlock(vecd_engine *e);
/* Waits on a condition of the engine's until deadline_ns (UINT64_MAX: for ever); may return early. Lock held; ended jobs are told. */
void vecd_engine_wait(vecd_engine *e, pthread_cond_t *condition, uint64_t deadline_ns);

/* --- residency.c */

/* Bytes of all models but `but` (nullable): measured, of one that is loading estimated. Lock held. */
size_t vecd_engine_used_bytes(const vecd_engine *e, const vecd_slot *but);

/* The slot's model cannot be had: its jobs are told, and it is not tried again for a while. Lock held. */
void vecd_slot_load_failed(vecd_engine *e, vecd_slot *slot, vecd_status s, const vecd_err *err);

/* --- puller.c */

/* Whether the model may be downloaded when it is asked for. */
bool vecd_engine_may_pull(const vecd_engine *e, const char *id);

/* --- slot.c; lock held */

vecd_slot *vecd_slot_find(const vecd_engine *e, const char *id);
/* About how many tokens an item of a job has, before it is tokenized; the prompt's among them where the job brings its own. */
size_t vecd_job_guess_tokens(const vecd_slot *slot, const vecd_job *job, const vecd_item *item);
/* A new job: into the queue where it belongs. */
void vecd_slot_take(vecd_engine *e, vecd_slot *slot, vecd_job *job);
/* The long job whose turn it is; NULL: none. */
vecd_job *vecd_slot_next_long(const vecd_slot *slot);
/* Out of the queue, to get a piece. */
void vecd_slot_take_out(vecd_engine *e, vecd_slot *slot, vecd_job *job);
/* Back to the place it had: behind the others where it got a piece, else where it was. */
void vecd_slot_put_back(vecd_engine *e, vecd_slot *slot, vecd_job *job, unsigned char place, size_t piece_tokens);
bool vecd_slot_has_long(const vecd_slot *slot);
/* One more item of a job is in the batch. */
void vecd_job_item_taken(vecd_engine *e, vecd_job *job, size_t tokens);
/* Out of the list of those that may time out. */
void vecd_job_begun(vecd_engine *e, vecd_job *job);
/* Ends a job that has no item in the batch. */
void vecd_job_end(vecd_engine *e, vecd_job *job, vecd_status status, const vecd_err *err);
/* Those that waited for the model: it is there now. */
void vecd_slot_serve_waiting(vecd_engine *e, vecd_slot *slot);
/* Ends every job that is in a queue of the slot's. */
void vecd_slot_fail_jobs(vecd_engine *e, vecd_slot *slot, vecd_status status, const vecd_err *err);
/* The slot is to be loaded, if it is not already on its way. */
void vecd_slot_want(vecd_engine *e, vecd_slot *slot);
/* There is a job to be encoded now. */
bool vecd_slot_has_work(const vecd_slot *slot);
/* Nothing is to be done with the resident model. */
bool vecd_slot_is_idle(const vecd_slot *slot);
/* Has little enough to do to pass the long ones. */
bool vecd_job_is_short(const vecd_engine *e, const vecd_job *job);
/* About how many tokens wait that count against such a job's. */
size_t vecd_engine_queued_tokens(const vecd_engine *e, bool is_short);
/* What a job that came now would have to wait for its turn. */
double vecd_engine_expected_wait_ns(const vecd_engine *e, bool is_short);

#endif
