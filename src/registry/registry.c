/* registry.c - from ids to folders. It looks at the directories each time it is asked, so there is nothing to keep in step with
 * them.
 *
 * What makes a folder a model is a config.json, or a modules.json for the layout in which the transformer has a folder of its
 * own. Only visible names count: a download in progress hides behind a dot. A folder inside a model (1_Pooling has a config.json
 * too) is no model. */
#include "registry/registry.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/file.h"
#include "registry/hub_cache.h"
#include "registry/registry_parts.h"

#define CATALOGUE_NAME  "catalogue.json"
#define MOST_NAMES_TOLD 8

char *vecd_registry_join(const char *a, const char *b) {
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

bool vecd_registry_is_model(const char *dir) { return has_file(dir, "config.json") || has_file(dir, "modules.json"); }

/* --- life */

static char *default_root(void) {
  const char *base;
  if ((base = vecd_env("VECD_MODELS"))) return vecd_strdup(VECD_MEM_MISC, base);
  if ((base = vecd_env("XDG_DATA_HOME"))) return vecd_registry_join(base, "vecd/models");
  if ((base = vecd_env("HOME"))) return vecd_registry_join(base, ".local/share/vecd/models");
  return vecd_strdup(VECD_MEM_MISC, "/var/lib/vecd/models"); /* a service without a home */
}

vecd_status vecd_registry_new(const char *root, vecd_registry **out, vecd_err *err) {
  vecd_registry *r = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *r);
  if (r) r->root = root && *root ? vecd_strdup(VECD_MEM_MISC, root) : default_root();
  for (size_t n = r && r->root ? strlen(r->root) : 0; n > 1 && r->root[n - 1] == '/'; n--) r->root[n - 1] = '\0';
  if (r && r->root) r->catalogue_path = vecd_registry_join(r->root, CATALOGUE_NAME);
  if (r && r->catalogue_path) r->shelf = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *r->shelf);
  vecd_status s = r && r->shelf ? VECD_OK : vecd_err_no_memory(err, "the registry", sizeof *r);
  if (!s) {
    pthread_mutex_init(&r->shelf->lock, NULL);
    s = vecd_hub_cache_root(&r->cache_root, err);
  }
  if (!s) s = vecd_catalogue_new(r->catalogue_path, &r->shelf->catalogue, err);
  if (s)
    vecd_registry_free(&r);
  else
    *out = r;
  return s;
}

void vecd_registry_free(vecd_registry **registry) {
  vecd_registry *r = registry ? *registry : NULL;
  if (!r) return;
  for (size_t i = 0; i < r->n_added; i++) {
    vecd_free(r->added[i].id);
    vecd_free(r->added[i].path);
  }
  if (r->shelf) {
    vecd_catalogue_unpin(&r->shelf->catalogue);
    pthread_mutex_destroy(&r->shelf->lock);
  }
  vecd_free(r->shelf);
  vecd_free(r->added);
  vecd_free(r->catalogue_path);
  vecd_free(r->cache_root);
  vecd_free(r->root);
  vecd_free(r);
  *registry = NULL;
}

const char *vecd_registry_root(const vecd_registry *r) { return r->root; }
const char *vecd_registry_cache_root(const vecd_registry *r) { return r->cache_root; }

vecd_catalogue *vecd_registry_catalogue(const vecd_registry *r) {
  pthread_mutex_lock(&r->shelf->lock);
  vecd_catalogue *c = vecd_catalogue_pin(r->shelf->catalogue);
  pthread_mutex_unlock(&r->shelf->lock);
  return c;
}

vecd_status vecd_registry_reload(vecd_registry *r, vecd_err *err) {
  vecd_catalogue *fresh = NULL;
  vecd_status s = vecd_catalogue_new(r->catalogue_path, &fresh, err);
  if (s) return s;
  pthread_mutex_lock(&r->shelf->lock);
  vecd_catalogue *old = r->shelf->catalogue;
  r->shelf->catalogue = fresh;
  pthread_mutex_unlock(&r->shelf->lock);
  vecd_catalogue_unpin(&old);
  return VECD_OK;
}

/* --- folders by path */

/* The last component of `path`, which has `len` bytes of it left. */
static vecd_span last_of(const char *path, size_t len) {
  while (len > 1 && path[len - 1] == '/') len--;
  size_t at = len;
  while (at > 0 && path[at - 1] != '/') at--;
  return (vecd_span){path + at, len - at};
}

/* The repository's id, where the path is that of a snapshot: ".../models--org--name/snapshots/<commit>". */
static bool is_snapshot(const char *path, char id[VECD_HUB_ID_BYTES]) {
  char folder[NAME_MAX + 1];
  vecd_span commit = last_of(path, strlen(path)), snapshots = last_of(path, (size_t)(commit.ptr - path));
  if (!vecd_hub_commit_is_valid(commit) || !vecd_span_eq(snapshots, VECD_SPAN("snapshots"))) return false;
  vecd_span repository = last_of(path, (size_t)(snapshots.ptr - path));
  if (repository.len >= sizeof folder) return false;
  memcpy(folder, repository.ptr, repository.len);
  folder[repository.len] = '\0';
  return vecd_hub_id_of_folder(folder, id);
}

/* The folder's own name; where the path ends in "." or ".." that is the name of what it stands for. */
static char *own_name(const char *path) {
  char resolved[PATH_MAX], id[VECD_HUB_ID_BYTES];
  vecd_span name = last_of(path, strlen(path));
  if (name.len == 0 || vecd_span_eq(name, VECD_SPAN(".")) || vecd_span_eq(name, VECD_SPAN(".."))) {
    if (!realpath(path, resolved)) return NULL;
    path = resolved;
    name = last_of(path, strlen(path));
  }
  if (name.len == 0) name = vecd_span_of(path); /* "/" */
  if (is_snapshot(path, id)) return vecd_strdup(VECD_MEM_MISC, id);
  return vecd_strndup(VECD_MEM_MISC, name.ptr, name.len);
}

/* What the model at `path` is called; the caller's. */
static char *id_of_path(const vecd_registry *r, const char *path) {
  char room[VECD_MODEL_ID_BYTES], *own = own_name(path);
  const char *id = own ? vecd_registry_id_of(r, own, room) : NULL;
  if (!id || id == own) return own;
  vecd_free(own);
  return vecd_strdup(VECD_MEM_MISC, id);
}

vecd_status vecd_registry_add(vecd_registry *r, const char *path, const char **id, vecd_err *err) {
  if (!vecd_dir_exists(path)) return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: no such model folder", path);
  if (!vecd_registry_is_model(path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: has no config.json, so it is no model folder", path);
  vecd_registry_added *grown = vecd_realloc(VECD_MEM_MISC, r->added, (r->n_added + 1) * sizeof *grown);
  if (!grown) return vecd_err_no_memory(err, "the registry", sizeof *grown);
  r->added = grown;
  vecd_registry_added entry = {id_of_path(r, path), vecd_strdup(VECD_MEM_MISC, path)};
  if (!entry.id || !entry.path) {
    vecd_free(entry.id);
    vecd_free(entry.path);
    return vecd_err_no_memory(err, "the registry", strlen(path));
  }
  r->added[r->n_added++] = entry;
  if (id) *id = entry.id;
  return VECD_OK;
}

/* --- from ids to folders */

const char *vecd_registry_id_of(const vecd_registry *r, const char *asked, char room[VECD_MODEL_ID_BYTES]) {
  vecd_catalogue *c = vecd_registry_catalogue(r);
  const vecd_catalogue_row *row = asked ? vecd_catalogue_get(c, asked) : vecd_catalogue_get_default(c);
  bool renamed = row && (!asked || strcmp(row->id, asked) != 0);
  if (renamed) memcpy(room, row->id, strlen(row->id) + 1);
  vecd_catalogue_unpin(&c);
  return renamed ? room : asked;
}

const char *vecd_registry_name_of(const vecd_registry *r, const char *id, char room[VECD_MODEL_NAME_BYTES]) {
  vecd_catalogue *c = vecd_registry_catalogue(r);
  const vecd_catalogue_row *row = vecd_catalogue_get(c, id);
  if (row) snprintf(room, VECD_MODEL_NAME_BYTES, "%s", row->name);
  vecd_catalogue_unpin(&c);
  return row ? room : vecd_model_id_name(id);
}

bool vecd_registry_is_on_hub(const vecd_registry *r, const char *id) {
  vecd_catalogue *c = vecd_registry_catalogue(r);
  const vecd_catalogue_row *row = vecd_catalogue_get(c, id);
  bool is = row && row->hf_path;
  vecd_catalogue_unpin(&c);
  return is;
}

/* `len` where the text begins with the directory `dir` of that length, as a whole name; else 0. A relative one might be any word, so
 * it counts only in front of something. */
static size_t begins_with_dir(const char *text, const char *dir, size_t len) {
  if (len < 2 || strncmp(text, dir, len) != 0) return 0;
  bool ends = !text[len] || strchr(",;:) \"'", text[len]);
  return text[len] == '/' || (ends && *dir == '/') ? len : 0;
}

/* Whether a path may begin behind this: not within another. */
static bool may_begin(char before) { return !isalnum((unsigned char)before) && !strchr("/._-", before); }

void vecd_registry_public_text(const vecd_registry *r, const char *text, char *out, size_t cap) {
  size_t n = 0;
  while (*text && n + 1 < cap) {
    const char *called = "the models folder";
    bool begins = n == 0 || may_begin(out[n - 1]);
    size_t len = begins ? begins_with_dir(text, r->root, strlen(r->root)) : 0;
    if (begins && !len && (len = begins_with_dir(text, r->cache_root, strlen(r->cache_root)))) called = "the hub's cache";
    for (size_t i = 0; i < r->n_added && begins && !len; i++) {
      const char *path = r->added[i].path, *name = strrchr(path, '/');
      if (name && (len = begins_with_dir(text, path, (size_t)(name - path)))) called = "a model's folder";
    }
    text += len;
    if (!len)
      out[n++] = *text++;
    else if (*text == '/')
      text++;
    else
      n += (size_t)snprintf(out + n, cap - n, "%s", called);
  }
  out[n < cap ? n : cap - 1] = '\0';
}

static vecd_status out_of_paths(vecd_err *err) { return vecd_err_no_memory(err, "a path", PATH_MAX); }

/* In the models folder. VECD_NOT_FOUND leaves err alone. */
static vecd_status locate_in_root(const vecd_registry *r, const char *id, char **path, vecd_err *err) {
  if (!vecd_model_id_is_valid(vecd_span_of(id))) return VECD_NOT_FOUND;
  char *found = vecd_registry_join(r->root, id);
  if (!found) return out_of_paths(err);
  char *slash = strchr(found + strlen(r->root) + 1, '/');
  bool is_model = vecd_registry_is_model(found);
  if (is_model && slash) { /* ORG must not be a model itself */
    *slash = '\0';
    is_model = !vecd_registry_is_model(found);
    *slash = '/';
  }
  if (is_model)
    *path = found;
  else
    vecd_free(found);
  return is_model ? VECD_OK : VECD_NOT_FOUND;
}

/* In the hub's cache; one that may not be read has nothing. VECD_NOT_FOUND leaves err alone. */
static vecd_status locate_in_cache(const vecd_registry *r, const char *id, char **path, vecd_err *err) {
  if (!vecd_hub_id_is_valid(vecd_span_of(id))) return VECD_NOT_FOUND;
  vecd_err why;
  char *found = NULL;
  vecd_status s = vecd_hub_cache_find(r->cache_root, id, NULL, &found, &why);
  if (!s && !vecd_registry_is_model(found)) s = VECD_NOT_FOUND; /* other files of it were wanted so far */
  if (s == VECD_IO) s = VECD_NOT_FOUND;
  if (!s)
    *path = found;
  else
    vecd_free(found);
  if (s && s != VECD_NOT_FOUND && err) *err = why;
  return s;
}

vecd_status vecd_registry_locate(const vecd_registry *r, const char *id, const vecd_catalogue_row *row, char **path,
                                 vecd_err *err) {
  for (size_t i = r->n_added; i-- > 0;) { /* the latest word counts */
    if (strcmp(r->added[i].id, id) != 0) continue;
    *path = vecd_strdup(VECD_MEM_MISC, r->added[i].path);
    return *path ? VECD_OK : out_of_paths(err);
  }
  const char *on_hub = row ? row->hf_path : id;
  vecd_status s = locate_in_root(r, id, path, err);
  if (s == VECD_NOT_FOUND && on_hub && on_hub != id) s = locate_in_root(r, on_hub, path, err);
  if (s == VECD_NOT_FOUND && on_hub) s = locate_in_cache(r, on_hub, path, err);
  return s;
}

/* How to get a model that is not here. */
static void explain_remote(const vecd_catalogue_row *row, char *out, size_t cap) {
  if (strcmp(row->id, VECD_DEFAULT_MODEL) == 0)
    snprintf(out, cap, "tools/get_default_model.sh or `vecd pull %s` gets it", row->id);
  else if (row->hf_path)
    snprintf(out, cap, "`vecd pull %s` gets it", row->id);
  else
    snprintf(out, cap, "put its folder into the models folder");
}

/* `more`: nullable; of a model that is not here, how to get it, "" where nothing is known of it. */
static vecd_status find(const vecd_registry *r, const char *asked, char **path, char *more, size_t cap, vecd_err *err) {
  vecd_catalogue *c = vecd_registry_catalogue(r);
  const vecd_catalogue_row *row = vecd_catalogue_get(c, asked);
  vecd_status s = vecd_registry_locate(r, row ? row->id : asked, row, path, err);
  if (s == VECD_NOT_FOUND) {
    char how[300] = "";
    if (row) explain_remote(row, how, sizeof how);
    vecd_err_set(err, s, VECD_NO_POS, "Model not found: %s%s%s", asked, row ? ": it is not on this machine; " : "", how);
    if (more) snprintf(more, cap, "%s", how);
  }
  vecd_catalogue_unpin(&c);
  return s;
}

vecd_status vecd_registry_find(const vecd_registry *r, const char *id, char **path, vecd_err *err) {
  return find(r, id, path, NULL, 0, err);
}

/* What a person who mistyped needs: where was looked, and what there is. */
static vecd_status explain_missing(const vecd_registry *r, const char *id, const char *how, vecd_err *err) {
  vecd_registry_list list = {NULL, 0, NULL};
  vecd_buf names = {.tag = VECD_MEM_MISC};
  char on_hub[300] = "or give the path of a folder";
  if (strchr(id, '/') && vecd_hub_id_is_valid(vecd_span_of(id)))
    snprintf(on_hub, sizeof on_hub, "`vecd pull %s` asks the hub", id);
  vecd_status s = vecd_registry_scan(r, &list, err);
  if (s) return s;
  for (size_t i = 0; i < list.n_entries && i < MOST_NAMES_TOLD; i++)
    vecd_buf_printf(&names, "%s%s", i ? ", " : " ", list.entries[i].id);
  if (list.n_entries > MOST_NAMES_TOLD) vecd_buf_printf(&names, " and %zu more", list.n_entries - MOST_NAMES_TOLD);
  if (!list.n_entries) vecd_buf_append_str(&names, " no model");
  s = vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s; %s and the hub's cache have%s; %s", id, r->root,
                   vecd_buf_cstr(&names), *how ? how : on_hub);
  vecd_buf_fini(&names);
  vecd_registry_list_fini(&list);
  return s;
}

/* Both strings are the caller's, or none. */
static vecd_status give(const vecd_registry *r, const char *asked, bool is_path, char **path, char **id, vecd_err *err) {
  char room[VECD_MODEL_ID_BYTES];
  if (is_path && !(*path = vecd_strdup(VECD_MEM_MISC, asked))) return out_of_paths(err);
  if (!id) return VECD_OK;
  *id = is_path ? id_of_path(r, asked) : vecd_strdup(VECD_MEM_MISC, vecd_registry_id_of(r, asked, room));
  if (*id) return VECD_OK;
  vecd_free(*path);
  *path = NULL;
  return out_of_paths(err);
}

vecd_status vecd_registry_resolve(const vecd_registry *r, const char *id_or_path, char **path, char **id, vecd_err *err) {
  char how[300] = "";
  bool is_path = id_or_path[0] == '/' || id_or_path[0] == '.';
  if (is_path && !vecd_dir_exists(id_or_path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: there is no folder %s", id_or_path);
  if (is_path || (*id_or_path && vecd_registry_is_model(id_or_path))) return give(r, id_or_path, true, path, id, err);
  vecd_status s = find(r, id_or_path, path, how, sizeof how, err);
  if (!s) return give(r, id_or_path, false, path, id, err);
  if (s != VECD_NOT_FOUND) return s;
  if (vecd_dir_exists(id_or_path))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: the folder %s has no config.json", id_or_path);
  return explain_missing(r, id_or_path, how, err);
}
