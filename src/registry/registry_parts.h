/* registry_parts.h - what a registry is made of; for registry.c and registry_scan.c only. */
#ifndef VECD_REGISTRY_REGISTRY_PARTS_H
#define VECD_REGISTRY_REGISTRY_PARTS_H

#include <pthread.h>

#include "base/mem.h"
#include "base/span.h"
#include "registry/registry.h"

/* A folder named by path. */
typedef struct vecd_registry_added {
  char *id, *path;
} vecd_registry_added;

/* The one catalogue there is at a time. */
typedef struct vecd_registry_shelf {
  pthread_mutex_t lock;
  vecd_catalogue *catalogue;
} vecd_registry_shelf;

struct vecd_registry {
  char *root, *cache_root;
  char *catalogue_path;
  vecd_registry_shelf *shelf;
  vecd_registry_added *added; /* in the order of vecd_registry_add() */
  size_t n_added;
};

/* "a/b" on the heap; NULL when memory is out. */
char *vecd_registry_join(const char *a, const char *b);

/* What makes a folder a model. */
bool vecd_registry_is_model(const char *dir);

/* The folder of the model that is called `id` and has this row, if it has one. VECD_NOT_FOUND leaves err alone. */
VECD_CHECK vecd_status vecd_registry_locate(const vecd_registry *registry, const char *id, const vecd_catalogue_row *row,
                                            char **path, vecd_err *err);

#endif
