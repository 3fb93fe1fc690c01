/* regex_classes.h - the sets of one regular expression, and the classes of characters they tell apart. */
#ifndef VECD_TOK_REGEX_CLASSES_H
#define VECD_TOK_REGEX_CLASSES_H

#include "tok/regex_pattern.h"

#define VECD_REGEX_MOST_SETS    128
#define VECD_REGEX_MOST_CLASSES 255

/* Zeroed is legal and empty. */
typedef struct vecd_regex_sets {
  vecd_char_set sets[VECD_REGEX_MOST_SETS];
  size_t n;
  uint64_t members[VECD_REGEX_MOST_CLASSES + 1][2]; /* bit k: the class is in set k */
  size_t n_classes;                                 /* numbers 0 .. n_classes - 1 */
} vecd_regex_sets;

/* Takes the set, a tidy one, over. Gives its number (the same for the same set), -1 when there are too many. */
int vecd_regex_sets_put(vecd_regex_sets *sets, vecd_char_set *set);

/* Numbers the classes. VECD_OK; VECD_UNSUPPORTED too many; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_regex_sets_to_classes(vecd_regex_sets *sets, vecd_regex_classes *classes, vecd_err *err);

/* Appends set `number` as a PCRE2 class of bytes. */
void vecd_regex_sets_write(const vecd_regex_sets *sets, size_t number, vecd_buf *out);

void vecd_regex_sets_fini(vecd_regex_sets *sets);

#endif
