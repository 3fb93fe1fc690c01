/* access.h - who may do what: keys for all routes but the public ones, and other keys for those that change things. */
#ifndef VECD_API_ACCESS_H
#define VECD_API_ACCESS_H

#include "api/keys.h"
#include "api/routes.h"

typedef struct vecd_access {
  vecd_keys *keys;       /* NULL: everybody may */
  vecd_keys *admin_keys; /* NULL: nobody may do what VECD_ROUTE_ADMIN marks */
  bool protect_all;      /* VECD_ROUTE_PUBLIC counts for nothing */
} vecd_access;

/* VECD_OK, or an HTTP status and its text: 401 (to be answered with WWW-Authenticate: Bearer) or 403. A key comes as
 * "Authorization: Bearer KEY" or "X-API-Key: KEY"; an admin key opens all doors. Reads the head only. */
typedef struct vecd_denial {
  int status; /* 0: welcome */
  const char *text;
} vecd_denial;
vecd_denial vecd_access_check(const vecd_access *access, const vecd_route *route, const vecd_http_request *req);

void vecd_access_fini(vecd_access *access);

#endif
