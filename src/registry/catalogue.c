/* catalogue.c - a catalogue's life, its order, and what follows from its rows. Its reader is catalogue_read.c. */
#include "registry/catalogue.h"

#include <stdlib.h>

#include "base/file.h"
#include "fmt/json.h"
#include "registry/catalogue_data.h"
#include "registry/catalogue_parts.h"

#define MOST_FILE_BYTES    ((size_t)1 << 20)
#define MOST_FILE_VALUES   ((size_t)1 << 17)
#define LARGE_PARAMETERS_M 100

static vecd_status read_text(vecd_catalogue *c, size_t which, const char *name, vecd_span text, vecd_err *err) {
  vecd_status s = vecd_json_parse_most(name, text, MOST_FILE_VALUES, &c->trees[which], err);
  if (s == VECD_BAD_SYNTAX) {
    s = VECD_BAD_MODEL;
    if (err) err->code = s;
  }
  return s ? s : vecd_catalogue_read(c, name, c->trees[which], err);
}

static int by_default_size_id(const void *a, const void *b) {
  const vecd_catalogue_row *x = a, *y = b;
  if (x->is_default != y->is_default) return x->is_default ? -1 : 1;
  if (x->size_mb != y->size_mb) {
    if (x->size_mb == 0 || y->size_mb == 0) return x->size_mb == 0 ? 1 : -1;
    return x->size_mb < y->size_mb ? -1 : 1;
  }
  return strcmp(x->id, y->id);
}

vecd_status vecd_catalogue_parse(const char *name, vecd_span text, vecd_catalogue **out, vecd_err *err) {
  vecd_catalogue *c = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *c);
  if (!c) return vecd_err_no_memory(err, "the catalogue", sizeof *c);
  atomic_init(&c->n_shares, 1);
  vecd_status s = read_text(c, 0, "built-in catalogue", (vecd_span){vecd_catalogue_data, vecd_catalogue_data_len}, err);
  if (!s && text.ptr) s = read_text(c, 1, name, text, err);
  if (!s && !vecd_catalogue_get_default(c))
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                     "%s: leaves no model the default; set \"is_default\" to true in the row of one", name);
  if (s) {
    vecd_catalogue_unpin(&c);
    return s;
  }
  qsort(c->rows, c->n_rows, sizeof *c->rows, by_default_size_id);
  *out = c;
  return VECD_OK;
}

vecd_status vecd_catalogue_new(const char *path, vecd_catalogue **out, vecd_err *err) {
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_err why = {VECD_OK, VECD_NO_POS, ""}; /* kept back: a missing file is no fault */
  vecd_status s = path ? vecd_file_read(path, MOST_FILE_BYTES, &text, &why) : VECD_NOT_FOUND;
  if (!s)
    s = vecd_catalogue_parse(path, (vecd_span){text.ptr ? text.ptr : "", text.len}, out, err);
  else if (s == VECD_NOT_FOUND)
    s = vecd_catalogue_parse(path ? path : "catalogue", (vecd_span){NULL, 0}, out, err);
  else if (err)
    *err = why;
  vecd_buf_fini(&text);
  return s;
}

vecd_catalogue *vecd_catalogue_pin(vecd_catalogue *catalogue) {
  atomic_fetch_add_explicit(&catalogue->n_shares, 1, memory_order_relaxed);
  return catalogue;
}

void vecd_catalogue_unpin(vecd_catalogue **catalogue) {
  vecd_catalogue *c = catalogue ? *catalogue : NULL;
  if (!c) return;
  *catalogue = NULL;
  if (atomic_fetch_sub_explicit(&c->n_shares, 1, memory_order_acq_rel) != 1) return;
  for (size_t i = 0; i < sizeof c->trees / sizeof *c->trees; i++) json_decref(c->trees[i]);
  vecd_free(c->rows);
  vecd_free(c);
}

vecd_catalogue_row *vecd_catalogue_find_id(const vecd_catalogue *c, const char *id) {
  for (size_t i = 0; i < c->n_rows; i++)
    if (strcmp(c->rows[i].id, id) == 0) return &c->rows[i];
  return NULL;
}

const vecd_catalogue_row *vecd_catalogue_get(const vecd_catalogue *c, const char *id) {
  const vecd_catalogue_row *row = vecd_catalogue_find_id(c, id);
  for (size_t i = 0; i < c->n_rows && !row; i++)
    if (c->rows[i].hf_path && strcmp(c->rows[i].hf_path, id) == 0) row = &c->rows[i];
  return row;
}

const vecd_catalogue_row *vecd_catalogue_get_default(const vecd_catalogue *c) {
  for (size_t i = 0; i < c->n_rows; i++)
    if (c->rows[i].is_default) return &c->rows[i];
  return NULL;
}

size_t vecd_catalogue_count(const vecd_catalogue *c) { return c->n_rows; }
const vecd_catalogue_row *vecd_catalogue_at(const vecd_catalogue *c, size_t i) { return &c->rows[i]; }

double vecd_estimated_memory_mb(double size_mb, unsigned stored_bits, vecd_storage storage) {
  static const unsigned bits[] = {
#define X(name, text, n) n,
      VECD_STORAGE_LIST(X)
#undef X
  };
  return size_mb * bits[storage] / (stored_bits ? stored_bits : 32);
}

const char *vecd_catalogue_recommended_quantization(const vecd_catalogue_row *row) {
  if (row->default_quantization) return row->default_quantization;
  return row->parameters_m > LARGE_PARAMETERS_M ? "int8" : "fp32";
}

const char *vecd_storage_name(vecd_storage storage) {
  static const char *const names[] = {
#define X(name, text, bits) text,
      VECD_STORAGE_LIST(X)
#undef X
  };
  return names[storage];
}
