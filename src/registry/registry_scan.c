/* registry_scan.c - what there is, all of it. The directories give names, names become ids, and of each id the one place is found
 * that vecd_registry_find() would give: so what is listed is what is served, however often a model is there. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fmt/json.h"
#include "registry/hub_cache.h"
#include "registry/registry_parts.h"

#define MOST_INDEX_BYTES ((size_t)8 << 20)

typedef struct scan {
  const vecd_registry *registry;
  vecd_registry_list list;
  size_t cap;
} scan;

/* Weights in several files: what their index says. */
static uint64_t bytes_of_shards(const char *dir) {
  static const char *const places[] = {"model.safetensors.index.json", "0_Transformer/model.safetensors.index.json"};
  json_int_t n = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places && n <= 0; i++) {
    char path[PATH_MAX];
    json_t *index = NULL;
    if (snprintf(path, sizeof path, "%s/%s", dir, places[i]) >= (int)sizeof path || !vecd_file_exists(path)) continue;
    if (vecd_json_read(path, MOST_INDEX_BYTES, &index, NULL) == VECD_OK)
      n = json_integer_value(json_object_get(json_object_get(index, "metadata"), "total_size"));
    json_decref(index);
  }
  return n > 0 ? (uint64_t)n : 0;
}

static uint64_t weights_bytes(const char *dir) {
  static const char *const places[] = {"model.safetensors", "0_Transformer/model.safetensors"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", dir, places[i]) >= (int)sizeof path) continue;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) return (uint64_t)st.st_size;
  }
  return bytes_of_shards(dir);
}

static vecd_status out_of_list(vecd_err *err) { return vecd_err_no_memory(err, "the list of models", PATH_MAX); }

/* Notes a name; places come later. */
static vecd_status note(scan *s, const char *name, vecd_err *err) {
  if (s->list.n_entries == s->cap) {
    size_t more = s->cap ? s->cap * 2 : 32;
    vecd_registry_entry *grown = vecd_realloc(VECD_MEM_MISC, s->list.entries, more * sizeof *grown);
    if (!grown) return out_of_list(err);
    s->list.entries = grown;
    s->cap = more;
  }
  const vecd_catalogue_row *row = vecd_catalogue_get(s->list.catalogue, name);
  vecd_registry_entry entry = {.id = vecd_strdup(VECD_MEM_MISC, row ? row->id : name), .row = row};
  if (!entry.id) return out_of_list(err);
  s->list.entries[s->list.n_entries++] = entry;
  return VECD_OK;
}

/* Notes the models of root/org, or where org is NULL those of root and, for folders there that are none, of one level below. */
static vecd_status note_root(scan *s, const char *org, vecd_err *err) {
  const char *root = s->registry->root;
  char *dir_path = org ? vecd_registry_join(root, org) : vecd_strdup(VECD_MEM_MISC, root);
  if (!dir_path) return out_of_list(err);
  vecd_status status = VECD_OK;
  DIR *dir = opendir(dir_path);
  if (!dir) {
    if (!org && errno != ENOENT && errno != ENOTDIR)
      status = vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot list: %s", dir_path, strerror(errno));
    vecd_free(dir_path);
    return status;
  }
  for (struct dirent *e; !status && (e = readdir(dir));) {
    char id[2 * NAME_MAX + 2], path[PATH_MAX];
    if (!vecd_model_id_is_component(vecd_span_of(e->d_name))) continue;
    snprintf(id, sizeof id, "%s%s%s", org ? org : "", org ? "/" : "", e->d_name);
    if (!vecd_model_id_is_valid(vecd_span_of(id))) continue;
    if (snprintf(path, sizeof path, "%s/%s", dir_path, e->d_name) >= (int)sizeof path) continue;
    if (vecd_registry_is_model(path))
      status = note(s, id, err);
    else if (!org && vecd_dir_exists(path))
      status = note_root(s, id, err);
  }
  closedir(dir);
  vecd_free(dir_path);
  return status;
}

static vecd_status note_snapshot(void *ctx, const char *id, const char *path, vecd_err *err) {
  return vecd_registry_is_model(path) ? note(ctx, id, err) : VECD_OK;
}

/* A cache that may not be listed has nothing: it may be another user's. */
static vecd_status note_cache(scan *s, vecd_err *err) {
  vecd_err why = {VECD_OK, VECD_NO_POS, ""};
  vecd_status status = vecd_hub_cache_scan(s->registry->cache_root, note_snapshot, s, &why);
  if (status == VECD_IO) return VECD_OK;
  if (status && err) *err = why;
  return status;
}

static int by_id(const void *a, const void *b) {
  return strcmp(((const vecd_registry_entry *)a)->id, ((const vecd_registry_entry *)b)->id);
}

static double size_mb(const vecd_registry_entry *e) {
  return e->weights_bytes ? (double)e->weights_bytes / 1e6 : e->row ? e->row->size_mb : 0;
}

/* As the catalogue is ordered. */
static int by_default_size_id(const void *a, const void *b) {
  const vecd_registry_entry *x = a, *y = b;
  bool x_default = x->row && x->row->is_default, y_default = y->row && y->row->is_default;
  double x_mb = size_mb(x), y_mb = size_mb(y);
  if (x_default != y_default) return x_default ? -1 : 1;
  if ((x_mb == 0) != (y_mb == 0)) return x_mb == 0 ? 1 : -1;
  if (x_mb != y_mb) return x_mb < y_mb ? -1 : 1;
  return strcmp(x->id, y->id);
}

static void entry_fini(vecd_registry_entry *entry) {
  vecd_free(entry->id);
  vecd_free(entry->path);
}

/* Finds each entry's place. Takes out what comes twice, and unless `remote` what is not there; the list is sorted by id. */
static vecd_status place_all(scan *s, bool remote, vecd_err *err) {
  vecd_registry_list *list = &s->list;
  size_t n = 0;
  vecd_status status = VECD_OK;
  for (size_t i = 0; i < list->n_entries; i++) {
    vecd_registry_entry *e = &list->entries[i];
    bool keep = !status && (n == 0 || strcmp(list->entries[n - 1].id, e->id) != 0);
    if (keep && vecd_registry_locate(s->registry, e->id, e->row, &e->path, NULL) == VECD_NO_MEMORY) status = out_of_list(err);
    if (keep && e->path) e->weights_bytes = weights_bytes(e->path);
    if (!status && keep && (e->path || remote))
      list->entries[n++] = *e;
    else
      entry_fini(e);
  }
  list->n_entries = n;
  return status;
}

static vecd_status list_models(const vecd_registry *r, bool remote, vecd_registry_list *out, vecd_err *err) {
  scan s = {.registry = r, .list.catalogue = vecd_registry_catalogue(r)};
  vecd_status status = VECD_OK;
  for (size_t i = 0; i < r->n_added && !status; i++) status = note(&s, r->added[i].id, err);
  if (!status) status = note_root(&s, NULL, err);
  if (!status) status = note_cache(&s, err);
  for (size_t i = 0; remote && i < vecd_catalogue_count(s.list.catalogue) && !status; i++)
    status = note(&s, vecd_catalogue_at(s.list.catalogue, i)->id, err);
  if (!status && s.list.n_entries) qsort(s.list.entries, s.list.n_entries, sizeof *s.list.entries, by_id);
  if (!status) status = place_all(&s, remote, err);
  if (status) {
    vecd_registry_list_fini(&s.list);
    return status;
  }
  if (remote && s.list.n_entries) qsort(s.list.entries, s.list.n_entries, sizeof *s.list.entries, by_default_size_id);
  *out = s.list;
  return VECD_OK;
}

vecd_status vecd_registry_scan(const vecd_registry *r, vecd_registry_list *out, vecd_err *err) {
  return list_models(r, false, out, err);
}

vecd_status vecd_registry_survey(const vecd_registry *r, vecd_registry_list *out, vecd_err *err) {
  return list_models(r, true, out, err);
}

void vecd_registry_list_fini(vecd_registry_list *list) {
  for (size_t i = 0; i < list->n_entries; i++) entry_fini(&list->entries[i]);
  vecd_free(list->entries);
  vecd_catalogue_unpin(&list->catalogue);
  *list = (vecd_registry_list){NULL, 0, NULL};
}
