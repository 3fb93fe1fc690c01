/* library.h - a shared library that is opened when it is first needed, by the few commands that need it. Linking libcurl in the
 * ordinary way costs every start of the program several times what all the rest of it takes (docs/ARCHITECTURE.md has figures). */
#ifndef VECD_REGISTRY_LIBRARY_H
#define VECD_REGISTRY_LIBRARY_H

#include "base/err.h"

typedef struct vecd_library_symbol {
  const char *name;
  void *to; /* points to a pointer to a function, which is set */
} vecd_library_symbol;

/* Opens `file` ("libcurl.so.4") for good and looks up n symbols in it. The call is not made twice for the same pointers: that is
 * what pthread_once() is for.
 * VECD_OK; VECD_UNSUPPORTED it is not there or lacks a symbol; err names it and `package`, which has it in Debian. */
VECD_CHECK vecd_status vecd_library_open(const char *file, const char *package, const vecd_library_symbol *symbols, size_t n,
                                         vecd_err *err);

#endif
