/* puller.c - gets models that the catalogue knows from the hub, one after the other, where the operator allows it. In a thread of its
 * own: a download takes minutes, and models that are here must go on loading meanwhile. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_priv.h"
#include "registry/hub.h"

#define TOLD_EVERY_NS 10000000000ull

bool vecd_engine_may_pull(const vecd_engine *e, const char *id) {
  return e->settings.hub && vecd_registry_is_on_hub(e->registry, id);
}

typedef struct watcher {
  vecd_engine *engine;
  const char *id;
  uint64_t told_ns;
} watcher;

static bool on_progress(void *ctx, const vecd_hub_progress *p) {
  watcher *w = ctx;
  uint64_t now = vecd_now_ns();
  if (p->note) vecd_log(VECD_LOG_WARN, "model %s: %s", w->id, p->note);
  if (p->total_bytes && now - w->told_ns >= TOLD_EVERY_NS) {
    vecd_log(VECD_LOG_INFO, "model %s: %.0f of %.0f MB downloaded, %.1f MB/s", w->id, (double)p->done_bytes / 1e6,
             (double)p->total_bytes / 1e6, p->bytes_per_s / 1e6);
    w->told_ns = now;
  }
  vecd_engine_lock(w->engine);
  bool stopping = w->engine->stopping;
  vecd_engine_unlock(w->engine);
  return !stopping;
}

static vecd_status pull(vecd_engine *e, const char *id, vecd_err *err) {
  watcher w = {.engine = e, .id = id, .told_ns = vecd_now_ns()};
  char *path = NULL;
  vecd_catalogue *catalogue = vecd_registry_catalogue(e->registry);
  const vecd_catalogue_row *row = vecd_catalogue_get(catalogue, id);
  vecd_log(VECD_LOG_INFO, "model %s is downloaded from %s", id, e->settings.hub->endpoint);
  vecd_status s = row && row->hf_path ? vecd_hub_pull(e->settings.hub, row->hf_path, NULL, on_progress, &w, &path, err)
                                      : vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s", id);
  vecd_catalogue_unpin(&catalogue);
  if (!s) vecd_log(VECD_LOG_INFO, "model %s was downloaded to %s", id, path);
  vecd_free(path);
  if (s == VECD_CANCELLED) return vecd_err_set(err, VECD_STOPPING, VECD_NO_POS, "shutting down");
  if (s == VECD_IO || s == VECD_BUSY)
    s = err->code = VECD_UNAVAILABLE; /* a hub that is down is no fault of ours, and may come back */
  return s ? vecd_err_context(err, s, "downloading %s", id) : s;
}

static vecd_slot *next_remote(const vecd_engine *e) {
  vecd_slot *found = NULL;
  for (vecd_slot *slot = e->slots; slot; slot = slot->next)
    if (slot->remote && (!found || slot->wanted < found->wanted)) found = slot;
  return found;
}

void *vecd_puller_main(void *arg) {
  vecd_engine *e = arg;
  vecd_engine_lock(e);
  while (!e->ending) {
    vecd_slot *slot = next_remote(e);
    if (!slot) {
      vecd_engine_wait(e, &e->pull, UINT64_MAX);
      continue;
    }
    vecd_err err;
    vecd_engine_unlock(e);
    vecd_status s = pull(e, slot->id, &err);
    vecd_engine_lock(e);
    slot->remote = false;
    if (s)
      vecd_slot_load_failed(e, slot, s, &err);
    else
      pthread_cond_signal(&e->load);
  }
  vecd_engine_unlock(e);
  return NULL;
}
