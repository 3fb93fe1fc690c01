/* histogram.h - counts of a quantity by powers of two, as the Prometheus text format wants them: fixed bounds, no allocation.
 *
 * Plain numbers: whoever has one guards it. */
#ifndef VECD_ENGINE_HISTOGRAM_H
#define VECD_ENGINE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define VECD_HISTOGRAM_BUCKETS 20

typedef struct vecd_histogram {
  uint64_t counts[VECD_HISTOGRAM_BUCKETS + 1]; /* observations of at most bound i and above bound i - 1; the last: above all */
  uint64_t n;
  double sum;
} vecd_histogram;

/* Upper bound of bucket i of a histogram whose first bound is `least`: least * 2^i. */
static inline double vecd_histogram_bound(double least, size_t i) { return least * (double)(1u << i); }

/* First bounds in use. */
#define VECD_HISTOGRAM_SECONDS 0.0001 /* up to 52 s */
#define VECD_HISTOGRAM_COUNTS  1.0    /* up to 524288 */

void vecd_histogram_add(vecd_histogram *h, double least, double value);

#endif
