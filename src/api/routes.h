/* routes.h - the one table of routes: which method of which path is whose. Error replies (404, 405 with Allow), OPTIONS, GET /
 * and docs/API.md all speak of what stands there. Finding is a pure function of method and path. */
#ifndef VECD_API_ROUTES_H
#define VECD_API_ROUTES_H

#include "http/http.h"

typedef struct vecd_api_call vecd_api_call;

/* Answers a call: now or later, from any thread. On the event thread unless the route says VECD_ROUTE_READS_DISK. */
typedef void vecd_route_handler(vecd_api_call *call);

enum {
  VECD_ROUTE_READS_DISK = 1, /* may block: runs on the errands' thread */
  VECD_ROUTE_PUBLIC = 2,     /* needs no key, unless all do */
  VECD_ROUTE_ADMIN = 4,      /* needs an admin key, and that there are any */
  VECD_ROUTE_EMBEDS = 16,    /* a request for vectors: counted by model */
};

typedef struct vecd_route {
  vecd_http_method method; /* GET answers HEAD too */
  const char *path;        /* a "{id}" in it stands for at least one byte, slashes included */
  vecd_route_handler *handler;
  unsigned flags;
  const char *does; /* one line for people */
} vecd_route;

/* All routes; *n is their number. */
const vecd_route *vecd_routes(size_t *n);

typedef struct vecd_route_match {
  const vecd_route *route; /* NULL: `allow` tells why */
  vecd_span rest;          /* what stands for {id}, still percent-encoded */
  char allow[64];          /* "GET, HEAD, OPTIONS": what the path has; "" where there is no such path */
} vecd_route_match;

/* path is raw (req->path); its bytes are compared as they are, so "/%68ealth" is another path than "/health". */
void vecd_route_find(vecd_http_method method, vecd_span path, vecd_route_match *out);

/* True for "application/json", also with parameters; a charset must be UTF-8 or ASCII. */
bool vecd_content_type_is_json(vecd_span value);

#endif
