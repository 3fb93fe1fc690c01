/* test_checkpoint.c - weights in one file and in several: what is found where, and what is said of an index and shards that do not
 * fit each other. */
#define _GNU_SOURCE /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fmt/checkpoint.h"

static char dir[64];

static const char *at(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void put(const char *name, const void *bytes, size_t len) {
  FILE *f = fopen(at(name), "w");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  fclose(f);
}

/* A .safetensors file of one-value tensors, one for each letter of `names`; its value is `value`. */
static void put_weights(const char *name, const char *names, float value) {
  char header[1024];
  unsigned char file[2048] = {0};
  size_t n = 0, count = strlen(names);
  for (size_t i = 0; i < count; i++)
    n +=
        (size_t)snprintf(header + n, sizeof header - n, "%s\"%c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                         i ? "," : "{", names[i], 4 * i, 4 * i + 4);
  n += (size_t)snprintf(header + n, sizeof header - n, count ? "}" : "{}");
  file[0] = (unsigned char)n;
  file[1] = (unsigned char)(n >> 8);
  memcpy(file + 8, header, n);
  for (size_t i = 0; i < count; i++) memcpy(file + 8 + n + 4 * i, &value, 4);
  put(name, file, 8 + n + 4 * count);
}

static void put_index(const char *text) { put("model.safetensors.index.json", text, strlen(text)); }

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
  (void)st, (void)type, (void)where;
  return remove(path);
}

static int setup(void **state) {
  (void)state;
  strcpy(dir, "/tmp/vecd-test-XXXXXX");
  if (!mkdtemp(dir)) return -1;
  assert_int_equal(mkdir(at("more"), 0700), 0);
  put_weights("one.safetensors", "ab", 1);
  put_weights("more/two.safetensors", "cd", 2);
  put_weights("three.safetensors", "bx", 3);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static float value_of(const vecd_checkpoint *c, const char *name) {
  const vecd_tensor *t = vecd_checkpoint_find(c, name);
  float value;
  assert_non_null(t);
  assert_string_equal(t->name, name);
  memcpy(&value, t->data, 4);
  return value;
}

static void one_file_is_a_checkpoint(void **state) {
  (void)state;
  vecd_checkpoint *c = NULL;
  size_t before = vecd_mem_total_bytes();
  assert_int_equal(vecd_checkpoint_open(at("one.safetensors"), &c, NULL), VECD_OK);
  assert_true(value_of(c, "a") == 1 && value_of(c, "b") == 1);
  assert_null(vecd_checkpoint_find(c, "c"));
  vecd_checkpoint_drop(c, vecd_checkpoint_find(c, "a"));
  assert_true(value_of(c, "a") == 1);
  assert_int_equal(vecd_checkpoint_n_shards(c), 1);
  assert_string_equal(vecd_safetensors_path(vecd_checkpoint_shard(c, 0)), at("one.safetensors"));
  assert_string_equal(vecd_checkpoint_file_of(c, "c"), at("one.safetensors"));
  vecd_checkpoint_close(&c);
  assert_null(c);
  vecd_checkpoint_close(&c);
  vecd_checkpoint_close(NULL);
  assert_int_equal(vecd_mem_total_bytes(), before);
  assert_int_equal(vecd_checkpoint_open(at("none.safetensors"), &c, NULL), VECD_NOT_FOUND);
}

static void an_index_brings_its_shards(void **state) {
  (void)state;
  vecd_checkpoint *c = NULL;
  vecd_err err;
  put_index("{\"metadata\":{\"total_size\":16},\"weight_map\":{\"a\":\"one.safetensors\",\"d\":\"more/two.safetensors\","
            "\"b\":\"one.safetensors\"}}");
  if (vecd_checkpoint_open(at("model.safetensors.index.json"), &c, &err)) fail_msg("%s", err.text);
  assert_true(value_of(c, "a") == 1 && value_of(c, "b") == 1 && value_of(c, "d") == 2);
  assert_true(value_of(c, "c") == 2); /* not in the map, but in a shard */
  assert_null(vecd_checkpoint_find(c, "x"));
  assert_int_equal(vecd_checkpoint_n_shards(c), 2);
  assert_string_equal(vecd_checkpoint_file_of(c, "d"), at("more/two.safetensors"));
  assert_string_equal(vecd_checkpoint_file_of(c, "x"), at("model.safetensors.index.json"));
  vecd_checkpoint_drop(c, vecd_checkpoint_find(c, "d"));
  assert_true(value_of(c, "d") == 2);
  vecd_checkpoint_close(&c);
  assert_int_equal(chdir(dir), 0); /* a path without a folder in it */
  assert_int_equal(vecd_checkpoint_open("model.safetensors.index.json", &c, NULL), VECD_OK);
  vecd_checkpoint_close(&c);
  assert_int_equal(chdir("/"), 0);
}

static void what_does_not_fit_is_named(void **state) {
  (void)state;
#define MAP(entries) "{\"weight_map\":{" entries "}}"
  static const struct {
    const char *index;
    vecd_status status;
    const char *words[3];
  } cases[] = {
      {"", VECD_BAD_MODEL, {"index.json", "empty", ""}},
      {"[]", VECD_BAD_MODEL, {"index.json", "weight_map", ""}},
      {"{}", VECD_BAD_MODEL, {"index.json", "weight_map", ""}},
      {"{\"weight_map\":[]}", VECD_BAD_MODEL, {"index.json", "weight_map", ""}},
      {MAP(""), VECD_BAD_MODEL, {"index.json", "weight_map", ""}},
      {MAP("\"a\":1"), VECD_BAD_MODEL, {"index.json", "\"a\"", "integer"}},
      {MAP("\"a\":\"\""), VECD_BAD_MODEL, {"index.json", "\"a\"", "leaves"}},
      {MAP("\"a\":\"../one.safetensors\""), VECD_BAD_MODEL, {"index.json", "\"a\"", "leaves"}},
      {MAP("\"a\":\"more/../../one.safetensors\""), VECD_BAD_MODEL, {"index.json", "\"a\"", "leaves"}},
      {MAP("\"a\":\"/etc/passwd\""), VECD_BAD_MODEL, {"index.json", "\"a\"", "leaves"}},
      {MAP("\"a\":\"one.safetensors\\u0000\""), VECD_BAD_MODEL, {"index.json", "\"a\"", "leaves"}},
      {MAP("\"a\":\"none.safetensors\""), VECD_NOT_FOUND, {"none.safetensors: file missing", "\"a\"", "index"}},
      {MAP("\"a\":\"more\""), VECD_IO, {"more", "not a regular file", ""}},
      {MAP("\"a\":\"one.safetensors\",\"z\":\"one.safetensors\""),
       VECD_BAD_MODEL,
       {"one.safetensors", "\"z\" is missing", "index.json"}},
      {MAP("\"a\":\"one.safetensors\",\"x\":\"three.safetensors\""),
       VECD_BAD_MODEL,
       {"three.safetensors", "\"b\" lies in", "one.safetensors too"}},
      {MAP("\"a\":\"one.safetensors\",\"a\":\"three.safetensors\""), VECD_BAD_MODEL, {"index.json", "second time", ""}},
      {MAP("\"a\":\"model.safetensors.index.json\""), VECD_BAD_MODEL, {"index.json", "safetensors", ""}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_checkpoint *c = NULL;
    vecd_err err = {VECD_OK, 0, ""};
    put_index(cases[i].index);
    size_t before = vecd_mem_total_bytes();
    vecd_status s = vecd_checkpoint_open(at("model.safetensors.index.json"), &c, &err);
    bool named = s == cases[i].status && err.code == s;
    for (int k = 0; k < 3; k++) named = named && strstr(err.text, cases[i].words[k]);
    if (!named) fail_msg("case %zu: %d: %s", i, s, err.text);
    assert_null(c);
    assert_int_equal(vecd_checkpoint_open(at("model.safetensors.index.json"), &c, NULL), s);
    assert_int_equal(vecd_mem_total_bytes(), before);
  }
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  put_index(MAP("\"a\":\"one.safetensors\",\"d\":\"more/two.safetensors\""));
  size_t before = vecd_mem_total_bytes();
  for (uint64_t n = 1;; n++) {
    vecd_checkpoint *c = NULL;
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_checkpoint_open(at("model.safetensors.index.json"), &c, NULL);
    vecd_mem_fail_nth(0);
    vecd_checkpoint_close(&c);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s) {
      assert_true(n > 5);
      return;
    }
    assert_int_equal(s, VECD_NO_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_file_is_a_checkpoint),
      cmocka_unit_test(an_index_brings_its_shards),
      cmocka_unit_test(what_does_not_fit_is_named),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("checkpoint", tests, setup, teardown);
}
