/* hub_listing.h - which files a repository has at a commit: GET /api/models/<id>/revision/<revision>?blobs=true, whose reply is
 * {"sha": commit, "siblings": [{"rfilename": name, "size": n, "blobId": git's hash, "lfs": {"sha256": ..., "size": n}}, ...]}. Sizes
 * and hashes may be left out. */
#ifndef VECD_REGISTRY_HUB_LISTING_H
#define VECD_REGISTRY_HUB_LISTING_H

#include <jansson.h>

#include "registry/hub_reply.h"

#define VECD_HUB_MOST_LISTING_BYTES ((size_t)32 << 20)

typedef struct vecd_hub_entry {
  const char *name;    /* as the hub writes it: anything */
  uint64_t size;       /* in bytes; VECD_HUB_UNSAID */
  const char *sha256;  /* of its bytes, "" unsaid */
  const char *git_sha; /* git's hash of its blob, "" unsaid */
} vecd_hub_entry;

typedef struct vecd_hub_listing {
  char commit[VECD_HUB_COMMIT_LEN + 1];
  vecd_hub_entry *entries; /* sorted by name; strings belong to root */
  size_t n_entries;
  json_t *root;
} vecd_hub_listing;

/* Parses a reply; `id` is the repository's, for messages. *out is filled on success only and given back with _fini.
 * VECD_OK; VECD_IO it is not what it must be; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_listing_parse(const char *id, vecd_span text, vecd_hub_listing *out, vecd_err *err);
void vecd_hub_listing_fini(vecd_hub_listing *listing);

/* The file called `name`, or NULL. */
const vecd_hub_entry *vecd_hub_listing_find(const vecd_hub_listing *listing, const char *name);

#endif
