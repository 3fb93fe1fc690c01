/* byte_level.h - GPT-2's alphabet: every byte is one printable character, so that any text is made of 256 of them. */
#ifndef VECD_TOK_BYTE_LEVEL_H
#define VECD_TOK_BYTE_LEVEL_H

#include "tok/aligned.h"

#define VECD_BYTE_LEVEL_SPACE 0x120 /* what a space becomes */

/* Appends the characters of `bytes`, whole characters, each with the source of the one its byte is in; src_in and index as in
 * vecd_aligned_append(). */
void vecd_byte_level_append(vecd_aligned *out, vecd_span bytes, const uint32_t *src_in, uint32_t index);

#endif
