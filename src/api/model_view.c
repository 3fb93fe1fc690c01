/* model_view.c - see model_view.h. */
#include "api/model_view.h"

#include <stdio.h>

#include "api/json_print.h"

/* What the catalogue says. */
static void take_row(vecd_model_view *v, const vecd_catalogue_row *row) {
  v->name = row->name;
  v->architecture = row->architecture;
  v->pooling = row->pooling;
  v->dimension = row->dimension;
  v->max_seq_length = row->max_seq_length;
  v->size_mb = row->size_mb;
  v->parameters_m = row->parameters_m;
  v->default_quantization = vecd_catalogue_recommended_quantization(row);
  v->prompts = row->prompts;
}

/* What the folder's small files say; of one that cannot be read to the end, as much as there is. */
static void take_folder(vecd_model_view *v, const vecd_registry_entry *entry) {
  vecd_err err;
  if (vecd_folder_facts_read(entry->path, &v->folder, &v->own_prompts, &err)) {
    v->state = vecd_model_state_name(VECD_MODEL_FAILED); /* as it would if it were asked for */
    snprintf(v->error, sizeof v->error, "%s", err.text);
  }
  const vecd_folder_facts *f = &v->folder;
  if (entry->weights_bytes) v->size_mb = (double)entry->weights_bytes / 1e6;
  if (f->architecture[0]) {
    v->architecture = f->architecture;
    v->pooling = f->pooling;
  }
  if (f->dimension) {
    v->dimension = f->dimension;
    v->max_seq_length = f->max_tokens;
    v->normalized = f->normalized != 0;
  }
  if (v->own_prompts) v->prompts = v->own_prompts;
}

static void take_status(vecd_model_view *v, const vecd_model_status *status) {
  bool is_here = v->entry->path || status->state == VECD_MODEL_RESIDENT || status->state == VECD_MODEL_LOADING;
  if (status->state != VECD_MODEL_AVAILABLE) {
    if (is_here) v->state = vecd_model_state_name(status->state);
    snprintf(v->error, sizeof v->error, "%s", status->error); /* of one that is not here: why its download failed */
  }
  if (!status->dimension) return;
  v->architecture = status->architecture;
  v->pooling = status->pooling;
  v->dimension = status->dimension;
  v->max_seq_length = status->max_tokens;
  v->normalized = status->normalized != 0;
  v->parameters_m = (double)status->parameters / 1e6;
}

void vecd_model_view_read(const vecd_registry_entry *entry, const vecd_model_status *status, vecd_model_view *out) {
  *out = (vecd_model_view){.entry = entry, .status = status, .name = vecd_model_id_name(entry->id), .normalized = -1};
  out->state = entry->path ? vecd_model_state_name(VECD_MODEL_AVAILABLE) : "remote";
  if (entry->row) take_row(out, entry->row);
  if (entry->path) take_folder(out, entry);
  if (status) take_status(out, status);
}

void vecd_model_view_fini(vecd_model_view *view) {
  json_decref(view->own_prompts);
  view->own_prompts = view->prompts = NULL;
}

static void put_key(vecd_buf *out, const char *key) {
  vecd_buf_append_char(out, ',');
  vecd_print_str(out, key);
  vecd_buf_append_char(out, ':');
}

static void put_str(vecd_buf *out, const char *key, const char *value) {
  put_key(out, key);
  vecd_print_str(out, value);
}

static void put_number(vecd_buf *out, const char *key, double value) {
  put_key(out, key);
  vecd_print_number_or_null(out, value);
}

static void put_uint(vecd_buf *out, const char *key, uint64_t value) {
  put_key(out, key);
  vecd_print_uint_or_null(out, value);
}

static void put_json(vecd_buf *out, const char *key, json_t *value) {
  put_key(out, key);
  vecd_print_json(out, value);
}

static void put_bool(vecd_buf *out, const char *key, bool value) {
  put_key(out, key);
  vecd_buf_append_str(out, value ? "true" : "false");
}

/* {"fp32":90,"fp16":45,"int8":22.5,"int4":11.25} */
static void put_memory(vecd_buf *out, const vecd_model_view *v) {
  const vecd_catalogue_row *row = v->entry->row;
  put_key(out, "estimated_memory_mb");
  vecd_buf_append_char(out, '{');
  for (int i = 0; i < VECD_STORAGE_COUNT; i++) {
    if (i) vecd_buf_append_char(out, ',');
    vecd_print_str(out, vecd_storage_name((vecd_storage)i));
    vecd_buf_append_char(out, ':');
    vecd_print_number_or_null(out, vecd_estimated_memory_mb(v->size_mb, row ? row->stored_bits : 0, (vecd_storage)i));
  }
  vecd_buf_append_char(out, '}');
}

/* How near 8 bits come to float32, once that was measured. */
static void put_quality(vecd_buf *out, const vecd_model_status *status) {
  put_key(out, "quality");
  if (!status || !status->has_quality) {
    vecd_buf_append_str(out, "null");
    return;
  }
  vecd_buf_printf(out, "{\"int8_mean_cosine\":%.6f,\"int8_least_cosine\":%.6f,\"fell_back\":%s}", status->quality_mean,
                  status->quality_least, status->fell_back ? "true" : "false");
}

void vecd_model_view_print(const vecd_model_view *v, bool with_path, vecd_buf *out) {
  const vecd_catalogue_row *row = v->entry->row;
  const vecd_model_status *status = v->status;
  bool is_resident = status && status->dimension;
  vecd_buf_append_str(out, "{\"id\":");
  vecd_print_str(out, v->entry->id);
  put_str(out, "name", v->name);
  put_str(out, "hf_path", row ? row->hf_path : NULL);
  put_str(out, "state", v->state);
  put_bool(out, "is_default", row && row->is_default);
  put_uint(out, "dimension", v->dimension);
  put_uint(out, "least_dimension", row ? row->least_dimension : 0);
  put_number(out, "parameters_m", v->parameters_m);
  put_number(out, "size_mb", v->size_mb);
  put_uint(out, "max_seq_length", v->max_seq_length);
  put_json(out, "languages", row ? row->languages : NULL);
  put_json(out, "use_cases", row ? row->use_cases : NULL);
  put_str(out, "default_quantization", v->default_quantization);
  put_str(out, "description", row ? row->description : NULL);
  put_str(out, "architecture", v->architecture);
  put_str(out, "pooling", v->pooling);
  put_key(out, "normalized");
  vecd_buf_append_str(out, v->normalized < 0 ? "null" : v->normalized ? "true" : "false");
  put_json(out, "prompts", v->prompts);
  put_str(out, "licence", row ? row->licence : NULL);
  put_memory(out, v);
  put_quality(out, status);
  put_str(out, "precision", is_resident ? status->precision : NULL);
  put_uint(out, "parameters", is_resident ? status->parameters : 0);
  put_uint(out, "resident_bytes", status ? status->resident_bytes : 0);
  if (with_path) {
    put_str(out, "path", v->entry->path);
    put_uint(out, "weights_bytes", v->entry->weights_bytes);
  }
  put_str(out, "error", v->error[0] ? v->error : NULL);
  vecd_buf_append_char(out, '}');
}
