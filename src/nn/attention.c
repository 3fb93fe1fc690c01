/* attention.c - both products run on the gemm kernels: the keys are packed as panels of columns (the way weights are), the
 * values as panels of rows; a tile of queries then gets its whole row of scores, its softmax and its output while all of it
 * is in the nearest cache. Nothing depends on where in a batch the sequence lies.
 *
 * 16-bit: keys, each query and the values (by panel) have a scale; probabilities are 15-bit fractions. They add up to one, so
 * however long the sequence is, sums of their products with 16-bit values fit 32 bits. */
#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "kern/q8.h"

static const float zeros[VECD_KERN_MAX_NR];

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Where everything lies in scratch for n keys. Floats; of 16-bit integers two make one. */
typedef struct layout {
  float *keys;          /* [n / nr, d, nr]; 16-bit: [n / nr, d / 2, nr, 2] */
  float *values;        /* [d / nr, n, nr]; 16-bit: [d / nr, n / 2, nr, 2] */
  float *value_factors; /* [d / nr], 16-bit only, like what follows the next two */
  float *scores;        /* [mr, lds] */
  float *edge;          /* [mr, nr]: a panel wider than what is left of out */
  float *key_rows;      /* [n, d / 2] */
  float *key_factor;    /* [1] */
  float *queries;       /* [mr, d / 2] */
  float *p;             /* [mr, lds / 2] */
  float *factors;       /* [mr] */
  size_t lds;           /* rows stand a little further apart than their length, off any power of two */
  size_t d;             /* floats that a row of head_dim takes up: in 16 bits half of it, rounded up */
  size_t n;             /* likewise rows of values */
} layout;

static float *carve(float **next, size_t n) {
  float *p = *next;
  *next += round_up(n, 16);
  return p;
}

static layout lay_out(const vecd_attention *a, size_t n, float **next) {
  size_t nr = a->kern->nr, mr = a->kern->mr, wide = round_up(a->head_dim, nr);
  layout l = {.lds = round_up(n, nr) + 16, .d = a->q16 ? (a->head_dim + 1) / 2 : a->head_dim, .n = a->q16 ? (n + 1) / 2 : n};
  l.keys = carve(next, round_up(n, nr) * l.d);
  l.values = carve(next, l.n * wide);
  l.scores = carve(next, mr * l.lds);
  l.edge = carve(next, mr * nr);
  if (a->q16) {
    l.value_factors = carve(next, wide / nr);
    l.key_rows = carve(next, n * l.d);
    l.key_factor = carve(next, 1);
    l.queries = carve(next, mr * l.d);
    l.p = carve(next, mr * l.lds / 2);
    l.factors = carve(next, mr);
  }
  return l;
}

size_t vecd_attention_bytes(const vecd_attention *a, size_t n) {
  float *base = (float *)(uintptr_t)64, *next = base; /* any place: only its distance to the end counts */
  lay_out(a, n, &next);
  return (size_t)((uintptr_t)next - (uintptr_t)base);
}

static int16_t *as_q16(float *p) { return (int16_t *)(void *)p; }

void vecd_attention_begin(const vecd_attention *a, const float *k, const float *v, size_t ld, size_t n, void *scratch) {
  const vecd_kern *kern = a->kern;
  size_t nr = kern->nr, d = a->head_dim, ldk = ld;
  float *next = scratch;
  layout l = lay_out(a, n, &next);
  if (a->q16) { /* packing moves pairs of integers as it moves floats */
    *l.key_factor = kern->quantize_q16(k, ld, n, d, vecd_q16_limit(2 * l.d), as_q16(l.key_rows), 2 * l.d);
    k = l.key_rows;
    ldk = l.d;
  }
  for (size_t j = 0; j < n; j += nr) kern->pack_f32(k + j * ldk, ldk, n - j < nr ? n - j : nr, l.d, l.keys + j * l.d);
  for (size_t c = 0; c < d; c += nr) {
    size_t width = d - c < nr ? d - c : nr;
    float *panel = l.values + c * l.n;
    if (a->q16) {
      l.value_factors[c / nr] = kern->pairs_q16(v + c, ld, n, width, 32767, as_q16(panel)) * (1.0f / 32767.0f);
      continue;
    }
    for (size_t i = 0; i < n; i++) {
      memcpy(panel + i * nr, v + i * ld + c, width * sizeof(float));
      if (width < nr) memset(panel + i * nr + width, 0, (nr - width) * sizeof(float));
    }
  }
}

/* Some queries of a tile, and the keys that any of them sees: whole panels from `from` on, up to `to`. */
typedef struct tile {
  const vecd_attention_view *view;
  const float *q;
  size_t ld, first, rows; /* token number of the first query */
  size_t from, to;
} tile;

/* The keys one query sees. */
static void keys_of(const vecd_attention_view *view, size_t query, size_t n, size_t *from, size_t *to) {
  *from = view->window && query > view->window ? query - view->window : 0;
  *to = view->causal ? query + 1 : view->window && query + view->window + 1 < n ? query + view->window + 1 : n;
}

/* Softmax of what each query sees, row by row from a place that depends on the query alone; what it does not see is 0. */
static void softmax_seen(const vecd_attention *a, const layout *l, const tile *t, size_t n, float scale) {
  const vecd_kern *kern = a->kern;
  size_t width = t->to - t->from;
  for (size_t i = 0; i < t->rows; i++) {
    size_t from, to;
    keys_of(t->view, t->first + i, n, &from, &to);
    from -= t->from;
    to -= t->from;
    float *row = l->scores + i * l->lds;
    if (a->q16) {
      int16_t *p = as_q16(l->p) + i * l->lds, *even = p + from / 2 * 2; /* pairs of keys go together */
      if (from % 2) row[from - 1] = -INFINITY;
      kern->softmax_q16(row + from / 2 * 2, l->lds, 1, to - from / 2 * 2, scale, even, l->lds);
      memset(p, 0, from / 2 * 2 * sizeof *p);
      size_t end = to + to % 2;
      if (end < width + width % 2) memset(p + end, 0, (width + width % 2 - end) * sizeof *p);
    } else {
      kern->softmax_f32(row + from, l->lds, 1, to - from, scale);
      memset(row, 0, from * sizeof *row);
      memset(row + to, 0, (width - to) * sizeof *row);
    }
  }
}

/* Scores and probabilities of one tile. */
static void attend(const vecd_attention *a, const layout *l, const tile *t, size_t n) {
  const vecd_kern *kern = a->kern;
  size_t nr = kern->nr, width = t->to - t->from;
  float scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf((float)a->head_dim);
  if (a->q16) {
    for (size_t i = 0; i < t->rows; i++)
      l->factors[i] = *l->key_factor * kern->quantize_q16(t->q + i * t->ld, t->ld, 1, a->head_dim, vecd_q16_limit(2 * l->d),
                                                          as_q16(l->queries + i * l->d), 2 * l->d);
    for (size_t j = 0; j < width; j += nr)
      kern->gemm_q16(as_q16(l->queries), 2 * l->d, as_q16(l->keys + (t->from + j) * l->d), l->factors, l->scores + j, l->lds,
                     t->rows, 2 * l->d);
  } else {
    for (size_t j = 0; j < width; j += nr)
      kern->gemm_f32(t->q, t->ld, l->keys + (t->from + j) * l->d, zeros, l->scores + j, l->lds, t->rows, l->d);
  }
  if (t->view->bias) {
    for (size_t i = 0; i < t->rows; i++)
      kern->scale_add_f32(l->scores + i * l->lds, width, scale, t->view->bias + t->from - (t->first + i));
    scale = 1.0f;
  }
  if (t->view->causal || t->view->window)
    softmax_seen(a, l, t, n, scale);
  else if (a->q16)
    kern->softmax_q16(l->scores, l->lds, t->rows, width, scale, as_q16(l->p), l->lds);
  else
    kern->softmax_f32(l->scores, l->lds, t->rows, width, scale);
}

/* Columns c .. c + nr - 1 of the tile's output. */
static void weigh(const vecd_attention *a, const layout *l, const tile *t, size_t c, float *out, size_t ldo) {
  const vecd_kern *kern = a->kern;
  size_t width = t->to - t->from;
  float *panel = l->values + c * l->n;
  if (!a->q16) {
    kern->gemm_f32(l->scores, l->lds, panel + t->from * kern->nr, zeros, out, ldo, t->rows, width);
    return;
  }
  for (size_t i = 0; i < t->rows; i++) l->factors[i] = l->value_factors[c / kern->nr];
  kern->gemm_q16(as_q16(l->p), l->lds, as_q16(panel + t->from / 2 * kern->nr), l->factors, out, ldo, t->rows,
                 width + width % 2);
}

void vecd_attention_run(const vecd_attention *a, const vecd_attention_view *view, const float *q, size_t ld, size_t first,
                        size_t n_queries, size_t n, float *out, size_t ldo, void *scratch) {
  size_t nr = a->kern->nr, mr = a->kern->mr, d = a->head_dim, n_tiles = (n_queries + mr - 1) / mr, unused;
  float *next_float = scratch;
  layout l = lay_out(a, n, &next_float);
  for (size_t i = 0, row = 0; i < n_tiles; i++) {
    size_t next = n_queries * (i + 1) / n_tiles;
    tile t = {.view = view, .q = q + row * ld, .ld = ld, .first = first + row, .rows = next - row};
    keys_of(view, t.first, n, &t.from, &unused);
    keys_of(view, t.first + t.rows - 1, n, &unused, &t.to);
    t.from = t.from / nr * nr;
    attend(a, &l, &t, n);
    for (size_t c = 0; c < d; c += nr) {
      float *o = out + row * ldo + c;
      if (d - c >= nr) {
        weigh(a, &l, &t, c, o, ldo);
        continue;
      }
      weigh(a, &l, &t, c, l.edge, nr);
      for (size_t j = 0; j < t.rows; j++) memcpy(o + j * ldo, l.edge + j * nr, (d - c) * sizeof(float));
    }
    row = next;
  }
}
