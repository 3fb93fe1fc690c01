/* forward.c - one worker's walk through the layers. There is one walk for every way of splitting work (plan.h); the ways differ
 * in which rows and which columns are this worker's, in whose room a buffer lies, and in where the workers wait:
 *
 * apart       all rows and columns, own room, no barrier.
 * by rows     own rows, all columns, own room but for what holds all rows: only attention looks at those of others.
 * by columns  all rows. Each worker attends the heads it has projected itself and normalises every row for itself; what a
 *             product mixes (attention's output, the MLP's middle, what a block adds) lies in the first worker's room.
 *
 * A layer first projects all rows, then takes them through attention and MLP a block at a time, so that only the residual stream,
 * queries, keys and values need room for a whole text. Every value is computed by the same chain of operations in each of the
 * ways, so the bits are the same. */
#include "kern/q8.h"
#include "nn/encoder_parts.h"
#include "nn/pooling.h"

typedef struct walk {
  vecd_forward_job *job;
  const vecd_encoder *e;
  vecd_chunk *chunk;
  vecd_split split;
  unsigned rank, size; /* of the workers on this chunk */
  size_t from, to;     /* this worker's rows */
  size_t row, rows;    /* the block at work: its first row in x, and how many */
  bool int8;
  float *x, *qkv;                                  /* all rows */
  float *y, *in, *attended, *mlp, *columns, *gate; /* rows of a block */
  vecd_q8_rows q_x, q_wide;                        /* likewise */
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

static walk begin(vecd_forward_job *j, vecd_split split, vecd_chunk *chunk, unsigned member, unsigned size) {
  const vecd_encoder *e = j->e;
  const vecd_lane *own = &e->lanes[member], *common = split == VECD_BY_COLUMNS ? &e->lanes[0] : own;
  walk w = {.job = j, .e = e, .chunk = chunk, .split = split, .rank = split == VECD_APART ? 0 : member, .size = size};
  size_t rows = 0;
  for (uint32_t i = chunk->first; i < chunk->end; i++) rows += j->lens[e->plan.order[i]];
  bool some = split == VECD_BY_ROWS;
  w.from = some ? rows * w.rank / size : 0;
  w.to = some ? rows * (w.rank + 1) / size : rows;
  w.int8 = e->weights.precision == VECD_PRECISION_INT8;
  w.x = some ? e->shared_x : own->x;
  w.qkv = some ? e->shared_qkv : own->qkv;
  w.y = common->y;
  w.in = own->in;
  w.attended = common->attended;
  w.mlp = common->mlp;
  w.columns = own->columns;
  w.gate = own->gate;
  w.q_x = own->q_x;
  w.q_wide = common->q_wide;
  w.attention = own->attention;
  return w;
}

/* The blocks of this worker's rows, one after the other; false when there are no more. Begins with rows 0. */
static bool next_block(walk *w, size_t *at) {
  size_t most = w->e->block_rows;
  if (*at >= w->to) return false;
  w->row = *at;
  w->rows = w->to - *at < most ? w->to - *at : most;
  *at += w->rows;
  return true;
}

static float *block_x(const walk *w) { return w->x + w->row * w->e->ld_hidden; }

static void norm_rows(const walk *w, const vecd_norm *norm, const float *x, const float *residual, float *out) {
  const vecd_encoder *e = w->e;
  size_t ld = e->ld_hidden, h = e->config.hidden;
  if (e->config.rms_norm)
    e->kern.rms_norm_f32(x, ld, norm->gamma, e->config.norm_eps, w->rows, h, out, ld);
  else
    e->kern.layer_norm_f32(x, ld, residual, ld, norm->gamma, norm->beta, e->config.norm_eps, w->rows, h, out, ld);
}

/* x = norm(x + y) where norms stand behind, else x += y or x += norm(y). */
static void add_block(const walk *w, const vecd_norm *norm) {
  const vecd_encoder *e = w->e;
  size_t ld = e->ld_hidden;
  float *x = block_x(w), *add = w->y;
  if (e->config.norm_place == VECD_NORM_POST && !e->config.rms_norm) {
    norm_rows(w, norm, x, w->y, x);
    return;
  }
  if (e->config.norm_place == VECD_NORM_SANDWICH) norm_rows(w, norm, w->y, NULL, add = w->in);
  e->kern.add_f32(x, ld, add, ld, w->rows, e->config.hidden);
  if (e->config.norm_place == VECD_NORM_POST) norm_rows(w, norm, x, NULL, x);
}

/* What a product reads: rows of floats, or in INT8 the same rows quantized. */
typedef struct operand {
  const float *a;
  size_t lda;
  const vecd_q8_rows *q;
} operand;

/* What a block of layers reads: x, behind `norm` where there is one; quantized. */
static operand read_x(const walk *w, const vecd_norm *norm) {
  const vecd_encoder *e = w->e;
  const float *x = block_x(w);
  if (norm->gamma) {
    norm_rows(w, norm, x, NULL, w->in);
    x = w->in;
  }
  if (w->int8) vecd_q8_rows_fill(&e->kern, &w->q_x, 0, 0, x, e->ld_hidden, w->rows, e->config.hidden);
  return (operand){x, e->ld_hidden, &w->q_x};
}

/* Panels first .. end - 1 of act(a product of the block's rows); c is where the first of them and panel 0 lie. */
static void multiply(const walk *w, const vecd_linear *l, operand in, float *c, size_t ldc, size_t first, size_t end,
                     vecd_activation_fn *act) {
  const vecd_encoder *e = w->e;
  if (w->rows == 0 || first >= end) return;
  if (w->int8)
    vecd_linear_run_q8(&e->kern, l, in.q, c + first * e->kern.nr, ldc, w->rows, first, end, act);
  else
    vecd_linear_run(&e->kern, l, in.a, in.lda, c, ldc, w->rows, first, end, act);
}

static void embed(const walk *w) {
  const vecd_encoder *e = w->e;
  const vecd_encoder_config *config = &e->config;
  const vecd_weights *weights = &e->weights;
  size_t h = config->hidden, row = 0;
  float scale = config->embedding_scale;
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    size_t position = config->position_offset;
    for (size_t p = 0; p < w->job->lens[seq]; p++, row++) {
      uint32_t id = w->job->ids[seq][p];
      size_t at = position++;
      if (config->has_pad_positions && id == config->pad_id) at = config->position_offset - 1, position--;
      if (row < w->from || row >= w->to) continue;
      float *v = w->x + row * e->ld_hidden;
      vecd_weights_word(weights, id, h, v);
      for (size_t c = 0; scale != 0.0f && c < h; c++) v[c] *= scale;
      if (!weights->n_added) continue;
      const float *added = weights->added + (weights->n_added > 1 ? at : 0) * h;
      for (size_t c = 0; c < h; c++) v[c] += added[c];
    }
  }
}

/* The heads this worker attends. */
static void own_heads(const walk *w, size_t *first, size_t *end) {
  size_t n = w->e->config.n_heads, unit = w->e->head_unit;
  share_columns(w, (n + unit - 1) / unit, first, end);
  *first *= unit;
  *end = *end * unit < n ? *end * unit : n;
}

/* Turns n heads of one token by its position; cosines, then sines. */
static void turn(float *x, size_t n, size_t d, const float *by) {
  size_t half = d / 2;
  for (size_t i = 0; i < n; i++, x += d)
    for (size_t j = 0; j < half; j++) {
      float a = x[j], b = x[j + half];
      x[j] = a * by[j] - b * by[half + j];
      x[j + half] = b * by[j] + a * by[half + j];
    }
}

/* What happens to queries and keys between projection and attention: norms, and the turn by a token's place in its sequence. */
static void prepare_heads(const walk *w, const vecd_layer *layer, bool local, size_t first, size_t end) {
  const vecd_encoder *e = w->e;
  const vecd_encoder_config *c = &e->config;
  const float *turns = e->weights.turns[local && e->weights.turns[1]];
  size_t d = c->head_dim, group = c->n_heads / c->n_kv_heads, row = 0, half = d / 2;
  if ((!layer->query_norm && !turns) || first >= end) return;
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    size_t n = w->job->lens[e->plan.order[i]];
    size_t from = row > w->row ? row : w->row, to = row + n < w->row + w->rows ? row + n : w->row + w->rows;
    for (size_t r = from; r < to; r++) {
      float *q = w->qkv + r * e->ld_qkv + first * d, *k = w->qkv + r * e->ld_qkv + (c->n_heads + first / group) * d;
      size_t n_q = end - first, n_k = (end + group - 1) / group - first / group;
      if (layer->query_norm) e->kern.rms_norm_f32(q, d, layer->query_norm, c->norm_eps, n_q, d, q, d);
      if (layer->key_norm) e->kern.rms_norm_f32(k, d, layer->key_norm, c->norm_eps, n_k, d, k, d);
      if (!turns) continue;
      turn(q, n_q, d, turns + (r - row) * 2 * half);
      turn(k, n_k, d, turns + (r - row) * 2 * half);
    }
    row += n;
  }
}

/* Queries, keys and values of this worker's heads: the panels that hold them, so a panel on the edge is computed twice. */
static void project(const walk *w, const vecd_layer *layer, bool local) {
  const vecd_encoder *e = w->e;
  const vecd_encoder_config *c = &e->config;
  const vecd_linear *l = &layer->qkv;
  operand in = read_x(w, &layer->attention_norm_in);
  size_t first, end, nr = e->kern.nr, d = c->head_dim, group = c->n_heads / c->n_kv_heads;
  float *to = w->qkv + w->row * e->ld_qkv;
  own_heads(w, &first, &end);
  if (end - first == c->n_heads) {
    multiply(w, l, in, to, e->ld_qkv, 0, l->n_panels, NULL);
  } else {
    size_t kv_first = first / group, kv_end = (end + group - 1) / group;
    size_t parts[3][2] = {{first, end},
                          {c->n_heads + kv_first, c->n_heads + kv_end},
                          {c->n_heads + c->n_kv_heads + kv_first, c->n_heads + c->n_kv_heads + kv_end}};
    for (size_t i = 0; i < 3 && first < end; i++)
      multiply(w, l, in, to, e->ld_qkv, parts[i][0] * d / nr, (parts[i][1] * d + nr - 1) / nr, NULL);
  }
  prepare_heads(w, layer, local, first, end);
}

/* How a sequence is pooled: as is asked for it, else as the folder says. */
static const vecd_pool *pools_of(const walk *w, uint32_t seq, unsigned *n) {
  static const vecd_pool each[] = {
#define X(name, text, flag) VECD_POOL_##name,
      VECD_POOL_LIST(X)
#undef X
  };
  unsigned asked = w->job->pooling ? w->job->pooling[seq] : 0;
  *n = asked ? 1 : w->e->n_pools;
  return asked ? &each[asked - 1] : w->e->pools;
}

static bool pools_last_token(const walk *w, uint32_t seq) {
  unsigned n;
  return *pools_of(w, seq, &n) == VECD_POOL_LAST_TOKEN;
}

/* Of each sequence of the chunk only one token's row is pooled. */
static bool pools_one_row(const walk *w) {
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    unsigned n;
    const vecd_pool *pools = pools_of(w, w->e->plan.order[i], &n);
    if (n > 1 || (*pools != VECD_POOL_CLS && *pools != VECD_POOL_LAST_TOKEN)) return false;
  }
  return true;
}

/* The first token of a sequence that pooling counts. */
static size_t pool_from(const walk *w, uint32_t seq) { return w->job->pool_from ? w->job->pool_from[seq] : 0; }

/* The rows of sequence `seq`, which lies at rows start .. start + n - 1, that go on from a block: the block's, in the last layer
 * only the one that pooling needs. */
static void rows_going_on(const walk *w, uint32_t seq, size_t block, size_t block_end, size_t start, size_t n, bool pooled_only,
                          size_t *from, size_t *to) {
  *from = start;
  *to = start + n;
  if (pooled_only) {
    size_t first = pool_from(w, seq) < n ? pool_from(w, seq) : 0;
    *from = pools_last_token(w, seq) ? start + n - 1 : start + first;
    *to = *from + 1;
  }
  if (*from < block) *from = block;
  if (*to > block_end) *to = block_end;
  if (*to < *from) *to = *from;
}

/* Attention of the block's rows and this worker's heads. With pooled_only, rows that do not go on are dropped: the others move up
 * to *kept, which goes on behind them. */
static void attend(walk *w, bool local, bool pooled_only, size_t *kept) {
  const vecd_encoder *e = w->e;
  const vecd_encoder_config *c = &e->config;
  size_t d = c->head_dim, ldq = e->ld_qkv, ldx = e->ld_hidden, lda = e->ld_attended, group = c->n_heads / c->n_kv_heads;
  size_t first, end, row = 0, at = 0, block = w->row, block_end = w->row + w->rows;
  vecd_attention_view view = {.causal = c->causal, .window = local ? c->window : 0};
  own_heads(w, &first, &end);
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    size_t n = w->job->lens[seq], from, to;
    rows_going_on(w, seq, block, block_end, row, n, pooled_only, &from, &to);
    for (size_t head = first; head < end && from < to; head++) {
      const float *q = w->qkv + from * ldq + head * d, *k = w->qkv + row * ldq + (c->n_heads + head / group) * d;
      if (e->weights.relative) view.bias = e->weights.relative + head * (2 * e->max_tokens - 1) + e->max_tokens - 1;
      vecd_attention_begin(&e->attention, k, k + c->n_kv_heads * d, ldq, n, w->attention);
      vecd_attention_run(&e->attention, &view, q, ldq, from - row, to - from, n, w->attended + at * lda + head * d, lda,
                         w->attention);
    }
    if (pooled_only && from < to) memmove(w->x + (*kept + at) * ldx, w->x + from * ldx, c->hidden * sizeof(float));
    at += to - from;
    row += n;
  }
  if (pooled_only) {
    w->row = *kept;
    w->rows = at;
    *kept += at;
  }
  if (w->int8 && first < end && w->rows)
    vecd_q8_rows_fill(&e->kern, &w->q_wide, 0, first * d, w->attended + first * d, lda, w->rows, (end - first) * d);
}

/* Columns of the MLP's middle from panel `first` on: act(up x), or act(gate x) * up x. c: where the first panel lies. */
static void widen_columns(const walk *w, const vecd_layer *layer, operand in, float *c, size_t ldc, size_t first, size_t end) {
  const vecd_encoder *e = w->e;
  size_t nr = e->kern.nr, ldg = VECD_LD_COLUMNS;
  if (!e->config.gated) {
    multiply(w, &layer->mlp_up, in, c - first * nr, ldc, first, end, e->activation);
    return;
  }
  multiply(w, &layer->mlp_up, in, c - first * nr, ldc, first, end, NULL);
  for (size_t p = first; p < end; p++, c += nr) {
    multiply(w, &layer->mlp_gate, in, w->gate - p * nr, ldg, p, p + 1, e->activation);
    e->kern.mul_f32(c, ldc, w->gate, ldg, w->rows, nr);
  }
}

/* The MLP's first half. In INT8 a group of columns is activated and quantized while it is in the nearest cache, so the wide float
 * matrix never exists. */
static void widen(const walk *w, const vecd_layer *layer) {
  const vecd_encoder *e = w->e;
  const vecd_linear *l = &layer->mlp_up;
  operand in = read_x(w, &layer->mlp_norm_in);
  size_t from, to, panels = VECD_Q8_GROUP / e->kern.nr;
  if (w->rows == 0) return;
  if (!w->int8) {
    share_columns(w, l->n_panels, &from, &to);
    widen_columns(w, layer, in, w->mlp + from * e->kern.nr, e->ld_mlp, from, to);
    return;
  }
  share_columns(w, vecd_q8_groups(l->n_out), &from, &to);
  for (size_t i = from; i < to; i++) {
    size_t first = i * panels, end = first + panels < l->n_panels ? first + panels : l->n_panels;
    size_t column = i * VECD_Q8_GROUP, n = l->n_out - column < VECD_Q8_GROUP ? l->n_out - column : VECD_Q8_GROUP;
    widen_columns(w, layer, in, w->columns, VECD_LD_COLUMNS, first, end);
    vecd_q8_rows_fill(&e->kern, &w->q_wide, 0, column, w->columns, VECD_LD_COLUMNS, w->rows, n);
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
  if (!pooled_only) wait_for_all(w, VECD_BY_ROWS);
  for (uint32_t i = w->chunk->first; i < w->chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    size_t n = w->job->lens[seq], from = row, to = row + n, first = pool_from(w, seq);
    row = to;
    if (pooled_only) { /* of the sequence only the one row is left */
      rows_going_on(w, seq, w->from, w->to, from, n, true, &from, &to);
      first = first >= n && pools_last_token(w, seq);
      n = to - from;
      from = at;
      at += n;
    }
    bool mine = pooled_only && w->split == VECD_BY_ROWS ? n > 0 : i % w->size == w->rank;
    unsigned n_pools;
    const vecd_pool *pools = pools_of(w, seq, &n_pools);
    if (mine) vecd_pooling_run(pools, n_pools, w->x + from * ld, ld, n, first, e->config.hidden, w->job->out[seq]);
  }
  wait_for_all(w, VECD_BY_ROWS); /* their rows are the next chunk's */
}

/* The norm behind embeddings, or behind all layers. */
static void norm_all(walk *w, const vecd_norm *norm, size_t from, size_t to) {
  if (!norm->gamma) return;
  w->row = from;
  w->rows = to - from;
  norm_rows(w, norm, block_x(w), NULL, block_x(w));
}

static void run_layer(walk *w, unsigned i, bool pooled_only, size_t *kept) {
  const vecd_encoder *e = w->e;
  const vecd_layer *layer = &e->weights.layers[i];
  bool local = e->config.local[i];
  if (i) wait_for_all(w, VECD_BY_ROWS); /* nobody looks at the last layer's keys any more */
  for (size_t at = w->from; next_block(w, &at);) project(w, layer, local);
  wait_for_all(w, VECD_BY_ROWS);
  for (size_t at = w->from; next_block(w, &at);) {
    attend(w, local, pooled_only, kept);
    wait_for_all(w, VECD_BY_COLUMNS);
    narrow(w, &layer->attention_output, w->attended, e->ld_attended);
    wait_for_all(w, VECD_BY_COLUMNS);
    add_block(w, &layer->attention_norm);
    widen(w, layer);
    wait_for_all(w, VECD_BY_COLUMNS);
    narrow(w, &layer->mlp_down, w->mlp, e->ld_mlp);
    wait_for_all(w, VECD_BY_COLUMNS);
    add_block(w, &layer->mlp_norm);
  }
}

/* Before layer i: the run is to end. Those who work together must all end before the same layer, or one would wait for the others
 * for ever. So the first of them alone decides, and one layer ahead: between that and the next layer lies a barrier. */
static bool is_stopped(const walk *w, unsigned i) {
  vecd_forward_job *j = w->job;
  if (!j->stop) return false;
  bool asked = atomic_load_explicit(j->stop, memory_order_relaxed);
  if (w->split == VECD_APART) return asked;
  size_t layer = (size_t)(w->chunk - w->e->plan.chunks) * w->e->config.n_layers + i;
  if (asked && w->rank == 0 && atomic_load_explicit(&j->last_layer, memory_order_relaxed) == SIZE_MAX)
    atomic_store_explicit(&j->last_layer, layer, memory_order_relaxed);
  return layer > atomic_load_explicit(&j->last_layer, memory_order_relaxed);
}

/* False: stopped. */
static bool run_chunk(walk *w) {
  const vecd_encoder *e = w->e;
  size_t kept = w->from;
  bool one_row = pools_one_row(w);
  embed(w);
  norm_all(w, &e->weights.embedding_norm, w->from, w->to);
  for (unsigned i = 0; i < e->config.n_layers; i++) {
    if (is_stopped(w, i)) return false;
    run_layer(w, i, one_row && i + 1 == e->config.n_layers, &kept);
  }
  norm_all(w, &e->weights.final_norm, w->from, one_row ? kept : w->to);
  pool(w, one_row);
  if (w->rank == 0) w->chunk->done = true;
  return true;
}

void vecd_forward_run(void *ctx, unsigned member) {
  vecd_forward_job *j = ctx;
  const vecd_plan *plan = &j->e->plan;
  unsigned size = plan->split == VECD_APART ? 1 : vecd_team_size(j->e->team);
  for (size_t c = 0;; c++) {
    size_t mine = plan->split == VECD_APART ? atomic_fetch_add_explicit(&j->next_chunk, 1, memory_order_relaxed) : c;
    if (mine >= plan->n_chunks) return;
    walk w = begin(j, plan->split, &plan->chunks[mine], member, size);
    if (!run_chunk(&w)) return;
  }
}
