/* vectors.h - vectors written as JSON lines, JSON, NumPy or bare floats.
 *
 * Whatever ends a run, vecd_vectors_finish() leaves a file that reads: whole lines, a closed array, a header with the right
 * count, whole rows. */
#ifndef VECD_CMD_VECTORS_H
#define VECD_CMD_VECTORS_H

#include "cmd/output.h"

typedef enum vecd_vector_format { VECD_FORMAT_JSONL, VECD_FORMAT_JSON, VECD_FORMAT_NPY, VECD_FORMAT_F32 } vecd_vector_format;

/* A writer of vectors. */
typedef struct vecd_vectors {
  vecd_output *out;
  vecd_output *rows; /* where rows go: out, or spool */
  vecd_output spool; /* a nameless file for npy into a pipe, whose header has to come first */
  vecd_vector_format format;
  size_t dimension;
  uint64_t n_rows;   /* written so far */
  int64_t header_at; /* where the npy header stands in the file; -1: it cannot be reached */
} vecd_vectors;

/* "jsonl", "json", "npy", "f32" as the settings have checked them. */
vecd_vector_format vecd_vector_format_of(const char *name);

/* Begins. out is borrowed until finish. VECD_OK; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_vectors_begin(vecd_vectors *v, vecd_output *out, vecd_vector_format format, size_t dimension,
                                          vecd_err *err);

/* Writes n rows, [n, dimension]. VECD_OK; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_vectors_write(vecd_vectors *v, const float *rows, size_t n, vecd_err *err);

/* Ends the file. To be called once after begin, also after a failure of something else. */
VECD_CHECK vecd_status vecd_vectors_finish(vecd_vectors *v, vecd_err *err);

#endif
