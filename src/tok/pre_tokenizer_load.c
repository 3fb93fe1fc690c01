/* pre_tokenizer_load.c - reading of the "pre_tokenizer" section. */
#include <limits.h>
#include <stdio.h>

#include "tok/pre_tokenizer.h"
#include "tok/sequence.h"

/* Radford and others, "Language models are unsupervised multitask learners" (2019): the published encoder's own. */
#define GPT2_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static vecd_status load_char(const char *where, const json_t *section, const char *field, uint32_t *out, vecd_err *err) {
  vecd_span text;
  vecd_status s = vecd_json_get_string(section, where, field, VECD_JSON_REQUIRED, &text, err);
  if (s) return s;
  const char *p = text.ptr;
  if (text.len) *out = vecd_utf8_next(&p);
  if (text.len == 0 || p != text.ptr + text.len)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" must be one character", where, field);
  return VECD_OK;
}

static vecd_status load_behavior(const char *where, const json_t *section, vecd_json_need need, vecd_split_behavior *out,
                                 vecd_err *err) {
  static const char *const names[] = {
      [VECD_SPLIT_REMOVED] = "Removed",
      [VECD_SPLIT_ISOLATED] = "Isolated",
      [VECD_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
      [VECD_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
      [VECD_SPLIT_CONTIGUOUS] = "Contiguous",
  };
  vecd_span name = VECD_SPAN("Isolated");
  vecd_status s = vecd_json_get_string(section, where, "behavior", need, &name, err);
  if (s) return s;
  for (int i = 0; i < 5; i++)
    if (vecd_span_eq(name, vecd_span_of(names[i]))) return *out = (vecd_split_behavior)i, VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: there is no behavior \"%.*s\"", where, VECD_SHOWN(name));
}

static vecd_status load_metaspace(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  static const char *const schemes[] = {
      [VECD_PREPEND_ALWAYS] = "always", [VECD_PREPEND_FIRST] = "first", [VECD_PREPEND_NEVER] = "never"};
  step->kind = VECD_PRE_METASPACE;
  step->split = true;
  bool prefix = true; /* what files had before prepend_scheme; true says nothing beside it */
  vecd_span scheme = VECD_SPAN("always");
  vecd_status s = load_char(where, section, "replacement", &step->c, err);
  if (!s) s = vecd_json_get_string(section, where, "prepend_scheme", VECD_JSON_OPTIONAL, &scheme, err);
  if (!s) s = vecd_json_get_bool(section, where, "add_prefix_space", VECD_JSON_OPTIONAL, &prefix, err);
  if (!s) s = vecd_json_get_bool(section, where, "split", VECD_JSON_OPTIONAL, &step->split, err);
  if (s) return s;
  int k = 0;
  while (k < 3 && !vecd_span_eq(scheme, vecd_span_of(schemes[k]))) k++;
  if (k == 3)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: there is no prepend_scheme \"%.*s\"", where, VECD_SHOWN(scheme));
  step->prepend = (vecd_prepend)k;
  if (!prefix && step->prepend != VECD_PREPEND_NEVER)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: add_prefix_space false contradicts the prepend_scheme", where);
  return VECD_OK;
}

static vecd_status load_byte_level(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  bool trim, use_regex = true;
  step->kind = VECD_PRE_BYTE_LEVEL;
  vecd_status s = vecd_json_get_bool(section, where, "add_prefix_space", VECD_JSON_REQUIRED, &step->add_prefix_space, err);
  if (!s) s = vecd_json_get_bool(section, where, "trim_offsets", VECD_JSON_REQUIRED, &trim, err); /* post-processors trim */
  if (!s) s = vecd_json_get_bool(section, where, "use_regex", VECD_JSON_OPTIONAL, &use_regex, err);
  return s || !use_regex ? s : vecd_pattern_init_regex(where, VECD_SPAN(GPT2_PATTERN), &step->pattern, err);
}

static vecd_status load_split(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  step->kind = VECD_PRE_SPLIT;
  vecd_status s = load_behavior(where, section, VECD_JSON_REQUIRED, &step->behavior, err);
  if (!s) s = vecd_json_get_bool(section, where, "invert", VECD_JSON_REQUIRED, &step->invert, err);
  return s ? s : vecd_pattern_load(where, section, &step->pattern, err);
}

static vecd_status load_fixed_length(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  unsigned length = 5;
  step->kind = VECD_PRE_FIXED_LENGTH;
  vecd_status s = vecd_json_get_uint(section, where, "length", VECD_JSON_OPTIONAL, 1, UINT_MAX, &length, err);
  step->length = length;
  return s;
}

static vecd_status load_digits(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  bool individual = false;
  step->kind = VECD_PRE_DIGITS;
  vecd_status s = vecd_json_get_bool(section, where, "individual_digits", VECD_JSON_REQUIRED, &individual, err);
  step->behavior = individual ? VECD_SPLIT_ISOLATED : VECD_SPLIT_CONTIGUOUS;
  return s;
}

static vecd_status load_step(const char *where, const json_t *section, vecd_pre_step *step, vecd_err *err) {
  vecd_span type;
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_REQUIRED, &type, err);
  if (s) return s;
  if (vecd_span_eq(type, VECD_SPAN("BertPreTokenizer"))) return step->kind = VECD_PRE_BERT, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("ByteLevel"))) return load_byte_level(where, section, step, err);
  if (vecd_span_eq(type, VECD_SPAN("Metaspace"))) return load_metaspace(where, section, step, err);
  if (vecd_span_eq(type, VECD_SPAN("Whitespace"))) return step->kind = VECD_PRE_WHITESPACE, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("WhitespaceSplit"))) return step->kind = VECD_PRE_WHITESPACE_SPLIT, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("Split"))) return load_split(where, section, step, err);
  if (vecd_span_eq(type, VECD_SPAN("Digits"))) return load_digits(where, section, step, err);
  if (vecd_span_eq(type, VECD_SPAN("UnicodeScripts"))) return step->kind = VECD_PRE_SCRIPTS, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("FixedLength"))) return load_fixed_length(where, section, step, err);
  if (vecd_span_eq(type, VECD_SPAN("Punctuation"))) {
    step->kind = VECD_PRE_PUNCTUATION;
    return load_behavior(where, section, VECD_JSON_OPTIONAL, &step->behavior, err);
  }
  if (vecd_span_eq(type, VECD_SPAN("CharDelimiterSplit"))) {
    step->kind = VECD_PRE_DELIMITER;
    return load_char(where, section, "delimiter", &step->c, err);
  }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where, VECD_SHOWN(type));
}

/* A Sequence is its members, one after the other; so is one inside of it. */
static vecd_status load_section(void *ctx, const char *where, const json_t *section, vecd_err *err) {
  vecd_pre_tokenizer *out = ctx;
  if (!vecd_sequence_has_type(section, "Sequence")) {
    if (out->n_steps == VECD_PRE_TOKENIZER_MAX_STEPS)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d pre-tokenizers are not supported", where,
                          VECD_PRE_TOKENIZER_MAX_STEPS);
    vecd_pre_step *step = &out->steps[out->n_steps++];
    vecd_status s = load_step(where, section, step, err);
    out->needs_src |= step->kind == VECD_PRE_METASPACE && step->prepend == VECD_PREPEND_FIRST;
    return s;
  }
  return vecd_sequence_each(where, section, "pretokenizers", load_section, out, err);
}

vecd_status vecd_pre_tokenizer_load(const char *file, const json_t *section, vecd_pre_tokenizer *out, vecd_err *err) {
  *out = (vecd_pre_tokenizer){0};
  if (!section || json_is_null(section)) return VECD_OK;
  char where[256];
  snprintf(where, sizeof where, "%.200s: pre_tokenizer", file);
  vecd_status s = load_section(out, where, section, err);
  if (s) vecd_pre_tokenizer_fini(out);
  return s;
}

void vecd_pre_tokenizer_fini(vecd_pre_tokenizer *pre) {
  for (size_t i = 0; i < pre->n_steps; i++) vecd_pattern_fini(&pre->steps[i].pattern);
  pre->n_steps = 0;
}

size_t vecd_pre_tokenizer_bytes(const vecd_pre_tokenizer *pre) {
  size_t n = 0;
  for (size_t i = 0; i < pre->n_steps; i++) n += vecd_pattern_bytes(&pre->steps[i].pattern);
  return n;
}
