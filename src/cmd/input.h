/* input.h - texts from arguments, a file or standard input, a bounded batch at a time.
 *
 * A file is lines, an empty one too; where its name ends in .jsonl, a line is a JSON object with the text under "text". When
 * what is there has been read and more would have to be waited for, the batch ends: a pipe that stays open holds nothing back. */
#ifndef VECD_CMD_INPUT_H
#define VECD_CMD_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* A batch ends at this many texts, or when it has this many bytes. A line may be longer than that, up to the last limit. */
#define VECD_INPUT_MAX_TEXTS   1024
#define VECD_INPUT_BATCH_BYTES ((size_t)128 << 10)
#define VECD_INPUT_MAX_LINE    ((size_t)16 << 20)

typedef struct vecd_input vecd_input;

typedef struct vecd_texts {
  const vecd_span *texts; /* [n], living until the next call; not known to be UTF-8 */
  size_t n;
  uint64_t first; /* line (or argument) the first one is, from 1 */
} vecd_texts;

/* path  NULL or "-": standard input. Used only where n_args is 0.
 * args  [n_args] texts by themselves; borrowed until close.
 * VECD_OK; VECD_NOT_FOUND; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_input_open(const char *path, char *const *args, size_t n_args, vecd_input **out, vecd_err *err);
void vecd_input_close(vecd_input **in);

/* The next texts; none (n 0) at the end. What stands before a fault is given first, the fault by the next call.
 * VECD_OK; VECD_BAD_SYNTAX a bad line, by number; VECD_IO; VECD_NO_MEMORY; VECD_CANCELLED vecd_interrupted(). */
VECD_CHECK vecd_status vecd_input_next(vecd_input *in, vecd_texts *out, vecd_err *err);

/* "texts.txt: line 7" or "argument 7", for messages. */
void vecd_input_place(const vecd_input *in, uint64_t number, char *out, size_t cap);

/* Bytes given out so far, and how many there are; 0 where nobody knows (a pipe). */
uint64_t vecd_input_done_bytes(const vecd_input *in);
uint64_t vecd_input_total_bytes(const vecd_input *in);

/* The file's descriptor, or -1 for arguments. */
int vecd_input_fd(const vecd_input *in);

/* How many texts there are, where that is known beforehand (arguments). */
bool vecd_input_count(const vecd_input *in, uint64_t *n);

#endif
