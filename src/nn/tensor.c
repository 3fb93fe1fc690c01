/* tensor.c - finding a tensor is checking it: nobody computes with one that is not what its folder's config.json says. */
#include "nn/tensor.h"

#include <stdio.h>
#include <string.h>

#include "base/finite.h"
#include "nn/half.h"

vecd_status vecd_tensor_fault(const vecd_checkpoint *file, const char *name, const char *what, vecd_err *err) {
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%s\" %s", vecd_checkpoint_file_of(file, name), name,
                      what);
}

vecd_status vecd_tensor_find(const vecd_checkpoint *file, const char *name, size_t rows, size_t cols, const vecd_tensor **out,
                             vecd_err *err) {
  char what[160];
  const vecd_tensor *t = vecd_checkpoint_find(file, name);
  if (!t) return vecd_tensor_fault(file, name, "is missing", err);
  if (t->dtype != VECD_DTYPE_F32 && t->dtype != VECD_DTYPE_F16 && t->dtype != VECD_DTYPE_BF16) {
    snprintf(what, sizeof what, "has values of type %s: only F32, F16 and BF16 weights are read", vecd_dtype_name(t->dtype));
    return vecd_tensor_fault(file, name, what, err);
  }
  if (t->n_dims != (cols ? 2u : 1u) || t->shape[0] != rows || (cols && t->shape[1] != cols)) {
    int n = snprintf(what, sizeof what, "has shape [");
    for (unsigned i = 0; i < t->n_dims && n < 100; i++)
      n += snprintf(what + n, sizeof what - (size_t)n, i ? ", %zu" : "%zu", t->shape[i]);
    if (cols)
      snprintf(what + n, sizeof what - (size_t)n, "], config.json asks for [%zu, %zu]", rows, cols);
    else
      snprintf(what + n, sizeof what - (size_t)n, "], config.json asks for [%zu]", rows);
    return vecd_tensor_fault(file, name, what, err);
  }
  *out = t;
  return VECD_OK;
}

void vecd_tensor_read_f32(const vecd_tensor *t, size_t first, size_t n, float *out) {
  const unsigned char *p = t->data + first * vecd_dtype_bytes(t->dtype);
  uint16_t h;
  switch (t->dtype) {
  case VECD_DTYPE_F32: memcpy(out, p, n * sizeof *out); break;
  case VECD_DTYPE_F16:
    for (size_t i = 0; i < n; i++) memcpy(&h, p + 2 * i, 2), out[i] = vecd_f16_f32(h);
    break;
  case VECD_DTYPE_BF16:
    for (size_t i = 0; i < n; i++) memcpy(&h, p + 2 * i, 2), out[i] = vecd_bf16_f32(h);
    break;
  default: vecd_assert(!"a checked tensor is F32, F16 or BF16");
  }
}

vecd_status vecd_tensor_read_finite(const vecd_checkpoint *file, const vecd_tensor *t, size_t first, size_t n, float *out,
                                    vecd_err *err) {
  vecd_tensor_read_f32(t, first, n, out);
  return vecd_all_finite(out, n) ? VECD_OK : vecd_tensor_fault(file, t->name, "holds NaN or infinity", err);
}
