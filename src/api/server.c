/* server.c - the server's life, and what happens to a request before and after its handler.
 *
 * Threads: the event thread (who calls run), the engine's, one that preloads and ends, one for errands. A request is refused as
 * early as its head allows (path, method, type and announced length), so nothing is uploaded for nothing. */
#include "api/server.h"

#include <stdio.h>
#include <time.h>

#include "api/call.h"
#include "api/json_print.h"
#include "base/clock.h"

#define MAX_BODY_BYTES ((size_t)32 << 20)
#define GRACE_MS       30000u

#define MAX_REQUEST_BYTES   ((size_t)512 << 20)
#define BODIES_AT_LEAST     4 /* as large as any may be, have room among all requests */
#define CHUNKED_PART        8
#define LEAST_CHUNKED_BYTES ((size_t)64 << 10)

/* --- requests */

static void refuse_with(vecd_http_request *req, int status, const char *name, const char *value, const char *text) {
  vecd_http_header header = {vecd_span_of(name), vecd_span_of(value)};
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  if (text) vecd_print_error(&body, text);
  vecd_http_reply(req, status, text ? "application/json" : NULL, &header, 1, &body);
}

static void refuse_unrouted(vecd_http_request *req, const vecd_route_match *match) {
  const char *method = vecd_http_method_name(req->method);
  char text[480];
  if (match->allow[0] && req->method == VECD_HTTP_OPTIONS) {
    refuse_with(req, 204, "Allow", match->allow, NULL);
  } else if (match->allow[0]) {
    snprintf(text, sizeof text, "method %s is not allowed for %.*s; it has %s", method, VECD_PATH_SHOWN(req->path),
             match->allow);
    refuse_with(req, 405, "Allow", match->allow, text);
  } else {
    snprintf(text, sizeof text, "no such path: %.*s (GET / lists what there is)", VECD_PATH_SHOWN(req->path));
    vecd_http_reply_error(req, 404, text);
  }
}

/* Refuses who may not do what is asked for. True: it was. */
static bool refuse_stranger(const vecd_api_server *s, vecd_http_request *req, const vecd_route *route) {
  vecd_denial denial = vecd_access_check(&s->access, route, req);
  if (denial.status == 401)
    refuse_with(req, 401, "WWW-Authenticate", "Bearer", denial.text);
  else if (denial.status)
    vecd_http_reply_error(req, denial.status, denial.text);
  return denial.status != 0;
}

/* Refuses, by its head, a request whose body will not be wanted. True: it was. */
static bool refuse_body(const vecd_api_server *s, vecd_http_request *req) {
  const vecd_span *type = vecd_http_header_find(req, "Content-Type"), *coding = vecd_http_header_find(req, "Content-Encoding");
  char text[160];
  if (req->method != VECD_HTTP_POST || (!req->content_length && !req->chunked)) return false;
  if (type && !vecd_content_type_is_json(*type)) {
    vecd_http_reply_error(req, 415, "Content-Type must be application/json, in UTF-8");
  } else if (coding && !vecd_span_eq_nocase(*coding, VECD_SPAN("identity"))) {
    vecd_http_reply_error(req, 415, "Content-Encoding is not understood; send application/json as it is");
  } else if (req->content_length > s->max_body_bytes) {
    snprintf(text, sizeof text, "request body has %llu bytes, at most %zu are taken (--max-body)",
             (unsigned long long)req->content_length, s->max_body_bytes);
    vecd_http_reply_error(req, 413, text);
  } else {
    return false;
  }
  return true;
}

/* Promises a body and its JSON values, which hold its text a second time. One whose length is not announced may have no more than
 * its part of what is left. False: there is no room. */
static bool admit_body(vecd_api_call *call) {
  vecd_http_request *req = call->req;
  size_t n_bytes = (size_t)req->content_length;
  if (req->chunked) {
    n_bytes = vecd_admission_left(&call->server->admission) / CHUNKED_PART;
    if (n_bytes > req->max_body_bytes) n_bytes = req->max_body_bytes;
    if (n_bytes < LEAST_CHUNKED_BYTES && n_bytes < req->max_body_bytes) return false;
    req->max_body_bytes = n_bytes;
  }
  if (!vecd_admission_take(&call->server->admission, 2 * n_bytes)) return false;
  call->promised_bytes = 2 * n_bytes;
  return true;
}

/* The body has come and is measured from now on: only its JSON values are still promised. */
static void body_has_come(vecd_api_call *call) {
  size_t left = call->req->body.len;
  if (!call->promised_bytes) return;
  vecd_admission_give(&call->server->admission, call->promised_bytes - left);
  call->promised_bytes = left;
}

static void on_head(void *ctx, vecd_http_request *req) {
  vecd_api_server *s = ctx;
  vecd_api_call *call = vecd_arena_zero(&req->arena, 1, sizeof *call);
  if (!call) {
    vecd_http_reply_error(req, 503, "out of memory");
    return;
  }
  vecd_route_match match;
  vecd_route_find(req->method, req->path, &match);
  call->server = s;
  call->req = req;
  call->route = match.route;
  call->rest = match.rest;
  req->user = call;
  vecd_trace_begin(&s->trace_source, req, &call->trace);
  req->reply_header = (vecd_http_header){VECD_SPAN("X-Request-Id"), vecd_span_of(call->trace.request_id)};
  if (!match.route)
    refuse_unrouted(req, &match);
  else if (!refuse_stranger(s, req, match.route) && !refuse_body(s, req) && !admit_body(call))
    vecd_call_reply_error(call, 429, VECD_NO_REQUEST_MEMORY);
}

static void on_request(void *ctx, vecd_http_request *req) {
  vecd_api_server *s = ctx;
  vecd_api_call *call = req->user;
  body_has_come(call);
  if (call->route->flags & VECD_ROUTE_READS_DISK)
    vecd_errands_add(&s->errands, call, call->route->handler);
  else
    call->route->handler(call);
}

static void on_cancel(void *ctx, vecd_http_request *req) {
  (void)ctx;
  vecd_api_call *call = req->user;
  if (call && call->on_cancel) call->on_cancel(call);
}

static void on_done(void *ctx, vecd_http_request *req) {
  (void)ctx;
  vecd_api_call *call = req->user;
  if (!call) return;
  if (call->route && (call->route->flags & VECD_ROUTE_EMBEDS))
    vecd_traffic_end(&call->server->traffic, call->traffic_row, req->status, (double)(vecd_now_ns() - req->begun_ns) / 1e9,
                     (double)call->serialize_ns / 1e9);
  if (vecd_log_enabled(VECD_LOG_DEBUG)) {
    vecd_log_field fields[VECD_CALL_MOST_FIELDS];
    size_t n = vecd_call_fields(call, req->status, fields);
    vecd_log_with(VECD_LOG_DEBUG, fields, n, "%s %.*s%s", vecd_http_method_name(req->method), VECD_PATH_SHOWN(req->path),
                  !req->status    ? ": the client left"
                  : req->complete ? ""
                                  : ": the reply is not whole");
  }
  if (call->on_done) call->on_done(call);
  vecd_admission_give(&call->server->admission, call->promised_bytes);
}

/* --- life */

/* VECD_OK where the model is here, or will be downloaded when it is asked for. */
static vecd_status look_for(const vecd_api_server *s, const vecd_hub_options *hub, const char *id, vecd_err *err) {
  char *path = NULL;
  vecd_status status = vecd_registry_find(s->registry, id, &path, err);
  vecd_free(path);
  return status == VECD_NOT_FOUND && hub && vecd_registry_is_on_hub(s->registry, id) ? VECD_OK : status;
}

/* Settles which model answers when none is named; server.h has the rule. */
static vecd_status choose_default(vecd_api_server *s, const vecd_api_settings *settings, vecd_err *err) {
  char room[VECD_MODEL_ID_BYTES];
  const char *asked = settings->default_model, *id = vecd_registry_id_of(s->registry, asked, room);
  const char *root = vecd_registry_root(s->registry);
  vecd_status status = look_for(s, settings->engine.hub, id, err);
  if (!status) {
    s->default_model = vecd_strdup(VECD_MEM_MISC, id);
    return s->default_model ? VECD_OK : vecd_err_no_memory(err, "the default model's id", strlen(id));
  }
  if (status != VECD_NOT_FOUND) return status;
  if (asked) return vecd_err_set(err, status, VECD_NO_POS, "Model not found: %s (models are looked for in %s)", id, root);
  vecd_registry_list list;
  if ((status = vecd_registry_scan(s->registry, &list, err))) return status;
  size_t n = list.n_entries;
  vecd_registry_list_fini(&list);
  if (n) return VECD_OK;
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS,
                      "no model to serve: neither %s nor any other is in %s; run tools/get_default_model.sh, let it be "
                      "downloaded with --allow-pull, or name a folder with -m",
                      id, root);
}

/* Every id of a setting must be a model that is there: a misspelt one would be noticed late, or never. */
static vecd_status check_ids(const vecd_api_server *s, const vecd_hub_options *hub, const char *flag, const char *const *ids,
                             size_t n, vecd_err *err) {
  vecd_status status = VECD_OK;
  for (size_t i = 0; i < n && !status; i++) status = look_for(s, hub, ids[i], err);
  return status ? vecd_err_context(err, status, "%s", flag) : VECD_OK;
}

static vecd_status check_settings(const vecd_api_server *s, const vecd_engine_settings *engine, vecd_err *err) {
  vecd_status status = check_ids(s, engine->hub, "--keep", engine->keep, engine->n_keep, err);
  for (size_t i = 0; i < engine->n_precisions && !status; i++)
    status = check_ids(s, engine->hub, "--model", &engine->precisions[i].id, 1, err);
  return status;
}

static vecd_status choose_preload(vecd_api_server *s, const vecd_api_settings *settings, vecd_err *err) {
  const char *const by_default[] = {s->default_model}, *const *ids = settings->preload ? settings->preload : by_default;
  size_t n = settings->preload ? settings->n_preload : s->default_model ? 1 : 0;
  size_t most = settings->engine.max_models ? settings->engine.max_models : SIZE_MAX;
  if (n > most)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                        "--preload: %zu models, but only %zu may be in memory (--max-models)", n, most);
  vecd_status status = check_ids(s, settings->engine.hub, "--preload", ids, n, err);
  if (status) return status;
  s->preload = vecd_alloc_zero(VECD_MEM_MISC, n + 1, sizeof *s->preload);
  if (!s->preload) return vecd_err_no_memory(err, "the server", n * sizeof *s->preload);
  for (; s->n_preload < n; s->n_preload++)
    if (!(s->preload[s->n_preload] = vecd_strdup(VECD_MEM_MISC, ids[s->n_preload])))
      return vecd_err_no_memory(err, "the server", n * sizeof *s->preload);
  return VECD_OK;
}

static vecd_status set_access(vecd_api_server *s, const vecd_api_settings *settings, vecd_err *err) {
  vecd_status status = vecd_keys_new(&settings->keys, "--api-key", &s->access.keys, err);
  if (!status) status = vecd_keys_new(&settings->admin_keys, "--admin-key", &s->access.admin_keys, err);
  s->access.protect_all = settings->protect_all;
  if (!status && settings->protect_all && !s->access.keys)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                        "--protect-all: there are no keys; give --api-key or --api-key-file");
  return status;
}

static vecd_status set_limits(vecd_api_server *s, const vecd_api_settings *settings, vecd_err *err) {
  s->max_body_bytes = settings->http.max_body_bytes ? settings->http.max_body_bytes : MAX_BODY_BYTES;
  s->grace_ms = settings->http.grace_ms ? settings->http.grace_ms : GRACE_MS;
  s->limits.max_texts = settings->max_texts ? settings->max_texts : VECD_API_MAX_TEXTS;
  s->limits.max_text_bytes = settings->max_text_bytes ? settings->max_text_bytes : VECD_API_MAX_TEXT_BYTES;
  s->limits.max_prompts_bytes = s->max_body_bytes;
  s->admission.most_bytes = settings->max_request_bytes ? settings->max_request_bytes : MAX_REQUEST_BYTES;
  if (s->admission.most_bytes / BODIES_AT_LEAST >= s->max_body_bytes) return VECD_OK;
  return vecd_err_set(
      err, VECD_BAD_ARGUMENT, VECD_NO_POS,
      "--max-request-memory: %zu bytes are not enough for bodies of %zu (--max-body); give at least %d times that",
      s->admission.most_bytes, s->max_body_bytes, BODIES_AT_LEAST);
}

static vecd_status build(vecd_api_server *s, const vecd_api_settings *settings, vecd_err *err) {
  vecd_http_settings http = settings->http;
  vecd_http_handler handler = {s, on_head, on_request, on_cancel, on_done};
  s->on_ready = settings->on_ready;
  s->ctx = settings->ctx;
  vecd_status status = set_limits(s, settings, err);
  http.max_body_bytes = s->max_body_bytes;
  http.grace_ms = s->grace_ms;
  if (!status) status = set_access(s, settings, err);
  if (!status) status = vecd_http_server_new(&http, &handler, &s->http, err);
  if (!status) status = choose_default(s, settings, err);
  if (!status) status = check_settings(s, &settings->engine, err);
  if (!status) status = choose_preload(s, settings, err);
  if (!status) status = vecd_engine_new(&settings->engine, s->registry, &s->engine, err);
  if (!status) status = vecd_traffic_init(&s->traffic, s->engine, err);
  if (!status) status = vecd_errands_start(&s->errands, err);
  return status;
}

vecd_status vecd_api_server_new(const vecd_api_settings *settings, vecd_registry *registry, vecd_api_server **out,
                                vecd_err *err) {
  vecd_api_server *s = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *s);
  if (!s) return vecd_err_no_memory(err, "the server", sizeof *s);
  s->registry = registry;
  s->start_time_s = (double)vecd_epoch_ns() / 1e9;
  vecd_trace_source_init(&s->trace_source);
  vecd_once_init(&s->cut_models);
  vecd_status status = build(s, settings, err);
  if (status)
    vecd_api_server_free(&s);
  else
    *out = s;
  return status;
}

static void *preload_main(void *arg) {
  vecd_api_server *s = arg;
  vecd_status status = VECD_OK;
  for (size_t i = 0; i < s->n_preload && !status; i++) {
    atomic_store(&s->n_preloaded, i);
    status = vecd_engine_preload(s->engine, s->preload[i], &s->load_err);
  }
  bool stopping = atomic_load(&s->stopping);
  if (!status && !stopping) {
    if (s->on_ready) s->on_ready(s->ctx);
    atomic_store(&s->ready, true);
  } else if (status && !stopping) {
    s->load_status = status;
    vecd_http_server_abort(s->http); /* run returns and tells */
  }
  atomic_store(&s->preload_ended, true);
  return NULL;
}

/* A load cannot be broken off: it has what is left of the grace period, or until that is cut short. */
static bool wait_for_preload(vecd_api_server *s) {
  uint64_t begun = atomic_load(&s->stopping_ns), most = begun + (uint64_t)s->grace_ms * 1000000u;
  if (!begun) return pthread_join(s->preloader, NULL), s->preloader_runs = false, true;
  while (!atomic_load(&s->preload_ended) && !atomic_load(&s->aborted) && vecd_now_ns() < most)
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  return atomic_load(&s->preload_ended);
}

vecd_status vecd_api_server_run(vecd_api_server *s, vecd_err *err) {
  char room[VECD_MODEL_ID_BYTES];
  if (!s->default_model)
    vecd_log(VECD_LOG_WARN, "no default model (%s is not in %s): every request must name one",
             vecd_registry_id_of(s->registry, NULL, room), vecd_registry_root(s->registry));
  s->preloader_runs = pthread_create(&s->preloader, NULL, preload_main, s) == 0;
  if (!s->preloader_runs) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start a thread; raise the limit on processes");
  vecd_status status = vecd_http_server_run(s->http, err);
  vecd_engine_stop(s->engine);
  bool ended = wait_for_preload(s);
  if (ended && s->load_status) {
    if (err) *err = s->load_err;
    return s->load_status;
  }
  return !status && !ended ? vecd_err_set(err, VECD_TIMEOUT, VECD_NO_POS, "stopped while a model was being loaded") : status;
}

static void note_stopping(vecd_api_server *s) {
  uint64_t never = 0;
  atomic_compare_exchange_strong(&s->stopping_ns, &never, vecd_now_ns());
  atomic_store(&s->stopping, true);
}

void vecd_api_server_stop(vecd_api_server *s) {
  note_stopping(s);
  vecd_http_server_stop(s->http);
}

void vecd_api_server_abort(vecd_api_server *s) {
  note_stopping(s);
  atomic_store(&s->aborted, true);
  vecd_http_server_abort(s->http);
}

/* The order is: whoever may answer a request ends first, then the requests. */
void vecd_api_server_free(vecd_api_server **server) {
  vecd_api_server *s = server ? *server : NULL;
  if (!s) return;
  if (s->preloader_runs) pthread_join(s->preloader, NULL);
  vecd_errands_stop(&s->errands);
  vecd_engine_free(&s->engine); /* may still have jobs whose end would be an errand */
  vecd_http_server_free(&s->http);
  vecd_traffic_fini(&s->traffic);
  vecd_errands_fini(&s->errands);
  vecd_access_fini(&s->access);
  for (size_t i = 0; i < s->n_preload; i++) vecd_free(s->preload[i]);
  vecd_free(s->preload);
  vecd_once_fini(&s->cut_models);
  vecd_free(s->default_model);
  vecd_free(s);
  *server = NULL;
}

vecd_status vecd_api_server_reload(vecd_api_server *s, vecd_err *err) {
  return s->access.keys ? vecd_keys_reload(s->access.keys, err) : VECD_OK;
}

unsigned vecd_api_server_port(const vecd_api_server *s, size_t index) { return vecd_http_server_port(s->http, index); }

const char *vecd_api_server_default_model(const vecd_api_server *s) { return s->default_model; }
