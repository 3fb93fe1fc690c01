/* encoder.c - the forward pass. Written for a group of workers that walk through it side by side: one worker alone (a chunk of
 * a large batch, no barrier) is a group of one, so there is one path for both ways of splitting work.
 *
 * Rows of activations stand a few floats further apart than they are long, so that the rows of a tile do not fall into the
 * same cache sets. */
#include "nn/encoder.h"

#include <stdatomic.h>

#include "nn/attention.h"
#include "nn/plan.h"
#include "nn/pooling.h"
#include "nn/weights.h"

/* One worker's room. */
typedef struct lane {
  float *x;         /* [most_tokens, ld_hidden] the residual stream */
  float *y;         /* [most_tokens, ld_hidden] what a block adds to it */
  float *wide;      /* [most_tokens, ld_qkv] and behind it [most_tokens, ld_hidden], or [most_tokens, ld_mlp] */
  float *attention; /* room for one head */
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
      vecd_tensor_read_f32(w->word_embeddings, (size_t)j->ids[seq][p] * h, h, v);
      for (size_t c = 0; c < h; c++) v[c] += position[c];
    }
  }
  run_norm(e, g, &w->embedding_norm, x, NULL, rows);
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

static void run_job(void *ctx, unsigned member) {
  job *j = ctx;
  vecd_encoder *e = j->e;
  const vecd_plan *plan = &e->plan;
  if (plan->together) {
    group g = {member, vecd_team_size(e->team), e->team};
    for (size_t c = 0; c < plan->n_chunks; c++) forward(j, &g, &plan->chunks[c], &e->lanes[0], &e->lanes[member]);
    return;
  }
  group alone = {0, 1, NULL};
  for (size_t c; (c = atomic_fetch_add_explicit(&j->next_chunk, 1, memory_order_relaxed)) < plan->n_chunks;)
    forward(j, &alone, &plan->chunks[c], &e->lanes[member], &e->lanes[member]);
}

void vecd_encoder_run(vecd_encoder *e, const uint32_t *const *ids, const uint32_t *lens, size_t n_seqs, float *const *out) {
  vecd_assert(n_seqs >= 1 && n_seqs <= VECD_ENCODER_MAX_SEQS);
  vecd_plan_make(&e->plan, lens, n_seqs, vecd_team_size(e->team), e->most_tokens, e->counts);
  job j = {.e = e, .ids = ids, .lens = lens, .out = out};
  vecd_team_run(e->team, run_job, &j);
}

/* Rounded up to whole panels, plus a cache line that breaks powers of two. */
static size_t padded(const vecd_kern *kern, size_t n) { return (n + kern->nr - 1) / kern->nr * kern->nr + 16; }

static vecd_status make_scratch(vecd_encoder *e, vecd_err *err) {
  const vecd_encoder_config *c = &e->config;
  unsigned n_lanes = vecd_team_size(e->team);
  e->most_tokens = e->max_tokens > 192 ? e->max_tokens : 192;
  e->ld_hidden = padded(&e->kern, c->hidden);
  e->ld_qkv = padded(&e->kern, 3 * (size_t)c->hidden);
  e->ld_mlp = padded(&e->kern, c->intermediate);
  size_t attention = (vecd_attention_floats(&e->kern, e->max_tokens, c->head_dim) + 15) & ~(size_t)15;
  size_t wide = e->ld_qkv + e->ld_hidden > e->ld_mlp ? e->ld_qkv + e->ld_hidden : e->ld_mlp;
  size_t per_lane = e->most_tokens * (2 * e->ld_hidden + wide) + attention;
  e->scratch_bytes = n_lanes * per_lane * sizeof(float);
  e->scratch = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, e->scratch_bytes);
  e->lanes = vecd_alloc_array(VECD_MEM_SCRATCH, n_lanes, sizeof *e->lanes);
  e->plan.order = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.order);
  e->plan.chunks = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.chunks);
  e->counts = vecd_alloc_array(VECD_MEM_SCRATCH, e->most_tokens + 1, sizeof *e->counts);
  if (!e->scratch || !e->lanes || !e->plan.order || !e->plan.chunks || !e->counts)
    return vecd_err_no_memory(err, "the encoder's scratch", e->scratch_bytes);
  float *next = e->scratch;
  for (unsigned i = 0; i < n_lanes; i++) {
    lane *l = &e->lanes[i];
    l->x = next;
    l->y = l->x + e->most_tokens * e->ld_hidden;
    l->wide = l->y + e->most_tokens * e->ld_hidden;
    l->attention = l->wide + e->most_tokens * wide;
    next += per_lane;
  }
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

vecd_status vecd_encoder_open(const vecd_model_folder *folder, const vecd_kern *kern, vecd_team *team, vecd_encoder **out,
                              vecd_err *err) {
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
  if ((s = vecd_weights_open(folder, e->arch, &e->config, e->max_tokens, kern, team, &e->weights, err))) goto done;
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
const char *vecd_encoder_architecture(const vecd_encoder *e) { return e->arch->model_type; }
size_t vecd_encoder_max_tokens(const vecd_encoder *e) { return e->max_tokens; }
size_t vecd_encoder_dimension(const vecd_encoder *e) { return (size_t)e->n_pools * e->config.hidden; }
uint64_t vecd_encoder_parameters(const vecd_encoder *e) { return e->weights.n_parameters; }
size_t vecd_encoder_bytes(const vecd_encoder *e) { return e->weights.block_bytes + e->scratch_bytes; }
