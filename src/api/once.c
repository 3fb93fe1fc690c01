/* once.c - see once.h: a few names, so a list that is walked. */
#include "api/once.h"

#include "base/mem.h"

void vecd_once_init(vecd_once_set *set) {
  *set = (vecd_once_set){.n = 0};
  pthread_mutex_init(&set->lock, NULL);
}

void vecd_once_fini(vecd_once_set *set) {
  vecd_free(set->names);
  pthread_mutex_destroy(&set->lock);
}

bool vecd_once(vecd_once_set *set, const char *name) {
  pthread_mutex_lock(&set->lock);
  bool is_new = true;
  for (size_t i = 0; i < set->n && is_new; i++) is_new = set->names[i] != name;
  const char **grown = is_new ? vecd_realloc(VECD_MEM_MISC, set->names, (set->n + 1) * sizeof *grown) : NULL;
  if (grown) {
    set->names = grown;
    set->names[set->n++] = name;
  }
  pthread_mutex_unlock(&set->lock);
  return is_new;
}
