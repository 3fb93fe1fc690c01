/* hub_client.c - see hub_client.h. */
#include "registry/hub_client.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "registry/hub_http.h"

#define MOST_TRIES     5   /* of one request, without a byte of progress between */
#define FIRST_PAUSE_MS 500 /* doubled each time */
#define MOST_PAUSE_S   120 /* a longer Retry-After is an answer, not a pause */
#define STEP_MS        100
#define MOST_REDIRECTS 8
#define MOST_ANSWER_S  60 /* for a list of files, or what is known of one */

struct vecd_hub_client {
  const vecd_hub_options *options;
  const char *id;
  const vecd_hub_watch *watch;
  vecd_hub_http *http;
  size_t origin_len; /* of options->endpoint: "https://host:port" */
  bool had_contact;  /* the hub has answered: a missing connection is an interruption */
  bool at_endpoint;  /* the last request went there, not to where it redirected */
  unsigned wanted_s; /* Retry-After of the last reply */
};

/* Where a body goes. Of the two one is set. */
typedef struct sink {
  vecd_buf *text; /* of most VECD_HUB_MOST_LISTING_BYTES */
  int fd;
  uint64_t n_bytes, *at;
  bool begun; /* by the reply that is coming in */
  const char *what;
  vecd_err *err;
} sink;

typedef struct question {
  const char *url, *what; /* what: "org/name", "org/name: config.json" for messages */
  bool head;
  sink *sink; /* NULL: no body is wanted */
} question;

/* --- what comes in */

static bool take_text(sink *k, const vecd_hub_reply *reply, vecd_span bytes) {
  if (!k->begun && reply->length != VECD_HUB_UNSAID && reply->length <= VECD_HUB_MOST_LISTING_BYTES)
    (void)vecd_buf_reserve(k->text, (size_t)reply->length + 1);
  if (!k->begun) k->text->len = 0;
  k->begun = true;
  if (k->text->len + bytes.len > VECD_HUB_MOST_LISTING_BYTES) {
    vecd_err_set(k->err, VECD_IO, VECD_NO_POS, "%s: the hub's list of files is over %zu bytes long", k->what,
                 VECD_HUB_MOST_LISTING_BYTES);
    return false;
  }
  vecd_buf_append(k->text, bytes.ptr, bytes.len);
  if (k->text->failed) vecd_err_no_memory(k->err, k->what, bytes.len);
  return !k->text->failed;
}

static bool cannot_write(sink *k) {
  bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  vecd_err_set(k->err, VECD_IO, VECD_NO_POS, "%s: cannot write after %" PRIu64 " bytes: %s%s", k->what, *k->at, strerror(errno),
               full ? "; make room, or set HF_HUB_CACHE to another disk" : "");
  return false;
}

/* The first bytes of a reply: are they what was asked for? */
static bool begin_file(sink *k, const vecd_hub_reply *reply) {
  bool part = reply->status == 206;
  k->begun = true;
  if (part && (reply->range_from != *k->at || (reply->range_total != VECD_HUB_UNSAID && reply->range_total != k->n_bytes))) {
    vecd_err_set(k->err, VECD_IO, VECD_NO_POS, "%s: the hub sends another part of the file than it was asked for", k->what);
    return false;
  }
  if (!part && *k->at > 0) { /* everything, whatever was asked for */
    if (ftruncate(k->fd, 0) != 0) return cannot_write(k);
    *k->at = 0;
  }
  if (reply->length == VECD_HUB_UNSAID || reply->length == k->n_bytes - *k->at) return true;
  vecd_err_set(k->err, VECD_IO, VECD_NO_POS, "%s: the hub announced %" PRIu64 " bytes and sends %" PRIu64, k->what, k->n_bytes,
               reply->length + *k->at);
  return false;
}

static bool take_file(sink *k, const vecd_hub_reply *reply, vecd_span bytes) {
  if (!k->begun && !begin_file(k, reply)) return false;
  if (bytes.len > k->n_bytes - *k->at) {
    vecd_err_set(k->err, VECD_IO, VECD_NO_POS, "%s: the hub announced %" PRIu64 " bytes and sends more", k->what, k->n_bytes);
    return false;
  }
  while (bytes.len) {
    ssize_t n = pwrite(k->fd, bytes.ptr, bytes.len, (off_t)*k->at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot_write(k);
    bytes = (vecd_span){bytes.ptr + n, bytes.len - (size_t)n};
    *k->at += (uint64_t)n;
  }
  return true;
}

typedef struct exchange {
  vecd_hub_client *client;
  sink *sink;
} exchange;

static bool on_bytes(void *ctx, const vecd_hub_reply *reply, vecd_span bytes) {
  sink *k = ((exchange *)ctx)->sink;
  return !k || (k->text ? take_text(k, reply, bytes) : take_file(k, reply, bytes));
}

static bool on_tick(void *ctx) {
  const vecd_hub_watch *w = ((exchange *)ctx)->client->watch;
  return w->tick(w->ctx);
}

/* --- one request, and again */

/* What follows the host ends it, so that "https://hub.example" is not the beginning of "https://hub.example.evil". */
static bool is_at_endpoint(const vecd_hub_client *c, const char *url) {
  char next = strncmp(url, c->options->endpoint, c->origin_len) == 0 ? url[c->origin_len] : 'x';
  return next == '/' || next == '?' || next == '\0';
}

static bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Follows redirects. Of a file in large-file storage all is known before the last of them, which leads to a signed address. */
static vecd_hub_end go(vecd_hub_client *c, const question *q, vecd_hub_reply *reply) {
  exchange x = {c, q->sink};
  char *url = vecd_strdup(VECD_MEM_MISC, q->url);
  vecd_hub_end end = VECD_HUB_CUT;
  for (int i = 0; url && i <= MOST_REDIRECTS; i++) {
    c->at_endpoint = is_at_endpoint(c, url);
    vecd_hub_request r = {.url = url,
                          .plain = strncmp(c->options->endpoint, "http:", 5) == 0,
                          .head = q->head,
                          .token = c->at_endpoint ? c->options->token : NULL,
                          .from = q->sink && q->sink->at ? *q->sink->at : 0,
                          .stall_s = c->options->stall_s,
                          .most_s = q->sink && q->sink->at ? 0 : MOST_ANSWER_S,
                          .take = on_bytes,
                          .tick = on_tick,
                          .ctx = &x};
    if (q->sink) q->sink->begun = false;
    end = vecd_hub_http_do(c->http, &r, reply);
    if (end == VECD_HUB_ANSWERED) c->had_contact = true;
    if (end != VECD_HUB_ANSWERED || !is_redirect(reply->status) || (q->head && reply->linked_etag[0])) break;
    const char *next = vecd_hub_http_redirect(c->http);
    vecd_free(url);
    url = next ? vecd_strdup(VECD_MEM_MISC, next) : NULL;
  }
  vecd_free(url);
  return end;
}

static bool may_pass(const vecd_hub_client *c, const question *q, const vecd_hub_reply *reply) {
  unsigned s = reply->status;
  if (s == 408 || s == 416 || s == 429 || s == 500 || (s >= 502 && s <= 504)) return true;
  return !c->at_endpoint && s >= 400 && q->sink &&
         q->sink->at; /* a signed address that is no longer good: the hub makes another */
}

static vecd_status no_answer(const vecd_hub_client *c, const question *q, vecd_hub_end end, vecd_err *err) {
  const char *why = vecd_hub_http_why(c->http), *host = c->options->endpoint;
  if (end == VECD_HUB_NO_CONTACT)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot reach %s: %s; is there a network? (HF_ENDPOINT, HTTPS_PROXY)",
                        q->what, host, why);
  if (end == VECD_HUB_REFUSED)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s: %s (SSL_CERT_FILE names certificates to trust)", q->what, host,
                        why);
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: the download broke off %d times: %s; what is there is kept, pull again",
                      q->what, MOST_TRIES, *why ? why : "fewer bytes than announced");
}

static vecd_status not_for_us(const vecd_hub_client *c, const question *q, const vecd_hub_reply *reply, vecd_err *err) {
  const char *code = reply->error_code, *host = c->options->endpoint;
  bool gated = strcmp(code, "GatedRepo") == 0 || (reply->status == 403 && !*code), has_token = c->options->token != NULL;
  if (strcmp(code, "RevisionNotFound") == 0)
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: the repository has no such revision", q->what);
  if (strcmp(code, "EntryNotFound") == 0)
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: the hub lists this file and does not have it", q->what);
  if (gated)
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: access is granted on %s/%s only; %s", q->what, host, c->id,
                        has_token ? "ask for it there with the account that HF_TOKEN belongs to"
                                  : "ask for it there, then set HF_TOKEN to a token of that account");
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: %s answers %u: there is no such repository, or it is private%s",
                      q->what, host, reply->status,
                      has_token ? " and the token given (HF_TOKEN) does not open it" : ": then set HF_TOKEN");
}

static vecd_status bad_status(const vecd_hub_client *c, const question *q, const vecd_hub_reply *reply, vecd_err *err) {
  unsigned s = reply->status;
  if (c->at_endpoint && (s == 401 || s == 403 || s == 404)) return not_for_us(c, q, reply, err);
  if (s == 429)
    return vecd_err_set(err, VECD_BUSY, VECD_NO_POS, "%s: too many requests, the hub says (429)%s; try later%s", q->what,
                        c->wanted_s > MOST_PAUSE_S ? ", for minutes to come" : "",
                        c->options->token ? "" : ", or set HF_TOKEN, which allows more");
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s answers %u%s", q->what,
                      c->at_endpoint ? c->options->endpoint : "the server the hub redirects to", s,
                      may_pass(c, q, reply) ? "; try later" : "");
}

/* Doubles from FIRST_PAUSE_MS, less up to half of it by chance, so that many clients do not come back together. */
static unsigned pause_ms(const vecd_hub_client *c, int tries) {
  unsigned full = FIRST_PAUSE_MS << (tries - 1);
  unsigned ms = full - (unsigned)(vecd_now_ns() / 1000 % (full / 2));
  return c->wanted_s * 1000 > ms ? c->wanted_s * 1000 : ms;
}

static vecd_status cancelled(const question *q, vecd_err *err) {
  return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "%s: cancelled; what is there is kept, pull again to go on", q->what);
}

static vecd_status sleep_ms(const vecd_hub_client *c, const question *q, unsigned ms, vecd_err *err) {
  for (uint64_t end = vecd_now_ms() + ms, now; (now = vecd_now_ms()) < end;) {
    uint64_t step = end - now < STEP_MS ? end - now : STEP_MS;
    const struct timespec wait = {0, (long)step * 1000000};
    if (!c->watch->tick(c->watch->ctx)) return cancelled(q, err);
    nanosleep(&wait, NULL);
  }
  return VECD_OK;
}

static vecd_status hold(const vecd_hub_client *c, const question *q, vecd_hub_end end, const vecd_hub_reply *reply, int tries,
                        vecd_err *err) {
  char line[320], why[160];
  unsigned ms = pause_ms(c, tries);
  if (end == VECD_HUB_ANSWERED && !(reply->status == 200 || reply->status == 206))
    snprintf(why, sizeof why, "status %u", reply->status);
  else
    snprintf(why, sizeof why, "%s", *vecd_hub_http_why(c->http) ? vecd_hub_http_why(c->http) : "the connection ended early");
  snprintf(line, sizeof line, "%.90s: %s; again in %.1f s", q->what, why, ms / 1e3);
  c->watch->say(c->watch->ctx, line);
  return sleep_ms(c, q, ms, err);
}

static bool is_whole(const question *q) { return !q->sink || !q->sink->at || *q->sink->at == q->sink->n_bytes; }

/* The question until it is answered with 200, 206 or what ends a HEAD. */
static vecd_status ask(vecd_hub_client *c, const question *q, vecd_hub_reply *reply, vecd_err *err) {
  vecd_err sunk = {VECD_IO, VECD_NO_POS, "the download was ended"};
  if (q->sink) q->sink->err = &sunk;
  for (int tries = 0;;) {
    uint64_t before = q->sink && q->sink->at ? *q->sink->at : 0;
    vecd_hub_end end = go(c, q, reply);
    bool redirect = q->head && is_redirect(reply->status) && reply->linked_etag[0];
    bool good = end == VECD_HUB_ANSWERED && (reply->status == 200 || reply->status == 206 || redirect);
    if (good && is_whole(q)) return VECD_OK;
    if (good && !q->sink->begun && !begin_file(q->sink, reply)) end = VECD_HUB_ENDED; /* an empty body */
    if (end == VECD_HUB_CANCELLED) return cancelled(q, err);
    if (end == VECD_HUB_ENDED) {
      if (err) *err = sunk;
      return sunk.code;
    }
    if (end == VECD_HUB_REFUSED || (end == VECD_HUB_NO_CONTACT && !c->had_contact)) return no_answer(c, q, end, err);
    c->wanted_s = end == VECD_HUB_ANSWERED && reply->retry_after_s <= MOST_PAUSE_S ? (unsigned)reply->retry_after_s : 0;
    if (end == VECD_HUB_ANSWERED && reply->retry_after_s != VECD_HUB_UNSAID && reply->retry_after_s > MOST_PAUSE_S)
      c->wanted_s = MOST_PAUSE_S + 1;
    if (end == VECD_HUB_ANSWERED && !good && (!may_pass(c, q, reply) || c->wanted_s > MOST_PAUSE_S))
      return bad_status(c, q, reply, err);
    if (reply->status == 416 && q->sink && q->sink->at && *q->sink->at) { /* what is there was of another file */
      if (ftruncate(q->sink->fd, 0) != 0) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s", q->what, strerror(errno));
      *q->sink->at = 0;
    }
    tries = q->sink && q->sink->at && *q->sink->at > before ? 1 : tries + 1;
    if (tries >= MOST_TRIES)
      return end == VECD_HUB_ANSWERED && !good ? bad_status(c, q, reply, err) : no_answer(c, q, end, err);
    vecd_status s = hold(c, q, end, reply, tries, err);
    if (s) return s;
  }
}

/* --- the three questions */

/* A path's bytes as a URL has them; slashes stay where `keep` is '/'. */
static void append_quoted(vecd_buf *url, const char *text, char keep) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (; *text; text++)
    if (strchr(plain, *text) || *text == keep)
      vecd_buf_append_char(url, *text);
    else
      vecd_buf_printf(url, "%%%02X", (unsigned char)*text);
}

vecd_status vecd_hub_client_list(vecd_hub_client *c, const char *revision, vecd_hub_listing *out, vecd_err *err) {
  char what[2 * VECD_HUB_ID_BYTES + VECD_HUB_REVISION_MOST];
  vecd_buf url = {.tag = VECD_MEM_MISC}, text = {.tag = VECD_MEM_MISC};
  vecd_hub_reply reply;
  snprintf(what, sizeof what, "%s, revision %s", c->id, revision);
  vecd_buf_printf(&url, "%s/api/models/%s/revision/", c->options->endpoint, c->id);
  append_quoted(&url, revision, '\0');
  vecd_buf_append_str(&url, "?blobs=true");
  sink k = {.text = &text, .what = what};
  question q = {vecd_buf_cstr(&url), what, false, &k};
  vecd_status s = url.failed ? vecd_err_no_memory(err, "a URL", url.len) : ask(c, &q, &reply, err);
  if (!s) s = vecd_hub_listing_parse(c->id, (vecd_span){text.ptr, text.len}, out, err);
  vecd_buf_fini(&text);
  vecd_buf_fini(&url);
  return s;
}

/* The address of a file, into url. */
static void put_url(const vecd_hub_client *c, const char *commit, const char *name, vecd_buf *url) {
  vecd_buf_printf(url, "%s/%s/resolve/%s/", c->options->endpoint, c->id, commit);
  append_quoted(url, name, '/');
}

vecd_status vecd_hub_client_head(vecd_hub_client *c, const char *commit, const char *name, vecd_hub_reply *out, vecd_err *err) {
  char what[VECD_HUB_ID_BYTES + 256];
  vecd_buf url = {.tag = VECD_MEM_MISC};
  snprintf(what, sizeof what, "%s: %s", c->id, name);
  put_url(c, commit, name, &url);
  question q = {vecd_buf_cstr(&url), what, true, NULL};
  vecd_status s = url.failed ? vecd_err_no_memory(err, "a URL", url.len) : ask(c, &q, out, err);
  vecd_buf_fini(&url);
  if (s) return s;
  bool linked = out->linked_etag[0] != '\0';
  if (linked) memcpy(out->etag, out->linked_etag, sizeof out->etag);
  if (out->linked_size != VECD_HUB_UNSAID || is_redirect(out->status)) out->length = out->linked_size;
  if (!out->etag[0])
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s names no usable ETag for it; is it a hub? (HF_ENDPOINT)", what,
                        c->options->endpoint);
  if (out->commit[0] && strcmp(out->commit, commit) != 0)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: asked for commit %s, the hub answers with %s", what, commit,
                        out->commit);
  return VECD_OK;
}

vecd_status vecd_hub_client_get(vecd_hub_client *c, const char *commit, const char *name, int fd, uint64_t n_bytes,
                                uint64_t *at, vecd_err *err) {
  char what[VECD_HUB_ID_BYTES + 256];
  vecd_buf url = {.tag = VECD_MEM_MISC};
  vecd_hub_reply reply;
  if (*at == n_bytes) return VECD_OK;
  snprintf(what, sizeof what, "%s: %s", c->id, name);
  put_url(c, commit, name, &url);
  sink k = {.fd = fd, .n_bytes = n_bytes, .at = at, .what = what};
  question q = {vecd_buf_cstr(&url), what, false, &k};
  vecd_status s = url.failed ? vecd_err_no_memory(err, "a URL", url.len) : ask(c, &q, &reply, err);
  vecd_buf_fini(&url);
  return s;
}

vecd_status vecd_hub_client_new(const vecd_hub_options *options, const char *id, const vecd_hub_watch *watch,
                                vecd_hub_client **out, vecd_err *err) {
  vecd_hub_client *c = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *c);
  if (!c) return vecd_err_no_memory(err, "the hub's client", sizeof *c);
  c->options = options;
  c->id = id;
  c->watch = watch;
  const char *host = strstr(options->endpoint, "://") + 3;
  c->origin_len = (size_t)(host - options->endpoint) + strcspn(host, "/");
  vecd_status s = vecd_hub_http_new(&c->http, err);
  if (s)
    vecd_hub_client_free(&c);
  else
    *out = c;
  return s;
}

void vecd_hub_client_free(vecd_hub_client **client) {
  if (!client || !*client) return;
  vecd_hub_http_free(&(*client)->http);
  vecd_free(*client);
  *client = NULL;
}
