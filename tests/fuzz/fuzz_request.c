/* fuzz_request.c - what a client can write into a request: its first line is "METHOD PATH" for the routes, its second a
 * Content-Type, traceparent and X-Request-Id, the rest a body. Checked is more than that nothing breaks: a refusal has a line of
 * text that makes a JSON reply, and what was taken keeps to the limits and prints as a reply that reads back as JSON with the same
 * numbers. */
#include <stdint.h>
#include <string.h>

#include "api/json_print.h"
#include "api/native.h"
#include "api/trace.h"
#include "base/utf8.h"
#include "fmt/json.h"
#include "fmt/model_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static vecd_span next_line(vecd_span *rest) {
  const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
  vecd_span line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
  *rest = end ? (vecd_span){end + 1, rest->len - line.len - 1} : (vecd_span){rest->ptr + rest->len, 0};
  return line;
}

static json_t *read_back(vecd_buf *text) {
  json_t *value = NULL;
  vecd_assert(!text->failed);
  vecd_assert(vecd_json_parse("reply", (vecd_span){text->ptr, text->len}, &value, NULL) == VECD_OK);
  vecd_buf_fini(text);
  return value;
}

/* GET /path and friends; and the escapes of what stands for {id}. */
static void try_routes(vecd_span line, vecd_arena *arena) {
  vecd_http_method method = line.len ? (vecd_http_method)((unsigned char)line.ptr[0] % 7) : VECD_HTTP_GET;
  const char *space = line.len ? memchr(line.ptr, ' ', line.len) : NULL;
  vecd_span path = space ? (vecd_span){space + 1, line.len - (size_t)(space + 1 - line.ptr)} : line;
  vecd_route_match m;
  vecd_route_find(method, path, &m);
  vecd_assert(strlen(m.allow) < sizeof m.allow);
  if (!m.route) return;
  vecd_assert(m.route->method == method || (m.route->method == VECD_HTTP_GET && method == VECD_HTTP_HEAD));
  vecd_assert(strstr(m.allow, vecd_http_method_name(method)));
  for (size_t i = 0; i < m.rest.len; i++)
    if ((unsigned char)m.rest.ptr[i] <= ' ') return; /* the HTTP layer lets no such path through */
  vecd_span id;
  vecd_err err;
  if (vecd_http_percent_decode(arena, m.rest, &id, &err)) {
    vecd_assert(err.text[0]);
  } else {
    vecd_assert(id.len <= m.rest.len && !id.ptr[id.len] && !memchr(id.ptr, '\0', id.len));
    vecd_buf text = {.tag = VECD_MEM_MISC};
    vecd_print_string(&text, id);
    json_t *back = NULL;
    vecd_assert(vecd_json_parse("id", (vecd_span){text.ptr, text.len}, &back, NULL) == VECD_OK);
    if (vecd_utf8_valid_prefix(id.ptr, id.len) == id.len)
      vecd_assert(vecd_span_eq(id, (vecd_span){json_string_value(back), json_string_length(back)}));
    json_decref(back);
    vecd_buf_fini(&text);
  }
}

static void check_options(const vecd_embed_limits *limits, const vecd_job_options *options) {
  vecd_assert((options->flags & ~(VECD_RAW | VECD_NORMALIZE | VECD_NO_TRUNCATE)) == 0);
  vecd_assert(!(options->flags & VECD_RAW) || !(options->flags & VECD_NORMALIZE));
  vecd_pool pool;
  vecd_assert(options->dimensions <= INT32_MAX && (!options->pooling || vecd_pool_find(options->pooling, &pool)));
  vecd_assert(!options->prompt || !options->prompt_name);
  vecd_assert(!options->prompt || options->prompt->len <= limits->max_text_bytes);
}

/* What is taken of these headers is what the log can name. */
static void try_trace(vecd_span line) {
  vecd_trace trace = {0};
  if (vecd_trace_parse_parent(line, &trace)) {
    vecd_assert(strspn(trace.trace_id, "0123456789abcdef") == 32 && strspn(trace.trace_id, "0") < 32);
    vecd_assert(strspn(trace.span_id, "0123456789abcdef") == 16 && strspn(trace.span_id, "0") < 16);
  } else {
    vecd_assert(!trace.trace_id[0] && !trace.span_id[0]);
  }
  vecd_http_header headers[] = {{VECD_SPAN("X-Request-Id"), line}, {VECD_SPAN("traceparent"), line}};
  vecd_http_request req = {.headers = headers, .n_headers = 2};
  vecd_trace_source source = {.seeds = {1, 2}};
  vecd_trace_begin(&source, &req, &trace);
  size_t n = strlen(trace.request_id);
  vecd_assert(n >= 1 && n <= VECD_TRACE_ID_BYTES && vecd_utf8_valid_prefix(trace.request_id, n) == n);
  vecd_assert(!vecd_trace_id_valid(line) || vecd_span_eq(line, vecd_span_of(trace.request_id)));
}

static void check_taken(const vecd_embed_limits *limits, const vecd_embed_request *request) {
  check_options(limits, &request->options);
  vecd_assert(request->n_items >= 1 && request->n_items <= limits->max_texts);
  vecd_assert(request->prompt.len * request->n_items <= limits->max_prompts_bytes);
  size_t sum = 0;
  for (size_t i = 0; i < request->n_items; i++) {
    vecd_assert(request->items[i].text.len <= limits->max_text_bytes);
    for (size_t j = 0; j < request->items[i].text.len; j++) sum += (unsigned char)request->items[i].text.ptr[j];
  }
  float vectors[3 * 2];
  size_t n = request->n_items < 3 ? request->n_items : 3;
  for (size_t i = 0; i < n * 2; i++) vectors[i] = (float)(sum + i) / 7;
  const char *id = request->model_id ? request->model_id : "m";
  const vecd_item items[3] = {{.n_tokens = 1, .n_untruncated = 2}, {.n_tokens = 2, .n_untruncated = 2}};
  vecd_embed_reply reply = {id, vecd_model_id_name(id), vectors, n, 2, items, sum, false};
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_native_dialect.put_head(&text, &reply);
  for (size_t i = 0; i < n; i++) vecd_assert(vecd_native_dialect.put_vector(&text, &reply, i));
  vecd_native_dialect.put_tail(&text, &reply);
  json_t *back = read_back(&text), *rows = json_object_get(back, "embeddings");
  vecd_assert(json_array_size(rows) == n);
  for (size_t i = 0; i < n * 2; i++)
    vecd_assert((float)json_real_value(json_array_get(json_array_get(rows, i / 2), i % 2)) == vectors[i]);
  vecd_assert(strcmp(json_string_value(json_object_get(json_object_get(back, "model"), "id")), id) == 0);
  const json_t *truncated = json_object_get(back, "truncated");
  vecd_assert(json_array_size(truncated) == 1 && json_integer_value(json_array_get(truncated, 0)) == 0);
  json_decref(back);
}

static void check_refused(vecd_status status, const vecd_err *err) {
  int http = vecd_status_http(status);
  vecd_assert(http == 400 || http == 404 || http == 422);
  vecd_assert(err->code == status && err->text[0]);
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_buf_append_str(&text, "{\"error\":");
  vecd_print_str(&text, err->text);
  vecd_buf_append_char(&text, '}');
  json_t *back = read_back(&text);
  vecd_assert(strcmp(json_string_value(json_object_get(back, "error")), err->text) == 0);
  json_decref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const vecd_embed_limits limits = {.max_texts = 16, .max_text_bytes = 64, .max_prompts_bytes = 256};
  vecd_span rest = {(const char *)data, len};
  vecd_arena arena = {.tag = VECD_MEM_REQUEST};
  try_routes(next_line(&rest), &arena);
  vecd_span second = next_line(&rest);
  (void)vecd_content_type_is_json(second);
  try_trace(second);
  vecd_embed_request request = {0};
  vecd_err err = {0};
  vecd_status status = vecd_native_dialect.parse(&limits, rest, &arena, &request, &err);
  if (status)
    check_refused(status, &err);
  else
    check_taken(&limits, &request);
  json_decref(request.body);
  vecd_arena_fini(&arena);
  return 0;
}
