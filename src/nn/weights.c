/* weights.c - three passes: find and check every tensor (nothing allocated on the file's say-so), lay everything out in one
 * block, then fill it with all threads, a panel or a vector at a time. */
#include "nn/weights.h"

#include <math.h>
#include <stdatomic.h>

#include "base/finite.h"
#include "kern/q8.h"
#include "nn/half.h"

enum { MOST_PARTS = 3 };

/* One thing to be filled, a unit at a time: a panel, some rows of the word embeddings, or a whole vector. */
typedef struct item {
  enum { VECTOR, PANELS_F32, PANELS_Q8, WORDS_Q8 } kind;
  const vecd_tensor *parts[MOST_PARTS]; /* panels: their rows one after the other */
  unsigned n_parts;
  size_t part_rows; /* of each part */
  size_t k;         /* of a row; 0: a vector of part_rows values */
  unsigned char *dst;
  size_t first_unit; /* number of units of the items before this one */
} item;

#define WORDS_A_UNIT ((size_t)512)

/* `items` is what the threads share out. Pass 1 counts (next NULL), pass 2 lays out. */
typedef struct loader {
  const vecd_model_folder *folder;
  const vecd_arch *arch;
  const vecd_encoder_config *config;
  const vecd_kern *kern;
  vecd_weights *w;
  const char *prefix;
  item *items;
  size_t n_items, cap_items, n_units;
  unsigned char *next; /* where the next bytes go; NULL while counting */
  size_t n_bytes;
  atomic_size_t next_unit;
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

/* n bytes of the block, a cache line's multiple; NULL while counting. */
static void *take(loader *l, size_t n_bytes) {
  n_bytes = (n_bytes + 63) & ~(size_t)63;
  unsigned char *p = l->next;
  l->n_bytes += n_bytes;
  if (p) l->next += n_bytes;
  return p;
}

static float *take_floats(loader *l, size_t n) { return take(l, n * sizeof(float)); }

static size_t units_of(const loader *l, const item *it) {
  size_t rows = it->n_parts * it->part_rows;
  switch (it->kind) {
  case VECTOR: return 1;
  case PANELS_F32:
  case PANELS_Q8: return (rows + l->kern->nr - 1) / l->kern->nr;
  case WORDS_Q8: return (rows + WORDS_A_UNIT - 1) / WORDS_A_UNIT;
  }
  return 0;
}

static vecd_status add_item(loader *l, item it) {
  if (!l->next) return VECD_OK;
  if (l->n_items == l->cap_items) {
    size_t cap = l->cap_items ? 2 * l->cap_items : 64;
    item *grown = vecd_realloc(VECD_MEM_MISC, l->items, cap * sizeof *grown);
    if (!grown) return vecd_err_no_memory(l->err, "the list of tensors", cap * sizeof *grown);
    l->items = grown;
    l->cap_items = cap;
  }
  it.first_unit = l->n_units;
  l->n_units += units_of(l, &it);
  l->items[l->n_items++] = it;
  return VECD_OK;
}

/* A vector of n values. */
static vecd_status vector(loader *l, const char *format, unsigned layer, const char *suffix, const char *old_suffix, size_t n,
                          float *dst) {
  const vecd_tensor *t;
  vecd_status s = find(l, format, layer, suffix, old_suffix, n, 0, &t);
  return s ? s : add_item(l, (item){.kind = VECTOR, .parts = {t}, .n_parts = 1, .part_rows = n, .dst = (unsigned char *)dst});
}

static vecd_status norm(loader *l, const char *format, unsigned layer, vecd_norm *out) {
  size_t n = l->config->hidden;
  out->gamma = take_floats(l, n);
  out->beta = take_floats(l, n);
  vecd_status s = vector(l, format, layer, ".weight", ".gamma", n, out->gamma);
  return s ? s : vector(l, format, layer, ".bias", ".beta", n, out->beta);
}

/* A linear layer whose outputs are those of n_parts checkpoint layers of n_out outputs each, one after the other. */
static vecd_status linear(loader *l, const char *const *formats, unsigned n_parts, unsigned layer, size_t n_in, size_t n_out,
                          vecd_linear *out) {
  bool q8 = l->w->precision == VECD_PRECISION_INT8;
  size_t nr = l->kern->nr, n_panels = (n_parts * n_out + nr - 1) / nr;
  *out = (vecd_linear){.n_in = n_in, .n_out = n_parts * n_out, .n_panels = n_panels};
  item it = {.kind = q8 ? PANELS_Q8 : PANELS_F32, .n_parts = n_parts, .part_rows = n_out, .k = n_in};
  it.dst = take(l, n_panels * (q8 ? vecd_q8_panel_bytes(nr, n_in) : n_in * nr * sizeof(float)));
  if (q8)
    out->q8 = it.dst;
  else
    out->panels = (float *)(void *)it.dst;
  out->bias = take_floats(l, n_panels * nr);
  if (out->bias) memset(out->bias, 0, n_panels * nr * sizeof *out->bias);
  for (unsigned i = 0; i < n_parts; i++) {
    vecd_status s = find(l, formats[i], layer, ".weight", NULL, n_out, n_in, &it.parts[i]);
    if (!s) s = vector(l, formats[i], layer, ".bias", NULL, n_out, out->bias ? out->bias + i * n_out : NULL);
    if (s) return s;
  }
  return add_item(l, it);
}

static vecd_status lay_out(loader *l) {
  const vecd_tensor_names *n = &l->arch->names;
  const vecd_encoder_config *c = l->config;
  vecd_status s = norm(l, n->embedding_norm, 0, &l->w->embedding_norm);
  if (!s && l->w->precision == VECD_PRECISION_INT8) {
    l->w->word_q8_bytes = c->hidden + 2 * vecd_q8_groups(c->hidden);
    l->w->word_q8 = take(l, c->vocab_size * l->w->word_q8_bytes);
    s = add_item(l, (item){.kind = WORDS_Q8,
                           .parts = {l->w->word_embeddings},
                           .n_parts = 1,
                           .part_rows = c->vocab_size,
                           .k = c->hidden,
                           .dst = l->w->word_q8});
  }
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

static bool aligned_f32(const vecd_tensor *t) { return t->dtype == VECD_DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0; }

/* n rows of a linear item from `first` on, as float32: straight from the file where they lie so, else copied to `room`. */
static const float *rows_of(const item *it, size_t first, size_t n, float *room) {
  size_t part = first / it->part_rows, at = first % it->part_rows;
  if (at + n <= it->part_rows && aligned_f32(it->parts[part]))
    return (const float *)(const void *)it->parts[part]->data + at * it->k;
  for (size_t i = 0; i < n; i++) {
    size_t row = first + i;
    vecd_tensor_read_f32(it->parts[row / it->part_rows], row % it->part_rows * it->k, it->k, room + i * it->k);
  }
  return room;
}

static void fill_words(loader *l, const item *it, size_t first, size_t n, float *room) {
  size_t h = it->k, n_bytes = l->w->word_q8_bytes;
  for (size_t i = first; i < first + n; i++) {
    const float *row = rows_of(it, i, 1, room);
    unsigned char *dst = it->dst + i * n_bytes;
    if (!vecd_all_finite(row, h)) {
      l->bad = it->parts[0];
      return;
    }
    for (size_t g = 0; g * VECD_Q8_GROUP < h; g++) {
      size_t at = g * VECD_Q8_GROUP, len = h - at < VECD_Q8_GROUP ? h - at : VECD_Q8_GROUP;
      int8_t q[VECD_Q8_GROUP];
      int32_t sum;
      uint16_t scale = l->kern->weights_q8(row + at, len, q, &sum);
      memcpy(dst + at, q, len);
      memcpy(dst + h + 2 * g, &scale, 2);
    }
  }
}

/* Fills one unit of one item; `room` holds nr rows. */
static void fill(loader *l, const item *it, size_t unit, float *room) {
  size_t n_rows = it->n_parts * it->part_rows;
  if (it->kind == VECTOR) {
    float *dst = (float *)(void *)it->dst;
    vecd_tensor_read_f32(it->parts[0], 0, it->part_rows, dst);
    if (!vecd_all_finite(dst, it->part_rows)) l->bad = it->parts[0];
    return;
  }
  size_t step = it->kind == WORDS_Q8 ? WORDS_A_UNIT : l->kern->nr;
  size_t first = unit * step, n = n_rows - first < step ? n_rows - first : step;
  if (it->kind == WORDS_Q8) {
    fill_words(l, it, first, n, room);
  } else {
    const float *rows = rows_of(it, first, n, room);
    if (!vecd_all_finite(rows, n * it->k)) {
      l->bad = it->parts[first / it->part_rows];
      return;
    }
    if (it->kind == PANELS_F32)
      l->kern->pack_f32(rows, it->k, n, it->k, (float *)(void *)it->dst + first * it->k);
    else
      vecd_q8_pack(l->kern, rows, it->k, n, it->k, it->dst + unit * vecd_q8_panel_bytes(step, it->k));
  }
  if (first + n == n_rows) /* packed, not needed again */
    for (unsigned i = 0; i < it->n_parts; i++) vecd_safetensors_drop(l->w->file, it->parts[i]);
}

static void fill_job(void *ctx, unsigned member) {
  (void)member;
  loader *l = ctx;
  size_t widest = 1, nr = l->kern->nr;
  for (size_t i = 0; i < l->n_items; i++)
    if (l->items[i].k > widest) widest = l->items[i].k;
  float *room = vecd_alloc_array(VECD_MEM_MISC, widest * nr, sizeof *room);
  if (!room) {
    l->no_memory = true;
    return;
  }
  for (size_t i = 0, unit; (unit = atomic_fetch_add(&l->next_unit, 1)) < l->n_units;) {
    while (i + 1 < l->n_items && l->items[i + 1].first_unit <= unit) i++;
    fill(l, &l->items[i], unit - l->items[i].first_unit, room);
  }
  vecd_free(room);
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
  return vecd_all_finite(l->w->positions, max_tokens * h) ? VECD_OK : fault(l, positions->name, "holds NaN or infinity");
}

vecd_status vecd_weights_open(const vecd_model_folder *folder, const vecd_arch *arch, const vecd_encoder_config *config,
                              size_t max_tokens, vecd_precision precision, const vecd_kern *kern, vecd_team *team,
                              vecd_weights *out, vecd_err *err) {
  *out = (vecd_weights){.precision = VECD_PRECISION_FP32};
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
  if (precision == VECD_PRECISION_AUTO)
    precision = out->n_parameters > VECD_INT8_FROM_PARAMETERS ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32;
  if (precision != out->precision) { /* measured as FP32 */
    uint64_t n_parameters = out->n_parameters;
    out->precision = precision;
    l.n_bytes = 0;
    if ((s = lay_out(&l))) goto done;
    out->n_parameters = n_parameters;
  }
  /* Every tensor is there in full, so what follows is about as large as the file is long. */
  take_floats(&l, max_tokens * h);
  out->layers = vecd_alloc_zero(VECD_MEM_WEIGHTS, config->n_layers, sizeof *out->layers);
  out->block_bytes = l.n_bytes;
  out->block = vecd_alloc_aligned(VECD_MEM_WEIGHTS, 64, out->block_bytes);
  if (!out->layers || !out->block) {
    s = vecd_err_no_memory(err, "packed weights", out->block_bytes);
    goto done;
  }
  l.next = out->block;
  out->positions = take_floats(&l, max_tokens * h);
  if ((s = lay_out(&l)) || (s = fill_positions(&l, positions, types, max_tokens))) goto done;
  vecd_team_run(team, fill_job, &l);
  if (l.no_memory) s = vecd_err_no_memory(err, "packing weights", 0);
  if (!s && l.bad) s = fault(&l, l.bad->name, "holds NaN or infinity");
  if (precision == VECD_PRECISION_INT8) {
    out->word_embeddings = NULL;
    vecd_safetensors_close(&out->file);
  }
done:
  vecd_free(l.items);
  if (s) vecd_weights_close(out);
  return s;
}

void vecd_weights_word(const vecd_weights *w, uint32_t id, size_t hidden, float *out) {
  if (!w->word_q8) {
    vecd_tensor_read_f32(w->word_embeddings, (size_t)id * hidden, hidden, out);
    return;
  }
  const unsigned char *row = w->word_q8 + id * w->word_q8_bytes;
  for (size_t g = 0; g * VECD_Q8_GROUP < hidden; g++) {
    uint16_t scale;
    memcpy(&scale, row + hidden + 2 * g, 2);
    float s = vecd_q8_scale(scale);
    size_t end = (g + 1) * VECD_Q8_GROUP < hidden ? (g + 1) * VECD_Q8_GROUP : hidden;
    for (size_t i = g * VECD_Q8_GROUP; i < end; i++) out[i] = (float)(int8_t)row[i] * s;
  }
}

void vecd_weights_close(vecd_weights *weights) {
  vecd_free(weights->layers);
  vecd_free(weights->block);
  vecd_safetensors_close(&weights->file);
  *weights = (vecd_weights){0};
}
