/* scheduler.c - the engine's two threads.
 *
 * The loader opens models, one at a time. The scheduler forms batches and is worker 0 of the team while they are encoded: as
 * long as it is busy, jobs gather, so batches grow with the load and a lone request never waits for company. */
#include <math.h>

#include "base/clock.h"
#include "engine/engine_priv.h"

void vecd_slot_push(vecd_slot *slot, vecd_job *job) {
  job->priv.next = NULL;
  *slot->tail = job;
  slot->tail = &job->priv.next;
  slot->n_jobs++;
}

static vecd_job *pop(vecd_slot *slot) {
  vecd_job *job = slot->head;
  if (!job) return NULL;
  slot->head = job->priv.next;
  if (!slot->head) slot->tail = &slot->head;
  slot->n_jobs--;
  return job;
}

/* Ends a job, which is in no queue and has no item in the batch. Lock held; done is called without it. */
static void end_job(vecd_engine *e, vecd_slot *slot, vecd_job *job, vecd_status status, const vecd_err *err) {
  size_t left = job->n_items - job->priv.taken;
  slot->n_queued_items -= left;
  e->n_queued_items -= left;
  job->status = status;
  if (status && err) job->err = *err;
  pthread_mutex_unlock(&e->lock);
  job->done(job);
  pthread_mutex_lock(&e->lock);
}

void vecd_slot_fail_jobs(vecd_engine *e, vecd_slot *slot, vecd_status status, const vecd_err *err) {
  for (vecd_job *job; (job = pop(slot));) end_job(e, slot, job, status, err);
}

static bool cancelled(const vecd_job *job) { return __atomic_load_n(&job->priv.cancelled, __ATOMIC_RELAXED); }

/* The job's vectors, made when its first piece is taken. */
static bool give_room(vecd_job *job, const vecd_model *model) {
  if (job->vectors) return true;
  job->dimension = vecd_model_dimension(model);
  size_t n_floats;
  if (__builtin_mul_overflow(job->n_items, job->dimension, &n_floats)) return false;
  job->vectors = vecd_alloc_array(VECD_MEM_REQUEST, n_floats, sizeof *job->vectors);
  return job->vectors != NULL;
}

/* About how many tokens an item has, before it is tokenized: English has some four to five bytes a token. */
static size_t guess_tokens(const vecd_item *item, const vecd_model *model) {
  size_t n = item->ids ? item->n_ids : item->text.len / 4 + 2, most = vecd_model_max_tokens(model);
  return n < most ? n : most;
}

/* Takes items of jobs in turn until the batch is full or the queue is empty. A job that has had a piece and has more goes to
 * the back. Lock held (let go of while a job is ended). */
static size_t form_batch(vecd_engine *e, vecd_slot *slot) {
  size_t n = 0, tokens = 0, most = e->settings.batch_tokens, turn = most / 4;
  while (n < VECD_MODEL_MAX_ITEMS && tokens < most && slot->head) {
    vecd_job *job = pop(slot);
    if (cancelled(job) || !give_room(job, slot->model)) {
      vecd_err err;
      vecd_status s = cancelled(job) ? vecd_err_set(&err, VECD_CANCELLED, VECD_NO_POS, "cancelled by the client")
                                     : vecd_err_no_memory(&err, "a request's vectors", job->n_items * job->dimension * 4);
      if (job->priv.taken == job->priv.finished)
        end_job(e, slot, job, s, &err);
      else
        job->priv.dropped = true; /* a piece of it is in this very batch */
      continue;
    }
    size_t of_job = 0;
    while (job->priv.taken < job->n_items && n < VECD_MODEL_MAX_ITEMS && tokens < most && of_job < turn) {
      vecd_item *item = &job->items[job->priv.taken];
      item->vector = job->vectors + job->priv.taken * job->dimension;
      size_t guess = guess_tokens(item, slot->model);
      if (n && tokens + guess > most) {
        tokens = most;
        break;
      }
      e->batch[n] = *item;
      e->origins[n++] = (vecd_batch_origin){job, job->priv.taken++};
      slot->n_queued_items--;
      e->n_queued_items--;
      tokens += guess;
      of_job += guess;
    }
    if (job->priv.taken < job->n_items) vecd_slot_push(slot, job);
  }
  return n;
}

/* The status of a job whose items are all done: that of the first that failed. */
static vecd_status judge(const vecd_job *job, const vecd_model *model, vecd_err *err) {
  for (size_t i = 0; i < job->n_items; i++)
    if (job->items[i].status) return vecd_item_explain(model, &job->items[i], "texts", i, err);
  return VECD_OK;
}

static void finish_batch(vecd_engine *e, vecd_slot *slot, size_t n) {
  for (size_t i = 0; i < n; i++) {
    vecd_job *job = e->origins[i].job;
    job->items[e->origins[i].index] = e->batch[i];
    slot->n_items++;
    slot->n_tokens += e->batch[i].n_tokens;
    job->priv.finished++;
    if (job->priv.finished < (job->priv.dropped ? job->priv.taken : job->n_items)) continue;
    vecd_err err;
    vecd_status s = job->priv.dropped ? vecd_err_set(&err, VECD_CANCELLED, VECD_NO_POS, "cancelled by the client")
                                      : judge(job, slot->model, &err);
    end_job(e, slot, job, s, &err);
  }
}

/* The next resident model with a queue, after the one served last. Lock held. */
static vecd_slot *next_slot(const vecd_engine *e) {
  vecd_slot *start = e->last_served && e->last_served->next ? e->last_served->next : e->slots, *slot = start;
  if (!slot) return NULL;
  do {
    if (slot->state == VECD_MODEL_RESIDENT && slot->head) return slot;
    slot = slot->next ? slot->next : e->slots;
  } while (slot != start);
  return NULL;
}

void *vecd_scheduler_main(void *arg) {
  vecd_engine *e = arg;
  pthread_mutex_lock(&e->lock);
  while (!e->ending) {
    vecd_slot *slot = next_slot(e);
    if (!slot) {
      pthread_cond_wait(&e->work, &e->lock);
      continue;
    }
    e->last_served = slot;
    size_t n = form_batch(e, slot);
    if (!n) continue;
    pthread_mutex_unlock(&e->lock);
    vecd_model_encode(slot->model, e->batch, n, NULL);
    pthread_mutex_lock(&e->lock);
    finish_batch(e, slot, n);
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

static vecd_status load(vecd_engine *e, const char *id, vecd_model **model, vecd_err *err) {
  char *path = NULL;
  vecd_status s = vecd_registry_find(e->registry, id, &path, err);
  if (!s && (s = vecd_model_open(path, e->precision, &e->kern, e->team, model, err)) == VECD_NOT_FOUND)
    s = err->code = VECD_BAD_MODEL; /* the model is there, a file of it is not */
  vecd_free(path);
  return s;
}

void *vecd_loader_main(void *arg) {
  vecd_engine *e = arg;
  pthread_mutex_lock(&e->lock);
  while (!e->ending) {
    vecd_slot *slot = e->slots;
    while (slot && slot->state != VECD_MODEL_LOADING) slot = slot->next;
    if (!slot) {
      pthread_cond_wait(&e->load, &e->lock);
      continue;
    }
    pthread_mutex_unlock(&e->lock);
    vecd_err err;
    vecd_model *model = NULL;
    uint64_t begun = vecd_now_ns();
    vecd_status s = load(e, slot->id, &model, &err);
    pthread_mutex_lock(&e->lock);
    slot->load_ms = (double)(vecd_now_ns() - begun) / 1e6;
    slot->state = s ? VECD_MODEL_FAILED : VECD_MODEL_RESIDENT;
    slot->model = model;
    if (s) {
      slot->failed_ns = vecd_now_ns();
      slot->err = err;
      vecd_slot_fail_jobs(e, slot, s, &err);
    }
    pthread_cond_broadcast(&e->changed);
    pthread_cond_signal(&e->work);
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}
