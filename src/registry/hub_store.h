/* hub_store.h - the hub's cache as its writers see it; hub_cache.h has the layout. What other processes see is always whole: a blob
 * comes into being by renaming, a snapshot is linked when all of its blobs are there, and the ref is written last. A blob is written
 * under its lock, <root>/.locks/models--<org>--<name>/<etag>.lock, held with flock() as the Python client holds it; what there is of
 * it so far is blobs/<etag>.incomplete, which whoever gets the lock next goes on with.
 *
 * Nothing is written before it must be, so that a complete cache may be read-only. All functions but the lock's are thread-safe;
 * who holds a blob's lock alone touches its partial file. */
#ifndef VECD_REGISTRY_HUB_STORE_H
#define VECD_REGISTRY_HUB_STORE_H

#include <stdbool.h>

#include "registry/hub_reply.h"

typedef struct vecd_hub_store {
  char *folder; /* <root>/models--<org>--<name> */
  char *locks;  /* <root>/.locks/models--<org>--<name> */
} vecd_hub_store;

/* Of repository `id`, a valid one, under `root`. VECD_OK; VECD_NO_MEMORY. *out is to be given back in any case. */
VECD_CHECK vecd_status vecd_hub_store_open(const char *root, const char *id, vecd_hub_store *out, vecd_err *err);
void vecd_hub_store_close(vecd_hub_store *store);

/* "<folder>/snapshots/<commit>", the same with "/<name>", "<folder>/blobs/<etag>", on the heap; NULL when memory is out. */
char *vecd_hub_store_snapshot(const vecd_hub_store *store, const char *commit);
char *vecd_hub_store_file(const vecd_hub_store *store, const char *commit, const char *name);
char *vecd_hub_store_blob(const vecd_hub_store *store, const char *etag);

/* The snapshot has file `name`, or the repository the blob, of `size` bytes (VECD_HUB_UNSAID: of any). */
bool vecd_hub_store_has_file(const vecd_hub_store *store, const char *commit, const char *name, uint64_t size);
bool vecd_hub_store_has_blob(const vecd_hub_store *store, const char *etag, uint64_t size);

/* Told every 100 ms of waiting; false gives up. */
typedef bool vecd_hub_store_tick(void *ctx);

/* Takes the blob's lock, waiting for who has it. *lock is given back with _unlock.
 * VECD_OK; VECD_CANCELLED tick said so; VECD_IO. */
VECD_CHECK vecd_status vecd_hub_store_lock(const vecd_hub_store *store, const char *etag, vecd_hub_store_tick *tick, void *ctx,
                                           int *lock, vecd_err *err);
void vecd_hub_store_unlock(int lock);

/* VECD_OK; VECD_IO there are not n_bytes free for blobs (err has both numbers). */
VECD_CHECK vecd_status vecd_hub_store_check_space(const vecd_hub_store *store, uint64_t n_bytes, vecd_err *err);

/* The blob's partial file, open for reading and writing, and its length so far. The caller closes it. VECD_OK; VECD_IO. */
VECD_CHECK vecd_status vecd_hub_store_open_partial(const vecd_hub_store *store, const char *etag, int *fd, uint64_t *n_bytes,
                                                   vecd_err *err);
uint64_t vecd_hub_store_partial_bytes(const vecd_hub_store *store, const char *etag);
void vecd_hub_store_drop_partial(const vecd_hub_store *store, const char *etag);

/* Makes the partial file, open as fd, the blob. It is on the disk before it has its name. VECD_OK; VECD_IO. */
VECD_CHECK vecd_status vecd_hub_store_publish(const vecd_hub_store *store, const char *etag, int fd, vecd_err *err);

/* Links the snapshot's file `name` to the blob, in place of what is there. VECD_OK; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_store_link(const vecd_hub_store *store, const char *commit, const char *name, const char *etag,
                                           vecd_err *err);

/* Makes refs/<revision> name the commit; a revision that is the commit has no ref. VECD_OK; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_store_set_ref(const vecd_hub_store *store, const char *revision, const char *commit,
                                              vecd_err *err);

#endif
