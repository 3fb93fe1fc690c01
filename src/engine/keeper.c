/* keeper.c - looks at the clock, all of it monotonic: jobs that waited too long for their first batch, a batch that takes too long,
 * models that nobody used for a while or whose files may have changed.
 *
 * While there are jobs it looks at least every TICK_MS; an idle engine sleeps until a model has been idle long enough. */
#include "base/clock.h"
#include "engine/engine_priv.h"

#define TICK_MS  500
#define FILES_MS 2000

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Ends what has waited too long. Gives the time at which the next one will have. */
static uint64_t end_late_jobs(vecd_engine *e, uint64_t now) {
  uint64_t most = vecd_engine_ms(e->settings.request_timeout_ms);
  for (vecd_job *job; (job = e->due.first);) {
    if (job->priv.submitted_ns + most > now) return job->priv.submitted_ns + most;
    const vecd_slot *slot = job->priv.slot;
    vecd_err err;
    vecd_err_set(&err, VECD_TIMEOUT, VECD_NO_POS, "waited for %.1f s without a turn (--request-timeout): %s %s",
                 (double)(now - job->priv.submitted_ns) / 1e9, slot->id,
                 slot->state == VECD_MODEL_RESIDENT && !slot->leaving ? "has too much to do" : "is still to be loaded");
    job->priv.slot->counts.timeouts++;
    vecd_job_end(e, job, VECD_TIMEOUT, &err);
  }
  return UINT64_MAX;
}

/* Models that were not used for keep_alive_s are to go. Gives the time at which the next one will be. */
static uint64_t retire_idle(vecd_engine *e, uint64_t now) {
  uint64_t most = (uint64_t)e->settings.keep_alive_s * 1000000000u, next = UINT64_MAX;
  for (vecd_slot *slot = e->slots; most && slot; slot = slot->next) {
    if (slot->keep || slot->leaving || !vecd_slot_is_idle(slot)) continue;
    if (slot->last_used_ns + most > now) {
      next = earlier(next, slot->last_used_ns + most);
    } else {
      slot->leaving = "not used for a while";
      pthread_cond_signal(&e->load);
    }
  }
  return next;
}

void *vecd_keeper_main(void *arg) {
  vecd_engine *e = arg;
  uint64_t files_looked_at = 0;
  vecd_engine_lock(e);
  while (!e->ending) {
    uint64_t now = vecd_now_ns(), next = end_late_jobs(e, now);
    next = earlier(next, retire_idle(e, now));
    if (e->batch_due_ns && now < e->batch_due_ns)
      next = earlier(next, e->batch_due_ns);
    else if (e->batch_due_ns)
      atomic_store(&e->batch_stop, true);
    if (e->n_jobs) next = earlier(next, now + vecd_engine_ms(TICK_MS));
    if (e->n_jobs && now - files_looked_at >= vecd_engine_ms(FILES_MS)) {
      files_looked_at = now;
      e->check_files = true;
      pthread_cond_signal(&e->load);
    }
    e->keeper_wakes_ns = next;
    vecd_engine_wait(e, &e->tick, next);
  }
  vecd_engine_unlock(e);
  return NULL;
}
