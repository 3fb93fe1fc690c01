/* capi.c - the public C API: a thin skin over model.h with a team of its own for each model. */
#include "model/model_priv.h"

vecd_status vecd_open(const char *path, const vecd_options *options, vecd_model **out, vecd_err *err) {
  if (!path || !out) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "path and out must not be NULL");
  vecd_kern kern;
  vecd_team *team = NULL;
  vecd_precision precision;
  vecd_status s;
  bool has_precision = options && (!options->size || options->size > offsetof(vecd_options, precision));
  if ((s = vecd_precision_parse(has_precision ? options->precision : NULL, &precision, err)) ||
      (s = vecd_kern_choose(&kern, options ? options->isa : NULL, err)) ||
      (s = vecd_team_new(options ? options->threads : 0, &team, err)))
    return s;
  if ((s = vecd_model_open(path, precision, &kern, team, NULL, out, err))) {
    vecd_team_free(&team);
    return s;
  }
  (*out)->owns_team = true;
  return VECD_OK;
}

void vecd_close(vecd_model **model) { vecd_model_close(model); }

void vecd_describe(const vecd_model *m, vecd_info *out) {
  *out = (vecd_info){
      .id = m->folder.id,
      .architecture = vecd_encoder_architecture(m->encoder),
      .pooling = m->pooling_name,
      .precision = vecd_precision_name(vecd_encoder_precision(m->encoder)),
      .isa = m->kern.isa,
      .dimension = (unsigned)m->dimension,
      .max_tokens = (unsigned)m->max_tokens,
      .threads = vecd_team_size(m->team),
      .normalized = vecd_model_normalizes(m) && m->dimension == m->full_dimension,
      .parameters = vecd_encoder_parameters(m->encoder) + vecd_head_parameters(m->head),
      .resident_bytes = vecd_encoder_bytes(m->encoder) + vecd_head_bytes(m->head) + vecd_tokenizer_bytes(m->tokenizer),
  };
}

unsigned vecd_full_dimension(const vecd_model *m) { return (unsigned)m->full_dimension; }

const char *vecd_default_prompt(const vecd_model *m) { return m->folder.default_prompt; }

const char *vecd_prompt_at(const vecd_model *m, unsigned i, const char **text, size_t *len) {
  const char *name;
  json_t *value;
  json_object_foreach(m->folder.prompts, name, value) {
    if (i-- > 0) continue;
    if (text) *text = json_string_value(value);
    if (len) *len = json_string_length(value);
    return name;
  }
  return NULL;
}

vecd_status vecd_tokenize(vecd_model *m, const char *text, size_t len, unsigned flags, uint32_t *ids, size_t cap, size_t *n_ids,
                          vecd_err *err) {
  vecd_encoding encoding = {0};
  vecd_buf room = {.tag = VECD_MEM_REQUEST};
  vecd_span prompt = flags & VECD_NO_PROMPT ? VECD_SPAN("") : m->default_prompt.text;
  size_t limit = flags & VECD_NO_TRUNCATE ? 0 : m->max_tokens;
  vecd_status s = vecd_prompt_encode(m->tokenizer, prompt, (vecd_span){text, len}, &room, limit, 0, &encoding, err);
  if (!s) {
    *n_ids = encoding.n_ids;
    size_t n = encoding.n_ids < cap ? encoding.n_ids : cap;
    if (n) memcpy(ids, encoding.ids, n * sizeof *ids);
  }
  vecd_encoding_fini(&encoding);
  vecd_buf_fini(&room);
  return s;
}

/* Encodes items first .. first + n - 1 and tells of the first that failed. */
static vecd_status encode_slice(vecd_model *m, vecd_item *items, size_t n, const char *what, size_t first, uint32_t *n_tokens,
                                vecd_err *err) {
  vecd_model_encode(m, items, n, NULL, NULL);
  for (size_t i = 0; i < n; i++) {
    if (items[i].status) return vecd_item_explain(m, &items[i], what, first + i, err);
    if (n_tokens) n_tokens[first + i] = items[i].n_tokens;
  }
  return VECD_OK;
}

static vecd_status encode_texts(vecd_model *m, const char *const *texts, const size_t *lens, size_t n_texts,
                                const vecd_item *like, float *vectors, uint32_t *n_tokens, vecd_err *err) {
  vecd_item items[VECD_MODEL_SLICE];
  size_t dimension = like->dimension ? like->dimension : m->dimension;
  for (size_t first = 0; first < n_texts; first += VECD_MODEL_SLICE) {
    size_t n = n_texts - first < VECD_MODEL_SLICE ? n_texts - first : VECD_MODEL_SLICE;
    for (size_t i = 0; i < n; i++) {
      items[i] = *like;
      items[i].text = (vecd_span){texts[first + i], lens[first + i]};
      items[i].vector = vectors + (first + i) * dimension;
    }
    vecd_status s = encode_slice(m, items, n, "texts", first, n_tokens, err);
    if (s) return s;
  }
  return VECD_OK;
}

vecd_status vecd_encode(vecd_model *m, const char *const *texts, const size_t *lens, size_t n_texts, unsigned flags,
                        float *vectors, uint32_t *n_tokens, vecd_err *err) {
  return encode_texts(m, texts, lens, n_texts, &(vecd_item){.flags = flags}, vectors, n_tokens, err);
}

vecd_status vecd_encode_with(vecd_model *m, const char *const *texts, const size_t *lens, size_t n_texts,
                             const vecd_encoding_options *options, float *vectors, uint32_t *n_tokens, vecd_err *err) {
  static const vecd_encoding_options none = {0};
  const vecd_encoding_options *o = options ? options : &none;
  vecd_span text = {o->prompt, o->prompt_len};
  vecd_prompt prompt;
  vecd_status s = vecd_model_prompt(m, o->prompt ? &text : NULL, o->prompt_name, &prompt, err);
  vecd_item like = {.flags = o->flags, .prompt = &prompt, .dimension = o->dimensions};
  if (!s) s = vecd_model_check_dimension(m, o->dimensions, err);
  bool has_pooling = !o->size || o->size > offsetof(vecd_encoding_options, pooling);
  if (!s && has_pooling) s = vecd_model_pooling(m, o->pooling, &like.pooling, err);
  if (s) return s;
  return encode_texts(m, texts, lens, n_texts, &like, vectors, n_tokens, err);
}

vecd_status vecd_encode_ids(vecd_model *m, const uint32_t *ids, const size_t *lens, size_t n_seqs, unsigned flags,
                            float *vectors, vecd_err *err) {
  vecd_item items[VECD_MODEL_SLICE];
  static const uint32_t none[1];
  for (size_t first = 0; first < n_seqs; first += VECD_MODEL_SLICE) {
    size_t n = n_seqs - first < VECD_MODEL_SLICE ? n_seqs - first : VECD_MODEL_SLICE;
    for (size_t i = 0; i < n; i++) {
      items[i] = (vecd_item){.ids = lens[first + i] ? ids : none,
                             .n_ids = lens[first + i],
                             .flags = flags,
                             .vector = vectors + (first + i) * m->dimension};
      ids += lens[first + i];
    }
    vecd_status s = encode_slice(m, items, n, "sequences", first, NULL, err);
    if (s) return s;
  }
  return VECD_OK;
}

const char *vecd_version(void) { return VECD_VERSION; }
