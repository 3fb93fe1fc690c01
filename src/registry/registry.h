/* registry.h - which models there are and where they lie: folders named by path, the folders under one directory (the models
 * folder), the cache of Hugging Face's clients, and the catalogue, which knows of models that are nowhere here.
 *
 * A model's id is its path below the models folder ("all-MiniLM-L6-v2", or "org/name" for a folder one level down), or the id of
 * its repository on the hub. Where the catalogue has a row for it, by id or by hf_path, the row's id is what it is called,
 * whichever was asked for, so that one model has one name. It lies in the first of: a folder added by path under that id; the
 * models folder, under the id, then under the row's hf_path; the hub's cache, under hf_path, without a row under the id.
 *
 * Directories are looked at anew each time. Thread-safe after set-up; the catalogue may be read anew at any time. */
#ifndef VECD_REGISTRY_REGISTRY_H
#define VECD_REGISTRY_REGISTRY_H

#include "base/err.h"
#include "registry/catalogue.h"
#include "registry/model_id.h"

typedef struct vecd_registry vecd_registry;

/* One model found. */
typedef struct vecd_registry_entry {
  char *id;
  char *path;             /* NULL: the catalogue knows of it, but it is not on this machine */
  uint64_t weights_bytes; /* size of model.safetensors, or what an index says of several files; 0 where neither is there */
  const vecd_catalogue_row *row; /* what the catalogue says of it; nullable */
} vecd_registry_entry;

/* Everything in it belongs to it. */
typedef struct vecd_registry_list {
  vecd_registry_entry *entries;
  size_t n_entries;
  vecd_catalogue *catalogue; /* a share, where the rows live */
} vecd_registry_list;

/* The model the project ships its quick start with, and the built-in catalogue's default. */
#define VECD_DEFAULT_MODEL "all-MiniLM-L6-v2"

/* Reads the user's catalogue (catalogue.json in the models folder, if it is there) and finds the hub's cache, as
 * vecd_hub_cache_root().
 *
 * root  the models folder; NULL: $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else ~/.local/share/vecd/models. Need not exist.
 * VECD_OK; VECD_BAD_MODEL or VECD_IO the user's catalogue (err names row and field); VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_registry_new(const char *root, vecd_registry **out, vecd_err *err);
void vecd_registry_free(vecd_registry **registry);

/* The models folder, and the hub's cache. The registry's. */
const char *vecd_registry_root(const vecd_registry *registry);
const char *vecd_registry_cache_root(const vecd_registry *registry);

/* `text` as strangers may see it: no directory of this machine stands in front of the names of models and files in it. out has room
 * for `cap` bytes; what is longer is cut. */
void vecd_registry_public_text(const vecd_registry *registry, const char *text, char *out, size_t cap);

/* Makes the folder at `path` known under its own name (its last component; of a snapshot in the hub's cache the repository's id), in
 * front of all else; the id is put into *id (borrowed) where id is not NULL. VECD_OK; VECD_NOT_FOUND no config.json there;
 * VECD_NO_MEMORY. Set-up only. */
VECD_CHECK vecd_status vecd_registry_add(vecd_registry *registry, const char *path, const char **id, vecd_err *err);

/* Reads the user's catalogue again and puts it in place of the one there is, whose shares stay good. As vecd_registry_new(); on
 * failure the old one stays. */
VECD_CHECK vecd_status vecd_registry_reload(vecd_registry *registry, vecd_err *err);

/* A share of the catalogue as it is now, to be given back with vecd_catalogue_unpin(). */
vecd_catalogue *vecd_registry_catalogue(const vecd_registry *registry);

/* Whether the hub has the model, as far as the catalogue knows: there is something to download. */
bool vecd_registry_is_on_hub(const vecd_registry *registry, const char *id);

/* What model `asked` is called: the id of its row in the catalogue, copied into `room`, else `asked` itself. NULL asks for the
 * catalogue's default. */
const char *vecd_registry_id_of(const vecd_registry *registry, const char *asked, char room[VECD_MODEL_ID_BYTES]);

/* What people call model `id`: its row's name, copied into `room`, else the id without the organisation in front (points into id). */
const char *vecd_registry_name_of(const vecd_registry *registry, const char *id, char room[VECD_MODEL_NAME_BYTES]);

/* The folder of model `id`; *path is the caller's (vecd_free). An id never leads out of the directories: "..", "." and absolute
 * paths are not found. VECD_OK; VECD_NOT_FOUND "Model not found: X", and how to get it where the catalogue knows it; VECD_BAD_MODEL
 * the hub's cache is damaged there; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_registry_find(const vecd_registry *registry, const char *id, char **path, vecd_err *err);

/* What a person types: a path to a folder (it exists, or it starts with '/' or '.'), else an id. As above; the message says
 * where was looked and what there is.
 *
 * id  nullable; set on success: what the model is called, as vecd_registry_add() and vecd_registry_id_of() have it; the caller's. */
VECD_CHECK vecd_status vecd_registry_resolve(const vecd_registry *registry, const char *id_or_path, char **path, char **id,
                                             vecd_err *err);

/* All models on this machine, sorted by id. Given back with vecd_registry_list_fini(). A directory that does not exist has none. */
VECD_CHECK vecd_status vecd_registry_scan(const vecd_registry *registry, vecd_registry_list *out, vecd_err *err);

/* The same with the catalogue's others: the default first, then by size, then by id. */
VECD_CHECK vecd_status vecd_registry_survey(const vecd_registry *registry, vecd_registry_list *out, vecd_err *err);

void vecd_registry_list_fini(vecd_registry_list *list);

#endif
