/* normalizer.h - the "normalizer" section: BertNormalizer, Lowercase, NFD, StripAccents, a Sequence of them, or null.
 *
 * Each of them is a pass over the text that does some of the steps below, always in this order. Null is one pass without steps. */
#ifndef VECD_TOK_NORMALIZER_H
#define VECD_TOK_NORMALIZER_H

#include "fmt/json.h"
#include "tok/aligned.h"

#define VECD_NORMALIZER_MAX_PASSES 16

typedef struct vecd_normalizer_pass {
  bool clean;          /* drop controls, turn every space into ' ' */
  bool space_cjk;      /* put CJK ideographs between spaces */
  bool decompose;      /* NFD */
  unsigned drop_marks; /* VECD_UNICODE_MARK..., the marks to drop; 0: none */
  bool lower;
  bool by_record;           /* for tests: take ASCII the way everything else goes */
  unsigned char ascii[256]; /* what the ASCII character becomes; VECD_ASCII_DROPPED; VECD_ASCII_NOT */
} vecd_normalizer_pass;

#define VECD_ASCII_DROPPED 0x80
#define VECD_ASCII_NOT     0xff

typedef struct vecd_normalizer {
  size_t n_passes; /* >= 1 */
  vecd_normalizer_pass passes[VECD_NORMALIZER_MAX_PASSES];
} vecd_normalizer;

/* A mark that waits for its place in canonical order. */
typedef struct vecd_mark {
  uint32_t c;
  uint8_t combining_class;
  bool first; /* the first character of its source's decomposition */
} vecd_mark;

/* Working room; zeroed is legal. */
typedef struct vecd_normalizer_scratch {
  vecd_aligned out[2]; /* the passes write to them in turn */
  vecd_mark *marks;    /* [2 * marks_cap] the run of marks being read, and room to sort it */
  uint32_t *marks_src; /* [marks_cap] the sources of those that are `first`, in the order of the text */
  size_t n_marks, n_marks_src, marks_cap;
} vecd_normalizer_scratch;

/* Reads the section (NULL or JSON null: none). `file` is for errors.
 * lower_first: put Lowercase in front, unless the section is one or is a Sequence that has one.
 * VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED a type we do not have, by name. */
VECD_CHECK vecd_status vecd_normalizer_load(const char *file, const json_t *section, bool lower_first, vecd_normalizer *out,
                                            vecd_err *err);

/* Normalizes `text`, valid UTF-8 whose first character is number first_char of the original.
 *
 * keep_src  fill the sources.
 * Gives the result, which lives in scratch until the next call, or NULL when memory is out. */
const vecd_aligned *vecd_normalizer_run(const vecd_normalizer *normalizer, vecd_span text, size_t first_char, bool keep_src,
                                        vecd_normalizer_scratch *scratch);

void vecd_normalizer_scratch_fini(vecd_normalizer_scratch *scratch);

#endif
