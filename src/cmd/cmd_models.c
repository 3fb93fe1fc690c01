/* cmd_models.c - what lies in the models folder. Only the small files are read, so that a folder of large models lists at once. */
#include <inttypes.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "model/folder_facts.h"
#include "registry/registry.h"

static void print_rows(const vecd_registry_list *list) {
  size_t width = 2;
  for (size_t i = 0; i < list->n_entries; i++)
    if (strlen(list->entries[i].id) > width) width = strlen(list->entries[i].id);
  printf("%-*s  %-12s  %9s  %6s  %8s\n", (int)width, "ID", "ARCHITECTURE", "DIMENSION", "TOKENS", "WEIGHTS");
  for (size_t i = 0; i < list->n_entries; i++) {
    const vecd_registry_entry *e = &list->entries[i];
    vecd_folder_facts f;
    vecd_err err;
    if (vecd_folder_facts_read(e->path, &f, &err))
      printf("%-*s  cannot be used: %s\n", (int)width, e->id, err.text);
    else
      printf("%-*s  %-12s  %9u  %6u  %5.1f MB\n", (int)width, e->id, f.architecture, f.dimension, f.max_tokens,
             (double)e->weights_bytes / 1e6);
  }
}

static void append_json(vecd_buf *buf, const vecd_registry_list *list) {
  for (size_t i = 0; i < list->n_entries; i++) {
    const vecd_registry_entry *e = &list->entries[i];
    vecd_folder_facts f;
    vecd_err err;
    vecd_buf_append_str(buf, i ? ",\n {\"id\":" : "[{\"id\":");
    vecd_output_json_string(buf, e->id, strlen(e->id));
    vecd_buf_append_str(buf, ",\"path\":");
    vecd_output_json_string(buf, e->path, strlen(e->path));
    vecd_buf_printf(buf, ",\"weights_bytes\":%" PRIu64, e->weights_bytes);
    if (vecd_folder_facts_read(e->path, &f, &err)) {
      vecd_buf_append_str(buf, ",\"error\":");
      vecd_output_json_string(buf, err.text, strlen(err.text));
    } else {
      vecd_buf_append_str(buf, ",\"architecture\":");
      vecd_output_json_string(buf, f.architecture, strlen(f.architecture));
      vecd_buf_printf(buf, ",\"dimension\":%u,\"max_tokens\":%u", f.dimension, f.max_tokens);
    }
    vecd_buf_append_char(buf, '}');
  }
  vecd_buf_append_str(buf, list->n_entries ? "]\n" : "[]\n");
}

int vecd_cmd_models(const vecd_settings *settings) {
  vecd_registry *registry = NULL;
  vecd_registry_list list = {NULL, 0};
  vecd_buf json = {.tag = VECD_MEM_REQUEST};
  vecd_err err;
  vecd_status s = vecd_registry_new(settings->models, &registry, &err);
  if (!s) s = vecd_registry_scan(registry, &list, &err);
  if (!s && settings->json) {
    append_json(&json, &list);
    fwrite(json.ptr, 1, json.len, stdout);
    if (json.failed) s = vecd_err_no_memory(&err, "the list", json.len);
  } else if (!s && list.n_entries) {
    print_rows(&list);
  } else if (!s) {
    fprintf(stderr, "vecd: no models in %s; tools/get_default_model.sh gets one\n", vecd_registry_root(registry));
  }
  vecd_buf_fini(&json);
  vecd_registry_list_fini(&list);
  vecd_registry_free(&registry);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
