/* order.c - see order.h. */
#include "base/order.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double vecd_median(double *values, size_t n) {
  qsort(values, n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double vecd_percentile(double *values, size_t n, unsigned percent) {
  qsort(values, n, sizeof *values, by_value);
  size_t rank = n / 100 * percent + (n % 100 * percent + 99) / 100; /* n * percent / 100, rounded up */
  return values[rank - 1];
}
