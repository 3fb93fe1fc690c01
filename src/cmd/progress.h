/* progress.h - a line on a terminal's stderr: how far, how fast, how long yet. In a pipe, nothing. */
#ifndef VECD_CMD_PROGRESS_H
#define VECD_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vecd_progress {
  bool is_on;
  uint64_t begun_ms, shown_ms;
  uint64_t total_bytes; /* 0: unknown, then there is no bar and no time left */
} vecd_progress;

/* Shows something only where `wanted` and stderr is a terminal. */
void vecd_progress_begin(vecd_progress *p, bool wanted, uint64_t total_bytes);

/* To be called often: it prints a few times a second. */
void vecd_progress_update(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts);

/* The last state, and the end of the line. */
void vecd_progress_end(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts);

#endif
