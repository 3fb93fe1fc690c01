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

/* Draws the line anew: a bar where part is from 0 to 1 (negative: of nobody knows what), text, and the seconds that are left (negative:
 * unknown), in all where this is the last. Cut to the terminal's width; the bar is left out first. */
void vecd_progress_draw(double part, const char *text, double seconds, bool is_last);

/* Shows something only where `wanted` and stderr is a terminal. */
void vecd_progress_begin(vecd_progress *p, bool wanted, uint64_t total_bytes);

/* To be called often: it prints a few times a second. */
void vecd_progress_update(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts);

/* The last state, and the end of the line. */
void vecd_progress_end(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts);

#endif
