/* pipeline.h - a normalizer and a pre-tokenizer run one after the other, as a tokenizer does it, and the pieces they make. */
#ifndef VECD_GOLDEN_PIPELINE_H
#define VECD_GOLDEN_PIPELINE_H

#include "tok/normalizer.h"
#include "tok/pre_tokenizer.h"

/* Zeroed is legal, and one may be loaded again and again: the working room is kept. */
typedef struct pipeline {
  vecd_normalizer normalizer;
  vecd_pre_tokenizer pre;
  vecd_normalizer_scratch normalizer_scratch;
  vecd_pre_scratch pre_scratch;
} pipeline;

/* The two sections as they stand in a tokenizer.json; errors name `file`. */
static inline vecd_status load_pipeline(const char *file, const json_t *normalizer, const json_t *pre_tokenizer, pipeline *p,
                                        vecd_err *err) {
  vecd_status s = vecd_normalizer_load(file, normalizer, false, &p->normalizer, err);
  return s ? s : vecd_pre_tokenizer_load(file, pre_tokenizer, &p->pre, err);
}

static inline void unload_pipeline(pipeline *p) {
  vecd_normalizer_fini(&p->normalizer);
  vecd_pre_tokenizer_fini(&p->pre);
}

static inline void free_pipeline(pipeline *p) {
  unload_pipeline(p);
  vecd_normalizer_scratch_fini(&p->normalizer_scratch);
  vecd_pre_scratch_fini(&p->pre_scratch);
}

/* out: the text the pieces are of; pieces NULL: the pre-tokenizer is a simple one. */
static inline vecd_status run_pipeline(pipeline *p, vecd_span text, bool keep_src, vecd_aligned *out,
                                       const vecd_piece_list **pieces, vecd_err *err) {
  const vecd_aligned *norm = NULL;
  *pieces = NULL;
  vecd_status s = vecd_normalizer_run(&p->normalizer, text, 0, keep_src, &p->normalizer_scratch, &norm, err);
  if (s) return s;
  *out = *norm;
  if (vecd_pre_tokenizer_is_simple(&p->pre)) return VECD_OK;
  return vecd_pre_tokenizer_run(&p->pre, (vecd_span){norm->bytes, norm->len}, keep_src ? norm->src : NULL, &p->pre_scratch, out,
                                pieces, err);
}

/* Piece number i of what run_pipeline() gave, asked for in their order; *at is 0 at first. False: there is none. */
static inline bool piece_at(const pipeline *p, const vecd_aligned *text, const vecd_piece_list *pieces, size_t i, size_t *at,
                            size_t *begin, size_t *end) {
  if (pieces) {
    if (i >= pieces->n) return false;
    *begin = pieces->ranges[i].begin;
    *end = pieces->ranges[i].end;
    return true;
  }
  vecd_span word;
  if (!vecd_pre_tokenizer_next(&p->pre, (vecd_span){text->bytes, text->len}, at, &word)) return false;
  *begin = (size_t)(word.ptr - text->bytes);
  *end = *begin + word.len;
  return true;
}

#endif
