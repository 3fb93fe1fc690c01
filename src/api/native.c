/* native.c - the native dialect's parser and printer. */
#include "api/native.h"

#include <stdio.h>

#include "api/json_print.h"
#include "fmt/json.h"
#include "fmt/model_folder.h"

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

#define KNOWN_FIELDS "texts, model, truncate, normalize, dimensions, pooling, prompt, prompt_name, encoding_format"

static bool is_known(const char *key) {
  size_t n = strlen(key);
  for (const char *p = KNOWN_FIELDS; *p; p += strspn(p, ", ")) {
    size_t len = strcspn(p, ",");
    if (len == n && memcmp(p, key, n) == 0) return true;
    p += len;
  }
  return false;
}

static const char *unknown_field(json_t *object) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (!json_is_null(value) && !is_known(key)) return key;
  }
  return NULL;
}

static vecd_status wrong_type(const char *key, const char *must, const json_t *value, vecd_err *err) {
  return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "%s: must be %s, is %s", key, must, kind_of(value));
}

static vecd_status parse_texts(const vecd_embed_limits *limits, json_t *body, vecd_arena *arena, vecd_embed_request *out,
                               vecd_err *err) {
  const json_t *texts = given(body, "texts");
  if (!texts) {
    const char *other = unknown_field(body);
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "texts: is missing; it must be an array of strings%s%.60s%s",
                        other ? " (there is an unknown field \"" : "", other ? other : "", other ? "\")" : "");
  }
  if (!json_is_array(texts)) return wrong_type("texts", "an array of strings", texts, err);
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

/* A field that is a string; {NULL, 0} where it is absent. */
static vecd_status get_string(const json_t *body, const char *key, vecd_span *out, vecd_err *err) {
  const json_t *value = given(body, key);
  *out = (vecd_span){0};
  if (!value) return VECD_OK;
  if (!json_is_string(value)) return wrong_type(key, "a string", value, err);
  *out = vecd_json_span(value);
  return VECD_OK;
}

/* A field that is true or false sets one of two flags; absent, none. */
static vecd_status get_flag(const json_t *body, const char *key, unsigned if_true, unsigned if_false, unsigned *flags,
                            vecd_err *err) {
  const json_t *value = given(body, key);
  if (!value) return VECD_OK;
  if (!json_is_boolean(value)) return wrong_type(key, "true or false", value, err);
  *flags |= json_is_true(value) ? if_true : if_false;
  return VECD_OK;
}

static vecd_status parse_model(const json_t *body, vecd_embed_request *out, vecd_err *err) {
  vecd_span id;
  vecd_status s = get_string(body, "model", &id, err);
  if (s) return s;
  if (id.ptr && strlen(id.ptr) != id.len) /* U+0000: no id has it, and ids are C strings from here on */
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "Model not found: %s?", id.ptr);
  out->model_id = id.ptr;
  return VECD_OK;
}

/* How many there may be at the most is the model's to say. 256.0 is an integer too, in JSON. */
static vecd_status parse_dimensions(const json_t *body, vecd_embed_request *out, vecd_err *err) {
  const json_t *value = given(body, "dimensions");
  if (!value) return VECD_OK;
  double n = json_number_value(value);
  if (!json_is_number(value)) return wrong_type("dimensions", "an integer", value, err);
  if (n < 1 || n > INT32_MAX)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "dimensions: must be from 1 to the model's dimension, is %.10g",
                        n);
  out->options.dimensions = (unsigned)n;
  if (out->options.dimensions != n) return wrong_type("dimensions", "an integer", value, err);
  return VECD_OK;
}

/* What else the poolings are called: by other programs, and in older folders. */
static const char *const pool_aliases[][2] = {
    {"cls_token", "cls"},
    {"max_tokens", "max"},
    {"mean_tokens", "mean"},
    {"mean_sqrt_len", "mean_sqrt_len_tokens"},
    {"weighted_mean", "weightedmean"},
    {"weightedmean_tokens", "weightedmean"},
    {"last", "lasttoken"},
    {"last_token", "lasttoken"},
    {"last-token", "lasttoken"},
};

static vecd_status parse_pooling(const json_t *body, vecd_embed_request *out, vecd_err *err) {
  vecd_span name;
  vecd_status s = get_string(body, "pooling", &name, err);
  if (s || !name.ptr) return s;
  const char *plain = name.ptr;
  for (size_t i = 0; i < sizeof pool_aliases / sizeof *pool_aliases; i++)
    if (strcmp(name.ptr, pool_aliases[i][0]) == 0) plain = pool_aliases[i][1];
  vecd_pool pool;
  if (strlen(name.ptr) == name.len && vecd_pool_find(plain, &pool)) {
    out->options.pooling = plain;
    return VECD_OK;
  }
  char known[128];
  size_t n = 0;
  for (pool = 0; pool < VECD_POOL_COUNT; pool++)
    n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", vecd_pool_name(pool));
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "pooling: \"%.*s\" is none of %s", VECD_SHOWN(name), known);
}

static vecd_status parse_prompt(const vecd_embed_limits *limits, const json_t *body, vecd_embed_request *out, vecd_err *err) {
  vecd_span name;
  vecd_status s = get_string(body, "prompt", &out->prompt, err);
  if (!s) s = get_string(body, "prompt_name", &name, err);
  if (s) return s;
  if (out->prompt.ptr && name.ptr)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "prompt: give this or prompt_name, not both");
  if (out->prompt.len > limits->max_text_bytes)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "prompt: has %zu bytes, at most %zu are taken (--max-text-bytes)",
                        out->prompt.len, limits->max_text_bytes);
  if (out->prompt.len && out->prompt.len > limits->max_prompts_bytes / out->n_items)
    return vecd_err_set(
        err, VECD_BAD_ARGUMENT, VECD_NO_POS,
        "prompt: %zu bytes before each of %zu texts are more than the %zu that a body may have (--max-body); send "
        "fewer texts at a time",
        out->prompt.len, out->n_items, limits->max_prompts_bytes);
  if (name.ptr && strlen(name.ptr) != name.len)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "prompt_name: has U+0000, which no prompt's name has");
  if (out->prompt.ptr) out->options.prompt = &out->prompt;
  out->options.prompt_name = name.ptr;
  return VECD_OK;
}

static vecd_status parse_encoding_format(const json_t *body, vecd_embed_request *out, vecd_err *err) {
  vecd_span name;
  vecd_status s = get_string(body, "encoding_format", &name, err);
  if (s || !name.ptr) return s;
  out->base64 = vecd_span_eq(name, VECD_SPAN("base64"));
  if (out->base64 || vecd_span_eq(name, VECD_SPAN("float"))) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "encoding_format: \"%.*s\" is none of float, base64",
                      VECD_SHOWN(name));
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
  if (!s) s = get_flag(out->body, "truncate", 0, VECD_NO_TRUNCATE, &out->options.flags, err);
  if (!s) s = get_flag(out->body, "normalize", VECD_NORMALIZE, VECD_RAW, &out->options.flags, err);
  if (!s) s = parse_dimensions(out->body, out, err);
  if (!s) s = parse_pooling(out->body, out, err);
  if (!s) s = parse_prompt(limits, out->body, out, err);
  if (!s) s = parse_encoding_format(out->body, out, err);
  const char *other = s ? NULL : unknown_field(out->body);
  if (other) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%.60s: unknown field; known are " KNOWN_FIELDS, other);
  return s;
}

static void put_head(vecd_buf *out, const vecd_embed_reply *reply) {
  (void)reply;
  vecd_buf_append_str(out, "{\"embeddings\":[");
}

static bool put_vector(vecd_buf *out, const vecd_embed_reply *reply, size_t index) {
  const float *vector = reply->vectors + index * reply->dimension;
  if (index) vecd_buf_append_char(out, ',');
  return reply->base64 ? vecd_print_floats_base64(out, vector, reply->dimension)
                       : vecd_print_floats(out, vector, reply->dimension);
}

static void put_truncated(vecd_buf *out, const vecd_embed_reply *reply) {
  const char *gap = "";
  vecd_buf_append_str(out, ",\"truncated\":[");
  for (size_t i = 0; i < reply->n_vectors; i++) {
    if (reply->items[i].n_untruncated <= reply->items[i].n_tokens) continue;
    vecd_buf_append_str(out, gap);
    vecd_print_uint(out, i);
    gap = ",";
  }
  vecd_buf_append_char(out, ']');
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
  vecd_buf_append_char(out, '}');
  put_truncated(out, reply);
  vecd_buf_append_char(out, '}');
}

const vecd_dialect vecd_native_dialect = {parse, put_head, put_vector, put_tail};

void vecd_native_embed(vecd_api_call *call) { vecd_embed_handle(call, &vecd_native_dialect); }
