/* engine.c - the callers' side: jobs in, states out. The two threads behind it are in scheduler.c. */
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/engine_priv.h"

/* A model that failed to load is not tried again before this has passed: a damaged folder must not keep the loader busy. */
#define RETRY_AFTER_NS (2000u * 1000000ull)

const char *vecd_model_state_name(vecd_model_state state) {
  static const char *const names[] = {"available", "loading", "resident", "failed"};
  return names[state];
}

vecd_status vecd_engine_new(const vecd_engine_settings *settings, const vecd_registry *registry, vecd_engine **out,
                            vecd_err *err) {
  vecd_engine *e = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *e);
  if (!e) return vecd_err_no_memory(err, "the engine", sizeof *e);
  if (settings) e->settings = *settings;
  if (!e->settings.batch_tokens) e->settings.batch_tokens = 512;
  if (!e->settings.max_queue_items) e->settings.max_queue_items = 65536;
  e->registry = registry;
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->work, NULL);
  pthread_cond_init(&e->load, NULL);
  pthread_cond_init(&e->changed, NULL);
  e->batch = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_MODEL_MAX_ITEMS, sizeof *e->batch);
  e->origins = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_MODEL_MAX_ITEMS, sizeof *e->origins);
  vecd_status s = VECD_OK;
  if (!e->batch || !e->origins) s = vecd_err_no_memory(err, "the batch", VECD_MODEL_MAX_ITEMS * sizeof *e->batch);
  if (!s) s = vecd_kern_choose(&e->kern, e->settings.isa, err);
  if (!s) s = vecd_precision_parse(e->settings.precision, &e->precision, err);
  if (!s) s = vecd_team_new(e->settings.threads, &e->team, err);
  if (!s) {
    e->scheduler_runs = pthread_create(&e->scheduler, NULL, vecd_scheduler_main, e) == 0;
    e->loader_runs = pthread_create(&e->loader, NULL, vecd_loader_main, e) == 0;
    if (!e->scheduler_runs || !e->loader_runs)
      s = vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start the engine's threads; raise the limit on processes");
  }
  if (s)
    vecd_engine_free(&e);
  else
    *out = e;
  return s;
}

void vecd_engine_free(vecd_engine **engine) {
  vecd_engine *e = engine ? *engine : NULL;
  if (!e) return;
  pthread_mutex_lock(&e->lock);
  e->stopping = e->ending = true;
  pthread_cond_broadcast(&e->work);
  pthread_cond_broadcast(&e->load);
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
  if (e->scheduler_runs) pthread_join(e->scheduler, NULL);
  if (e->loader_runs) pthread_join(e->loader, NULL);
  vecd_err err;
  vecd_err_set(&err, VECD_STOPPING, VECD_NO_POS, "shutting down");
  pthread_mutex_lock(&e->lock);
  for (vecd_slot *slot = e->slots; slot; slot = slot->next) vecd_slot_fail_jobs(e, slot, VECD_STOPPING, &err);
  pthread_mutex_unlock(&e->lock);
  for (vecd_slot *slot = e->slots, *next; slot; slot = next) {
    next = slot->next;
    vecd_model_close(&slot->model);
    vecd_free(slot->id);
    vecd_free(slot);
  }
  vecd_team_free(&e->team);
  vecd_free(e->batch);
  vecd_free(e->origins);
  pthread_cond_destroy(&e->work);
  pthread_cond_destroy(&e->load);
  pthread_cond_destroy(&e->changed);
  pthread_mutex_destroy(&e->lock);
  vecd_free(e);
  *engine = NULL;
}

void vecd_engine_stop(vecd_engine *e) {
  pthread_mutex_lock(&e->lock);
  e->stopping = true;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
}

static vecd_slot *find_slot(const vecd_engine *e, const char *id) {
  vecd_slot *slot = e->slots;
  while (slot && strcmp(slot->id, id) != 0) slot = slot->next;
  return slot;
}

/* The slot of a model, made if the registry knows the model, and set to load if it is not resident. Lock held; the registry is
 * asked without it. */
static vecd_status want_slot(vecd_engine *e, const char *id, vecd_slot **out, vecd_err *err) {
  vecd_slot *slot = find_slot(e, id);
  if (!slot) {
    pthread_mutex_unlock(&e->lock);
    char *path = NULL;
    vecd_status s = vecd_registry_find(e->registry, id, &path, err);
    vecd_free(path);
    vecd_slot *fresh = s ? NULL : vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *fresh);
    char *copy = fresh ? vecd_strdup(VECD_MEM_MISC, id) : NULL;
    pthread_mutex_lock(&e->lock);
    if (s) return s;
    slot = find_slot(e, id); /* another caller may have been faster */
    if (slot || !copy) {
      vecd_free(fresh);
      vecd_free(copy);
      if (!slot) return vecd_err_no_memory(err, "a model's queue", sizeof *fresh);
    } else {
      slot = fresh;
      slot->id = copy;
      slot->tail = &slot->head;
      slot->next = e->slots;
      e->slots = slot;
    }
  }
  if (e->stopping) return vecd_err_set(err, VECD_STOPPING, VECD_NO_POS, "shutting down");
  if (slot->state == VECD_MODEL_FAILED && vecd_now_ns() - slot->failed_ns < RETRY_AFTER_NS) {
    if (err) *err = slot->err;
    return slot->err.code;
  }
  if (slot->state == VECD_MODEL_AVAILABLE || slot->state == VECD_MODEL_FAILED) {
    slot->state = VECD_MODEL_LOADING;
    pthread_cond_signal(&e->load);
  }
  *out = slot;
  return VECD_OK;
}

vecd_status vecd_engine_submit(vecd_engine *e, vecd_job *job, vecd_err *err) {
  vecd_assert(job->n_items >= 1);
  memset(&job->priv, 0, sizeof job->priv);
  job->vectors = NULL;
  job->dimension = 0;
  job->status = VECD_OK;
  pthread_mutex_lock(&e->lock);
  vecd_slot *slot = NULL;
  vecd_status s = VECD_OK;
  if (e->stopping)
    s = vecd_err_set(err, VECD_STOPPING, VECD_NO_POS, "shutting down");
  else if (e->n_queued_items && e->n_queued_items + job->n_items > e->settings.max_queue_items)
    s = vecd_err_set(err, VECD_BUSY, VECD_NO_POS, "overloaded: %zu texts are waiting, at most %zu may; try again later",
                     e->n_queued_items, e->settings.max_queue_items);
  else
    s = want_slot(e, job->model_id, &slot, err);
  if (!s) {
    vecd_slot_push(slot, job);
    slot->n_queued_items += job->n_items;
    e->n_queued_items += job->n_items;
    if (slot->state == VECD_MODEL_RESIDENT) pthread_cond_signal(&e->work);
  }
  pthread_mutex_unlock(&e->lock);
  return s;
}

void vecd_engine_cancel(vecd_engine *e, vecd_job *job) {
  (void)e; /* the scheduler looks before it takes a piece, and a piece is short */
  __atomic_store_n(&job->priv.cancelled, 1, __ATOMIC_RELAXED);
}

/* What vecd_engine_preload() waits on while its warm-up job runs. */
typedef struct waiter {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool done;
} waiter;

static void warm_up_done(vecd_job *job) {
  waiter *w = job->user;
  pthread_mutex_lock(&w->lock);
  w->done = true;
  pthread_cond_signal(&w->ended);
  pthread_mutex_unlock(&w->lock);
}

/* Texts of several lengths: touches every weight and both ways of splitting work, in a few milliseconds. */
static vecd_status warm_up(vecd_engine *e, const char *model_id, vecd_err *err) {
  enum { N = 4 };
  static const char words[] = "a warm model answers its first request as fast as any later one ";
  static const size_t n_words[N] = {1, 4, 16, 64};
  vecd_buf text;
  vecd_buf_init(&text, VECD_MEM_MISC);
  for (size_t i = 0; i < 20; i++) vecd_buf_append(&text, words, sizeof words - 1);
  vecd_item items[N] = {0};
  for (size_t i = 0; i < N; i++) {
    size_t len = n_words[i] * 5;
    items[i].text = (vecd_span){text.ptr, text.failed ? 0 : len < text.len ? len : text.len};
  }
  waiter w = {.done = false};
  pthread_mutex_init(&w.lock, NULL);
  pthread_cond_init(&w.ended, NULL);
  vecd_job job = {.model_id = model_id, .items = items, .n_items = N, .done = warm_up_done, .user = &w};
  vecd_status s = vecd_engine_submit(e, &job, err);
  if (!s) {
    pthread_mutex_lock(&w.lock);
    while (!w.done) pthread_cond_wait(&w.ended, &w.lock);
    pthread_mutex_unlock(&w.lock);
    s = job.status;
    if (s && err) *err = job.err;
    vecd_free(job.vectors);
  }
  pthread_cond_destroy(&w.ended);
  pthread_mutex_destroy(&w.lock);
  vecd_buf_fini(&text);
  return s;
}

vecd_status vecd_engine_preload(vecd_engine *e, const char *model_id, vecd_err *err) {
  pthread_mutex_lock(&e->lock);
  vecd_slot *slot = NULL;
  vecd_status s = want_slot(e, model_id, &slot, err);
  while (!s && slot->state == VECD_MODEL_LOADING && !e->ending) pthread_cond_wait(&e->changed, &e->lock);
  if (!s && slot->state == VECD_MODEL_FAILED) {
    if (err) *err = slot->err;
    s = slot->err.code;
  }
  pthread_mutex_unlock(&e->lock);
  return s ? s : warm_up(e, model_id, err);
}

void vecd_engine_model_status(vecd_engine *e, const char *id, vecd_model_status *out) {
  *out = (vecd_model_status){.state = VECD_MODEL_AVAILABLE};
  pthread_mutex_lock(&e->lock);
  const vecd_slot *slot = find_slot(e, id);
  if (slot) {
    out->state = slot->state;
    out->load_ms = slot->load_ms;
    out->queued_items = slot->n_queued_items;
    out->n_items = slot->n_items;
    out->n_tokens = slot->n_tokens;
    if (slot->state == VECD_MODEL_FAILED)
      snprintf(out->error, sizeof out->error, "%.*s", (int)sizeof out->error - 1, slot->err.text);
    if (slot->model) {
      vecd_describe(slot->model, &out->info);
      out->resident_bytes = out->info.resident_bytes;
    }
  }
  pthread_mutex_unlock(&e->lock);
}
