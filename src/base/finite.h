/* finite.h - whether floats are numbers that can be computed with. */
#ifndef VECD_BASE_FINITE_H
#define VECD_BASE_FINITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* No NaN and no infinity among n values. Written so that compilers make vector code of it: an exponent of all ones, and nothing
 * else, carries into the sign. */
static inline bool vecd_all_finite(const float *x, size_t n) {
  uint32_t seen = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    seen |= (bits & 0x7fffffffu) + 0x00800000u;
  }
  return !(seen & 0x80000000u);
}

#endif
