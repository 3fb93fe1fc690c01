/* residency.c - which models are in memory: loads those that are wanted, one after the other in the order in which they were asked
 * for, and evicts those used least lately to make room.
 *
 * Only this thread takes a model away, so it may look at one without the lock. Room is made before a model is opened, by an
 * estimate, and once more when its bytes are measured. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mapping_guard.h"
#include "engine/engine_priv.h"
#include "engine/hints.h"
#include "model/folder_facts.h"
#include "model/quality.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A model that failed to load is not tried again before some time has passed: a damaged folder must not keep this thread busy. */
#define FIRST_RETRY_NS 2000000000ull
#define MOST_RETRY_NS  300000000000ull

/* Texts that are encoded at a time while INT8 is measured: others have their turns in between. */
#define MEASURED_AT_A_TIME 8

#define MIB(bytes) ((double)(bytes) / 1048576.0) /* as --max-memory-mb counts */

static size_t resident_bytes(const vecd_model *model) {
  vecd_info info;
  vecd_describe(model, &info);
  return info.resident_bytes;
}

size_t vecd_engine_used_bytes(const vecd_engine *e, const vecd_slot *but) {
  size_t used = 0;
  for (const vecd_slot *slot = e->slots; slot; slot = slot->next)
    if (slot != but) used += slot->model ? resident_bytes(slot->model) : slot->reserved_bytes;
  return used;
}

static size_t count_resident(const vecd_engine *e, const vecd_slot *but) {
  size_t n = 0;
  for (const vecd_slot *slot = e->slots; slot; slot = slot->next) n += slot != but && slot->model;
  return n;
}

/* --- eviction */

static void evict(vecd_engine *e, vecd_slot *slot) {
  vecd_model *model = slot->model;
  const char *why = slot->leaving;
  double mb = MIB(resident_bytes(model));
  slot->model = NULL;
  slot->leaving = NULL;
  slot->state = slot->wanted ? VECD_MODEL_LOADING : VECD_MODEL_AVAILABLE;
  slot->counts.evictions++;
  vecd_engine_unlock(e);
  vecd_model_close(&model);
  vecd_log(VECD_LOG_INFO, "model %s was unloaded (%s), %.1f MiB", slot->id, why, mb);
  vecd_engine_lock(e);
}

static void go_for_another(vecd_slot *slot) {
  if (!slot->leaving) slot->leaving = "for another model";
}

/* Of those that may go the one that was used least lately. */
static vecd_slot *oldest(const vecd_engine *e, const vecd_slot *but, bool idle) {
  vecd_slot *found = NULL;
  for (vecd_slot *slot = e->slots; slot; slot = slot->next) {
    if (slot == but || !slot->model || slot->keep || (idle && !vecd_slot_is_idle(slot))) continue;
    if (slot->leaving && !idle) return slot;
    if (!found || slot->last_used_ns < found->last_used_ns) found = slot;
  }
  return found;
}

static bool has_room(const vecd_engine *e, const vecd_slot *slot, size_t bytes) {
  return count_resident(e, slot) < e->settings.max_models &&
         vecd_engine_used_bytes(e, slot) + bytes <= e->settings.max_memory_bytes;
}

static vecd_status too_large(const vecd_engine *e, const vecd_slot *slot, size_t bytes, vecd_err *err) {
  return vecd_err_set(err, VECD_UNAVAILABLE, VECD_NO_POS,
                      "%s needs %.0f MiB, all models together may have %.0f MiB (--max-memory-mb)", slot->id, MIB(bytes),
                      MIB(e->settings.max_memory_bytes));
}

/* Makes room for `slot`, waiting for models that are in use. Lock held.
 * VECD_OK; VECD_UNAVAILABLE there can be none; VECD_CANCELLED nobody waits for the model any more. */
static vecd_status make_room(vecd_engine *e, const vecd_slot *slot, size_t bytes, vecd_err *err) {
  if (bytes > e->settings.max_memory_bytes) return too_large(e, slot, bytes, err);
  while (!has_room(e, slot, bytes)) {
    vecd_slot *idle = oldest(e, slot, true), *any = oldest(e, slot, false);
    if (e->ending || !slot->waiting.n) return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "nobody waits for %s", slot->id);
    if (!any)
      return vecd_err_set(
          err, VECD_UNAVAILABLE, VECD_NO_POS,
          "%s needs %.0f MiB and a place; the models that are to be kept (--keep) have %.0f of %.0f MiB and %zu of %zu places",
          slot->id, MIB(bytes), MIB(vecd_engine_used_bytes(e, slot)), MIB(e->settings.max_memory_bytes),
          count_resident(e, slot), e->settings.max_models);
    go_for_another(idle ? idle : any);
    if (idle)
      evict(e, idle);
    else
      vecd_engine_wait(e, &e->load, UINT64_MAX);
  }
  return VECD_OK;
}

/* Idle models go until all that is left fits; of those in use the oldest goes when it is done. Lock held. */
static void give_back(vecd_engine *e, const vecd_slot *slot, size_t bytes) {
  for (vecd_slot *idle; !has_room(e, slot, bytes) && (idle = oldest(e, slot, true));) {
    go_for_another(idle);
    evict(e, idle);
  }
  vecd_slot *any = has_room(e, slot, bytes) ? NULL : oldest(e, slot, false);
  if (any) go_for_another(any);
}

/* --- files */

static void mark_file(XXH3_state_t *hash, const char *path, bool *all) {
  struct stat st;
  if (stat(path, &st) != 0) {
    *all = false;
    return;
  }
  uint64_t facts[3] = {(uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec};
  XXH3_64bits_update(hash, path, strlen(path) + 1);
  XXH3_64bits_update(hash, facts, sizeof facts);
}

/* 0: not all of them are there. */
static uint64_t mark_files(const vecd_model *model) {
  const vecd_model_folder *folder = vecd_model_folder_of(model);
  const char *const paths[] = {folder->config_path, folder->tokenizer_path, folder->weights_path};
  bool all = true;
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) mark_file(&hash, paths[i], &all);
  uint64_t value = XXH3_64bits_digest(&hash);
  return all ? value | 1 : 0;
}

/* Models whose files are others than when they were loaded go, so that the next job loads what is there now. One whose files are
 * gone stays: what it needs is in memory or mapped. Lock held, let go of meanwhile. */
static void check_files(vecd_engine *e) {
  e->check_files = false;
  for (vecd_slot *slot = e->slots; slot; slot = slot->next) {
    if (!slot->model || slot->leaving) continue;
    vecd_engine_unlock(e);
    uint64_t now = mark_files(slot->model);
    vecd_engine_lock(e);
    if (!now || now == slot->files_mark) continue;
    vecd_log(VECD_LOG_WARN, "model %s: its files have changed; it is loaded anew", slot->id);
    slot->leaving = "its files have changed";
  }
}

/* --- loading */

/* What the operator said of this model, or of all. */
static vecd_precision wanted_precision(const vecd_engine *e, const char *id) {
  for (size_t i = 0; i < e->settings.n_precisions; i++)
    if (strcmp(e->precisions[i].id, id) == 0) return e->precisions[i].precision;
  return e->precision;
}

static vecd_status open_model(vecd_engine *e, const char *id, const char *path, vecd_precision precision, vecd_model **out,
                              vecd_err *err) {
  unsigned faults = vecd_mapping_guard_faults();
  vecd_catalogue *catalogue = vecd_registry_catalogue(e->registry);
  const vecd_catalogue_row *row = vecd_catalogue_get(catalogue, id);
  vecd_model_hints hints = vecd_hints_of(id, row);
  vecd_status s = vecd_model_open(path, vecd_precision_of(row, precision), &e->kern, e->team, &hints, out, err);
  vecd_catalogue_unpin(&catalogue);
  if (!s && vecd_mapping_guard_faults() != faults) {
    vecd_model_close(out);
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: a file was cut short while it was read", path);
  }
  if (s == VECD_NOT_FOUND) s = err->code = VECD_BAD_MODEL; /* the model is there, a file of it is not */
  return s;
}

/* What the model will take. Where it cannot be told, the folder cannot be opened either: nobody has to go for it. */
static vecd_status estimate(vecd_engine *e, const char *id, const char *path, size_t *bytes, vecd_err *err) {
  vecd_catalogue *catalogue = vecd_registry_catalogue(e->registry);
  vecd_precision precision = vecd_precision_of(vecd_catalogue_get(catalogue, id), wanted_precision(e, id));
  vecd_catalogue_unpin(&catalogue);
  vecd_status s = vecd_folder_estimate_bytes(path, precision, &e->kern, vecd_team_size(e->team), bytes, err);
  if (s == VECD_NOT_FOUND) s = err->code = VECD_BAD_MODEL;
  return s;
}

static bool go_on(void *ctx, size_t n_done) {
  vecd_engine *e = ctx;
  (void)n_done;
  vecd_engine_lock(e);
  bool ending = e->ending;
  vecd_engine_unlock(e);
  return !ending;
}

/* Measures an INT8 model against FP32, which is opened for it and left to the caller. */
static vecd_status measure(vecd_engine *e, vecd_slot *slot, const char *path, vecd_model *int8, vecd_model **fp32,
                           vecd_quality_mark *mark, vecd_err *err) {
  vecd_quality quality;
  vecd_span texts[VECD_QUALITY_QUICK_MOST];
  size_t n = vecd_quality_quick_sample(texts);
  vecd_status s = open_model(e, slot->id, path, VECD_PRECISION_FP32, fp32, err);
  if (!s) s = vecd_quality_measure(*fp32, int8, texts, n, MEASURED_AT_A_TIME, go_on, e, &quality, err);
  if (s) return vecd_err_context(err, s, "measuring %s in 8 bits", slot->id);
  *mark = (vecd_quality_mark){quality.mean, quality.least};
  return VECD_OK;
}

/* The FP32 model is there beside the INT8 one while that is measured: both must fit into the budget. */
static bool have_room_for_both(vecd_engine *e, vecd_slot *slot, const vecd_model *int8) {
  size_t bytes = resident_bytes(int8) + vecd_encoder_parameters(vecd_model_encoder(int8)) * sizeof(float);
  bool fits = bytes <= e->settings.max_memory_bytes;
  if (!fits)
    vecd_log(VECD_LOG_WARN,
             "model %s: what 8 bits cost it is not measured: that needs %.0f MiB, all models together may have %.0f MiB "
             "(--max-memory-mb); 'vecd quality %s' measures it",
             slot->id, MIB(bytes), MIB(e->settings.max_memory_bytes), slot->id);
  vecd_engine_lock(e);
  slot->reserved_bytes = bytes;
  if (fits) give_back(e, slot, bytes);
  vecd_engine_unlock(e);
  return fits;
}

/* An INT8 model that was not asked for by name must be near enough to FP32, else *model becomes FP32. What was measured of these very
 * files is remembered. */
static vecd_status check_quality(vecd_engine *e, vecd_slot *slot, const char *path, vecd_model **model, bool may_fall_back,
                                 vecd_err *err) {
  char key[17];
  vecd_model *fp32 = NULL;
  vecd_quality_mark mark;
  vecd_status s = VECD_OK;
  snprintf(key, sizeof key, "%016" PRIx64, mark_files(*model));
  bool known = vecd_quality_memory_get(e->qualities, key, &mark);
  if (!known && may_fall_back && have_room_for_both(e, slot, *model)) {
    s = measure(e, slot, path, *model, &fp32, &mark, err);
    if (!s) vecd_quality_memory_put(e->qualities, key, mark);
    known = !s;
  }
  bool falls_back = known && may_fall_back && mark.mean < e->settings.min_similarity;
  if (falls_back) {
    vecd_log(VECD_LOG_WARN,
             "model %s: in 8 bits its vectors have a mean cosine of %.4f to those in float32, less than %.4f "
             "(--min-similarity): float32 is used",
             slot->id, mark.mean, e->settings.min_similarity);
    vecd_model_close(model);
    if (!fp32) s = open_model(e, slot->id, path, VECD_PRECISION_FP32, &fp32, err);
    *model = fp32;
    fp32 = NULL;
  }
  vecd_model_close(&fp32);
  vecd_engine_lock(e);
  slot->has_quality = known;
  slot->fell_back = falls_back;
  if (known) slot->quality = mark;
  vecd_engine_unlock(e);
  return s;
}

/* Opens the slot's model in its precision. Without the lock. */
static vecd_status load(vecd_engine *e, vecd_slot *slot, const char *path, vecd_model **model, vecd_err *err) {
  vecd_precision wanted = wanted_precision(e, slot->id);
  vecd_status s = open_model(e, slot->id, path, wanted, model, err);
  if (!s && vecd_encoder_precision(vecd_model_encoder(*model)) == VECD_PRECISION_INT8)
    s = check_quality(e, slot, path, model, wanted == VECD_PRECISION_AUTO, err);
  if (s) vecd_model_close(model);
  return s;
}

void vecd_slot_load_failed(vecd_engine *e, vecd_slot *slot, vecd_status s, const vecd_err *err) {
  slot->wanted = 0;
  if (s == VECD_CANCELLED) {
    slot->state = VECD_MODEL_AVAILABLE;
    return;
  }
  bool is_told = slot->waiting.n && !slot->queued_texts; /* who asked for the model alone is told, and tells */
  vecd_log(is_told || s == VECD_STOPPING ? VECD_LOG_DEBUG : VECD_LOG_WARN, "model %s cannot be loaded: %s", slot->id,
           err->text);
  slot->state = VECD_MODEL_FAILED;
  slot->err = *err;
  slot->counts.load_failures++;
  slot->retry_ns = vecd_now_ns() + vecd_backoff_ns(++slot->n_load_failures, FIRST_RETRY_NS, MOST_RETRY_NS);
  vecd_slot_fail_jobs(e, slot, s, err);
}

static void load_succeeded(vecd_engine *e, vecd_slot *slot, vecd_model *model, uint64_t took_ns) {
  vecd_info info;
  vecd_describe(model, &info);
  slot->model = model;
  slot->wanted = 0;
  slot->state = VECD_MODEL_RESIDENT;
  slot->leaving = NULL;
  slot->files_mark = mark_files(model);
  slot->max_tokens = info.max_tokens;
  slot->n_load_failures = 0;
  slot->breaker = (vecd_breaker){0};
  slot->last_used_ns = vecd_now_ns();
  slot->load_ms = (double)took_ns / 1e6;
  slot->counts.loads++;
  vecd_histogram_add(&slot->counts.load_seconds, VECD_HISTOGRAM_SECONDS, (double)took_ns / 1e9);
  vecd_log(VECD_LOG_INFO, "model %s was loaded in %.0f ms: %s, %.1f MiB", slot->id, slot->load_ms, info.precision,
           MIB(info.resident_bytes));
  vecd_slot_serve_waiting(e, slot);
}

/* Lock held, let go of while the model is opened. */
static void serve_wish(vecd_engine *e, vecd_slot *slot) {
  vecd_err err;
  vecd_model *model = NULL;
  char *path = NULL;
  uint64_t begun = vecd_now_ns(), took = 0;
  size_t bytes = 0;
  vecd_engine_unlock(e);
  vecd_status s = vecd_registry_find(e->registry, slot->id, &path, &err);
  if (!s) s = estimate(e, slot->id, path, &bytes, &err);
  bool remote = !path && s == VECD_NOT_FOUND && vecd_engine_may_pull(e, slot->id);
  vecd_engine_lock(e);
  if (remote && slot->waiting.n) {
    slot->remote = true;
    pthread_cond_signal(&e->pull);
    return;
  }
  if ((!s || remote) && !slot->waiting.n) s = vecd_err_set(&err, VECD_CANCELLED, VECD_NO_POS, "nobody waits for %s", slot->id);
  if (!s) s = make_room(e, slot, bytes, &err);
  if (!s) {
    slot->reserved_bytes = bytes;
    vecd_engine_unlock(e);
    begun = vecd_now_ns(); /* what it waited for room is not loading */
    s = load(e, slot, path, &model, &err);
    took = vecd_now_ns() - begun;
    vecd_engine_lock(e);
  }
  slot->reserved_bytes = 0;
  if (!s && resident_bytes(model) > e->settings.max_memory_bytes) {
    s = too_large(e, slot, resident_bytes(model), &err);
    vecd_engine_unlock(e);
    vecd_model_close(&model);
    vecd_engine_lock(e);
  }
  if (!s) give_back(e, slot, resident_bytes(model));
  if (s)
    vecd_slot_load_failed(e, slot, s, &err);
  else
    load_succeeded(e, slot, model, took);
  vecd_free(path);
}

static vecd_slot *next_to_go(const vecd_engine *e) {
  vecd_slot *slot = e->slots;
  while (slot && !(slot->leaving && vecd_slot_is_idle(slot))) slot = slot->next;
  return slot;
}

static vecd_slot *next_wanted(const vecd_engine *e) {
  vecd_slot *found = NULL;
  for (vecd_slot *slot = e->slots; slot; slot = slot->next)
    if (slot->wanted && slot->state == VECD_MODEL_LOADING && !slot->remote && (!found || slot->wanted < found->wanted))
      found = slot;
  return found;
}

void *vecd_loader_main(void *arg) {
  vecd_engine *e = arg;
  vecd_engine_lock(e);
  while (!e->ending) {
    vecd_slot *slot;
    if ((slot = next_to_go(e)))
      evict(e, slot);
    else if (e->check_files)
      check_files(e);
    else if ((slot = next_wanted(e)))
      serve_wish(e, slot);
    else
      vecd_engine_wait(e, &e->load, UINT64_MAX);
  }
  vecd_engine_unlock(e);
  return NULL;
}
