/* registry.h - which models there are and where they lie: the folders under one directory, and folders named by path.
 *
 * A model's id is its path below the directory: "all-MiniLM-L6-v2", or "org/name" for a folder one level down. Anything dropped
 * there by hand is a model; the directory is looked at anew each time. Thread-safe after set-up. */
#ifndef VECD_REGISTRY_REGISTRY_H
#define VECD_REGISTRY_REGISTRY_H

#include "base/err.h"

typedef struct vecd_registry vecd_registry;

/* One model found. Strings belong to the list. */
typedef struct vecd_registry_entry {
  char *id;
  char *path;
  uint64_t weights_bytes; /* size of model.safetensors, or what an index says of several files; 0 where neither is there */
} vecd_registry_entry;

typedef struct vecd_registry_list {
  vecd_registry_entry *entries; /* sorted by id */
  size_t n_entries;
} vecd_registry_list;

/* The model the project ships its quick start with. */
#define VECD_DEFAULT_MODEL "all-MiniLM-L6-v2"

/* root  the directory; NULL: $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else ~/.local/share/vecd/models. Need not exist. */
VECD_CHECK vecd_status vecd_registry_new(const char *root, vecd_registry **out, vecd_err *err);
void vecd_registry_free(vecd_registry **registry);
const char *vecd_registry_root(const vecd_registry *registry);

/* Makes the folder at `path` known under its own name (its last component), in front of what the directory has; the id is put
 * into *id (borrowed) where id is not NULL. VECD_OK; VECD_NOT_FOUND no config.json there; VECD_NO_MEMORY. Set-up only. */
VECD_CHECK vecd_status vecd_registry_add(vecd_registry *registry, const char *path, const char **id, vecd_err *err);

/* The folder of model `id`; *path is the caller's (vecd_free). An id never leaves the directory: "..", "." and absolute paths are
 * not found. VECD_OK; VECD_NOT_FOUND "Model not found: X"; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_registry_find(const vecd_registry *registry, const char *id, char **path, vecd_err *err);

/* What a person types: a path to a folder (it exists, or it starts with '/' or '.'), else an id. As above; the message says
 * where was looked and what there is. */
VECD_CHECK vecd_status vecd_registry_resolve(const vecd_registry *registry, const char *id_or_path, char **path, vecd_err *err);

/* All models, sorted by id. Given back with vecd_registry_list_fini(). A directory that does not exist is an empty list. */
VECD_CHECK vecd_status vecd_registry_scan(const vecd_registry *registry, vecd_registry_list *out, vecd_err *err);
void vecd_registry_list_fini(vecd_registry_list *list);

#endif
