/* call.c - answering, and the errands' thread. */
#include "api/call.h"

#include <stdio.h>

#include "api/json_print.h"
#include "base/clock.h"
#include "base/utf8.h"

#define JSON "application/json"

void vecd_call_reply(vecd_api_call *call, int status, vecd_buf *json) {
  vecd_http_reply(call->req, status, JSON, NULL, 0, json);
}

vecd_status vecd_call_model_id(vecd_api_call *call, vecd_span *out, vecd_err *err) {
  vecd_status s = vecd_http_percent_decode(&call->req->arena, call->rest, out, err);
  if (!s && vecd_utf8_valid_prefix(out->ptr, out->len) < out->len)
    s = vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "the model's id in the path is not valid UTF-8");
  return s;
}

static void add_text(vecd_log_field *fields, size_t *n, const char *name, const char *text) {
  if (text) fields[(*n)++] = (vecd_log_field){.name = name, .kind = VECD_LOG_TEXT, .text = text};
}

static void add_uint(vecd_log_field *fields, size_t *n, const char *name, uint64_t value) {
  if (value) fields[(*n)++] = (vecd_log_field){.name = name, .kind = VECD_LOG_UINT, .uint = value};
}

size_t vecd_call_fields(const vecd_api_call *call, int status, vecd_log_field fields[VECD_CALL_MOST_FIELDS]) {
  size_t n = 0;
  add_text(fields, &n, "request_id", call->trace.request_id);
  add_text(fields, &n, "trace_id", call->trace.trace_id);
  add_text(fields, &n, "span_id", call->trace.span_id);
  add_text(fields, &n, "peer", call->req->peer);
  add_text(fields, &n, "model", call->model_id);
  add_uint(fields, &n, "status", (uint64_t)status);
  double ms = (double)(vecd_now_ns() - call->req->begun_ns) / 1e6;
  fields[n++] = (vecd_log_field){.name = "duration_ms", .kind = VECD_LOG_MS, .ms = ms};
  add_uint(fields, &n, "texts", call->n_texts);
  add_uint(fields, &n, "tokens", call->n_tokens);
  add_uint(fields, &n, "sent_bytes", call->req->sent_bytes);
  return n;
}

/* Overload is not our fault and comes in floods: only other failures of ours are worth a line each. */
static void log_error(const vecd_api_call *call, int status, const char *text) {
  if (status < 500 || status == 503 || status == 504) return;
  const vecd_http_request *req = call->req;
  vecd_log_field fields[VECD_CALL_MOST_FIELDS];
  size_t n = vecd_call_fields(call, status, fields);
  vecd_log_with(VECD_LOG_WARN, fields, n, "%s %.*s: %s", vecd_http_method_name(req->method), VECD_PATH_SHOWN(req->path), text);
}

void vecd_call_reply_error(vecd_api_call *call, int status, const char *text) {
  char shown[sizeof((vecd_err *)0)->text];
  log_error(call, status, text);
  vecd_registry_public_text(call->server->registry, text, shown, sizeof shown);
  if (status != 429 && status != 503) {
    vecd_http_reply_error(call->req, status, shown); /* needs no memory */
    return;
  }
  char seconds[16];
  snprintf(seconds, sizeof seconds, "%u", vecd_engine_retry_after_s(call->server->engine, call->model_id));
  vecd_http_header retry = {VECD_SPAN("Retry-After"), vecd_span_of(seconds)};
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_print_error(&body, shown);
  vecd_http_reply(call->req, status, JSON, &retry, 1, &body);
}

static void *errands_main(void *arg) {
  vecd_errands *e = arg;
  pthread_mutex_lock(&e->lock);
  for (;;) {
    vecd_api_call *call = e->head;
    if (!call) {
      if (e->ending) break;
      pthread_cond_wait(&e->work, &e->lock);
      continue;
    }
    e->head = call->next;
    if (!e->head) e->tail = &e->head;
    pthread_mutex_unlock(&e->lock);
    call->errand(call);
    pthread_mutex_lock(&e->lock);
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

vecd_status vecd_errands_start(vecd_errands *e, vecd_err *err) {
  e->tail = &e->head;
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->work, NULL);
  e->has_lock = true;
  e->runs = pthread_create(&e->thread, NULL, errands_main, e) == 0;
  return e->runs ? VECD_OK : vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start a thread; raise the limit on processes");
}

void vecd_errands_add(vecd_errands *e, vecd_api_call *call, vecd_route_handler *errand) {
  call->next = NULL;
  call->errand = errand;
  pthread_mutex_lock(&e->lock);
  *e->tail = call;
  e->tail = &call->next;
  pthread_cond_signal(&e->work);
  pthread_mutex_unlock(&e->lock);
}

void vecd_errands_stop(vecd_errands *e) {
  if (!e->runs) return;
  pthread_mutex_lock(&e->lock);
  e->ending = true;
  pthread_cond_signal(&e->work);
  pthread_mutex_unlock(&e->lock);
  pthread_join(e->thread, NULL);
  e->runs = false;
}

void vecd_errands_fini(vecd_errands *e) {
  if (!e->has_lock) return;
  pthread_mutex_destroy(&e->lock);
  pthread_cond_destroy(&e->work);
  e->has_lock = false;
}
