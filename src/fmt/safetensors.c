/* safetensors.c - the header is taken apart and every claim in it checked against the file's real length; only then are
 * tensors handed out. Rules as in the reference (safetensors/src/tensor.rs, https://github.com/huggingface/safetensors), whose
 * limit on the header is kept too. Two of our own: names have at most 512 bytes and tensors at most 8 dimensions. */
#include "fmt/safetensors.h"

#include <limits.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "fmt/json.h"

#define MOST_HEADER_BYTES ((size_t)100000000)
#define MOST_NAME_BYTES   512
#define MOST_VALUES       300000 /* JSON values in a header: room for some 30 000 tensors in some 30 MB */

struct vecd_safetensors {
  vecd_arena arena; /* path, names, tensors */
  const char *path;
  vecd_mapping map; /* the file, or what open_memory borrowed */
  bool borrowed;
  size_t n_tensors;
  vecd_tensor *tensors; /* sorted by name once checked */
};

static const struct {
  const char *name;
  size_t bytes;
} dtypes[] = {
#define X(name, bytes) {#name, bytes},
    VECD_DTYPE_LIST(X)
#undef X
};

const char *vecd_dtype_name(vecd_dtype dtype) { return dtypes[dtype].name; }

size_t vecd_dtype_bytes(vecd_dtype dtype) { return dtypes[dtype].bytes; }

/* The reference's other dtypes: the file is sound, we just cannot read it. */
static bool is_known_elsewhere(const char *dtype) {
  static const char *const names[] = {"F4",      "F6_E2M3",     "F6_E3M2",     "F8_E5M2", "F8_E4M3",
                                      "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(dtype, names[i]) == 0) return true;
  return false;
}

/* A name as it goes into a message: the first bytes of it, whole characters only. */
typedef struct short_name {
  char text[84];
} short_name;

static short_name shorten(const char *name) {
  short_name s;
  size_t len = strlen(name), n = len <= 80 ? len : vecd_utf8_valid_prefix(name, 80);
  memcpy(s.text, name, n);
  memcpy(s.text + n, len > 80 ? "..." : "", len > 80 ? 4 : 1);
  return s;
}

/* The fault is in tensor `name`; `fmt` has no path and no name. */
#define TENSOR_FAULT(code, name, fmt, ...) \
  vecd_err_set(err, code, VECD_NO_POS, "%s: tensor \"%s\": " fmt, st->path, shorten(name).text, __VA_ARGS__)

static vecd_status read_dtype(vecd_safetensors *st, vecd_tensor *t, const json_t *value, vecd_err *err) {
  if (!json_is_string(value))
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "dtype is %s, must be a string", vecd_json_type_name(value));
  const char *text = json_string_value(value);
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(text, dtypes[i].name) == 0 && json_string_length(value) == strlen(text)) {
      t->dtype = (vecd_dtype)i;
      return VECD_OK;
    }
  if (is_known_elsewhere(text)) return TENSOR_FAULT(VECD_UNSUPPORTED, t->name, "dtype %s is not supported", text);
  return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "unknown dtype \"%s\"", shorten(text).text);
}

static vecd_status read_shape(vecd_safetensors *st, vecd_tensor *t, const json_t *value, vecd_err *err) {
  if (!json_is_array(value))
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "shape is %s, must be an array", vecd_json_type_name(value));
  if (json_array_size(value) > VECD_TENSOR_MAX_DIMS)
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "%zu dimensions, at most %d are read", json_array_size(value),
                        VECD_TENSOR_MAX_DIMS);
  t->n_dims = (unsigned)json_array_size(value);
  t->n_values = 1; /* no dimension at all: a single value */
  for (unsigned i = 0; i < t->n_dims; i++) {
    const json_t *dim = json_array_get(value, i);
    if (!json_is_integer(dim) || json_integer_value(dim) < 0)
      return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "dimension %u of its shape is not a whole number >= 0", i);
    t->shape[i] = (size_t)json_integer_value(dim);
    if (__builtin_mul_overflow(t->n_values, t->shape[i], &t->n_values))
      return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "shape overflows at dimension %u", i);
  }
  if (__builtin_mul_overflow(t->n_values, dtypes[t->dtype].bytes, &t->n_bytes))
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "its %zu values overflow", t->n_values);
  return VECD_OK;
}

/* data, n_data: what lies behind the header. */
static vecd_status read_offsets(vecd_safetensors *st, vecd_tensor *t, const json_t *value, const unsigned char *data,
                                size_t n_data, vecd_err *err) {
  json_int_t range[2] = {-1, -1};
  bool pair = json_is_array(value) && json_array_size(value) == 2;
  for (size_t i = 0; i < 2 && pair; i++) {
    const json_t *offset = json_array_get(value, i);
    if (json_is_integer(offset)) range[i] = json_integer_value(offset);
  }
  if (range[0] < 0 || range[1] < 0)
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "%s", "data_offsets must be an array of two whole numbers >= 0");
  size_t begin = (size_t)range[0], end = (size_t)range[1];
  if (begin > end) return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "data_offsets [%zu, %zu] end before they begin", begin, end);
  if (end > n_data)
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name,
                        "data_offsets [%zu, %zu] reach beyond the %zu bytes of data; is the file cut off?", begin, end, n_data);
  if (end - begin != t->n_bytes)
    return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "data_offsets span %zu bytes, its %zu values of %s take %zu", end - begin,
                        t->n_values, dtypes[t->dtype].name, t->n_bytes);
  t->data = data + begin;
  return VECD_OK;
}

/* An entry `name: {"dtype": .., "shape": [..], "data_offsets": [.., ..]}`. Further fields are ignored, as the reference does.
 */
static vecd_status read_tensor(vecd_safetensors *st, const char *name, const json_t *entry, const unsigned char *data,
                               size_t n_data, vecd_err *err) {
  size_t len = strlen(name);
  if (len < 1 || len > MOST_NAME_BYTES)
    return TENSOR_FAULT(VECD_BAD_MODEL, name, "its name has %zu bytes, must have 1 to %d", len, MOST_NAME_BYTES);
  if (!json_is_object(entry))
    return TENSOR_FAULT(VECD_BAD_MODEL, name, "its entry is %s, must be an object", vecd_json_type_name(entry));
  static const char *const fields[] = {"dtype", "shape", "data_offsets"};
  const json_t *values[3];
  for (int i = 0; i < 3; i++)
    if (!(values[i] = json_object_get(entry, fields[i]))) return TENSOR_FAULT(VECD_BAD_MODEL, name, "%s is missing", fields[i]);

  vecd_tensor *t = &st->tensors[st->n_tensors];
  *t = (vecd_tensor){.name = vecd_arena_strndup(&st->arena, name, len)};
  if (!t->name) return vecd_err_no_memory(err, st->path, len + 1);
  vecd_status s = read_dtype(st, t, values[0], err);
  if (!s) s = read_shape(st, t, values[1], err);
  if (!s) s = read_offsets(st, t, values[2], data, n_data, err);
  if (!s) st->n_tensors++;
  return s;
}

static vecd_status check_metadata(vecd_safetensors *st, json_t *metadata, vecd_err *err) {
  if (json_is_null(metadata)) return VECD_OK;
  if (!json_is_object(metadata))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: header: __metadata__ is %s, must be an object", st->path,
                        vecd_json_type_name(metadata));
  const char *key;
  json_t *value;
  json_object_foreach(metadata, key, value) if (!json_is_string(value)) return vecd_err_set(
      err, VECD_BAD_MODEL, VECD_NO_POS, "%s: header: __metadata__ field \"%s\" is %s, must be a string", st->path,
      shorten(key).text, vecd_json_type_name(value));
  return VECD_OK;
}

static int by_place(const void *a, const void *b) {
  const vecd_tensor *x = a, *y = b;
  if (x->data != y->data) return x->data < y->data ? -1 : 1;
  return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const vecd_tensor *)a)->name, ((const vecd_tensor *)b)->name);
}

/* The tensors must cover the data, each byte once: a file with holes could be something else at the same time. */
static vecd_status check_cover(vecd_safetensors *st, const unsigned char *data, size_t n_data, vecd_err *err) {
  qsort(st->tensors, st->n_tensors, sizeof *st->tensors, by_place);
  size_t covered = 0;
  for (size_t i = 0; i < st->n_tensors; i++) {
    const vecd_tensor *t = &st->tensors[i];
    size_t begin = (size_t)(t->data - data);
    if (begin < covered)
      return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "overlaps tensor \"%s\" from byte %zu of the data",
                          shorten(st->tensors[i - 1].name).text, begin);
    if (begin > covered)
      return TENSOR_FAULT(VECD_BAD_MODEL, t->name, "a gap of %zu bytes lies before it, at byte %zu of the data",
                          begin - covered, covered);
    covered = begin + t->n_bytes;
  }
  if (covered < n_data)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %zu bytes follow the last tensor and belong to none", st->path,
                        n_data - covered);
  return VECD_OK;
}

static vecd_status read_tensors(vecd_safetensors *st, json_t *header, const unsigned char *data, size_t n_data, vecd_err *err) {
  if (!json_is_object(header))
    return vecd_err_set(err, VECD_BAD_MODEL, 8, "%s: header is %s, must be an object", st->path, vecd_json_type_name(header));
  size_t n = json_object_size(header);
  st->tensors = vecd_arena_zero(&st->arena, n + 1, sizeof *st->tensors);
  if (!st->tensors) return vecd_err_no_memory(err, st->path, n * sizeof *st->tensors);
  const char *name;
  json_t *entry;
  json_object_foreach(header, name, entry) {
    bool metadata = strcmp(name, "__metadata__") == 0;
    vecd_status s = metadata ? check_metadata(st, entry, err) : read_tensor(st, name, entry, data, n_data, err);
    if (s) return s;
  }
  vecd_status s = check_cover(st, data, n_data, err);
  if (s) return s;
  qsort(st->tensors, st->n_tensors, sizeof *st->tensors, by_name);
  return VECD_OK;
}

static vecd_status read_file(vecd_safetensors *st, vecd_err *err) {
  const unsigned char *p = st->map.ptr;
  size_t len = st->map.len;
  if (len < 8)
    return vecd_err_set(err, VECD_BAD_MODEL, 0, "%s: %zu bytes long, too short for a safetensors file", st->path, len);
  uint64_t n_header = 0;
  for (int i = 8; i-- > 0;) n_header = n_header << 8 | p[i];
  if (n_header > MOST_HEADER_BYTES)
    return vecd_err_set(err, VECD_BAD_MODEL, 0, "%s: header length is %llu, at most %zu is read; is this a safetensors file?",
                        st->path, (unsigned long long)n_header, MOST_HEADER_BYTES);
  if (n_header > len - 8)
    return vecd_err_set(err, VECD_BAD_MODEL, 0, "%s: header length is %llu but only %zu bytes follow; is the file cut off?",
                        st->path, (unsigned long long)n_header, len - 8);
  if (n_header > 0 && p[8] != '{') /* as the format demands; it also spares us from reading 100 MB of something else */
    return vecd_err_set(err, VECD_BAD_MODEL, 8, "%s: header must begin with '{'; is this a safetensors file?", st->path);
  json_t *header = NULL;
  vecd_span text = {(const char *)p + 8, (size_t)n_header};
  vecd_status s = vecd_json_parse_most("header", text, MOST_VALUES, &header, err);
  if (!s)
    s = read_tensors(st, header, p + 8 + n_header, len - 8 - (size_t)n_header, err);
  else if (s == VECD_BAD_SYNTAX) {
    s = VECD_BAD_MODEL;
    if (err) {
      err->code = s;
      if (err->pos != VECD_NO_POS) err->pos += 8;
      vecd_err_context(err, s, "%s", st->path);
    }
  }
  json_decref(header);
  return s;
}

/* bytes NULL: map the file. */
static vecd_status open_either(const char *path, const unsigned char *bytes, size_t n_bytes, vecd_safetensors **out,
                               vecd_err *err) {
  vecd_safetensors *st = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *st);
  if (!st) return vecd_err_no_memory(err, path, sizeof *st);
  vecd_arena_init(&st->arena, VECD_MEM_MISC);
  st->path = vecd_arena_strndup(&st->arena, path, strlen(path));
  vecd_status s = st->path ? VECD_OK : vecd_err_no_memory(err, path, strlen(path) + 1);
  if (!s && bytes) {
    st->map = (vecd_mapping){bytes, n_bytes};
    st->borrowed = true;
  } else if (!s) {
    s = vecd_mapping_open(path, &st->map, err);
  }
  if (!s) s = read_file(st, err);
  if (s)
    vecd_safetensors_close(&st);
  else
    *out = st;
  return s;
}

vecd_status vecd_safetensors_open(const char *path, vecd_safetensors **out, vecd_err *err) {
  return open_either(path, NULL, 0, out, err);
}

vecd_status vecd_safetensors_open_memory(const char *path, const unsigned char *bytes, size_t n_bytes, vecd_safetensors **out,
                                         vecd_err *err) {
  return open_either(path, bytes, n_bytes, out, err);
}

void vecd_safetensors_close(vecd_safetensors **st) {
  vecd_safetensors *s = st ? *st : NULL;
  if (!s) return;
  if (!s->borrowed) vecd_mapping_close(&s->map);
  vecd_arena_fini(&s->arena);
  vecd_free(s);
  *st = NULL;
}

const vecd_tensor *vecd_safetensors_find(const vecd_safetensors *st, const char *name) {
  size_t low = 0, high = st->n_tensors;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = strcmp(name, st->tensors[mid].name);
    if (order == 0) return &st->tensors[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

size_t vecd_safetensors_count(const vecd_safetensors *st) { return st->n_tensors; }

const vecd_tensor *vecd_safetensors_at(const vecd_safetensors *st, size_t i) {
  vecd_assert(i < st->n_tensors);
  return &st->tensors[i];
}

void vecd_safetensors_drop(const vecd_safetensors *st, const vecd_tensor *t) {
  /* Memory that was lent to us need not be a file's: dropping its pages would lose what is in them. */
  if (!st->borrowed) vecd_mapping_drop(&st->map, (size_t)(t->data - st->map.ptr), t->n_bytes);
}

const char *vecd_safetensors_path(const vecd_safetensors *st) { return st->path; }
