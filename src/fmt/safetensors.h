/* safetensors.h - one mapped .safetensors file, checked entirely before any of it is used.
 *
 * Format: 8 bytes little-endian header length, a JSON object {name: {dtype, shape, data_offsets: [begin, end]}, ...} with an
 * optional "__metadata__", then the data (https://github.com/huggingface/safetensors). Checked: length, JSON, dtypes, shapes,
 * that product of shape times size of dtype equals end - begin, that the ranges cover the data with neither overlap nor gap. */
#ifndef VECD_FMT_SAFETENSORS_H
#define VECD_FMT_SAFETENSORS_H

#include <stdint.h>

#include "base/file.h"

#define VECD_TENSOR_MAX_DIMS 8

/* dtype name, bytes a value. Readers of weights take F32, F16 and BF16; the others may stand in a file unused. */
#define VECD_DTYPE_LIST(X) \
  X(F32, 4)                \
  X(F16, 2) X(BF16, 2) X(F64, 8) X(I64, 8) X(I32, 4) X(I16, 2) X(I8, 1) X(U64, 8) X(U32, 4) X(U16, 2) X(U8, 1) X(BOOL, 1)

typedef enum vecd_dtype {
#define X(name, bytes) VECD_DTYPE_##name,
  VECD_DTYPE_LIST(X)
#undef X
} vecd_dtype;

typedef struct vecd_tensor {
  const char *name; /* NUL-terminated, 1..512 bytes, the file's own */
  vecd_dtype dtype;
  unsigned n_dims;
  size_t shape[VECD_TENSOR_MAX_DIMS];
  size_t n_values;           /* product of shape */
  const unsigned char *data; /* n_values little-endian values, unaligned, inside the mapping */
  size_t n_bytes;
} vecd_tensor;

typedef struct vecd_safetensors vecd_safetensors;

/* VECD_OK; VECD_NOT_FOUND; VECD_IO; VECD_BAD_MODEL (err names file, tensor and fault); VECD_UNSUPPORTED a dtype not in the list
 * above, by name; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_safetensors_open(const char *path, vecd_safetensors **out, vecd_err *err);

/* The same for a file that lies in memory, borrowed until close; errors call it `path`. */
VECD_CHECK vecd_status vecd_safetensors_open_memory(const char *path, const unsigned char *bytes, size_t n_bytes,
                                                    vecd_safetensors **out, vecd_err *err);

void vecd_safetensors_close(vecd_safetensors **st);

/* The tensor called `name`, or NULL. Lives until close. */
const vecd_tensor *vecd_safetensors_find(const vecd_safetensors *st, const char *name);

/* All tensors, by name in the order of strcmp(). */
size_t vecd_safetensors_count(const vecd_safetensors *st);
const vecd_tensor *vecd_safetensors_at(const vecd_safetensors *st, size_t i);

/* The kernel may take back the tensor's pages: it has been packed and is not needed soon. */
void vecd_safetensors_drop(const vecd_safetensors *st, const vecd_tensor *t);

const char *vecd_safetensors_path(const vecd_safetensors *st);
const char *vecd_dtype_name(vecd_dtype dtype);
size_t vecd_dtype_bytes(vecd_dtype dtype);

#endif
