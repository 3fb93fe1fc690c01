/* kern_bench.c - speed of every kernel by ISA. gemm_f32 for each number of rows of a tile and for the shapes of a small BERT, as
 * GFLOP/s and as a share of peak_f32, which is what this core does without touching memory; the row kernels in values a
 * nanosecond. The best of many rounds counts: what is asked is what the code can do, not what else the machine is doing.
 *
 * usage: kern_bench [ISA ...] */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kern/kern.h"

enum { ROUNDS = 40, ROWS = 240 };

static float *room(size_t n) {
  float *p = vecd_alloc_aligned(VECD_MEM_MISC, 64, n * sizeof *p);
  if (!p) exit(1);
  for (size_t i = 0; i < n; i++) p[i] = (float)(i % 7) - 3.0f;
  return p;
}

static double peak(const vecd_kern *kern) {
  double best = 0;
  float sink = 1e-30f;
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t t = vecd_now_ns();
    double flops = kern->peak_f32(20000, &sink), rate = flops / (double)(vecd_now_ns() - t);
    if (rate > best) best = rate;
  }
  return best;
}

/* GFLOP/s of `rows` rows, `tile` at a time, through all panels of a [n, k] layer. */
static double gemm(const vecd_kern *kern, size_t rows, size_t tile, size_t n, size_t k) {
  size_t nr = kern->nr, lda = k + 16, ldc = n + 16;
  float *a = room(rows * lda), *b = room(n * k), *c = room(rows * ldc), *bias = room(nr);
  double best = 0;
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t t = vecd_now_ns();
    for (size_t p = 0; p < n; p += nr)
      for (size_t i = 0; i < rows; i += tile)
        kern->gemm_f32(a + i * lda, lda, b + p * k, bias, c + i * ldc + p, ldc, rows - i < tile ? rows - i : tile, k);
    double rate = 2.0 * (double)(rows * n * k) / (double)(vecd_now_ns() - t);
    if (rate > best) best = rate;
  }
  vecd_free(a), vecd_free(b), vecd_free(c), vecd_free(bias);
  return best;
}

static void bench_gemm(const vecd_kern *kern) {
  static const size_t shapes[][2] = {{384, 384}, {1536, 384}, {384, 1536}, {3072, 768}};
  double top = peak(kern);
  printf("%s: peak_f32 %.1f GFLOP/s\n", kern->isa, top);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t n = shapes[s][0], k = shapes[s][1], rows = kern->mr == 4 ? kern->mr : ROWS;
    double rate = gemm(kern, rows, kern->mr, n, k);
    printf("  gemm_f32 n %4zu k %4zu, %3zu rows by %u: %6.1f GFLOP/s %.2f\n", n, k, rows, kern->mr, rate, rate / top);
  }
  printf("  gemm_f32 n 1536 k 384, share of peak by rows:");
  for (size_t rows = 1; rows <= kern->mr; rows++) printf(" %zu:%.2f", rows, gemm(kern, rows, rows, 1536, 384) / top);
  printf("\n");
}

/* Runs `call` on 32 rows of 384 values and prints values a nanosecond. */
#define BENCH(name, call)                                                         \
  {                                                                               \
    double best = 0;                                                              \
    for (int r = 0; r < ROUNDS; r++) {                                            \
      for (size_t i = 0; i < rows * n; i++) x[i] = (float)(i % 61) * 0.1f - 3.0f; \
      uint64_t t = vecd_now_ns();                                                 \
      call;                                                                       \
      double rate = (double)(rows * n) / (double)(vecd_now_ns() - t);             \
      if (rate > best) best = rate;                                               \
    }                                                                             \
    printf("  %-18s %.2f values/ns\n", name, best);                               \
  }

static void bench_rows(const vecd_kern *kern) {
  size_t rows = 32, n = 384;
  float *x = room(rows * n), *y = room(rows * n), *gamma = room(n), *panel = room(n * VECD_KERN_MAX_NR);
  BENCH("act_gelu_f32", kern->act_gelu_f32(x, n, rows, n))
  BENCH("act_gelu_tanh_f32", kern->act_gelu_tanh_f32(x, n, rows, n))
  BENCH("act_silu_f32", kern->act_silu_f32(x, n, rows, n))
  BENCH("act_relu_f32", kern->act_relu_f32(x, n, rows, n))
  BENCH("softmax_f32", kern->softmax_f32(x, n, rows, n, 0.125f))
  BENCH("layer_norm_f32", kern->layer_norm_f32(x, n, y, n, gamma, gamma, 1e-12f, rows, n, x, n))
  BENCH("pack_f32", for (size_t i = 0; i < rows; i += 8) kern->pack_f32(x + i * n, n, 8, n, panel))
  vecd_free(x), vecd_free(y), vecd_free(gamma), vecd_free(panel);
}

static void bench(const char *isa) {
  vecd_kern kern;
  vecd_err err;
  if (vecd_kern_choose(&kern, isa, &err)) {
    printf("%s\n", err.text);
    return;
  }
  bench_gemm(&kern);
  bench_rows(&kern);
}

int main(int argc, char **argv) {
  static const char *const all[] = {"ref", "avx2", "avx512"};
  for (int i = 1; i < argc; i++) bench(argv[i]);
  for (size_t i = 0; argc < 2 && i < sizeof all / sizeof *all; i++) bench(all[i]);
  return 0;
}
