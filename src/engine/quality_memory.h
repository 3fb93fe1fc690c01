/* quality_memory.h - similarities of INT8 to FP32 that were measured once, kept in a file so that they are not paid for again.
 *
 * The file is JSON: {"vecd":"0.1.0","measured":{"<key>":{"mean":0.9994,"least":0.9979}}}. One of another version, or one that cannot
 * be understood, counts as empty and is overwritten. Written as a whole beside itself and renamed, so it is never half there. */
#ifndef VECD_ENGINE_QUALITY_MEMORY_H
#define VECD_ENGINE_QUALITY_MEMORY_H

#include <stdbool.h>

#include "base/err.h"

typedef struct vecd_quality_mark {
  double mean, least; /* cosines */
} vecd_quality_mark;

/* One user at a time. */
typedef struct vecd_quality_memory vecd_quality_memory;

/* path: copied; NULL: nothing is kept beyond this process. A file that cannot be read is logged. VECD_OK; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_quality_memory_open(const char *path, vecd_quality_memory **out, vecd_err *err);
void vecd_quality_memory_close(vecd_quality_memory **memory);

/* What is known of `key`, which names a folder's files as they are (NUL-terminated UTF-8). */
bool vecd_quality_memory_get(const vecd_quality_memory *memory, const char *key, vecd_quality_mark *out);

/* Remembers, and writes the file. Where that fails it is logged: it is remembered for this process all the same. */
void vecd_quality_memory_put(vecd_quality_memory *memory, const char *key, vecd_quality_mark mark);

#endif
