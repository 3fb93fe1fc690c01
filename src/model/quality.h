/* quality.h - how near the vectors of one opened model are to those of another: what a precision costs. */
#ifndef VECD_MODEL_QUALITY_H
#define VECD_MODEL_QUALITY_H

#include <stdint.h>

#include "model/model.h"

typedef struct vecd_quality {
  double least, first_percentile, mean; /* of the cosines; the percentile is the least that 1 % or more do not exceed */
  size_t least_index;                   /* of the text with the least cosine, the first such */
  size_t n;                             /* texts compared; on failure those before the one at fault */
  uint64_t n_tokens;                    /* that the reference saw of them */
  vecd_item bad;                        /* on failure: texts[n], where it is what failed (its status is not VECD_OK) */
} vecd_quality;

/* Called after each slice of texts, with how many are done. False ends the measurement. */
typedef bool vecd_quality_step(void *ctx, size_t n_done);

/* Encodes the texts with both models, as for embedding, and compares text by text. It takes the time of encoding all of them
 * twice; memory is a cosine a text and a slice of vectors.
 *
 * reference, candidate  opened from the same folder, or of the same dimension at least; may be one and the same.
 * texts                 [n_texts], n_texts >= 1; vecd_quality_sample has some for whoever has none. Borrowed.
 * slice                 texts encoded at a time, 1 .. VECD_MODEL_SLICE: the fewer, the sooner others have their turn with the same
 *                       team. The result does not depend on it.
 * step                  nullable, called with ctx.
 * out                   never holds NaN; on failure only n and bad tell something.
 * VECD_OK; VECD_CANCELLED by step; VECD_NO_MEMORY; or as the first text that cannot be encoded, err naming it as "texts[7]". */
VECD_CHECK vecd_status vecd_quality_measure(vecd_model *reference, vecd_model *candidate, const vecd_span *texts,
                                            size_t n_texts, size_t slice, vecd_quality_step *step, void *ctx, vecd_quality *out,
                                            vecd_err *err);

/* The cosine of two vectors of n finite floats, never NaN: 1 for equal ones, 0 where just one is all zeros. */
double vecd_cosine(const float *a, const float *b, size_t n);

/* The built-in sample: queries, titles, sentences, paragraphs, code and log lines in many languages and scripts. No two are equal
 * and none is empty. */
extern const vecd_span vecd_quality_sample[];
extern const size_t vecd_quality_sample_size;

/* Every eighth text of it, in every language and of every kind: for who cannot wait for all. For all-MiniLM-L6-v2 that is 1741 tokens
 * in place of 12531, and the mean of the cosines of INT8 to FP32 is within 0.00005 of that over all.
 *
 * Fills out and gives the number of texts. */
#define VECD_QUALITY_QUICK_MOST 64
size_t vecd_quality_quick_sample(vecd_span out[VECD_QUALITY_QUICK_MOST]);

#endif
