/* models.c - the models' facts as JSON. Of a resident model they are the engine's, of another they are read from its folder: a few
 * small files, anew each time, as the directories themselves; of one that is not here they are the catalogue's. */
#include "api/models.h"

#include "api/call.h"
#include "api/json_print.h"
#include "api/model_view.h"

static void put_model(vecd_api_call *call, const vecd_registry_entry *entry, vecd_buf *out) {
  const vecd_api_server *server = call->server;
  vecd_model_status status;
  vecd_model_view view;
  vecd_engine_model_status(server->engine, entry->id, &status);
  vecd_model_view_read(entry, &status, &view);
  char error[sizeof view.error];
  vecd_registry_public_text(server->registry, view.error, error, sizeof error);
  memcpy(view.error, error, sizeof error);
  vecd_model_view_print(&view, false, out);
  vecd_model_view_fini(&view);
}

static bool survey(vecd_api_call *call, vecd_registry_list *list) {
  vecd_err err;
  vecd_status s = vecd_registry_survey(call->server->registry, list, &err);
  if (s) vecd_call_reply_error(call, vecd_status_http(s), err.text);
  return s == VECD_OK;
}

void vecd_models_get(vecd_api_call *call) {
  vecd_registry_list list;
  if (!survey(call, &list)) return;
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append_str(&body, "{\"models\":[");
  for (size_t i = 0; i < list.n_entries; i++) {
    if (i) vecd_buf_append_char(&body, ',');
    put_model(call, &list.entries[i], &body);
  }
  vecd_buf_append_str(&body, "],\"default_model\":");
  vecd_print_str(&body, call->server->default_model);
  vecd_buf_append_char(&body, '}');
  vecd_registry_list_fini(&list);
  vecd_call_reply(call, 200, &body);
}

void vecd_models_get_one(vecd_api_call *call) {
  vecd_span id;
  vecd_err err;
  vecd_status s = vecd_call_model_id(call, &id, &err);
  if (s) {
    vecd_call_reply_error(call, vecd_status_http(s), err.text);
    return;
  }
  vecd_registry_list list;
  if (!survey(call, &list)) return;
  char room[VECD_MODEL_ID_BYTES];
  const char *called = vecd_registry_id_of(call->server->registry, id.ptr, room);
  const vecd_registry_entry *found = NULL;
  for (size_t i = 0; i < list.n_entries && !found; i++)
    if (strcmp(list.entries[i].id, called) == 0) found = &list.entries[i];
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  if (found) put_model(call, found, &body);
  vecd_registry_list_fini(&list);
  if (found) {
    vecd_call_reply(call, 200, &body);
  } else {
    vecd_err_set(&err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s", id.ptr);
    vecd_call_reply_error(call, 404, err.text);
  }
}
