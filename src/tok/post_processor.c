/* post_processor.c - reading of templates and of the processors around them. */
#include "tok/post_processor.h"

#include <limits.h>
#include <stdio.h>

#include "base/mem.h"
#include "tok/sequence.h"

#define MOST_SPECIALS 1024 /* around a text */

typedef struct loader {
  const char *where;
  const json_t *special_tokens;
  const vecd_vocab *vocab;
  vecd_post_processor *out;
  vecd_err *err;
} loader;

static vecd_status add_id(loader *l, const json_t *value, const char *field, bool behind) {
  if (!json_is_integer(value))
    return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s: an id is of type %s, must be an integer", l->where, field,
                        vecd_json_type_name(value));
  json_int_t id = json_integer_value(value);
  if (id < 0 || id >= (json_int_t)l->vocab->id_limit || !vecd_vocab_piece(l->vocab, (uint32_t)id).ptr)
    return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s: no token has the id %" JSON_INTEGER_FORMAT, l->where,
                        field, id);
  size_t n = l->out->n_before + l->out->n_behind;
  if (n == MOST_SPECIALS)
    return vecd_err_set(l->err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d special tokens are not supported", l->where,
                        MOST_SPECIALS);
  uint32_t *ids = vecd_realloc(VECD_MEM_VOCAB, l->out->ids, (n + 1) * sizeof *ids);
  if (!ids) return vecd_err_no_memory(l->err, "post_processor", (n + 1) * sizeof *ids);
  ids[n] = (uint32_t)id;
  l->out->ids = ids;
  if (behind)
    l->out->n_behind++;
  else
    l->out->n_before++;
  return VECD_OK;
}

/* One special token of a template: looked up in special_tokens, it may stand for several ids. With `add` they are kept. */
static vecd_status add_special(loader *l, const char *field, vecd_span name, bool add, bool behind) {
  const json_t *entry = json_object_get(l->special_tokens, name.ptr);
  if (!entry || strlen(name.ptr) != name.len)
    return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s names \"%.*s\", which special_tokens does not have",
                        l->where, field, VECD_SHOWN(name));
  const json_t *ids = json_object_get(entry, "ids"), *tokens = json_object_get(entry, "tokens");
  if (!json_is_array(ids) || !json_is_array(tokens) || json_array_size(ids) != json_array_size(tokens))
    return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS,
                        "%s: special_tokens[\"%.64s\"] must have arrays ids and tokens of one length", l->where, name.ptr);
  vecd_status s = VECD_OK;
  for (size_t i = 0; add && i < json_array_size(ids) && !s; i++)
    s = add_id(l, json_array_get(ids, i), "special_tokens", behind);
  return s;
}

/* Walks through one template. `add`: it is the one for single texts, whose ids are kept. */
static vecd_status read_template(loader *l, const json_t *section, const char *field, bool add) {
  const json_t *pieces = json_object_get(section, field);
  if (!json_is_array(pieces)) return vecd_json_wrong_type(pieces, l->where, field, "an array", l->err);
  size_t n_a = 0, n_b = 0;
  for (size_t i = 0; i < json_array_size(pieces); i++) {
    const json_t *piece = json_array_get(pieces, i), *inner = json_object_get(piece, "SpecialToken");
    bool special = inner != NULL;
    if (!inner) inner = json_object_get(piece, "Sequence");
    if (!json_is_object(inner) || json_object_size(piece) != 1)
      return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s[%zu] is neither a SpecialToken nor a Sequence", l->where,
                          field, i);
    char where[288];
    snprintf(where, sizeof where, "%s: %s[%zu]", l->where, field, i);
    vecd_span id = {0};
    unsigned type_id = 0;
    vecd_status s = vecd_json_get_string(inner, where, "id", VECD_JSON_REQUIRED, &id, l->err);
    if (!s) s = vecd_json_get_uint(inner, where, "type_id", VECD_JSON_REQUIRED, 0, UINT_MAX, &type_id, l->err);
    if (!s && add && type_id != 0)
      s = vecd_err_set(l->err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: a type_id other than 0 is not supported", where);
    if (!s && special) s = add_special(l, field, id, add, n_a > 0);
    if (s) return s;
    if (special) continue;
    n_a += vecd_span_eq(id, VECD_SPAN("A"));
    n_b += vecd_span_eq(id, VECD_SPAN("B"));
    if (n_a + n_b == 0 || (id.len != 1 || (id.ptr[0] != 'A' && id.ptr[0] != 'B')))
      return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: there is no sequence \"%.*s\", only A and B", where,
                          VECD_SHOWN(id));
  }
  if (add && (n_a != 1 || n_b != 0))
    return vecd_err_set(l->err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: a %s template that does not have A exactly once and no B",
                        l->where, field);
  return VECD_OK;
}

static vecd_status load_template(loader *l, const json_t *section) {
  l->special_tokens = json_object_get(section, "special_tokens");
  if (!json_is_object(l->special_tokens))
    return vecd_json_wrong_type(l->special_tokens, l->where, "special_tokens", "an object", l->err);
  vecd_status s = read_template(l, section, "single", true);
  if (!s) s = read_template(l, section, "pair", false);
  return s;
}

/* "cls": ["[CLS]", 101], "sep": ["[SEP]", 102] */
static vecd_status load_bert(loader *l, const json_t *section) {
  static const char *const fields[2] = {"cls", "sep"};
  for (int i = 0; i < 2; i++) {
    const json_t *pair = json_object_get(section, fields[i]);
    if (json_array_size(pair) != 2 || !json_is_string(json_array_get(pair, 0)))
      return vecd_err_set(l->err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" must be a token and its id", l->where,
                          fields[i]);
    vecd_status s = add_id(l, json_array_get(pair, 1), fields[i], i == 1);
    if (s) return s;
  }
  return VECD_OK;
}

static vecd_status add_trim(loader *l, bool add_prefix_space, size_t n_before) {
  vecd_post_processor *out = l->out;
  if (out->n_trims == VECD_MOST_TRIMS)
    return vecd_err_set(l->err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: offsets that are trimmed over %d times are not supported",
                        l->where, VECD_MOST_TRIMS);
  out->trims[out->n_trims++] = (vecd_trim){add_prefix_space, n_before};
  return VECD_OK;
}

/* ByteLevel's fields, which RobertaProcessing has too. */
static vecd_status load_trim(loader *l, const json_t *section, size_t n_before) {
  bool trim = false, add_prefix_space = false;
  vecd_status s = vecd_json_get_bool(section, l->where, "trim_offsets", VECD_JSON_REQUIRED, &trim, l->err);
  if (!s) s = vecd_json_get_bool(section, l->where, "add_prefix_space", VECD_JSON_REQUIRED, &add_prefix_space, l->err);
  return s || !trim ? s : add_trim(l, add_prefix_space, n_before);
}

/* Puts what `outer` adds around what out adds. */
static vecd_status surround(const char *where, vecd_post_processor *out, const vecd_post_processor *outer, vecd_err *err) {
  size_t n_outer = outer->n_before + outer->n_behind, n = out->n_before + out->n_behind;
  if (n_outer == 0) return VECD_OK;
  if (n + n_outer > MOST_SPECIALS)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d special tokens are not supported", where,
                        MOST_SPECIALS);
  uint32_t *ids = vecd_alloc_array(VECD_MEM_VOCAB, n + n_outer, sizeof *ids);
  if (!ids) return vecd_err_no_memory(err, "post_processor", (n + n_outer) * sizeof *ids);
  memcpy(ids, outer->ids, outer->n_before * sizeof *ids);
  if (n) memcpy(ids + outer->n_before, out->ids, n * sizeof *ids);
  memcpy(ids + outer->n_before + n, outer->ids + outer->n_before, outer->n_behind * sizeof *ids);
  vecd_free(out->ids);
  out->ids = ids;
  out->n_before += outer->n_before;
  out->n_behind += outer->n_behind;
  return VECD_OK;
}

typedef struct chain {
  const vecd_vocab *vocab;
  vecd_post_processor *out;
  size_t n_joined; /* special tokens before the text that are one encoding with it, as a template's are not */
  bool parted;     /* a template has put special tokens around: nothing but ByteLevel may follow */
} chain;

static vecd_status load_section(void *ctx, const char *where, const json_t *section, vecd_err *err) {
  chain *c = ctx;
  vecd_span type;
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_REQUIRED, &type, err);
  if (s) return s;
  if (vecd_span_eq(type, VECD_SPAN("Sequence"))) return vecd_sequence_each(where, section, "processors", load_section, c, err);
  vecd_post_processor own = {0};
  loader trim = {.where = where, .vocab = c->vocab, .out = c->out, .err = err}, l = trim;
  l.out = &own;
  if (vecd_span_eq(type, VECD_SPAN("ByteLevel"))) return load_trim(&trim, section, c->n_joined);
  if (c->parted)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s: the type \"%.*s\" is not supported behind a TemplateProcessing", where, VECD_SHOWN(type));
  bool joins = false;
  if (vecd_span_eq(type, VECD_SPAN("TemplateProcessing"))) {
    s = load_template(&l, section);
  } else if (vecd_span_eq(type, VECD_SPAN("BertProcessing")) || vecd_span_eq(type, VECD_SPAN("RobertaProcessing"))) {
    joins = true;
    if (type.ptr[0] == 'R') s = load_trim(&trim, section, c->n_joined);
    if (!s) s = load_bert(&l, section);
  } else {
    s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where, VECD_SHOWN(type));
  }
  if (!s) s = surround(where, c->out, &own, err);
  if (joins)
    c->n_joined += own.n_before;
  else
    c->parted = own.n_before + own.n_behind > 0;
  vecd_free(own.ids);
  return s;
}

vecd_status vecd_post_processor_load(const char *file, const json_t *section, const vecd_vocab *vocab, vecd_post_processor *out,
                                     vecd_err *err) {
  *out = (vecd_post_processor){0};
  if (!section || json_is_null(section)) return VECD_OK;
  char where[256];
  snprintf(where, sizeof where, "%.200s: post_processor", file);
  chain c = {.vocab = vocab, .out = out};
  vecd_status s = load_section(&c, where, section, err);
  if (s) vecd_post_processor_fini(out);
  return s;
}

void vecd_post_processor_fini(vecd_post_processor *post) {
  vecd_free(post->ids);
  *post = (vecd_post_processor){0};
}
