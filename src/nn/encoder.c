/* encoder.c - the forward pass. Written for a group of workers that walk through it side by side: one worker alone (a chunk of
 * a large batch, no barrier) is a group of one, so there is one path for both ways of splitting work.
 *
 * Rows of activations stand a few floats further apart than they are long, so that the rows of a tile do not fall into the
 * same cache sets. */
#include "nn/encoder.h"

#include <stdatomic.h>

#include "kern/q8.h"
#include "nn/attention.h"
#include "nn/plan.h"
#include "nn/pooling.h"
#include "nn/weights.h"

/* Floats between the rows of one group of columns. */
#define LD_COLUMNS (VECD_Q8_GROUP + 16)

/* One worker's room. */
typedef struct lane {
  float *x;            /* [most_tokens, ld_hidden] the residual stream */
  float *y;            /* [most_tokens, ld_hidden] what a block adds to it */
  float *wide;         /* [most_tokens, ld_qkv] and behind it [most_tokens, ld_hidden], or (FP32) [most_tokens, ld_mlp] */
  vecd_q8_rows q_x;    /* INT8: the residual stream, quantized */
  vecd_q8_rows q_wide; /* INT8: what attention or the MLP's first half gives, quantized */
  float *columns;      /* INT8: [most_tokens, LD_COLUMNS] one group of the MLP's columns */
  float *attention;    /* room for one head */
} lane;

struct vecd_encoder {
  vecd_encoder_config config;
  const vecd_arch *arch;
  vecd_kern kern;
  vecd_team *team;
  vecd_weights weights;
  vecd_activation_fn *activation;
  unsigned n_pools;
  vecd_pool pools[VECD_POOL_COUNT];
  size_t max_tokens;
  size_t most_tokens; /* that a lane holds */
  size_t ld_hidden, ld_qkv, ld_mlp;
  void *scratch; /* all lanes */
  size_t scratch_bytes;
  lane *lanes; /* [team size] */
  vecd_plan plan;
  uint32_t *counts; /* [most_tokens + 1] */
};

/* One call of vecd_encoder_run(), seen by all workers. */
typedef struct job {
  vecd_encoder *e;
  const uint32_t *const *ids;
  const uint32_t *lens;
  float *const *out;
  atomic_size_t next_chunk;
} job;

/* Who walks through a chunk: member `rank` of `size`, all on the same lane. */
typedef struct group {
  unsigned rank, size;
  vecd_team *team; /* for the barrier; unused when size is 1 */
} group;

static void sync(const group *g) {
  if (g->size > 1) vecd_team_barrier(g->team);
}

/* This member's share of n things: from .. to - 1. */
static void share(const group *g, size_t n, size_t *from, size_t *to) {
  *from = n * g->rank / g->size;
  *to = n * (g->rank + 1) / g->size;
}

static void run_linear(const vecd_encoder *e, const group *g, const vecd_linear *w, const float *a, size_t lda, float *c,
                       size_t ldc, size_t rows, vecd_activation_fn *act) {
  size_t from, to;
  share(g, w->n_panels, &from, &to);
  vecd_linear_run(&e->kern, w, a, lda, c, ldc, rows, from, to, act);
  sync(g);
}

/* x = norm(x + y) */
static void run_norm(const vecd_encoder *e, const group *g, const vecd_norm *norm, float *x, const float *y, size_t rows) {
  size_t from, to, ld = e->ld_hidden;
  share(g, rows, &from, &to);
  float *own = x + from * ld;
  e->kern.layer_norm_f32(own, ld, y ? y + from * ld : NULL, ld, norm->gamma, norm->beta, e->config.norm_eps, to - from,
                         e->config.hidden, own, ld);
  sync(g);
}

/* The same, and the result quantized. */
static void run_norm_q8(const vecd_encoder *e, const group *g, const vecd_norm *norm, float *x, const float *y,
                        const vecd_q8_rows *q, size_t rows) {
  size_t from, to, ld = e->ld_hidden;
  share(g, rows, &from, &to);
  group alone = {0, 1, NULL};
  run_norm(e, &alone, norm, x + from * ld, y ? y + from * ld : NULL, to - from);
  vecd_q8_rows_fill(&e->kern, q, from, 0, x + from * ld, ld, to - from, e->config.hidden);
  sync(g);
}

static void run_linear_q8(const vecd_encoder *e, const group *g, const vecd_linear *w, const vecd_q8_rows *a, float *c,
                          size_t ldc, size_t rows) {
  size_t from, to;
  share(g, w->n_panels, &from, &to);
  vecd_linear_run_q8(&e->kern, w, a, c + from * w->nr, ldc, rows, from, to, NULL);
  sync(g);
}

/* The MLP's first half: a group of columns is activated and quantized while it is in the nearest cache, so the wide float
 * matrix never exists. */
static void run_mlp_up_q8(const vecd_encoder *e, const group *g, const vecd_linear *w, const vecd_q8_rows *a,
                          const vecd_q8_rows *out, float *columns, size_t rows) {
  size_t from, to, panels = VECD_Q8_GROUP / w->nr;
  share(g, vecd_q8_groups(w->n_out), &from, &to);
  for (size_t i = from; i < to; i++) {
    size_t first = i * panels, end = first + panels < w->n_panels ? first + panels : w->n_panels;
    size_t column = i * VECD_Q8_GROUP, n = w->n_out - column < VECD_Q8_GROUP ? w->n_out - column : VECD_Q8_GROUP;
    vecd_linear_run_q8(&e->kern, w, a, columns, LD_COLUMNS, rows, first, end, e->activation);
    vecd_q8_rows_fill(&e->kern, out, 0, column, columns, LD_COLUMNS, rows, n);
  }
  sync(g);
}

/* Needs no barrier behind it: the norm that follows deals out the rows in the same way. */
static void embed(const job *j, const group *g, const vecd_chunk *chunk, float *x, size_t rows) {
  const vecd_encoder *e = j->e;
  const vecd_weights *w = &e->weights;
  size_t h = e->config.hidden, from, to, row = 0;
  share(g, rows, &from, &to);
  for (uint32_t i = chunk->first; i < chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    for (size_t p = 0; p < j->lens[seq]; p++, row++) {
      if (row < from || row >= to) continue;
      float *v = x + row * e->ld_hidden;
      const float *position = w->positions + p * h;
      vecd_weights_word(w, j->ids[seq][p], h, v);
      for (size_t c = 0; c < h; c++) v[c] += position[c];
    }
  }
}

/* Heads of all sequences are dealt out like cards, so that a long sequence is shared too. */
static void attend(const job *j, const group *g, const vecd_chunk *chunk, const float *qkv, float *out, float *scratch) {
  const vecd_encoder *e = j->e;
  size_t h = e->config.hidden, d = e->config.head_dim, n_heads = e->config.n_heads, row = 0, item = 0;
  for (uint32_t i = chunk->first; i < chunk->end; i++) {
    size_t n = j->lens[e->plan.order[i]];
    for (size_t head = 0; head < n_heads; head++, item++) {
      if (item % g->size != g->rank) continue;
      const float *q = qkv + row * e->ld_qkv + head * d;
      vecd_attention_run(&e->kern, q, q + h, q + 2 * h, e->ld_qkv, n, d, out + row * e->ld_hidden + head * d, e->ld_hidden,
                         scratch);
    }
    row += n;
  }
  sync(g);
}

static void pool(const job *j, const group *g, const vecd_chunk *chunk, const float *x) {
  const vecd_encoder *e = j->e;
  size_t row = 0;
  for (uint32_t i = chunk->first; i < chunk->end; i++) {
    uint32_t seq = e->plan.order[i];
    if (i % g->size == g->rank)
      vecd_pooling_run(e->pools, e->n_pools, x + row * e->ld_hidden, e->ld_hidden, j->lens[seq], e->config.hidden, j->out[seq]);
    row += j->lens[seq];
  }
  sync(g);
}

/* Takes one chunk through all layers. own: this member's lane (attention scratch); shared: the lane the group works on. */
static void forward(const job *j, const group *g, const vecd_chunk *chunk, const lane *shared, const lane *own) {
  const vecd_encoder *e = j->e;
  size_t rows = 0;
  for (uint32_t i = chunk->first; i < chunk->end; i++) rows += j->lens[e->plan.order[i]];
  float *x = shared->x, *y = shared->y, *qkv = shared->wide, *attended = shared->wide + e->most_tokens * e->ld_qkv;
  float *mlp = shared->wide;
  embed(j, g, chunk, x, rows);
  run_norm(e, g, &e->weights.embedding_norm, x, NULL, rows);
  for (unsigned i = 0; i < e->config.n_layers; i++) {
    const vecd_layer *layer = &e->weights.layers[i];
    run_linear(e, g, &layer->qkv, x, e->ld_hidden, qkv, e->ld_qkv, rows, NULL);
    attend(j, g, chunk, qkv, attended, own->attention);
    run_linear(e, g, &layer->attention_output, attended, e->ld_hidden, y, e->ld_hidden, rows, NULL);
    run_norm(e, g, &layer->attention_norm, x, y, rows);
    run_linear(e, g, &layer->mlp_up, x, e->ld_hidden, mlp, e->ld_mlp, rows, e->activation);
    run_linear(e, g, &layer->mlp_down, mlp, e->ld_mlp, y, e->ld_hidden, rows, NULL);
    run_norm(e, g, &layer->mlp_norm, x, y, rows);
  }
  pool(j, g, chunk, x);
}

/* forward() with 8-bit products: the same steps, each input of a product quantized by the step before. */
static void forward_q8(const job *j, const group *g, const vecd_chunk *chunk, const lane *shared, const lane *own) {
  const vecd_encoder *e = j->e;
  size_t rows = 0, from, to;
  for (uint32_t i = chunk->first; i < chunk->end; i++) rows += j->lens[e->plan.order[i]];
  share(g, rows, &from, &to);
  float *x = shared->x, *y = shared->y, *qkv = shared->wide, *attended = shared->wide + e->most_tokens * e->ld_qkv;
  embed(j, g, chunk, x, rows);
  run_norm_q8(e, g, &e->weights.embedding_norm, x, NULL, &shared->q_x, rows);
  for (unsigned i = 0; i < e->config.n_layers; i++) {
    const vecd_layer *layer = &e->weights.layers[i];
    run_linear_q8(e, g, &layer->qkv, &shared->q_x, qkv, e->ld_qkv, rows);
    attend(j, g, chunk, qkv, attended, own->attention);
    vecd_q8_rows_fill(&e->kern, &shared->q_wide, from, 0, attended + from * e->ld_hidden, e->ld_hidden, to - from,
                      e->config.hidden);
    sync(g);
    run_linear_q8(e, g, &layer->attention_output, &shared->q_wide, y, e->ld_hidden, rows);
    run_norm_q8(e, g, &layer->attention_norm, x, y, &shared->q_x, rows);
    run_mlp_up_q8(e, g, &layer->mlp_up, &shared->q_x, &shared->q_wide, own->columns, rows);
    run_linear_q8(e, g, &layer->mlp_down, &shared->q_wide, y, e->ld_hidden, rows);
    run_norm_q8(e, g, &layer->mlp_norm, x, y, &shared->q_x, rows);
  }
  pool(j, g, chunk, x);
}

static void run_job(void *ctx, unsigned member) {
  job *j = ctx;
  vecd_encoder *e = j->e;
  const vecd_plan *plan = &e->plan;
  void (*walk)(const job *, const group *, const vecd_chunk *, const lane *, const lane *) =
      e->weights.precision == VECD_PRECISION_INT8 ? forward_q8 : forward;
  if (plan->together) {
    group g = {member, vecd_team_size(e->team), e->team};
    for (size_t c = 0; c < plan->n_chunks; c++) walk(j, &g, &plan->chunks[c], &e->lanes[0], &e->lanes[member]);
    return;
  }
  group alone = {0, 1, NULL};
  for (size_t c; (c = atomic_fetch_add_explicit(&j->next_chunk, 1, memory_order_relaxed)) < plan->n_chunks;)
    walk(j, &alone, &plan->chunks[c], &e->lanes[member], &e->lanes[member]);
}

void vecd_encoder_run(vecd_encoder *e, const uint32_t *const *ids, const uint32_t *lens, size_t n_seqs, float *const *out) {
  vecd_assert(n_seqs >= 1 && n_seqs <= VECD_ENCODER_MAX_SEQS);
  vecd_plan_make(&e->plan, lens, n_seqs, vecd_team_size(e->team), e->most_tokens, e->counts);
  job j = {.e = e, .ids = ids, .lens = lens, .out = out};
  vecd_team_run(e->team, run_job, &j);
}

/* Rounded up to whole panels of either kind, plus a cache line that breaks powers of two. */
static size_t padded(size_t n) { return (n + VECD_KERN_MAX_NR - 1) / VECD_KERN_MAX_NR * VECD_KERN_MAX_NR + 16; }

/* The next n bytes at *next, a cache line's multiple; while *next is NULL only *total grows. */
static void *carve(unsigned char **next, size_t *total, size_t n_bytes) {
  n_bytes = (n_bytes + 63) & ~(size_t)63;
  *total += n_bytes;
  unsigned char *p = *next;
  if (p) *next += n_bytes;
  return p;
}

static vecd_q8_rows carve_q8(const vecd_encoder *e, unsigned char **next, size_t *total, size_t k) {
  vecd_q8_rows r = {.ldq = vecd_q8_groups(k) * VECD_Q8_GROUP + 64, .lds = vecd_q8_groups(k)};
  r.q = carve(next, total, e->most_tokens * r.ldq * e->kern.q8_bytes);
  r.scale = carve(next, total, e->most_tokens * r.lds * sizeof *r.scale);
  r.zero = carve(next, total, e->most_tokens * r.lds * sizeof *r.zero);
  return r;
}

/* Lays a lane out from *next on; with *next NULL it is only measured. */
static size_t lay_lane(const vecd_encoder *e, unsigned char **next, lane *l) {
  bool q8 = e->weights.precision == VECD_PRECISION_INT8;
  size_t total = 0, n = e->most_tokens, wide = e->ld_qkv + e->ld_hidden;
  if (!q8 && e->ld_mlp > wide) wide = e->ld_mlp;
  l->x = carve(next, &total, n * e->ld_hidden * sizeof(float));
  l->y = carve(next, &total, n * e->ld_hidden * sizeof(float));
  l->wide = carve(next, &total, n * wide * sizeof(float));
  l->attention = carve(next, &total, vecd_attention_floats(&e->kern, e->max_tokens, e->config.head_dim) * sizeof(float));
  if (q8) {
    unsigned most = e->config.intermediate > e->config.hidden ? e->config.intermediate : e->config.hidden;
    l->q_x = carve_q8(e, next, &total, e->config.hidden);
    l->q_wide = carve_q8(e, next, &total, most);
    l->columns = carve(next, &total, n * LD_COLUMNS * sizeof(float));
  }
  return total;
}

static vecd_status make_scratch(vecd_encoder *e, vecd_err *err) {
  const vecd_encoder_config *c = &e->config;
  unsigned n_lanes = vecd_team_size(e->team);
  e->most_tokens = e->max_tokens > 192 ? e->max_tokens : 192;
  e->ld_hidden = padded(c->hidden);
  e->ld_qkv = padded(3 * (size_t)c->hidden);
  e->ld_mlp = padded(c->intermediate);
  lane measured;
  unsigned char *next = NULL;
  e->scratch_bytes = n_lanes * lay_lane(e, &next, &measured);
  e->scratch = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, e->scratch_bytes);
  e->lanes = vecd_alloc_zero(VECD_MEM_SCRATCH, n_lanes, sizeof *e->lanes);
  e->plan.order = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.order);
  e->plan.chunks = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.chunks);
  e->counts = vecd_alloc_array(VECD_MEM_SCRATCH, e->most_tokens + 1, sizeof *e->counts);
  if (!e->scratch || !e->lanes || !e->plan.order || !e->plan.chunks || !e->counts)
    return vecd_err_no_memory(err, "the encoder's scratch", e->scratch_bytes);
  next = e->scratch;
  for (unsigned i = 0; i < n_lanes; i++) lay_lane(e, &next, &e->lanes[i]);
  return VECD_OK;
}

static vecd_activation_fn *activation_of(const vecd_kern *kern, vecd_activation a) {
  switch (a) {
  case VECD_ACT_GELU: return kern->act_gelu_f32;
  case VECD_ACT_GELU_TANH: return kern->act_gelu_tanh_f32;
  case VECD_ACT_SILU: return kern->act_silu_f32;
  case VECD_ACT_RELU: return kern->act_relu_f32;
  }
  return NULL;
}

vecd_status vecd_encoder_open(const vecd_model_folder *folder, vecd_precision precision, const vecd_kern *kern, vecd_team *team,
                              vecd_encoder **out, vecd_err *err) {
  vecd_encoder *e = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *e);
  if (!e) return vecd_err_no_memory(err, "an encoder", sizeof *e);
  e->kern = *kern;
  e->team = team;
  vecd_status s;
  if ((s = vecd_arch_find(folder, &e->arch, err)) || (s = e->arch->configure(folder, &e->config, err))) goto done;
  e->activation = activation_of(kern, e->config.activation);
  e->max_tokens = folder->max_tokens && folder->max_tokens < e->config.n_positions ? folder->max_tokens : e->config.n_positions;
  if (folder->pool_dimension && folder->pool_dimension != e->config.hidden) {
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                     "%s: the pooling module is made for width %u, config.json says hidden_size %u", folder->path,
                     folder->pool_dimension, e->config.hidden);
    goto done;
  }
  e->n_pools = folder->n_pools;
  memcpy(e->pools, folder->pools, sizeof e->pools);
  if ((s = vecd_weights_open(folder, e->arch, &e->config, e->max_tokens, precision, kern, team, &e->weights, err))) goto done;
  s = make_scratch(e, err);
done:
  if (s)
    vecd_encoder_close(&e);
  else
    *out = e;
  return s;
}

void vecd_encoder_close(vecd_encoder **encoder) {
  vecd_encoder *e = encoder ? *encoder : NULL;
  if (!e) return;
  vecd_weights_close(&e->weights);
  vecd_free(e->scratch);
  vecd_free(e->lanes);
  vecd_free(e->plan.order);
  vecd_free(e->plan.chunks);
  vecd_free(e->counts);
  vecd_free(e);
  *encoder = NULL;
}

const vecd_encoder_config *vecd_encoder_config_of(const vecd_encoder *e) { return &e->config; }
vecd_precision vecd_encoder_precision(const vecd_encoder *e) { return e->weights.precision; }
const char *vecd_encoder_architecture(const vecd_encoder *e) { return e->arch->model_type; }
size_t vecd_encoder_max_tokens(const vecd_encoder *e) { return e->max_tokens; }
size_t vecd_encoder_dimension(const vecd_encoder *e) { return (size_t)e->n_pools * e->config.hidden; }
uint64_t vecd_encoder_parameters(const vecd_encoder *e) { return e->weights.n_parameters; }
size_t vecd_encoder_bytes(const vecd_encoder *e) { return e->weights.block_bytes + e->scratch_bytes; }
