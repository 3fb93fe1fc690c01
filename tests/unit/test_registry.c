/* test_registry.c - models found by name, by path, and everything that is not to be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "registry/registry.h"

static char root[64];

static void put(const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(full, 0777);
    *p = '/';
  }
  FILE *f = fopen(full, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static int make_tree(void **state) {
  (void)state;
  snprintf(root, sizeof root, "/tmp/vecd-registry-XXXXXX");
  if (!mkdtemp(root)) return 1;
  put("plain/config.json", "{}");
  put("plain/model.safetensors", "12345678");
  put("plain/1_Pooling/config.json", "{}");
  put("org/name/config.json", "{}");
  put("org/nothing/readme", "");
  put("modular/modules.json", "[]");
  put("modular/0_Transformer/model.safetensors", "123");
  put(".tmp-download/config.json", "{}");
  put("org/.part/config.json", "{}");
  put("deep/a/b/config.json", "{}");
  put("a file", "");
  char link_path[128];
  snprintf(link_path, sizeof link_path, "%s/linked", root);
  return symlink("plain", link_path);
}

static int remove_tree(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command) != 0;
}

static vecd_registry *open_registry(void) {
  vecd_registry *r = NULL;
  assert_int_equal(vecd_registry_new(root, &r, NULL), VECD_OK);
  return r;
}

static void test_scan_finds_models_and_nothing_else(void **state) {
  (void)state;
  static const char *const expected[] = {"linked", "modular", "org/name", "plain"};
  static const uint64_t bytes[] = {8, 3, 0, 8};
  vecd_registry *r = open_registry();
  vecd_registry_list list;
  assert_int_equal(vecd_registry_scan(r, &list, NULL), VECD_OK);
  assert_int_equal(list.n_entries, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(list.entries[i].id, expected[i]);
    assert_int_equal(list.entries[i].weights_bytes, bytes[i]);
    char *path = NULL;
    assert_int_equal(vecd_registry_find(r, list.entries[i].id, &path, NULL), VECD_OK);
    assert_string_equal(path, list.entries[i].path);
    vecd_free(path);
  }
  vecd_registry_list_fini(&list);
  vecd_registry_free(&r);
}

static void test_find_never_leaves_the_directory(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",          ".",       "..",          "../plain",        "plain/..",      "/plain",    "/",
      "plain/",    "org",     "org/nothing", "plain/1_Pooling", ".tmp-download", "org/.part", "deep/a/b",
      "org//name", "./plain", "gone",        "pl\nain",         "pl\xff"};
  vecd_registry *r = open_registry();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char *path = NULL;
    vecd_err err;
    assert_int_equal(vecd_registry_find(r, bad[i], &path, &err), VECD_NOT_FOUND);
    assert_null(path);
    assert_memory_equal(err.text, "Model not found: ", 17);
  }
  char long_id[400];
  memset(long_id, 'm', sizeof long_id);
  long_id[sizeof long_id - 1] = '\0';
  char *path = NULL;
  assert_int_equal(vecd_registry_find(r, long_id, &path, NULL), VECD_NOT_FOUND);
  vecd_registry_free(&r);
}

static void test_resolve_takes_paths_and_ids(void **state) {
  (void)state;
  vecd_registry *r = open_registry();
  char *path = NULL, by_path[128];
  vecd_err err;
  snprintf(by_path, sizeof by_path, "%s/plain", root);
  assert_int_equal(vecd_registry_resolve(r, by_path, &path, &err), VECD_OK);
  assert_string_equal(path, by_path);
  vecd_free(path);
  assert_int_equal(vecd_registry_resolve(r, "plain", &path, &err), VECD_OK);
  assert_string_equal(path, by_path);
  vecd_free(path);
  assert_int_equal(vecd_registry_resolve(r, "./gone", &path, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "./gone"));
  assert_int_equal(vecd_registry_resolve(r, "plan", &path, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "plan;"));
  assert_non_null(strstr(err.text, "org/name"));
  assert_non_null(strstr(err.text, root));
  assert_int_equal(vecd_registry_resolve(r, VECD_DEFAULT_MODEL, &path, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "get_default_model.sh"));
  vecd_registry_free(&r);
}

static void test_added_folders_come_first(void **state) {
  (void)state;
  vecd_registry *r = open_registry();
  char folder[128];
  const char *id = NULL;
  snprintf(folder, sizeof folder, "%s/deep/a/b/", root);
  assert_int_equal(vecd_registry_add(r, folder, &id, NULL), VECD_OK);
  assert_string_equal(id, "b");
  snprintf(folder, sizeof folder, "%s/deep/a/b/../b/.", root);
  assert_int_equal(vecd_registry_add(r, folder, &id, NULL), VECD_OK);
  assert_string_equal(id, "b");
  char *path = NULL;
  assert_int_equal(vecd_registry_find(r, "b", &path, NULL), VECD_OK);
  assert_string_equal(path, folder);
  vecd_free(path);
  vecd_registry_list list;
  assert_int_equal(vecd_registry_scan(r, &list, NULL), VECD_OK);
  assert_int_equal(list.n_entries, 5);
  assert_string_equal(list.entries[0].id, "b");
  vecd_registry_list_fini(&list);
  vecd_err err;
  snprintf(folder, sizeof folder, "%s/org", root);
  assert_int_equal(vecd_registry_add(r, folder, &id, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "config.json"));
  vecd_registry_free(&r);
}

static void test_the_directory_comes_from_the_environment(void **state) {
  (void)state;
  static const struct {
    const char *models, *data, *home, *expected;
  } cases[] = {
      {"/m/", "/d", "/h", "/m"},
      {NULL, "/d", "/h", "/d/vecd/models"},
      {"", "", "/h", "/h/.local/share/vecd/models"},
      {NULL, NULL, NULL, "/var/lib/vecd/models"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *const names[] = {"VECD_MODELS", "XDG_DATA_HOME", "HOME"};
    const char *const values[] = {cases[i].models, cases[i].data, cases[i].home};
    for (size_t k = 0; k < 3; k++) (void)(values[k] ? setenv(names[k], values[k], 1) : unsetenv(names[k]));
    vecd_registry *r = NULL;
    assert_int_equal(vecd_registry_new(NULL, &r, NULL), VECD_OK);
    assert_string_equal(vecd_registry_root(r), cases[i].expected);
    vecd_registry_list list;
    assert_int_equal(vecd_registry_scan(r, &list, NULL), VECD_OK); /* not there: empty */
    assert_int_equal(list.n_entries, 0);
    vecd_registry_list_fini(&list);
    vecd_registry_free(&r);
  }
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  for (uint64_t n = 1;; n++) {
    vecd_registry *r = NULL;
    vecd_registry_list list = {NULL, 0};
    char *path = NULL, folder[128];
    size_t before = vecd_mem_total_bytes();
    snprintf(folder, sizeof folder, "%s/deep/a/b", root);
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_registry_new(root, &r, NULL);
    if (!s) s = vecd_registry_add(r, folder, NULL, NULL);
    if (!s) s = vecd_registry_scan(r, &list, NULL);
    if (!s) s = vecd_registry_resolve(r, "plain", &path, NULL);
    bool reached = s != VECD_OK;
    if (reached) assert_int_equal(s, VECD_NO_MEMORY);
    vecd_mem_fail_nth(0);
    vecd_free(path);
    vecd_registry_list_fini(&list);
    vecd_registry_free(&r);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!reached) {
      assert_true(n > 10);
      break;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scan_finds_models_and_nothing_else),
      cmocka_unit_test(test_find_never_leaves_the_directory),
      cmocka_unit_test(test_resolve_takes_paths_and_ids),
      cmocka_unit_test(test_added_folders_come_first),
      cmocka_unit_test(test_every_allocation_may_fail),
      cmocka_unit_test(test_the_directory_comes_from_the_environment),
  };
  return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
