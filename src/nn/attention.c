/* attention.c - both products run on the gemm kernel: the keys are packed as panels of columns (the way weights are), the
 * values as panels of rows; a tile of queries then gets its whole row of scores, its softmax and its output while all of it
 * is in the nearest cache. Nothing depends on where in a batch the sequence lies. */
#include "nn/attention.h"

#include <math.h>
#include <string.h>

static const float zeros[VECD_KERN_MAX_NR];

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Rows of scores stand a little further apart than their length, off any power of two. */
static size_t score_ld(const vecd_kern *kern, size_t n) { return round_up(n, kern->nr) + 16; }

size_t vecd_attention_floats(const vecd_kern *kern, size_t n, size_t head_dim) {
  size_t keys = round_up(n, kern->nr) * head_dim, values = n * round_up(head_dim, kern->nr);
  return round_up(keys, 16) + round_up(values, 16) + kern->mr * score_ld(kern, n) + kern->mr * kern->nr;
}

void vecd_attention_run(const vecd_kern *kern, const float *q, const float *k, const float *v, size_t ld, size_t n,
                        size_t head_dim, float *out, size_t ldo, float *scratch) {
  size_t nr = kern->nr, mr = kern->mr, lds = score_ld(kern, n);
  float *keys = scratch;                                             /* [n / nr, head_dim, nr] */
  float *values = keys + round_up(round_up(n, nr) * head_dim, 16);   /* [head_dim / nr, n, nr] */
  float *scores = values + round_up(n * round_up(head_dim, nr), 16); /* [mr, lds] */
  float *edge = scores + mr * lds;                                   /* [mr, nr]: a panel wider than what is left of out */

  for (size_t j = 0; j < n; j += nr) kern->pack_f32(k + j * ld, ld, n - j < nr ? n - j : nr, head_dim, keys + j * head_dim);
  for (size_t c = 0; c < head_dim; c += nr) {
    size_t width = head_dim - c < nr ? head_dim - c : nr;
    float *panel = values + c * n;
    for (size_t i = 0; i < n; i++) {
      memcpy(panel + i * nr, v + i * ld + c, width * sizeof(float));
      if (width < nr) memset(panel + i * nr + width, 0, (nr - width) * sizeof(float));
    }
  }

  float scale = 1.0f / sqrtf((float)head_dim);
  size_t n_tiles = (n + mr - 1) / mr;
  for (size_t t = 0, row = 0; t < n_tiles; t++) {
    size_t next = n * (t + 1) / n_tiles, rows = next - row;
    for (size_t j = 0; j < n; j += nr)
      kern->gemm_f32(q + row * ld, ld, keys + j * head_dim, zeros, scores + j, lds, rows, head_dim);
    kern->softmax_f32(scores, lds, rows, n, scale);
    for (size_t c = 0; c < head_dim; c += nr) {
      float *o = out + row * ldo + c;
      if (head_dim - c >= nr) {
        kern->gemm_f32(scores, lds, values + c * n, zeros, o, ldo, rows, n);
        continue;
      }
      kern->gemm_f32(scores, lds, values + c * n, zeros, edge, nr, rows, n);
      for (size_t i = 0; i < rows; i++) memcpy(o + i * ldo, edge + i * nr, (head_dim - c) * sizeof(float));
    }
    row = next;
  }
}
