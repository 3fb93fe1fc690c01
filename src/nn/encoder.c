/* encoder.c - opening an encoder, laying out its rooms, and handing a batch to the workers; what these do is forward.c. */
#include "nn/encoder.h"

#include "kern/q8.h"
#include "nn/encoder_parts.h"

/* Enough rows to make streaming the weights cheap, few enough for the second-level cache. */
#define MOST_BLOCK_ROWS 256

/* Tokens that a worker of several can hold alone. Longer sequences are shared out to all of them in any case. */
#define MOST_APART_TOKENS 512

/* Where neither the folder nor the table of positions sets a limit. */
#define MOST_TOKENS 8192

void vecd_encoder_run(vecd_encoder *e, const uint32_t *const *ids, const uint32_t *lens, const uint32_t *pool_from,
                      const uint8_t *pooling, size_t n_seqs, const atomic_bool *stop, float **out) {
  vecd_assert(n_seqs >= 1 && n_seqs <= VECD_ENCODER_MAX_SEQS);
  size_t rows_each =
      e->weights.precision == VECD_PRECISION_INT8 ? 6 : 16; /* measured: what streaming the weights twice costs */
  vecd_plan_make(&e->plan, lens, n_seqs, vecd_team_size(e->team), e->most_tokens, e->apart_tokens, rows_each, e->counts);
  vecd_forward_job j = {.e = e,
                        .ids = ids,
                        .lens = lens,
                        .pool_from = pool_from,
                        .pooling = pooling,
                        .stop = stop,
                        .out = out,
                        .last_layer = SIZE_MAX};
  vecd_team_run(e->team, vecd_forward_run, &j);
  for (size_t c = 0; c < e->plan.n_chunks; c++) {
    const vecd_chunk *chunk = &e->plan.chunks[c];
    for (uint32_t i = chunk->first; i < chunk->end && !chunk->done; i++) out[e->plan.order[i]] = NULL;
  }
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
  r.q = carve(next, total, e->block_rows * r.ldq);
  r.scale = carve(next, total, e->block_rows * r.lds * sizeof *r.scale);
  r.zero = carve(next, total, e->block_rows * r.lds * sizeof *r.zero);
  return r;
}

/* Lays a lane out from *next on; with *next NULL it is only measured. */
static size_t lay_lane(const vecd_encoder *e, unsigned char **next, vecd_lane *l) {
  const vecd_encoder_config *c = &e->config;
  size_t total = 0, n = e->apart_tokens, block = e->block_rows, heads = (size_t)c->n_heads * c->head_dim;
  bool q8 = e->weights.precision == VECD_PRECISION_INT8;
  *l = (vecd_lane){.x = carve(next, &total, n * e->ld_hidden * sizeof(float))};
  l->qkv = carve(next, &total, n * e->ld_qkv * sizeof(float));
  l->y = carve(next, &total, block * e->ld_hidden * sizeof(float));
  /* What attention gives is gone before the MLP's middle comes: in FP32 they share a place, which keeps both in the cache. */
  size_t wide = q8 || e->ld_attended > e->ld_mlp ? e->ld_attended : e->ld_mlp;
  l->attended = carve(next, &total, block * wide * sizeof(float));
  l->attention = carve(next, &total, vecd_attention_bytes(&e->attention, e->max_tokens));
  if (c->norm_place != VECD_NORM_POST) l->in = carve(next, &total, block * e->ld_hidden * sizeof(float));
  if (c->gated) l->gate = carve(next, &total, block * VECD_LD_COLUMNS * sizeof(float));
  if (!q8) {
    l->mlp = l->attended;
    return total;
  }
  l->q_x = carve_q8(e, next, &total, c->hidden);
  l->q_wide = carve_q8(e, next, &total, c->intermediate > heads ? c->intermediate : heads);
  l->columns = carve(next, &total, block * VECD_LD_COLUMNS * sizeof(float));
  return total;
}

/* Rows that workers hold together. */
static size_t shared_rows(const vecd_encoder *e, unsigned n_lanes) { return n_lanes > 1 ? e->most_tokens : 0; }

/* Every width and length that follows from config and precision; gives the bytes of all lanes. */
static size_t measure_scratch(vecd_encoder *e, unsigned n_lanes) {
  const vecd_encoder_config *c = &e->config;
  e->most_tokens = e->max_tokens > 192 ? e->max_tokens : 192;
  e->apart_tokens = n_lanes == 1 || e->most_tokens < MOST_APART_TOKENS ? e->most_tokens : MOST_APART_TOKENS;
  e->block_rows = e->most_tokens < MOST_BLOCK_ROWS ? e->most_tokens : MOST_BLOCK_ROWS;
  e->ld_hidden = padded(c->hidden);
  e->ld_qkv = padded(((size_t)c->n_heads + 2 * c->n_kv_heads) * c->head_dim);
  e->ld_attended = padded((size_t)c->n_heads * c->head_dim);
  e->ld_mlp = padded(c->intermediate);
  bool q8 = e->weights.precision == VECD_PRECISION_INT8;
  unsigned group = c->n_heads / c->n_kv_heads;
  e->attention = (vecd_attention){&e->kern, c->head_dim, q8, c->attention_scale};
  e->head_unit = group; /* whole groups of queries, so that keys and values belong to one worker */
  while (q8 && e->head_unit * c->head_dim % VECD_Q8_GROUP) e->head_unit += group;
  vecd_lane measured;
  unsigned char *next = NULL;
  return n_lanes * lay_lane(e, &next, &measured) + shared_rows(e, n_lanes) * (e->ld_hidden + e->ld_qkv) * sizeof(float);
}

static vecd_status make_scratch(vecd_encoder *e, vecd_err *err) {
  unsigned n_lanes = vecd_team_size(e->team);
  e->scratch_bytes = measure_scratch(e, n_lanes);
  e->scratch = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, e->scratch_bytes);
  e->lanes = vecd_alloc_zero(VECD_MEM_SCRATCH, n_lanes, sizeof *e->lanes);
  e->plan.order = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.order);
  e->plan.chunks = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.chunks);
  e->counts = vecd_alloc_array(VECD_MEM_SCRATCH, e->most_tokens + 1, sizeof *e->counts);
  if (!e->scratch || !e->lanes || !e->plan.order || !e->plan.chunks || !e->counts)
    return vecd_err_no_memory(err, "the encoder's scratch", e->scratch_bytes);
  unsigned char *next = e->scratch;
  for (unsigned i = 0; i < n_lanes; i++) lay_lane(e, &next, &e->lanes[i]);
  if (!shared_rows(e, n_lanes)) return VECD_OK;
  e->shared_x = (float *)(void *)next;
  e->shared_qkv = e->shared_x + shared_rows(e, n_lanes) * e->ld_hidden;
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

/* The least of what the folder says, what the positions allow, and what we make room for. */
static size_t limit_of(const vecd_model_folder *folder, const vecd_encoder_config *c) {
  size_t most = MOST_TOKENS;
  if (c->n_positions && c->n_positions - c->position_offset < most) most = c->n_positions - c->position_offset;
  return folder->max_tokens && folder->max_tokens < most ? folder->max_tokens : most;
}

/* What holds for every family, so that what follows need not doubt it. */
static vecd_status check_config(const vecd_model_folder *folder, const vecd_encoder_config *c, vecd_err *err) {
  const char *wrong = NULL;
  if (c->n_layers > VECD_MOST_LAYERS)
    wrong = "more than 256 layers";
  else if (c->n_kv_heads == 0 || c->n_heads % c->n_kv_heads)
    wrong = "the number of heads is no multiple of that of key and value heads";
  else if (c->head_dim == 0 || c->head_dim > 1024 || (uint64_t)c->n_heads * c->head_dim > 1u << 20)
    wrong = "the heads' width is out of range";
  else if ((c->positions & VECD_POSITIONS_ROTARY) && c->head_dim % 2)
    wrong = "rotary positions need an even head width";
  else if ((c->positions & VECD_POSITIONS_RELATIVE) &&
           (c->n_buckets < 4 || c->n_buckets % 4 || c->most_distance <= c->n_buckets / 4))
    wrong = "the relative positions' buckets make no sense";
  else if (c->n_positions && c->n_positions <= c->position_offset)
    wrong = "the table of positions has no row for a token";
  return wrong ? vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s", folder->config_path, wrong) : VECD_OK;
}

/* The family, and all that follows from config.json. */
static vecd_status configure(const vecd_model_folder *folder, vecd_encoder *e, vecd_err *err) {
  vecd_status s = vecd_arch_find(folder, &e->arch, &e->model_type, err);
  if (s) return s;
  e->names = e->arch->names;
  e->flags = e->arch->flags;
  if ((s = e->arch->configure(folder, &e->config, &e->names, &e->flags, err)) || (s = check_config(folder, &e->config, err)))
    return s;
  e->max_tokens = limit_of(folder, &e->config);
  return VECD_OK;
}

vecd_status vecd_encoder_configure(const vecd_model_folder *folder, vecd_encoder_config *config, size_t *max_tokens,
                                   vecd_err *err) {
  vecd_encoder e = {0};
  vecd_status s = configure(folder, &e, err);
  if (s) return s;
  *config = e.config;
  *max_tokens = e.max_tokens;
  return VECD_OK;
}

vecd_status vecd_encoder_estimate(const vecd_model_folder *folder, vecd_precision precision, const vecd_kern *kern,
                                  unsigned n_threads, vecd_encoder_config *config, size_t *n_bytes, vecd_err *err) {
  vecd_encoder e = {.kern = *kern};
  vecd_status s = configure(folder, &e, err);
  if (!s) s = vecd_weights_measure(folder, &e.config, &e.names, &e.flags, e.max_tokens, precision, kern, &e.weights, err);
  if (s) return s;
  *config = e.config;
  *n_bytes = e.weights.block_bytes + measure_scratch(&e, n_threads);
  return VECD_OK;
}

vecd_status vecd_encoder_open(const vecd_model_folder *folder, vecd_precision precision, const vecd_kern *kern, vecd_team *team,
                              vecd_encoder **out, vecd_err *err) {
  vecd_encoder *e = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *e);
  if (!e) return vecd_err_no_memory(err, "an encoder", sizeof *e);
  e->kern = *kern;
  e->team = team;
  vecd_status s;
  if ((s = configure(folder, e, err))) goto done;
  e->activation = activation_of(kern, e->config.activation);
  if (folder->pooling.dimension && folder->pooling.dimension != e->config.hidden) {
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                     "%s: the pooling module is made for width %u, config.json says hidden_size %u", folder->path,
                     folder->pooling.dimension, e->config.hidden);
    goto done;
  }
  e->n_pools = folder->pooling.n;
  memcpy(e->pools, folder->pooling.modes, sizeof e->pools);
  if ((s = vecd_weights_open(folder, &e->config, &e->names, &e->flags, e->max_tokens, precision, kern, team, &e->weights, err)))
    goto done;
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
const char *vecd_encoder_architecture(const vecd_encoder *e) { return e->model_type; }
size_t vecd_encoder_max_tokens(const vecd_encoder *e) { return e->max_tokens; }
size_t vecd_encoder_dimension(const vecd_encoder *e) { return (size_t)e->n_pools * e->config.hidden; }
uint64_t vecd_encoder_parameters(const vecd_encoder *e) { return e->weights.n_parameters; }
size_t vecd_encoder_bytes(const vecd_encoder *e) { return e->weights.block_bytes + e->scratch_bytes; }
size_t vecd_encoder_weight_bytes(const vecd_encoder *e) {
  return e->weights.block_bytes + (e->weights.word_embeddings ? e->weights.word_embeddings->n_bytes : 0);
}
