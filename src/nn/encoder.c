/* encoder.c - opening an encoder, laying out its rooms, and handing a batch to the workers; what these do is forward.c. */
#include "nn/encoder.h"

#include "kern/q8.h"
#include "nn/encoder_parts.h"

void vecd_encoder_run(vecd_encoder *e, const uint32_t *const *ids, const uint32_t *lens, size_t n_seqs, float *const *out) {
  vecd_assert(n_seqs >= 1 && n_seqs <= VECD_ENCODER_MAX_SEQS);
  size_t rows_each =
      e->weights.precision == VECD_PRECISION_INT8 ? 6 : 16; /* measured: what streaming the weights twice costs */
  vecd_plan_make(&e->plan, lens, n_seqs, vecd_team_size(e->team), e->most_tokens, rows_each, e->counts);
  vecd_forward_job j = {.e = e, .ids = ids, .lens = lens, .out = out};
  vecd_team_run(e->team, vecd_forward_run, &j);
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
  r.q = carve(next, total, e->most_tokens * r.ldq);
  r.scale = carve(next, total, e->most_tokens * r.lds * sizeof *r.scale);
  r.zero = carve(next, total, e->most_tokens * r.lds * sizeof *r.zero);
  return r;
}

/* Lays a lane out from *next on; with *next NULL it is only measured. */
static size_t lay_lane(const vecd_encoder *e, unsigned char **next, vecd_lane *l) {
  bool q8 = e->weights.precision == VECD_PRECISION_INT8;
  size_t total = 0, n = e->most_tokens, wide = e->ld_qkv + e->ld_hidden;
  if (!q8 && e->ld_mlp > wide) wide = e->ld_mlp;
  l->x = carve(next, &total, n * e->ld_hidden * sizeof(float));
  l->y = carve(next, &total, n * e->ld_hidden * sizeof(float));
  l->mlp = l->qkv = carve(next, &total, n * wide * sizeof(float));
  l->attended = l->qkv ? l->qkv + n * e->ld_qkv : NULL;
  l->attention = carve(next, &total, vecd_attention_bytes(&e->attention, e->max_tokens));
  if (q8) {
    unsigned most = e->config.intermediate > e->config.hidden ? e->config.intermediate : e->config.hidden;
    l->q_x = carve_q8(e, next, &total, e->config.hidden);
    l->q_wide = carve_q8(e, next, &total, most);
    l->columns = carve(next, &total, n * VECD_LD_COLUMNS * sizeof(float));
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
  e->attention = (vecd_attention){&e->kern, c->head_dim, e->weights.precision == VECD_PRECISION_INT8};
  e->head_unit = 1;
  if (e->weights.precision == VECD_PRECISION_INT8)
    while (e->head_unit * c->head_dim % VECD_Q8_GROUP) e->head_unit++;
  vecd_lane measured;
  unsigned char *next = NULL;
  size_t shared_bytes = n_lanes > 1 ? e->most_tokens * e->ld_qkv * sizeof(float) : 0;
  e->scratch_bytes = n_lanes * lay_lane(e, &next, &measured) + shared_bytes;
  e->scratch = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, e->scratch_bytes);
  e->lanes = vecd_alloc_zero(VECD_MEM_SCRATCH, n_lanes, sizeof *e->lanes);
  e->plan.order = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.order);
  e->plan.chunks = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_ENCODER_MAX_SEQS, sizeof *e->plan.chunks);
  e->counts = vecd_alloc_array(VECD_MEM_SCRATCH, e->most_tokens + 1, sizeof *e->counts);
  if (!e->scratch || !e->lanes || !e->plan.order || !e->plan.chunks || !e->counts)
    return vecd_err_no_memory(err, "the encoder's scratch", e->scratch_bytes);
  next = e->scratch;
  for (unsigned i = 0; i < n_lanes; i++) lay_lane(e, &next, &e->lanes[i]);
  if (shared_bytes) e->shared_qkv = (float *)(void *)next;
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
size_t vecd_encoder_weight_bytes(const vecd_encoder *e) {
  return e->weights.block_bytes + (e->weights.word_embeddings ? e->weights.word_embeddings->n_bytes : 0);
}
