/* metrics.c - the table of metrics, and one walk through it. A row says what a metric is called, what it counts, and where the figure
 * stands in vecd_metrics or, where there is one for each model, in vecd_metrics_model. The few whose samples have further labels have
 * a function of their own. */
#include "api/metrics.h"

#include <inttypes.h>

#include "api/call.h"
#include "base/utf8.h"

typedef enum metric_type { COUNTER, GAUGE, HISTOGRAM } metric_type;

typedef enum figure {
  OWN,     /* a function prints the samples */
  UINT,    /* unsigned */
  U64,     /* uint64_t, and size_t where that is as long */
  REAL,    /* double */
  FLAG,    /* bool */
  SECONDS, /* vecd_histogram by VECD_HISTOGRAM_SECONDS */
  COUNTS,  /* by VECD_HISTOGRAM_COUNTS */
} figure;

/* Whose figure it is. TRAFFIC is also counted of requests for no model. */
typedef enum owner { SERVER, MODEL, TRAFFIC } owner;

typedef struct metric_row {
  const char *name;
  metric_type type;
  owner owner;
  figure figure;
  size_t offset;                 /* of the figure in what `owner` says */
  bool (*known)(const void *of); /* nullable: the sample is left out where this says false */
  void (*put)(vecd_buf *out, const struct metric_row *row, const vecd_metrics *m); /* of OWN */
  const char *help;
} metric_row;

/* --- samples */

static void put_label(vecd_buf *out, const char *name, const char *value, bool first) {
  vecd_span text = vecd_span_of(value);
  vecd_buf_printf(out, "%s%s=\"", first ? "{" : ",", name);
  while (text.len) {
    size_t n = vecd_utf8_valid_prefix(text.ptr, text.len);
    for (size_t i = 0; i < n; i++) {
      char c = text.ptr[i];
      if (c == '\\' || c == '"' || c == '\n') vecd_buf_append_char(out, '\\');
      vecd_buf_append_char(out, c == '\n' ? 'n' : c);
    }
    if (n == text.len) break;
    vecd_buf_append_str(out, "\xef\xbf\xbd");
    text = (vecd_span){text.ptr + n + 1, text.len - n - 1};
  }
  vecd_buf_append_char(out, '"');
}

static void put_real(vecd_buf *out, double value) { vecd_buf_printf(out, " %.12g\n", value); }
static void put_uint(vecd_buf *out, uint64_t value) { vecd_buf_printf(out, " %" PRIu64 "\n", value); }

/* name{model="id"; to be closed by the caller's '}'. */
static void begin_model(vecd_buf *out, const char *name, const char *suffix, const char *id) {
  vecd_buf_append_str(out, name);
  vecd_buf_append_str(out, suffix);
  put_label(out, "model", id, true);
}

static void put_histogram(vecd_buf *out, const char *name, const char *id, const vecd_histogram *h, double least) {
  uint64_t n = 0;
  for (size_t i = 0; i <= VECD_HISTOGRAM_BUCKETS; i++) {
    n += h->counts[i];
    begin_model(out, name, "_bucket", id);
    if (i < VECD_HISTOGRAM_BUCKETS)
      vecd_buf_printf(out, ",le=\"%.9g\"}", vecd_histogram_bound(least, i));
    else
      vecd_buf_append_str(out, ",le=\"+Inf\"}");
    put_uint(out, n);
  }
  begin_model(out, name, "_sum", id);
  vecd_buf_append_char(out, '}');
  put_real(out, h->sum);
  begin_model(out, name, "_count", id);
  vecd_buf_append_char(out, '}');
  put_uint(out, n);
}

static void put_figure(vecd_buf *out, const metric_row *row, const void *of) {
  const char *at = (const char *)of + row->offset;
  switch (row->figure) {
  case UINT: put_uint(out, *(const unsigned *)(const void *)at); break;
  case U64: put_uint(out, *(const uint64_t *)(const void *)at); break;
  case REAL: put_real(out, *(const double *)(const void *)at); break;
  case FLAG: put_uint(out, *(const bool *)(const void *)at); break;
  default: break;
  }
}

static void put_model(vecd_buf *out, const metric_row *row, const vecd_metrics_model *model) {
  if (row->known && !row->known(model)) return;
  bool seconds = row->figure == SECONDS;
  if (seconds || row->figure == COUNTS) {
    const void *at = (const char *)model + row->offset;
    put_histogram(out, row->name, model->id, at, seconds ? VECD_HISTOGRAM_SECONDS : VECD_HISTOGRAM_COUNTS);
    return;
  }
  begin_model(out, row->name, "", model->id);
  vecd_buf_append_char(out, '}');
  put_figure(out, row, model);
}

/* --- those with labels of their own */

static void put_build(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  (void)m;
  vecd_buf_append_str(out, row->name);
  put_label(out, "version", VECD_VERSION, true);
  vecd_buf_append_str(out, "} 1\n");
}

static void put_replies(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  for (unsigned i = 2; i < 6; i++) vecd_buf_printf(out, "%s{class=\"%uxx\"} %" PRIu64 "\n", row->name, i, m->http.replies[i]);
}

static void put_memory(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  (void)m;
#define X(tag, text) vecd_buf_printf(out, "%s{tag=\"" text "\"} %zu\n", row->name, vecd_mem_bytes(VECD_MEM_##tag));
  VECD_MEM_TAG_LIST(X)
#undef X
}

static void put_requests(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  for (size_t i = 0; i < m->n_models; i++)
    for (unsigned k = 0; k < VECD_TRAFFIC_N_STATUSES; k++) {
      uint64_t n = m->models[i].traffic.by_status[k];
      if (!n) continue;
      begin_model(out, row->name, "", m->models[i].id);
      vecd_buf_printf(out, ",status=\"%u\"} %" PRIu64 "\n", k + VECD_TRAFFIC_LEAST_STATUS, n);
    }
}

static void put_states(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  static const vecd_model_state states[] = {VECD_MODEL_AVAILABLE, VECD_MODEL_LOADING, VECD_MODEL_RESIDENT, VECD_MODEL_FAILED};
  for (size_t i = 1; i < m->n_models; i++)
    for (size_t k = 0; k < sizeof states / sizeof *states; k++) {
      begin_model(out, row->name, "", m->models[i].id);
      put_label(out, "state", vecd_model_state_name(states[k]), false);
      vecd_buf_printf(out, "} %d\n", m->models[i].status.state == states[k]);
    }
}

static void put_facts(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  for (size_t i = 1; i < m->n_models; i++) {
    const vecd_model_status *status = &m->models[i].status;
    if (!status->dimension) continue;
    begin_model(out, row->name, "", m->models[i].id);
    put_label(out, "precision", status->precision, false);
    put_label(out, "isa", status->isa, false);
    put_label(out, "architecture", status->architecture, false);
    vecd_buf_append_str(out, "} 1\n");
  }
}

static bool has_quality(const void *of) { return ((const vecd_metrics_model *)of)->status.has_quality; }
static bool has_memory(const void *of) { return ((const vecd_metrics *)of)->process.resident_bytes != 0; }
static bool has_open_fds(const void *of) { return ((const vecd_metrics *)of)->process.open_fds != 0; }
static bool has_max_fds(const void *of) { return ((const vecd_metrics *)of)->process.max_fds != UINT64_MAX; }

/* --- the table */

#define FIGURE(type, field) \
  _Generic(((type *)0)->field, unsigned : UINT, uint64_t : U64, double : REAL, bool : FLAG), offsetof(type, field)
#define OF_SERVER(field)  SERVER, FIGURE(vecd_metrics, field)
#define OF_MODEL(field)   MODEL, FIGURE(vecd_metrics_model, status.field)
#define OF_TRAFFIC(field) TRAFFIC, FIGURE(vecd_metrics_model, traffic.field)
#define SECONDS_OF(field) SECONDS, offsetof(vecd_metrics_model, field)
#define COUNTS_OF(field)  COUNTS, offsetof(vecd_metrics_model, field)

/* clang-format off */
static const metric_row metrics[] = {
  {"vecd_build_info", GAUGE, SERVER, OWN, 0, NULL, put_build, "1; the label has the version"},
  {"vecd_ready", GAUGE, OF_SERVER(ready), NULL, NULL, "1 while /health/ready is 200"},

  {"vecd_requests_total", COUNTER, TRAFFIC, OWN, 0, NULL, put_requests, "requests for vectors by status; 499: the client left first"},
  {"vecd_requests_in_flight", GAUGE, OF_TRAFFIC(in_flight), NULL, NULL, "requests for vectors whose reply is not sent yet"},
  {"vecd_request_duration_seconds", HISTOGRAM, TRAFFIC, SECONDS_OF(traffic.duration_seconds), NULL, NULL, "from a request's first byte until its reply was sent"},
  {"vecd_request_queue_seconds", HISTOGRAM, MODEL, SECONDS_OF(status.counts.queue_seconds), NULL, NULL, "a request's wait for its first batch, loads included"},
  {"vecd_request_serialize_seconds", HISTOGRAM, TRAFFIC, SECONDS_OF(traffic.serialize_seconds), NULL, NULL, "time to print a reply's vectors as JSON"},
  {"vecd_batch_tokenize_seconds", HISTOGRAM, MODEL, SECONDS_OF(status.counts.tokenize_seconds), NULL, NULL, "time to tokenize a batch"},
  {"vecd_batch_inference_seconds", HISTOGRAM, MODEL, SECONDS_OF(status.counts.encode_seconds), NULL, NULL, "time to compute a batch's vectors"},
  {"vecd_batch_texts", HISTOGRAM, MODEL, COUNTS_OF(status.counts.batch_texts), NULL, NULL, "texts in a batch"},
  {"vecd_batch_tokens", HISTOGRAM, MODEL, COUNTS_OF(status.counts.batch_tokens), NULL, NULL, "tokens in a batch"},
  {"vecd_texts_total", COUNTER, OF_MODEL(counts.texts), NULL, NULL, "texts encoded"},
  {"vecd_tokens_total", COUNTER, OF_MODEL(counts.tokens), NULL, NULL, "tokens encoded, special ones included"},
  {"vecd_batch_failures_total", COUNTER, OF_MODEL(counts.batch_failures), NULL, NULL, "batches that failed through no fault of their texts"},
  {"vecd_timeouts_total", COUNTER, OF_MODEL(counts.timeouts), NULL, NULL, "requests that waited too long, and batches that took too long"},
  {"vecd_breaker_open", GAUGE, OF_MODEL(breaker_open), NULL, NULL, "1 while requests are refused because the model failed again and again"},
  {"vecd_breaker_opened_total", COUNTER, OF_MODEL(counts.breaker_opened), NULL, NULL, "how often that began"},

  {"vecd_model_info", GAUGE, MODEL, OWN, 0, NULL, put_facts, "1 for a resident model; the labels say what it is"},
  {"vecd_model_state", GAUGE, MODEL, OWN, 0, NULL, put_states, "1 for the state the model is in"},
  {"vecd_model_resident_bytes", GAUGE, OF_MODEL(resident_bytes), NULL, NULL, "measured memory of a resident model"},
  {"vecd_model_users", GAUGE, OF_MODEL(users), NULL, NULL, "requests at work on the model or waiting for it"},
  {"vecd_model_queued_texts", GAUGE, OF_MODEL(queued_texts), NULL, NULL, "texts that wait"},
  {"vecd_model_queued_tokens", GAUGE, OF_MODEL(queued_tokens), NULL, NULL, "about how many tokens wait"},
  {"vecd_model_hits_total", COUNTER, OF_MODEL(counts.hits), NULL, NULL, "requests that found the model resident"},
  {"vecd_model_misses_total", COUNTER, OF_MODEL(counts.misses), NULL, NULL, "requests that had to wait for it to be loaded"},
  {"vecd_model_loads_total", COUNTER, OF_MODEL(counts.loads), NULL, NULL, "times the model was loaded"},
  {"vecd_model_load_failures_total", COUNTER, OF_MODEL(counts.load_failures), NULL, NULL, "times it could not be"},
  {"vecd_model_evictions_total", COUNTER, OF_MODEL(counts.evictions), NULL, NULL, "times it went: for room, for want of use, or by request"},
  {"vecd_model_load_seconds", HISTOGRAM, MODEL, SECONDS_OF(status.counts.load_seconds), NULL, NULL, "time of its loads"},
  {"vecd_model_similarity_mean", GAUGE, OF_MODEL(quality_mean), has_quality, NULL, "mean cosine of INT8 to FP32 over the built-in sample"},
  {"vecd_model_similarity_least", GAUGE, OF_MODEL(quality_least), has_quality, NULL, "least cosine of INT8 to FP32"},
  {"vecd_model_fell_back", GAUGE, OF_MODEL(fell_back), NULL, NULL, "1: it is FP32 because INT8 was too far off"},

  {"vecd_models_resident", GAUGE, OF_SERVER(engine.n_resident), NULL, NULL, "models in memory"},
  {"vecd_models_limit", GAUGE, OF_SERVER(engine.max_models), NULL, NULL, "how many there may be (--max-models)"},
  {"vecd_models_bytes", GAUGE, OF_SERVER(engine.used_bytes), NULL, NULL, "memory of all resident models"},
  {"vecd_models_limit_bytes", GAUGE, OF_SERVER(engine.max_bytes), NULL, NULL, "how much it may be (--max-memory-mb)"},
  {"vecd_queue_requests", GAUGE, OF_SERVER(engine.queued_jobs), NULL, NULL, "requests with texts that wait"},
  {"vecd_queue_tokens", GAUGE, OF_SERVER(engine.queued_tokens), NULL, NULL, "about how many tokens wait, all models together"},
  {"vecd_queue_limit_tokens", GAUGE, OF_SERVER(engine.max_queue_tokens), NULL, NULL, "how many may, before requests are refused with 429"},
  {"vecd_queue_expected_wait_seconds", GAUGE, OF_SERVER(engine.expected_wait_s), NULL, NULL, "how long a request that came now would wait"},

  {"vecd_http_connections_open", GAUGE, OF_SERVER(http.connections_open), NULL, NULL, "open connections"},
  {"vecd_http_connections_accepted_total", COUNTER, OF_SERVER(http.connections_accepted), NULL, NULL, "connections ever taken, the refused included"},
  {"vecd_http_connections_refused_total", COUNTER, OF_SERVER(http.connections_refused), NULL, NULL, "connections over the limit, or for want of memory or descriptors"},
  {"vecd_http_requests_total", COUNTER, OF_SERVER(http.requests), NULL, NULL, "requests whose head could be read"},
  {"vecd_http_replies_total", COUNTER, SERVER, OWN, 0, NULL, put_replies, "replies by class of status, all routes and malformed requests included"},
  {"vecd_http_cancelled_total", COUNTER, OF_SERVER(http.cancelled), NULL, NULL, "clients that left before their answer"},
  {"vecd_http_timeouts_total", COUNTER, OF_SERVER(http.timeouts), NULL, NULL, "clients cut off for sending or reading too slowly"},
  {"vecd_http_received_bytes_total", COUNTER, OF_SERVER(http.received_bytes), NULL, NULL, "bytes read from clients"},
  {"vecd_http_sent_bytes_total", COUNTER, OF_SERVER(http.sent_bytes), NULL, NULL, "bytes sent to clients"},

  {"vecd_memory_bytes", GAUGE, SERVER, OWN, 0, NULL, put_memory, "memory asked for and not given back, by use"},
  {"process_cpu_seconds_total", COUNTER, OF_SERVER(process.cpu_seconds), NULL, NULL, "processor time, user and system"},
  {"process_resident_memory_bytes", GAUGE, OF_SERVER(process.resident_bytes), has_memory, NULL, "resident memory"},
  {"process_virtual_memory_bytes", GAUGE, OF_SERVER(process.virtual_bytes), has_memory, NULL, "address space"},
  {"process_open_fds", GAUGE, OF_SERVER(process.open_fds), has_open_fds, NULL, "open file descriptors"},
  {"process_max_fds", GAUGE, OF_SERVER(process.max_fds), has_max_fds, NULL, "how many there may be"},
  {"process_start_time_seconds", GAUGE, OF_SERVER(start_time_s), NULL, NULL, "when the process began, in seconds since 1970"},
};
/* clang-format on */

static void put_metric(vecd_buf *out, const metric_row *row, const vecd_metrics *m) {
  static const char *const types[] = {"counter", "gauge", "histogram"};
  vecd_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, types[row->type]);
  if (row->figure == OWN) {
    row->put(out, row, m);
  } else if (row->owner != SERVER) {
    for (size_t i = row->owner == MODEL; i < m->n_models; i++) put_model(out, row, &m->models[i]);
  } else if (!row->known || row->known(m)) {
    vecd_buf_append_str(out, row->name);
    put_figure(out, row, m);
  }
}

void vecd_metrics_print(vecd_buf *out, const vecd_metrics *m) {
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) put_metric(out, &metrics[i], m);
}

/* --- the route */

static size_t count_models(vecd_engine *engine) {
  size_t n = 0;
  while (vecd_engine_model_id(engine, n)) n++;
  return n;
}

static void gather_models(vecd_api_server *s, vecd_metrics_model *models, size_t n) {
  models[0].id = "";
  vecd_traffic_read(&s->traffic, 0, &models[0].traffic);
  for (size_t i = 1; i < n; i++) {
    models[i].id = vecd_engine_model_id(s->engine, i - 1);
    vecd_engine_model_status(s->engine, models[i].id, &models[i].status);
    vecd_traffic_read(&s->traffic, i, &models[i].traffic);
  }
}

void vecd_metrics_get(vecd_api_call *call) {
  vecd_api_server *s = call->server;
  size_t n = count_models(s->engine) + 1; /* none is ever taken away */
  vecd_metrics_model *models = vecd_alloc_zero(VECD_MEM_HTTP, n, sizeof *models);
  if (!models) {
    vecd_call_reply_error(call, 503, "out of memory");
    return;
  }
  vecd_metrics m = {.ready = vecd_api_server_ready(s), .start_time_s = s->start_time_s, .models = models, .n_models = n};
  gather_models(s, models, n);
  vecd_http_server_stats(s->http, &m.http);
  vecd_engine_status_get(s->engine, &m.engine);
  vecd_process_read(&m.process);
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_metrics_print(&body, &m);
  vecd_free(models);
  vecd_http_reply(call->req, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0, &body);
}
