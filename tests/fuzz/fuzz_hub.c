/* fuzz_hub.c - what a hub sends: the head of a reply, the list of a repository's files, its modules.json and its index of shards,
 * parted by the byte 0xff. Checked is that whatever gets into a plan, and so becomes a path and a URL, leads nowhere. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "fmt/json.h"
#include "registry/hub_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static vecd_span next(vecd_span *rest, int end) {
  const char *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
  vecd_span part = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
  *rest = at ? (vecd_span){at + 1, rest->len - part.len - 1} : (vecd_span){rest->ptr + rest->len, 0};
  return part;
}

static bool is_size(uint64_t n) { return n == VECD_HUB_UNSAID || n <= VECD_HUB_MOST_BYTES; }

static void try_head(vecd_span head) {
  vecd_hub_reply r;
  vecd_hub_reply_init(&r);
  while (head.len) {
    vecd_hub_reply_add_line(&r, next(&head, '\n'));
    vecd_assert(!r.etag[0] || vecd_hub_etag_is_valid(vecd_span_of(r.etag)));
    vecd_assert(!r.linked_etag[0] || vecd_hub_etag_is_valid(vecd_span_of(r.linked_etag)));
    vecd_assert(!r.commit[0] || vecd_hub_commit_is_valid(vecd_span_of(r.commit)));
    vecd_assert(r.status <= 999 && memchr(r.error_code, '\0', sizeof r.error_code));
    vecd_assert(is_size(r.length) && is_size(r.linked_size) && is_size(r.range_from) && is_size(r.range_total));
    vecd_assert(is_size(r.retry_after_s));
  }
}

static void check_name(const char *name) {
  vecd_assert(*name && *name != '/' && strlen(name) < 400);
  for (const char *p = name; p; p = strchr(p, '/')) {
    p += *p == '/';
    vecd_assert(*p && *p != '/' && *p != '.');
  }
  for (; *name; name++) vecd_assert(*name > ' ' && *name <= '~');
}

static void check_plan(const vecd_hub_plan *plan) {
  for (size_t i = 0; i < plan->n_small; i++) check_name(plan->small[i]->name);
  for (size_t i = 0; i < plan->n_large; i++) check_name(plan->large[i]->name);
}

static json_t *parse(vecd_span text) {
  json_t *value = NULL;
  return vecd_json_parse("text", text, &value, NULL) == VECD_OK ? value : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  vecd_span rest = {(const char *)data, len};
  vecd_hub_listing listing = {.entries = NULL};
  vecd_hub_plan plan = {.small = NULL};
  vecd_err err = {VECD_OK, 0, ""};
  size_t before = vecd_mem_total_bytes();
  try_head(next(&rest, 0xff));
  vecd_status s = vecd_hub_listing_parse("org/name", next(&rest, 0xff), &listing, &err);
  if (!s) {
    json_t *modules = parse(next(&rest, 0xff)), *index = parse(next(&rest, 0xff));
    vecd_assert(vecd_hub_commit_is_valid(vecd_span_of(listing.commit)));
    s = vecd_hub_plan_make("org/name", &listing, modules, &plan, &err);
    if (!s) vecd_assert(plan.n_small >= 2 && (plan.n_large > 0 || plan.index));
    if (!s && plan.index) s = vecd_hub_plan_add_shards("org/name", &listing, index, &plan, &err);
    check_plan(&plan);
    json_decref(modules);
    json_decref(index);
  }
  vecd_assert(s == VECD_OK || s == VECD_IO || s == VECD_BAD_MODEL || s == VECD_UNSUPPORTED);
  vecd_assert(!s || (s == err.code && vecd_utf8_valid_prefix(err.text, strlen(err.text)) == strlen(err.text)));
  vecd_hub_plan_fini(&plan);
  vecd_hub_listing_fini(&listing);
  vecd_assert(vecd_mem_total_bytes() == before);
  return 0;
}
