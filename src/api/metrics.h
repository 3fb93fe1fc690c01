/* metrics.h - GET /metrics: what server, engine and process count, in the text format of Prometheus, version 0.0.4.
 *
 * One row of the table in metrics.c makes a metric; name, type and help text of each stand in docs/OPERATIONS.md too. Label values
 * come from models that exist, from our own lists and from statuses: there are never more than these. */
#ifndef VECD_API_METRICS_H
#define VECD_API_METRICS_H

#include "api/routes.h"
#include "api/traffic.h"
#include "base/buf.h"
#include "base/process.h"

/* One model's figures; of no model (id "") only `traffic` counts. */
typedef struct vecd_metrics_model {
  const char *id;
  vecd_model_status status;
  vecd_traffic_row traffic;
} vecd_metrics_model;

/* All that is printed, gathered beforehand. */
typedef struct vecd_metrics {
  bool ready;
  double start_time_s; /* since the epoch */
  vecd_http_stats http;
  vecd_engine_status engine;
  vecd_process process;
  const vecd_metrics_model *models; /* [n_models], the first that of no model */
  size_t n_models;
} vecd_metrics;

/* Appends the whole text. Any thread. */
void vecd_metrics_print(vecd_buf *out, const vecd_metrics *metrics);

/* The route's handler. Reads small files of /proc: for the errands' thread. */
void vecd_metrics_get(vecd_api_call *call);

#endif
