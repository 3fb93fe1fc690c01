/* models.c - the models' facts as JSON. Of a resident model they are the engine's, of another they are read from its folder:
 * a few small files, anew each time, as the directory itself. Keys are always the same; what is not known is null. */
#include "api/models.h"

#include "api/call.h"
#include "api/json_print.h"
#include "base/utf8.h"
#include "fmt/model_folder.h"

typedef struct facts {
  const char *state;
  unsigned dimension, max_tokens;
  const char *architecture; /* NULL: the folder could not be read */
  char pooling[128];
  bool normalized;
  uint64_t parameters, resident_bytes;
  char error[512]; /* "" where there is none */
} facts;

static void copy_text(char *out, size_t cap, const char *text) {
  size_t n = strlen(text);
  if (n >= cap) n = cap - 1;
  memcpy(out, text, n);
  out[n] = '\0';
}

/* What config.json says in a number; 0 where it says nothing. */
static unsigned config_uint(const vecd_model_folder *folder, const char *key) {
  unsigned value = 0;
  vecd_err ignored; /* a nonsensical value is the loader's to complain of */
  if (vecd_json_get_uint(folder->config, folder->config_path, key, VECD_JSON_OPTIONAL, 1, 1u << 24, &value, &ignored)) return 0;
  return value;
}

static void facts_of_folder(const vecd_model_folder *folder, facts *out) {
  unsigned hidden = config_uint(folder, "hidden_size");
  out->dimension = (unsigned)vecd_model_folder_dimension(folder, hidden);
  unsigned n_positions = config_uint(folder, "max_position_embeddings");
  out->max_tokens = folder->max_tokens;
  if (n_positions && (!out->max_tokens || n_positions < out->max_tokens)) out->max_tokens = n_positions;
  out->normalized = vecd_model_folder_normalizes(folder, hidden);
  vecd_pooling_name(&folder->pooling, out->pooling, sizeof out->pooling);
}

static void put_model(vecd_api_call *call, const vecd_registry_entry *entry, vecd_buf *out) {
  const vecd_api_server *server = call->server;
  vecd_model_status status;
  vecd_engine_model_status(server->engine, entry->id, &status);
  facts f = {.state = vecd_model_state_name(status.state), .resident_bytes = status.resident_bytes};
  vecd_public_text(server->registry, status.error, f.error, sizeof f.error);
  vecd_model_folder folder;
  vecd_err err;
  bool opened = false;
  if (status.info.dimension) {
    f.dimension = status.info.dimension;
    f.max_tokens = status.info.max_tokens;
    f.architecture = status.info.architecture;
    copy_text(f.pooling, sizeof f.pooling, status.info.pooling);
    f.normalized = status.info.normalized != 0;
    f.parameters = status.info.parameters;
  } else if (vecd_model_folder_open(entry->path, &folder, &err) == VECD_OK) {
    opened = true;
    f.architecture = folder.model_type;
    facts_of_folder(&folder, &f);
  } else {
    f.state = vecd_model_state_name(VECD_MODEL_FAILED); /* as it would if it were asked for */
    vecd_public_text(server->registry, err.text, f.error, sizeof f.error);
  }
  vecd_buf_append_str(out, "{\"id\":");
  vecd_print_str(out, entry->id);
  vecd_buf_append_str(out, ",\"name\":");
  vecd_print_str(out, vecd_model_name_of(entry->id));
  vecd_buf_append_str(out, ",\"state\":");
  vecd_print_str(out, f.state);
  vecd_buf_append_str(out, ",\"dimension\":");
  vecd_print_uint_or_null(out, f.dimension);
  vecd_buf_append_str(out, ",\"max_seq_length\":");
  vecd_print_uint_or_null(out, f.max_tokens);
  vecd_buf_append_str(out, ",\"size_mb\":");
  vecd_print_uint_or_null(out, (entry->weights_bytes + 500000) / 1000000);
  vecd_buf_append_str(out, ",\"architecture\":");
  vecd_print_str(out, f.architecture);
  vecd_buf_append_str(out, ",\"pooling\":");
  vecd_print_str(out, f.pooling[0] ? f.pooling : NULL);
  vecd_buf_append_str(out, ",\"normalized\":");
  vecd_buf_append_str(out, !f.architecture ? "null" : f.normalized ? "true" : "false");
  vecd_buf_append_str(out, ",\"parameters\":");
  vecd_print_uint_or_null(out, f.parameters);
  vecd_buf_append_str(out, ",\"resident_bytes\":");
  vecd_print_uint_or_null(out, f.resident_bytes);
  vecd_buf_append_str(out, ",\"error\":");
  vecd_print_str(out, f.error[0] ? f.error : NULL);
  vecd_buf_append_char(out, '}');
  if (opened) vecd_model_folder_close(&folder);
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
  vecd_status s = vecd_http_percent_decode(&call->req->arena, call->rest, &id, &err);
  if (!s && vecd_utf8_valid_prefix(id.ptr, id.len) < id.len)
    s = vecd_err_set(&err, VECD_BAD_SYNTAX, VECD_NO_POS, "the model's id in the path is not valid UTF-8");
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
