/* hub_reply.h - the head of a hub's reply, read with suspicion: nothing it says is longer, larger or of other characters than its
 * field allows. What does not fit its field counts as not said. */
#ifndef VECD_REGISTRY_HUB_REPLY_H
#define VECD_REGISTRY_HUB_REPLY_H

#include "registry/hub_cache.h"

#define VECD_HUB_UNSAID UINT64_MAX

/* No file is longer than that. Sizes over it count as not said, so that sums of them do not overflow. */
#define VECD_HUB_MOST_BYTES ((uint64_t)1 << 50)

#define VECD_HUB_ETAG_BYTES 129 /* room for the longest ETag, with its NUL */

typedef struct vecd_hub_reply {
  unsigned status;                       /* 0: no reply yet */
  char etag[VECD_HUB_ETAG_BYTES];        /* ETag without W/ and quotes, fit to be a file's name; "" unsaid */
  char linked_etag[VECD_HUB_ETAG_BYTES]; /* X-Linked-Etag: that of the file a redirect leads to */
  char commit[VECD_HUB_COMMIT_LEN + 1];  /* X-Repo-Commit; "" unsaid */
  char error_code[32];                   /* X-Error-Code: "GatedRepo", "RevisionNotFound", ...; "" unsaid */
  uint64_t length;                       /* Content-Length, in bytes; VECD_HUB_UNSAID */
  uint64_t linked_size;                  /* X-Linked-Size */
  uint64_t range_from, range_total;      /* Content-Range: bytes FROM-.../TOTAL */
  uint64_t retry_after_s;                /* Retry-After where it is a number of seconds */
} vecd_hub_reply;

/* Nothing said. */
void vecd_hub_reply_init(vecd_hub_reply *reply);

/* Takes one line of the head, with or without its end of line, any bytes. A status line begins a new reply (a redirect's, or the
 * one behind "100 Continue") and forgets what was said before. */
void vecd_hub_reply_add_line(vecd_hub_reply *reply, vecd_span line);

/* Can be the name of a blob: 1 .. 128 letters, digits, '.', '_' and '-', the first no '.'. */
bool vecd_hub_etag_is_valid(vecd_span text);

#endif
