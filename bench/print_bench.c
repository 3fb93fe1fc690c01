/* print_bench.c - what a vector of 384 values costs as JSON, in microseconds: to be held against a request (`vecd bench`, q12). */
#include <math.h>
#include <stdio.h>

#include "api/json_print.h"
#include "base/clock.h"

enum { N = 384, ROUNDS = 4000 };

int main(void) {
  float v[N];
  double squares = 0;
  uint32_t x = 1;
  for (int i = 0; i < N; i++) {
    x = x * 1664525u + 1013904223u;
    v[i] = (float)(int32_t)x * 0x1p-31f;
    squares += (double)v[i] * v[i];
  }
  for (int i = 0; i < N; i++) v[i] /= (float)sqrt(squares);
  vecd_buf buf;
  vecd_buf_init(&buf, VECD_MEM_REQUEST);
  double best = 1e18;
  size_t n_bytes = 0;
  for (int r = 0; r < ROUNDS; r++) {
    buf.len = 0;
    uint64_t begun = vecd_now_ns();
    if (!vecd_print_floats(&buf, v, N)) return 1;
    double us = (double)(vecd_now_ns() - begun) / 1e3;
    n_bytes = buf.len;
    if (us < best) best = us;
  }
  vecd_buf_fini(&buf);
  printf("%d values, %zu bytes of JSON: %.1f us\n", N, n_bytes, best);
  return 0;
}
