/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t vecd_now_ns(void) { return read_ns(CLOCK_MONOTONIC); }

uint64_t vecd_epoch_ns(void) { return read_ns(CLOCK_REALTIME); }
