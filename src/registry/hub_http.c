/* hub_http.c - see hub_http.h. */
#include "registry/hub_http.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "registry/library.h"

#define MOST_THROWN_AWAY ((size_t)1 << 20) /* bytes of a body nobody wants, after which the connection is given up instead */
#define BUFFER_BYTES     262144L

#define LIBCURL(X)      \
  X(curl_global_init)   \
  X(curl_easy_init)     \
  X(curl_easy_cleanup)  \
  X(curl_easy_reset)    \
  X(curl_easy_setopt)   \
  X(curl_easy_perform)  \
  X(curl_easy_getinfo)  \
  X(curl_easy_strerror) \
  X(curl_slist_append)  \
  X(curl_slist_free_all)

static struct {
#define X(name) __typeof__(name) *name;
  LIBCURL(X)
#undef X
} lib;
static vecd_status lib_status;
static vecd_err lib_err;

static void open_library(void) {
#define X(name) {#name, &lib.name},
  static const vecd_library_symbol symbols[] = {LIBCURL(X)};
#undef X
  lib_status = vecd_library_open("libcurl.so.4", "libcurl4", symbols, sizeof symbols / sizeof *symbols, &lib_err);
  if (!lib_status && lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    lib_status = vecd_err_set(&lib_err, VECD_UNSUPPORTED, VECD_NO_POS, "libcurl cannot be set up");
}

struct vecd_hub_http {
  CURL *curl;
  const vecd_hub_request *request; /* the one under way */
  vecd_hub_reply *reply;
  size_t thrown_away;
  bool ended; /* take() said so */
  bool stalled;
  curl_off_t moved; /* bytes of the body so far, and when the last of them came */
  uint64_t moved_ms;
  char why[CURL_ERROR_SIZE];
};

vecd_status vecd_hub_http_new(vecd_hub_http **out, vecd_err *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  if (lib_status) {
    if (err) *err = lib_err;
    return lib_status;
  }
  vecd_hub_http *h = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *h);
  if (h) h->curl = lib.curl_easy_init();
  if (!h || !h->curl) {
    vecd_free(h);
    return vecd_err_no_memory(err, "an HTTP client", sizeof *h);
  }
  *out = h;
  return VECD_OK;
}

void vecd_hub_http_free(vecd_hub_http **http) {
  if (!http || !*http) return;
  lib.curl_easy_cleanup((*http)->curl);
  vecd_free(*http);
  *http = NULL;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx) {
  vecd_hub_http *h = ctx;
  vecd_hub_reply_add_line(h->reply, (vecd_span){bytes, size * n});
  return size * n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx) {
  vecd_hub_http *h = ctx;
  size_t len = size * n;
  if (h->reply->status == 200 || h->reply->status == 206) {
    h->ended = h->request->take && !h->request->take(h->request->ctx, h->reply, (vecd_span){bytes, len});
    return h->ended ? 0 : len;
  }
  h->thrown_away += len;
  return h->thrown_away > MOST_THROWN_AWAY ? 0 : len;
}

/* libcurl's own watch over the speed takes five seconds to notice. */
static int on_progress(void *ctx, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up) {
  vecd_hub_http *h = ctx;
  uint64_t now = vecd_now_ms();
  (void)total, (void)up_total, (void)up;
  if (done != h->moved || !h->moved_ms) {
    h->moved = done;
    h->moved_ms = now;
  }
  h->stalled = now - h->moved_ms > (uint64_t)h->request->stall_s * 1000;
  return h->stalled || (h->request->tick && !h->request->tick(h->request->ctx));
}

static bool add_header(struct curl_slist **list, const char *name, const char *value) {
  char line[4400]; /* a token is shorter */
  if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line) return false;
  struct curl_slist *grown = lib.curl_slist_append(*list, line);
  if (grown) *list = grown;
  return grown != NULL;
}

/* Sizes are told of the file, not of a packed form of it. */
static bool add_headers(const vecd_hub_request *r, struct curl_slist **list) {
  char text[48];
  if (!add_header(list, "Accept-Encoding", "identity")) return false;
  if (r->token) {
    char bearer[4300];
    if (snprintf(bearer, sizeof bearer, "Bearer %s", r->token) >= (int)sizeof bearer) return false;
    if (!add_header(list, "Authorization", bearer)) return false;
  }
  snprintf(text, sizeof text, "bytes=%" PRIu64 "-", r->from);
  return !r->from || add_header(list, "Range", text);
}

static void set_options(vecd_hub_http *h, const vecd_hub_request *r, struct curl_slist *headers) {
  CURL *c = h->curl;
  const char *certificates = getenv("SSL_CERT_FILE");
  lib.curl_easy_reset(c); /* connections stay */
  lib.curl_easy_setopt(c, CURLOPT_URL, r->url);
  lib.curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, r->plain ? "http,https" : "https");
  lib.curl_easy_setopt(c, CURLOPT_NOBODY, (long)r->head);
  lib.curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
  lib.curl_easy_setopt(c, CURLOPT_USERAGENT, "vecd/" VECD_VERSION);
  lib.curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  lib.curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
  lib.curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
  lib.curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)r->stall_s);
  lib.curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)r->most_s);
  if (certificates && *certificates) lib.curl_easy_setopt(c, CURLOPT_CAINFO, certificates);
  lib.curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
  lib.curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
  lib.curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
  lib.curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
  lib.curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
  lib.curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
  lib.curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  lib.curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why);
}

/* A timeout is no contact where there was not even a connection. */
static bool was_connected(const vecd_hub_http *h) {
  double seconds = 0;
  lib.curl_easy_getinfo(h->curl, CURLINFO_PRETRANSFER_TIME, &seconds);
  return seconds > 0;
}

static vecd_hub_end end_of(const vecd_hub_http *h, CURLcode code) {
  switch ((int)code) {
  case CURLE_OK: return VECD_HUB_ANSWERED;
  case CURLE_WRITE_ERROR: return h->ended ? VECD_HUB_ENDED : VECD_HUB_ANSWERED;
  case CURLE_ABORTED_BY_CALLBACK: return h->stalled ? VECD_HUB_CUT : VECD_HUB_CANCELLED;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_CONNECT: return VECD_HUB_NO_CONTACT;
  case CURLE_OPERATION_TIMEDOUT: return was_connected(h) ? VECD_HUB_CUT : VECD_HUB_NO_CONTACT;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_OUT_OF_MEMORY:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR: return VECD_HUB_REFUSED;
  default: return VECD_HUB_CUT;
  }
}

vecd_hub_end vecd_hub_http_do(vecd_hub_http *h, const vecd_hub_request *request, vecd_hub_reply *reply) {
  struct curl_slist *headers = NULL;
  vecd_hub_reply_init(reply);
  h->request = request;
  h->reply = reply;
  h->thrown_away = 0;
  h->ended = h->stalled = false;
  h->moved_ms = 0;
  h->why[0] = '\0';
  CURLcode code = CURLE_OUT_OF_MEMORY;
  if (add_headers(request, &headers)) {
    set_options(h, request, headers);
    code = lib.curl_easy_perform(h->curl);
  }
  lib.curl_slist_free_all(headers);
  if (h->stalled) snprintf(h->why, sizeof h->why, "nothing came for %u s", request->stall_s);
  if (code != CURLE_OK && !h->why[0]) snprintf(h->why, sizeof h->why, "%s", lib.curl_easy_strerror(code));
  return end_of(h, code);
}

const char *vecd_hub_http_redirect(const vecd_hub_http *h) {
  char *url = NULL;
  lib.curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &url);
  return url;
}

const char *vecd_hub_http_why(const vecd_hub_http *h) { return h->why; }
