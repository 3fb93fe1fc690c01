/* positions.h - tables of what attention knows of places: made once when a model opens. */
#ifndef VECD_NN_POSITIONS_H
#define VECD_NN_POSITIONS_H

#include "nn/arch.h"

/* The relative bias by distance (Raffel et al., arXiv:1910.10683).
 *
 * table  [n_buckets, n_heads], as the checkpoint has it.
 * out    [n_heads, 2 max_tokens - 1]: for distance key - query + max_tokens - 1. */
void vecd_positions_relative(const vecd_encoder_config *c, const float *table, size_t max_tokens, float *out);

/* Cosines and sines of positions first .. end - 1 (Su et al., arXiv:2104.09864), of local layers or of those that see everything.
 *
 * out  of position 0: [positions, 2, head_dim / 2], cosines, then sines. */
void vecd_positions_turns(const vecd_encoder_config *c, bool local, size_t first, size_t end, float *out);

#endif
