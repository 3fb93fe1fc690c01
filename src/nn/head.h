/* head.h - the modules behind the pooling (Dense, LayerNorm, Normalize), applied to pooled vectors in their order.
 *
 * Always in float32, whatever the encoder computes in: a handful of products a text cost next to nothing. The same vector gives
 * the same bits whatever else is in the call and however many workers there are. */
#ifndef VECD_NN_HEAD_H
#define VECD_NN_HEAD_H

#include "base/team.h"
#include "fmt/model_folder.h"
#include "kern/kern.h"

typedef struct vecd_head vecd_head;

/* The most vectors one vecd_head_run() takes. */
#define VECD_HEAD_MAX_ROWS 64

/* Loads and packs what folder->modules name. kern: copied. team: borrowed until close.
 *
 * n_in  values in a pooled vector.
 * VECD_OK; VECD_BAD_MODEL (file and tensor named); VECD_NOT_FOUND; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_head_open(const vecd_model_folder *folder, size_t n_in, const vecd_kern *kern, vecd_team *team,
                                      vecd_head **out, vecd_err *err);
/* What vecd_head_bytes() would be, by the folder's small files. */
size_t vecd_head_estimate(const vecd_model_folder *folder, size_t n_in, const vecd_kern *kern);
void vecd_head_close(vecd_head **head);

/* Nothing is computed, but perhaps for a Normalize at the end: vecd_head_run() need not be called. */
bool vecd_head_is_empty(const vecd_head *head);

/* The last module is Normalize. It is left to the caller, who may leave it out (vecd_normalize_l2). */
bool vecd_head_ends_in_normalize(const vecd_head *head);

/* Values in a vector behind all modules. */
size_t vecd_head_dimension(const vecd_head *head);

/* Applies all modules but a Normalize at the end.
 *
 * in  [n_rows, n_in] pooled vectors, one after the other; n_rows 1 .. VECD_HEAD_MAX_ROWS.
 * ld  set to the floats between the rows of the result.
 * Gives [n_rows, dimension], in the head's own room: to be read or changed until the next call. One caller at a time. */
float *vecd_head_run(vecd_head *head, const float *in, size_t n_rows, size_t *ld);

uint64_t vecd_head_parameters(const vecd_head *head);
/* Measured bytes of packed weights and scratch. */
size_t vecd_head_bytes(const vecd_head *head);

#endif
