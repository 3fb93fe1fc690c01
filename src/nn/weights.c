/* weights.c - three passes: find and check every tensor (nothing allocated on the file's say-so), lay all floats out in one
 * block, then fill it with all threads, a panel or a vector at a time. */
#include "nn/weights.h"

#include <math.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "nn/half.h"

/* One thing to be filled: `rows` rows of a tensor packed into panels, or a vector copied. */
typedef struct item {
  const vecd_tensor *tensor;
  float *dst;
  size_t rows, k;     /* k 0: copy a vector of `rows` values */
  size_t first_panel; /* number of panels of the items before this one */
} item;

/* Nearly all the floats of a model are panels: `items` is what the threads share out. Pass 1 counts (dst NULL), pass 2 fills.
 */
typedef struct loader {
  const vecd_model_folder *folder;
  const vecd_arch *arch;
  const vecd_encoder_config *config;
  const vecd_kern *kern;
  vecd_weights *w;
  const char *prefix;
  vecd_arena arena;
  item *items;
  size_t n_items, cap_items, n_panels;
  float *next; /* where the next floats go; NULL while counting */
  size_t n_floats;
  atomic_size_t next_panel;
  const vecd_tensor *_Atomic bad; /* a tensor that holds NaN or infinity */
  atomic_bool no_memory;
  vecd_err *err;
} loader;

void vecd_tensor_read_f32(const vecd_tensor *t, size_t first, size_t n, float *out) {
  const unsigned char *p = t->data + first * vecd_dtype_bytes(t->dtype);
  uint16_t h;
  switch (t->dtype) {
  case VECD_DTYPE_F32: memcpy(out, p, n * sizeof *out); break;
  case VECD_DTYPE_F16:
    for (size_t i = 0; i < n; i++) memcpy(&h, p + 2 * i, 2), out[i] = vecd_f16_f32(h);
    break;
  case VECD_DTYPE_BF16:
    for (size_t i = 0; i < n; i++) memcpy(&h, p + 2 * i, 2), out[i] = vecd_bf16_f32(h);
    break;
  default: vecd_assert(!"a checked tensor is F32, F16 or BF16");
  }
}

static vecd_status fault(loader *l, const char *name, const char *what) {
  return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%s\" %s", l->folder->weights_path, name, what);
}

static void tensor_name(const loader *l, char *out, size_t cap, const char *format, unsigned layer, const char *suffix) {
  int n = snprintf(out, cap, "%s", l->prefix);
  const char *hole = strstr(format, "%u");
  if (hole)
    n += snprintf(out + n, cap - (size_t)n, "%.*s%u%s", (int)(hole - format), format, layer, hole + 2);
  else
    n += snprintf(out + n, cap - (size_t)n, "%s", format);
  snprintf(out + n, cap - (size_t)n, "%s", suffix);
}

/* Finds a tensor (by `suffix` or, where that is missing, `old_suffix`) and checks type and shape [rows, cols], cols 0: [rows].
 */
static vecd_status find(loader *l, const char *format, unsigned layer, const char *suffix, const char *old_suffix, size_t rows,
                        size_t cols, const vecd_tensor **out) {
  char name[256], what[160];
  const vecd_tensor *t = NULL;
  if (old_suffix) {
    tensor_name(l, name, sizeof name, format, layer, old_suffix);
    t = vecd_safetensors_find(l->w->file, name);
  }
  if (!t) {
    tensor_name(l, name, sizeof name, format, layer, suffix);
    t = vecd_safetensors_find(l->w->file, name);
  }
  if (!t) return fault(l, name, "is missing");
  if (t->dtype != VECD_DTYPE_F32 && t->dtype != VECD_DTYPE_F16 && t->dtype != VECD_DTYPE_BF16) {
    snprintf(what, sizeof what, "has values of type %s: only F32, F16 and BF16 weights are read", vecd_dtype_name(t->dtype));
    return fault(l, name, what);
  }
  if (t->n_dims != (cols ? 2u : 1u) || t->shape[0] != rows || (cols && t->shape[1] != cols)) {
    int n = snprintf(what, sizeof what, "has shape [");
    for (unsigned i = 0; i < t->n_dims && n < 100; i++)
      n += snprintf(what + n, sizeof what - (size_t)n, i ? ", %zu" : "%zu", t->shape[i]);
    if (cols)
      snprintf(what + n, sizeof what - (size_t)n, "], config.json asks for [%zu, %zu]", rows, cols);
    else
      snprintf(what + n, sizeof what - (size_t)n, "], config.json asks for [%zu]", rows);
    return fault(l, name, what);
  }
  *out = t;
  if (!l->next) l->w->n_parameters += t->n_values;
  return VECD_OK;
}

/* n floats of the block, a cache line's multiple; NULL while counting. */
static float *take(loader *l, size_t n) {
  n = (n + 15) & ~(size_t)15;
  float *p = l->next;
  l->n_floats += n;
  if (p) l->next += n;
  return p;
}

static vecd_status add_item(loader *l, const vecd_tensor *t, float *dst, size_t rows, size_t k) {
  if (!dst) return VECD_OK;
  if (l->n_items == l->cap_items) {
    size_t cap = l->cap_items ? 2 * l->cap_items : 64;
    item *grown = vecd_realloc(VECD_MEM_MISC, l->items, cap * sizeof *grown);
    if (!grown) return vecd_err_no_memory(l->err, "the list of tensors", cap * sizeof *grown);
    l->items = grown;
    l->cap_items = cap;
  }
  l->items[l->n_items++] = (item){t, dst, rows, k, l->n_panels};
  l->n_panels += k ? (rows + l->kern->nr - 1) / l->kern->nr : 1;
  return VECD_OK;
}

/* A vector of n values. */
static vecd_status vector(loader *l, const char *format, unsigned layer, const char *suffix, const char *old_suffix, size_t n,
                          float *dst) {
  const vecd_tensor *t;
  vecd_status s = find(l, format, layer, suffix, old_suffix, n, 0, &t);
  return s ? s : add_item(l, t, dst, n, 0);
}

static vecd_status norm(loader *l, const char *format, unsigned layer, vecd_norm *out) {
  size_t n = l->config->hidden;
  out->gamma = take(l, n);
  out->beta = take(l, n);
  vecd_status s = vector(l, format, layer, ".weight", ".gamma", n, out->gamma);
  return s ? s : vector(l, format, layer, ".bias", ".beta", n, out->beta);
}

/* A linear layer whose outputs are those of n_parts checkpoint layers of n_out outputs each, one after the other. */
static vecd_status linear(loader *l, const char *const *formats, unsigned n_parts, unsigned layer, size_t n_in, size_t n_out,
                          vecd_linear *out) {
  size_t nr = l->kern->nr;
  out->n_in = n_in;
  out->n_out = n_parts * n_out;
  out->n_panels = (out->n_out + nr - 1) / nr;
  out->panels = take(l, out->n_panels * n_in * nr);
  out->bias = take(l, out->n_panels * nr);
  for (unsigned i = 0; i < n_parts; i++) {
    const vecd_tensor *t;
    vecd_status s = find(l, formats[i], layer, ".weight", NULL, n_out, n_in, &t);
    if (s) return s;
    /* A part that does not start on a panel's edge cannot be packed by itself: arch tables with such widths are packed row by
     * row below, which costs load time only. */
    if (!l->next) continue;
    if (n_out % nr == 0 || n_parts == 1) {
      if ((s = add_item(l, t, out->panels + i * n_out * n_in, n_out, n_in))) return s;
    } else {
      for (size_t r = 0; r < n_out; r++) {
        size_t column = i * n_out + r;
        float *dst = out->panels + column / nr * n_in * nr + column % nr;
        for (size_t p = 0; p < n_in; p++) {
          vecd_tensor_read_f32(t, r * n_in + p, 1, dst + p * nr);
          if (!isfinite(dst[p * nr])) l->bad = t;
        }
      }
    }
  }
  for (unsigned i = 0; i < n_parts; i++) {
    vecd_status s = vector(l, formats[i], layer, ".bias", NULL, n_out, out->bias ? out->bias + i * n_out : NULL);
    if (s) return s;
  }
  return VECD_OK;
}

static vecd_status lay_out(loader *l) {
  const vecd_tensor_names *n = &l->arch->names;
  const vecd_encoder_config *c = l->config;
  vecd_status s = norm(l, n->embedding_norm, 0, &l->w->embedding_norm);
  for (unsigned i = 0; i < c->n_layers && !s; i++) {
    vecd_layer scratch, *layer = l->w->layers ? &l->w->layers[i] : &scratch;
    const char *qkv[] = {n->query, n->key, n->value};
    if ((s = linear(l, qkv, 3, i, c->hidden, c->hidden, &layer->qkv)) ||
        (s = linear(l, &n->attention_output, 1, i, c->hidden, c->hidden, &layer->attention_output)) ||
        (s = norm(l, n->attention_norm, i, &layer->attention_norm)) ||
        (s = linear(l, &n->mlp_up, 1, i, c->hidden, c->intermediate, &layer->mlp_up)) ||
        (s = linear(l, &n->mlp_down, 1, i, c->intermediate, c->hidden, &layer->mlp_down)) ||
        (s = norm(l, n->mlp_norm, i, &layer->mlp_norm)))
      return s;
  }
  return s;
}

static bool all_finite(const float *p, size_t n) {
  /* x - x is 0 for finite x and NaN otherwise; the sum then tells. */
  float sum = 0.0f;
  for (size_t i = 0; i < n; i++) sum += p[i] - p[i];
  return sum == 0.0f;
}

static bool aligned_f32(const vecd_tensor *t) { return t->dtype == VECD_DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0; }

/* Fills one panel of one item. `rows_f32` has room for nr rows of the widest tensor where some tensor is not plain float32. */
static void fill(loader *l, const item *it, size_t panel, float *rows_f32) {
  size_t nr = l->kern->nr;
  if (it->k == 0) {
    vecd_tensor_read_f32(it->tensor, 0, it->rows, it->dst);
    if (!all_finite(it->dst, it->rows)) l->bad = it->tensor;
    return;
  }
  size_t first = panel * nr, n = it->rows - first < nr ? it->rows - first : nr;
  const float *src = rows_f32;
  if (aligned_f32(it->tensor))
    src = (const float *)(const void *)it->tensor->data + first * it->k;
  else
    vecd_tensor_read_f32(it->tensor, first * it->k, n * it->k, rows_f32);
  float *dst = it->dst + first * it->k;
  l->kern->pack_f32(src, it->k, n, it->k, dst);
  if (!all_finite(dst, nr * it->k)) l->bad = it->tensor;
  if (first + n == it->rows) vecd_safetensors_drop(l->w->file, it->tensor); /* packed, not needed again */
}

static void fill_job(void *ctx, unsigned member) {
  (void)member;
  loader *l = ctx;
  size_t widest = 0;
  for (size_t i = 0; i < l->n_items; i++)
    if (l->items[i].k > widest && !aligned_f32(l->items[i].tensor)) widest = l->items[i].k;
  float *rows_f32 = vecd_alloc_array(VECD_MEM_MISC, widest * l->kern->nr + 1, sizeof *rows_f32);
  if (!rows_f32) {
    l->no_memory = true;
    return;
  }
  for (size_t i = 0, panel; (panel = atomic_fetch_add(&l->next_panel, 1)) < l->n_panels;) {
    while (i + 1 < l->n_items && l->items[i + 1].first_panel <= panel) i++;
    fill(l, &l->items[i], panel - l->items[i].first_panel, rows_f32);
  }
  vecd_free(rows_f32);
}

/* positions[i] = position table row i + token type row 0. */
static vecd_status fill_positions(loader *l, const vecd_tensor *positions, const vecd_tensor *types, size_t max_tokens) {
  size_t h = l->config->hidden;
  float *type0 = vecd_alloc_array(VECD_MEM_MISC, h, sizeof *type0);
  if (!type0) return vecd_err_no_memory(l->err, "token type embeddings", h * sizeof *type0);
  vecd_tensor_read_f32(types, 0, h, type0);
  vecd_tensor_read_f32(positions, 0, max_tokens * h, l->w->positions);
  for (size_t i = 0; i < max_tokens; i++)
    for (size_t j = 0; j < h; j++) l->w->positions[i * h + j] += type0[j];
  vecd_free(type0);
  return all_finite(l->w->positions, max_tokens * h) ? VECD_OK : fault(l, positions->name, "holds NaN or infinity");
}

vecd_status vecd_weights_open(const vecd_model_folder *folder, const vecd_arch *arch, const vecd_encoder_config *config,
                              size_t max_tokens, const vecd_kern *kern, vecd_team *team, vecd_weights *out, vecd_err *err) {
  *out = (vecd_weights){0};
  loader l = {.folder = folder, .arch = arch, .config = config, .kern = kern, .w = out, .err = err};
  const vecd_tensor_names *names = &arch->names;
  const vecd_tensor *positions, *types;
  size_t h = config->hidden;
  vecd_status s = vecd_safetensors_open(folder->weights_path, &out->file, err);
  if (s) return s;

  l.prefix = names->prefixes[0];
  for (unsigned i = 0; names->prefixes[i]; i++) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", names->prefixes[i], names->word_embeddings);
    if (!vecd_safetensors_find(out->file, name)) continue;
    l.prefix = names->prefixes[i];
    break;
  }
  if ((s = find(&l, names->word_embeddings, 0, "", NULL, config->vocab_size, h, &out->word_embeddings)) ||
      (s = find(&l, names->position_embeddings, 0, "", NULL, config->n_positions, h, &positions)) ||
      (s = find(&l, names->type_embeddings, 0, "", NULL, config->n_types, h, &types)) || (s = lay_out(&l)))
    goto done;
  /* Every tensor is there in full, so what follows is about as large as the file is long. */
  take(&l, max_tokens * h);
  out->layers = vecd_alloc_zero(VECD_MEM_WEIGHTS, config->n_layers, sizeof *out->layers);
  out->block_bytes = l.n_floats * sizeof(float);
  out->block = vecd_alloc_aligned(VECD_MEM_WEIGHTS, 64, out->block_bytes);
  if (!out->layers || !out->block) {
    s = vecd_err_no_memory(err, "packed weights", out->block_bytes);
    goto done;
  }
  l.next = out->block;
  out->positions = take(&l, max_tokens * h);
  if ((s = lay_out(&l)) || (s = fill_positions(&l, positions, types, max_tokens))) goto done;
  for (size_t i = 0; i < l.n_items; i++) { /* biases are shorter than the panels they fill */
    item *it = &l.items[i];
    if (it->k == 0) memset(it->dst, 0, ((it->rows + 15) & ~(size_t)15) * sizeof(float));
  }
  vecd_team_run(team, fill_job, &l);
  if (l.no_memory) s = vecd_err_no_memory(err, "packing weights", 0);
  if (!s && l.bad) s = fault(&l, l.bad->name, "holds NaN or infinity");
done:
  vecd_free(l.items);
  if (s) vecd_weights_close(out);
  return s;
}

void vecd_weights_close(vecd_weights *weights) {
  vecd_free(weights->layers);
  vecd_free(weights->block);
  vecd_safetensors_close(&weights->file);
  *weights = (vecd_weights){0};
}
