/* mapping_guard.h - a mapped file that is cut short while it is in use must not end the process.
 *
 * Touching a page that the file no longer has raises SIGBUS. With the guard in place the page reads as zeros from then on, and the
 * fault is counted: whoever has just used a mapping sees by the count that what it read is worth nothing. For programs: a library
 * installs no signal handlers. */
#ifndef VECD_BASE_MAPPING_GUARD_H
#define VECD_BASE_MAPPING_GUARD_H

#include <stddef.h>

/* Installs the handler. A SIGBUS outside of our mappings ends the process as before. Once, before threads start. */
void vecd_mapping_guard_install(void);

/* Pages lost so far, in all mappings together. Any thread. */
unsigned vecd_mapping_guard_faults(void);

/* What lies in [ptr, ptr + len) is a mapping, until it is taken away (just before it is unmapped). The first 1,024 at a time are
 * guarded. NULL is legal. Any thread. */
void vecd_mapping_guard_add(const void *ptr, size_t len);
void vecd_mapping_guard_remove(const void *ptr);

#endif
