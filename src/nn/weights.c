/* weights.c - three passes: find and check every tensor (nothing allocated on the file's say-so), lay everything out in one
 * block, then fill it with all threads, a panel or a vector at a time. */
#include "nn/weights.h"

#include <stdatomic.h>

#include "base/finite.h"
#include "kern/q8.h"
#include "nn/positions.h"
#include "nn/tensor.h"

enum { MOST_PARTS = 3 };

/* Some rows of a tensor. */
typedef struct part {
  const vecd_tensor *tensor;
  size_t first, rows;
} part;

/* One thing to be filled, a unit at a time: a panel, some rows of the word embeddings, or a whole vector. */
typedef struct item {
  enum { VECTOR, PANELS_F32, PANELS_Q8, WORDS_Q8 } kind;
  part parts[MOST_PARTS]; /* panels: their rows one after the other */
  unsigned n_parts;
  size_t rows; /* of all parts */
  size_t k;    /* of a row; 0: a vector of `rows` values */
  float plus;  /* VECTOR: added to each value */
  unsigned char *dst;
  size_t first_unit; /* number of units of the items before this one */
} item;

#define WORDS_A_UNIT ((size_t)512)

/* `items` is what the threads share out. Pass 1 counts (next NULL), pass 2 lays out. */
typedef struct loader {
  const vecd_model_folder *folder;
  const vecd_encoder_config *config;
  const vecd_tensor_names *names;
  const vecd_tensor_flags *flags;
  const vecd_kern *kern;
  vecd_weights *w;
  size_t max_tokens;
  unsigned n_members; /* of the team that fills */
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

static vecd_status fault(loader *l, const char *name, const char *what) {
  return vecd_tensor_fault(l->w->file, name, what, l->err);
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
  char name[256];
  tensor_name(l, name, sizeof name, format, layer, old_suffix ? old_suffix : suffix);
  if (old_suffix && !vecd_checkpoint_find(l->w->file, name)) tensor_name(l, name, sizeof name, format, layer, suffix);
  return vecd_tensor_find(l->w->file, name, rows, cols, out, l->err);
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
  size_t rows = it->rows;
  switch (it->kind) {
  case VECTOR: return 1;
  case PANELS_F32:
  case PANELS_Q8: return (rows + l->kern->nr - 1) / l->kern->nr;
  case WORDS_Q8: return (rows + WORDS_A_UNIT - 1) / WORDS_A_UNIT;
  }
  return 0;
}

static vecd_status add_item(loader *l, item it) {
  for (unsigned i = 0; i < it.n_parts; i++) it.rows += it.parts[i].rows;
  if (!l->next) {
    l->w->n_parameters += it.rows * (it.k ? it.k : 1);
    return VECD_OK;
  }
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

/* A bias that would be left out makes other vectors than its checkpoint is for. */
static vecd_status want_no_bias(loader *l, const char *format, unsigned layer) {
  char name[256];
  tensor_name(l, name, sizeof name, format, layer, ".bias");
  return vecd_checkpoint_find(l->w->file, name) ? fault(l, name, "is there, but config.json says there is none") : VECD_OK;
}

/* n values of a vector of `all`, from `first` on. */
static vecd_status vector(loader *l, const char *format, unsigned layer, const char *suffix, const char *old_suffix, size_t all,
                          size_t first, size_t n, float plus, float *dst) {
  const vecd_tensor *t = NULL;
  vecd_status s = find(l, format, layer, suffix, old_suffix, all, 0, &t);
  return s ? s
           : add_item(
                 l, (item){.kind = VECTOR, .parts = {{t, first, n}}, .n_parts = 1, .plus = plus, .dst = (unsigned char *)dst});
}

static float *take_zeros(loader *l, size_t n) {
  float *p = take_floats(l, n);
  if (p) memset(p, 0, n * sizeof *p);
  return p;
}

/* format NULL: there is no such norm. */
static vecd_status norm(loader *l, const char *format, unsigned layer, vecd_norm *out) {
  size_t n = l->config->hidden;
  *out = (vecd_norm){NULL, NULL};
  if (!format) return VECD_OK;
  out->gamma = take_floats(l, n);
  out->beta = take_zeros(l, n);
  float plus = l->config->norm_plus_one ? 1.0f : 0.0f;
  vecd_status s = vector(l, format, layer, ".weight", ".gamma", n, 0, n, plus, out->gamma);
  if (s) return s;
  return l->flags->norm_bias ? vector(l, format, layer, ".bias", ".beta", n, 0, n, 0, out->beta)
                             : want_no_bias(l, format, layer);
}

static vecd_status head_norm(loader *l, const char *format, unsigned layer, float **out) {
  size_t d = l->config->head_dim;
  *out = NULL;
  if (!format) return VECD_OK;
  *out = take_floats(l, d);
  return vector(l, format, layer, ".weight", NULL, d, 0, d, l->config->norm_plus_one ? 1.0f : 0.0f, *out);
}

/* Rows of a checkpoint's linear layer. */
typedef struct source {
  const char *format;
  size_t first, rows, all; /* of `all` outputs */
} source;

/* A linear layer whose outputs are those of n sources one after the other. */
static vecd_status linear(loader *l, const source *sources, unsigned n, unsigned layer, size_t n_in, bool bias,
                          vecd_linear *out) {
  bool q8 = l->w->precision == VECD_PRECISION_INT8;
  size_t nr = l->kern->nr, n_out = 0;
  for (unsigned i = 0; i < n; i++) n_out += sources[i].rows;
  size_t n_panels = (n_out + nr - 1) / nr;
  *out = (vecd_linear){.n_in = n_in, .n_out = n_out, .n_panels = n_panels};
  item it = {.kind = q8 ? PANELS_Q8 : PANELS_F32, .n_parts = n, .k = n_in};
  it.dst = take(l, n_panels * (q8 ? vecd_q8_panel_bytes(nr, n_in) : n_in * nr * sizeof(float)));
  if (q8)
    out->q8 = it.dst;
  else
    out->panels = (float *)(void *)it.dst;
  out->bias = take_zeros(l, n_panels * nr);
  size_t at = 0;
  for (unsigned i = 0; i < n; at += sources[i++].rows) {
    const source *from = &sources[i];
    it.parts[i] = (part){.first = from->first, .rows = from->rows};
    vecd_status s = find(l, from->format, layer, ".weight", NULL, from->all, n_in, &it.parts[i].tensor);
    if (!s && bias)
      s = vector(l, from->format, layer, ".bias", NULL, from->all, from->first, from->rows, 0,
                 out->bias ? out->bias + at : NULL);
    else if (!s)
      s = want_no_bias(l, from->format, layer);
    if (s) return s;
  }
  return add_item(l, it);
}

static vecd_status lay_out_mlp(loader *l, unsigned i, vecd_layer *layer) {
  const vecd_tensor_names *n = l->names;
  const vecd_encoder_config *c = l->config;
  size_t wide = c->intermediate;
  source up = {n->mlp_up, 0, wide, wide}, gate = {n->mlp_gate, 0, wide, wide}, down = {n->mlp_down, 0, c->hidden, c->hidden};
  if (n->mlp_up_gate) up = (source){n->mlp_up_gate, 0, wide, 2 * wide}, gate = (source){n->mlp_up_gate, wide, wide, 2 * wide};
  if (n->mlp_gate_up) gate = (source){n->mlp_gate_up, 0, wide, 2 * wide}, up = (source){n->mlp_gate_up, wide, wide, 2 * wide};
  layer->mlp_gate = (vecd_linear){0};
  vecd_status s = linear(l, &up, 1, i, c->hidden, l->flags->mlp_up_bias, &layer->mlp_up);
  if (!s && c->gated) s = linear(l, &gate, 1, i, c->hidden, l->flags->mlp_up_bias, &layer->mlp_gate);
  return s ? s : linear(l, &down, 1, i, wide, l->flags->mlp_down_bias, &layer->mlp_down);
}

static vecd_status lay_out_layer(loader *l, unsigned i, vecd_layer *layer) {
  const vecd_tensor_names *n = l->names;
  const vecd_tensor_flags *f = l->flags;
  const vecd_encoder_config *c = l->config;
  size_t q = (size_t)c->n_heads * c->head_dim, kv = (size_t)c->n_kv_heads * c->head_dim;
  const source apart[3] = {{n->query, 0, q, q}, {n->key, 0, kv, kv}, {n->value, 0, kv, kv}};
  const source fused = {n->qkv, 0, q + 2 * kv, q + 2 * kv}, output = {n->attention_output, 0, c->hidden, c->hidden};
  vecd_status s = norm(l, i == 0 && f->no_first_attention_norm ? NULL : n->attention_norm_in, i, &layer->attention_norm_in);
  if (!s) s = linear(l, n->qkv ? &fused : apart, n->qkv ? 1 : 3, i, c->hidden, f->qkv_bias, &layer->qkv);
  if (s || (s = head_norm(l, n->query_norm, i, &layer->query_norm)) || (s = head_norm(l, n->key_norm, i, &layer->key_norm)) ||
      (s = linear(l, &output, 1, i, q, f->attention_output_bias, &layer->attention_output)) ||
      (s = norm(l, n->attention_norm, i, &layer->attention_norm)) || (s = norm(l, n->mlp_norm_in, i, &layer->mlp_norm_in)) ||
      (s = lay_out_mlp(l, i, layer)))
    return s;
  return norm(l, n->mlp_norm, i, &layer->mlp_norm);
}

static vecd_status lay_out(loader *l) {
  const vecd_encoder_config *c = l->config;
  vecd_weights *w = l->w;
  size_t half = c->head_dim / 2;
  w->added = w->n_added ? take_floats(l, w->n_added * c->hidden) : NULL;
  w->relative = c->positions & VECD_POSITIONS_RELATIVE ? take_floats(l, c->n_heads * (2 * l->max_tokens - 1)) : NULL;
  for (int i = 0; i < 2; i++) {
    bool has = (c->positions & VECD_POSITIONS_ROTARY) && (i == 0 || c->window);
    w->turns[i] = has ? take_floats(l, l->max_tokens * 2 * half) : NULL;
  }
  item words = {.kind = WORDS_Q8, .parts = {{w->word_embeddings, 0, c->vocab_size}}, .n_parts = 1, .k = c->hidden};
  vecd_status s = norm(l, l->names->embedding_norm, 0, &w->embedding_norm);
  if (!s) s = norm(l, l->names->final_norm, 0, &w->final_norm);
  if (!s && w->precision == VECD_PRECISION_INT8) {
    w->word_q8_bytes = c->hidden + 2 * vecd_q8_groups(c->hidden);
    words.dst = w->word_q8 = take(l, c->vocab_size * w->word_q8_bytes);
    s = add_item(l, words);
  } else if (!l->next) {
    w->n_parameters += (uint64_t)c->vocab_size * c->hidden;
  }
  for (unsigned i = 0; i < c->n_layers && !s; i++) {
    vecd_layer scratch;
    s = lay_out_layer(l, i, w->layers ? &w->layers[i] : &scratch);
  }
  return s;
}

static bool aligned_f32(const vecd_tensor *t) { return t->dtype == VECD_DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0; }

/* n rows of a linear item from `first` on, as float32: straight from the file where they lie so, else copied to `room`. */
static const float *rows_of(const item *it, size_t first, size_t n, float *room) {
  const part *p = it->parts;
  while (first >= p->rows) first -= p++->rows;
  if (first + n <= p->rows && aligned_f32(p->tensor))
    return (const float *)(const void *)p->tensor->data + (p->first + first) * it->k;
  for (size_t i = 0; i < n; i++, first++) {
    if (first == p->rows) p++, first = 0;
    vecd_tensor_read_f32(p->tensor, (p->first + first) * it->k, it->k, room + i * it->k);
  }
  return room;
}

/* The tensor that row `first` is of, for errors. */
static const vecd_tensor *tensor_of(const item *it, size_t first) {
  const part *p = it->parts;
  while (first >= p->rows) first -= p++->rows;
  return p->tensor;
}

static void fill_words(loader *l, const item *it, size_t first, size_t n, float *room) {
  size_t h = it->k, n_bytes = l->w->word_q8_bytes;
  for (size_t i = first; i < first + n; i++) {
    const float *row = rows_of(it, i, 1, room);
    unsigned char *dst = it->dst + i * n_bytes;
    if (!vecd_all_finite(row, h)) {
      l->bad = it->parts[0].tensor;
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
  size_t n_rows = it->rows;
  if (it->kind == VECTOR) {
    float *dst = (float *)(void *)it->dst;
    vecd_tensor_read_f32(it->parts[0].tensor, it->parts[0].first, n_rows, dst);
    if (!vecd_all_finite(dst, n_rows)) l->bad = it->parts[0].tensor;
    for (size_t i = 0; i < n_rows && it->plus != 0.0f; i++) dst[i] += it->plus;
    return;
  }
  size_t step = it->kind == WORDS_Q8 ? WORDS_A_UNIT : l->kern->nr;
  size_t first = unit * step, n = n_rows - first < step ? n_rows - first : step;
  if (it->kind == WORDS_Q8) {
    fill_words(l, it, first, n, room);
  } else {
    const float *rows = rows_of(it, first, n, room);
    if (!vecd_all_finite(rows, n * it->k)) {
      l->bad = tensor_of(it, first);
      return;
    }
    if (it->kind == PANELS_F32)
      l->kern->pack_f32(rows, it->k, n, it->k, (float *)(void *)it->dst + first * it->k);
    else
      vecd_q8_pack(l->kern, rows, it->k, n, it->k, it->dst + unit * vecd_q8_panel_bytes(step, it->k));
  }
  if (first + n == n_rows) /* packed, not needed again */
    for (unsigned i = 0; i < it->n_parts; i++) vecd_checkpoint_drop(l->w->file, it->parts[i].tensor);
}

/* This member's share of the positions: at thousands of them a cosine each is milliseconds. */
static void fill_turns(const loader *l, unsigned member) {
  for (int i = 0; i < 2; i++)
    if (l->w->turns[i])
      vecd_positions_turns(l->config, i, l->max_tokens * member / l->n_members, l->max_tokens * (member + 1) / l->n_members,
                           l->w->turns[i]);
}

static void fill_job(void *ctx, unsigned member) {
  loader *l = ctx;
  fill_turns(l, member);
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

/* Position rows plus token type 0; either may be missing. */
static vecd_status fill_added(loader *l, const vecd_tensor *positions, const vecd_tensor *types) {
  size_t h = l->config->hidden, n = l->w->n_added;
  float *added = l->w->added;
  if (!n) return VECD_OK;
  if (!positions) {
    vecd_tensor_read_f32(types, 0, h, added);
  } else {
    vecd_tensor_read_f32(positions, 0, n * h, added);
    float *type0 = types ? vecd_alloc_array(VECD_MEM_MISC, h, sizeof *type0) : NULL;
    if (types && !type0) return vecd_err_no_memory(l->err, "token type embeddings", h * sizeof *type0);
    if (types) vecd_tensor_read_f32(types, 0, h, type0);
    for (size_t i = 0; types && i < n * h; i++) added[i] += type0[i % h];
    vecd_free(type0);
  }
  return vecd_all_finite(added, n * h) ? VECD_OK : fault(l, (positions ? positions : types)->name, "holds NaN or infinity");
}

static vecd_status fill_relative(loader *l, const vecd_tensor *table) {
  const vecd_encoder_config *c = l->config;
  size_t n = (size_t)c->n_buckets * c->n_heads;
  if (!l->w->relative) return VECD_OK;
  float *values = vecd_alloc_array(VECD_MEM_MISC, n, sizeof *values);
  if (!values) return vecd_err_no_memory(l->err, "the relative bias", n * sizeof *values);
  vecd_status s = vecd_tensor_read_finite(l->w->file, table, 0, n, values, l->err);
  if (!s) vecd_positions_relative(c, values, l->max_tokens, l->w->relative);
  vecd_free(values);
  return s;
}

/* The tables that are no linear layers. */
typedef struct tables {
  const vecd_tensor *positions, *types, *relative;
} tables;

/* The prefix that all names have, and which of the two names the word embeddings go by. */
static const char *find_words(loader *l) {
  const vecd_tensor_names *n = l->names;
  const char *names[2] = {n->word_embeddings, n->word_embeddings_too};
  l->prefix = n->prefixes[0];
  for (unsigned i = 0; n->prefixes[i]; i++)
    for (unsigned k = 0; k < 2 && names[k]; k++) {
      char name[256];
      snprintf(name, sizeof name, "%s%s", n->prefixes[i], names[k]);
      if (!vecd_checkpoint_find(l->w->file, name)) continue;
      l->prefix = n->prefixes[i];
      return names[k];
    }
  return names[0];
}

static vecd_status find_tables(loader *l, tables *out) {
  const vecd_encoder_config *c = l->config;
  const vecd_tensor_names *n = l->names;
  vecd_status s = find(l, find_words(l), 0, "", NULL, c->vocab_size, c->hidden, &l->w->word_embeddings);
  if (!s && (c->positions & VECD_POSITIONS_LEARNED))
    s = find(l, n->position_embeddings, 0, "", NULL, c->n_positions, c->hidden, &out->positions);
  if (!s && c->n_types) s = find(l, n->type_embeddings, 0, "", NULL, c->n_types, c->hidden, &out->types);
  if (!s && (c->positions & VECD_POSITIONS_RELATIVE))
    s = find(l, n->relative_bias, 0, "", NULL, c->n_buckets, c->n_heads, &out->relative);
  l->w->n_added = out->positions ? l->max_tokens + c->position_offset : out->types ? 1 : 0;
  return s;
}

static void count_tables(loader *l, const tables *t) {
  const vecd_tensor *all[] = {t->positions, t->types, t->relative};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i]) l->w->n_parameters += all[i]->n_values;
}

/* Finds all there is to be, checks its shape, and counts what packing it will take. The file stays open, whatever it comes to. */
static vecd_status measure(loader *l, vecd_precision precision, tables *t) {
  vecd_weights *w = l->w;
  *w = (vecd_weights){.precision = VECD_PRECISION_FP32};
  vecd_status s = vecd_checkpoint_open(l->folder->weights_path, &w->file, l->err);
  if (s || (s = find_tables(l, t)) || (s = lay_out(l))) return s;
  count_tables(l, t);
  if (precision == VECD_PRECISION_AUTO)
    precision = w->n_parameters > VECD_INT8_FROM_PARAMETERS ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32;
  if (precision != w->precision) { /* measured as FP32 */
    uint64_t n_parameters = w->n_parameters;
    w->precision = precision;
    l->n_bytes = 0;
    if ((s = lay_out(l))) return s;
    w->n_parameters = n_parameters;
  }
  w->block_bytes = l->n_bytes;
  return VECD_OK;
}

vecd_status vecd_weights_measure(const vecd_model_folder *folder, const vecd_encoder_config *config,
                                 const vecd_tensor_names *names, const vecd_tensor_flags *flags, size_t max_tokens,
                                 vecd_precision precision, const vecd_kern *kern, vecd_weights *out, vecd_err *err) {
  vecd_weights w;
  tables t = {NULL, NULL, NULL};
  loader l = {.folder = folder,
              .config = config,
              .names = names,
              .flags = flags,
              .kern = kern,
              .w = &w,
              .max_tokens = max_tokens,
              .err = err};
  vecd_status s = measure(&l, precision, &t);
  *out = (vecd_weights){.precision = w.precision, .block_bytes = w.block_bytes, .n_parameters = w.n_parameters};
  vecd_weights_close(&w);
  return s;
}

vecd_status vecd_weights_open(const vecd_model_folder *folder, const vecd_encoder_config *config,
                              const vecd_tensor_names *names, const vecd_tensor_flags *flags, size_t max_tokens,
                              vecd_precision precision, const vecd_kern *kern, vecd_team *team, vecd_weights *out,
                              vecd_err *err) {
  loader l = {.folder = folder,
              .config = config,
              .names = names,
              .flags = flags,
              .kern = kern,
              .w = out,
              .max_tokens = max_tokens,
              .n_members = vecd_team_size(team),
              .err = err};
  tables t = {NULL, NULL, NULL};
  vecd_status s = measure(&l, precision, &t);
  if (s) goto done;
  /* Every tensor is there in full, so what follows is about as large as the file is long. */
  out->layers = vecd_alloc_zero(VECD_MEM_WEIGHTS, config->n_layers, sizeof *out->layers);
  out->block = vecd_alloc_aligned(VECD_MEM_WEIGHTS, 64, out->block_bytes);
  if (!out->layers || !out->block) {
    s = vecd_err_no_memory(err, "packed weights", out->block_bytes);
    goto done;
  }
  l.next = out->block;
  if ((s = lay_out(&l)) || (s = fill_added(&l, t.positions, t.types)) || (s = fill_relative(&l, t.relative))) goto done;
  vecd_team_run(team, fill_job, &l);
  if (l.no_memory) s = vecd_err_no_memory(err, "packing weights", 0);
  if (!s && l.bad) s = fault(&l, l.bad->name, "holds NaN or infinity");
  if (out->precision == VECD_PRECISION_INT8) {
    out->word_embeddings = NULL;
    vecd_checkpoint_close(&out->file);
  } else { /* again: one worker may have read on when another was done with a tensor's last unit */
    for (size_t i = 0; i < l.n_items; i++)
      for (unsigned k = 0; k < l.items[i].n_parts; k++) vecd_checkpoint_drop(out->file, l.items[i].parts[k].tensor);
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
  vecd_checkpoint_close(&weights->file);
  *weights = (vecd_weights){0};
}
