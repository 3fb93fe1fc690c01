/* embed.c - parse, submit, print.
 *
 * Who prints: a small reply (up to SMALL_FLOATS, some 0.3 ms at worst) is printed by the engine's thread that completed the job,
 * into the one buffer that is sent. A large one would keep the workers from their next batch, or the event loop from its other
 * connections; it is streamed, the event loop pulling pieces of about PIECE_BYTES at the pace of the client. So at any time there
 * are the vectors, once, and one piece of text. */
#include "api/embed.h"

#include "api/call.h"
#include "api/json_print.h"
#include "base/clock.h"
#include "base/log.h"

#define SMALL_FLOATS ((size_t)16 << 10)
#define PIECE_BYTES  ((size_t)32 << 10)

#define FEW_TEXTS       64   /* their vectors need no promise */
#define USUAL_DIMENSION 1024 /* of a model that is not resident, */
#define MOST_DIMENSION  8192 /* and the most it may be counted with */
#define JSON_TEXT_BYTES 128  /* what a text takes as a JSON value, beside its characters */

/* In the request's arena. */
typedef struct embedding {
  vecd_api_call *call;
  const vecd_dialect *dialect;
  vecd_embed_request request;
  vecd_embed_reply reply;
  vecd_job job;
  size_t n_printed;                                          /* of a streamed reply */
  size_t promised_bytes;                                     /* of the vectors, until they are there and measured */
  char id[VECD_MODEL_ID_BYTES], name[VECD_MODEL_NAME_BYTES]; /* room for what the catalogue calls the model */
} embedding;

static void refuse(vecd_api_call *call, const vecd_err *err) {
  vecd_call_reply_error(call, vecd_status_http(err->code), err->text);
}

static vecd_http_piece print_piece(embedding *e, vecd_buf *out) {
  if (e->n_printed == 0) e->dialect->put_head(out, &e->reply);
  while (e->n_printed < e->reply.n_vectors) {
    if (out->len >= PIECE_BYTES) return VECD_HTTP_MORE;
    if (!e->dialect->put_vector(out, &e->reply, e->n_printed++)) return VECD_HTTP_ABORT;
  }
  e->dialect->put_tail(out, &e->reply);
  return VECD_HTTP_END;
}

static vecd_http_piece next_piece(void *ctx, vecd_http_request *req, vecd_buf *out) {
  (void)req;
  embedding *e = ctx;
  uint64_t begun_ns = vecd_now_ns();
  vecd_http_piece kind = print_piece(e, out);
  e->call->serialize_ns += vecd_now_ns() - begun_ns;
  return kind;
}

static void reply_whole(embedding *e) {
  const vecd_embed_reply *r = &e->reply;
  uint64_t begun_ns = vecd_now_ns();
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  size_t value_bytes = r->base64 ? VECD_PRINT_BASE64_BYTES : VECD_PRINT_FLOAT_BYTES;
  vecd_buf_reserve(&body, r->n_vectors * r->dimension * value_bytes + 512); /* nearly always enough */
  e->dialect->put_head(&body, r);
  bool finite = true;
  for (size_t i = 0; finite && i < r->n_vectors; i++) finite = e->dialect->put_vector(&body, r, i);
  e->dialect->put_tail(&body, r);
  e->call->serialize_ns = vecd_now_ns() - begun_ns;
  vecd_free(e->job.vectors);
  e->job.vectors = NULL;
  if (finite) {
    vecd_call_reply(e->call, 200, &body);
  } else {
    vecd_buf_fini(&body);
    vecd_call_reply_error(e->call, 500, "a vector holds NaN or infinity: the model is damaged");
  }
}

/* Once a model: a vector that was cut means little where the model was not trained for it, and only its folder's truncate_dim and
 * its row in the catalogue tell us that it was. */
static void warn_of_cut(vecd_api_server *server, const vecd_job *job) {
  vecd_model_status status;
  vecd_engine_model_status(server->engine, job->model_id, &status);
  if (!status.dimension || status.full_dimension > status.dimension || job->dimension == status.dimension) return;
  vecd_catalogue *catalogue = vecd_registry_catalogue(server->registry);
  const vecd_catalogue_row *row = vecd_catalogue_get(catalogue, status.id);
  unsigned least = row ? row->least_dimension : 0;
  vecd_catalogue_unpin(&catalogue);
  if ((least && job->dimension >= least) || !vecd_once(&server->cut_models, status.id)) return;
  if (least)
    vecd_log(VECD_LOG_WARN, "%s: vectors are asked for in %zu of %u dimensions, the fewest they may be cut to are %u",
             status.id, job->dimension, status.dimension, least);
  else
    vecd_log(VECD_LOG_WARN,
             "%s: vectors are asked for in %zu of %u dimensions, but the model does not say that they may be cut", status.id,
             job->dimension, status.dimension);
}

static void give_back_promise(embedding *e) {
  vecd_admission_give(&e->call->server->admission, e->promised_bytes);
  e->promised_bytes = 0;
}

/* On an engine thread, or on the event thread while submitting. */
static void job_done(vecd_job *job) {
  embedding *e = job->user;
  give_back_promise(e);
  if (job->status == VECD_CANCELLED) {
    vecd_http_discard(e->call->req);
    return;
  }
  if (job->status) {
    refuse(e->call, &job->err);
    return;
  }
  if (job->options.dimensions) warn_of_cut(e->call->server, job);
  uint64_t n_tokens = 0;
  for (size_t i = 0; i < job->n_items; i++) n_tokens += job->items[i].n_tokens;
  e->call->n_tokens = n_tokens;
  e->reply = (vecd_embed_reply){
      .model_id = job->model_id,
      .model_name = vecd_registry_name_of(e->call->server->registry, job->model_id, e->name),
      .vectors = job->vectors,
      .n_vectors = job->n_items,
      .dimension = job->dimension,
      .items = job->items,
      .n_tokens = n_tokens,
      .base64 = e->request.base64,
  };
  if (job->n_items * job->dimension <= SMALL_FLOATS)
    reply_whole(e);
  else
    vecd_http_reply_stream(e->call->req, 200, "application/json", NULL, 0, next_piece, e);
}

static void on_cancel(vecd_api_call *call) {
  embedding *e = call->work;
  vecd_engine_cancel(call->server->engine, &e->job);
}

static void on_done(vecd_api_call *call) {
  embedding *e = call->work;
  give_back_promise(e);
  vecd_free(e->job.vectors);
  json_decref(e->request.body);
}

/* Promises what a request of many texts will take when it comes to be worked at. */
static vecd_status promise_vectors(embedding *e, vecd_err *err) {
  vecd_api_server *server = e->call->server;
  const vecd_job *job = &e->job;
  if (job->n_items <= FEW_TEXTS) return VECD_OK;
  vecd_model_status status;
  vecd_engine_model_status(server->engine, job->model_id, &status);
  size_t most = status.dimension ? status.full_dimension : MOST_DIMENSION, n_bytes;
  size_t dimension = job->options.dimensions ? job->options.dimensions : status.dimension ? status.dimension : USUAL_DIMENSION;
  if (dimension > most) dimension = most; /* the engine refuses more */
  if (__builtin_mul_overflow(job->n_items, dimension * sizeof(float) + JSON_TEXT_BYTES, &n_bytes) ||
      n_bytes > server->admission.most_bytes / 2)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                        "texts: %zu vectors of %zu values are over half of what all requests may take (--max-request-memory); "
                        "send fewer texts at a time",
                        job->n_items, dimension);
  if (!vecd_admission_take(&server->admission, n_bytes))
    return vecd_err_set(err, VECD_BUSY, VECD_NO_POS, VECD_NO_REQUEST_MEMORY);
  e->promised_bytes = n_bytes;
  return VECD_OK;
}

void vecd_embed_handle(vecd_api_call *call, const vecd_dialect *dialect) {
  vecd_api_server *server = call->server;
  vecd_err err;
  embedding *e = vecd_arena_zero(&call->req->arena, 1, sizeof *e);
  if (!e) {
    vecd_call_reply_error(call, 503, "out of memory");
    return;
  }
  e->call = call;
  e->dialect = dialect;
  call->work = e;
  call->on_done = on_done;
  if (dialect->parse(&server->limits, call->req->body, &call->req->arena, &e->request, &err)) {
    refuse(call, &err);
    return;
  }
  const char *model_id = e->request.model_id ? e->request.model_id : server->default_model;
  if (!model_id) {
    vecd_err_set(&err, VECD_BAD_SYNTAX, VECD_NO_POS,
                 "model: is missing, and this server has no default model; GET /api/v1/models lists what there is");
    refuse(call, &err);
    return;
  }
  model_id = vecd_registry_id_of(server->registry, model_id, e->id);
  e->job = (vecd_job){
      .model_id = model_id,
      .items = e->request.items,
      .n_items = e->request.n_items,
      .options = e->request.options,
      .done = job_done,
      .user = e,
  };
  call->model_id = model_id;
  call->n_texts = e->request.n_items;
  if (promise_vectors(e, &err)) {
    refuse(call, &err);
    return;
  }
  call->on_cancel = on_cancel;
  vecd_status status = vecd_engine_submit(server->engine, &e->job, &err);
  call->traffic_row = vecd_traffic_begin(&server->traffic, model_id);
  if (status) {
    call->on_cancel = NULL;
    refuse(call, &err);
  }
}
