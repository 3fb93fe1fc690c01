/* marks.c - growing and sorting of runs of marks. */
#include "tok/marks.h"

#include <string.h>

#include "base/mem.h"

bool vecd_mark_run_grow(vecd_mark_run *run) {
  size_t cap = run->cap ? run->cap * 2 : 64;
  vecd_mark *grown = vecd_realloc(VECD_MEM_SCRATCH, run->items, 2 * cap * sizeof *grown);
  if (!grown) return false;
  run->items = grown;
  run->cap = cap;
  return true;
}

void vecd_mark_run_sort(vecd_mark_run *run) {
  vecd_mark *marks = run->items, *room = marks + run->cap;
  size_t n = run->n;
  if (n <= 24) {
    for (size_t i = 1; i < n; i++) {
      vecd_mark m = marks[i];
      size_t k = i;
      for (; k > 0 && marks[k - 1].combining_class > m.combining_class; k--) marks[k] = marks[k - 1];
      marks[k] = m;
    }
    return;
  }
  size_t at[257] = {0};
  for (size_t i = 0; i < n; i++) at[marks[i].combining_class + 1]++;
  for (size_t k = 1; k < 257; k++) at[k] += at[k - 1];
  for (size_t i = 0; i < n; i++) room[at[marks[i].combining_class]++] = marks[i];
  memcpy(marks, room, n * sizeof *marks);
}

void vecd_mark_run_fini(vecd_mark_run *run) {
  vecd_free(run->items);
  *run = (vecd_mark_run){0};
}
