/* routes.c - the table, how a path is looked up in it, and whether a body is of the type that our routes take. */
#include "api/routes.h"

#include "api/admin.h"
#include "api/cache_stats.h"
#include "api/health.h"
#include "api/metrics.h"
#include "api/models.h"
#include "api/native.h"
#include "api/openapi.h"

static const vecd_route routes[] = {
    {VECD_HTTP_GET, "/", vecd_root_get, 0, "this page"},
    {VECD_HTTP_POST, "/api/v1/embed", vecd_native_embed, VECD_ROUTE_EMBEDS, "vectors for texts"},
    {VECD_HTTP_GET, "/api/v1/models", vecd_models_get, VECD_ROUTE_READS_DISK, "the models that were found"},
    {VECD_HTTP_GET, "/api/v1/models/{id}", vecd_models_get_one, VECD_ROUTE_READS_DISK, "one of them"},
    {VECD_HTTP_POST, "/api/v1/models/{id}/load", vecd_admin_load, VECD_ROUTE_ADMIN, "loads it"},
    {VECD_HTTP_POST, "/api/v1/models/{id}/unload", vecd_admin_unload, VECD_ROUTE_ADMIN | VECD_ROUTE_READS_DISK,
     "unloads it when it is not in use"},
    {VECD_HTTP_GET, "/api/v1/cache/stats", vecd_cache_stats_get, 0, "what is in memory, and how often it was found there"},
    {VECD_HTTP_GET, "/health/live", vecd_health_live, VECD_ROUTE_PUBLIC, "200 while the process runs"},
    {VECD_HTTP_GET, "/health/ready", vecd_health_ready, VECD_ROUTE_PUBLIC,
     "200 when requests are served, 503 while starting or stopping"},
    {VECD_HTTP_GET, "/openapi.json", vecd_openapi_get, VECD_ROUTE_PUBLIC, "this API as OpenAPI 3.1"},
    {VECD_HTTP_GET, "/metrics", vecd_metrics_get, VECD_ROUTE_READS_DISK | VECD_ROUTE_PUBLIC,
     "counts and measurements, for Prometheus"},
};

const vecd_route *vecd_routes(size_t *n) {
  *n = sizeof routes / sizeof *routes;
  return routes;
}

static bool path_matches(const char *pattern, vecd_span path, vecd_span *rest) {
  const char *id = strchr(pattern, '{');
  if (!id) return vecd_span_eq(vecd_span_of(pattern), path);
  size_t n = (size_t)(id - pattern);
  vecd_span tail = vecd_span_of(strchr(id, '}') + 1);
  if (path.len <= n + tail.len || memcmp(path.ptr, pattern, n) != 0) return false;
  if (tail.len && memcmp(path.ptr + path.len - tail.len, tail.ptr, tail.len) != 0) return false;
  *rest = (vecd_span){path.ptr + n, path.len - n - tail.len};
  return true;
}

static void allow(vecd_route_match *m, const char *method) {
  size_t n = strlen(m->allow), len = strlen(method);
  if (n + len + 3 > sizeof m->allow) return;
  if (n) memcpy(m->allow + n, ", ", 2), n += 2;
  memcpy(m->allow + n, method, len + 1);
}

void vecd_route_find(vecd_http_method method, vecd_span path, vecd_route_match *out) {
  *out = (vecd_route_match){0};
  bool whole_server = vecd_span_eq(path, VECD_SPAN("*")), got_get = false;
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    const vecd_route *r = &routes[i];
    vecd_span rest = {0};
    if (!whole_server && !path_matches(r->path, path, &rest)) continue;
    if (!whole_server && (r->method == method || (method == VECD_HTTP_HEAD && r->method == VECD_HTTP_GET))) {
      out->route = r;
      out->rest = rest;
    }
    bool get = r->method == VECD_HTTP_GET;
    if (get && got_get) continue;
    got_get = got_get || get;
    if (!strstr(out->allow, vecd_http_method_name(r->method))) allow(out, vecd_http_method_name(r->method));
    if (get) allow(out, "HEAD");
  }
  if (out->allow[0]) allow(out, "OPTIONS");
}

static vecd_span trim(vecd_span s) {
  while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) s.ptr++, s.len--;
  while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
  return s;
}

/* Takes what stands before the next ';' off `rest`. */
static vecd_span next_part(vecd_span *rest) {
  const char *end = rest->len ? memchr(rest->ptr, ';', rest->len) : NULL;
  size_t n = end ? (size_t)(end - rest->ptr) : rest->len;
  vecd_span part = {rest->ptr, n};
  *rest = end ? (vecd_span){end + 1, rest->len - n - 1} : (vecd_span){0};
  return trim(part);
}

bool vecd_content_type_is_json(vecd_span value) {
  if (!vecd_span_eq_nocase(next_part(&value), VECD_SPAN("application/json"))) return false;
  while (value.len) {
    vecd_span part = next_part(&value), key = VECD_SPAN("charset=");
    if (part.len < key.len || !vecd_span_eq_nocase((vecd_span){part.ptr, key.len}, key)) continue;
    vecd_span charset = {part.ptr + key.len, part.len - key.len};
    if (charset.len >= 2 && charset.ptr[0] == '"' && charset.ptr[charset.len - 1] == '"')
      charset = (vecd_span){charset.ptr + 1, charset.len - 2};
    if (!vecd_span_eq_nocase(charset, VECD_SPAN("utf-8")) && !vecd_span_eq_nocase(charset, VECD_SPAN("utf8")) &&
        !vecd_span_eq_nocase(charset, VECD_SPAN("us-ascii")))
      return false;
  }
  return true;
}
