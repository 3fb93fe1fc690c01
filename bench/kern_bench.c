/* kern_bench.c - speed of every kernel by ISA. gemm_f32 for each number of rows of a tile and for the shapes of a small BERT, as
 * GFLOP/s and as a share of peak_f32, which is what this core does without touching memory; gemm_q8 and whole heads of
 * attention; the row kernels in values a nanosecond. The best of many rounds counts: what is asked is what the code can do, not what else the machine is doing.
 *
 * usage: kern_bench [ISA ...] */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "kern/q8.h"
#include "nn/attention.h"

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

/* GOP/s of gemm_q8 on ROWS rows of a [n, k] layer. */
static double gemm_q8(const vecd_kern *kern, size_t n, size_t k) {
  size_t nr = kern->nr, groups = vecd_q8_groups(k), bytes = vecd_q8_panel_bytes(nr, k), rows = kern->mr == 4 ? 4 : ROWS;
  float *x = room(rows * k), *w = room(nr * k), *c = room(rows * n), *bias = room(nr), *scale = room(rows * groups);
  unsigned char *panels = (unsigned char *)room(n / nr * bytes / sizeof(float)), *q = (unsigned char *)room(rows * k);
  int32_t *zero = (int32_t *)(void *)room(rows * groups);
  kern->quantize_q8(x, k, rows, k, q, groups * VECD_Q8_GROUP, scale, zero, groups);
  for (size_t p = 0; p < n / nr; p++) vecd_q8_pack(kern, w, k, nr, k, panels + p * bytes);
  double best = 0;
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t t = vecd_now_ns();
    for (size_t p = 0; p < n / nr; p++)
      kern->gemm_q8(q, groups * VECD_Q8_GROUP, scale, zero, groups, panels + p * bytes, bias, c + p * nr, n, rows, k);
    double rate = 2.0 * (double)(rows * n * k) / (double)(vecd_now_ns() - t);
    if (rate > best) best = rate;
  }
  vecd_free(x), vecd_free(w), vecd_free(c), vecd_free(bias), vecd_free(scale), vecd_free(panels), vecd_free(q), vecd_free(zero);
  return best;
}

/* Nanoseconds of one head's attention for n tokens. */
static double attention(const vecd_kern *kern, size_t n, size_t d, bool q16) {
  vecd_attention a = {kern, d, q16, 0};
  vecd_attention_view view = {0};
  float *qkv = room(n * 3 * d), *out = room(n * d), *scratch = room(vecd_attention_bytes(&a, n) / sizeof(float));
  double best = 1e18;
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t t = vecd_now_ns();
    vecd_attention_begin(&a, qkv + d, qkv + 2 * d, 3 * d, n, scratch);
    vecd_attention_run(&a, &view, qkv, 3 * d, 0, n, n, out, d, scratch);
    double ns = (double)(vecd_now_ns() - t);
    if (ns < best) best = ns;
  }
  vecd_free(qkv), vecd_free(out), vecd_free(scratch);
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
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    printf("  gemm_q8  n %4zu k %4zu: %6.1f GOP/s\n", shapes[s][0], shapes[s][1], gemm_q8(kern, shapes[s][0], shapes[s][1]));
  for (size_t n = 16; n <= 512; n *= 2)
    printf("  attention of %3zu tokens, head of 32: %8.0f ns, in 16 bits %8.0f ns\n", n, attention(kern, n, 32, false),
           attention(kern, n, 32, true));
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
  uint8_t *q = (uint8_t *)panel;
  float scales[32 * 6];
  int32_t zeros[32 * 6];
  BENCH("quantize_q8", kern->quantize_q8(x, n, rows, n, q, n, scales, zeros, n / 64))
  BENCH("weights_q8", for (size_t i = 0; i < rows * n; i += 64) kern->weights_q8(x + i, 64, (int8_t *)q, zeros))
  BENCH("softmax_q16", kern->softmax_q16(x, n, rows, n, 0.125f, (int16_t *)panel, n))
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
  for (int i = 1; i < argc; i++) bench(argv[i]);
  for (const char *const *isa = vecd_kern_isas; argc < 2 && *isa; isa++) bench(*isa);
  return 0;
}
