/* traffic.h - requests for vectors as the API sees them, by model: what only it can count, since the engine knows neither
 * statuses nor bytes. The engine's own counts are beside these in GET /metrics.
 *
 * Only a model the engine knows has a row, so a client cannot make rows by asking for names. All functions are for any thread; one
 * lock is held for a few instructions. */
#ifndef VECD_API_TRAFFIC_H
#define VECD_API_TRAFFIC_H

#include <pthread.h>

#include "engine/engine.h"

#define VECD_TRAFFIC_LEAST_STATUS 200
#define VECD_TRAFFIC_N_STATUSES   400
#define VECD_TRAFFIC_CLIENT_GONE  499 /* counted where nothing was answered */

typedef struct vecd_traffic_row {
  const char *model_id; /* the engine's, "" for row 0 */
  uint64_t in_flight;
  uint64_t by_status[VECD_TRAFFIC_N_STATUSES]; /* [status - VECD_TRAFFIC_LEAST_STATUS] */
  vecd_histogram duration_seconds;             /* from a request's first byte until its reply was sent */
  vecd_histogram serialize_seconds;            /* printing vectors as JSON; successful requests only */
} vecd_traffic_row;

typedef struct vecd_traffic {
  vecd_engine *engine;
  pthread_mutex_t lock;
  /* rows[0]: of no model that exists; rows[i + 1]: of the engine's model number i. */
  vecd_traffic_row **rows;
  size_t n_rows, cap;
  bool lock_made;
} vecd_traffic;

/* engine: borrowed until fini. A zeroed one may be given to fini. VECD_OK; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_traffic_init(vecd_traffic *traffic, vecd_engine *engine, vecd_err *err);
void vecd_traffic_fini(vecd_traffic *traffic);

/* The engine was asked for model_id: the row's number, and one more is in flight there. 0 where there is no such model (or no
 * memory for a row), which counts nothing yet. */
size_t vecd_traffic_begin(vecd_traffic *traffic, const char *model_id);

/* The request is over. row: what begin gave, or 0 where it did not come to that; status: 0 for VECD_TRAFFIC_CLIENT_GONE. */
void vecd_traffic_end(vecd_traffic *traffic, size_t row, int status, double duration_s, double serialize_s);

/* A copy of a row; zeros where there is none. */
void vecd_traffic_read(vecd_traffic *traffic, size_t row, vecd_traffic_row *out);

#endif
