/* clock.h - time that only moves forward, and the time of day. */
#ifndef VECD_BASE_CLOCK_H
#define VECD_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC; its zero means nothing. */
uint64_t vecd_now_ns(void);

/* Nanoseconds since 1970 by the wall clock, which may leap: for showing, never for waiting. */
uint64_t vecd_epoch_ns(void);

static inline uint64_t vecd_now_ms(void) { return vecd_now_ns() / 1000000u; }

#endif
