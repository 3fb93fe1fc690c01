/* head.c - each step reads one of two buffers and writes the other, or works in place. A Dense layer is packed and multiplied as
 * the encoder's are, its columns shared out to the workers where there are enough of them. */
#include "nn/head.h"

#include <math.h>

#include "base/mem.h"
#include "nn/linear.h"
#include "nn/pooling.h"
#include "nn/tensor.h"

#define LAYER_NORM_EPS 1e-5f /* torch.nn.LayerNorm's; the module's config does not name another */

/* Below so many multiply-adds waking the workers costs more than it gives. */
#define TOGETHER_FROM_PRODUCTS ((size_t)1 << 19)

typedef struct step {
  vecd_module_kind kind;
  size_t n; /* values in a vector from here on */
  bool has_tanh;
  vecd_linear linear;  /* Dense */
  float *gamma, *beta; /* LayerNorm: [n] */
  void *block;         /* what all of them point into */
} step;

struct vecd_head {
  vecd_kern kern;
  vecd_team *team;
  step *steps; /* [n_steps], without Normalize at the end */
  size_t n_steps;
  bool ends_in_normalize;
  size_t n_in, dimension;
  size_t ld;        /* floats between rows of both buffers */
  float *buffer[2]; /* [VECD_HEAD_MAX_ROWS, ld]; NULL where there is no step */
  uint64_t n_parameters;
  size_t n_bytes;
};

/* What a module's weights take when packed. */
static size_t block_floats(const vecd_module *m, size_t nr) {
  size_t n_panels = (m->n_out + nr - 1) / nr;
  switch (m->kind) {
  case VECD_MODULE_DENSE: return n_panels * nr * (m->n_in + (size_t)1);
  case VECD_MODULE_LAYER_NORM: return 2 * (size_t)m->n_in;
  case VECD_MODULE_NORMALIZE:
  case VECD_MODULE_COUNT: break;
  }
  return 0;
}

/* Without Normalize at the end; several in a row are as good as one. */
static size_t count_steps(const vecd_model_folder *folder) {
  size_t n = folder->n_modules;
  while (n && folder->modules[n - 1].kind == VECD_MODULE_NORMALIZE) n--;
  return n;
}

/* Floats between rows. */
static size_t row_floats(const vecd_model_folder *folder, size_t n_in, size_t nr) {
  size_t widest = n_in;
  for (size_t i = 0; i < count_steps(folder); i++) {
    size_t n = (folder->modules[i].n_out + nr - 1) / nr * nr;
    if (n > widest) widest = n;
  }
  return widest + 16;
}

size_t vecd_head_estimate(const vecd_model_folder *folder, size_t n_in, const vecd_kern *kern) {
  size_t n = count_steps(folder), n_floats = n ? 2 * VECD_HEAD_MAX_ROWS * row_floats(folder, n_in, kern->nr) : 0;
  for (size_t i = 0; i < n; i++) n_floats += block_floats(&folder->modules[i], kern->nr);
  return n_floats * sizeof(float);
}

static vecd_status make_block(vecd_head *h, step *st, size_t n_floats, vecd_err *err) {
  st->block = vecd_alloc_aligned(VECD_MEM_WEIGHTS, 64, n_floats * sizeof(float));
  if (!st->block) return vecd_err_no_memory(err, "the weights of a module", n_floats * sizeof(float));
  h->n_bytes += n_floats * sizeof(float);
  return VECD_OK;
}

static vecd_status pack_dense(vecd_head *h, const vecd_checkpoint *file, const vecd_tensor *weight, vecd_linear *l,
                              vecd_err *err) {
  size_t nr = h->kern.nr;
  float *rows = vecd_alloc_array(VECD_MEM_MISC, nr * l->n_in, sizeof *rows);
  if (!rows) return vecd_err_no_memory(err, "the weights of a module", nr * l->n_in * sizeof *rows);
  vecd_status s = VECD_OK;
  for (size_t p = 0; p < l->n_panels && !s; p++) {
    size_t n = l->n_out - p * nr < nr ? l->n_out - p * nr : nr;
    s = vecd_tensor_read_finite(file, weight, p * nr * l->n_in, n * l->n_in, rows, err);
    if (!s) h->kern.pack_f32(rows, l->n_in, n, l->n_in, l->panels + p * l->n_in * nr);
  }
  vecd_free(rows);
  return s;
}

static vecd_status open_dense(vecd_head *h, const vecd_module *m, const vecd_checkpoint *file, step *st, vecd_err *err) {
  const vecd_tensor *weight, *bias = NULL;
  size_t nr = h->kern.nr;
  vecd_linear *l = &st->linear;
  *l = (vecd_linear){.n_in = m->n_in, .n_out = m->n_out, .n_panels = (m->n_out + nr - 1) / nr};
  vecd_status s = vecd_tensor_find(file, "linear.weight", m->n_out, m->n_in, &weight, err);
  if (!s && m->has_bias) s = vecd_tensor_find(file, "linear.bias", m->n_out, 0, &bias, err);
  if (!s) s = make_block(h, st, block_floats(m, nr), err);
  if (s) return s;
  l->panels = st->block;
  l->bias = l->panels + l->n_panels * l->n_in * nr;
  memset(l->bias, 0, l->n_panels * nr * sizeof *l->bias);
  st->has_tanh = m->has_tanh;
  if (bias) s = vecd_tensor_read_finite(file, bias, 0, l->n_out, l->bias, err);
  return s ? s : pack_dense(h, file, weight, l, err);
}

static vecd_status open_norm(vecd_head *h, const vecd_module *m, const vecd_checkpoint *file, step *st, vecd_err *err) {
  const vecd_tensor *weight, *bias;
  vecd_status s = vecd_tensor_find(file, "norm.weight", m->n_in, 0, &weight, err);
  if (!s) s = vecd_tensor_find(file, "norm.bias", m->n_in, 0, &bias, err);
  if (!s) s = make_block(h, st, block_floats(m, h->kern.nr), err);
  if (s) return s;
  st->gamma = st->block;
  st->beta = st->gamma + m->n_in;
  s = vecd_tensor_read_finite(file, weight, 0, m->n_in, st->gamma, err);
  return s ? s : vecd_tensor_read_finite(file, bias, 0, m->n_in, st->beta, err);
}

/* A tensor the module has no use for means that its config.json is another's. */
static vecd_status check_count(const vecd_checkpoint *file, const vecd_module *m, size_t n_used, vecd_head *h, vecd_err *err) {
  const vecd_safetensors *st = vecd_checkpoint_shard(file, 0);
  for (size_t i = 0; i < vecd_safetensors_count(st); i++) h->n_parameters += vecd_safetensors_at(st, i)->n_values;
  if (vecd_safetensors_count(st) == n_used) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: has %zu tensors, a %s as config.json describes it has %zu",
                      m->weights_path, vecd_safetensors_count(st), vecd_module_name(m->kind), n_used);
}

static vecd_status open_step(vecd_head *h, const vecd_module *m, step *st, vecd_err *err) {
  vecd_checkpoint *file = NULL;
  st->kind = m->kind;
  if (m->kind == VECD_MODULE_NORMALIZE) return VECD_OK;
  vecd_status s = vecd_checkpoint_open(m->weights_path, &file, err);
  if (!s) s = m->kind == VECD_MODULE_DENSE ? open_dense(h, m, file, st, err) : open_norm(h, m, file, st, err);
  if (!s) s = check_count(file, m, m->kind == VECD_MODULE_DENSE && !m->has_bias ? 1 : 2, h, err);
  vecd_checkpoint_close(&file);
  return s;
}

static vecd_status make_room(vecd_head *h, const vecd_model_folder *folder, vecd_err *err) {
  h->ld = row_floats(folder, h->n_in, h->kern.nr);
  if (!h->n_steps) return VECD_OK;
  size_t n_bytes = VECD_HEAD_MAX_ROWS * h->ld * sizeof(float);
  for (int i = 0; i < 2; i++) {
    h->buffer[i] = vecd_alloc_aligned(VECD_MEM_SCRATCH, 64, n_bytes);
    if (!h->buffer[i]) return vecd_err_no_memory(err, "the modules' scratch", n_bytes);
    h->n_bytes += n_bytes;
  }
  return VECD_OK;
}

vecd_status vecd_head_open(const vecd_model_folder *folder, size_t n_in, const vecd_kern *kern, vecd_team *team,
                           vecd_head **out, vecd_err *err) {
  vecd_head *h = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *h);
  if (!h) return vecd_err_no_memory(err, "the modules", sizeof *h);
  h->kern = *kern;
  h->team = team;
  h->n_in = h->dimension = n_in;
  size_t n = count_steps(folder);
  h->ends_in_normalize = n < folder->n_modules;
  vecd_status s = VECD_OK;
  h->steps = vecd_alloc_zero(VECD_MEM_MISC, n + 1, sizeof *h->steps);
  if (!h->steps) s = vecd_err_no_memory(err, "the modules", n * sizeof *h->steps);
  for (size_t i = 0; i < n && !s; i++) {
    const vecd_module *m = &folder->modules[i];
    if (m->n_in && m->n_in != h->dimension) {
      s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is made for %u values, the module before gives %zu", m->path,
                       m->n_in, h->dimension);
      break;
    }
    if (m->n_out) h->dimension = m->n_out;
    h->steps[i].n = h->dimension;
    h->n_steps = i + 1;
    s = open_step(h, m, &h->steps[i], err);
  }
  if (!s) s = make_room(h, folder, err);
  if (s)
    vecd_head_close(&h);
  else
    *out = h;
  return s;
}

void vecd_head_close(vecd_head **head) {
  vecd_head *h = head ? *head : NULL;
  if (!h) return;
  for (size_t i = 0; i < h->n_steps; i++) vecd_free(h->steps[i].block);
  vecd_free(h->steps);
  vecd_free(h->buffer[0]);
  vecd_free(h->buffer[1]);
  vecd_free(h);
  *head = NULL;
}

/* One Dense layer for all rows, seen by all workers. */
typedef struct dense_job {
  const vecd_head *head;
  const step *step;
  const float *in;
  float *out;
  size_t n_rows;
  unsigned n_workers;
} dense_job;

static void run_dense(void *ctx, unsigned member) {
  const dense_job *j = ctx;
  const vecd_linear *l = &j->step->linear;
  size_t nr = j->head->kern.nr, ld = j->head->ld;
  size_t first = l->n_panels * member / j->n_workers, end = l->n_panels * (member + 1) / j->n_workers;
  vecd_linear_run(&j->head->kern, l, j->in, ld, j->out, ld, j->n_rows, first, end, NULL);
  for (size_t row = 0; row < j->n_rows && j->step->has_tanh; row++)
    for (size_t i = first * nr; i < end * nr; i++) j->out[row * ld + i] = tanhf(j->out[row * ld + i]); /* padding: tanh(0) */
}

float *vecd_head_run(vecd_head *h, const float *in, size_t n_rows, size_t *ld) {
  vecd_assert(n_rows >= 1 && n_rows <= VECD_HEAD_MAX_ROWS && h->n_steps > 0);
  float *x = h->buffer[0], *other = h->buffer[1];
  for (size_t row = 0; row < n_rows; row++) memcpy(x + row * h->ld, in + row * h->n_in, h->n_in * sizeof *x);
  for (size_t i = 0; i < h->n_steps; i++) {
    const step *st = &h->steps[i];
    if (st->kind == VECD_MODULE_NORMALIZE) {
      for (size_t row = 0; row < n_rows; row++) vecd_normalize_l2(x + row * h->ld, st->n);
    } else if (st->kind == VECD_MODULE_LAYER_NORM) {
      h->kern.layer_norm_f32(x, h->ld, NULL, h->ld, st->gamma, st->beta, LAYER_NORM_EPS, n_rows, st->n, x, h->ld);
    } else {
      dense_job j = {h, st, x, other, n_rows, 1};
      if (n_rows * st->linear.n_in * st->linear.n_out >= TOGETHER_FROM_PRODUCTS) {
        j.n_workers = vecd_team_size(h->team);
        vecd_team_run(h->team, run_dense, &j);
      } else {
        run_dense(&j, 0);
      }
      float *swap = x;
      x = other;
      other = swap;
    }
  }
  *ld = h->ld;
  return x;
}

bool vecd_head_is_empty(const vecd_head *h) { return h->n_steps == 0; }
bool vecd_head_ends_in_normalize(const vecd_head *h) { return h->ends_in_normalize; }
size_t vecd_head_dimension(const vecd_head *h) { return h->dimension; }
uint64_t vecd_head_parameters(const vecd_head *h) { return h->n_parameters; }
size_t vecd_head_bytes(const vecd_head *h) { return h->n_bytes; }
