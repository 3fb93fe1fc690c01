/* trace.c - see trace.h. */
#include "api/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"

void vecd_trace_source_init(vecd_trace_source *source) {
  /* Without entropy ids are only less hard to guess, which nothing relies on. */
  if (getentropy(source->seeds, sizeof source->seeds)) source->seeds[0] = vecd_now_ns();
  atomic_init(&source->n_made, 0);
}

/* SplitMix64 (Steele, Lea, Flood 2014), its n-th number: a bijection of n, so that no id comes twice. */
static uint64_t number_of(uint64_t seed, uint64_t n) {
  uint64_t z = seed + n * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void put_hex(char *out, uint64_t n) {
  for (size_t i = 0; i < 16; i++) out[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
}

bool vecd_trace_id_valid(vecd_span id) {
  if (id.len == 0 || id.len > VECD_TRACE_ID_BYTES) return false;
  for (size_t i = 0; i < id.len; i++)
    if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7e) return false;
  return true;
}

/* The value of a field of `n` lower-case hexadecimal digits: -1 none, 0 all zero, 1 else. */
static int hex_field(const char *p, size_t n) {
  int value = 0;
  for (size_t i = 0; i < n; i++) {
    bool digit = p[i] >= '0' && p[i] <= '9', letter = p[i] >= 'a' && p[i] <= 'f';
    if (!digit && !letter) return -1;
    if (p[i] != '0') value = 1;
  }
  return value;
}

bool vecd_trace_parse_parent(vecd_span value, vecd_trace *out) {
  enum { VERSION = 0, TRACE = 3, SPAN = 36, FLAGS = 53, LEN = 55 };
  const char *p = value.ptr;
  if (value.len < LEN) return false;
  int version = hex_field(p + VERSION, 2);
  if (version < 0 || (p[0] == 'f' && p[1] == 'f')) return false;
  if (value.len > LEN && (version == 0 || p[LEN] != '-')) return false;
  if (p[TRACE - 1] != '-' || p[SPAN - 1] != '-' || p[FLAGS - 1] != '-') return false;
  if (hex_field(p + TRACE, 32) <= 0 || hex_field(p + SPAN, 16) <= 0 || hex_field(p + FLAGS, 2) < 0) return false;
  memcpy(out->trace_id, p + TRACE, 32);
  out->trace_id[32] = '\0';
  memcpy(out->span_id, p + SPAN, 16);
  out->span_id[16] = '\0';
  return true;
}

/* Two that differ or not, nobody can say which counts: then none does. */
static const vecd_span *only_header(const vecd_http_request *req, vecd_span name) {
  const vecd_span *found = NULL;
  for (size_t i = 0; i < req->n_headers; i++) {
    if (!vecd_span_eq_nocase(req->headers[i].name, name)) continue;
    if (found) return NULL;
    found = &req->headers[i].value;
  }
  return found;
}

void vecd_trace_begin(vecd_trace_source *source, const vecd_http_request *req, vecd_trace *out) {
  *out = (vecd_trace){0};
  const vecd_span *id = vecd_http_header_find(req, "X-Request-Id"), *parent = only_header(req, VECD_SPAN("traceparent"));
  if (id && vecd_trace_id_valid(*id)) {
    memcpy(out->request_id, id->ptr, id->len);
  } else {
    uint64_t n = atomic_fetch_add_explicit(&source->n_made, 1, memory_order_relaxed);
    put_hex(out->request_id, number_of(source->seeds[0], n));
    put_hex(out->request_id + 16, number_of(source->seeds[1], n));
  }
  if (parent) vecd_trace_parse_parent(*parent, out);
}
