/* test_registry.c - models found by name, by path, in the hub's cache, in the catalogue, and everything that is not to be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "registry/registry.h"

#define COMMIT   "0123456789abcdef0123456789abcdef01234567"
#define SNAPSHOT "/snapshots/" COMMIT

static char root[64], cache[80];

static void put_in(const char *dir, const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", dir, path);
  for (char *p = full + strlen(dir); (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(full, 0777);
    *p = '/';
  }
  FILE *f = fopen(full, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void put(const char *path, const char *text) { put_in(root, path, text); }

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
  snprintf(cache, sizeof cache, "%s-hub", root);
  setenv("HF_HUB_CACHE", cache, 1);
  char link_path[128];
  snprintf(link_path, sizeof link_path, "%s/linked", root);
  return symlink("plain", link_path);
}

static int remove_tree(void **state) {
  (void)state;
  char command[256];
  snprintf(command, sizeof command, "rm -rf '%s' '%s'", root, cache);
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
  assert_int_equal(vecd_registry_resolve(r, by_path, &path, NULL, &err), VECD_OK);
  assert_string_equal(path, by_path);
  vecd_free(path);
  assert_int_equal(vecd_registry_resolve(r, "plain", &path, NULL, &err), VECD_OK);
  assert_string_equal(path, by_path);
  vecd_free(path);
  assert_int_equal(vecd_registry_resolve(r, "./gone", &path, NULL, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "./gone"));
  assert_int_equal(vecd_registry_resolve(r, "plan", &path, NULL, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "plan;"));
  assert_non_null(strstr(err.text, "org/name"));
  assert_non_null(strstr(err.text, root));
  assert_int_equal(vecd_registry_resolve(r, VECD_DEFAULT_MODEL, &path, NULL, &err), VECD_NOT_FOUND);
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

/* Folders for the tests below, which take them away again: what the catalogue knows, in the models folder and in the cache. */
static void put_known(void) {
  put("e5-small-v2/config.json", "{}");
  put("e5-small-v2/model.safetensors", "123456");
  put("thenlper/gte-small/config.json", "{}");
  put("thenlper/gte-small/model.safetensors", "1234");
  put_in(cache, "models--thenlper--gte-small/refs/main", COMMIT);
  put_in(cache, "models--thenlper--gte-small" SNAPSHOT "/config.json", "{}");
  put_in(cache, "models--BAAI--bge-small-en-v1.5/refs/main", COMMIT);
  put_in(cache, "models--BAAI--bge-small-en-v1.5" SNAPSHOT "/config.json", "{}");
  put_in(cache, "models--who--ever/refs/main", COMMIT);
  put_in(cache, "models--who--ever" SNAPSHOT "/modules.json", "[]");
  put_in(cache, "models--no--model/refs/main", COMMIT);
  put_in(cache, "models--no--model" SNAPSHOT "/README.md", "");
  put_in(cache, "models--damaged--ref/refs/main", "../../plain");
}

static int remove_known(void **state) {
  (void)state;
  char command[512];
  snprintf(command, sizeof command, "rm -rf '%s' '%s/e5-small-v2' '%s/thenlper' '%s/catalogue.json'", cache, root, root, root);
  return system(command) != 0;
}

static void assert_found(const vecd_registry *r, const char *id, const char *dir, const char *expected) {
  char *path = NULL, want[512];
  vecd_err err;
  if (vecd_registry_find(r, id, &path, &err)) fail_msg("%s", err.text);
  snprintf(want, sizeof want, "%s/%s", dir, expected);
  assert_string_equal(path, want);
  vecd_free(path);
}

static void test_ids_lead_to_the_folder_then_to_the_cache(void **state) {
  (void)state;
  put_known();
  vecd_registry *r = open_registry();
  char *path = NULL;
  vecd_err err;
  assert_found(r, "e5-small-v2", root, "e5-small-v2");
  assert_found(r, "intfloat/e5-small-v2", root, "e5-small-v2");
  assert_found(r, "gte-small", root, "thenlper/gte-small");
  assert_found(r, "thenlper/gte-small", root, "thenlper/gte-small");
  assert_found(r, "bge-small-en-v1.5", cache, "models--BAAI--bge-small-en-v1.5" SNAPSHOT);
  assert_found(r, "BAAI/bge-small-en-v1.5", cache, "models--BAAI--bge-small-en-v1.5" SNAPSHOT);
  assert_found(r, "who/ever", cache, "models--who--ever" SNAPSHOT);
  assert_int_equal(vecd_registry_find(r, "ever", &path, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_registry_find(r, "no/model", &path, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_registry_find(r, "models--who--ever", &path, &err), VECD_NOT_FOUND);
  assert_string_equal(err.text, "Model not found: models--who--ever");
  assert_int_equal(vecd_registry_find(r, "damaged/ref", &path, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "refs/main"));
  assert_int_equal(vecd_registry_find(r, "bge-base-en-v1.5", &path, &err), VECD_NOT_FOUND);
  assert_string_equal(err.text, "Model not found: bge-base-en-v1.5: it is not on this machine; `vecd pull bge-base-en-v1.5` "
                                "gets it");
  assert_null(path);
  vecd_registry_free(&r);
}

static void test_a_model_is_called_by_its_row(void **state) {
  (void)state;
  put_known();
  put("catalogue.json", "[{\"id\":\"ever\",\"hf_path\":\"who/ever\",\"is_default\":true}]");
  vecd_registry *r = open_registry();
  char room[VECD_MODEL_ID_BYTES], folder[256], *path = NULL, *id = NULL;
  const char *added = NULL;
  assert_string_equal(vecd_registry_id_of(r, "intfloat/e5-small-v2", room), "e5-small-v2");
  assert_string_equal(vecd_registry_id_of(r, "who/ever", room), "ever");
  assert_string_equal(vecd_registry_id_of(r, "nobody/knows", room), "nobody/knows");
  assert_string_equal(vecd_registry_id_of(r, NULL, room), "ever");
  assert_found(r, "ever", cache, "models--who--ever" SNAPSHOT);
  snprintf(folder, sizeof folder, "%s/models--BAAI--bge-small-en-v1.5" SNAPSHOT "/", cache);
  assert_int_equal(vecd_registry_resolve(r, folder, &path, &id, NULL), VECD_OK);
  assert_string_equal(path, folder);
  assert_string_equal(id, "bge-small-en-v1.5");
  vecd_free(path);
  vecd_free(id);
  assert_int_equal(vecd_registry_resolve(r, "who/ever", &path, &id, NULL), VECD_OK);
  assert_string_equal(id, "ever");
  vecd_free(path);
  vecd_free(id);
  assert_int_equal(vecd_registry_add(r, folder, &added, NULL), VECD_OK);
  assert_string_equal(added, "bge-small-en-v1.5");
  assert_int_equal(vecd_registry_find(r, "BAAI/bge-small-en-v1.5", &path, NULL), VECD_OK);
  assert_string_equal(path, folder);
  vecd_free(path);
  vecd_registry_free(&r);
}

static void test_strangers_see_no_directory(void **state) {
  (void)state;
  vecd_registry *r = open_registry();
  char folder[256], text[1024], want[1024], shown[1024];
  snprintf(folder, sizeof folder, "%s/deep/a/b", root);
  assert_int_equal(vecd_registry_add(r, folder, NULL, NULL), VECD_OK);
  snprintf(text, sizeof text, "%s/deep/a/b/x: as %s/m, %s/n; not in %s, %s or '%s': %s2", folder, root, cache, root, cache,
           root, root);
  vecd_registry_public_text(r, text, shown, sizeof shown);
  snprintf(want, sizeof want,
           "deep/a/b/deep/a/b/x: as m, n; not in the models folder, the hub's cache or 'the models folder': %s2", root);
  assert_string_equal(shown, want);
  for (size_t cap = 1; cap < strlen(want); cap++) { /* cut, never overrun */
    shown[cap] = '#';
    vecd_registry_public_text(r, text, shown, cap);
    assert_int_equal(shown[cap], '#');
    assert_int_equal(strlen(shown), cap - 1);
    assert_memory_equal(shown, want, cap - 1);
  }
  vecd_registry_free(&r);
  snprintf(folder, sizeof folder, "%s/elsewhere", root);
  assert_int_equal(vecd_registry_new(folder, &r, NULL), VECD_OK);
  snprintf(folder, sizeof folder, "%s/plain", root);
  assert_int_equal(vecd_registry_add(r, folder, NULL, NULL), VECD_OK);
  snprintf(text, sizeof text, "%s/plain/config.json: is no JSON", root);
  vecd_registry_public_text(r, text, shown, sizeof shown);
  assert_string_equal(shown, "plain/config.json: is no JSON");
  snprintf(text, sizeof text, "/other%s/elsewhere/x", root); /* another's, which is not ours to cut */
  vecd_registry_public_text(r, text, shown, sizeof shown);
  assert_string_equal(shown, text);
  vecd_registry_free(&r);
  assert_int_equal(vecd_registry_new("models", &r, NULL), VECD_OK); /* a relative one, which is a word too */
  vecd_registry_public_text(r, "models/x: at most 4 models, (--max-models)", shown, sizeof shown);
  assert_string_equal(shown, "x: at most 4 models, (--max-models)");
  vecd_registry_free(&r);
}

static void test_what_is_here_and_what_is_not_are_listed(void **state) {
  (void)state;
  static const char *const here[] = {"bge-small-en-v1.5", "e5-small-v2", "gte-small", "linked",
                                     "modular",           "org/name",    "plain",     "who/ever"};
  put_known();
  vecd_registry *r = open_registry();
  vecd_registry_list list;
  assert_int_equal(vecd_registry_scan(r, &list, NULL), VECD_OK);
  assert_int_equal(list.n_entries, 8);
  for (size_t i = 0; i < 8; i++) {
    assert_string_equal(list.entries[i].id, here[i]);
    char *path = NULL;
    assert_int_equal(vecd_registry_find(r, here[i], &path, NULL), VECD_OK);
    assert_string_equal(path, list.entries[i].path);
    vecd_free(path);
  }
  assert_non_null(list.entries[0].row);
  assert_null(list.entries[7].row);
  vecd_registry_list_fini(&list);
  assert_int_equal(vecd_registry_survey(r, &list, NULL), VECD_OK);
  assert_int_equal(list.n_entries, 12 + 5);
  assert_string_equal(list.entries[0].id, VECD_DEFAULT_MODEL);
  assert_null(list.entries[0].path);
  assert_string_equal(list.entries[1].id, "modular"); /* three bytes */
  assert_string_equal(list.entries[2].id, "gte-small");
  size_t n_remote = 0;
  for (size_t i = 0; i < list.n_entries; i++) n_remote += !list.entries[i].path;
  assert_int_equal(n_remote, 9);
  vecd_registry_list_fini(&list);
  vecd_registry_free(&r);
}

static void test_a_damaged_catalogue_is_told(void **state) {
  (void)state;
  vecd_registry *r = NULL;
  vecd_err err;
  put("catalogue.json", "[{\"id\":\"mine\",\"dimension\":\"many\"}]");
  assert_int_equal(vecd_registry_new(root, &r, &err), VECD_BAD_MODEL);
  assert_null(r);
  assert_memory_equal(err.text, root, strlen(root));
  assert_non_null(strstr(err.text, "/catalogue.json: row 1 (mine): field \"dimension\""));
}

typedef struct rereading {
  vecd_registry *registry;
  atomic_bool ending;
} rereading;

static void *use_catalogue(void *arg) {
  rereading *shared = arg;
  size_t n = 0;
  while (!atomic_load(&shared->ending)) {
    char room[VECD_MODEL_ID_BYTES], *path = NULL;
    vecd_catalogue *c = vecd_registry_catalogue(shared->registry);
    const vecd_catalogue_row *mine = vecd_catalogue_get(c, "mine");
    n += mine && mine->description && strcmp(mine->description, "first") != 0 && strcmp(mine->description, "second") != 0;
    vecd_catalogue_unpin(&c);
    n += strcmp(vecd_registry_id_of(shared->registry, "intfloat/e5-small-v2", room), "e5-small-v2") != 0;
    n += vecd_registry_find(shared->registry, "plain", &path, NULL) != VECD_OK;
    vecd_free(path);
  }
  return n ? arg : NULL;
}

static const char *description_of_mine(const vecd_registry *r) {
  static char text[64];
  vecd_catalogue *c = vecd_registry_catalogue(r);
  const vecd_catalogue_row *mine = vecd_catalogue_get(c, "mine");
  snprintf(text, sizeof text, "%s", mine ? mine->description : "");
  vecd_catalogue_unpin(&c);
  return text;
}

static void test_the_catalogue_is_read_anew_while_others_use_it(void **state) {
  (void)state;
  enum { READERS = 3 };
  vecd_err err;
  pthread_t readers[READERS];
  put("catalogue.json", "[{\"id\":\"mine\",\"description\":\"first\"}]");
  rereading shared = {.registry = open_registry()};
  vecd_catalogue *held = vecd_registry_catalogue(shared.registry);
  for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&readers[i], NULL, use_catalogue, &shared), 0);
  for (int i = 0; i < 30; i++) assert_int_equal(vecd_registry_reload(shared.registry, NULL), VECD_OK);
  put("catalogue.json", "[{\"id\":\"mine\",\"description\":\"second\"}]");
  assert_int_equal(vecd_registry_reload(shared.registry, NULL), VECD_OK);
  assert_string_equal(description_of_mine(shared.registry), "second");
  put("catalogue.json", "[{\"id\":\"mine\",\"description\":3}]");
  assert_int_equal(vecd_registry_reload(shared.registry, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "description"));
  assert_string_equal(description_of_mine(shared.registry), "second");
  assert_string_equal(vecd_catalogue_get(held, "mine")->description, "first");
  atomic_store(&shared.ending, true);
  for (int i = 0; i < READERS; i++) {
    void *failed = NULL;
    pthread_join(readers[i], &failed);
    assert_null(failed);
  }
  vecd_catalogue_unpin(&held);
  vecd_registry_free(&shared.registry);
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  put_known();
  for (uint64_t n = 1;; n++) {
    vecd_registry *r = NULL;
    vecd_registry_list list = {NULL, 0, NULL};
    char *path = NULL, *id = NULL, folder[128];
    size_t before = vecd_mem_total_bytes();
    snprintf(folder, sizeof folder, "%s/deep/a/b", root);
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_registry_new(root, &r, NULL);
    if (!s) s = vecd_registry_add(r, folder, NULL, NULL);
    if (!s) s = vecd_registry_survey(r, &list, NULL);
    if (!s) s = vecd_registry_resolve(r, "who/ever", &path, &id, NULL);
    if (!s) s = vecd_registry_reload(r, NULL);
    bool reached = s != VECD_OK;
    if (reached) assert_int_equal(s, VECD_NO_MEMORY);
    vecd_mem_fail_nth(0);
    vecd_free(path);
    vecd_free(id);
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
      cmocka_unit_test(test_strangers_see_no_directory),
      cmocka_unit_test_teardown(test_ids_lead_to_the_folder_then_to_the_cache, remove_known),
      cmocka_unit_test_teardown(test_a_model_is_called_by_its_row, remove_known),
      cmocka_unit_test_teardown(test_what_is_here_and_what_is_not_are_listed, remove_known),
      cmocka_unit_test_teardown(test_a_damaged_catalogue_is_told, remove_known),
      cmocka_unit_test_teardown(test_the_catalogue_is_read_anew_while_others_use_it, remove_known),
      cmocka_unit_test_teardown(test_every_allocation_may_fail, remove_known),
      cmocka_unit_test(test_the_directory_comes_from_the_environment),
  };
  return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
