/* breaker.h - a circuit breaker (Nygard, Release It!): what fails again and again is left alone for a while, then tried with one
 * probe. Pure: time is an argument; whoever has one guards it. */
#ifndef VECD_ENGINE_BREAKER_H
#define VECD_ENGINE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: closed. */
typedef struct vecd_breaker {
  unsigned n_failures; /* since the last success */
  uint64_t open_until_ns;
  bool open, probing;
} vecd_breaker;

/* Failures without a success between them that open it. */
#define VECD_BREAKER_FAILURES 5

/* Whether a try may be made now. Where it is open but has waited long enough, the one who asks is the probe, and the next is refused
 * until that one has been noted (or a further wait has passed, should it never be). */
bool vecd_breaker_admits(vecd_breaker *b, uint64_t now_ns);

/* How a try ended. True: this opened it. */
bool vecd_breaker_note(vecd_breaker *b, bool success, uint64_t now_ns);

/* The wait after that many failures: first_ns after the first, doubling up to most_ns. */
uint64_t vecd_backoff_ns(unsigned n_failures, uint64_t first_ns, uint64_t most_ns);

#endif
