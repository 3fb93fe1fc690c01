/* char_set.h - sets of code points as sorted ranges, made of Unicode's properties; used while a regular expression is read. */
#ifndef VECD_TOK_CHAR_SET_H
#define VECD_TOK_CHAR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

typedef struct vecd_char_range {
  uint32_t lo, hi; /* both in it */
} vecd_char_range;

/* Zeroed is legal and empty. */
typedef struct vecd_char_set {
  vecd_char_range *ranges; /* [n] sorted and apart after vecd_char_set_tidy() */
  size_t n, cap;
  bool failed; /* memory ran out */
} vecd_char_set;

void vecd_char_set_fini(vecd_char_set *set);

void vecd_char_set_add(vecd_char_set *set, uint32_t lo, uint32_t hi);
void vecd_char_set_add_set(vecd_char_set *set, const vecd_char_set *other);

/* Sorts and joins the ranges. What is added later may undo it. */
void vecd_char_set_tidy(vecd_char_set *set);

/* Leaves the set tidy. */
void vecd_char_set_invert(vecd_char_set *set);

/* What \d \s \w \h stand for, without case. */
void vecd_char_set_add_escape(vecd_char_set *set, char escape);

/* Adds the property `name` ("L", "Lu", "Han", ...; case, '_', '-' and ' ' do not count); false: there is none. */
bool vecd_char_set_add_property(vecd_char_set *set, vecd_span name);

/* Both are tidy. */
bool vecd_char_set_eq(const vecd_char_set *a, const vecd_char_set *b);

#endif
