/* ftoa.c - Schubfach for float32: R. Giulietti, "The Schubfach way to render doubles", 2022 (section and figure names as
 * there).
 *
 * The numbers that read back to x = c * 2^q fill an interval around it. With 10^k just below the interval's width, a multiple
 * of 10^k lies inside for sure and one of 10^(k+1) perhaps; no longer step fits but by trailing zeros. All bounds are scaled by
 * 4 * 10^-k, so that half steps are whole numbers, and kept with one sticky bit, which is enough to compare exactly.
 * What follows the arithmetic avoids branches that depend on the number of digits: eight digits are made in one register. */
#include "base/ftoa.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/ftoa_tab.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digits are stored with the first one in the lowest byte");

__extension__ typedef unsigned __int128 u128;

/* floor(g * cp / 2^64) with its lowest bit set where anything was cut off (the paper's rop). g is up to 1 too large, hence > 1.
 */
static inline uint32_t scale(uint64_t g, uint32_t cp) {
  u128 p = (u128)g * cp;
  return (uint32_t)(p >> 64) | ((uint32_t)(p >> 32) > 1);
}

/* x = *digits * 10^k, digits < 10^9 and possibly with trailing zeros. x is neither 0 nor infinite; bits has no sign. */
static inline uint32_t shortest(uint32_t bits, int *k) {
  uint32_t fraction = bits & 0x7fffff, exponent = bits >> 23;
  uint32_t c = exponent ? fraction | 0x800000 : fraction;
  int q = exponent ? (int)exponent - 150 : -149;
  bool closer = fraction == 0 && exponent > 1; /* the next smaller float is only half a step away */
  uint32_t odd = c & 1;                        /* the interval's ends read back to x only where c is even */
  *k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
  int h = q + ((-*k * 1741647) >> 19) + 1;
  uint64_t g = ftoa_powers[-*k - FTOA_LEAST_POWER];
  uint32_t low = scale(g, (4 * c - 2 + closer) << h) + odd, mid = scale(g, (4 * c) << h),
           high = scale(g, (4 * c + 2) << h) - odd;

  /* Which of the steps fits is as good as random: both answers are made and one is picked. */
  uint32_t s = mid / 4, tens = s / 10 * 40, half = 4 * s + 2;
  uint32_t tens_down = low <= tens, tens_up = tens + 40 <= high;
  uint32_t down = low <= 4 * s, up = 4 * s + 4 <= high, near = (mid + (s & 1)) > half;
  uint32_t coarse = tens / 4 + 10 * tens_up, fine = s + (down != up ? up : near);
  return ((s >= 10) & (tens_down != tens_up)) ? coarse : fine;
}

/* The eight decimal digits of v < 10^8, one a byte, the first in the lowest byte: halves, quarters and eighths side by side. */
static inline uint64_t eight_digits(uint32_t v) {
  uint64_t high = v / 10000, x = high | (uint64_t)(v - (uint32_t)high * 10000) << 32;
  uint64_t hundreds = (x * 10486 >> 20) & 0x0000007f0000007fu;
  x = hundreds | (x - 100 * hundreds) << 16;
  uint64_t tens = (x * 103 >> 10) & 0x000f000f000f000fu;
  return tens | (x - 10 * tens) << 8;
}

/* d.ddde-07 */
static size_t put_scientific(char *out, const char *digits, size_t n, int e) {
  char *p = out;
  *p++ = digits[0];
  if (n > 1) {
    *p++ = '.';
    memcpy(p, digits + 1, 8);
    p += n - 1;
  }
  *p++ = 'e';
  *p++ = e < 0 ? '-' : '+';
  unsigned size = (unsigned)(e < 0 ? -e : e);
  *p++ = (char)('0' + size / 10);
  *p++ = (char)('0' + size % 10);
  return (size_t)(p - out);
}

/* dd.ddd or dd.0 */
static size_t put_plain(char *out, const char *digits, size_t n, int e) {
  size_t whole = (size_t)e + 1;
  memcpy(out, digits, 9);
  out[whole] = '.';
  memcpy(out + whole + 1, digits + whole, 8);
  return n > whole ? n + 1 : whole + 2;
}

size_t vecd_ftoa_f32(char *out, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  out[0] = '-';
  size_t sign = bits >> 31;
  out += sign;
  bits &= 0x7fffffff;
  if (bits == 0) return memcpy(out, "0.0", 3), sign + 3;
  vecd_assert(bits < 0x7f800000);

  int k;
  uint32_t value = shortest(bits, &k), first = value / 100000000;
  uint64_t rest = eight_digits(value - first * 100000000), ascii = rest | 0x3030303030303030u;
  size_t lead = first ? 0 : 1 + (size_t)__builtin_ctzll(rest) / 8; /* zeros in front of the nine digits, and behind */
  size_t trail = rest ? (size_t)__builtin_clzll(rest) / 8 : 8;
  size_t n = 9 - lead - trail;
  int e = k + 8 - (int)lead; /* x = d.ddd * 10^e */

  if (e < 0 && e >= -4) { /* nearly all components of unit vectors: written from the register, without a detour */
    char *p = out + 1 - e;
    memcpy(out, "0.000000", 8);
    *p = (char)('0' + first);
    ascii >>= first ? 0 : 8 * (lead - 1);
    memcpy(p + (first != 0), &ascii, 8);
    return sign + (size_t)(1 - e) + n;
  }
  char nine[24]; /* and zeros enough for whole numbers */
  nine[0] = (char)('0' + first);
  memcpy(nine + 1, &ascii, 8);
  memset(nine + 9, '0', 15);
  return sign + (e >= 0 && e < 9 ? put_plain(out, nine + lead, n, e) : put_scientific(out, nine + lead, n, e));
}
