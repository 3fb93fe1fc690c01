/* env.h - the environment as people mean it. */
#ifndef VECD_BASE_ENV_H
#define VECD_BASE_ENV_H

#include <stdlib.h>

/* The variable's value; NULL where it is not set, or is empty, which counts as not set. */
static inline const char *vecd_env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

#endif
