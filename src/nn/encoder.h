/* encoder.h - token ids -> pooled vectors: the one encoder that runs every family.
 *
 * Sequences are packed without padding. The forward pass allocates nothing: scratch is sized at open. The same ids give the
 * same bits whatever else is in the batch and however many workers there are. */
#ifndef VECD_NN_ENCODER_H
#define VECD_NN_ENCODER_H

#include <stdatomic.h>

#include "base/team.h"
#include "fmt/model_folder.h"
#include "kern/kern.h"
#include "nn/arch.h"

typedef struct vecd_encoder vecd_encoder;

/* The most sequences one vecd_encoder_run() takes. */
#define VECD_ENCODER_MAX_SEQS 1024

/* What the folder's small files say of the encoder: its config and the longest sequence it would take. No weights are read.
 * VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED. */
VECD_CHECK vecd_status vecd_encoder_configure(const vecd_model_folder *folder, vecd_encoder_config *config, size_t *max_tokens,
                                              vecd_err *err);

/* Loads and packs (INT8: quantizes) the weights of `folder`. kern, folder: borrowed until return. team: borrowed until close.
 * VECD_OK; VECD_BAD_MODEL; VECD_UNSUPPORTED; VECD_NO_MEMORY; VECD_IO. */
VECD_CHECK vecd_status vecd_encoder_open(const vecd_model_folder *folder, vecd_precision precision, const vecd_kern *kern,
                                         vecd_team *team, vecd_encoder **out, vecd_err *err);
/* What vecd_encoder_bytes() would be with so many workers, and the config, by the folder's small files and the weights' headers. As
 * vecd_encoder_open(), as far as that can be told without reading weights. */
VECD_CHECK vecd_status vecd_encoder_estimate(const vecd_model_folder *folder, vecd_precision precision, const vecd_kern *kern,
                                             unsigned n_threads, vecd_encoder_config *config, size_t *n_bytes, vecd_err *err);
void vecd_encoder_close(vecd_encoder **encoder);

/* Facts. max_tokens: the longest sequence it takes, the lesser of the folder's limit and the position table. */
const vecd_encoder_config *vecd_encoder_config_of(const vecd_encoder *encoder);
vecd_precision vecd_encoder_precision(const vecd_encoder *encoder);
const char *vecd_encoder_architecture(const vecd_encoder *encoder);
size_t vecd_encoder_max_tokens(const vecd_encoder *encoder);
size_t vecd_encoder_dimension(const vecd_encoder *encoder);
uint64_t vecd_encoder_parameters(const vecd_encoder *encoder);
/* Measured bytes of packed weights and scratch (the mapped file not counted). */
size_t vecd_encoder_bytes(const vecd_encoder *encoder);
/* Bytes of weights that a forward pass reads: what is packed and, in FP32, the table of word embeddings in the mapped file, which
 * becomes resident as words are used. */
size_t vecd_encoder_weight_bytes(const vecd_encoder *encoder);

/* Runs n_seqs sequences, 1 .. VECD_ENCODER_MAX_SEQS.
 *
 * ids        the sequences' ids, each [lens[i]]; every id < vocab_size, every length 1 .. max_tokens (the caller has checked).
 * pool_from  nullable (all 0); [n_seqs] the first token of each that pooling counts, which may be behind the last.
 * pooling    nullable (all 0); [n_seqs] how each is pooled: 1 + a vecd_pool; 0: as the folder says.
 * stop       nullable; looked at before each layer: once true, the run ends soon.
 * out        [n_seqs] pointers to [dimension] floats each, [hidden] where a pooling is asked for: pooled, nothing more. Where the run
 *            was stopped, those of sequences that were not finished are set NULL.
 * One caller at a time. */
void vecd_encoder_run(vecd_encoder *encoder, const uint32_t *const *ids, const uint32_t *lens, const uint32_t *pool_from,
                      const uint8_t *pooling, size_t n_seqs, const atomic_bool *stop, float **out);

#endif
