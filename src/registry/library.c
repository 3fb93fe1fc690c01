/* library.c - see library.h. */
#include "registry/library.h"

#include <dlfcn.h>
#include <string.h>

vecd_status vecd_library_open(const char *file, const char *package, const vecd_library_symbol *symbols, size_t n,
                              vecd_err *err) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "downloads need %s, which Debian has in the package %s: %s", file,
                        package, dlerror());
  for (size_t i = 0; i < n; i++) {
    void *found = dlsym(library, symbols[i].name);
    if (!found)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                          "%s has no %s: too old for downloads; Debian has it in the package %s", file, symbols[i].name,
                          package);
    memcpy(symbols[i].to, &found, sizeof found);
  }
  return VECD_OK;
}
