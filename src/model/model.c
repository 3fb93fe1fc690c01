/* model.c - texts -> ids -> vectors, a slice of texts at a time.
 *
 * Tokenizing and encoding share the team of workers. What a slice needs in memory (ids, pointers) is kept from call to call, so
 * a warm model allocates nothing. */
#include "model/model_priv.h"

#include <math.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/finite.h"

/* Below this much text, waking the workers costs more than tokenizing alone. */
#define TOGETHER_FROM_BYTES 4096

/* One worker's tokenizing room: ids of all the texts it took in this call, one after another. */
typedef struct tok_lane {
  vecd_encoding encoding;
  vecd_buf text; /* prompt and text, put together */
  uint32_t *ids;
  size_t n_ids, cap_ids;
} tok_lane;

/* Where an item's ids lie: a lane's array may move while it grows, so they are kept as places until all are there. */
typedef struct place {
  uint32_t lane;
  size_t first;
} place;

typedef struct tok_job {
  vecd_model *model;
  vecd_item *items;
  size_t n_items;
  const atomic_bool *stop; /* nullable */
  atomic_size_t next;
} tok_job;

static void fail(vecd_item *item, vecd_status status, size_t pos) {
  item->status = status;
  item->error_pos = pos;
}

static bool keep_ids(tok_lane *lane, const uint32_t *ids, size_t n) {
  if (lane->cap_ids - lane->n_ids < n) {
    size_t cap = 2 * lane->cap_ids + n + 256;
    uint32_t *grown = vecd_realloc(VECD_MEM_SCRATCH, lane->ids, cap * sizeof *grown);
    if (!grown) return false;
    lane->ids = grown;
    lane->cap_ids = cap;
  }
  memcpy(lane->ids + lane->n_ids, ids, n * sizeof *ids);
  lane->n_ids += n;
  return true;
}

static void take_ids(const vecd_model *m, vecd_item *item) {
  if (item->n_ids == 0 || item->n_ids > m->max_tokens) {
    fail(item, VECD_BAD_ARGUMENT, item->n_ids);
    return;
  }
  uint32_t vocab_size = vecd_encoder_config_of(m->encoder)->vocab_size;
  for (size_t i = 0; i < item->n_ids; i++)
    if (item->ids[i] >= vocab_size) {
      fail(item, VECD_BAD_ARGUMENT, i);
      return;
    }
  item->n_tokens = item->n_untruncated = (uint32_t)item->n_ids;
}

/* What stands before the text; never NULL. */
static const vecd_prompt *prompt_of(const vecd_model *m, const vecd_item *item) {
  static const vecd_prompt none = {{"", 0}, 0};
  if (item->flags & VECD_NO_PROMPT) return &none;
  return item->prompt ? item->prompt : &m->default_prompt;
}

/* Of one pooling the width is that of another, of several together it is not, and what is behind them is made for theirs. */
static vecd_status check_pooling(const vecd_model *m, unsigned pooling, vecd_err *err) {
  vecd_assert(pooling <= VECD_POOL_COUNT);
  if (!pooling || m->folder.pooling.n == 1) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "pooling: %s concatenates %s; one alone has another width",
                      m->folder.id, m->pooling_name);
}

vecd_status vecd_model_pooling(const vecd_model *m, const char *name, unsigned *out, vecd_err *err) {
#define X(name, text, flag) " " text
  static const char known[] = VECD_POOL_LIST(X);
#undef X
  vecd_pool pool = VECD_POOL_COUNT;
  if (name && !vecd_pool_find(name, &pool))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "pooling \"%.60s\": there are only%s", name, known);
  *out = name ? 1u + pool : 0;
  return check_pooling(m, *out, err);
}

/* VECD_BAD_ARGUMENT where what is asked for beside the text cannot be had. */
static vecd_status check_wishes(const vecd_model *m, const vecd_item *item, vecd_err *err) {
  if ((item->flags & VECD_RAW) && (item->flags & VECD_NORMALIZE))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "flags: VECD_RAW and VECD_NORMALIZE exclude each other");
  vecd_status s = check_pooling(m, item->pooling, err);
  return s ? s : vecd_model_check_dimension(m, item->dimension, err);
}

static void tokenize_item(vecd_model *m, unsigned member, vecd_item *item, place *at) {
  if (check_wishes(m, item, NULL)) {
    fail(item, VECD_BAD_ARGUMENT, VECD_NO_POS);
    return;
  }
  if (item->ids) {
    take_ids(m, item);
    return;
  }
  tok_lane *lane = &m->tok_lanes[member];
  vecd_err err;
  vecd_status s = vecd_prompt_encode(m->tokenizer, prompt_of(m, item)->text, item->text, &lane->text, m->max_tokens, 0,
                                     &lane->encoding, &err);
  if (s) {
    fail(item, s, err.pos);
    return;
  }
  item->n_untruncated = (uint32_t)lane->encoding.n_untruncated;
  if (lane->encoding.n_ids == 0 || ((item->flags & VECD_NO_TRUNCATE) && lane->encoding.n_untruncated > m->max_tokens)) {
    fail(item, VECD_BAD_ARGUMENT, VECD_NO_POS);
    return;
  }
  *at = (place){member, lane->n_ids};
  if (!keep_ids(lane, lane->encoding.ids, lane->encoding.n_ids)) {
    fail(item, VECD_NO_MEMORY, VECD_NO_POS);
    return;
  }
  item->n_tokens = (uint32_t)lane->encoding.n_ids;
}

static void tokenize_job(void *ctx, unsigned member) {
  tok_job *j = ctx;
  for (size_t i; (i = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed)) < j->n_items;) {
    vecd_item *item = &j->items[i];
    bool stopped = j->stop && atomic_load_explicit(j->stop, memory_order_relaxed);
    fail(item, stopped ? VECD_TIMEOUT : VECD_OK, VECD_NO_POS);
    item->n_tokens = item->n_untruncated = 0;
    if (!stopped) tokenize_item(j->model, member, item, &j->model->places[i]);
  }
}

static void tokenize(vecd_model *m, vecd_item *items, size_t n_items, const atomic_bool *stop) {
  size_t bytes = 0;
  for (size_t i = 0; i < n_items; i++) bytes += items[i].ids ? 0 : items[i].text.len;
  for (unsigned i = 0; i < vecd_team_size(m->team); i++) m->tok_lanes[i].n_ids = 0;
  tok_job job = {.model = m, .items = items, .n_items = n_items, .stop = stop};
  if (bytes >= TOGETHER_FROM_BYTES && n_items > 1)
    vecd_team_run(m->team, tokenize_job, &job);
  else
    tokenize_job(&job, 0);
}

static size_t dimension_of(const vecd_model *m, const vecd_item *item) {
  return item->dimension ? item->dimension : m->dimension;
}

/* Ends an item whose vector, behind all modules but a Normalize at the end, is `v`. What is cut is cut after that; what has length 1
 * is not normalised again. */
static void finish_item(const vecd_model *m, vecd_item *item, float *v) {
  size_t n = dimension_of(m, item);
  bool normalizes = vecd_model_normalizes(m) && !(item->flags & VECD_RAW);
  if (normalizes) vecd_normalize_l2(v, m->full_dimension);
  if (v != item->vector) memcpy(item->vector, v, n * sizeof *v);
  if ((item->flags & VECD_NORMALIZE) && !(normalizes && n == m->full_dimension)) vecd_normalize_l2(item->vector, n);
  if (!vecd_all_finite(item->vector, n)) fail(item, VECD_BAD_MODEL, VECD_NO_POS);
}

/* Ends the items that have been pooled into m->pooled, a few at a time. */
static void finish_pooled(vecd_model *m, vecd_item *items, size_t n_items) {
  vecd_item *some[VECD_HEAD_MAX_ROWS];
  float *pooled = m->pooled;
  for (size_t i = 0; i < n_items;) {
    size_t n = 0, ld = m->pooled_dimension;
    float *v = pooled;
    for (; i < n_items && n < VECD_HEAD_MAX_ROWS; i++)
      if (!items[i].status) some[n++] = &items[i];
    if (!n) return;
    if (!vecd_head_is_empty(m->head)) v = vecd_head_run(m->head, pooled, n, &ld);
    pooled += n * m->pooled_dimension;
    for (size_t k = 0; k < n; k++) finish_item(m, some[k], v + k * ld);
  }
}

/* Room for n pooled vectors; false when memory is out. */
static bool make_pooled_room(vecd_model *m, size_t n) {
  if (n <= m->cap_pooled) return true;
  vecd_free(m->pooled);
  m->pooled = vecd_alloc_array(VECD_MEM_SCRATCH, n, m->pooled_dimension * sizeof *m->pooled);
  m->cap_pooled = m->pooled ? n : 0;
  return m->pooled != NULL;
}

/* Vectors go straight to the caller where they are as the encoder leaves them, but for their length. */
static bool goes_straight(const vecd_model *m, const vecd_item *items, size_t n_items) {
  bool straight = vecd_head_is_empty(m->head);
  for (size_t i = 0; i < n_items && straight; i++) straight = dimension_of(m, &items[i]) == m->full_dimension;
  return straight;
}

/* Puts the sequences of all items that have come through so far in a row; gives their number and that of their tokens. */
static size_t line_up(vecd_model *m, const vecd_item *items, size_t n_items, bool straight, uint64_t *n_tokens) {
  size_t n_seqs = 0;
  *n_tokens = 0;
  for (size_t i = 0; i < n_items; i++) {
    const vecd_item *item = &items[i];
    if (item->status) continue;
    m->seq_ids[n_seqs] = item->ids ? item->ids : m->tok_lanes[m->places[i].lane].ids + m->places[i].first;
    m->seq_lens[n_seqs] = item->n_tokens;
    m->seq_pool_from[n_seqs] = item->ids ? 0 : prompt_of(m, item)->n_tokens;
    m->seq_pooling[n_seqs] = (uint8_t)item->pooling;
    m->seq_out[n_seqs] = straight ? item->vector : m->pooled + n_seqs * m->pooled_dimension;
    *n_tokens += item->n_tokens;
    n_seqs++;
  }
  return n_seqs;
}

/* Fails the items whose sequences the encoder was kept from finishing; what is pooled of the others moves together. */
static void drop_unfinished(vecd_model *m, vecd_item *items, size_t n_items, bool straight) {
  float *kept = m->pooled;
  for (size_t i = 0, seq = 0; i < n_items; i++) {
    if (items[i].status) continue;
    const float *out = m->seq_out[seq++];
    if (!out) {
      fail(&items[i], VECD_TIMEOUT, VECD_NO_POS);
    } else if (!straight) {
      memmove(kept, out, m->pooled_dimension * sizeof *kept);
      kept += m->pooled_dimension;
    }
  }
}

void vecd_model_encode(vecd_model *m, vecd_item *items, size_t n_items, const atomic_bool *stop, vecd_encode_times *times) {
  vecd_assert(n_items >= 1 && n_items <= VECD_MODEL_MAX_ITEMS);
  pthread_mutex_lock(&m->lock);
  uint64_t begun = times ? vecd_now_ns() : 0, n_tokens;
  tokenize(m, items, n_items, stop);
  uint64_t tokenized = times ? vecd_now_ns() : 0;
  bool straight = goes_straight(m, items, n_items);
  if (!straight && !make_pooled_room(m, n_items))
    for (size_t i = 0; i < n_items; i++)
      if (!items[i].status) fail(&items[i], VECD_NO_MEMORY, VECD_NO_POS);
  size_t n_seqs = line_up(m, items, n_items, straight, &n_tokens);
  if (n_seqs) vecd_encoder_run(m->encoder, m->seq_ids, m->seq_lens, m->seq_pool_from, m->seq_pooling, n_seqs, stop, m->seq_out);
  if (stop) drop_unfinished(m, items, n_items, straight);
  if (!straight) finish_pooled(m, items, n_items);
  for (size_t i = 0; i < n_items && straight; i++)
    if (!items[i].status) finish_item(m, &items[i], items[i].vector);
  if (times) *times = (vecd_encode_times){tokenized - begun, vecd_now_ns() - tokenized, n_tokens};
  pthread_mutex_unlock(&m->lock);
}

vecd_status vecd_item_explain_place(const vecd_model *m, const vecd_item *item, const char *where, vecd_err *err) {
  switch (item->status) {
  case VECD_OK: return VECD_OK;
  case VECD_BAD_TEXT:
    if (item->error_pos == VECD_NO_POS)
      return vecd_err_set(
          err, VECD_BAD_TEXT, VECD_NO_POS,
          "%s: %s cannot take it: a part has no token, a regular expression comes to no end, or it grows too long", where,
          m->folder.tokenizer_path);
    return vecd_err_set(err, VECD_BAD_TEXT, item->error_pos, "%s: not valid UTF-8 at byte %zu", where, item->error_pos);
  case VECD_BAD_ARGUMENT:
    if (check_wishes(m, item, err)) return VECD_BAD_ARGUMENT;
    if (item->ids && item->n_ids == 0)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, 0, "%s: has no token ids; give at least one", where);
    if (item->ids && item->n_ids <= m->max_tokens)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, item->error_pos, "%s: token id %u at place %zu is not below %u", where,
                          item->ids[item->error_pos], item->error_pos, vecd_encoder_config_of(m->encoder)->vocab_size);
    if (!item->ids && item->n_untruncated == 0)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: the tokenizer makes no tokens of it", where);
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: %zu tokens, the model takes at most %zu; shorten it%s", where,
                        item->ids ? item->n_ids : (size_t)item->n_untruncated, m->max_tokens,
                        item->ids ? "" : " or allow truncation");
  case VECD_BAD_MODEL:
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                        "%s: its vector holds NaN or infinity: %s: the word embeddings are damaged", where,
                        m->folder.weights_path);
  default: return vecd_err_set(err, item->status, item->error_pos, "%s: %s", where, vecd_status_text(item->status));
  }
}

vecd_status vecd_item_explain(const vecd_model *m, const vecd_item *item, const char *what, size_t index, vecd_err *err) {
  char where[64];
  snprintf(where, sizeof where, "%s[%zu]", what, index);
  return vecd_item_explain_place(m, item, where, err);
}

static vecd_status make_room(vecd_model *m, vecd_err *err) {
  size_t n = VECD_MODEL_MAX_ITEMS;
  m->tok_lanes = vecd_alloc_zero(VECD_MEM_SCRATCH, vecd_team_size(m->team), sizeof *m->tok_lanes);
  m->places = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->places);
  m->seq_ids = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->seq_ids);
  m->seq_lens = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->seq_lens);
  m->seq_pool_from = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->seq_pool_from);
  m->seq_pooling = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->seq_pooling);
  m->seq_out = vecd_alloc_array(VECD_MEM_SCRATCH, n, sizeof *m->seq_out);
  if (m->tok_lanes && m->places && m->seq_ids && m->seq_lens && m->seq_pool_from && m->seq_pooling && m->seq_out)
    return VECD_OK;
  return vecd_err_no_memory(err, "a model's scratch", n * (sizeof *m->places + 3 * sizeof(void *)));
}

/* The modules behind the encoder, and what comes out of each stage. */
static vecd_status set_dimensions(vecd_model *m, vecd_err *err) {
  m->pooled_dimension = vecd_encoder_dimension(m->encoder);
  vecd_status s = vecd_head_open(&m->folder, m->pooled_dimension, &m->kern, m->team, &m->head, err);
  if (s) return s;
  m->full_dimension = m->dimension = vecd_head_dimension(m->head);
  if (!m->folder.truncate_dim) return VECD_OK;
  m->dimension = m->folder.truncate_dim;
  return vecd_model_check_dimension(m, m->folder.truncate_dim, err);
}

vecd_status vecd_model_check_dimension(const vecd_model *m, unsigned dimension, vecd_err *err) {
  if (dimension <= m->full_dimension) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "dimensions: %u is over the %zu that %s gives", dimension,
                      m->full_dimension, m->folder.id);
}

/* tokenizer.json is parsed beside the packing of the weights: on one thread it takes about as long as they do on all. */
typedef struct tok_loading {
  const vecd_model_folder *folder;
  vecd_tokenizer *tokenizer;
  vecd_status status;
  vecd_err err;
} tok_loading;

static void *load_tokenizer(void *arg) {
  tok_loading *t = arg;
  t->status = vecd_tokenizer_open(t->folder->tokenizer_path, &t->folder->tokenizer_rules, &t->tokenizer, &t->err);
  return NULL;
}

/* Opens tokenizer and encoder at the same time; the tokenizer's fault is told first. */
static vecd_status open_parts(vecd_model *m, vecd_precision precision, vecd_err *err) {
  tok_loading t = {.folder = &m->folder};
  pthread_t thread;
  bool beside = pthread_create(&thread, NULL, load_tokenizer, &t) == 0;
  if (!beside) load_tokenizer(&t);
  vecd_status s = vecd_encoder_open(&m->folder, precision, &m->kern, m->team, &m->encoder, err);
  if (beside) pthread_join(thread, NULL);
  m->tokenizer = t.tokenizer;
  if (t.status && err) *err = t.err;
  return t.status ? t.status : s;
}

static vecd_status take_hints(vecd_model_folder *folder, const vecd_model_hints *hints, vecd_err *err) {
  if (!hints) return VECD_OK;
  if (hints->id) {
    vecd_free(folder->id);
    folder->id = vecd_strdup(VECD_MEM_MISC, hints->id);
    if (!folder->id) return vecd_err_no_memory(err, "a model's id", strlen(hints->id));
  }
  if (hints->excludes_prompt) folder->pooling.include_prompt = false;
  return vecd_model_folder_add_prompts(folder, hints->prompts, hints->prompts_from, err);
}

vecd_status vecd_model_open(const char *path, vecd_precision precision, const vecd_kern *kern, vecd_team *team,
                            const vecd_model_hints *hints, vecd_model **out, vecd_err *err) {
  vecd_model *m = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *m);
  if (!m) return vecd_err_no_memory(err, "a model", sizeof *m);
  m->kern = *kern;
  m->team = team;
  pthread_mutex_init(&m->lock, NULL);
  vecd_status s;
  if ((s = vecd_model_folder_open(path, &m->folder, err)) || (s = take_hints(&m->folder, hints, err)) ||
      (s = open_parts(m, precision, err)) || (s = make_room(m, err)))
    goto done;
  m->max_tokens = vecd_encoder_max_tokens(m->encoder);
  vecd_pooling_name(&m->folder.pooling, m->pooling_name, sizeof m->pooling_name);
  if ((s = set_dimensions(m, err)) || (s = vecd_model_prompt(m, NULL, m->folder.default_prompt, &m->default_prompt, err)))
    goto done;
  uint32_t rows = vecd_encoder_config_of(m->encoder)->vocab_size, ids = vecd_tokenizer_id_limit(m->tokenizer);
  if (ids > rows)
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: has ids up to %u, but %s has only %u word embeddings",
                     m->folder.tokenizer_path, ids - 1, m->folder.weights_path, rows);
done:
  if (s)
    vecd_model_close(&m);
  else
    *out = m;
  vecd_mem_trim(); /* what parsing took is as large as some models */
  return s;
}

void vecd_model_close(vecd_model **model) {
  vecd_model *m = model ? *model : NULL;
  if (!m) return;
  for (unsigned i = 0; m->tok_lanes && i < vecd_team_size(m->team); i++) {
    vecd_encoding_fini(&m->tok_lanes[i].encoding);
    vecd_free(m->tok_lanes[i].ids);
    vecd_buf_fini(&m->tok_lanes[i].text);
  }
  vecd_free(m->tok_lanes);
  vecd_free(m->places);
  vecd_free(m->seq_ids);
  vecd_free(m->seq_lens);
  vecd_free(m->seq_pool_from);
  vecd_free(m->seq_pooling);
  vecd_free(m->seq_out);
  vecd_free(m->pooled);
  vecd_head_close(&m->head);
  vecd_encoder_close(&m->encoder);
  vecd_tokenizer_close(&m->tokenizer);
  vecd_model_folder_close(&m->folder);
  pthread_mutex_destroy(&m->lock);
  if (m->owns_team) vecd_team_free(&m->team);
  vecd_free(m);
  vecd_mem_trim();
  *model = NULL;
}

const vecd_model_folder *vecd_model_folder_of(const vecd_model *m) { return &m->folder; }
const vecd_tokenizer *vecd_model_tokenizer(const vecd_model *m) { return m->tokenizer; }
const vecd_encoder *vecd_model_encoder(const vecd_model *m) { return m->encoder; }
size_t vecd_model_dimension(const vecd_model *m) { return m->dimension; }
size_t vecd_model_full_dimension(const vecd_model *m) { return m->full_dimension; }
size_t vecd_model_max_tokens(const vecd_model *m) { return m->max_tokens; }
bool vecd_model_normalizes(const vecd_model *m) { return vecd_head_ends_in_normalize(m->head); }
