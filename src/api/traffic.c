/* traffic.c - see traffic.h. The engine never takes a model away and numbers them as they come, so rows follow its numbering and
 * are looked up by asking it for those that are new. */
#include "api/traffic.h"

#include <string.h>

#include "base/mem.h"

static bool add_row(vecd_traffic *t, const char *model_id) {
  if (t->n_rows == t->cap) {
    size_t cap = t->cap ? 2 * t->cap : 8;
    vecd_traffic_row **rows = vecd_realloc(VECD_MEM_MISC, t->rows, cap * sizeof *rows);
    if (!rows) return false;
    t->rows = rows;
    t->cap = cap;
  }
  t->rows[t->n_rows] = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *t->rows[0]);
  if (!t->rows[t->n_rows]) return false;
  t->rows[t->n_rows++]->model_id = model_id;
  return true;
}

vecd_status vecd_traffic_init(vecd_traffic *t, vecd_engine *engine, vecd_err *err) {
  *t = (vecd_traffic){.engine = engine};
  if (!add_row(t, "")) return vecd_err_no_memory(err, "counts of requests", sizeof *t->rows[0]);
  t->lock_made = pthread_mutex_init(&t->lock, NULL) == 0;
  return t->lock_made ? VECD_OK : vecd_err_no_memory(err, "a lock", sizeof t->lock);
}

void vecd_traffic_fini(vecd_traffic *t) {
  for (size_t i = 0; i < t->n_rows; i++) vecd_free(t->rows[i]);
  vecd_free(t->rows);
  if (t->lock_made) pthread_mutex_destroy(&t->lock);
  *t = (vecd_traffic){0};
}

/* Lock held. */
static size_t find_row(vecd_traffic *t, const char *model_id) {
  for (size_t i = 1; i < t->n_rows; i++)
    if (strcmp(t->rows[i]->model_id, model_id) == 0) return i;
  for (const char *id; (id = vecd_engine_model_id(t->engine, t->n_rows - 1)) && add_row(t, id);)
    if (strcmp(id, model_id) == 0) return t->n_rows - 1;
  return 0;
}

size_t vecd_traffic_begin(vecd_traffic *t, const char *model_id) {
  pthread_mutex_lock(&t->lock);
  size_t row = find_row(t, model_id);
  if (row) t->rows[row]->in_flight++;
  pthread_mutex_unlock(&t->lock);
  return row;
}

void vecd_traffic_end(vecd_traffic *t, size_t row, int status, double duration_s, double serialize_s) {
  if (!status) status = VECD_TRAFFIC_CLIENT_GONE;
  vecd_assert(status >= VECD_TRAFFIC_LEAST_STATUS && status < VECD_TRAFFIC_LEAST_STATUS + VECD_TRAFFIC_N_STATUSES);
  pthread_mutex_lock(&t->lock);
  vecd_traffic_row *r = t->rows[row];
  if (row) r->in_flight--;
  r->by_status[status - VECD_TRAFFIC_LEAST_STATUS]++;
  vecd_histogram_add(&r->duration_seconds, VECD_HISTOGRAM_SECONDS, duration_s);
  if (status == 200) vecd_histogram_add(&r->serialize_seconds, VECD_HISTOGRAM_SECONDS, serialize_s);
  pthread_mutex_unlock(&t->lock);
}

void vecd_traffic_read(vecd_traffic *t, size_t row, vecd_traffic_row *out) {
  *out = (vecd_traffic_row){.model_id = ""};
  pthread_mutex_lock(&t->lock);
  if (row < t->n_rows) *out = *t->rows[row];
  pthread_mutex_unlock(&t->lock);
}
