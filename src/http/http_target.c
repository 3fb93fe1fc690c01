/* http_target.c - request targets, hosts and percent-encoding: RFC 9112 3.2 and RFC 3986, nothing more generous. */
#include "http/http_head.h"

static bool refuse(vecd_http_fault *fault, size_t pos, const char *text) {
  *fault = (vecd_http_fault){400, pos, text};
  return false;
}

bool vecd_http_target_parse(vecd_span target, vecd_http_head *head, vecd_http_fault *fault) {
  const char *p = target.ptr;
  if (target.len == 0) return refuse(fault, 0, "empty request target");
  if (target.len == 1 && p[0] == '*') {
    if (head->method != VECD_HTTP_OPTIONS) return refuse(fault, 0, "target * is for OPTIONS only");
    head->path = target;
    return true;
  }
  size_t path = 0;
  if (p[0] != '/') {
    size_t scheme = 0;
    if (target.len > 7 && vecd_span_eq_nocase((vecd_span){p, 7}, VECD_SPAN("http://"))) scheme = 7;
    if (target.len > 8 && vecd_span_eq_nocase((vecd_span){p, 8}, VECD_SPAN("https://"))) scheme = 8;
    if (!scheme) return refuse(fault, 0, "request target must begin with /");
    path = scheme;
    while (path < target.len && p[path] != '/' && p[path] != '?') path++;
    head->authority = (vecd_span){p + scheme, path - scheme};
    if (path == scheme || p[scheme] == ':' || !vecd_http_host_valid(head->authority))
      return refuse(fault, scheme, "malformed host in request target");
  }
  size_t query = target.len;
  for (size_t i = path; i < target.len; i++) {
    if (!vecd_http_is(p[i], VECD_HTTP_C_URI)) return refuse(fault, i, "byte not allowed in a request target");
    if (p[i] == '?' && query == target.len) query = i;
    if (p[i] != '%') continue;
    if (target.len - i < 3 || !vecd_http_is(p[i + 1], VECD_HTTP_C_HEX) || !vecd_http_is(p[i + 2], VECD_HTTP_C_HEX))
      return refuse(fault, i, "malformed percent escape");
  }
  head->path = query > path ? (vecd_span){p + path, query - path} : VECD_SPAN("/");
  if (query < target.len) head->query = (vecd_span){p + query + 1, target.len - query - 1};
  return true;
}

bool vecd_http_host_valid(vecd_span host) {
  size_t i = 0;
  if (host.len && host.ptr[0] == '[') {
    for (i = 1; i < host.len && (vecd_http_is(host.ptr[i], VECD_HTTP_C_HOST) || host.ptr[i] == ':');) i++;
    if (i == 1 || i == host.len || host.ptr[i] != ']') return false;
    i++;
  } else {
    while (i < host.len && vecd_http_is(host.ptr[i], VECD_HTTP_C_HOST)) i++;
  }
  if (i == host.len) return true;
  if (host.ptr[i++] != ':') return false;
  while (i < host.len && vecd_http_is(host.ptr[i], VECD_HTTP_C_DIGIT)) i++;
  return i == host.len;
}

vecd_status vecd_http_percent_decode(vecd_arena *arena, vecd_span raw, vecd_span *out, vecd_err *err) {
  if (raw.len == SIZE_MAX) return vecd_err_no_memory(err, "a decoded path", raw.len);
  char *p = vecd_arena_alloc(arena, raw.len + 1);
  if (!p) return vecd_err_no_memory(err, "a decoded path", raw.len);
  size_t n = 0;
  for (size_t i = 0; i < raw.len; i++) {
    char c = raw.ptr[i];
    if (c == '%') {
      if (raw.len - i < 3 || !vecd_http_is(raw.ptr[i + 1], VECD_HTTP_C_HEX) || !vecd_http_is(raw.ptr[i + 2], VECD_HTTP_C_HEX))
        return vecd_err_set(err, VECD_BAD_SYNTAX, i, "malformed percent escape");
      c = (char)(vecd_http_hex_value(raw.ptr[i + 1]) << 4 | vecd_http_hex_value(raw.ptr[i + 2]));
      if (c == '\0') return vecd_err_set(err, VECD_BAD_SYNTAX, i, "escaped NUL");
      i += 2;
    }
    p[n++] = c;
  }
  p[n] = '\0';
  *out = (vecd_span){p, n};
  return VECD_OK;
}

const vecd_span *vecd_http_header_find(const vecd_http_request *req, const char *name) {
  vecd_span want = vecd_span_of(name);
  for (size_t i = 0; i < req->n_headers; i++)
    if (vecd_span_eq_nocase(req->headers[i].name, want)) return &req->headers[i].value;
  return NULL;
}

const char *vecd_http_method_name(vecd_http_method method) {
  switch (method) {
#define X(name) \
  case VECD_HTTP_##name: return #name;
    VECD_HTTP_METHOD_LIST(X)
#undef X
  }
  return "?";
}
