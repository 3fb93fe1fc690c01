/* transform.h - rewriting aligned text the way Hugging Face tokenizers keeps its alignments.
 *
 * A normalizer there gives a list of characters, each with a change: 0 replaces the next old character, -n does and takes n more
 * out behind it, 1 inserts and shares the place of the old character before. The list is laid over the old text from left to
 * right, whatever the characters are, so places may be odd where marks are reordered; this does the same. */
#ifndef VECD_TOK_TRANSFORM_H
#define VECD_TOK_TRANSFORM_H

#include "tok/aligned.h"

typedef struct vecd_transform {
  vecd_aligned *out;
  const char *p, *end;    /* the old text not yet laid over */
  const uint32_t *src_in; /* [end - p] sources of the old text's bytes; NULL: characters are counted */
  /* Of use only where out keeps sources: */
  uint32_t index; /* number of the character at p, where they are counted */
  uint32_t last;  /* source of the old character before p */
} vecd_transform;

static inline vecd_transform vecd_transform_over(vecd_aligned *out, vecd_span text, const uint32_t *src_in,
                                                 uint32_t first_char) {
  return (vecd_transform){
      .out = out, .p = text.ptr, .end = text.ptr + text.len, .src_in = src_in, .index = first_char, .last = first_char};
}

/* Source of the old character at p, which is before the end. */
static inline uint32_t vecd_transform_src(const vecd_transform *t) { return t->src_in ? *t->src_in : t->index; }

/* Passes over one old character. */
static inline void vecd_transform_step(vecd_transform *t) {
  if (t->p == t->end) return;
  const char *p = t->p;
  t->last = vecd_transform_src(t);
  do t->p++;
  while (t->p < t->end && ((unsigned char)*t->p & 0xc0) == 0x80);
  if (t->src_in) t->src_in += t->p - p;
  t->index++;
}

static inline void vecd_transform_put(vecd_transform *t, uint32_t c, int change) {
  if (change > 0) {
    vecd_aligned_put(t->out, c, t->last);
    return;
  }
  vecd_aligned_put(t->out, c, t->p == t->end ? t->last : vecd_transform_src(t));
  for (int i = 0; i <= -change; i++) vecd_transform_step(t);
}

/* Copies n bytes of whole old characters as they are: change 0 for each. */
static inline void vecd_transform_keep(vecd_transform *t, size_t n) {
  vecd_aligned_append(t->out, (vecd_span){t->p, n}, t->src_in, t->index);
  if (!n) return;
  if (t->src_in) {
    t->src_in += n;
    t->last = t->src_in[-1];
  } else if (t->out->keep_src) {
    for (size_t i = 0; i < n; i++) t->index += ((unsigned char)t->p[i] & 0xc0) != 0x80;
    t->last = t->index - 1;
  }
  t->p += n;
}

#endif
