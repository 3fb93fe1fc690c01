/* models.c - the models' facts as JSON. Of a resident model they are the engine's, of another they are read from its folder:
 * a few small files, anew each time, as the directory itself. Keys are always the same; what is not known is null. */
#include "api/models.h"

#include "api/call.h"
#include "api/json_print.h"

static void put_model(vecd_api_call *call, const vecd_registry_entry *entry, vecd_buf *out) {
  const vecd_api_server *server = call->server;
  vecd_model_status status;
  vecd_engine_model_status(server->engine, entry->id, &status);
  vecd_info info = {.architecture = status.dimension ? status.architecture : NULL,
                    .pooling = status.dimension ? status.pooling : NULL,
                    .dimension = status.dimension,
                    .max_tokens = status.max_tokens,
                    .normalized = status.normalized,
                    .parameters = status.parameters};
  vecd_folder_facts folder;
  char error[512];
  vecd_public_text(server->registry, status.error, error, sizeof error);
  if (!info.dimension) {
    vecd_err err;
    if (vecd_folder_facts_read(entry->path, &folder, &err)) {
      status.state = VECD_MODEL_FAILED; /* as it would if it were asked for */
      vecd_public_text(server->registry, err.text, error, sizeof error);
    }
    if (folder.architecture[0])
      info = (vecd_info){.architecture = folder.architecture,
                         .pooling = folder.pooling,
                         .dimension = folder.dimension,
                         .max_tokens = folder.max_tokens,
                         .normalized = folder.normalized};
  }
  vecd_buf_append_str(out, "{\"id\":");
  vecd_print_str(out, entry->id);
  vecd_buf_append_str(out, ",\"name\":");
  vecd_print_str(out, vecd_model_name_of(entry->id));
  vecd_buf_append_str(out, ",\"state\":");
  vecd_print_str(out, vecd_model_state_name(status.state));
  vecd_buf_append_str(out, ",\"dimension\":");
  vecd_print_uint_or_null(out, info.dimension);
  vecd_buf_append_str(out, ",\"max_seq_length\":");
  vecd_print_uint_or_null(out, info.max_tokens);
  vecd_buf_append_str(out, ",\"size_mb\":");
  vecd_print_uint_or_null(out, (entry->weights_bytes + 500000) / 1000000);
  vecd_buf_append_str(out, ",\"architecture\":");
  vecd_print_str(out, info.architecture);
  vecd_buf_append_str(out, ",\"pooling\":");
  vecd_print_str(out, info.pooling);
  vecd_buf_append_str(out, ",\"normalized\":");
  vecd_buf_append_str(out, !info.architecture ? "null" : info.normalized ? "true" : "false");
  vecd_buf_append_str(out, ",\"parameters\":");
  vecd_print_uint_or_null(out, info.parameters);
  vecd_buf_append_str(out, ",\"resident_bytes\":");
  vecd_print_uint_or_null(out, status.resident_bytes);
  vecd_buf_append_str(out, ",\"error\":");
  vecd_print_str(out, error[0] ? error : NULL);
  vecd_buf_append_char(out, '}');
}

static bool scan(vecd_api_call *call, vecd_registry_list *list) {
  vecd_err err;
  vecd_status s = vecd_registry_scan(call->server->registry, list, &err);
  if (s) vecd_call_reply_error(call, vecd_status_http(s), err.text);
  return s == VECD_OK;
}

void vecd_models_get(vecd_api_call *call) {
  vecd_registry_list list;
  if (!scan(call, &list)) return;
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
  if (!scan(call, &list)) return;
  const vecd_registry_entry *found = NULL;
  for (size_t i = 0; i < list.n_entries && !found; i++)
    if (vecd_span_eq(vecd_span_of(list.entries[i].id), id)) found = &list.entries[i];
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
