/* normalizer.h - the "normalizer" section: everything Hugging Face tokenizers has there, or null.
 *
 * Each normalizer is a pass over the text. BertNormalizer, Lowercase, NFD and StripAccents are one kind of pass, which does some of
 * its steps, always in the same order; null is such a pass without steps. */
#ifndef VECD_TOK_NORMALIZER_H
#define VECD_TOK_NORMALIZER_H

#include "fmt/json.h"
#include "tok/aligned.h"
#include "tok/compose.h"
#include "tok/marks.h"
#include "tok/pattern.h"
#include "tok/precompiled.h"

#define VECD_NORMALIZER_MAX_PASSES 16

typedef enum vecd_normalizer_kind {
  VECD_NORMALIZER_CHARS, /* the steps below, character by character */
  VECD_NORMALIZER_FORM,  /* NFC, NFKC, NFKD */
  VECD_NORMALIZER_STRIP,
  VECD_NORMALIZER_PREPEND,
  VECD_NORMALIZER_REPLACE,
  VECD_NORMALIZER_NMT,
  VECD_NORMALIZER_PRECOMPILED,
  VECD_NORMALIZER_BYTE_LEVEL,
} vecd_normalizer_kind;

typedef struct vecd_normalizer_pass {
  vecd_normalizer_kind kind;
  vecd_form form;
  bool strip_left, strip_right;
  char *text; /* [text_len] what Prepend prepends, what Replace puts in */
  size_t text_len;
  vecd_pattern pattern; /* what Replace takes out */
  vecd_precompiled precompiled;

  /* The steps of CHARS. */
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

/* Working room; zeroed is legal. */
typedef struct vecd_normalizer_scratch {
  vecd_aligned out[2]; /* the passes write to them in turn */
  vecd_mark_run marks; /* the run being read */
  uint32_t *marks_src; /* [n_marks_src] the sources of those whose change is 0, in the order of the text */
  size_t n_marks_src, marks_src_cap;
  vecd_compose_scratch compose;
  vecd_regex_scratch regex;
} vecd_normalizer_scratch;

/* Reads the section (NULL or JSON null: none). `file` is for errors.
 * lower_first: put Lowercase in front, unless the section is one or is a Sequence that has one.
 * VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED a type we do not have, by name. */
VECD_CHECK vecd_status vecd_normalizer_load(const char *file, const json_t *section, bool lower_first, vecd_normalizer *out,
                                            vecd_err *err);

void vecd_normalizer_fini(vecd_normalizer *normalizer);
size_t vecd_normalizer_bytes(const vecd_normalizer *normalizer);

/* Whether every pass looks at nothing across an ASCII space. */
bool vecd_normalizer_is_local(const vecd_normalizer *normalizer);

/* Normalizes `text`, valid UTF-8 whose first character is number first_char of the original.
 *
 * keep_src  fill the sources.
 * result    lives in scratch until the next call.
 * VECD_OK; VECD_BAD_TEXT a regular expression would run too long; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_normalizer_run(const vecd_normalizer *normalizer, vecd_span text, size_t first_char, bool keep_src,
                                           vecd_normalizer_scratch *scratch, const vecd_aligned **result, vecd_err *err);

/* One pass that is not of the kind CHARS: appends to out. src_in and index as in vecd_aligned_append(). */
VECD_CHECK vecd_status vecd_normalizer_step(const vecd_normalizer_pass *pass, vecd_span text, const uint32_t *src_in,
                                            uint32_t index, vecd_normalizer_scratch *scratch, vecd_aligned *out, vecd_err *err);

void vecd_normalizer_scratch_fini(vecd_normalizer_scratch *scratch);

#endif
