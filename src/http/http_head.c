/* http_head.c - RFC 9112 to the letter, and where the letter leaves a choice, the strict one: a request that two readers
 * could understand differently (request smuggling) is refused, not repaired. */
#include "http/http_head.h"

#define FAULT(code, at, why) (*fault = (vecd_http_fault){(code), (at), (why)}, VECD_HTTP_STEP_FAULT)

vecd_http_step vecd_http_head_scan(vecd_http_scan *scan, const char *p, size_t len, size_t max_bytes, vecd_http_fault *fault) {
  size_t end = len < max_bytes ? len : max_bytes;
  for (size_t i = scan->pos; i < end; scan->pos = ++i) {
    char c = p[i];
    if (scan->cr) {
      if (c != '\n') return FAULT(400, i - 1, "bare CR");
      scan->cr = false;
      size_t line_len = i - 1 - scan->line_start;
      scan->line_start = i + 1;
      if (line_len) {
        scan->n_lines++;
      } else if (scan->n_lines) {
        scan->pos = i + 1;
        return VECD_HTTP_STEP_DONE;
      } else if (i == 1) {
        scan->start = 2;
      } else {
        return FAULT(400, i - 1, "empty line before the request");
      }
    } else if (c == '\r') {
      scan->cr = true;
    } else if (c == '\n') {
      return FAULT(400, i, "bare LF");
    } else if (!vecd_http_is(c, VECD_HTTP_C_VALUE)) {
      return FAULT(400, i, "control byte");
    }
  }
  if (len < max_bytes) return VECD_HTTP_STEP_MORE;
  return scan->n_lines ? FAULT(431, max_bytes, "request head too large") : FAULT(414, max_bytes, "request line too long");
}

/* Takes the length of the run of token bytes. */
static size_t token_len(const char *p, size_t len) {
  size_t n = 0;
  while (n < len && vecd_http_is(p[n], VECD_HTTP_C_TOKEN)) n++;
  return n;
}

static vecd_span trim(vecd_span s) {
  while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s.ptr++, s.len--;
  while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
  return s;
}

static bool method_find(vecd_span name, vecd_http_method *out) {
#define X(text) \
  if (vecd_span_eq(name, VECD_SPAN(#text))) return *out = VECD_HTTP_##text, true;
  VECD_HTTP_METHOD_LIST(X)
#undef X
  return false;
}

/* p[0, len) is the line without its CRLF, `base` its place in the head. */
static vecd_http_step parse_request_line(const char *p, size_t len, size_t base, vecd_http_head *head, vecd_http_fault *fault) {
  size_t n = token_len(p, len);
  if (n == 0 || n == len || p[n] != ' ') return FAULT(400, base + n, "malformed method");
  vecd_span method = {p, n};
  size_t target = n + 1, end = target;
  while (end < len && p[end] != ' ') end++;
  if (end == len) return FAULT(400, base + end, "missing HTTP version");
  head->target = (vecd_span){p + target, end - target};
  const char *v = p + end + 1;
  size_t v_len = len - end - 1, v_pos = base + end + 1;
  if (v_len != 8 || memcmp(v, "HTTP/", 5) != 0 || !vecd_http_is(v[5], VECD_HTTP_C_DIGIT) || v[6] != '.' ||
      !vecd_http_is(v[7], VECD_HTTP_C_DIGIT))
    return FAULT(400, v_pos, "malformed HTTP version");
  if (v[5] != '1' || v[7] > '1') return FAULT(505, v_pos, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  head->minor = v[7] - '0';
  if (!method_find(method, &head->method)) return FAULT(501, base, "unknown method");
  if (!vecd_http_target_parse(head->target, head, fault)) {
    fault->pos += base + target;
    return VECD_HTTP_STEP_FAULT;
  }
  return VECD_HTTP_STEP_DONE;
}

/* Which framing fields have been seen; each may come once. */
typedef struct seen_fields {
  bool host, length, coding, close, keep_alive;
} seen_fields;

static vecd_http_step parse_content_length(vecd_span value, size_t pos, vecd_http_head *head, vecd_http_fault *fault) {
  if (value.len == 0) return FAULT(400, pos, "malformed Content-Length");
  uint64_t n = 0;
  bool huge = false;
  for (size_t i = 0; i < value.len; i++) {
    if (!vecd_http_is(value.ptr[i], VECD_HTTP_C_DIGIT)) return FAULT(400, pos + i, "malformed Content-Length");
    if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(value.ptr[i] - '0'), &n)) huge = true;
  }
  if (huge) return FAULT(413, pos, "request body too large");
  head->framing = VECD_HTTP_LENGTH;
  head->content_length = n;
  return VECD_HTTP_STEP_DONE;
}

static vecd_http_step parse_transfer_encoding(vecd_span value, size_t pos, vecd_http_head *head, vecd_http_fault *fault) {
  if (head->minor == 0) return FAULT(400, pos, "Transfer-Encoding in HTTP/1.0");
  if (value.len == 0) return FAULT(400, pos, "empty Transfer-Encoding");
  if (value.len >= 7 && vecd_span_eq_nocase((vecd_span){value.ptr, 7}, VECD_SPAN("chunked"))) {
    if (value.len > 7 && !vecd_http_is(value.ptr[7], VECD_HTTP_C_TOKEN))
      return FAULT(400, pos + 7, "chunked must be the last transfer coding, and the only one");
    head->framing = VECD_HTTP_CHUNKED;
    if (value.len == 7) return VECD_HTTP_STEP_DONE;
  }
  return FAULT(501, pos, "unknown transfer coding");
}

/* Tabs around a value are blanks by the letter, but llhttp and others refuse one behind a framing value, so readers differ.
 * `value` lies in a head, where its line's CR ends the search. */
static bool tab_behind(vecd_span value) {
  for (const char *end = value.ptr + value.len; *end != '\r'; end++)
    if (*end == '\t') return true;
  return false;
}

static void parse_connection(vecd_span value, seen_fields *seen) {
  while (value.len) {
    const char *comma = memchr(value.ptr, ',', value.len);
    size_t n = comma ? (size_t)(comma - value.ptr) : value.len;
    vecd_span option = trim((vecd_span){value.ptr, n});
    if (vecd_span_eq_nocase(option, VECD_SPAN("close"))) seen->close = true;
    if (vecd_span_eq_nocase(option, VECD_SPAN("keep-alive"))) seen->keep_alive = true;
    n += comma ? 1 : 0;
    value.ptr += n;
    value.len -= n;
  }
}

/* What the layer itself must know of a header; `pos` and `value_pos` are places in the head. */
static vecd_http_step note_header(const vecd_http_header *h, size_t pos, size_t value_pos, vecd_http_head *head,
                                  seen_fields *seen, vecd_http_fault *fault) {
  switch (h->name.len) {
  case 4:
    if (!vecd_span_eq_nocase(h->name, VECD_SPAN("host"))) break;
    if (seen->host) return FAULT(400, pos, "repeated Host");
    if (!vecd_http_host_valid(h->value)) return FAULT(400, value_pos, "malformed Host");
    seen->host = true;
    if (!head->authority.ptr) head->authority = h->value; /* an absolute-form target wins (RFC 9112, 3.2.2) */
    break;
  case 6:
    if (!vecd_span_eq_nocase(h->name, VECD_SPAN("expect")) || head->minor == 0) break;
    if (!vecd_span_eq_nocase(h->value, VECD_SPAN("100-continue"))) return FAULT(417, value_pos, "unknown expectation");
    head->expect_continue = true;
    break;
  case 10:
    if (vecd_span_eq_nocase(h->name, VECD_SPAN("connection"))) parse_connection(h->value, seen);
    break;
  case 14:
    if (!vecd_span_eq_nocase(h->name, VECD_SPAN("content-length"))) break;
    if (seen->length) return FAULT(400, pos, "repeated Content-Length");
    if (seen->coding) return FAULT(400, pos, "Content-Length with Transfer-Encoding");
    seen->length = true;
    if (tab_behind(h->value)) return FAULT(400, value_pos + h->value.len, "tab behind Content-Length");
    return parse_content_length(h->value, value_pos, head, fault);
  case 17:
    if (!vecd_span_eq_nocase(h->name, VECD_SPAN("transfer-encoding"))) break;
    if (seen->coding) return FAULT(400, pos, "repeated Transfer-Encoding");
    if (seen->length) return FAULT(400, pos, "Transfer-Encoding with Content-Length");
    seen->coding = true;
    if (tab_behind(h->value)) return FAULT(400, value_pos + h->value.len, "tab behind Transfer-Encoding");
    return parse_transfer_encoding(h->value, value_pos, head, fault);
  default: break;
  }
  return VECD_HTTP_STEP_DONE;
}

vecd_http_step vecd_http_head_parse(const char *p, const vecd_http_scan *scan, vecd_http_head *head, vecd_http_header *headers,
                                    size_t cap, vecd_http_fault *fault) {
  *head = (vecd_http_head){0};
  seen_fields seen = {0};
  size_t end = scan->pos - 2; /* where the empty line begins */
  for (size_t at = scan->start, line = 0; at < end; line++) {
    /* The scan has vouched for every CR being part of a CRLF. */
    size_t len = (size_t)((const char *)memchr(p + at, '\r', end - at) - (p + at));
    vecd_http_step step;
    if (line == 0) {
      step = parse_request_line(p + at, len, at, head, fault);
    } else {
      if (p[at] == ' ' || p[at] == '\t') return FAULT(400, at, "folded header line");
      size_t n = token_len(p + at, len);
      if (n == len || p[at + n] != ':') return FAULT(400, at + n, "malformed header name");
      if (n == 0) return FAULT(400, at, "empty header name");
      if (head->n_headers == cap) return FAULT(431, at, "too many headers");
      vecd_http_header *h = &headers[head->n_headers++];
      h->name = (vecd_span){p + at, n};
      h->value = trim((vecd_span){p + at + n + 1, len - n - 1});
      step = note_header(h, at, (size_t)(h->value.ptr - p), head, &seen, fault);
    }
    if (step != VECD_HTTP_STEP_DONE) return step;
    at += len + 2;
  }
  if (head->minor == 1 && !seen.host) return FAULT(400, end, "missing Host");
  head->keep_alive = !seen.close && (head->minor == 1 || seen.keep_alive);
  if (head->framing == VECD_HTTP_LENGTH && head->content_length == 0) head->framing = VECD_HTTP_NO_BODY;
  return VECD_HTTP_STEP_DONE;
}
