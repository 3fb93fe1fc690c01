/* native.c - the native dialect's parser and printer. */
#include "api/native.h"

#include "api/json_print.h"
#include "fmt/json.h"

/* "an array", "a string", "null". */
static const char *kind_of(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT: return "an object";
  case JSON_ARRAY: return "an array";
  case JSON_STRING: return "a string";
  case JSON_INTEGER: return "an integer";
  case JSON_REAL: return "a real number";
  case JSON_NULL: return "null";
  default: return "a boolean";
  }
}

static json_t *given(const json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  return json_is_null(value) ? NULL : value;
}

static const char *unknown_field(json_t *object) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (!json_is_null(value) && strcmp(key, "texts") != 0 && strcmp(key, "model") != 0) return key;
  }
  return NULL;
}

static vecd_status parse_texts(const vecd_embed_limits *limits, json_t *body, vecd_arena *arena, vecd_embed_request *out,
                               vecd_err *err) {
  const json_t *texts = given(body, "texts");
  if (!texts) {
    const char *other = unknown_field(body);
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "texts: is missing; it must be an array of strings%s%.60s%s",
                        other ? " (there is an unknown field \"" : "", other ? other : "", other ? "\")" : "");
  }
  if (!json_is_array(texts))
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "texts: must be an array of strings, is %s", kind_of(texts));
  size_t n = json_array_size(texts);
  if (n == 0) return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "texts: is empty; give at least one text");
  if (n > limits->max_texts)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                        "texts: has %zu texts, at most %zu are taken in one request (--max-texts)", n, limits->max_texts);
  vecd_item *items = vecd_arena_zero(arena, n, sizeof *items);
  if (!items) return vecd_err_no_memory(err, "the texts", n * sizeof *items);
  for (size_t i = 0; i < n; i++) {
    const json_t *text = json_array_get(texts, i);
    if (!json_is_string(text))
      return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "texts[%zu]: must be a string, is %s", i, kind_of(text));
    items[i].text = (vecd_span){json_string_value(text), json_string_length(text)};
    if (items[i].text.len > limits->max_text_bytes)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                          "texts[%zu]: has %zu bytes, at most %zu are taken in one text (--max-text-bytes)", i,
                          items[i].text.len, limits->max_text_bytes);
  }
  out->items = items;
  out->n_items = n;
  return VECD_OK;
}

static vecd_status parse_model(const json_t *body, vecd_embed_request *out, vecd_err *err) {
  const json_t *model = given(body, "model");
  if (!model) return VECD_OK;
  if (!json_is_string(model))
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "model: must be a string, is %s", kind_of(model));
  const char *id = json_string_value(model);
  if (strlen(id) != json_string_length(model)) /* U+0000: no id has it, and ids are C strings from here on */
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s?", id);
  out->model_id = id;
  return VECD_OK;
}

static vecd_status parse(const vecd_embed_limits *limits, vecd_span body, vecd_arena *arena, vecd_embed_request *out,
                         vecd_err *err) {
  /* A value takes up to 120 bytes, so their number is what bounds the memory a body can cost. Four times the texts, so that
   * somewhat too many texts are told by their own message. */
  size_t most_values = limits->max_texts < SIZE_MAX / 8 ? limits->max_texts * 4 + 1024 : SIZE_MAX;
  vecd_status s = vecd_json_parse_most("request body", body, most_values, &out->body, err);
  if (s) return s;
  if (!json_is_object(out->body))
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "request body: must be a JSON object, is %s", kind_of(out->body));
  s = parse_texts(limits, out->body, arena, out, err);
  if (!s) s = parse_model(out->body, out, err);
  const char *other = s ? NULL : unknown_field(out->body);
  if (other) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%.60s: unknown field; known are texts and model", other);
  return s;
}

static void put_head(vecd_buf *out, const vecd_embed_reply *reply) {
  (void)reply;
  vecd_buf_append_str(out, "{\"embeddings\":[");
}

static bool put_vector(vecd_buf *out, const vecd_embed_reply *reply, size_t index) {
  if (index) vecd_buf_append_char(out, ',');
  return vecd_print_floats(out, reply->vectors + index * reply->dimension, reply->dimension);
}

static void put_tail(vecd_buf *out, const vecd_embed_reply *reply) {
  vecd_buf_append_str(out, "],\"model\":{\"id\":");
  vecd_print_str(out, reply->model_id);
  vecd_buf_append_str(out, ",\"name\":");
  vecd_print_str(out, reply->model_name);
  vecd_buf_append_str(out, ",\"dimension\":");
  vecd_print_uint(out, reply->dimension);
  vecd_buf_append_str(out, "},\"usage\":{\"prompt_tokens\":");
  vecd_print_uint(out, reply->n_tokens);
  vecd_buf_append_str(out, ",\"total_tokens\":");
  vecd_print_uint(out, reply->n_tokens);
  vecd_buf_append_str(out, "}}");
}

const vecd_dialect vecd_native_dialect = {parse, put_head, put_vector, put_tail};

void vecd_native_embed(vecd_api_call *call) { vecd_embed_handle(call, &vecd_native_dialect); }
