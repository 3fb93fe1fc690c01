/* slot.c - a model's slot and its queues. */
#include <math.h>

#include "base/clock.h"
#include "engine/engine_priv.h"

/* A job of more than that part of a batch is a long one. */
#define SHORT_OF_BATCH 8

/* A long one that has had so many batches' worth is bulk. */
#define BATCHES_OF_BULK 2

/* What a long one counts for others at the most. */
#define MOST_BATCHES_AHEAD 4

vecd_slot *vecd_slot_find(const vecd_engine *e, const char *id) {
  vecd_slot *slot = e->slots;
  while (slot && strcmp(slot->id, id) != 0) slot = slot->next;
  return slot;
}

/* English has some four to five bytes a token. */
size_t vecd_job_guess_tokens(const vecd_slot *slot, const vecd_job *job, const vecd_item *item) {
  size_t n_bytes = item->text.len + (job->options.prompt ? job->options.prompt->len : 0);
  size_t n = item->ids ? item->n_ids : n_bytes / 4 + 2, most = slot->max_tokens ? slot->max_tokens : 512;
  return n < most ? n : most;
}

bool vecd_job_is_short(const vecd_engine *e, const vecd_job *job) {
  bool is_long = job->priv.place == VECD_JOB_LONG || job->priv.place == VECD_JOB_BULK;
  return !is_long && job->priv.tokens_left <= e->settings.batch_tokens / SHORT_OF_BATCH;
}

size_t vecd_engine_queued_tokens(const vecd_engine *e, bool is_short) {
  if (!is_short) return e->queued_tokens;
  size_t n = 0;
  for (const vecd_slot *slot = e->slots; slot; slot = slot->next) n += slot->short_tokens;
  return n;
}

/* A short job waits for the short ones before it; each batch of them may have one of the long ones before it, and as many of every
 * other model with work. */
double vecd_engine_expected_wait_ns(const vecd_engine *e, bool is_short) {
  double all = 0, of_short = 0;
  unsigned n_busy = 0;
  for (const vecd_slot *slot = e->slots; slot; slot = slot->next) {
    all += slot->ns_per_token * (double)slot->ahead_tokens;
    of_short += slot->ns_per_token * (double)slot->short_tokens;
    n_busy += slot->ahead_tokens > 0;
  }
  return is_short ? fmin(all, 2 * n_busy * of_short) : all;
}

bool vecd_slot_has_long(const vecd_slot *slot) { return slot->long_jobs.n || slot->bulk.n; }

bool vecd_slot_has_work(const vecd_slot *slot) {
  return slot->state == VECD_MODEL_RESIDENT && (slot->ready.n || vecd_slot_has_long(slot));
}

bool vecd_slot_is_idle(const vecd_slot *slot) {
  return slot->state == VECD_MODEL_RESIDENT && !vecd_slot_has_work(slot) && !slot->busy;
}

/* What a job counts for others: all of it, but of a long one, which lets them pass, a few batches. */
static size_t ahead(const vecd_engine *e, const vecd_job *job) {
  size_t most = MOST_BATCHES_AHEAD * e->settings.batch_tokens;
  return job->priv.tokens_left < most ? job->priv.tokens_left : most;
}

static vecd_job_list *list_of(vecd_slot *slot, const vecd_job *job) {
  return job->priv.place == VECD_JOB_READY  ? &slot->ready
         : job->priv.place == VECD_JOB_LONG ? &slot->long_jobs
         : job->priv.place == VECD_JOB_BULK ? &slot->bulk
                                            : &slot->waiting;
}

static void put(vecd_engine *e, vecd_slot *slot, vecd_job *job, unsigned char place, bool first) {
  job->priv.place = place;
  vecd_job_list *list = list_of(slot, job);
  job->priv.prev = first ? NULL : list->last;
  job->priv.next = first ? list->first : NULL;
  *(job->priv.prev ? &job->priv.prev->priv.next : &list->first) = job;
  *(job->priv.next ? &job->priv.next->priv.prev : &list->last) = job;
  list->n++;
  slot->ahead_tokens += ahead(e, job);
  if (vecd_job_is_short(e, job)) slot->short_tokens += job->priv.tokens_left;
}

static void put_new(vecd_engine *e, vecd_slot *slot, vecd_job *job) {
  put(e, slot, job, vecd_job_is_short(e, job) ? VECD_JOB_READY : VECD_JOB_LONG, false);
}

void vecd_slot_take_out(vecd_engine *e, vecd_slot *slot, vecd_job *job) {
  if (job->priv.place == VECD_JOB_NOWHERE) return;
  vecd_job_list *list = list_of(slot, job);
  *(job->priv.prev ? &job->priv.prev->priv.next : &list->first) = job->priv.next;
  *(job->priv.next ? &job->priv.next->priv.prev : &list->last) = job->priv.prev;
  list->n--;
  slot->ahead_tokens -= ahead(e, job);
  if (vecd_job_is_short(e, job)) slot->short_tokens -= job->priv.tokens_left;
  job->priv.place = VECD_JOB_NOWHERE;
}

static void put_due(vecd_engine *e, vecd_job *job) {
  job->priv.next_due = NULL;
  job->priv.prev_due = e->due.last;
  *(e->due.last ? &e->due.last->priv.next_due : &e->due.first) = job;
  e->due.last = job;
  if (job->priv.submitted_ns + vecd_engine_ms(e->settings.request_timeout_ms) < e->keeper_wakes_ns)
    pthread_cond_signal(&e->tick);
}

void vecd_job_begun(vecd_engine *e, vecd_job *job) {
  if (job->priv.begun) return;
  job->priv.begun = true;
  job->queued_ns = vecd_now_ns() - job->priv.submitted_ns;
  if (!job->n_items) return;
  *(job->priv.prev_due ? &job->priv.prev_due->priv.next_due : &e->due.first) = job->priv.next_due;
  *(job->priv.next_due ? &job->priv.next_due->priv.prev_due : &e->due.last) = job->priv.prev_due;
}

static void ended(vecd_engine *e, vecd_job *job) {
  job->priv.next = NULL;
  *e->ended_end = job;
  e->ended_end = &job->priv.next;
}

void vecd_slot_take(vecd_engine *e, vecd_slot *slot, vecd_job *job) {
  job->priv.slot = slot;
  job->model_id = slot->id;
  job->priv.submitted_ns = vecd_now_ns();
  slot->last_used_ns = job->priv.submitted_ns;
  slot->n_jobs++;
  e->n_jobs++;
  slot->queued_texts += job->n_items;
  slot->queued_tokens += job->priv.tokens_left;
  e->queued_texts += job->n_items;
  e->queued_tokens += job->priv.tokens_left;
  if (job->n_items) put_due(e, job);
  if (slot->state == VECD_MODEL_RESIDENT && !slot->leaving) {
    slot->counts.hits++;
    if (!job->n_items) {
      vecd_job_end(e, job, VECD_OK, NULL);
      return;
    }
    put_new(e, slot, job);
    pthread_cond_signal(&e->work);
  } else {
    slot->counts.misses++;
    put(e, slot, job, VECD_JOB_WAITING, false);
    vecd_slot_want(e, slot);
  }
}

vecd_job *vecd_slot_next_long(const vecd_slot *slot) {
  bool is_bulk = slot->bulk.n && (slot->bulk_first || !slot->long_jobs.n);
  return (is_bulk ? &slot->bulk : &slot->long_jobs)->first;
}

void vecd_slot_put_back(vecd_engine *e, vecd_slot *slot, vecd_job *job, unsigned char place, size_t piece_tokens) {
  job->priv.tokens_had += piece_tokens;
  bool is_bulk = job->priv.tokens_had >= BATCHES_OF_BULK * e->settings.batch_tokens;
  put(e, slot, job, place == VECD_JOB_LONG && is_bulk ? VECD_JOB_BULK : place, piece_tokens == 0);
}

static void leave_queue(vecd_engine *e, vecd_slot *slot, size_t texts, size_t tokens) {
  slot->queued_texts -= texts;
  e->queued_texts -= texts;
  slot->queued_tokens -= tokens;
  e->queued_tokens -= tokens;
}

void vecd_job_item_taken(vecd_engine *e, vecd_job *job, size_t tokens) {
  if (tokens > job->priv.tokens_left) tokens = job->priv.tokens_left; /* guesses change when a limit becomes known */
  if (job->priv.taken + 1 == job->n_items) tokens = job->priv.tokens_left;
  job->priv.taken++;
  job->priv.tokens_left -= tokens;
  leave_queue(e, job->priv.slot, 1, tokens);
}

void vecd_job_end(vecd_engine *e, vecd_job *job, vecd_status status, const vecd_err *err) {
  vecd_slot *slot = job->priv.slot;
  vecd_slot_take_out(e, slot, job);
  vecd_job_begun(e, job);
  leave_queue(e, slot, job->n_items - job->priv.taken, job->priv.tokens_left);
  slot->n_jobs--;
  e->n_jobs--;
  slot->last_used_ns = vecd_now_ns();
  if (slot->state == VECD_MODEL_LOADING && !slot->waiting.n) pthread_cond_signal(&e->load); /* perhaps nobody waits any more */
  job->status = status;
  if (status && err) job->err = *err;
  job->priv.ended = true;
  ended(e, job);
}

void vecd_slot_serve_waiting(vecd_engine *e, vecd_slot *slot) {
  for (vecd_job *job; (job = slot->waiting.first);) {
    if (!job->n_items) {
      vecd_job_end(e, job, VECD_OK, NULL);
      continue;
    }
    vecd_slot_take_out(e, slot, job);
    put_new(e, slot, job);
  }
  if (vecd_slot_has_work(slot)) pthread_cond_signal(&e->work);
}

void vecd_slot_fail_jobs(vecd_engine *e, vecd_slot *slot, vecd_status status, const vecd_err *err) {
  for (vecd_job *job; (job = slot->waiting.first);) vecd_job_end(e, job, status, err);
  for (vecd_job *job; (job = slot->ready.first ? slot->ready.first : vecd_slot_next_long(slot));) {
    if (job->priv.taken == job->priv.finished) {
      vecd_job_end(e, job, status, err);
    } else { /* a piece of it is in the batch, whose end ends it */
      vecd_slot_take_out(e, slot, job);
      job->priv.dropped = true;
    }
  }
}

void vecd_slot_want(vecd_engine *e, vecd_slot *slot) {
  if (slot->wanted || (slot->state == VECD_MODEL_RESIDENT && !slot->leaving)) return;
  slot->wanted = ++e->n_wanted;
  if (slot->state == VECD_MODEL_AVAILABLE || slot->state == VECD_MODEL_FAILED) slot->state = VECD_MODEL_LOADING;
  pthread_cond_signal(&e->load);
}
