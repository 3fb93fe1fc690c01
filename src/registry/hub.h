/* hub.h - a model from the hub into the cache that all of Hugging Face's clients share: the files vecd reads and no others, checked
 * against the hashes the hub gives, so that `vecd_hub_cache_find()` has a whole folder afterwards. What other processes see is never
 * half a model; what an ended pull leaves behind, the next one goes on with. */
#ifndef VECD_REGISTRY_HUB_H
#define VECD_REGISTRY_HUB_H

#include "registry/hub_options.h"

/* How far a pull is. */
typedef struct vecd_hub_progress {
  const char *file;     /* the one under way, or just done; "" before the first */
  bool is_file_done;    /* told once for each file that was fetched */
  const char *note;     /* one line on what holds it up ("... status 429; again in 3.0 s"), told once; else NULL */
  uint64_t done_bytes;  /* of all files, those from an earlier pull included; may fall where a hub knows no ranges */
  uint64_t total_bytes; /* to be fetched in all; 0: not known yet, or nothing is */
  double bytes_per_s;   /* mean since the first byte of this pull; 0 before it */
} vecd_hub_progress;

/* Told a few times a second, and at least once a second whatever happens, on the thread that pulls. False cancels. */
typedef bool vecd_hub_progress_fn(void *ctx, const vecd_hub_progress *progress);

/* Sees to it that the model of repository `id` at `revision` is in the cache, downloading what is missing. Blocks; any number of
 * threads and processes may pull at a time, the same model too: who comes second waits for the first one's files.
 *
 * options   hub_options.h. Offline, nothing is asked: the model is there or it is not.
 * id        "org/name" or "name".
 * revision  nullable: "main". A branch, a tag, or a commit.
 * progress  nullable, with its ctx.
 * path      set on success: the snapshot's folder, the caller's (vecd_free).
 * VECD_OK; VECD_BAD_ARGUMENT id or revision cannot be one; VECD_NOT_FOUND there is none, or it is private or gated, or offline and
 * not there; VECD_UNSUPPORTED it has no safetensors or no tokenizer.json (nothing large was downloaded), or there is no libcurl;
 * VECD_BAD_MODEL its lists of files are damaged or lead out of the folder; VECD_BUSY the hub asks for patience; VECD_IO network,
 * disk, or bytes that are not what the hub announced; VECD_CANCELLED; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_pull(const vecd_hub_options *options, const char *id, const char *revision,
                                     vecd_hub_progress_fn *progress, void *ctx, char **path, vecd_err *err);

#endif
