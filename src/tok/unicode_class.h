/* unicode_class.h - categories, scripts and clusters of code points, as the parts of Hugging Face tokenizers see them.
 *
 * The table (unicode_class_tab.c) is probed from the package by tools/make_unicode_class.py. Categories, regex_script and WORD are
 * those of its regular expressions (Oniguruma), script those of UnicodeScripts, which are older, NUMERIC is what Digits takes. */
#ifndef VECD_TOK_UNICODE_CLASS_H
#define VECD_TOK_UNICODE_CLASS_H

#include <stddef.h>
#include <stdint.h>

/* Lists as long as these keep clang-format from coming to an end. */
/* clang-format off */
/* General categories, in the table's order. */
#define VECD_UNICODE_CATEGORY_LIST(X) \
  X(Cn) X(Cc) X(Cf) X(Co) X(Ll) X(Lm) X(Lo) X(Lt) X(Lu) X(Mc) \
  X(Me) X(Mn) X(Nd) X(Nl) X(No) X(Pc) X(Pd) X(Pe) X(Pf) X(Pi) \
  X(Po) X(Ps) X(Sc) X(Sk) X(Sm) X(So) X(Zl) X(Zp) X(Zs)

/* Scripts that regular expressions may name, from 1 on; 0: any other. */
#define VECD_UNICODE_SCRIPT_LIST(X) \
  X(Arabic) X(Armenian) X(Bengali) X(Bopomofo) X(Common) X(Cyrillic) X(Devanagari) X(Ethiopic) X(Georgian) X(Greek) \
  X(Gujarati) X(Gurmukhi) X(Han) X(Hangul) X(Hebrew) X(Hiragana) X(Inherited) X(Kannada) X(Katakana) X(Khmer) \
  X(Lao) X(Latin) X(Malayalam) X(Mongolian) X(Myanmar) X(Oriya) X(Sinhala) X(Tamil) X(Telugu) X(Thai) \
  X(Tibetan)
/* clang-format on */

/* Where a grapheme cluster may end (Unicode Standard Annex 29). */
typedef enum vecd_unicode_cluster {
  VECD_CLUSTER_OTHER,
  VECD_CLUSTER_CR,
  VECD_CLUSTER_LF,
  VECD_CLUSTER_CONTROL,
  VECD_CLUSTER_EXTEND,
  VECD_CLUSTER_ZWJ,
  VECD_CLUSTER_SPACING,
  VECD_CLUSTER_PREPEND,
  VECD_CLUSTER_PICTURE,
  VECD_CLUSTER_L,
  VECD_CLUSTER_V,
  VECD_CLUSTER_T,
  VECD_CLUSTER_LV,
  VECD_CLUSTER_LVT,
} vecd_unicode_cluster;

#define VECD_CLASS_WORD      (1u << 0) /* \w of Oniguruma */
#define VECD_CLASS_NUMERIC   (1u << 1)
#define VECD_CLASS_CONSONANT (1u << 2) /* the three kinds of Indic_Conjunct_Break */
#define VECD_CLASS_LINKER    (1u << 3)
#define VECD_CLASS_CONJOINER (1u << 4)

typedef struct vecd_unicode_class {
  uint8_t category; /* place in the list above */
  uint8_t cluster;
  uint8_t script; /* of UnicodeScripts; 0: parts nothing */
  uint8_t regex_script;
  uint8_t flags;
} vecd_unicode_class;

#define VECD_UNICODE_CLASS_SHIFT 7

extern const vecd_unicode_class vecd_unicode_classes[];
extern const uint16_t vecd_unicode_class_blocks[];
extern const uint16_t vecd_unicode_class_of[];

static inline const vecd_unicode_class *vecd_unicode_class_get(uint32_t c) {
  size_t block = vecd_unicode_class_blocks[c >> VECD_UNICODE_CLASS_SHIFT];
  size_t in_block = c & ((1u << VECD_UNICODE_CLASS_SHIFT) - 1);
  return &vecd_unicode_classes[vecd_unicode_class_of[block << VECD_UNICODE_CLASS_SHIFT | in_block]];
}

#endif
