/* access.c - see access.h. */
#include "api/access.h"

/* The key of "Bearer KEY"; empty for another scheme. */
static vecd_span bearer_of(const vecd_span *value) {
  static const char scheme[] = "Bearer ";
  size_t n = sizeof scheme - 1;
  if (!value || value->len < n || !vecd_span_eq_nocase((vecd_span){value->ptr, n}, VECD_SPAN("Bearer "))) return (vecd_span){0};
  vecd_span key = {value->ptr + n, value->len - n};
  while (key.len && *key.ptr == ' ') key.ptr++, key.len--;
  return key;
}

vecd_denial vecd_access_check(const vecd_access *a, const vecd_route *route, const vecd_http_request *req) {
  bool admin = route->flags & VECD_ROUTE_ADMIN, is_public = (route->flags & VECD_ROUTE_PUBLIC) && !a->protect_all;
  if (admin && !a->admin_keys)
    return (vecd_denial){403,
                         "not allowed by this server: start it with --admin-key (VECD_ADMIN_KEY) to load and unload models by "
                         "request"};
  if (!admin && (is_public || !a->keys)) return (vecd_denial){0};
  const vecd_span *plain = vecd_http_header_find(req, "X-API-Key");
  vecd_span bearer = bearer_of(vecd_http_header_find(req, "Authorization")), other = plain ? *plain : (vecd_span){0};
  bool known = vecd_keys_has(a->admin_keys, bearer);
  known |= vecd_keys_has(a->admin_keys, other);
  if (!admin) {
    known |= vecd_keys_has(a->keys, bearer);
    known |= vecd_keys_has(a->keys, other);
  }
  if (known) return (vecd_denial){0};
  if (!bearer.len && !other.len)
    return (vecd_denial){401, admin ? "an admin key is missing; send it as \"Authorization: Bearer KEY\""
                                    : "a key is missing; send it as \"Authorization: Bearer KEY\""};
  return (vecd_denial){401, admin ? "this is not an admin key of this server" : "this is not a key of this server"};
}

void vecd_access_fini(vecd_access *a) {
  vecd_keys_free(&a->keys);
  vecd_keys_free(&a->admin_keys);
}
