/* ftoa.h - float32 to the shortest decimal text that reads back to the same float32: most of a reply is made of it.
 *
 * The digits are as few as can be and, among those, nearest to x. The text is a JSON number that always looks like a real,
 * never like an integer: from 1e-4 up to below 1e9 plain ("0.1", "-12.5", "3.0", "-0.0"), outside that "1e-05", "-1.5e-07",
 * "1e+20", the exponent with its sign and at least two digits. */
#ifndef VECD_BASE_FTOA_H
#define VECD_BASE_FTOA_H

#include <stddef.h>

#define VECD_FTOA_BYTES 32 /* room that out must have; the longest text has 15 characters */

/* Writes x, which must be finite, to out without a NUL behind it and gives the number of characters. All of out may be
 * written to. Depends on no locale. */
size_t vecd_ftoa_f32(char *out, float x);

#endif
