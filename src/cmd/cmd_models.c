/* cmd_models.c - the models that are here and those the catalogue knows of. Only small files are read, so that a folder of large models
 * lists at once. */
#include "api/model_view.h"
#include "cmd/command.h"
#include "cmd/output.h"

#define SHOWN_LANGUAGES 3

/* "en", "93 languages". */
static void name_languages(const json_t *codes, char *out, size_t cap) {
  size_t n = json_array_size(codes), len = 0;
  out[0] = '\0';
  if (n > SHOWN_LANGUAGES) snprintf(out, cap, "%zu languages", n);
  for (size_t i = 0; i < n && n <= SHOWN_LANGUAGES; i++)
    len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "", json_string_value(json_array_get(codes, i)));
}

/* "-" where it is not known. */
static void put_number(const char *format, int width, double x) {
  char text[32] = "-";
  if (x > 0) snprintf(text, sizeof text, format, x);
  printf("  %*s", width, text);
}

static void print_row(const vecd_registry_entry *entry, int width) {
  vecd_model_view v;
  char languages[64];
  vecd_model_view_read(entry, NULL, &v);
  name_languages(entry->row ? entry->row->languages : NULL, languages, sizeof languages);
  printf("%-*s  %-9s", width, entry->id, v.state);
  if (v.error[0]) {
    printf("  cannot be used: %s\n", v.error);
  } else {
    printf("  %-12s", v.architecture ? v.architecture : "-");
    put_number("%.0f", 9, v.dimension);
    put_number("%.0f", 6, v.max_seq_length);
    put_number("%.0fM", 6, v.parameters_m);
    put_number("%.1f MB", 10, v.size_mb);
    printf("  %-9s  %s\n", v.default_quantization ? v.default_quantization : "-", languages[0] ? languages : "-");
  }
  vecd_model_view_fini(&v);
}

static void print_table(const vecd_registry_list *list) {
  size_t width = 2;
  for (size_t i = 0; i < list->n_entries; i++)
    if (strlen(list->entries[i].id) > width) width = strlen(list->entries[i].id);
  printf("%-*s  %-9s  %-12s  %9s  %6s  %6s  %10s  %-9s  %s\n", (int)width, "ID", "STATE", "ARCHITECTURE", "DIMENSION", "TOKENS",
         "PARAMS", "SIZE", "PRECISION", "LANGUAGES");
  for (size_t i = 0; i < list->n_entries; i++) print_row(&list->entries[i], (int)width);
}

static vecd_status print_json(const vecd_registry_list *list, vecd_err *err) {
  vecd_buf json = {.tag = VECD_MEM_REQUEST};
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < list->n_entries; i++) {
    vecd_model_view v;
    vecd_model_view_read(&list->entries[i], NULL, &v);
    vecd_buf_append_str(&json, i ? ",\n " : "[");
    vecd_model_view_print(&v, true, &json);
    vecd_model_view_fini(&v);
  }
  vecd_buf_append_str(&json, list->n_entries ? "]\n" : "[]\n");
  if (json.failed)
    s = vecd_err_no_memory(err, "the list", json.len);
  else
    fwrite(json.ptr, 1, json.len, stdout);
  vecd_buf_fini(&json);
  return s;
}

int vecd_cmd_models(const vecd_settings *settings) {
  vecd_registry *registry = NULL;
  vecd_registry_list list = {NULL, 0, NULL};
  vecd_err err;
  vecd_status s = vecd_registry_new(settings->models, &registry, &err);
  if (!s) s = vecd_registry_survey(registry, &list, &err);
  if (!s && settings->json)
    s = print_json(&list, &err);
  else if (!s)
    print_table(&list);
  vecd_registry_list_fini(&list);
  vecd_registry_free(&registry);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
