/* test_hub_cache.c - the hub's cache as the Python client lays it out, and as nobody should. */
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
#include "registry/hub_cache.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OTHER  "fedcba9876543210fedcba9876543210fedcba98"

static char root[64];

/* Makes the folders above `path`, below root; gives the whole path. */
static const char *place(const char *path) {
  static char full[1024];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(full, 0777);
    *p = '/';
  }
  return full;
}

static void put(const char *path, const char *text) {
  FILE *f = fopen(place(path), "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void put_link(const char *path, const char *target) { assert_int_equal(symlink(target, place(path)), 0); }

static int make_cache(void **state) {
  (void)state;
  snprintf(root, sizeof root, "/tmp/vecd-hub-XXXXXX");
  if (!mkdtemp(root)) return 1;
  put("models--org--name/refs/main", COMMIT);
  put("models--org--name/refs/refs/pr/1", OTHER "\n");
  put("models--org--name/blobs/abc", "{}");
  put_link("models--org--name/snapshots/" COMMIT "/config.json", "../../blobs/abc");
  put("models--org--name/snapshots/" OTHER "/config.json", "{}");
  put("models--bare/refs/main", COMMIT);
  put("models--bare/snapshots/" COMMIT "/config.json", "{}");
  put("datasets--org--data/refs/main", COMMIT);
  put("datasets--org--data/snapshots/" COMMIT "/config.json", "{}");
  /* What is damaged, half done, or meant to lead us elsewhere. */
  put("models--only--tag/refs/v1.0", COMMIT);
  put("models--only--tag/snapshots/" COMMIT "/x", "");
  put("models--no--snapshot/refs/main", COMMIT);
  put("models--ref--up/refs/main", "../../../models--org--name/snapshots/" COMMIT);
  put("models--ref--long/refs/main", "");
  put("models--ref--empty/refs/main", "");
  put("models--ref--folder/refs/main/x", "");
  put_link("models--ref--dangling/refs/main", "nowhere");
  put_link("models--ref--secret/refs/main", "/proc/self/environ");
  put("models--not--a--name/refs/main", COMMIT);
  put("models--", "");
  put("version.txt", "1");
  FILE *f = fopen(place("models--ref--long/refs/main"), "w");
  for (int i = 0; f && i < 100000; i++) fputs(COMMIT, f);
  if (f) fclose(f);
  return mkfifo(place("models--ref--fifo/refs/main"), 0600);
}

static int remove_cache(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command) != 0;
}

static vecd_status find(const char *id, const char *revision, const char *expected) {
  char *path = NULL, want[1024];
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_hub_cache_find(root, id, revision, &path, &err);
  assert_int_equal(err.code, s);
  assert_true((s == VECD_OK) == (path != NULL));
  if (path) {
    snprintf(want, sizeof want, "%s/%s", root, expected);
    assert_string_equal(path, want);
  }
  vecd_free(path);
  return s;
}

static void test_a_snapshot_is_found_by_its_revision(void **state) {
  (void)state;
  assert_int_equal(find("org/name", NULL, "models--org--name/snapshots/" COMMIT), VECD_OK);
  assert_int_equal(find("org/name", "main", "models--org--name/snapshots/" COMMIT), VECD_OK);
  assert_int_equal(find("org/name", "refs/pr/1", "models--org--name/snapshots/" OTHER), VECD_OK);
  assert_int_equal(find("org/name", OTHER, "models--org--name/snapshots/" OTHER), VECD_OK);
  assert_int_equal(find("bare", NULL, "models--bare/snapshots/" COMMIT), VECD_OK);
  assert_int_equal(find("only/tag", "v1.0", "models--only--tag/snapshots/" COMMIT), VECD_OK);
  assert_int_equal(find("only/tag", NULL, NULL), VECD_NOT_FOUND);
  assert_int_equal(find("no/snapshot", NULL, NULL), VECD_NOT_FOUND);
  assert_int_equal(find("org/gone", NULL, NULL), VECD_NOT_FOUND);
  assert_int_equal(find("org/name", "0000000000000000000000000000000000000000", NULL), VECD_NOT_FOUND);
  assert_int_equal(find("org/name", "v2", NULL), VECD_NOT_FOUND);
}

static void test_what_a_ref_says_never_leads_elsewhere(void **state) {
  (void)state;
  static const char *const damaged[] = {"ref/up", "ref/long", "ref/empty", "ref/secret"};
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) assert_int_equal(find(damaged[i], NULL, NULL), VECD_BAD_MODEL);
  assert_int_equal(find("ref/folder", NULL, NULL), VECD_IO);
  assert_int_equal(find("ref/fifo", NULL, NULL), VECD_IO);
  assert_int_equal(find("ref/dangling", NULL, NULL), VECD_NOT_FOUND);
  static const char *const revisions[] = {"",     ".",   "..",   "../refs/main", "a/../main", "/main", "main/",
                                          "a//b", "a b", "a\\b", ".hidden",      "a/.b",      "a\n",   "\xc3\xa9"};
  for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++)
    assert_int_equal(find("org/name", revisions[i], NULL), VECD_NOT_FOUND);
}

static void test_ids_are_what_the_hub_allows(void **state) {
  (void)state;
  static const char *const good[] = {
      "foo", "foo/bar", "123", "Foo-BAR_foo.bar123", "_x/y_", "sentence-transformers/all-MiniLM-L6-v2"};
  static const char *const bad[] = {"",     "/",         "a/",    "/a",       "a/b/c",
                                    ".",    "..",        "../a",  "a/..",     "a..b",
                                    "a--b", "-a",        "a-",    ".a",       "a.",
                                    "a b",  "a\\b",      "a.git", "org/.git", "o--g/x",
                                    "a\n",  "a\xc3\xa9", "a/-b",  "a-/b",     "datasets/foo/bar"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char id[VECD_HUB_ID_BYTES], *folder = vecd_hub_cache_folder("/r", good[i]);
    assert_true(vecd_hub_id_is_valid(vecd_span_of(good[i])));
    assert_true(vecd_hub_id_of_folder(folder + 3, id));
    assert_string_equal(id, good[i]);
    vecd_free(folder);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(vecd_hub_id_is_valid(vecd_span_of(bad[i])));
    assert_int_equal(find(bad[i], NULL, NULL), VECD_NOT_FOUND);
  }
  char longest[2 * 96 + 3];
  memset(longest, 'a', sizeof longest);
  longest[96] = '/';
  longest[193] = '\0';
  assert_true(vecd_hub_id_is_valid(vecd_span_of(longest)));
  char id[VECD_HUB_ID_BYTES], *folder = vecd_hub_cache_folder("", longest);
  assert_true(vecd_hub_id_of_folder(folder + 1, id));
  assert_string_equal(id, longest);
  vecd_free(folder);
  longest[193] = 'a';
  longest[194] = '\0';
  assert_false(vecd_hub_id_is_valid(vecd_span_of(longest)));
  static const char *const folders[] = {"models--",        "models----",    "models--a--", "models----a",
                                        "models--a--b--c", "models--..--a", "models-a",    "datasets--a--b",
                                        "models--a---b",   "models--a/b",   ".locks",      ""};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) assert_false(vecd_hub_id_of_folder(folders[i], id));
}

static vecd_status note(void *ctx, const char *id, const char *path, vecd_err *err) {
  (void)err;
  assert_memory_equal(path, root, strlen(root));
  strcat(ctx, id);
  strcat(ctx, " ");
  return VECD_OK;
}

static vecd_status stop(void *ctx, const char *id, const char *path, vecd_err *err) {
  (void)id;
  (void)path;
  ++*(int *)ctx;
  return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "enough");
}

static void test_scan_passes_over_what_is_damaged(void **state) {
  (void)state;
  char seen[256] = "";
  int n = 0;
  assert_int_equal(vecd_hub_cache_scan(root, note, seen, NULL), VECD_OK);
  assert_true(strcmp(seen, "org/name bare ") == 0 || strcmp(seen, "bare org/name ") == 0);
  assert_int_equal(vecd_hub_cache_scan(root, stop, &n, NULL), VECD_CANCELLED);
  assert_int_equal(n, 1);
  assert_int_equal(vecd_hub_cache_scan("/nonexistent/hub", stop, &n, NULL), VECD_OK);
  assert_int_equal(n, 1);
}

static void test_the_root_is_where_python_looks(void **state) {
  (void)state;
  static const char *const names[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"};
  static const struct {
    const char *values[5], *expected;
  } cases[] = {
      {{"/a", "/b", "/c", "/d", "/h"}, "/a"},
      {{NULL, "/b/", "/c", "/d", "/h"}, "/b"},
      {{NULL, NULL, "/c//", "/d", "/h"}, "/c/hub"},
      {{NULL, "", NULL, "/d", "/h"}, "/d/huggingface/hub"},
      {{NULL, NULL, NULL, NULL, "/h/"}, "/h/.cache/huggingface/hub"},
      {{"~/x", NULL, NULL, NULL, "/h"}, "/h/x"},
      {{"~", NULL, NULL, NULL, "/h"}, "/h"},
      {{"/~/x", NULL, NULL, NULL, "/h"}, "/~/x"},
      {{"~no-such-user-here/x", NULL, NULL, NULL, "/h"}, "~no-such-user-here/x"},
      {{"$HF_HOME/y", NULL, "/c", NULL, "/h"}, "/c/y"},
      {{"/${XDG_CACHE_HOME}y/$GONE_AND/${GONE}$", NULL, NULL, "d", "/h"}, "/dy/$GONE_AND/${GONE}$"},
      {{NULL, NULL, "~/$HOME", NULL, "/h"}, "/h//h/hub"},
      {{"${HOME", NULL, NULL, NULL, "/h"}, "${HOME"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t k = 0; k < 5; k++) (void)(cases[i].values[k] ? setenv(names[k], cases[i].values[k], 1) : unsetenv(names[k]));
    char *path = NULL;
    assert_int_equal(vecd_hub_cache_root(&path, NULL), VECD_OK);
    assert_string_equal(path, cases[i].expected);
    vecd_free(path);
  }
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  for (uint64_t n = 1;; n++) {
    char seen[256] = "", *path = NULL, *where = NULL;
    size_t before = vecd_mem_total_bytes();
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_hub_cache_root(&where, NULL);
    if (!s) s = vecd_hub_cache_find(root, "org/name", NULL, &path, NULL);
    if (!s) s = vecd_hub_cache_scan(root, note, seen, NULL);
    vecd_mem_fail_nth(0);
    vecd_free(path);
    vecd_free(where);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (!s) {
      assert_true(n > 10);
      break;
    }
    assert_int_equal(s, VECD_NO_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_snapshot_is_found_by_its_revision), cmocka_unit_test(test_what_a_ref_says_never_leads_elsewhere),
      cmocka_unit_test(test_ids_are_what_the_hub_allows),         cmocka_unit_test(test_scan_passes_over_what_is_damaged),
      cmocka_unit_test(test_every_allocation_may_fail),           cmocka_unit_test(test_the_root_is_where_python_looks),
  };
  return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
