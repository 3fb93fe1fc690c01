/* http_reply.c - answers: what the handler's thread prepares, and the head the event thread puts before it. Everything that
 * depends on the connection (keep-alive, the date, HEAD) is decided by the event thread alone. */
#include <stdio.h>

#include "http/http_shard.h"

/* clang-format off */
#define REASON_LIST(X) \
  X(200, "OK") \
  X(201, "Created") \
  X(202, "Accepted") \
  X(204, "No Content") \
  X(206, "Partial Content") \
  X(301, "Moved Permanently") \
  X(302, "Found") \
  X(303, "See Other") \
  X(304, "Not Modified") \
  X(307, "Temporary Redirect") \
  X(308, "Permanent Redirect") \
  X(400, "Bad Request") \
  X(401, "Unauthorized") \
  X(403, "Forbidden") \
  X(404, "Not Found") \
  X(405, "Method Not Allowed") \
  X(406, "Not Acceptable") \
  X(408, "Request Timeout") \
  X(409, "Conflict") \
  X(410, "Gone") \
  X(411, "Length Required") \
  X(412, "Precondition Failed") \
  X(413, "Content Too Large") \
  X(414, "URI Too Long") \
  X(415, "Unsupported Media Type") \
  X(417, "Expectation Failed") \
  X(422, "Unprocessable Content") \
  X(424, "Failed Dependency") \
  X(429, "Too Many Requests") \
  X(431, "Request Header Fields Too Large") \
  X(499, "Client Closed Request") \
  X(500, "Internal Server Error") \
  X(501, "Not Implemented") \
  X(502, "Bad Gateway") \
  X(503, "Service Unavailable") \
  X(504, "Gateway Timeout") \
  X(505, "HTTP Version Not Supported") \
  X(507, "Insufficient Storage")
/* clang-format on */

const char *vecd_http_reason(int status) {
  switch (status) {
#define X(code, text) \
  case code: return text;
    REASON_LIST(X)
#undef X
  default: return "Unknown";
  }
}

/* A handler that passes on a header it was given must not be able to break the framing. */
static bool header_valid(const vecd_http_header *h) {
  static const char *const ours[] = {"content-length", "transfer-encoding", "connection", "date", "server"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (vecd_span_eq_nocase(h->name, vecd_span_of(ours[i]))) return false;
  for (size_t i = 0; i < h->name.len; i++)
    if (!vecd_http_is(h->name.ptr[i], VECD_HTTP_C_TOKEN)) return false;
  for (size_t i = 0; i < h->value.len; i++)
    if (!vecd_http_is(h->value.ptr[i], VECD_HTTP_C_VALUE)) return false;
  return h->name.len > 0;
}

/* Within what VECD_HTTP_OUT_BYTES has room for. */
#define MOST_REPLY_HEADER_BYTES 256u

static void put_header(vecd_buf *buf, const vecd_http_header *h) {
  if (!header_valid(h)) return;
  vecd_buf_append(buf, h->name.ptr, h->name.len);
  vecd_buf_append(buf, ": ", 2);
  vecd_buf_append(buf, h->value.ptr, h->value.len);
  vecd_buf_append(buf, "\r\n", 2);
}

/* Room for all lines at once: one allocation where the connection is new, none later. */
static void put_headers(vecd_http_connection *c, const char *content_type, const vecd_http_header *headers, size_t n_headers) {
  vecd_buf *buf = &c->answer.headers;
  buf->len = 0;
  size_t n_bytes = 128;
  for (size_t i = 0; i < n_headers; i++) n_bytes += headers[i].name.len + headers[i].value.len + 4;
  if ((content_type || n_headers) && !vecd_buf_reserve(buf, n_bytes)) return;
  if (content_type) {
    vecd_http_header type = {VECD_SPAN("Content-Type"), vecd_span_of(content_type)};
    put_header(buf, &type);
  }
  for (size_t i = 0; i < n_headers; i++) put_header(buf, &headers[i]);
}

void vecd_http_reply(vecd_http_request *req, int status, const char *content_type, const vecd_http_header *headers,
                     size_t n_headers, vecd_buf *body) {
  vecd_assert(status >= 200 && status <= 599);
  vecd_http_connection *c = vecd_http_connection_of(req);
  vecd_http_answer *a = &c->answer;
  a->kind = VECD_HTTP_ANSWER_BODY;
  a->status = status;
  a->n_error = 0;
  put_headers(c, content_type, headers, n_headers);
  if (body) {
    vecd_buf_fini(&a->body);
    a->body = *body;
    vecd_buf_init(body, body->tag);
  }
  vecd_http_shard_submit(c);
}

void vecd_http_answer_error(vecd_http_connection *c, int status, const char *text) {
  static const char before[] = "{\"error\":\"", behind[] = "\"}";
  vecd_http_answer *a = &c->answer;
  a->kind = VECD_HTTP_ANSWER_BODY;
  a->status = status;
  a->headers.len = 0;
  a->headers.failed = false;
  vecd_buf_fini(&a->body);
  size_t n = sizeof before - 1, most = sizeof a->error - sizeof behind;
  memcpy(a->error, before, n);
  size_t n_text = strlen(text);
  if (n_text > 500)
    for (n_text = 500; n_text && ((unsigned char)text[n_text] & 0xc0) == 0x80;) n_text--; /* not inside a character */
  for (size_t i = 0; i < n_text; i++) {
    char c1 = text[i];
    bool escape = c1 == '"' || c1 == '\\', control = (unsigned char)c1 < 0x20;
    if (n + (control ? 6 : escape ? 2 : 1) > most) break;
    if (control) {
      n += (size_t)snprintf(a->error + n, 7, "\\u%04x", (unsigned)c1);
      continue;
    }
    if (escape) a->error[n++] = '\\';
    a->error[n++] = c1;
  }
  memcpy(a->error + n, behind, sizeof behind - 1);
  a->n_error = n + sizeof behind - 1;
}

void vecd_http_reply_error(vecd_http_request *req, int status, const char *text) {
  vecd_assert(status >= 200 && status <= 599);
  vecd_http_connection *c = vecd_http_connection_of(req);
  vecd_http_answer_error(c, status, text);
  vecd_http_shard_submit(c);
}

void vecd_http_discard(vecd_http_request *req) {
  vecd_http_connection *c = vecd_http_connection_of(req);
  c->answer.kind = VECD_HTTP_ANSWER_DISCARD;
  vecd_http_shard_submit(c);
}

void vecd_http_reply_stream(vecd_http_request *req, int status, const char *content_type, const vecd_http_header *headers,
                            size_t n_headers, vecd_http_source *source, void *ctx) {
  vecd_assert(status >= 200 && status <= 599);
  vecd_http_connection *c = vecd_http_connection_of(req);
  vecd_http_answer *a = &c->answer;
  a->kind = VECD_HTTP_ANSWER_STREAM;
  a->status = status;
  a->n_error = 0;
  a->source = source;
  a->source_ctx = ctx;
  put_headers(c, content_type, headers, n_headers);
  vecd_http_shard_submit(c);
}

void vecd_http_stream_wake(vecd_http_request *req) { vecd_http_shard_submit(vecd_http_connection_of(req)); }

/* RFC 9110, 5.6.7. Written by hand: strftime would speak the locale's language. */
static void put_date(vecd_http_shard *shard, vecd_buf *out) {
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t now = time(NULL);
  if (now != shard->date_second || !shard->date[0]) {
    struct tm tm;
    gmtime_r(&now, &tm);
    snprintf(shard->date, sizeof shard->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * (tm.tm_wday % 7),
             (unsigned)tm.tm_mday % 100, months + 3 * (tm.tm_mon % 12), ((unsigned)tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    shard->date_second = now;
  }
  vecd_buf_append(out, "Date: ", 6);
  vecd_buf_append_str(out, shard->date);
  vecd_buf_append(out, "\r\n", 2);
}

static void put_number(vecd_buf *out, uint64_t n) {
  char digits[20];
  size_t i = sizeof digits;
  do digits[--i] = (char)('0' + n % 10);
  while (n /= 10);
  vecd_buf_append(out, digits + i, sizeof digits - i);
}

/* How the body ends, and whether there is one: RFC 9112, 6.3. */
static void put_framing(vecd_http_connection *c, vecd_span body) {
  int status = c->answer.status;
  bool none = status == 204 || status == 304, head = c->req.method == VECD_HTTP_HEAD;
  if (c->answer.kind == VECD_HTTP_ANSWER_STREAM) {
    c->streaming = !none && !head;
    c->chunked_reply = c->req.minor == 1;
    if (!c->chunked_reply) c->close_after = true;
    if (c->chunked_reply && !none) vecd_buf_append_str(&c->out, "Transfer-Encoding: chunked\r\n");
    return;
  }
  if (!none || (status == 304 && body.len)) {
    vecd_buf_append_str(&c->out, "Content-Length: ");
    put_number(&c->out, body.len);
    vecd_buf_append(&c->out, "\r\n", 2);
  }
  if (!none && !head) c->tail = body;
}

static void put_head(vecd_http_connection *c) {
  vecd_http_answer *a = &c->answer;
  vecd_buf *out = &c->out;
  vecd_span body = a->n_error ? (vecd_span){a->error, a->n_error} : (vecd_span){a->body.ptr, a->body.len};
  if (c->shard->draining) c->close_after = true;
  vecd_buf_append_str(out, "HTTP/1.1 ");
  put_number(out, (uint64_t)a->status);
  vecd_buf_append_char(out, ' ');
  vecd_buf_append_str(out, vecd_http_reason(a->status));
  vecd_buf_append(out, "\r\n", 2);
  if (c->shard->server->server_name) {
    vecd_buf_append_str(out, "Server: ");
    vecd_buf_append_str(out, c->shard->server->server_name);
    vecd_buf_append(out, "\r\n", 2);
  }
  put_date(c->shard, out);
  if (a->n_error) vecd_buf_append_str(out, "Content-Type: application/json\r\n");
  vecd_buf_append(out, a->headers.ptr, a->headers.len);
  const vecd_http_header *own = &c->req.reply_header;
  if (own->name.len + own->value.len <= MOST_REPLY_HEADER_BYTES) put_header(out, own);
  put_framing(c, body);
  if (c->close_after)
    vecd_buf_append_str(out, "Connection: close\r\n");
  else if (c->req.minor == 0)
    vecd_buf_append_str(out, "Connection: keep-alive\r\n");
  vecd_buf_append(out, "\r\n", 2);
}

void vecd_http_reply_compose(vecd_http_connection *c) {
  vecd_http_answer *a = &c->answer;
  if (a->headers.failed || a->body.failed) vecd_http_answer_error(c, 503, "out of memory");
  size_t base = c->out.len; /* an interim answer may still be on its way */
  put_head(c);
  if (c->out.failed) {
    c->out.failed = false;
    c->out.len = base;
    c->streaming = false;
    vecd_http_answer_error(c, 503, "out of memory");
    put_head(c);
  }
  c->req.status = a->status;
  VECD_HTTP_COUNT(c->shard, replies[a->status / 100], 1);
}
