/* breaker.c - see breaker.h. */
#include "engine/breaker.h"

#define FIRST_WAIT_NS 1000000000ull
#define MOST_WAIT_NS  60000000000ull

uint64_t vecd_backoff_ns(unsigned n_failures, uint64_t first_ns, uint64_t most_ns) {
  uint64_t wait = first_ns;
  for (unsigned i = 1; i < n_failures && wait < most_ns; i++) wait *= 2;
  return wait < most_ns ? wait : most_ns;
}

static uint64_t wait_of(const vecd_breaker *b) {
  return vecd_backoff_ns(b->n_failures - VECD_BREAKER_FAILURES + 1, FIRST_WAIT_NS, MOST_WAIT_NS);
}

bool vecd_breaker_admits(vecd_breaker *b, uint64_t now_ns) {
  if (!b->open) return true;
  if (now_ns < b->open_until_ns) return false;
  b->probing = true;
  b->open_until_ns = now_ns + wait_of(b);
  return true;
}

bool vecd_breaker_note(vecd_breaker *b, bool success, uint64_t now_ns) {
  if (success) {
    *b = (vecd_breaker){0};
    return false;
  }
  if (b->n_failures < VECD_BREAKER_FAILURES || b->probing) b->n_failures++;
  if (b->n_failures < VECD_BREAKER_FAILURES || (b->open && !b->probing)) return false;
  bool opened = !b->open;
  b->open = true;
  b->probing = false;
  b->open_until_ns = now_ns + wait_of(b);
  return opened;
}
