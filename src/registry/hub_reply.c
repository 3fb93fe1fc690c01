/* hub_reply.c - see hub_reply.h. Which header means what is the Python client's reading of them (huggingface_hub,
 * file_download.py). */
#include "registry/hub_reply.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool vecd_hub_etag_is_valid(vecd_span text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (!is_digit(c) && !is_letter(c) && c != '-' && c != '_' && (c != '.' || i == 0)) return false;
  }
  return text.len >= 1 && text.len < VECD_HUB_ETAG_BYTES;
}

static vecd_span trim(vecd_span s) {
  while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s = (vecd_span){s.ptr + 1, s.len - 1};
  while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1])) s.len--;
  return s;
}

static void copy(char *out, size_t cap, vecd_span s) {
  if (s.len >= cap || memchr(s.ptr, '\0', s.len)) s.len = 0;
  memcpy(out, s.ptr, s.len);
  out[s.len] = '\0';
}

static void copy_etag(char *out, vecd_span s) {
  while (s.len && (s.ptr[0] == 'W' || s.ptr[0] == '/')) s = (vecd_span){s.ptr + 1, s.len - 1};
  while (s.len && s.ptr[0] == '"') s = (vecd_span){s.ptr + 1, s.len - 1};
  while (s.len && s.ptr[s.len - 1] == '"') s.len--;
  if (!vecd_hub_etag_is_valid(s)) s.len = 0;
  copy(out, VECD_HUB_ETAG_BYTES, s);
}

/* Digits and nothing else. */
static uint64_t number(vecd_span s) {
  uint64_t n = 0;
  if (!s.len) return VECD_HUB_UNSAID;
  for (size_t i = 0; i < s.len; i++) {
    if (!is_digit(s.ptr[i])) return VECD_HUB_UNSAID;
    n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    if (n > VECD_HUB_MOST_BYTES) return VECD_HUB_UNSAID;
  }
  return n;
}

/* "bytes 100-199/200"; the total may be "*". */
static void read_range(vecd_hub_reply *r, vecd_span s) {
  if (s.len < 6 || !vecd_span_eq_nocase((vecd_span){s.ptr, 6}, VECD_SPAN("bytes "))) return;
  s = trim((vecd_span){s.ptr + 6, s.len - 6});
  const char *dash = s.len ? memchr(s.ptr, '-', s.len) : NULL, *slash = s.len ? memchr(s.ptr, '/', s.len) : NULL;
  if (!dash || !slash || slash < dash) return;
  r->range_from = number((vecd_span){s.ptr, (size_t)(dash - s.ptr)});
  r->range_total = number((vecd_span){slash + 1, s.len - (size_t)(slash + 1 - s.ptr)});
}

void vecd_hub_reply_init(vecd_hub_reply *r) {
  *r = (vecd_hub_reply){.length = VECD_HUB_UNSAID,
                        .linked_size = VECD_HUB_UNSAID,
                        .range_from = VECD_HUB_UNSAID,
                        .range_total = VECD_HUB_UNSAID,
                        .retry_after_s = VECD_HUB_UNSAID};
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". */
static bool read_status(vecd_hub_reply *r, vecd_span line) {
  if (line.len < 5 || memcmp(line.ptr, "HTTP/", 5) != 0) return false;
  vecd_hub_reply_init(r);
  const char *space = memchr(line.ptr, ' ', line.len);
  if (!space) return true;
  vecd_span rest = trim((vecd_span){space, line.len - (size_t)(space - line.ptr)});
  if (rest.len < 3 || (rest.len > 3 && rest.ptr[3] != ' ')) return true;
  uint64_t status = number((vecd_span){rest.ptr, 3});
  if (status != VECD_HUB_UNSAID) r->status = (unsigned)status;
  return true;
}

void vecd_hub_reply_add_line(vecd_hub_reply *r, vecd_span line) {
  if (read_status(r, line)) return;
  const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
  if (!colon) return;
  vecd_span name = {line.ptr, (size_t)(colon - line.ptr)}, value = trim((vecd_span){colon + 1, line.len - name.len - 1});
  if (vecd_span_eq_nocase(name, VECD_SPAN("etag"))) copy_etag(r->etag, value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("x-linked-etag"))) copy_etag(r->linked_etag, value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("x-repo-commit")))
    copy(r->commit, sizeof r->commit, vecd_hub_commit_is_valid(value) ? value : VECD_SPAN(""));
  if (vecd_span_eq_nocase(name, VECD_SPAN("x-error-code"))) copy(r->error_code, sizeof r->error_code, value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("content-length"))) r->length = number(value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("x-linked-size"))) r->linked_size = number(value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("content-range"))) read_range(r, value);
  if (vecd_span_eq_nocase(name, VECD_SPAN("retry-after"))) r->retry_after_s = number(value);
}
