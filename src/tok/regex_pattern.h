/* regex_pattern.h - reading a regular expression as Oniguruma does, and writing it for PCRE2 over an alphabet of classes.
 *
 * A pattern tells only as many characters apart as its sets do. So every code point gets the number of the class it falls into,
 * and PCRE2 sees a text of such numbers, one byte a character: all of Unicode (versions, \s, \w, case) is decided by our tables,
 * and its own byte tables stay small and fast. */
#ifndef VECD_TOK_REGEX_PATTERN_H
#define VECD_TOK_REGEX_PATTERN_H

#include "base/buf.h"
#include "tok/char_set.h"

#define VECD_REGEX_BLOCK_SHIFT 7
#define VECD_REGEX_N_BLOCKS    (0x110000u >> VECD_REGEX_BLOCK_SHIFT)

/* The class of every code point. Zeroed is legal and empty. */
typedef struct vecd_regex_classes {
  uint16_t *block_of; /* [VECD_REGEX_N_BLOCKS] */
  uint8_t *blocks;    /* [n_blocks << VECD_REGEX_BLOCK_SHIFT] */
  size_t n_blocks;
} vecd_regex_classes;

static inline uint8_t vecd_regex_class_of(const vecd_regex_classes *classes, uint32_t c) {
  size_t block = classes->block_of[c >> VECD_REGEX_BLOCK_SHIFT];
  return classes->blocks[block << VECD_REGEX_BLOCK_SHIFT | (c & ((1u << VECD_REGEX_BLOCK_SHIFT) - 1))];
}

/* Translates `pattern`. `where` names it in errors. *out gets PCRE2's syntax, ASCII.
 * VECD_OK; VECD_BAD_MODEL it is malformed; VECD_UNSUPPORTED syntax we do not have, by name; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_regex_translate(const char *where, vecd_span pattern, vecd_buf *out, vecd_regex_classes *classes,
                                            vecd_err *err);
void vecd_regex_classes_fini(vecd_regex_classes *classes);

#endif
