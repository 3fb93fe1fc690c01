/* http_timer.h - deadlines of one event thread: a binary heap.
 *
 * A deadline that moves later, as nearly all do, costs one store: the heap keeps the old key and looks again when it comes
 * up. One thread. */
#ifndef VECD_HTTP_HTTP_TIMER_H
#define VECD_HTTP_HTTP_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECD_HTTP_NEVER UINT64_MAX

/* Lives in its owner; zeros are a timer that is not set. */
typedef struct vecd_http_timer {
  uint64_t due_ms; /* the deadline meant */
  uint64_t key_ms; /* the heap's, never later */
  size_t slot;     /* place in the heap, counted from 1; 0: in none */
} vecd_http_timer;

/* Start with zeros. */
typedef struct vecd_http_timers {
  vecd_http_timer **heap;
  size_t n, cap;
} vecd_http_timers;

/* Makes room for n timers in all, so that setting one never fails. False when memory is out. */
bool vecd_http_timers_reserve(vecd_http_timers *timers, size_t n);
void vecd_http_timers_fini(vecd_http_timers *timers);

/* VECD_HTTP_NEVER switches the timer off. */
void vecd_http_timer_set(vecd_http_timers *timers, vecd_http_timer *timer, uint64_t due_ms);

/* Before the timer's memory goes. */
void vecd_http_timer_remove(vecd_http_timers *timers, vecd_http_timer *timer);

/* A timer whose deadline is at or before now, switched off; NULL when there is none. */
vecd_http_timer *vecd_http_timers_due(vecd_http_timers *timers, uint64_t now_ms);

/* When to look next (perhaps for nothing), VECD_HTTP_NEVER for no need to. */
uint64_t vecd_http_timers_next(const vecd_http_timers *timers);

#endif
