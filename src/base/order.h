/* order.h - what stands where among numbers put in order: how measurements are summed up. */
#ifndef VECD_BASE_ORDER_H
#define VECD_BASE_ORDER_H

#include <stddef.h>

/* The middle one of n >= 1 values, or the mean of the two in the middle. Puts them in order; none is NaN. */
double vecd_median(double *values, size_t n);

/* The least of n >= 1 values that `percent` (1 .. 100) per cent of them or more do not exceed. Puts them in order; none is NaN. */
double vecd_percentile(double *values, size_t n, unsigned percent);

#endif
