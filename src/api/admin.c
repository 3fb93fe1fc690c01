/* admin.c - see admin.h. A load is a job without texts. */
#include "api/admin.h"

#include "api/call.h"
#include "api/json_print.h"
#include "api/models.h"

static void refuse(vecd_api_call *call, const vecd_err *err) {
  vecd_call_reply_error(call, vecd_status_http(err->code), err->text);
}

/* A body says nothing here. One that seems to is refused, as an unknown field is elsewhere. */
static vecd_status check_body(const vecd_api_call *call, vecd_err *err) {
  vecd_span body = call->req->body;
  if (body.len == 0 || vecd_span_eq(body, VECD_SPAN("{}"))) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "request body: must be empty or {}");
}

/* On an engine thread, which must not read directories, as the answer does. */
static void loaded(vecd_job *job) {
  vecd_api_call *call = job->user;
  if (job->status == VECD_CANCELLED)
    vecd_http_discard(call->req);
  else if (job->status)
    refuse(call, &job->err);
  else
    vecd_errands_add(&call->server->errands, call, vecd_models_get_one);
}

static void on_cancel(vecd_api_call *call) { vecd_engine_cancel(call->server->engine, call->work); }

void vecd_admin_load(vecd_api_call *call) {
  vecd_err err;
  vecd_span id;
  vecd_job *job = vecd_arena_zero(&call->req->arena, 1, sizeof *job);
  vecd_status s = job ? check_body(call, &err) : vecd_err_no_memory(&err, "a request", sizeof *job);
  if (!s) s = vecd_call_model_id(call, &id, &err);
  if (!s) {
    *job = (vecd_job){.model_id = id.ptr, .done = loaded, .user = call};
    call->model_id = id.ptr;
    call->work = job;
    call->on_cancel = on_cancel;
    s = vecd_engine_submit(call->server->engine, job, &err);
    if (s) call->on_cancel = NULL;
  }
  if (s) refuse(call, &err);
}

void vecd_admin_unload(vecd_api_call *call) {
  vecd_err err;
  vecd_span id;
  char room[VECD_MODEL_ID_BYTES];
  bool was_resident = false;
  vecd_status s = check_body(call, &err);
  if (!s) s = vecd_call_model_id(call, &id, &err);
  if (!s) call->model_id = id.ptr;
  if (!s) s = vecd_engine_unload(call->server->engine, id.ptr, &was_resident, &err);
  if (s) {
    refuse(call, &err);
    return;
  }
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append_str(&body, "{\"id\":");
  vecd_print_str(&body, vecd_registry_id_of(call->server->registry, id.ptr, room));
  vecd_buf_append_str(&body, was_resident ? ",\"was_resident\":true}" : ",\"was_resident\":false}");
  vecd_call_reply(call, 200, &body);
}
