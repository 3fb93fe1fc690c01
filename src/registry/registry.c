/* registry.c - looks at the models directory each time it is asked, so there is nothing to keep in step with it.
 *
 * What makes a folder a model is a config.json, or a modules.json for the layout in which the transformer has a folder of its
 * own. Only visible names count: a download in progress hides behind a dot. A folder inside a model (1_Pooling has a config.json
 * too) is no model. */
#include "registry/registry.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fmt/json.h"

#define MOST_ID_BYTES    255
#define MOST_NAMES_TOLD  8
#define MOST_INDEX_BYTES ((size_t)8 << 20)

struct vecd_registry {
  char *root;
  vecd_registry_entry *added; /* by vecd_registry_add(), in that order */
  size_t n_added;
};

/* "a/b" on the heap. */
static char *join(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  char *path = vecd_alloc(VECD_MEM_MISC, n + m + 2);
  if (!path) return NULL;
  memcpy(path, a, n);
  path[n] = '/';
  memcpy(path + n + 1, b, m + 1);
  return path;
}

static bool has_file(const char *dir, const char *name) {
  char path[PATH_MAX];
  return snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path && vecd_file_exists(path);
}

static bool is_model(const char *dir) { return has_file(dir, "config.json") || has_file(dir, "modules.json"); }

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

/* A name that can be a component of an id: it shows, and it can be printed and put into JSON. */
static bool is_visible_name(const char *name, size_t len) {
  if (len == 0 || name[0] == '.' || vecd_utf8_valid_prefix(name, len) < len) return false;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) return false;
  return true;
}

/* NAME or ORG/NAME, so that an id never leads out of the directory. */
static bool is_id(const char *id) {
  size_t len = strlen(id);
  if (len == 0 || len > MOST_ID_BYTES) return false;
  const char *slash = strchr(id, '/');
  if (!slash) return is_visible_name(id, len);
  size_t org = (size_t)(slash - id);
  return !strchr(slash + 1, '/') && is_visible_name(id, org) && is_visible_name(slash + 1, len - org - 1);
}

static const char *getenv_set(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static char *default_root(void) {
  const char *base;
  if ((base = getenv_set("VECD_MODELS"))) return vecd_strdup(VECD_MEM_MISC, base);
  if ((base = getenv_set("XDG_DATA_HOME"))) return join(base, "vecd/models");
  if ((base = getenv_set("HOME"))) return join(base, ".local/share/vecd/models");
  return vecd_strdup(VECD_MEM_MISC, "/var/lib/vecd/models"); /* a service without a home */
}

vecd_status vecd_registry_new(const char *root, vecd_registry **out, vecd_err *err) {
  vecd_registry *r = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *r);
  if (r) r->root = root && *root ? vecd_strdup(VECD_MEM_MISC, root) : default_root();
  if (!r || !r->root) {
    vecd_registry_free(&r);
    return vecd_err_no_memory(err, "the registry", sizeof *r);
  }
  for (size_t n = strlen(r->root); n > 1 && r->root[n - 1] == '/'; n--) r->root[n - 1] = '\0';
  *out = r;
  return VECD_OK;
}

static void entry_fini(vecd_registry_entry *entry) {
  vecd_free(entry->id);
  vecd_free(entry->path);
}

void vecd_registry_free(vecd_registry **registry) {
  if (!registry || !*registry) return;
  vecd_registry *r = *registry;
  for (size_t i = 0; i < r->n_added; i++) entry_fini(&r->added[i]);
  vecd_free(r->added);
  vecd_free(r->root);
  vecd_free(r);
  *registry = NULL;
}

const char *vecd_registry_root(const vecd_registry *registry) { return registry->root; }

/* The folder's own name; where the path ends in "." or ".." that is the name of what it stands for. */
static char *own_name(const char *path) {
  char resolved[PATH_MAX];
  size_t len = strlen(path);
  while (len > 1 && path[len - 1] == '/') len--;
  size_t at = len;
  while (at > 0 && path[at - 1] != '/') at--;
  vecd_span name = {path + at, len - at};
  if (name.len == 0 || vecd_span_eq(name, VECD_SPAN(".")) || vecd_span_eq(name, VECD_SPAN(".."))) {
    if (!realpath(path, resolved)) return NULL;
    const char *slash = strrchr(resolved, '/');
    name = vecd_span_of(slash && slash[1] ? slash + 1 : resolved);
  }
  return vecd_strndup(VECD_MEM_MISC, name.ptr, name.len);
}

vecd_status vecd_registry_add(vecd_registry *r, const char *path, const char **id, vecd_err *err) {
  if (!vecd_dir_exists(path)) return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: no such model folder", path);
  if (!is_model(path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: has no config.json, so it is no model folder", path);
  vecd_registry_entry *grown = vecd_realloc(VECD_MEM_MISC, r->added, (r->n_added + 1) * sizeof *grown);
  if (!grown) return vecd_err_no_memory(err, "the registry", sizeof *grown);
  r->added = grown;
  vecd_registry_entry entry = {own_name(path), vecd_strdup(VECD_MEM_MISC, path), weights_bytes(path)};
  if (!entry.id || !entry.path) {
    entry_fini(&entry);
    return vecd_err_no_memory(err, "the registry", strlen(path));
  }
  r->added[r->n_added++] = entry;
  if (id) *id = entry.id;
  return VECD_OK;
}

static const vecd_registry_entry *find_added(const vecd_registry *r, const char *id) {
  for (size_t i = r->n_added; i-- > 0;) /* the latest word counts */
    if (strcmp(r->added[i].id, id) == 0) return &r->added[i];
  return NULL;
}

vecd_status vecd_registry_find(const vecd_registry *r, const char *id, char **path, vecd_err *err) {
  const vecd_registry_entry *added = find_added(r, id);
  char *found = NULL;
  if (added) {
    found = vecd_strdup(VECD_MEM_MISC, added->path);
  } else {
    if (!is_id(id)) goto missing;
    found = join(r->root, id);
    if (found && !is_model(found)) goto missing;
    char *slash = found ? strchr(found + strlen(r->root) + 1, '/') : NULL;
    if (slash) { /* ORG must not be a model itself */
      *slash = '\0';
      if (is_model(found)) goto missing;
      *slash = '/';
    }
  }
  if (!found) return vecd_err_no_memory(err, "a path", strlen(r->root) + strlen(id) + 2);
  *path = found;
  return VECD_OK;
missing:
  vecd_free(found);
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s", id);
}

static vecd_status append(vecd_registry_list *list, size_t *cap, const char *id, const char *path, vecd_err *err) {
  if (list->n_entries == *cap) {
    size_t more = *cap ? *cap * 2 : 16;
    vecd_registry_entry *grown = vecd_realloc(VECD_MEM_MISC, list->entries, more * sizeof *grown);
    if (!grown) return vecd_err_no_memory(err, "the list of models", more * sizeof *grown);
    list->entries = grown;
    *cap = more;
  }
  vecd_registry_entry entry = {vecd_strdup(VECD_MEM_MISC, id), vecd_strdup(VECD_MEM_MISC, path), weights_bytes(path)};
  if (!entry.id || !entry.path) {
    entry_fini(&entry);
    return vecd_err_no_memory(err, "the list of models", strlen(id) + strlen(path));
  }
  list->entries[list->n_entries++] = entry;
  return VECD_OK;
}

/* Adds the models of root/org, or where org is NULL those of root and, for folders there that are none, of one level below. */
static vecd_status scan_dir(const vecd_registry *r, const char *org, vecd_registry_list *list, size_t *cap, vecd_err *err) {
  char *dir_path = org ? join(r->root, org) : vecd_strdup(VECD_MEM_MISC, r->root);
  if (!dir_path) return vecd_err_no_memory(err, "the list of models", strlen(r->root));
  vecd_status s = VECD_OK;
  DIR *dir = opendir(dir_path);
  if (!dir) {
    if (!org && errno != ENOENT && errno != ENOTDIR)
      s = vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot list: %s", dir_path, strerror(errno));
    vecd_free(dir_path);
    return s;
  }
  for (struct dirent *e; !s && (e = readdir(dir));) {
    char id[2 * NAME_MAX + 2], path[PATH_MAX];
    if (!is_visible_name(e->d_name, strlen(e->d_name))) continue;
    snprintf(id, sizeof id, "%s%s%s", org ? org : "", org ? "/" : "", e->d_name);
    if (!is_id(id) || find_added(r, id)) continue;
    if (snprintf(path, sizeof path, "%s/%s", dir_path, e->d_name) >= (int)sizeof path) continue;
    if (is_model(path))
      s = append(list, cap, id, path, err);
    else if (!org && vecd_dir_exists(path))
      s = scan_dir(r, id, list, cap, err);
  }
  closedir(dir);
  vecd_free(dir_path);
  return s;
}

static int by_id(const void *a, const void *b) {
  return strcmp(((const vecd_registry_entry *)a)->id, ((const vecd_registry_entry *)b)->id);
}

vecd_status vecd_registry_scan(const vecd_registry *r, vecd_registry_list *out, vecd_err *err) {
  vecd_registry_list list = {NULL, 0};
  size_t cap = 0;
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < r->n_added && !s; i++)
    if (find_added(r, r->added[i].id) == &r->added[i]) s = append(&list, &cap, r->added[i].id, r->added[i].path, err);
  if (!s) s = scan_dir(r, NULL, &list, &cap, err);
  if (s) {
    vecd_registry_list_fini(&list);
    return s;
  }
  if (list.n_entries) qsort(list.entries, list.n_entries, sizeof *list.entries, by_id);
  *out = list;
  return VECD_OK;
}

void vecd_registry_list_fini(vecd_registry_list *list) {
  for (size_t i = 0; i < list->n_entries; i++) entry_fini(&list->entries[i]);
  vecd_free(list->entries);
  *list = (vecd_registry_list){NULL, 0};
}

/* What a person who mistyped needs: where was looked, and what there is. */
static vecd_status explain_missing(const vecd_registry *r, const char *id, vecd_err *err) {
  vecd_registry_list list = {NULL, 0};
  vecd_buf names = {.tag = VECD_MEM_MISC};
  vecd_status s = vecd_registry_scan(r, &list, err);
  if (s) return s;
  for (size_t i = 0; i < list.n_entries && i < MOST_NAMES_TOLD; i++)
    vecd_buf_printf(&names, "%s%s", i ? ", " : " ", list.entries[i].id);
  if (list.n_entries > MOST_NAMES_TOLD) vecd_buf_printf(&names, " and %zu more", list.n_entries - MOST_NAMES_TOLD);
  if (!list.n_entries) vecd_buf_append_str(&names, " no model");
  bool is_default = strcmp(id, VECD_DEFAULT_MODEL) == 0;
  s = vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s; %s has%s; %s", id, r->root, vecd_buf_cstr(&names),
                   is_default ? "tools/get_default_model.sh gets it" : "or give the path of a folder");
  vecd_buf_fini(&names);
  vecd_registry_list_fini(&list);
  return s;
}

vecd_status vecd_registry_resolve(const vecd_registry *r, const char *id_or_path, char **path, vecd_err *err) {
  bool is_path = id_or_path[0] == '/' || id_or_path[0] == '.';
  if (is_path && !vecd_dir_exists(id_or_path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: there is no folder %s", id_or_path);
  if (is_path || (*id_or_path && is_model(id_or_path))) {
    *path = vecd_strdup(VECD_MEM_MISC, id_or_path);
    return *path ? VECD_OK : vecd_err_no_memory(err, "a path", strlen(id_or_path));
  }
  vecd_status s = vecd_registry_find(r, id_or_path, path, err);
  if (s != VECD_NOT_FOUND) return s;
  if (vecd_dir_exists(id_or_path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: the folder %s has no config.json", id_or_path);
  return explain_missing(r, id_or_path, err);
}
