/* fuzz_catalogue.c - any bytes as a user's catalogue. Whatever is taken must keep what the header promises: a default, rows in order,
 * each found by its id, with nothing in it that a path, a terminal or a line could stumble over. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "registry/catalogue.h"
#include "registry/hub_cache.h"
#include "registry/model_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_line(const char *text) {
  for (; text && *text; text++) vecd_assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_row(const vecd_catalogue *c, const vecd_catalogue_row *row) {
  vecd_assert(vecd_catalogue_get(c, row->id) == row);
  vecd_assert(vecd_model_id_is_valid(vecd_span_of(row->id)));
  vecd_assert(!row->hf_path || vecd_hub_id_is_valid(vecd_span_of(row->hf_path)));
  vecd_assert(row->name);
  check_line(row->name);
  check_line(row->description);
  vecd_assert(row->stored_bits == 16 || row->stored_bits == 32);
  vecd_assert(row->size_mb >= 0 && vecd_estimated_memory_mb(row->size_mb, row->stored_bits, VECD_STORAGE_FP32) >= row->size_mb);
  vecd_assert(vecd_catalogue_recommended_quantization(row));
  vecd_assert(!row->prompts || json_is_object(row->prompts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  size_t before = vecd_mem_total_bytes();
  vecd_catalogue *c = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_catalogue_parse("catalogue.json", (vecd_span){(const char *)data, len}, &c, &err);
  vecd_assert(s == (data ? err.code : VECD_OK));
  vecd_assert(s == VECD_OK || s == VECD_BAD_MODEL);
  vecd_assert((s == VECD_OK) == (c != NULL));
  vecd_assert(vecd_utf8_valid_prefix(err.text, strlen(err.text)) == strlen(err.text));
  size_t n_defaults = 0;
  for (size_t i = 0; c && i < vecd_catalogue_count(c); i++) {
    check_row(c, vecd_catalogue_at(c, i));
    n_defaults += vecd_catalogue_at(c, i)->is_default;
  }
  vecd_assert(!c || (n_defaults == 1 && vecd_catalogue_at(c, 0)->is_default));
  vecd_catalogue_unpin(&c);
  vecd_assert(vecd_mem_total_bytes() == before);
  return 0;
}
