/* once.h - things that are said once for each of some names, however often they come up. */
#ifndef VECD_API_ONCE_H
#define VECD_API_ONCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct vecd_once_set {
  pthread_mutex_t lock;
  const char **names;
  size_t n;
} vecd_once_set;

void vecd_once_init(vecd_once_set *set);
void vecd_once_fini(vecd_once_set *set);

/* True the first time for a name, and where memory is out. `name` is told by its address, borrowed until fini. Any thread. */
bool vecd_once(vecd_once_set *set, const char *name);

#endif
