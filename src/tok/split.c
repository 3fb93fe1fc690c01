/* split.c - the behaviours of delimiters, one part at a time: at most one piece waits for what comes behind it. */
#include "tok/split.h"

#include "base/mem.h"

bool vecd_piece_list_grow(vecd_piece_list *list) {
  size_t cap = list->cap ? list->cap * 2 : 256;
  vecd_piece_range *grown = vecd_realloc(VECD_MEM_SCRATCH, list->ranges, cap * sizeof *grown);
  if (!grown) return list->failed = true, false;
  list->ranges = grown;
  list->cap = cap;
  return true;
}

void vecd_piece_list_fini(vecd_piece_list *list) {
  vecd_free(list->ranges);
  *list = (vecd_piece_list){0};
}

static bool grows(const vecd_splitter *s, bool delimiter) {
  switch (s->behavior) {
  case VECD_SPLIT_MERGED_WITH_PREVIOUS: return delimiter && !s->last_delimiter;
  case VECD_SPLIT_MERGED_WITH_NEXT: return s->last_delimiter && !delimiter;
  case VECD_SPLIT_CONTIGUOUS: return delimiter == s->last_delimiter;
  default: return false;
  }
}

void vecd_splitter_part(vecd_splitter *s, size_t begin, size_t end, bool delimiter) {
  delimiter ^= s->invert;
  if (s->behavior == VECD_SPLIT_ISOLATED || s->behavior == VECD_SPLIT_REMOVED) {
    if (s->behavior == VECD_SPLIT_ISOLATED || !delimiter) vecd_piece_list_put(s->list, begin, end);
    return;
  }
  if (s->waiting && grows(s, delimiter)) {
    s->end = end;
  } else {
    vecd_splitter_end(s);
    s->waiting = true;
    s->begin = begin;
    s->end = end;
  }
  s->last_delimiter = delimiter;
}

void vecd_splitter_end(vecd_splitter *s) {
  if (s->waiting) vecd_piece_list_put(s->list, s->begin, s->end);
  s->waiting = false;
}
