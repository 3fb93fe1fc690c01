/* test_hub.c - the hub's parts that need no hub: replies and lists as they should be and as nobody should send them, plans,
 * variables, hashes, and the cache's write side. The whole of it runs in tests/e2e/test_pull.py. */
#define _GNU_SOURCE /* nftw */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "fmt/json.h"
#include "registry/digest.h"
#include "registry/hub.h"
#include "registry/hub_plan.h"
#include "registry/hub_store.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char root[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

static int make_root(void **state) {
  (void)state;
  snprintf(root, sizeof root, "/tmp/vecd-hub-XXXXXX");
  return mkdtemp(root) ? 0 : 1;
}

static int remove_root(void **state) {
  (void)state;
  return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- replies */

static vecd_hub_reply reply_of(const char *const *lines) {
  vecd_hub_reply r;
  vecd_hub_reply_init(&r);
  for (; *lines; lines++) vecd_hub_reply_add_line(&r, vecd_span_of(*lines));
  return r;
}

static void test_reply(void **state) {
  (void)state;
  static const char *const lines[] = {"HTTP/1.1 206 Partial Content\r\n",
                                      "eTag: W/\"0123-abc_d.e\"\r\n",
                                      "X-LINKED-ETAG:\"fedc\"",
                                      "x-repo-commit: " COMMIT "\r\n",
                                      "X-Error-Code: GatedRepo",
                                      "Content-Length:  4104 \r\n",
                                      "X-Linked-Size: 9999999999",
                                      "Content-Range: bytes 100-4203/4204",
                                      "Retry-After: 7",
                                      "\r\n",
                                      NULL};
  vecd_hub_reply r = reply_of(lines);
  assert_int_equal(r.status, 206);
  assert_string_equal(r.etag, "0123-abc_d.e");
  assert_string_equal(r.linked_etag, "fedc");
  assert_string_equal(r.commit, COMMIT);
  assert_string_equal(r.error_code, "GatedRepo");
  assert_int_equal(r.length, 4104);
  assert_int_equal(r.linked_size, 9999999999);
  assert_int_equal(r.range_from, 100);
  assert_int_equal(r.range_total, 4204);
  assert_int_equal(r.retry_after_s, 7);
}

static void test_reply_says_nothing_usable(void **state) {
  (void)state;
  static const char *const lines[] = {"HTTP/2 200",
                                      "etag: \"../../x\"",
                                      "x-linked-etag: \".a\"",
                                      "x-repo-commit: 0123",
                                      "x-error-code: a very long code that nobody has ever sent to anybody",
                                      "content-length: -1",
                                      "x-linked-size: 99999999999999999999999999",
                                      "content-range: bytes */5",
                                      "retry-after: Wed, 21 Oct 2026 07:28:00 GMT",
                                      "no colon",
                                      ":",
                                      NULL};
  vecd_hub_reply r = reply_of(lines);
  assert_int_equal(r.status, 200);
  assert_string_equal(r.etag, "");
  assert_string_equal(r.linked_etag, "");
  assert_string_equal(r.commit, "");
  assert_string_equal(r.error_code, "");
  assert_true(r.length == VECD_HUB_UNSAID && r.linked_size == VECD_HUB_UNSAID && r.retry_after_s == VECD_HUB_UNSAID);
  assert_true(r.range_from == VECD_HUB_UNSAID && r.range_total == VECD_HUB_UNSAID);
}

static void test_a_status_line_begins_anew(void **state) {
  (void)state;
  static const char *const lines[] = {"HTTP/1.1 302 Found", "ETag: \"a\"", "Content-Length: 5", "HTTP/1.1 2000 OK", NULL};
  vecd_hub_reply r = reply_of(lines);
  assert_int_equal(r.status, 0);
  assert_string_equal(r.etag, "");
  assert_true(r.length == VECD_HUB_UNSAID);
}

/* --- lists and plans */

#define LISTING_OF(files) "{\"sha\":\"" COMMIT "\",\"siblings\":[" files "]}"
#define F(name)           "{\"rfilename\":\"" name "\"},"
#define MODEL             F("config.json") F("tokenizer.json") F("model.safetensors")
#define LAST              "{\"rfilename\":\"z\",\"size\":3,\"blobId\":\"b\",\"lfs\":{\"sha256\":\"s\"}}"

static void plan_of(const char *listing, const char *modules, vecd_status wanted, const char *names) {
  vecd_hub_listing l = {.entries = NULL};
  vecd_hub_plan plan = {.small = NULL};
  vecd_err err = {VECD_OK, 0, ""};
  json_t *m = NULL;
  char got[512] = "";
  assert_int_equal(vecd_hub_listing_parse("org/x", vecd_span_of(listing), &l, &err), VECD_OK);
  if (modules) assert_int_equal(vecd_json_parse("modules.json", vecd_span_of(modules), &m, &err), VECD_OK);
  vecd_status s = vecd_hub_plan_make("org/x", &l, m, &plan, &err);
  if (s != wanted) fail_msg("%d %s", s, err.text);
  for (size_t i = 0; i < plan.n_small && !s; i++) strcat(strcat(got, plan.small[i]->name), " ");
  for (size_t i = 0; i < plan.n_large && !s; i++) strcat(strcat(got, plan.large[i]->name), " ");
  assert_string_equal(s ? err.text : got, names);
  vecd_hub_plan_fini(&plan);
  vecd_hub_listing_fini(&l);
  json_decref(m);
}

static void test_plans(void **state) {
  (void)state;
  plan_of(LISTING_OF(F("README.md") MODEL F("pytorch_model.bin") F("onnx/model.onnx") LAST), NULL, VECD_OK,
          "config.json tokenizer.json model.safetensors ");
  plan_of(LISTING_OF(MODEL F("1_Pooling/config.json") F("2_Dense/config.json") F("2_Dense/model.safetensors") F("modules.json")
                         LAST),
          "[{\"path\":\"\"},{\"path\":\"1_Pooling\"},{\"path\":\"2_Dense\"},{\"path\":\"3_Normalize\"}]", VECD_OK,
          "config.json tokenizer.json modules.json 1_Pooling/config.json 2_Dense/config.json model.safetensors "
          "2_Dense/model.safetensors ");
  plan_of(LISTING_OF(F("0_T/config.json") F("0_T/tokenizer.json") F("0_T/model.safetensors") MODEL LAST),
          "[{\"path\":\"0_T\"}]", VECD_OK,
          "config.json tokenizer.json 0_T/config.json 0_T/tokenizer.json 0_T/model.safetensors ");
  plan_of(LISTING_OF(F("config.json") F("tokenizer.json") F("model.safetensors.index.json") LAST), NULL, VECD_OK,
          "config.json tokenizer.json model.safetensors.index.json ");
}

static void test_plans_that_are_refused(void **state) {
  (void)state;
  plan_of(LISTING_OF(F("config.json") F("tokenizer.json") F("pytorch_model.bin") LAST), NULL, VECD_UNSUPPORTED,
          "org/x: the repository has no model.safetensors (but pytorch_model.bin); vecd reads no other format: it must be "
          "converted first");
  plan_of(LISTING_OF(F("config.json") F("model.safetensors") LAST), NULL, VECD_UNSUPPORTED,
          "org/x: the repository has no tokenizer.json; vecd reads no other kind: save the model's fast tokenizer first");
  plan_of(LISTING_OF(MODEL LAST), "[{\"path\":\"a/../..\"}]", VECD_BAD_MODEL,
          "org/x: modules.json: path of module 0 (\"a/../..\") leaves the repository");
  plan_of(LISTING_OF(MODEL LAST), "[{\"path\":\"a\\u0000b\"}]", VECD_BAD_MODEL,
          "org/x: modules.json: path of module 0 (\"a\") leaves the repository");
  plan_of(LISTING_OF(MODEL LAST), "[]", VECD_BAD_MODEL, "org/x: modules.json must be an array of 1 to 67 modules");
  plan_of(LISTING_OF(MODEL LAST), "[{\"path\":3}]", VECD_BAD_MODEL,
          "org/x: modules.json: field \"path\" is of type integer, must be a string");
}

static void test_listing(void **state) {
  (void)state;
  vecd_hub_listing l = {.entries = NULL};
  vecd_err err;
  static const char text[] =
      LISTING_OF("7,{},{\"rfilename\":5}," F("b") "{\"rfilename\":\"a\",\"size\":-4,\"lfs\":{\"size\":6}}," LAST);
  assert_int_equal(vecd_hub_listing_parse("org/x", vecd_span_of(text), &l, &err), VECD_OK);
  assert_string_equal(l.commit, COMMIT);
  const vecd_hub_entry *a = vecd_hub_listing_find(&l, "a"), *b = vecd_hub_listing_find(&l, "b"),
                       *z = vecd_hub_listing_find(&l, "z");
  assert_int_equal(a->size, 6);
  assert_true(b->size == VECD_HUB_UNSAID && !b->sha256[0] && !b->git_sha[0]);
  assert_string_equal(z->sha256, "s");
  assert_string_equal(z->git_sha, "b");
  assert_null(vecd_hub_listing_find(&l, "c"));
  vecd_hub_listing_fini(&l);
}

static void test_memory_that_runs_out(void **state) {
  (void)state;
  vecd_json_count_memory();
  static const char text[] = LISTING_OF(MODEL F("1_Pooling/config.json") LAST),
                    modules[] = "[{\"path\":\"\"},{\"path\":\"1_Pooling\"}]";
  size_t before = vecd_mem_total_bytes();
  unsigned n_failed = 0;
  for (uint64_t n = 1;; n++) {
    vecd_hub_listing l = {.entries = NULL};
    vecd_hub_plan plan = {.small = NULL};
    json_t *m = NULL;
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_hub_listing_parse("org/x", vecd_span_of(text), &l, NULL);
    if (!s) s = vecd_json_parse("modules.json", vecd_span_of(modules), &m, NULL);
    if (!s) s = vecd_hub_plan_make("org/x", &l, m, &plan, NULL);
    vecd_mem_fail_nth(0);
    vecd_hub_plan_fini(&plan);
    vecd_hub_listing_fini(&l);
    json_decref(m);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (s == VECD_OK) break;
    assert_int_equal(s, VECD_NO_MEMORY);
    n_failed++;
  }
  assert_true(n_failed > 20);
}

/* --- variables */

static void set(const char *name, const char *value) { value ? setenv(name, value, 1) : unsetenv(name); }

static void clear_variables(void) {
  static const char *const names[] = {"HF_ENDPOINT",
                                      "HF_TOKEN",
                                      "HUGGING_FACE_HUB_TOKEN",
                                      "HF_HUB_OFFLINE",
                                      "HF_HOME",
                                      "HF_HUB_CACHE",
                                      "TRANSFORMERS_OFFLINE",
                                      "HF_TOKEN_PATH",
                                      "XDG_CACHE_HOME",
                                      "HUGGINGFACE_HUB_CACHE",
                                      "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                      "HF_HUB_DOWNLOAD_TIMEOUT"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  setenv("HOME", root, 1);
}

static void test_options(void **state) {
  (void)state;
  vecd_hub_options o;
  vecd_err err;
  clear_variables();
  assert_int_equal(vecd_hub_options_read(&o, &err), VECD_OK);
  assert_string_equal(o.endpoint, "https://huggingface.co");
  assert_true(!o.token && !o.offline && o.stall_s == 10);
  vecd_hub_options_fini(&o);

  static const struct {
    const char *name, *value, *endpoint, *token;
    vecd_status status;
  } cases[] = {{"HF_ENDPOINT", "http://127.0.0.1:8000/hf//", "http://127.0.0.1:8000/hf", NULL, VECD_OK},
               {"HF_ENDPOINT", "https:///x", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_ENDPOINT", "https://////", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_ENDPOINT", "file:///etc", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_ENDPOINT", "https://me:secret@hub", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_ENDPOINT", "https://hub\r\nX: y", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_TOKEN", "\n hf_abc \r\n", NULL, "hf_abc", VECD_OK},
               {"HF_TOKEN", "hf_a\nb", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HUGGING_FACE_HUB_TOKEN", "hf_old", NULL, "hf_old", VECD_OK},
               {"HF_HUB_DOWNLOAD_TIMEOUT", "3601", NULL, NULL, VECD_BAD_ARGUMENT},
               {"HF_HUB_DOWNLOAD_TIMEOUT", "5s", NULL, NULL, VECD_BAD_ARGUMENT}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clear_variables();
    set(cases[i].name, cases[i].value);
    assert_int_equal(vecd_hub_options_read(&o, &err), cases[i].status);
    if (cases[i].endpoint) assert_string_equal(o.endpoint, cases[i].endpoint);
    if (cases[i].token) assert_string_equal(o.token, cases[i].token);
    if (cases[i].status)
      assert_true(strstr(err.text, cases[i].name) && !strstr(err.text, "secret") && !strstr(err.text, "hf_a"));
    vecd_hub_options_fini(&o);
  }
  clear_variables();
}

/* --- hashes */

static void test_digests(void **state) {
  (void)state;
  char path[128], hex[VECD_DIGEST_HEX_BYTES];
  vecd_err err;
  snprintf(path, sizeof path, "%s/abc", root);
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  assert_int_equal(write(fd, "abcd", 4), 4);
  assert_int_equal(vecd_digest_file(VECD_DIGEST_SHA256, fd, 3, NULL, NULL, hex, &err), VECD_OK);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* FIPS 180-2, B.1 */
  assert_int_equal(vecd_digest_file(VECD_DIGEST_GIT_BLOB, fd, 3, NULL, NULL, hex, &err), VECD_OK);
  assert_string_equal(hex, "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"); /* printf abc | git hash-object --stdin */
  assert_int_equal(vecd_digest_file(VECD_DIGEST_SHA256, fd, 0, NULL, NULL, hex, &err), VECD_OK);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_int_equal(vecd_digest_file(VECD_DIGEST_SHA256, fd, 5, NULL, NULL, hex, &err), VECD_IO);
  close(fd);
}

/* --- the store */

static bool go_on(void *ctx) {
  (void)ctx;
  return true;
}

static bool count_down(void *ctx) { return --*(int *)ctx > 0; }

static void test_store(void **state) {
  (void)state;
  vecd_hub_store store;
  vecd_err err;
  int lock, fd;
  uint64_t n;
  char target[64] = "", path[PATH_MAX];
  assert_int_equal(vecd_hub_store_open(root, "org/name", &store, &err), VECD_OK);
  assert_false(vecd_hub_store_has_blob(&store, "abc", VECD_HUB_UNSAID));
  assert_int_equal(vecd_hub_store_lock(&store, "abc", go_on, NULL, &lock, &err), VECD_OK);
  assert_int_equal(vecd_hub_store_open_partial(&store, "abc", &fd, &n, &err), VECD_OK);
  assert_int_equal(n, 0);
  assert_int_equal(write(fd, "{}", 2), 2);
  assert_int_equal(vecd_hub_store_partial_bytes(&store, "abc"), 2);
  assert_false(vecd_hub_store_has_blob(&store, "abc", 2));
  assert_int_equal(vecd_hub_store_publish(&store, "abc", fd, &err), VECD_OK);
  close(fd);
  vecd_hub_store_unlock(lock);
  assert_true(vecd_hub_store_has_blob(&store, "abc", 2) && !vecd_hub_store_has_blob(&store, "abc", 3));
  assert_int_equal(vecd_hub_store_partial_bytes(&store, "abc"), 0);

  for (int i = 0; i < 2; i++) { /* what is there is replaced */
    assert_int_equal(vecd_hub_store_link(&store, COMMIT, "1_Pooling/config.json", "abc", &err), VECD_OK);
    assert_int_equal(vecd_hub_store_set_ref(&store, "refs/pr/1", COMMIT, &err), VECD_OK);
  }
  snprintf(path, sizeof path, "%s/models--org--name/snapshots/" COMMIT "/1_Pooling/config.json", root);
  assert_int_equal(readlink(path, target, sizeof target - 1), strlen("../../../blobs/abc"));
  assert_string_equal(target, "../../../blobs/abc");
  assert_true(vecd_hub_store_has_file(&store, COMMIT, "1_Pooling/config.json", 2));
  char *found = NULL;
  assert_int_equal(vecd_hub_cache_find(root, "org/name", "refs/pr/1", &found, &err), VECD_OK);
  char *snapshot = vecd_hub_store_snapshot(&store, COMMIT);
  assert_string_equal(found, snapshot);
  vecd_free(snapshot);
  vecd_free(found);
  assert_int_equal(vecd_hub_store_check_space(&store, 1, &err), VECD_OK);
  assert_int_equal(vecd_hub_store_check_space(&store, VECD_HUB_MOST_BYTES, &err), VECD_IO);
  vecd_hub_store_close(&store);
}

typedef struct holder {
  pthread_t thread;
  vecd_hub_store *store;
  int *n_inside, n_overlaps;
} holder;

static void *take_turns(void *arg) {
  holder *h = arg;
  for (int i = 0; i < 5; i++) {
    int lock;
    if (vecd_hub_store_lock(h->store, "turns", go_on, NULL, &lock, NULL)) return h;
    h->n_overlaps += __atomic_add_fetch(h->n_inside, 1, __ATOMIC_SEQ_CST) != 1;
    usleep(1000);
    __atomic_sub_fetch(h->n_inside, 1, __ATOMIC_SEQ_CST);
    vecd_hub_store_unlock(lock);
    usleep(2000);
  }
  return NULL;
}

static void test_locks(void **state) {
  (void)state;
  vecd_hub_store store;
  vecd_err err;
  int lock, patience = 2, n_inside = 0;
  char path[PATH_MAX];
  assert_int_equal(vecd_hub_store_open(root, "org/name", &store, &err), VECD_OK);
  holder holders[3];
  for (int i = 0; i < 3; i++) {
    holders[i] = (holder){.store = &store, .n_inside = &n_inside};
    assert_int_equal(pthread_create(&holders[i].thread, NULL, take_turns, &holders[i]), 0);
  }
  for (int i = 0; i < 3; i++) {
    void *failed;
    pthread_join(holders[i].thread, &failed);
    assert_true(!failed && !holders[i].n_overlaps);
  }
  snprintf(path, sizeof path, "%s/.locks/models--org--name/turns.lock", root);
  int other = open(path, O_RDWR);
  assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0); /* nobody has it, and flock() is what counts */
  assert_int_equal(vecd_hub_store_lock(&store, "turns", count_down, &patience, &lock, &err), VECD_CANCELLED);
  close(other);
  vecd_hub_store_close(&store);
}

static void test_pull_checks_names_first(void **state) {
  (void)state;
  vecd_hub_options o = {.cache = root, .endpoint = (char *)(uintptr_t) "http://127.0.0.1:9", .stall_s = 1};
  vecd_err err;
  char *path = NULL;
  assert_int_equal(vecd_hub_pull(&o, "../x", NULL, NULL, NULL, &path, &err), VECD_BAD_ARGUMENT);
  assert_int_equal(vecd_hub_pull(&o, "org/x", "../main", NULL, NULL, &path, &err), VECD_BAD_ARGUMENT);
  assert_int_equal(vecd_hub_pull(&o, "org/x", NULL, NULL, NULL, &path, &err), VECD_IO);
  o.offline = true;
  assert_int_equal(vecd_hub_pull(&o, "org/x", NULL, NULL, NULL, &path, &err), VECD_NOT_FOUND);
  assert_null(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reply),
      cmocka_unit_test(test_reply_says_nothing_usable),
      cmocka_unit_test(test_a_status_line_begins_anew),
      cmocka_unit_test(test_plans),
      cmocka_unit_test(test_plans_that_are_refused),
      cmocka_unit_test(test_listing),
      cmocka_unit_test(test_memory_that_runs_out),
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_digests),
      cmocka_unit_test(test_store),
      cmocka_unit_test(test_locks),
      cmocka_unit_test(test_pull_checks_names_first),
  };
  return cmocka_run_group_tests(tests, make_root, remove_root);
}
