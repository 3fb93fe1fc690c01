/* normalizer_load.c - reading of the "normalizer" section. */
#include <stdio.h>

#include "base/mem.h"
#include "tok/normalizer.h"
#include "tok/sequence.h"
#include "tok/unicode.h"

#define MOST_TEXT 1024 /* bytes put in at one place */

static void fill_ascii(vecd_normalizer_pass *pass) {
  memset(pass->ascii, VECD_ASCII_NOT, sizeof pass->ascii);
  for (uint32_t c = 0; c < 0x80; c++) {
    const vecd_unicode_record *record = vecd_unicode_get(c);
    uint32_t to = c;
    if (pass->clean && (record->props & VECD_UNICODE_SPACE)) to = ' ';
    if (pass->lower) to += (uint32_t)vecd_unicode_get(to)->lower_delta;
    if (pass->clean && (record->props & VECD_UNICODE_CONTROL)) to = VECD_ASCII_DROPPED;
    pass->ascii[c] = (unsigned char)to;
  }
  for (unsigned c = 0x20; c < 0x7f; c++) /* what take_blocks() counts on */
    vecd_assert(pass->ascii[c] == (pass->lower && c >= 'A' && c <= 'Z' ? c + 0x20 : c));
}

static vecd_status load_bert(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  vecd_status s = vecd_json_get_bool(section, where, "clean_text", VECD_JSON_REQUIRED, &pass->clean, err);
  if (!s) s = vecd_json_get_bool(section, where, "handle_chinese_chars", VECD_JSON_REQUIRED, &pass->space_cjk, err);
  if (!s) s = vecd_json_get_bool(section, where, "lowercase", VECD_JSON_REQUIRED, &pass->lower, err);
  bool strip = pass->lower; /* null means: as lowercase */
  if (!s) s = vecd_json_get_bool(section, where, "strip_accents", VECD_JSON_OPTIONAL, &strip, err);
  pass->decompose = strip;
  pass->drop_marks = strip ? VECD_UNICODE_MARK_NONSPACING : 0;
  return s;
}

static vecd_status load_text(const char *where, const json_t *section, const char *field, vecd_normalizer_pass *pass,
                             vecd_err *err) {
  vecd_span text;
  vecd_status s = vecd_json_get_string(section, where, field, VECD_JSON_REQUIRED, &text, err);
  if (s) return s;
  if (text.len > MOST_TEXT)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: a \"%s\" of over %d bytes is not supported", where, field,
                        MOST_TEXT);
  pass->text = vecd_strndup(VECD_MEM_VOCAB, text.ptr, text.len);
  pass->text_len = text.len;
  return pass->text ? VECD_OK : vecd_err_no_memory(err, field, text.len);
}

static vecd_status load_prepend(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  pass->kind = VECD_NORMALIZER_PREPEND;
  vecd_status s = load_text(where, section, "prepend", pass, err);
  if (!s && !pass->text_len)
    s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: an empty \"prepend\" is not supported", where);
  return s;
}

static vecd_status load_replace(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  pass->kind = VECD_NORMALIZER_REPLACE;
  vecd_status s = load_text(where, section, "content", pass, err);
  if (!s) s = vecd_pattern_load(where, section, &pass->pattern, err);
  if (!s && vecd_pattern_matches_empty(&pass->pattern))
    s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: a pattern that matches an empty text is not supported", where);
  return s;
}

static vecd_status load_strip(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  pass->kind = VECD_NORMALIZER_STRIP;
  vecd_status s = vecd_json_get_bool(section, where, "strip_left", VECD_JSON_REQUIRED, &pass->strip_left, err);
  return s ? s : vecd_json_get_bool(section, where, "strip_right", VECD_JSON_REQUIRED, &pass->strip_right, err);
}

static vecd_status load_precompiled(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  vecd_span charsmap;
  pass->kind = VECD_NORMALIZER_PRECOMPILED;
  vecd_status s = vecd_json_get_string(section, where, "precompiled_charsmap", VECD_JSON_REQUIRED, &charsmap, err);
  return s ? s : vecd_precompiled_init(where, charsmap, &pass->precompiled, err);
}

static vecd_status load_pass(const char *where, const json_t *section, vecd_normalizer_pass *pass, vecd_err *err) {
  static const char *const forms[] = {[VECD_FORM_C] = "NFC", [VECD_FORM_KC] = "NFKC", [VECD_FORM_KD] = "NFKD"};
  vecd_span type;
  vecd_status s = vecd_json_get_string(section, where, "type", VECD_JSON_REQUIRED, &type, err);
  if (s) return s;
  for (int form = 0; form < 3; form++) {
    if (!vecd_span_eq(type, vecd_span_of(forms[form]))) continue;
    pass->kind = VECD_NORMALIZER_FORM;
    pass->form = (vecd_form)form;
    return VECD_OK;
  }
  if (vecd_span_eq(type, VECD_SPAN("BertNormalizer"))) return load_bert(where, section, pass, err);
  if (vecd_span_eq(type, VECD_SPAN("Lowercase"))) return pass->lower = true, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("NFD"))) return pass->decompose = true, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("StripAccents"))) return pass->drop_marks = VECD_UNICODE_MARK, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("Strip"))) return load_strip(where, section, pass, err);
  if (vecd_span_eq(type, VECD_SPAN("Prepend"))) return load_prepend(where, section, pass, err);
  if (vecd_span_eq(type, VECD_SPAN("Replace"))) return load_replace(where, section, pass, err);
  if (vecd_span_eq(type, VECD_SPAN("Nmt"))) return pass->kind = VECD_NORMALIZER_NMT, VECD_OK;
  if (vecd_span_eq(type, VECD_SPAN("Precompiled"))) return load_precompiled(where, section, pass, err);
  if (vecd_span_eq(type, VECD_SPAN("ByteLevel"))) return pass->kind = VECD_NORMALIZER_BYTE_LEVEL, VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the type \"%.*s\" is not supported", where, VECD_SHOWN(type));
}

static bool has_lowercase(const json_t *section) {
  if (vecd_sequence_has_type(section, "Lowercase")) return true;
  const json_t *list = vecd_sequence_has_type(section, "Sequence") ? json_object_get(section, "normalizers") : NULL;
  for (size_t i = 0; i < json_array_size(list); i++)
    if (vecd_sequence_has_type(json_array_get(list, i), "Lowercase")) return true;
  return false;
}

/* A Sequence is its members, one after the other; so is one inside of it. */
static vecd_status load_section(void *ctx, const char *where, const json_t *section, vecd_err *err) {
  vecd_normalizer *out = ctx;
  if (!vecd_sequence_has_type(section, "Sequence")) {
    if (out->n_passes == VECD_NORMALIZER_MAX_PASSES)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d normalizers are not supported", where,
                          VECD_NORMALIZER_MAX_PASSES);
    return load_pass(where, section, &out->passes[out->n_passes++], err);
  }
  return vecd_sequence_each(where, section, "normalizers", load_section, out, err);
}

vecd_status vecd_normalizer_load(const char *file, const json_t *section, bool lower_first, vecd_normalizer *out,
                                 vecd_err *err) {
  char where[256];
  *out = (vecd_normalizer){0};
  if (section && json_is_null(section)) section = NULL;
  if (lower_first && !has_lowercase(section)) out->passes[out->n_passes++].lower = true;
  snprintf(where, sizeof where, "%.200s: normalizer", file);
  vecd_status s = section ? load_section(out, where, section, err) : VECD_OK;
  if (out->n_passes == 0) out->n_passes = 1; /* without steps */
  for (size_t i = 0; i < out->n_passes; i++)
    if (out->passes[i].kind == VECD_NORMALIZER_CHARS) fill_ascii(&out->passes[i]);
  if (s) vecd_normalizer_fini(out);
  return s;
}

void vecd_normalizer_fini(vecd_normalizer *normalizer) {
  for (size_t i = 0; i < normalizer->n_passes; i++) {
    vecd_normalizer_pass *pass = &normalizer->passes[i];
    vecd_free(pass->text);
    vecd_pattern_fini(&pass->pattern);
    vecd_precompiled_fini(&pass->precompiled);
  }
  normalizer->n_passes = 0;
}

bool vecd_normalizer_is_local(const vecd_normalizer *normalizer) {
  for (size_t i = 0; i < normalizer->n_passes; i++)
    if (normalizer->passes[i].kind != VECD_NORMALIZER_CHARS) return false;
  return true;
}

size_t vecd_normalizer_bytes(const vecd_normalizer *normalizer) {
  size_t n = 0;
  for (size_t i = 0; i < normalizer->n_passes; i++) {
    const vecd_normalizer_pass *pass = &normalizer->passes[i];
    n += pass->text_len + vecd_pattern_bytes(&pass->pattern) + pass->precompiled.text_len;
    n += pass->precompiled.n_units * sizeof *pass->precompiled.units;
  }
  return n;
}
