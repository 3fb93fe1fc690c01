/* engine.c - the callers' side: jobs in, states out. The threads behind it are in scheduler.c, residency.c,
 * keeper.c and puller.c. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/engine_priv.h"

#define SECOND_NS 1e9

/* --- the lock */

void vecd_engine_lock(vecd_engine *e) { pthread_mutex_lock(&e->lock); }

void vecd_engine_unlock(vecd_engine *e) {
  vecd_job *job = e->ended;
  e->ended = NULL;
  e->ended_end = &e->ended;
  pthread_mutex_unlock(&e->lock);
  for (vecd_job *next; job; job = next) {
    next = job->priv.next;
    job->done(job);
  }
}

void vecd_engine_wait(vecd_engine *e, pthread_cond_t *condition, uint64_t deadline_ns) {
  if (e->ended) {
    vecd_engine_unlock(e);
    vecd_engine_lock(e);
  } else if (deadline_ns == UINT64_MAX) {
    pthread_cond_wait(condition, &e->lock);
  } else {
    struct timespec at = {.tv_sec = (time_t)(deadline_ns / 1000000000u), .tv_nsec = (long)(deadline_ns % 1000000000u)};
    pthread_cond_timedwait(condition, &e->lock, &at);
  }
}

/* --- life */

static vecd_slot *make_slot(const char *id) {
  vecd_slot *slot = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *slot);
  if (slot) slot->id = vecd_strdup(VECD_MEM_MISC, id);
  if (!slot || !slot->id) {
    vecd_free(slot);
    return NULL;
  }
  return slot;
}

static void add_slot(vecd_engine *e, vecd_slot *slot) {
  *e->slots_end = slot;
  e->slots_end = &slot->next;
}

static void set_defaults(vecd_engine_settings *s) {
  if (!s->max_models) s->max_models = 4;
  if (!s->max_memory_bytes) s->max_memory_bytes = (size_t)2 << 30;
  if (s->min_similarity == 0) s->min_similarity = 0.98;
  if (!s->batch_tokens) s->batch_tokens = 512;
  if (!s->max_queue_tokens) s->max_queue_tokens = (size_t)512 << 10;
  if (!s->request_timeout_ms) s->request_timeout_ms = 10000;
  if (!s->batch_timeout_ms) s->batch_timeout_ms = 5000;
}

static vecd_status copy_settings(vecd_engine *e, vecd_err *err) {
  const vecd_engine_settings *s = &e->settings;
  char room[VECD_MODEL_ID_BYTES];
  vecd_status status = vecd_precision_parse(s->precision ? s->precision : "auto", &e->precision, err);
  if (s->n_keep > s->max_models)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                        "%zu models are to be kept, but only %zu may be resident (--max-models)", s->n_keep, s->max_models);
  e->precisions = vecd_alloc_zero(VECD_MEM_MISC, s->n_precisions + 1, sizeof *e->precisions);
  if (!e->precisions) return vecd_err_no_memory(err, "the engine", s->n_precisions * sizeof *e->precisions);
  for (size_t i = 0; i < s->n_precisions && !status; i++) {
    e->precisions[i].id = vecd_strdup(VECD_MEM_MISC, vecd_registry_id_of(e->registry, s->precisions[i].id, room));
    if (!e->precisions[i].id) return vecd_err_no_memory(err, "the engine", strlen(s->precisions[i].id));
    status = vecd_precision_parse(s->precisions[i].precision, &e->precisions[i].precision, err);
  }
  for (size_t i = 0; i < s->n_keep && !status; i++) {
    const char *id = vecd_registry_id_of(e->registry, s->keep[i], room);
    vecd_slot *slot = vecd_slot_find(e, id);
    if (!slot && !(slot = make_slot(id))) return vecd_err_no_memory(err, "a model's queue", sizeof *slot);
    if (!slot->keep) add_slot(e, slot);
    slot->keep = true;
  }
  return status;
}

static vecd_status start_threads(vecd_engine *e, vecd_err *err) {
  pthread_t *const threads[] = {&e->scheduler, &e->loader, &e->keeper, &e->puller};
  void *(*const mains[])(void *) = {vecd_scheduler_main, vecd_loader_main, vecd_keeper_main, vecd_puller_main};
  while (e->n_threads < (e->settings.hub ? 4 : 3)) {
    if (pthread_create(threads[e->n_threads], NULL, mains[e->n_threads], e) != 0)
      return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start the engine's threads; raise the limit on processes");
    e->n_threads++;
  }
  return VECD_OK;
}

vecd_status vecd_engine_new(const vecd_engine_settings *settings, vecd_registry *registry, vecd_engine **out, vecd_err *err) {
  vecd_engine *e = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *e);
  if (!e) return vecd_err_no_memory(err, "the engine", sizeof *e);
  if (settings) e->settings = *settings;
  set_defaults(&e->settings);
  e->registry = registry;
  e->slots_end = &e->slots;
  e->ended_end = &e->ended;
  e->keeper_wakes_ns = UINT64_MAX;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->work, &monotonic);
  pthread_cond_init(&e->load, &monotonic);
  pthread_cond_init(&e->tick, &monotonic);
  pthread_cond_init(&e->pull, &monotonic);
  pthread_condattr_destroy(&monotonic);
  e->batch = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_MODEL_MAX_ITEMS, sizeof *e->batch);
  e->origins = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_MODEL_MAX_ITEMS, sizeof *e->origins);
  vecd_status s = VECD_OK;
  if (!e->batch || !e->origins) s = vecd_err_no_memory(err, "the batch", VECD_MODEL_MAX_ITEMS * sizeof *e->batch);
  if (!s) s = copy_settings(e, err);
  if (!s) s = vecd_kern_choose(&e->kern, e->settings.isa, err);
  if (!s) s = vecd_quality_memory_open(e->settings.quality_path, &e->qualities, err);
  if (!s) s = vecd_team_new(e->settings.threads, &e->team, err);
  if (!s && e->settings.busy_poll_ms) s = vecd_busy_poll_new(e->settings.busy_poll_ms, &e->busy_poll, err);
  if (!s) s = start_threads(e, err);
  if (s)
    vecd_engine_free(&e);
  else
    *out = e;
  return s;
}

static void end_threads(vecd_engine *e) {
  pthread_t threads[] = {e->scheduler, e->loader, e->keeper, e->puller};
  vecd_engine_lock(e);
  e->stopping = e->ending = true;
  pthread_cond_broadcast(&e->work);
  pthread_cond_broadcast(&e->load);
  pthread_cond_broadcast(&e->tick);
  pthread_cond_broadcast(&e->pull);
  vecd_engine_unlock(e);
  for (unsigned i = 0; i < e->n_threads; i++) pthread_join(threads[i], NULL);
}

void vecd_engine_free(vecd_engine **engine) {
  vecd_engine *e = engine ? *engine : NULL;
  if (!e) return;
  end_threads(e);
  vecd_err err;
  vecd_err_set(&err, VECD_STOPPING, VECD_NO_POS, "shutting down");
  vecd_engine_lock(e);
  for (vecd_slot *slot = e->slots; slot; slot = slot->next) vecd_slot_fail_jobs(e, slot, VECD_STOPPING, &err);
  vecd_engine_unlock(e);
  for (vecd_slot *slot = e->slots, *next; slot; slot = next) {
    next = slot->next;
    vecd_model_close(&slot->model);
    vecd_free(slot->id);
    vecd_free(slot);
  }
  vecd_busy_poll_free(&e->busy_poll);
  vecd_team_free(&e->team);
  vecd_quality_memory_close(&e->qualities);
  for (size_t i = 0; e->precisions && i < e->settings.n_precisions; i++) vecd_free(e->precisions[i].id);
  vecd_free(e->precisions);
  vecd_free(e->batch);
  vecd_free(e->origins);
  pthread_cond_destroy(&e->work);
  pthread_cond_destroy(&e->load);
  pthread_cond_destroy(&e->tick);
  pthread_cond_destroy(&e->pull);
  pthread_mutex_destroy(&e->lock);
  vecd_free(e);
  *engine = NULL;
}

void vecd_engine_stop(vecd_engine *e) {
  vecd_engine_lock(e);
  e->stopping = true;
  vecd_engine_unlock(e);
}

/* --- jobs */

/* The slot of a model, made if the registry knows the model. Lock held; the registry is asked without it. */
static vecd_status find_or_make_slot(vecd_engine *e, const char *asked, vecd_slot **out, vecd_err *err) {
  vecd_slot *slot = vecd_slot_find(e, asked);
  if (!slot) {
    char *path = NULL, room[VECD_MODEL_ID_BYTES];
    vecd_engine_unlock(e);
    const char *id = vecd_registry_id_of(e->registry, asked, room);
    vecd_status s = vecd_registry_find(e->registry, id, &path, err);
    if (s == VECD_NOT_FOUND && vecd_engine_may_pull(e, id)) s = VECD_OK;
    vecd_slot *fresh = s ? NULL : make_slot(id);
    vecd_free(path);
    vecd_engine_lock(e);
    if (s) return s;
    slot = vecd_slot_find(e, id); /* another caller may have been faster */
    if (slot) {
      if (fresh) vecd_free(fresh->id);
      vecd_free(fresh);
    } else if (!fresh) {
      return vecd_err_no_memory(err, "a model's queue", sizeof *fresh);
    } else {
      add_slot(e, slot = fresh);
    }
  }
  *out = slot;
  return VECD_OK;
}

static vecd_status stopping(vecd_err *err) { return vecd_err_set(err, VECD_STOPPING, VECD_NO_POS, "shutting down"); }

/* Whether the job may join the queue. Lock held. */
static vecd_status admit(vecd_engine *e, vecd_slot *slot, const vecd_job *job, vecd_err *err) {
  uint64_t now = vecd_now_ns();
  if (e->stopping) return stopping(err);
  if (slot->state == VECD_MODEL_FAILED && now < slot->retry_ns) {
    if (err) *err = slot->err;
    return slot->err.code;
  }
  bool is_short = vecd_job_is_short(e, job);
  size_t tokens = job->priv.tokens_left, most = e->settings.max_queue_tokens, queued = vecd_engine_queued_tokens(e, is_short);
  if (queued && tokens && queued + tokens > most)
    return vecd_err_set(
        err, VECD_BUSY, VECD_NO_POS,
        "overloaded: texts of about %zu tokens are waiting, at most %zu may (--max-queue-tokens); try again later", queued,
        most);
  double wait = vecd_engine_expected_wait_ns(e, is_short);
  if (tokens && e->queued_tokens && wait > (double)vecd_engine_ms(e->settings.request_timeout_ms) / 2)
    return vecd_err_set(err, VECD_BUSY, VECD_NO_POS,
                        "overloaded: it would be about %.0f s before this one's turn; try again later", ceil(wait / SECOND_NS));
  if (tokens && !vecd_breaker_admits(&slot->breaker, now))
    return vecd_err_set(err, VECD_UNAVAILABLE, VECD_NO_POS,
                        "%s has failed %u times in a row; it is tried again in %.0f s (the server's log has the reason)",
                        slot->id, slot->breaker.n_failures, ceil((double)(slot->breaker.open_until_ns - now) / SECOND_NS));
  return VECD_OK;
}

vecd_status vecd_engine_submit(vecd_engine *e, vecd_job *job, vecd_err *err) {
  memset(&job->priv, 0, sizeof job->priv);
  job->vectors = NULL;
  job->dimension = 0;
  job->status = VECD_OK;
  job->queued_ns = job->tokenize_ns = job->encode_ns = 0;
  vecd_engine_lock(e);
  vecd_slot *slot = NULL;
  vecd_status s = e->stopping ? stopping(err) : find_or_make_slot(e, job->model_id, &slot, err);
  if (!s) {
    for (size_t i = 0; i < job->n_items; i++) job->priv.tokens_left += vecd_job_guess_tokens(slot, job, &job->items[i]);
    s = admit(e, slot, job, err);
  }
  if (!s) vecd_slot_take(e, slot, job);
  vecd_engine_unlock(e);
  if (!s) vecd_busy_poll_touch(e->busy_poll);
  return s;
}

void vecd_engine_cancel(vecd_engine *e, vecd_job *job) {
  vecd_err err;
  vecd_engine_lock(e);
  if (!job->priv.ended && job->priv.slot) {
    job->priv.dropped = true; /* where a piece of it is in the batch, whose end ends it */
    vecd_err_set(&err, VECD_CANCELLED, VECD_NO_POS, "cancelled by the client");
    if (job->priv.taken == job->priv.finished) vecd_job_end(e, job, VECD_CANCELLED, &err);
  }
  vecd_engine_unlock(e);
}

unsigned vecd_engine_retry_after_s(vecd_engine *e, const char *model_id) {
  uint64_t now = vecd_now_ns(), until = now;
  vecd_engine_lock(e);
  double wait = vecd_engine_expected_wait_ns(e, false);
  const vecd_slot *slot = model_id ? vecd_slot_find(e, model_id) : NULL;
  if (slot && slot->state == VECD_MODEL_FAILED) until = slot->retry_ns;
  if (slot && slot->breaker.open && slot->breaker.open_until_ns > until) until = slot->breaker.open_until_ns;
  vecd_engine_unlock(e);
  if (until > now && (double)(until - now) > wait) wait = (double)(until - now);
  return wait > SECOND_NS ? (unsigned)ceil(wait / SECOND_NS) : 1;
}

/* A job and the means to wait for it. */
typedef struct waiter {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool done;
} waiter;

static void waiter_done(vecd_job *job) {
  waiter *w = job->user;
  pthread_mutex_lock(&w->lock);
  w->done = true;
  pthread_cond_signal(&w->ended);
  pthread_mutex_unlock(&w->lock);
}

static vecd_status run_job(vecd_engine *e, const char *model_id, vecd_item *items, size_t n_items, vecd_err *err) {
  waiter w = {.done = false};
  pthread_mutex_init(&w.lock, NULL);
  pthread_cond_init(&w.ended, NULL);
  vecd_job job = {.model_id = model_id, .items = items, .n_items = n_items, .done = waiter_done, .user = &w};
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
  return s;
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
  vecd_status s = run_job(e, model_id, items, N, err);
  vecd_buf_fini(&text);
  return s;
}

vecd_status vecd_engine_preload(vecd_engine *e, const char *model_id, vecd_err *err) {
  vecd_status s = run_job(e, model_id, NULL, 0, err);
  if (!s) s = warm_up(e, model_id, err);
  return s == VECD_BUSY || s == VECD_TIMEOUT ? VECD_OK : s;
}

vecd_status vecd_engine_unload(vecd_engine *e, const char *model_id, bool *was_resident, vecd_err *err) {
  vecd_engine_lock(e);
  vecd_slot *slot = NULL;
  vecd_status s = find_or_make_slot(e, model_id, &slot, err);
  bool resident = !s && slot->state == VECD_MODEL_RESIDENT;
  if (resident) {
    slot->leaving = "as it was told to";
    pthread_cond_signal(&e->load);
  }
  vecd_engine_unlock(e);
  if (was_resident) *was_resident = resident;
  return s;
}

/* --- states */

const char *vecd_model_state_name(vecd_model_state state) {
  static const char *const names[] = {"available", "loading", "resident", "failed"};
  return names[state];
}

static void describe_model(const vecd_slot *slot, vecd_model_status *out) {
  vecd_info info;
  vecd_describe(slot->model, &info);
  out->resident_bytes = info.resident_bytes;
  out->dimension = info.dimension;
  out->full_dimension = (unsigned)vecd_model_full_dimension(slot->model);
  out->max_tokens = info.max_tokens;
  out->normalized = info.normalized;
  out->parameters = info.parameters;
  snprintf(out->architecture, sizeof out->architecture, "%s", info.architecture);
  snprintf(out->pooling, sizeof out->pooling, "%s", info.pooling);
  snprintf(out->precision, sizeof out->precision, "%s", info.precision);
  snprintf(out->isa, sizeof out->isa, "%s", info.isa);
}

void vecd_engine_model_status(vecd_engine *e, const char *id, vecd_model_status *out) {
  *out = (vecd_model_status){.state = VECD_MODEL_AVAILABLE};
  vecd_engine_lock(e);
  const vecd_slot *slot = vecd_slot_find(e, id);
  if (slot) {
    out->id = slot->id;
    out->state = slot->state;
    out->breaker_open = slot->breaker.open;
    out->users = slot->n_jobs;
    out->queued_texts = slot->queued_texts;
    out->queued_tokens = slot->queued_tokens;
    out->load_ms = slot->load_ms;
    out->last_used_ms = slot->last_used_ns ? (vecd_epoch_ns() - (vecd_now_ns() - slot->last_used_ns)) / 1000000u : 0;
    out->has_quality = slot->has_quality;
    out->quality_mean = slot->quality.mean;
    out->quality_least = slot->quality.least;
    out->fell_back = slot->fell_back;
    out->counts = slot->counts;
    if (slot->state == VECD_MODEL_FAILED)
      snprintf(out->error, sizeof out->error, "%.*s", (int)sizeof out->error - 1, slot->err.text);
    if (slot->model) describe_model(slot, out);
  }
  vecd_engine_unlock(e);
}

const char *vecd_engine_model_id(vecd_engine *e, size_t i) {
  vecd_engine_lock(e);
  const vecd_slot *slot = e->slots;
  while (slot && i--) slot = slot->next;
  vecd_engine_unlock(e);
  return slot ? slot->id : NULL;
}

void vecd_engine_status_get(vecd_engine *e, vecd_engine_status *out) {
  *out = (vecd_engine_status){.max_models = e->settings.max_models,
                              .max_bytes = e->settings.max_memory_bytes,
                              .max_queue_tokens = e->settings.max_queue_tokens};
  vecd_engine_lock(e);
  for (const vecd_slot *slot = e->slots; slot; slot = slot->next) {
    out->n_resident += slot->model != NULL;
    out->hits += slot->counts.hits;
    out->misses += slot->counts.misses;
    out->loads += slot->counts.loads;
    out->evictions += slot->counts.evictions;
  }
  out->used_bytes = vecd_engine_used_bytes(e, NULL);
  out->queued_jobs = e->n_jobs;
  out->queued_texts = e->queued_texts;
  out->queued_tokens = e->queued_tokens;
  out->expected_wait_s = vecd_engine_expected_wait_ns(e, false) / SECOND_NS;
  vecd_engine_unlock(e);
}
