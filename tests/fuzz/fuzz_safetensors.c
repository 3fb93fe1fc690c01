/* fuzz_safetensors.c - any bytes as a .safetensors file: whatever opens must keep its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "fmt/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Every tensor lies in the file, has the size its shape says and is found by its name; together they are all of the data. */
static void check(const vecd_safetensors *st, const uint8_t *data, size_t len) {
  size_t total = 0, n_header = 0;
  for (int i = 8; i-- > 0;) n_header = n_header << 8 | data[i];
  for (size_t i = 0; i < vecd_safetensors_count(st); i++) {
    const vecd_tensor *t = vecd_safetensors_at(st, i);
    vecd_assert(vecd_safetensors_find(st, t->name) == t);
    size_t n = 1;
    for (unsigned k = 0; k < t->n_dims; k++) n *= t->shape[k];
    vecd_assert(t->n_dims <= VECD_TENSOR_MAX_DIMS && n == t->n_values && n * vecd_dtype_bytes(t->dtype) == t->n_bytes);
    vecd_assert(t->data >= data + 8 + n_header && t->data <= data + len && t->n_bytes <= (size_t)(data + len - t->data));
    total += t->n_bytes;
  }
  vecd_assert(total == len - 8 - n_header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len == 0) return 0; /* the mapping of an empty file has no address to lend */
  vecd_safetensors *st = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_safetensors_open_memory("file", data, len, &st, &err);
  vecd_assert(s == err.code && (s == VECD_OK) == (st != NULL));
  vecd_assert(s == VECD_OK || s == VECD_BAD_MODEL || s == VECD_UNSUPPORTED);
  vecd_assert(vecd_utf8_valid_prefix(err.text, strlen(err.text)) == strlen(err.text));
  if (st) check(st, data, len);
  vecd_safetensors_close(&st);
  return 0;
}
