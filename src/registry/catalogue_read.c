/* catalogue_read.c - rows of JSON into rows of a catalogue. The built-in file and a user's go through the same reader, which lets
 * through what it knows and nothing else: a misspelt field would otherwise quietly change nothing. */
#include <stddef.h>
#include <stdio.h>

#include "fmt/json.h"
#include "registry/catalogue_parts.h"
#include "registry/hub_cache.h"
#include "registry/model_id.h"

#define MOST_TEXT_BYTES   1024
#define MOST_PROMPT_BYTES 4096
#define MOST_IN_LIST      512

/* Where we are, for errors: "catalogue.json: row 3 (e5-small-v2)". */
typedef char row_name[512];

static vecd_status wrong(const char *where, const char *key, const char *must, vecd_err *err) {
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" must be %s", where, key, must);
}

/* One line that can be printed: no control characters, U+0000 among them. */
static bool is_line(vecd_span text) {
  if (text.len == 0 || text.len > MOST_TEXT_BYTES) return false;
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) return false;
  return true;
}

static bool is_name(vecd_span text) { return is_line(text) && text.len < VECD_MODEL_NAME_BYTES; }

static bool is_precision(vecd_span text) {
  return vecd_span_eq(text, VECD_SPAN("fp32")) || vecd_span_eq(text, VECD_SPAN("int8"));
}

static bool is_language(vecd_span text) {
  return text.len == 2 && text.ptr[0] >= 'a' && text.ptr[0] <= 'z' && text.ptr[1] >= 'a' && text.ptr[1] <= 'z';
}

static vecd_status read_texts(vecd_catalogue_row *row, const json_t *obj, const char *where, vecd_err *err) {
  static const char a_line[] = "a line of 1 to 1024 bytes without control characters";
  static const struct {
    const char *key;
    size_t at;
    bool (*is_good)(vecd_span);
    const char *must;
  } fields[] = {
      {"name", offsetof(vecd_catalogue_row, name), is_name, "a line of 1 to 255 bytes without control characters"},
      {"hf_path", offsetof(vecd_catalogue_row, hf_path), vecd_hub_id_is_valid, "a repository's id on the hub, as org/name"},
      {"default_quantization", offsetof(vecd_catalogue_row, default_quantization), is_precision, "\"fp32\" or \"int8\""},
      {"description", offsetof(vecd_catalogue_row, description), is_line, a_line},
      {"architecture", offsetof(vecd_catalogue_row, architecture), is_line, a_line},
      {"pooling", offsetof(vecd_catalogue_row, pooling), is_line, a_line},
      {"licence", offsetof(vecd_catalogue_row, licence), is_line, a_line},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    vecd_span text = {NULL, 0};
    vecd_status s = vecd_json_get_string(obj, where, fields[i].key, VECD_JSON_OPTIONAL, &text, err);
    if (s) return s;
    if (!text.ptr) continue;
    if (!fields[i].is_good(text)) return wrong(where, fields[i].key, fields[i].must, err);
    memcpy((char *)row + fields[i].at, &text.ptr, sizeof text.ptr); /* each is a const char * */
  }
  return VECD_OK;
}

static vecd_status read_numbers(vecd_catalogue_row *row, const json_t *obj, const char *where, vecd_err *err) {
  vecd_json_need opt = VECD_JSON_OPTIONAL;
  vecd_status s = vecd_json_get_uint(obj, where, "dimension", opt, 1, 1u << 24, &row->dimension, err);
  if (!s) s = vecd_json_get_uint(obj, where, "least_dimension", opt, 1, 1u << 24, &row->least_dimension, err);
  if (!s) s = vecd_json_get_uint(obj, where, "max_seq_length", opt, 1, 1u << 30, &row->max_seq_length, err);
  if (!s) s = vecd_json_get_uint(obj, where, "stored_bits", opt, 16, 32, &row->stored_bits, err);
  if (!s) s = vecd_json_get_real(obj, where, "parameters_m", opt, 1e-6, 1e6, &row->parameters_m, err);
  if (!s) s = vecd_json_get_real(obj, where, "size_mb", opt, 1e-6, 1e9, &row->size_mb, err);
  if (!s && row->stored_bits != 16 && row->stored_bits != 32) s = wrong(where, "stored_bits", "16 or 32", err);
  return s;
}

static vecd_status read_list(json_t **list, const json_t *obj, const char *where, const char *key, bool (*is_good)(vecd_span),
                             const char *must, vecd_err *err) {
  json_t *value = json_object_get(obj, key);
  if (!value || json_is_null(value)) return VECD_OK;
  if (!json_is_array(value)) return vecd_json_wrong_type(value, where, key, must, err);
  bool good = json_array_size(value) <= MOST_IN_LIST;
  for (size_t i = 0; i < json_array_size(value) && good; i++) {
    const json_t *item = json_array_get(value, i);
    good = json_is_string(item) && is_good(vecd_json_span(item));
  }
  if (!good) return wrong(where, key, must, err);
  *list = value;
  return VECD_OK;
}

static vecd_status read_prompts(vecd_catalogue_row *row, json_t *obj, const char *where, vecd_err *err) {
  static const char must[] = "an object of at most 512 prompts: names of a line, texts of at most 4096 bytes";
  json_t *value = json_object_get(obj, "prompts"), *text;
  if (!value || json_is_null(value)) return VECD_OK;
  if (!json_is_object(value)) return vecd_json_wrong_type(value, where, "prompts", must, err);
  bool good = json_object_size(value) <= MOST_IN_LIST;
  const char *name;
  json_object_foreach(value, name, text) {
    good = good && is_line(vecd_span_of(name)) && json_is_string(text) && json_string_length(text) <= MOST_PROMPT_BYTES;
  }
  if (!good) return wrong(where, "prompts", must, err);
  row->prompts = value;
  return VECD_OK;
}

static vecd_status check_fields(json_t *obj, const char *where, vecd_err *err) {
  static const char *const known[] = {
      "id",         "name",        "hf_path",      "dimension",      "least_dimension", "parameters_m",
      "size_mb",    "stored_bits", "languages",    "max_seq_length", "use_cases",       "default_quantization",
      "is_default", "description", "architecture", "pooling",        "include_prompt",  "prompts",
      "licence"};
  const char *key;
  json_t *value;
  json_object_foreach(obj, key, value) {
    size_t i = 0, n = sizeof known / sizeof *known;
    while (i < n && strcmp(known[i], key) != 0) i++;
    if (i < n) continue;
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                        "%s: field \"%.60s\" is not known; known are id, name, hf_path, dimension, least_dimension, "
                        "parameters_m, size_mb, stored_bits, languages, max_seq_length, use_cases, default_quantization, "
                        "is_default, description, architecture, pooling, include_prompt, prompts, licence",
                        where, key);
  }
  return VECD_OK;
}

/* The row that `id` is of, made if there is none. */
static vecd_status row_of(vecd_catalogue *c, const char *id, vecd_catalogue_row **out, vecd_err *err) {
  *out = vecd_catalogue_find_id(c, id);
  if (*out) return VECD_OK;
  if (c->n_rows == c->cap_rows) {
    size_t more = c->cap_rows ? c->cap_rows * 2 : 16;
    vecd_catalogue_row *grown = vecd_realloc(VECD_MEM_MISC, c->rows, more * sizeof *grown);
    if (!grown) return vecd_err_no_memory(err, "the catalogue", more * sizeof *grown);
    c->rows = grown;
    c->cap_rows = more;
  }
  *out = &c->rows[c->n_rows++];
  **out = (vecd_catalogue_row){.id = id, .name = vecd_model_id_name(id), .stored_bits = 32};
  return VECD_OK;
}

static vecd_status read_row(vecd_catalogue *c, json_t *obj, const char *where, vecd_err *err) {
  vecd_catalogue_row *row;
  bool is_default = false, include_prompt = true;
  vecd_status s = row_of(c, json_string_value(json_object_get(obj, "id")), &row, err);
  if (s) return s;
  is_default = row->is_default;
  include_prompt = !row->excludes_prompt;
  if (!(s = check_fields(obj, where, err)) && !(s = read_texts(row, obj, where, err)) &&
      !(s = read_numbers(row, obj, where, err)) &&
      !(s = read_list(&row->languages, obj, where, "languages", is_language, "an array of ISO 639-1 codes, as \"en\"", err)) &&
      !(s = read_list(&row->use_cases, obj, where, "use_cases", is_line, "an array of at most 512 lines", err)) &&
      !(s = read_prompts(row, obj, where, err)) &&
      !(s = vecd_json_get_bool(obj, where, "include_prompt", VECD_JSON_OPTIONAL, &include_prompt, err)))
    s = vecd_json_get_bool(obj, where, "is_default", VECD_JSON_OPTIONAL, &is_default, err);
  for (size_t i = 0; i < c->n_rows && is_default; i++) c->rows[i].is_default = false; /* the last word counts */
  row->is_default = is_default;
  row->excludes_prompt = !include_prompt;
  return s;
}

/* An id, and not one that this file has had. */
static vecd_status check_id(const json_t *tree, size_t i, const char *where, vecd_err *err) {
  vecd_span id = {NULL, 0};
  vecd_status s = vecd_json_get_string(json_array_get(tree, i), where, "id", VECD_JSON_REQUIRED, &id, err);
  if (!s && !vecd_model_id_is_valid(id)) s = wrong(where, "id", "NAME or ORG/NAME, of at most 255 bytes", err);
  for (size_t k = 0; k < i && !s; k++)
    if (vecd_span_eq(vecd_json_span(json_object_get(json_array_get(tree, k), "id")), id))
      s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: has the id of row %zu", where, k + 1);
  return s;
}

/* At most one row of a file may claim the default. */
static vecd_status check_defaults(const char *file, const json_t *tree, vecd_err *err) {
  size_t n = 0;
  for (size_t i = 0; i < json_array_size(tree); i++) n += json_is_true(json_object_get(json_array_get(tree, i), "is_default"));
  if (n <= 1) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: \"is_default\" is true in %zu rows, may be in one", file, n);
}

vecd_status vecd_catalogue_read(vecd_catalogue *c, const char *file, const json_t *tree, vecd_err *err) {
  if (!json_is_array(tree))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is %s, must be an array of objects, one a model", file,
                        vecd_json_type_name(tree));
  if (json_array_size(tree) > VECD_CATALOGUE_MOST_ROWS)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: has %zu rows, at most %d are read", file, json_array_size(tree),
                        VECD_CATALOGUE_MOST_ROWS);
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < json_array_size(tree) && !s; i++) {
    json_t *obj = json_array_get(tree, i);
    const char *id = json_string_value(json_object_get(obj, "id"));
    row_name where;
    snprintf(where, sizeof where, "%.250s: row %zu%s%.64s%s", file, i + 1, id ? " (" : "", id ? id : "", id ? ")" : "");
    s = check_id(tree, i, where, err);
    if (!s) s = read_row(c, obj, where, err);
  }
  return s ? s : check_defaults(file, tree, err);
}
