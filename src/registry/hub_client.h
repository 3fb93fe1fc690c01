/* hub_client.h - the hub's protocol: which files a repository has, what is known of one, its bytes. A request that fails by the
 * weather (no answer any more, 429, 5xx) is made again, after a pause that doubles and is as long as the hub asks for; the token
 * goes to the endpoint and to nobody it redirects to.
 *
 * A client is for one repository, and for one thread at a time. Errors name repository and file and say what to do. */
#ifndef VECD_REGISTRY_HUB_CLIENT_H
#define VECD_REGISTRY_HUB_CLIENT_H

#include "registry/hub_listing.h"
#include "registry/hub_options.h"

typedef struct vecd_hub_client vecd_hub_client;

/* Whom the client tells, on the caller's thread. */
typedef struct vecd_hub_watch {
  bool (*tick)(void *ctx);                  /* about once a second or more often; false cancels */
  void (*say)(void *ctx, const char *line); /* what holds it up, once each time */
  void *ctx;
} vecd_hub_watch;

/* options, id and watch are borrowed until free. VECD_OK; VECD_UNSUPPORTED no libcurl; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_client_new(const vecd_hub_options *options, const char *id, const vecd_hub_watch *watch,
                                           vecd_hub_client **out, vecd_err *err);
void vecd_hub_client_free(vecd_hub_client **client);

/* All of these: VECD_NOT_FOUND there is no such repository, revision or file, or not for us (401, 403, 404); VECD_BUSY the hub
 * wants us to wait too long; VECD_IO no network, or the hub or what stands between does not do its part; VECD_CANCELLED;
 * VECD_NO_MEMORY. */

/* The files at `revision`. *out is filled on success only. */
VECD_CHECK vecd_status vecd_hub_client_list(vecd_hub_client *client, const char *revision, vecd_hub_listing *out,
                                            vecd_err *err);

/* What is said of file `name` at `commit`: etag is set, that of the file itself; length is its size, or VECD_HUB_UNSAID. */
VECD_CHECK vecd_status vecd_hub_client_head(vecd_hub_client *client, const char *commit, const char *name, vecd_hub_reply *out,
                                            vecd_err *err);

/* Gets file `name` of n_bytes into fd, which is open for writing.
 *
 * at  how many bytes fd has already; it grows, or falls to 0 where the hub sends everything again, and is n_bytes on success.
 * VECD_IO also: the disk is full, or the hub sends more or less than n_bytes. */
VECD_CHECK vecd_status vecd_hub_client_get(vecd_hub_client *client, const char *commit, const char *name, int fd,
                                           uint64_t n_bytes, uint64_t *at, vecd_err *err);

#endif
