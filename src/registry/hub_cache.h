/* hub_cache.h - the cache that Hugging Face's clients share, as its readers see it:
 *
 *   <root>/models--<org>--<name>/refs/<revision>       a file: the hash of a commit
 *                                blobs/<etag>          the files' bytes
 *                                snapshots/<commit>/   a folder as on the hub, of links into blobs/
 *
 * Layout and rules are the Python client's (huggingface_hub), so that what one has downloaded serves the other. Whatever lies
 * there was written by others: names are checked before they become paths, and nothing is read but a ref's few bytes. All
 * functions are thread-safe and keep nothing. */
#ifndef VECD_REGISTRY_HUB_CACHE_H
#define VECD_REGISTRY_HUB_CACHE_H

#include "base/err.h"
#include "base/span.h"

#define VECD_HUB_MAIN             "main" /* the revision where none is named */
#define VECD_HUB_ID_BYTES         194    /* room for the longest id, "org/name", with its NUL */
#define VECD_HUB_COMMIT_LEN       40     /* hexadecimal digits of a commit's hash */
#define VECD_HUB_REVISION_MOST    255    /* bytes of the longest revision */
#define VECD_HUB_FOLDER_OF_MODELS "models--"

/* Where the cache is: $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
 * ~/.cache/huggingface/hub. As in Python a leading "~" or "~user" and "$NAME" or "${NAME}" in them are replaced; a variable that is
 * empty counts as not set. *root: the caller's (vecd_free); the directory need not exist. VECD_OK; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_cache_root(char **root, vecd_err *err);

/* Where a person's token lies, likewise: $HF_TOKEN_PATH, else $HF_HOME/token, else $XDG_CACHE_HOME/huggingface/token, else
 * ~/.cache/huggingface/token. */
VECD_CHECK vecd_status vecd_hub_token_path(char **path, vecd_err *err);

/* "name" or "org/name", each of 1 to 96 ASCII letters, digits, '_', '-' and '.', neither beginning nor ending with '-' or '.',
 * without "--", ".." and an ending ".git": what the hub allows. Such an id never leads out of the cache. */
bool vecd_hub_id_is_valid(vecd_span id);

/* A branch, a tag ("v1.0"), "refs/pr/1" or a commit: components that are neither empty nor begin with '.', of printable ASCII
 * without spaces and backslashes. */
bool vecd_hub_revision_is_valid(vecd_span revision);

/* 40 digits, as the hub writes them: lower case. */
bool vecd_hub_commit_is_valid(vecd_span commit);

/* "<root>/models--org--name" on the heap; NULL when memory is out. id must be valid. */
char *vecd_hub_cache_folder(const char *root, const char *id);

/* The id whose folder is called `folder` ("models--org--name"), into out, which has VECD_HUB_ID_BYTES. False: no model's folder. */
bool vecd_hub_id_of_folder(const char *folder, char *out);

/* The snapshot of repository `id`, as far as it has been downloaded.
 *
 * revision  nullable: VECD_HUB_MAIN. A whole commit hash stands for itself, anything else is looked up in refs/.
 * path      set on success: the caller's (vecd_free).
 * VECD_OK; VECD_NOT_FOUND it is not there, or the id or the revision is not valid; VECD_BAD_MODEL the ref is damaged; VECD_IO;
 * VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_cache_find(const char *root, const char *id, const char *revision, char **path, vecd_err *err);

/* Told of one repository; anything but VECD_OK ends the scan. id and path are borrowed until return. */
typedef vecd_status vecd_hub_visit(void *ctx, const char *id, const char *path, vecd_err *err);

/* Visits every repository of models whose main revision is there, with the path of its snapshot, in no order. Those that are
 * damaged or have only other revisions are passed over. A root that does not exist has none.
 * VECD_OK; VECD_IO the root cannot be listed; VECD_NO_MEMORY; or what visit says. */
VECD_CHECK vecd_status vecd_hub_cache_scan(const char *root, vecd_hub_visit *visit, void *ctx, vecd_err *err);

#endif
