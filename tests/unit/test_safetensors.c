/* test_safetensors.c - sound files of every shape, and each lie a header can tell: refused by name, without a byte out of place
 * (the sanitizer builds look) and without memory on the header's word (the allocation counters look). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fmt/json.h"
#include "fmt/safetensors.h"

/* Length, header, n_data bytes 0, 1, 2...; in a block of exactly that size, so that a read beyond it is seen. */
static unsigned char *make(const char *header, size_t n_data, size_t *len) {
  size_t n = strlen(header);
  *len = 8 + n + n_data;
  unsigned char *bytes = malloc(*len);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
  memcpy(bytes + 8, header, n);
  for (size_t i = 0; i < n_data; i++) bytes[8 + n + i] = (unsigned char)i;
  return bytes;
}

static const char good[] =
    "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
    "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"scalar\":{\"dtype\":\"I64\",\"shape\":[],"
    "\"data_offsets\":[20,28],\"later\":1},\"none\":{\"dtype\":\"BF16\",\"shape\":[3,0,5],\"data_offsets\":[8,8]},"
    "\"end\":{\"dtype\":\"BOOL\",\"shape\":[0],\"data_offsets\":[28,28]}}   ";

static void check_good(const vecd_safetensors *st) {
  static const char *const names[] = {"a", "b", "end", "none", "scalar"};
  assert_int_equal(vecd_safetensors_count(st), 5);
  for (size_t i = 0; i < 5; i++) {
    assert_string_equal(vecd_safetensors_at(st, i)->name, names[i]);
    assert_ptr_equal(vecd_safetensors_find(st, names[i]), vecd_safetensors_at(st, i));
  }
  assert_null(vecd_safetensors_find(st, "__metadata__"));
  assert_null(vecd_safetensors_find(st, ""));
  assert_null(vecd_safetensors_find(st, "zzz"));
  const vecd_tensor *a = vecd_safetensors_find(st, "a"), *b = vecd_safetensors_find(st, "b"),
                    *s = vecd_safetensors_find(st, "scalar"), *none = vecd_safetensors_find(st, "none");
  assert_true(a->dtype == VECD_DTYPE_F32 && a->n_dims == 1 && a->shape[0] == 2 && a->n_values == 2 && a->n_bytes == 8);
  assert_true(b->dtype == VECD_DTYPE_F16 && b->n_dims == 2 && b->shape[0] == 2 && b->shape[1] == 3 && b->n_values == 6);
  assert_true(s->dtype == VECD_DTYPE_I64 && s->n_dims == 0 && s->n_values == 1 && s->n_bytes == 8);
  assert_true(none->n_dims == 3 && none->n_values == 0 && none->n_bytes == 0);
  for (int i = 0; i < 8; i++) assert_int_equal(a->data[i], i);
  assert_int_equal(b->data[0], 8);
  assert_int_equal(s->data[7], 27);
}

static void sound_files_open(void **state) {
  (void)state;
  size_t len;
  unsigned char *bytes = make(good, 28, &len);
  vecd_safetensors *st = NULL;
  vecd_err err;
  assert_int_equal(vecd_safetensors_open_memory("m", bytes, len, &st, &err), VECD_OK);
  check_good(st);
  vecd_safetensors_drop(st, vecd_safetensors_find(st, "a"));
  check_good(st); /* lent memory keeps its content */
  assert_string_equal(vecd_safetensors_path(st), "m");
  vecd_safetensors_close(&st);
  assert_null(st);
  vecd_safetensors_close(&st);
  vecd_safetensors_close(NULL);

  char path[] = "/tmp/vecd-test-XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(write(fd, bytes, len), len);
  close(fd);
  assert_int_equal(vecd_safetensors_open(path, &st, &err), VECD_OK);
  check_good(st);
  vecd_safetensors_drop(st, vecd_safetensors_find(st, "a"));
  check_good(st); /* comes back from the file */
  vecd_safetensors_close(&st);
  remove(path);
  assert_int_equal(vecd_safetensors_open(path, &st, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_safetensors_open("/tmp", &st, &err), VECD_IO);
  free(bytes);

  bytes = make("{}", 0, &len); /* nothing in it is sound too */
  assert_int_equal(vecd_safetensors_open_memory("m", bytes, len, &st, &err), VECD_OK);
  assert_int_equal(vecd_safetensors_count(st), 0);
  assert_null(vecd_safetensors_find(st, "a"));
  vecd_safetensors_close(&st);
  free(bytes);
  assert_string_equal(vecd_dtype_name(VECD_DTYPE_BF16), "BF16");
  assert_int_equal(vecd_dtype_bytes(VECD_DTYPE_F64), 8);
}

#define T(dtype, shape, offsets) "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void lies_are_named(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t n_data;
    vecd_status status;
    const char *words[2]; /* in the message, besides the file */
  } cases[] = {
      {"", 0, VECD_BAD_MODEL, {"header", "empty"}},
      {"[]", 0, VECD_BAD_MODEL, {"header must begin with '{'", NULL}},
      {" {}", 0, VECD_BAD_MODEL, {"header must begin with '{'", NULL}},
      {"{", 0, VECD_BAD_MODEL, {"header", "line 1, column 2"}},
      {"{\"a\":1}", 0, VECD_BAD_MODEL, {"\"a\"", "integer"}},
      {"{\"a\":{}}", 0, VECD_BAD_MODEL, {"\"a\"", "dtype is missing"}},
      {"{\"a\":{\"dtype\":\"F32\"}}", 0, VECD_BAD_MODEL, {"\"a\"", "shape is missing"}},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, VECD_BAD_MODEL, {"\"a\"", "data_offsets is missing"}},
      {"{\"a\":" T("7", "[1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "dtype is integer"}},
      {"{\"a\":" T("\"F33\"", "[1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "unknown dtype \"F33\""}},
      {"{\"a\":" T("\"f32\"", "[1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "unknown dtype"}},
      {"{\"a\":" T("\"F32\\u0000\"", "[1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "unknown dtype"}},
      {"{\"a\":" T("\"F8_E4M3\"", "[4]", "[0,4]") "}", 4, VECD_UNSUPPORTED, {"\"a\"", "F8_E4M3"}},
      {"{\"a\":" T("\"C64\"", "[4]", "[0,32]") "}", 32, VECD_UNSUPPORTED, {"\"a\"", "C64"}},
      {"{\"a\":" T("\"F32\"", "1", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "shape is integer"}},
      {"{\"a\":" T("\"F32\"", "[-1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "dimension 0"}},
      {"{\"a\":" T("\"F32\"", "[1,1.0]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "dimension 1"}},
      {"{\"a\":" T("\"F32\"", "[\"1\"]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "dimension 0"}},
      {"{\"a\":" T("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "9 dimensions"}},
      {"{\"a\":" T("\"F32\"", "[4294967296,4294967296]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "overflow"}},
      {"{\"a\":" T("\"F32\"", "[4294967296,4294967296,0]", "[0,0]") "}", 0, VECD_BAD_MODEL, {"\"a\"", "overflow"}},
      {"{\"a\":" T("\"F32\"", "[4611686018427387905]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "overflow"}},
      {"{\"a\":" T("\"F32\"", "[1]", "7") "}", 4, VECD_BAD_MODEL, {"\"a\"", "data_offsets"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[0]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "data_offsets"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[0,4,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "data_offsets"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[-4,0]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "data_offsets"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[0,4.0]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "data_offsets"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[4,0]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "end before"}},
      {"{\"a\":" T("\"F32\"", "[2]", "[0,8]") "}", 7, VECD_BAD_MODEL, {"\"a\"", "beyond the 7 bytes"}},
      {"{\"a\":" T("\"F32\"", "[1]", "[9223372036854775803,9223372036854775807]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "beyond"}},
      {"{\"a\":" T("\"F32\"", "[2]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "span 4 bytes"}},
      {"{\"a\":" T("\"F32\"", "[0]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"\"a\"", "span 4 bytes"}},
      {"{\"a\":" T("\"U8\"", "[4]", "[0,4]") ",\"b\":" T("\"U8\"", "[4]", "[2,6]") "}",
       6,
       VECD_BAD_MODEL,
       {"\"b\"", "overlaps tensor \"a\""}},
      {"{\"a\":" T("\"U8\"", "[4]", "[0,4]") ",\"b\":" T("\"U8\"", "[4]", "[0,4]") "}", 4, VECD_BAD_MODEL, {"overlaps", NULL}},
      {"{\"a\":" T("\"U8\"", "[4]", "[0,4]") ",\"b\":" T("\"U8\"", "[4]", "[6,10]") "}",
       10,
       VECD_BAD_MODEL,
       {"\"b\"", "gap of 2 bytes"}},
      {"{\"a\":" T("\"U8\"", "[4]", "[1,5]") "}", 5, VECD_BAD_MODEL, {"\"a\"", "gap of 1 bytes"}},
      {"{\"a\":" T("\"U8\"", "[4]", "[0,4]") ",\"b\":" T("\"U8\"", "[0]", "[2,2]") "}",
       4,
       VECD_BAD_MODEL,
       {"\"b\"", "overlaps"}},
      {"{\"a\":" T("\"U8\"", "[4]", "[0,4]") "}", 6, VECD_BAD_MODEL, {"2 bytes follow the last tensor", NULL}},
      {"{}", 1, VECD_BAD_MODEL, {"1 bytes follow", NULL}},
      {"{\"a\":" T("\"U8\"", "[1]", "[0,1]") ",\"a\":" T("\"U8\"", "[1]", "[0,1]") "}",
       1,
       VECD_BAD_MODEL,
       {"header", "second time"}},
      {"{\"\":" T("\"U8\"", "[1]", "[0,1]") "}", 1, VECD_BAD_MODEL, {"name has 0 bytes", NULL}},
      {"{\"a\\u0000\":" T("\"U8\"", "[1]", "[0,1]") "}", 1, VECD_BAD_MODEL, {"header", "\\u0000 in a key"}},
      {"{\"__metadata__\":[]}", 0, VECD_BAD_MODEL, {"__metadata__", "array"}},
      {"{\"__metadata__\":{\"k\":1}}", 0, VECD_BAD_MODEL, {"__metadata__", "\"k\" is integer"}},
  };
  size_t before = vecd_mem_total_bytes();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t len;
    unsigned char *bytes = make(cases[i].header, cases[i].n_data, &len);
    vecd_safetensors *st = NULL;
    vecd_err err = {VECD_OK, 0, ""};
    vecd_status s = vecd_safetensors_open_memory("the/file", bytes, len, &st, &err);
    if (s != cases[i].status || err.code != s || st || strncmp(err.text, "the/file: ", 10) != 0 ||
        !strstr(err.text, cases[i].words[0]) || (cases[i].words[1] && !strstr(err.text, cases[i].words[1])))
      fail_msg("case %zu: %d %s", i, s, err.text);
    assert_int_equal(vecd_safetensors_open_memory("the/file", bytes, len, &st, NULL), s);
    assert_int_equal(vecd_mem_total_bytes(), before);
    free(bytes);
  }
}

static void names_have_512_bytes_at_most(void **state) {
  (void)state;
  for (size_t n = 511; n <= 513; n++) {
    char name[600] = "", header[800];
    for (size_t i = 0; i + 1 < n; i += 2) memcpy(name + i, "\xc3\xa4", 3);
    if (n % 2) name[n - 1] = 'x', name[n] = '\0';
    snprintf(header, sizeof header, "{\"%s\":%s}", name, T("\"U8\"", "[1]", "[0,1]"));
    size_t len;
    unsigned char *bytes = make(header, 1, &len);
    vecd_safetensors *st = NULL;
    vecd_err err;
    assert_int_equal(vecd_safetensors_open_memory("m", bytes, len, &st, &err), n <= 512 ? VECD_OK : VECD_BAD_MODEL);
    if (n <= 512)
      assert_non_null(vecd_safetensors_find(st, name));
    else
      assert_non_null(strstr(err.text, "...\": its name has 513 bytes"));
    vecd_safetensors_close(&st);
    free(bytes);
  }
}

static void wrong_lengths_are_refused(void **state) {
  (void)state;
  size_t len;
  unsigned char *bytes = make(good, 28, &len);
  vecd_safetensors *st = NULL;
  vecd_err err;
  for (size_t cut = 0; cut < len; cut++) { /* a file cut off anywhere */
    unsigned char *part = malloc(cut ? cut : 1);
    memcpy(part, bytes, cut);
    assert_int_equal(vecd_safetensors_open_memory("m", part, cut, &st, &err), VECD_BAD_MODEL);
    free(part);
  }
  static const uint64_t lengths[] = {0, 1, 100000001, UINT32_MAX, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63};
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(lengths[k] >> 8 * i);
    assert_int_equal(vecd_safetensors_open_memory("m", bytes, len, &st, &err), VECD_BAD_MODEL);
    assert_non_null(strstr(err.text, "header"));
  }
  free(bytes);
}

/* 3 MB of "[],[],..." would become more than 100 MB of values. */
static void memory_is_bounded(void **state) {
  (void)state;
  size_t n = 3 << 20;
  char *header = malloc(n + 1);
  for (size_t i = 0; i + 3 <= n; i += 3) memcpy(header + i, "[],", 3);
  memcpy(header, "{\"a\":[", 6);
  header[n] = '\0';
  size_t len;
  unsigned char *bytes = make(header, 0, &len);
  vecd_safetensors *st = NULL;
  vecd_err err;
  assert_int_equal(vecd_safetensors_open_memory("m", bytes, len, &st, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "too many values"));
  free(bytes);
  free(header);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  size_t len, before = vecd_mem_total_bytes();
  unsigned char *bytes = make(good, 28, &len);
  for (uint64_t n = 1;; n++) {
    vecd_safetensors *st = NULL;
    vecd_err err = {VECD_OK, 0, ""};
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_safetensors_open_memory("m", bytes, len, &st, &err);
    vecd_mem_fail_nth(0);
    if (!s) check_good(st);
    vecd_safetensors_close(&st);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s) break;
    assert_int_equal(s, VECD_NO_MEMORY);
    assert_int_equal(err.code, VECD_NO_MEMORY);
  }
  free(bytes);
}

int main(void) {
  vecd_json_count_memory();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sound_files_open),
      cmocka_unit_test(lies_are_named),
      cmocka_unit_test(names_have_512_bytes_at_most),
      cmocka_unit_test(wrong_lengths_are_refused),
      cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
