/* hub_listing.c - see hub_listing.h. */
#include "registry/hub_listing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fmt/json.h"

#define MOST_VALUES 2000000

static const char *string_of(const json_t *object, const char *key) {
  const char *s = json_string_value(json_object_get(object, key));
  return s ? s : "";
}

static uint64_t size_of(const json_t *value) {
  if (!json_is_integer(value)) return VECD_HUB_UNSAID;
  json_int_t n = json_integer_value(value);
  return n >= 0 && (uint64_t)n <= VECD_HUB_MOST_BYTES ? (uint64_t)n : VECD_HUB_UNSAID;
}

static vecd_hub_entry entry_of(const json_t *sibling) {
  const json_t *lfs = json_object_get(sibling, "lfs");
  vecd_hub_entry e = {string_of(sibling, "rfilename"), size_of(json_object_get(sibling, "size")), string_of(lfs, "sha256"),
                      string_of(sibling, "blobId")};
  if (e.size == VECD_HUB_UNSAID) e.size = size_of(json_object_get(lfs, "size"));
  return e;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const vecd_hub_entry *)a)->name, ((const vecd_hub_entry *)b)->name);
}

vecd_status vecd_hub_listing_parse(const char *id, vecd_span text, vecd_hub_listing *out, vecd_err *err) {
  vecd_hub_listing l = {.entries = NULL};
  vecd_status s = vecd_json_parse_most("the hub's list of files", text, MOST_VALUES, &l.root, err);
  if (s == VECD_NO_MEMORY) return s;
  if (s) {
    vecd_err_context(err, s, "%s", id);
    if (err) err->code = VECD_IO;
    return VECD_IO;
  }
  const char *commit = string_of(l.root, "sha");
  const json_t *siblings = json_object_get(l.root, "siblings");
  const char *missing = !json_is_array(siblings) ? "siblings" : !vecd_hub_commit_is_valid(vecd_span_of(commit)) ? "sha" : NULL;
  if (missing) {
    json_decref(l.root);
    return vecd_err_set(err, VECD_IO, VECD_NO_POS,
                        "%s: the hub's list of files has no usable \"%s\"; is what answers there a hub? (HF_ENDPOINT)", id,
                        missing);
  }
  memcpy(l.commit, commit, sizeof l.commit);
  l.n_entries = json_array_size(siblings);
  l.entries = vecd_alloc_array(VECD_MEM_MISC, l.n_entries, sizeof *l.entries);
  if (!l.entries) {
    json_decref(l.root);
    return vecd_err_no_memory(err, "the hub's list of files", l.n_entries * sizeof *l.entries);
  }
  for (size_t i = 0; i < l.n_entries; i++) l.entries[i] = entry_of(json_array_get(siblings, i));
  if (l.n_entries) qsort(l.entries, l.n_entries, sizeof *l.entries, by_name);
  *out = l;
  return VECD_OK;
}

void vecd_hub_listing_fini(vecd_hub_listing *listing) {
  vecd_free(listing->entries);
  json_decref(listing->root);
  *listing = (vecd_hub_listing){.entries = NULL};
}

const vecd_hub_entry *vecd_hub_listing_find(const vecd_hub_listing *listing, const char *name) {
  vecd_hub_entry key = {.name = name};
  return listing->n_entries ? bsearch(&key, listing->entries, listing->n_entries, sizeof key, by_name) : NULL;
}
