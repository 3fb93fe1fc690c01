/* forward.c - one worker's walk through the layers. There is one walk for every way of splitting work (plan.h); the ways differ
 * in which rows and which columns are this worker's, in whose room a buffer lies, and in where the workers wait:
 *
 * apart       all rows and columns, own room, no barrier.
 * by rows     own rows, all columns, own room. Only attention looks at other rows: keys and values lie in common room.
 * by columns  all rows. Each worker attends the heads it has projected itself and normalises every row for itself; what a
 *             product mixes (attention's output, the MLP's middle, what a block adds) lies in the first worker's room.
 *
 * Every value is computed by the same chain of operations in each of them, so the bits are the same. */
#include "kern/q8.h"
#include "nn/encoder_parts.h"
#include "nn/pooling.h"

typedef struct walk {
  const vecd_forward_job *job;
  const vecd_encoder *e;
  const vecd_chunk *chunk;
  vecd_split split;
  unsigned rank, size; /* of the workers on this chunk */
  size_t from, to;     /* this worker's rows */
  float *x, *y, *qkv, *attended, *mlp, *columns;
  vecd_q8_rows q_x, q_wide;
  void *attention;
} walk;

static void wait_for_all(const walk *w, vecd_split split) {
  if (w->split == split) vecd_team_barrier(w->e->team);
}

/* This worker's share of n columns' worth of something: from .. to - 1. */
static void share_columns(const walk *w, size_t n, size_t *from, size_t *to) {
  bool all = w->split != VECD_BY_COLUMNS;
  *from = all ? 0 : n * w->rank / w->size;
  *to = all ? n : n * (w->rank + 1) / w->size;
}

static walk begin(const vecd_forward_job *j, vecd_split split, const vecd_chunk *chunk, unsigned member, unsigned size) {
  const vecd_encoder *e = j->e;
  const vecd_lane *own = &e->lanes[member], *common = split == VECD_BY_COLUMNS ? &e->lanes[0] : own;
  walk w = {.job = j, .e = e, .chunk = chunk, .split = split, .rank = split == VECD_APART ? 0 : member, .size = size};
  size_t rows = 0;
  for (uint32_t i = chunk->first; i < chunk->end; i++) rows += j->lens[e->plan.order[i]];
  bool some = split == VECD_BY_ROWS;
  w.from = some ? rows * w.rank / size : 0;
  w.to = some ? rows * (w.rank + 1) / size : rows;
  w.x = own->x;
  w.y = common->y;
  w.qkv = some ? e->shared_qkv : own->qkv;
  w.attended = common->attended;
  w.mlp = common->mlp;
  w.columns = own->columns;
  w.q_x = own->q_x;
  w.q_wide = common->q_wide;
  w.attention = own->attention;
  return w;
}

static void quantize(const walk *w, const vecd_q8_rows *to, size_t first_column, const float *x, size_t ldx, size_t n) {
  vecd_q8_rows_fill(&w->e->kern, to, w->from, first_column, x + w->from * ldx + first_column, ldx, w->to - w->from, n);
}

/* x = norm(x + y), and quantized. */
static void normalize(const walk *w, const vecd_norm *norm, const float *y) {
  const vecd_encoder *e = w->e;
  size_t ld = e->ld_hidden, h = e->config.hidden;
  float *x = w->x + w->from * ld;
  e->kern.layer_norm_f32(x, ld, y ? y + w->from * ld : NULL, ld, norm->gamma, norm->beta, e->config.norm_eps, w->to - w->from,
                         h, x, ld);
  if (e->weights.precision == VECD_PRECISION_INT8) quantize(w, &w->q_x, 0, w->x, ld, h);
}

static void embed(const walk *w) {
  const vecd_encoder *e = w->e;
  size_t h = e->config.hidden, row = 0;
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    for (size_t p = 0; p < w->job->lens[seq]; p++, row++) {
      if (row < w->from || row >= w->to) continue;
      float *v = w->x + row * e->ld_hidden;
      const float *position = e->weights.positions + p * h;
      vecd_weights_word(&e->weights, w->job->ids[seq][p], h, v);
      for (size_t c = 0; c < h; c++) v[c] += position[c];
    }
  }
}

/* What a product reads: rows of floats, or in INT8 the same rows quantized. */
typedef struct operand {
  const float *a;
  size_t lda;
  const vecd_q8_rows *q;
} operand;

/* Panels first .. end - 1 of act(a product of this worker's rows); c is where row 0 of panel 0 lies. */
static void multiply(const walk *w, const vecd_linear *l, operand in, float *c, size_t ldc, size_t first, size_t end,
                     vecd_activation_fn *act) {
  const vecd_encoder *e = w->e;
  size_t rows = w->to - w->from;
  if (rows == 0 || first >= end) return;
  c += w->from * ldc;
  if (e->weights.precision == VECD_PRECISION_INT8) {
    vecd_q8_rows own = vecd_q8_rows_from(in.q, w->from);
    vecd_linear_run_q8(&e->kern, l, &own, c + first * e->kern.nr, ldc, rows, first, end, act);
  } else {
    vecd_linear_run(&e->kern, l, in.a + w->from * in.lda, in.lda, c, ldc, rows, first, end, act);
  }
}

/* The heads this worker attends. */
static void own_heads(const walk *w, size_t *first, size_t *end) {
  size_t n = w->e->config.n_heads, unit = w->e->head_unit;
  share_columns(w, (n + unit - 1) / unit, first, end);
  *first *= unit;
  *end = *end * unit < n ? *end * unit : n;
}

/* Queries, keys and values of this worker's heads: the panels that hold them, so a panel on the edge is computed twice. */
static void project(const walk *w, const vecd_linear *l) {
  const vecd_encoder *e = w->e;
  operand in = {w->x, e->ld_hidden, &w->q_x};
  size_t first, end, nr = e->kern.nr, d = e->config.head_dim, h = e->config.hidden;
  own_heads(w, &first, &end);
  if (end - first == e->config.n_heads) {
    multiply(w, l, in, w->qkv, e->ld_qkv, 0, l->n_panels, NULL);
    return;
  }
  for (size_t part = 0; part < 3 && first < end; part++)
    multiply(w, l, in, w->qkv, e->ld_qkv, (part * h + first * d) / nr, (part * h + end * d + nr - 1) / nr, NULL);
}

/* The rows of a sequence, which lies at rows start .. start + n - 1, that go on from here: this worker's, in the last layer only
 * the one that pooling needs. */
static void rows_going_on(const walk *w, size_t start, size_t n, bool pooled_only, size_t *from, size_t *to) {
  *from = start;
  *to = start + n;
  if (pooled_only) {
    *from = w->e->pools[0] == VECD_POOL_LAST_TOKEN ? start + n - 1 : start;
    *to = *from + 1;
  }
  if (*from < w->from) *from = w->from;
  if (*to > w->to) *to = w->to;
  if (*to < *from) *to = *from;
}

/* Attention of this worker's rows and heads. With pooled_only, rows that do not go on are dropped: the others move up. */
static void attend(walk *w, bool pooled_only) {
  const vecd_encoder *e = w->e;
  size_t h = e->config.hidden, d = e->config.head_dim, ldq = e->ld_qkv, ldx = e->ld_hidden;
  size_t first, end, row = 0, at = w->from;
  own_heads(w, &first, &end);
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    size_t n = w->job->lens[e->plan.order[i]], from, to;
    rows_going_on(w, row, n, pooled_only, &from, &to);
    for (size_t head = first; head < end && from < to; head++) {
      const float *q = w->qkv + head * d, *k = q + row * ldq + h;
      vecd_attention_begin(&e->attention, k, k + h, ldq, n, w->attention);
      vecd_attention_run(&e->attention, q + from * ldq, ldq, to - from, n, w->attended + at * ldx + head * d, ldx,
                         w->attention);
    }
    if (pooled_only && from < to) memmove(w->x + at * ldx, w->x + from * ldx, h * sizeof(float));
    at += to - from;
    row += n;
  }
  w->to = at;
  if (e->weights.precision == VECD_PRECISION_INT8 && first < end && w->from < w->to)
    quantize(w, &w->q_wide, first * d, w->attended, ldx, (end - first) * d);
}

/* The MLP's first half. In INT8 a group of columns is activated and quantized while it is in the nearest cache, so the wide float
 * matrix never exists. */
static void widen(const walk *w, const vecd_linear *l) {
  const vecd_encoder *e = w->e;
  size_t from, to, rows = w->to - w->from, panels = VECD_Q8_GROUP / e->kern.nr;
  if (e->weights.precision != VECD_PRECISION_INT8) {
    share_columns(w, l->n_panels, &from, &to);
    multiply(w, l, (operand){w->x, e->ld_hidden, NULL}, w->mlp, e->ld_mlp, from, to, e->activation);
    return;
  }
  if (rows == 0) return;
  vecd_q8_rows own = vecd_q8_rows_from(&w->q_x, w->from);
  share_columns(w, vecd_q8_groups(l->n_out), &from, &to);
  for (size_t i = from; i < to; i++) {
    size_t first = i * panels, end = first + panels < l->n_panels ? first + panels : l->n_panels;
    size_t column = i * VECD_Q8_GROUP, n = l->n_out - column < VECD_Q8_GROUP ? l->n_out - column : VECD_Q8_GROUP;
    vecd_linear_run_q8(&e->kern, l, &own, w->columns, VECD_LD_COLUMNS, rows, first, end, e->activation);
    vecd_q8_rows_fill(&e->kern, &w->q_wide, w->from, column, w->columns, VECD_LD_COLUMNS, rows, n);
  }
}

/* A product back to the width of the model. */
static void narrow(const walk *w, const vecd_linear *l, const float *a, size_t lda) {
  size_t from, to;
  share_columns(w, l->n_panels, &from, &to);
  multiply(w, l, (operand){a, lda, &w->q_wide}, w->y, w->e->ld_hidden, from, to, NULL);
}

/* Every sequence is pooled by one worker. */
static void pool(const walk *w, bool pooled_only) {
  const vecd_encoder *e = w->e;
  size_t ld = e->ld_hidden, row = 0, at = w->from;
  const float *x = w->x;
  if (w->split == VECD_BY_ROWS && !pooled_only) { /* bring the rows together */
    if (w->rank) memcpy(e->lanes[0].x + w->from * ld, w->x + w->from * ld, (w->to - w->from) * ld * sizeof(float));
    wait_for_all(w, VECD_BY_ROWS);
    x = e->lanes[0].x;
  }
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    size_t n = w->job->lens[seq], from = row, to = row + n;
    row = to;
    if (pooled_only) {
      rows_going_on(w, from, n, true, &from, &to);
      n = to - from;
      from = at;
      at += n;
    }
    bool mine = pooled_only && w->split == VECD_BY_ROWS ? n > 0 : i % w->size == w->rank;
    if (mine) vecd_pooling_run(e->pools, e->n_pools, x + from * ld, ld, n, e->config.hidden, w->job->out[seq]);
  }
  wait_for_all(w, VECD_BY_ROWS); /* the first worker's rows may go on to the next chunk */
}

static void run_chunk(walk *w) {
  const vecd_encoder *e = w->e;
  size_t all = w->to;
  bool one_row = e->n_pools == 1 && (e->pools[0] == VECD_POOL_CLS || e->pools[0] == VECD_POOL_LAST_TOKEN);
  embed(w);
  normalize(w, &e->weights.embedding_norm, NULL);
  for (unsigned i = 0; i < e->config.n_layers; i++) {
    const vecd_layer *layer = &e->weights.layers[i];
    if (i) wait_for_all(w, VECD_BY_ROWS); /* nobody looks at the last layer's keys any more */
    project(w, &layer->qkv);
    wait_for_all(w, VECD_BY_ROWS);
    attend(w, one_row && i + 1 == e->config.n_layers);
    wait_for_all(w, VECD_BY_COLUMNS);
    narrow(w, &layer->attention_output, w->attended, e->ld_hidden);
    wait_for_all(w, VECD_BY_COLUMNS);
    normalize(w, &layer->attention_norm, w->y);
    widen(w, &layer->mlp_up);
    wait_for_all(w, VECD_BY_COLUMNS);
    narrow(w, &layer->mlp_down, w->mlp, e->ld_mlp);
    wait_for_all(w, VECD_BY_COLUMNS);
    normalize(w, &layer->mlp_norm, w->y);
  }
  w->to = all;
  pool(w, one_row);
}

void vecd_forward_run(void *ctx, unsigned member) {
  vecd_forward_job *j = ctx;
  const vecd_plan *plan = &j->e->plan;
  unsigned size = plan->split == VECD_APART ? 1 : vecd_team_size(j->e->team);
  for (size_t c = 0;; c++) {
    size_t mine = plan->split == VECD_APART ? atomic_fetch_add_explicit(&j->next_chunk, 1, memory_order_relaxed) : c;
    if (mine >= plan->n_chunks) return;
    walk w = begin(j, plan->split, &plan->chunks[mine], member, size);
    run_chunk(&w);
  }
}
