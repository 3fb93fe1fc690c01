/* marks.h - runs of characters that wait for their place in canonical order (Unicode standard, section 3.11). */
#ifndef VECD_TOK_MARKS_H
#define VECD_TOK_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vecd_mark {
  uint32_t c;
  int32_t change; /* as in transform.h; decomposed, it is 0 for the first character of its source and 1 for the others */
  uint8_t combining_class;
} vecd_mark;

/* Zeroed is legal and empty. Memory is kept and used again. */
typedef struct vecd_mark_run {
  vecd_mark *items; /* [2 * cap], the upper half to sort in */
  size_t n, cap;
} vecd_mark_run;

/* Makes room for one more; false when memory is out. */
bool vecd_mark_run_grow(vecd_mark_run *run);

/* False when memory is out: the run is as it was. */
static inline bool vecd_mark_run_put(vecd_mark_run *run, vecd_mark mark) {
  if (run->n == run->cap && !vecd_mark_run_grow(run)) return false;
  run->items[run->n++] = mark;
  return true;
}

/* By combining class. Stable, and linear in a long run: a text may be one run of a million marks. */
void vecd_mark_run_sort(vecd_mark_run *run);

void vecd_mark_run_fini(vecd_mark_run *run);

#endif
