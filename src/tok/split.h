/* split.h - cutting a text at delimiters: what becomes of the delimiter is one of five behaviours. */
#ifndef VECD_TOK_SPLIT_H
#define VECD_TOK_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum vecd_split_behavior {
  VECD_SPLIT_REMOVED,
  VECD_SPLIT_ISOLATED,
  VECD_SPLIT_MERGED_WITH_PREVIOUS,
  VECD_SPLIT_MERGED_WITH_NEXT,
  VECD_SPLIT_CONTIGUOUS,
} vecd_split_behavior;

typedef struct vecd_piece_range {
  uint32_t begin, end; /* bytes of a text */
} vecd_piece_range;

/* Pieces in the order of the text. Zeroed is legal and empty. */
typedef struct vecd_piece_list {
  vecd_piece_range *ranges; /* [n] */
  size_t n, cap;
  bool failed; /* memory ran out */
} vecd_piece_list;

bool vecd_piece_list_grow(vecd_piece_list *list);

/* Empty pieces are left out. */
static inline void vecd_piece_list_put(vecd_piece_list *list, size_t begin, size_t end) {
  if (begin >= end || (list->n == list->cap && !vecd_piece_list_grow(list))) return;
  list->ranges[list->n++] = (vecd_piece_range){(uint32_t)begin, (uint32_t)end};
}

void vecd_piece_list_fini(vecd_piece_list *list);

/* Takes the parts of one piece, in turn, delimiters or not, and puts what becomes of them into a list. */
typedef struct vecd_splitter {
  vecd_piece_list *list;
  vecd_split_behavior behavior;
  bool invert;                  /* delimiters are what is said to be none */
  bool waiting, last_delimiter; /* a piece that may still grow; the last part was a delimiter */
  size_t begin, end;            /* of the waiting piece */
} vecd_splitter;

static inline vecd_splitter vecd_splitter_to(vecd_piece_list *list, vecd_split_behavior behavior, bool invert) {
  return (vecd_splitter){.list = list, .behavior = behavior, .invert = invert};
}

void vecd_splitter_part(vecd_splitter *s, size_t begin, size_t end, bool delimiter);
void vecd_splitter_end(vecd_splitter *s);

#endif
