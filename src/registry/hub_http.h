/* hub_http.h - one HTTP request and its reply, by libcurl: the only file that knows it. TLS is verified; proxies are taken from the
 * environment as curl does, certificates beside the system's from $SSL_CERT_FILE. Redirects are reported, not followed.
 *
 * One vecd_hub_http belongs to one thread at a time; it keeps connections open between requests. */
#ifndef VECD_REGISTRY_HUB_HTTP_H
#define VECD_REGISTRY_HUB_HTTP_H

#include "registry/hub_reply.h"

typedef struct vecd_hub_http vecd_hub_http;

typedef struct vecd_hub_request {
  const char *url;
  bool plain;        /* http:// is allowed as well as https:// */
  bool head;         /* HEAD, else GET */
  const char *token; /* nullable: sent as "Authorization: Bearer" */
  uint64_t from;     /* the first byte wanted; 0: all */
  unsigned stall_s;  /* given up after so many seconds without a byte, and before a connection; >= 1 */
  unsigned most_s;   /* given up after so many seconds in any case; 0: no matter how long */

  /* Takes the body of a reply with status 200 or 206, piece by piece; other bodies are thrown away. False ends the request.
   * Nullable: as if it took everything. */
  bool (*take)(void *ctx, const vecd_hub_reply *reply, vecd_span bytes);
  /* Told several times a second while something moves, once a second otherwise. False cancels. */
  bool (*tick)(void *ctx);
  void *ctx; /* for both */
} vecd_hub_request;

/* How a request ended. */
typedef enum vecd_hub_end {
  VECD_HUB_ANSWERED,   /* a whole reply is there, of whatever status */
  VECD_HUB_NO_CONTACT, /* no connection: no network, unknown name, nobody listening */
  VECD_HUB_CUT,        /* it broke off, stalled, or made no sense */
  VECD_HUB_ENDED,      /* take() ended it */
  VECD_HUB_CANCELLED,  /* tick() did */
  VECD_HUB_REFUSED     /* what trying again does not help: certificate, scheme, URL */
} vecd_hub_end;

/* VECD_OK; VECD_UNSUPPORTED libcurl is not to be had; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_http_new(vecd_hub_http **out, vecd_err *err);
void vecd_hub_http_free(vecd_hub_http **http);

/* Sends the request and waits for its end. *reply: what was said, status 0 where nothing was. */
vecd_hub_end vecd_hub_http_do(vecd_hub_http *http, const vecd_hub_request *request, vecd_hub_reply *reply);

/* After a reply with a redirect: where to, an absolute URL that lives until the next request; NULL: nowhere. */
const char *vecd_hub_http_redirect(const vecd_hub_http *http);

/* After any other end than VECD_HUB_ANSWERED: libcurl's words on it, which live as long. */
const char *vecd_hub_http_why(const vecd_hub_http *http);

#endif
