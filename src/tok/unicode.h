/* unicode.h - what Hugging Face tokenizers takes each code point for.
 *
 * Its parts disagree about the Unicode version, so the tables (unicode_tab.c) are probed from the package itself by
 * tools/make_unicode.py and depend on no library of ours. Every function takes any value below 0x110000. */
#ifndef VECD_TOK_UNICODE_H
#define VECD_TOK_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

#define VECD_UNICODE_CONTROL         (1u << 0) /* dropped by clean_text: controls, formats, private use, U+FFFD, ... */
#define VECD_UNICODE_SPACE           (1u << 1) /* White_Space */
#define VECD_UNICODE_CJK             (1u << 2) /* handle_chinese_chars puts it between spaces */
#define VECD_UNICODE_MARK_NONSPACING (1u << 3) /* category Mn, dropped by strip_accents */
#define VECD_UNICODE_MARK            (1u << 4) /* category M, dropped by StripAccents */
#define VECD_UNICODE_PUNCTUATION     (1u << 5) /* a word of its own to BertPreTokenizer */
#define VECD_UNICODE_WORD            (1u << 6) /* \w of a regex, for added tokens that are a single_word */
#define VECD_UNICODE_DECOMPOSES      (1u << 7) /* canonically, by table; Hangul syllables do so by arithmetic */

typedef struct vecd_unicode_record {
  int32_t lower_delta; /* lower case minus the character */
  uint8_t props;
  uint8_t combining_class;
} vecd_unicode_record;

#define VECD_UNICODE_RECORD_SHIFT        7
#define VECD_UNICODE_DECOMPOSITION_SHIFT 8
#define VECD_UNICODE_MOST_DECOMPOSED     8 /* room for one character's decomposition */

extern const vecd_unicode_record vecd_unicode_records[];
extern const uint8_t vecd_unicode_record_blocks[];
extern const uint8_t vecd_unicode_record_of[];
extern const uint8_t vecd_unicode_decomposition_blocks[];
extern const uint16_t vecd_unicode_decomposition_of[];
extern const uint32_t vecd_unicode_decompositions[];

static inline const vecd_unicode_record *vecd_unicode_get(uint32_t c) {
  size_t block = vecd_unicode_record_blocks[c >> VECD_UNICODE_RECORD_SHIFT];
  size_t in_block = c & ((1u << VECD_UNICODE_RECORD_SHIFT) - 1);
  return &vecd_unicode_records[vecd_unicode_record_of[block << VECD_UNICODE_RECORD_SHIFT | in_block]];
}

static inline unsigned vecd_unicode_props(uint32_t c) { return vecd_unicode_get(c)->props; }

static inline bool vecd_unicode_is_space(uint32_t c) { return (vecd_unicode_props(c) & VECD_UNICODE_SPACE) != 0; }

/* Full lower case, character by character: U+0130 is the one that becomes two. Gives their number. */
static inline size_t vecd_unicode_lower(uint32_t c, const vecd_unicode_record *record, uint32_t out[2]) {
  if (c == 0x130) return out[0] = 'i', out[1] = 0x307, 2;
  return out[0] = c + (uint32_t)record->lower_delta, 1;
}

/* Full canonical decomposition of one character; gives the number of characters, 1 where it stays as it is. */
static inline size_t vecd_unicode_decompose(uint32_t c, const vecd_unicode_record *record,
                                            uint32_t out[VECD_UNICODE_MOST_DECOMPOSED]) {
  uint32_t syllable = c - 0xac00;
  if (syllable < 11172) { /* Unicode standard, section 3.12 */
    out[0] = 0x1100 + syllable / 588;
    out[1] = 0x1161 + syllable % 588 / 28;
    out[2] = 0x11a7 + syllable % 28;
    return syllable % 28 ? 3 : 2;
  }
  if (!(record->props & VECD_UNICODE_DECOMPOSES)) return out[0] = c, 1;
  size_t block = vecd_unicode_decomposition_blocks[c >> VECD_UNICODE_DECOMPOSITION_SHIFT];
  size_t in_block = c & ((1u << VECD_UNICODE_DECOMPOSITION_SHIFT) - 1);
  unsigned where = vecd_unicode_decomposition_of[block << VECD_UNICODE_DECOMPOSITION_SHIFT | in_block];
  const uint32_t *from = vecd_unicode_decompositions + (where >> 3);
  for (size_t i = 0; i < (where & 7u); i++) out[i] = from[i];
  return where & 7u;
}

#endif
