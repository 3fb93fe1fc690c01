/* scheduler.c - forms batches and encodes them.
 *
 * The thread is worker 0 of the team while a batch is encoded: as long as it is busy, jobs gather, so batches grow with the load
 * and a lone request never waits for company (unless a batch window is set). While there is less to do than fills a batch, none
 * grows larger than makes its tokens cheap: who shares a batch is answered at its end, so company costs time and must pay. */
#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mapping_guard.h"
#include "engine/engine_priv.h"

/* A batch may take so many times what its tokens have taken of late, beside batch_timeout_ms. */
#define ALLOWANCE 20.0

/* A job's piece is so many times smaller than a batch, unless there is nobody else. */
#define TURNS_OF_BATCH 4

/* Tokens of a batch are cheap when they cost at most so much more than in the best batches. */
#define CHEAP 1.1

/* The most tokens of batches of size i, the index into vecd_slot.ns_per_token_of. */
static size_t size_tokens(size_t i) { return (size_t)16 << i; }

static size_t size_of_batch(size_t n_tokens) {
  size_t i = 0;
  while (i + 1 < VECD_BATCH_SIZES && n_tokens > size_tokens(i)) i++;
  return i;
}

/* Tokens with which a batch needs no further job. Where more than a batch waits, of whatever model, that is a whole one: then it
 * matters how much is done, and how often each model has its turn. So it is where the operator lets requests wait for company. */
static size_t enough_tokens(const vecd_engine *e, const vecd_slot *slot) {
  double best = INFINITY;
  if (e->queued_tokens >= e->settings.batch_tokens || e->settings.batch_window_us) return e->settings.batch_tokens;
  for (size_t i = 0; i < VECD_BATCH_SIZES; i++)
    if (slot->ns_per_token_of[i] != 0) best = fmin(best, slot->ns_per_token_of[i]);
  for (size_t i = 0; i < VECD_BATCH_SIZES; i++)
    if (slot->ns_per_token_of[i] != 0 && slot->ns_per_token_of[i] <= CHEAP * best) return size_tokens(i);
  return e->settings.batch_tokens;
}

/* The first time a job's turn comes: what it asks for is made out with the model, and its vectors get their room. */
static vecd_status prepare(vecd_job *job, const vecd_model *model, vecd_err *err) {
  const vecd_job_options *o = &job->options;
  if (job->vectors) return VECD_OK;
  unsigned flags = o->flags, pooling = 0;
  const vecd_prompt *prompt = NULL;
  vecd_status s = vecd_model_check_dimension(model, o->dimensions, err);
  if (!s && o->pooling) s = vecd_model_pooling(model, o->pooling, &pooling, err);
  if (!s && (o->prompt || o->prompt_name)) {
    s = vecd_model_prompt(model, o->prompt, o->prompt_name, &job->priv.prompt, err);
    prompt = &job->priv.prompt;
  }
  if (s) return s;
  vecd_info info;
  vecd_describe(model, &info);
  if (o->dimensions && info.normalized && !(flags & VECD_RAW)) flags |= VECD_NORMALIZE; /* as its vectors are when whole */
  size_t n_floats, dimension = o->dimensions ? o->dimensions : vecd_model_dimension(model);
  bool fits = !__builtin_mul_overflow(job->n_items, dimension, &n_floats);
  job->vectors = fits ? vecd_alloc_array(VECD_MEM_REQUEST, n_floats, sizeof *job->vectors) : NULL;
  if (!job->vectors) return vecd_err_no_memory(err, "a request's vectors", job->n_items * dimension * sizeof(float));
  job->dimension = dimension;
  for (size_t i = 0; i < job->n_items; i++) {
    vecd_item *item = &job->items[i];
    item->vector = job->vectors + i * dimension;
    item->dimension = (unsigned)dimension;
    item->flags = flags;
    item->pooling = pooling;
    item->prompt = prompt;
  }
  return VECD_OK;
}

/* What the batch that is being formed goes on with; NULL: nothing. */
static vecd_job *next_job(const vecd_slot *slot, bool long_turn, bool is_first) {
  vecd_job *long_one = long_turn ? vecd_slot_next_long(slot) : NULL, *other = slot->ready.first;
  bool is_long = long_one && (is_first || !other || long_one->priv.submitted_ns < other->priv.submitted_ns);
  return is_long ? long_one : other;
}

/* Takes items of jobs in turn until the batch is full or there is no more. Long jobs do not join the others in their batches, so
 * that a short request never waits for more than one batch with long ones; but after a batch that passed them over they go first,
 * one at least and all that came before the others: where there is more to do than can be done, both kinds wait about as long. Of the
 * long ones those that have had a lot begin every other of these batches only. */
static size_t form_batch(vecd_engine *e, vecd_slot *slot) {
  size_t n = 0, tokens = 0, most = e->settings.batch_tokens, turn = most / TURNS_OF_BATCH, enough = enough_tokens(e, slot);
  bool long_turn = vecd_slot_has_long(slot) && (slot->long_first || !slot->ready.n), full = false, bulk = false;
  while (n < VECD_MODEL_MAX_ITEMS && tokens < most && !full) {
    vecd_job *job = next_job(slot, long_turn, n == 0);
    if (!job || (tokens >= enough && job != e->origins[n - 1].job)) break;
    unsigned char place = job->priv.place;
    vecd_slot_take_out(e, slot, job);
    vecd_err err;
    vecd_status s = prepare(job, slot->model, &err);
    if (s) {
      vecd_job_end(e, job, s, &err);
      continue;
    }
    size_t of_job = 0;
    while (job->priv.taken < job->n_items && n < VECD_MODEL_MAX_ITEMS && tokens < most && of_job < turn) {
      const vecd_item *item = &job->items[job->priv.taken];
      size_t guess = vecd_job_guess_tokens(slot, job, item);
      full = n && tokens + guess > most;
      if (full) break;
      vecd_job_begun(e, job);
      e->batch[n] = *item;
      e->origins[n++] = (vecd_batch_origin){job, job->priv.taken};
      vecd_job_item_taken(e, job, guess);
      tokens += guess;
      of_job += guess;
    }
    if (job->priv.taken < job->n_items) vecd_slot_put_back(e, slot, job, place, of_job);
    if (place == VECD_JOB_BULK && of_job) {
      bulk = true;
      slot->bulk_first = false;
    }
  }
  if (long_turn) slot->bulk_first = !bulk;
  slot->long_first = !long_turn && vecd_slot_has_long(slot);
  e->batch_tokens = tokens;
  return n;
}

/* The status of a job whose items are all done: that of the first that failed. */
static vecd_status judge(const vecd_job *job, const vecd_model *model, vecd_err *err) {
  size_t i = 0;
  while (i < job->n_items && !job->items[i].status) i++;
  if (i == job->n_items) return VECD_OK;
  if (job->items[i].status == VECD_TIMEOUT)
    return vecd_err_set(err, VECD_TIMEOUT, VECD_NO_POS,
                        "texts[%zu]: its batch took too long and was ended (--inference-timeout)", i);
  return vecd_item_explain(model, &job->items[i], "texts", i, err);
}

/* A fault that lies neither in the text nor in what was asked for. */
static bool is_ours(vecd_status s) { return s == VECD_BAD_MODEL || s == VECD_NO_MEMORY || s == VECD_INTERNAL; }

static double seconds(uint64_t ns) { return (double)ns / 1e9; }

/* A mean of late; 0: there was no value yet. */
static void follow(double *mean, double value) { *mean += (value - *mean) * (*mean != 0 ? 0.1 : 1); }

static void count_batch(vecd_engine *e, vecd_slot *slot, size_t n, const vecd_encode_times *times, uint64_t took_ns) {
  size_t n_ok = 0, n_ours = 0, n_late = 0;
  for (size_t i = 0; i < n; i++) {
    n_ok += e->batch[i].status == VECD_OK;
    n_ours += is_ours(e->batch[i].status);
    n_late += e->batch[i].status == VECD_TIMEOUT;
  }
  vecd_model_counts *c = &slot->counts;
  c->batches++;
  c->texts += n;
  c->tokens += times->n_tokens;
  c->timeouts += n_late > 0;
  vecd_histogram_add(&c->tokenize_seconds, VECD_HISTOGRAM_SECONDS, seconds(times->tokenize_ns));
  vecd_histogram_add(&c->encode_seconds, VECD_HISTOGRAM_SECONDS, seconds(times->forward_ns));
  vecd_histogram_add(&c->batch_texts, VECD_HISTOGRAM_COUNTS, (double)n);
  vecd_histogram_add(&c->batch_tokens, VECD_HISTOGRAM_COUNTS, (double)times->n_tokens);
  double ns_per_token = times->n_tokens ? (double)took_ns / (double)times->n_tokens : 0;
  if (!n_late && times->n_tokens) follow(&slot->ns_per_token_of[size_of_batch(times->n_tokens)], ns_per_token);
  if (n_late) /* it would have taken longer still: the next one like it shall have the time */
    slot->ns_per_token = fmax(slot->ns_per_token, ns_per_token);
  else if (times->n_tokens >= e->settings.batch_tokens / 8) /* of fewer, most of the time is not theirs */
    follow(&slot->ns_per_token, ns_per_token);
  if (!n_ok && !n_ours) return; /* says nothing of the model */
  c->batch_failures += !n_ok;
  if (vecd_breaker_note(&slot->breaker, n_ok > 0, vecd_now_ns())) {
    vecd_err err;
    size_t i = 0;
    while (!is_ours(e->batch[i].status)) i++;
    vecd_item_explain(slot->model, &e->batch[i], "batch", i, &err);
    c->breaker_opened++;
    vecd_log(VECD_LOG_ERROR,
             "model %s: %u batches have failed one after the other, so its requests are refused for a while: %s", slot->id,
             slot->breaker.n_failures, err.text);
  }
}

/* cut: a mapped file was cut short meanwhile, so that what was read is worth nothing. */
static void finish_batch(vecd_engine *e, vecd_slot *slot, size_t n, const vecd_encode_times *times, bool cut) {
  e->n_batches++;
  for (size_t i = 0; i < n; i++) {
    vecd_job *job = e->origins[i].job;
    job->items[e->origins[i].index] = e->batch[i];
    if (job->priv.batch != e->n_batches) {
      if (!job->priv.batch) vecd_histogram_add(&slot->counts.queue_seconds, VECD_HISTOGRAM_SECONDS, seconds(job->queued_ns));
      job->priv.batch = e->n_batches;
      job->tokenize_ns += times->tokenize_ns;
      job->encode_ns += times->forward_ns;
    }
    job->priv.finished++;
    job->priv.cut |= cut;
    job->priv.failed |= cut || e->batch[i].status != VECD_OK;
    if (job->priv.finished < job->priv.taken) continue;
    if (job->priv.finished < job->n_items && !job->priv.dropped && !job->priv.failed) continue;
    vecd_err err;
    vecd_status s = job->priv.dropped ? vecd_err_set(&err, VECD_CANCELLED, VECD_NO_POS, "cancelled by the client")
                    : job->priv.cut
                        ? vecd_err_set(&err, VECD_UNAVAILABLE, VECD_NO_POS,
                                       "a file of %s was cut short while it was in use; it is loaded anew", slot->id)
                        : judge(job, slot->model, &err);
    vecd_job_end(e, job, s, &err);
  }
}

/* The next resident model with a queue, after the one served last. Lock held. */
static vecd_slot *next_slot(const vecd_engine *e) {
  vecd_slot *start = e->last_served && e->last_served->next ? e->last_served->next : e->slots, *slot = start;
  if (!slot) return NULL;
  do {
    if (vecd_slot_has_work(slot)) return slot;
    slot = slot->next ? slot->next : e->slots;
  } while (slot != start);
  return NULL;
}

/* Waits while the slot's queue would not fill a batch and the window of the job in front is open. Lock held. */
static bool wait_for_company(vecd_engine *e, const vecd_slot *slot) {
  const vecd_job *job = slot->ready.first, *other = slot->long_jobs.first;
  if (!job || (other && other->priv.submitted_ns < job->priv.submitted_ns)) job = other;
  if (!job || slot->bulk.n) return false;
  uint64_t until = job->priv.submitted_ns + (uint64_t)e->settings.batch_window_us * 1000u;
  if (!e->settings.batch_window_us || slot->leaving || e->stopping || slot->queued_tokens >= e->settings.batch_tokens ||
      vecd_now_ns() >= until)
    return false;
  vecd_engine_wait(e, &e->work, until);
  return true;
}

static void run_batch(vecd_engine *e, vecd_slot *slot, size_t n) {
  vecd_encode_times times = {0};
  uint64_t begun = vecd_now_ns();
  slot->busy = true;
  atomic_store(&e->batch_stop, false);
  e->batch_due_ns = begun + vecd_engine_ms(e->settings.batch_timeout_ms) +
                    (uint64_t)(ALLOWANCE * slot->ns_per_token * (double)e->batch_tokens);
  if (e->batch_due_ns < e->keeper_wakes_ns) pthread_cond_signal(&e->tick);
  unsigned faults = vecd_mapping_guard_faults();
  vecd_engine_unlock(e);
  vecd_model_encode(slot->model, e->batch, n, &e->batch_stop, &times);
  vecd_busy_poll_touch(e->busy_poll);
  vecd_engine_lock(e);
  bool cut = vecd_mapping_guard_faults() != faults;
  e->batch_due_ns = 0;
  count_batch(e, slot, n, &times, vecd_now_ns() - begun);
  if (atomic_load(&e->batch_stop))
    vecd_log(VECD_LOG_WARN, "model %s: a batch of %zu texts was ended after %.1f s (--inference-timeout)", slot->id, n,
             seconds(vecd_now_ns() - begun));
  finish_batch(e, slot, n, &times, cut);
  slot->busy = false;
  if (cut) {
    vecd_log(VECD_LOG_ERROR, "model %s: a file was cut short while it was in use; it is loaded anew", slot->id);
    slot->leaving = "a file was cut short";
  }
}

void *vecd_scheduler_main(void *arg) {
  vecd_engine *e = arg;
  vecd_engine_lock(e);
  while (!e->ending) {
    vecd_slot *slot = next_slot(e);
    if (!slot) {
      vecd_engine_wait(e, &e->work, UINT64_MAX);
      continue;
    }
    if (wait_for_company(e, slot)) continue;
    e->last_served = slot;
    size_t n = form_batch(e, slot);
    if (n) run_batch(e, slot, n);
    if (slot->leaving && vecd_slot_is_idle(slot)) pthread_cond_signal(&e->load);
  }
  vecd_engine_unlock(e);
  return NULL;
}
