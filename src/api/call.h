/* call.h - one request on its way through this room, the server it belongs to, and the ways to answer it. */
#ifndef VECD_API_CALL_H
#define VECD_API_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/access.h"
#include "api/admission.h"
#include "api/embed.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/server.h"
#include "api/trace.h"
#include "api/traffic.h"
#include "base/log.h"

/* Lives in the request's arena, from on_head to on_done. */
struct vecd_api_call {
  vecd_api_server *server;
  vecd_http_request *req;
  const vecd_route *route;                /* NULL: there is none, and the call was answered by its head */
  vecd_span rest;                         /* of the path, for {id}; percent-encoded */
  void (*on_cancel)(vecd_api_call *call); /* nullable; event thread, while the answer is owed */
  void (*on_done)(vecd_api_call *call);   /* nullable; event thread, the last */
  void *work;                             /* the handler's */
  size_t promised_bytes;                  /* of the body and its JSON values; server.c's */
  vecd_route_handler *errand;             /* what the errands' thread is to do, */
  vecd_api_call *next;                    /* and the next in its queue */

  /* For log and metrics, filled in as they become known. */
  vecd_trace trace;
  const char *model_id; /* as asked for; NULL: none yet */
  size_t n_texts;
  uint64_t n_tokens, serialize_ns;
  size_t traffic_row;
};

/* For "%.*s": a path as messages and the log show it, without the query, which may hold what is nobody's business. */
#define VECD_PATH_SHOWN(path) (int)((path).len < 300 ? (path).len : 300), (path).ptr

#define VECD_CALL_MOST_FIELDS 10

/* What the log says of a call beside the message: ids, model, status (0: not known yet, left out), time so far, texts, tokens. The
 * number of fields, whose texts are the call's. */
size_t vecd_call_fields(const vecd_api_call *call, int status, vecd_log_field fields[VECD_CALL_MOST_FIELDS]);

/* A thread for handlers that may block (they read directories): one at a time, in order. */
typedef struct vecd_errands {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work;
  vecd_api_call *head, **tail;
  bool runs, ending, has_lock;
} vecd_errands;

struct vecd_api_server {
  vecd_registry *registry;
  vecd_engine *engine;
  vecd_http_server *http;
  char *default_model; /* NULL: none */
  vecd_embed_limits limits;
  vecd_trace_source trace_source;
  vecd_traffic traffic;
  double start_time_s; /* since the epoch */
  vecd_access access;
  vecd_admission admission;
  vecd_once_set cut_models; /* that have been warned of */
  size_t max_body_bytes;
  unsigned grace_ms;
  void (*on_ready)(void *ctx);
  void *ctx;

  char **preload; /* [n_preload] ids */
  size_t n_preload;
  atomic_size_t n_preloaded;

  vecd_errands errands;
  pthread_t preloader;
  bool preloader_runs;
  atomic_bool preload_ended; /* load_status and load_err are final */
  vecd_status load_status;
  vecd_err load_err;
  atomic_bool ready;            /* all of that is loaded */
  atomic_bool stopping;         /* vecd_api_server_stop() was called, */
  atomic_bool aborted;          /* or vecd_api_server_abort() */
  _Atomic uint64_t stopping_ns; /* when, 0: not yet */
};

/* True from when the default model is loaded (or there is none to load) until the server is told to stop. */
static inline bool vecd_api_server_ready(const vecd_api_server *s) {
  return atomic_load(&s->ready) && !atomic_load(&s->stopping);
}

VECD_CHECK vecd_status vecd_errands_start(vecd_errands *errands, vecd_err *err);

/* Has `errand`, which may block, called with the call. Any thread. After stop the call is left unanswered. */
void vecd_errands_add(vecd_errands *errands, vecd_api_call *call, vecd_route_handler *errand);

/* Does what is queued, then ends the thread. A zeroed one is legal. */
void vecd_errands_stop(vecd_errands *errands);
void vecd_errands_fini(vecd_errands *errands);

/* Answers with JSON. Takes the buffer's bytes; a failed one is a 503. The call may be gone when these return. */
void vecd_call_reply(vecd_api_call *call, int status, vecd_buf *json);

/* The model's id in a path: call->rest decoded into the request's arena, NUL-terminated. VECD_OK; VECD_BAD_SYNTAX; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_call_model_id(vecd_api_call *call, vecd_span *out, vecd_err *err);

/* Why a request is refused with 429 for want of memory. */
#define VECD_NO_REQUEST_MEMORY "overloaded: requests take all the memory they may (--max-request-memory); try again later"

/* Answers {"error":"..."}, with Retry-After where trying again helps (429, 503). Logs 500 and 501 with the text as it is, but
 * tells the client no path of this machine. */
void vecd_call_reply_error(vecd_api_call *call, int status, const char *text);

#endif
