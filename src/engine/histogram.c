/* histogram.c - see histogram.h. */
#include "engine/histogram.h"

void vecd_histogram_add(vecd_histogram *h, double least, double value) {
  size_t i = 0;
  while (i < VECD_HISTOGRAM_BUCKETS && value > vecd_histogram_bound(least, i)) i++;
  h->counts[i]++;
  h->n++;
  h->sum += value;
}
