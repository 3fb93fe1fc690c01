/* test_keys.c - which keys open which routes, what can be a key, and files of keys that are read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "api/access.h"
#include "base/mem.h"

static vecd_err err;

static vecd_keys *keys_of(const char *const *texts, size_t n, const char *path) {
  vecd_keys *keys = NULL;
  vecd_key_settings settings = {texts, n, path};
  if (vecd_keys_new(&settings, "--api-key", &keys, &err)) fail_msg("%s", err.text);
  return keys;
}

static bool has(vecd_keys *keys, const char *text) { return vecd_keys_has(keys, vecd_span_of(text)); }

/* Of this process alone: several builds may be tested at the same time. */
static char *file_of(const char *bytes, size_t len) {
  static char path[64];
  snprintf(path, sizeof path, "/tmp/vecd-test-keys-%ld", (long)getpid());
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  assert_int_equal(fclose(f), 0);
  return path;
}

static void the_whole_key_counts(void **state) {
  (void)state;
  char longest[VECD_KEY_MOST_BYTES + 2];
  memset(longest, 'k', sizeof longest);
  longest[VECD_KEY_MOST_BYTES] = '\0';
  const char *const texts[] = {"abc", "abd", longest, "~!@#$%^&*()_+,"};
  vecd_keys *keys = keys_of(texts, 4, NULL);
  for (size_t i = 0; i < 4; i++) assert_true(has(keys, texts[i]));
  static const char *const others[] = {"", "a", "ab", "abcd", "abe", "bbc", "ABC", " abc", "abc ", "k"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(has(keys, others[i]));
  assert_false(vecd_keys_has(keys, (vecd_span){"abc\0", 4})); /* as it would be padded */
  assert_false(vecd_keys_has(keys, (vecd_span){"\0", 1}));
  longest[VECD_KEY_MOST_BYTES] = 'k';
  assert_false(vecd_keys_has(keys, (vecd_span){longest, VECD_KEY_MOST_BYTES + 1}));
  assert_false(vecd_keys_has(keys, (vecd_span){longest, VECD_KEY_MOST_BYTES - 1}));
  vecd_keys_free(&keys);
  assert_null(keys);
  vecd_keys_free(&keys);
  assert_false(has(NULL, "abc"));
  vecd_key_settings none = {NULL, 0, NULL};
  keys = (vecd_keys *)&none;
  assert_int_equal(vecd_keys_new(&none, "--api-key", &keys, &err), VECD_OK);
  assert_null(keys);
}

static void what_cannot_be_a_key_is_refused_untold(void **state) {
  (void)state;
  char longer[VECD_KEY_MOST_BYTES + 2];
  memset(longer, 's', sizeof longer);
  longer[VECD_KEY_MOST_BYTES + 1] = '\0';
  const char *const bad[] = {"", "se cret", "secret\n", "secr\xc3\xa9t", "\tsecret", "secret\x7f", longer};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *const texts[] = {"good", bad[i]};
    vecd_keys *keys = NULL;
    vecd_key_settings settings = {texts, 2, NULL};
    assert_int_equal(vecd_keys_new(&settings, "--api-key", &keys, &err), VECD_BAD_ARGUMENT);
    assert_null(keys);
    assert_non_null(strstr(err.text, "key 2 of --api-key: "));
    assert_null(strstr(err.text, "secr"));
    assert_null(strstr(err.text, "sss"));
  }
}

static void a_file_has_a_key_a_line(void **state) {
  (void)state;
  static const char text[] = "# keys\n\nfirst\r\n  second\t# a comment\nthird#not-one\n#gone\n\t\nlast";
  const char *const given[] = {"given"};
  vecd_keys *keys = keys_of(given, 1, file_of(text, sizeof text - 1));
  static const char *const good[] = {"given", "first", "second", "third#not-one", "last"};
  static const char *const bad[] = {"#", "# keys", "gone", "#gone", "a", "comment", "third", "first\r"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(has(keys, good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(has(keys, bad[i]));
  vecd_keys_free(&keys);
}

static void a_file_is_read_again(void **state) {
  (void)state;
  const char *const given[] = {"given"};
  char *path = file_of("old\n", 4);
  vecd_keys *keys = keys_of(given, 1, path);
  file_of("new\nother\n", 10);
  assert_int_equal(vecd_keys_reload(keys, &err), VECD_OK);
  assert_true(has(keys, "new") && has(keys, "other") && has(keys, "given"));
  assert_false(has(keys, "old"));
  static const struct {
    const char *bytes;
    size_t len;
    const char *text;
  } bad[] = {{"", 0, ": has no key"},
             {"#\n", 2, ": has no key"},
             {"fine\nse cret\n", 13, "--api-key-file: line 2 of "},
             {"a\0b\n", 4, "--api-key-file: line 1 of "}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    file_of(bad[i].bytes, bad[i].len);
    assert_int_equal(vecd_keys_reload(keys, &err), VECD_BAD_ARGUMENT);
    if (!strstr(err.text, bad[i].text) || !strstr(err.text, path) || strstr(err.text, "cret")) fail_msg("%s", err.text);
    assert_true(has(keys, "new") && has(keys, "given")); /* what there was stays */
    assert_false(has(keys, "fine"));
  }
  unlink(path);
  assert_int_equal(vecd_keys_reload(keys, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "--api-key-file: "));
  assert_true(has(keys, "new"));
  vecd_keys_free(&keys);
}

/* The N-th allocation fails: an error, or the keys; what there was before stays. */
static void failing_memory_is_survived(void **state) {
  (void)state;
  const char *const given[] = {"given"};
  char text[600] = "";
  for (size_t i = 0; i < 40; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "key-%zu\n", i);
  char *path = file_of(text, strlen(text));
  vecd_keys *keys = keys_of(given, 1, path);
  for (uint64_t n = 1; n <= 20; n++) {
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_keys_reload(keys, &err);
    vecd_mem_fail_nth(0);
    assert_true(s == VECD_OK || s == VECD_NO_MEMORY);
    assert_true(has(keys, "given") && has(keys, "key-39"));
    vecd_keys *more = NULL;
    vecd_key_settings settings = {given, 1, path};
    vecd_mem_fail_nth(n);
    s = vecd_keys_new(&settings, "--api-key", &more, &err);
    vecd_mem_fail_nth(0);
    assert_true(s == VECD_OK ? has(more, "key-0") : s == VECD_NO_MEMORY && !more);
    vecd_keys_free(&more);
  }
  vecd_keys_free(&keys);
  unlink(path);
}

typedef struct asker {
  vecd_keys *keys;
  atomic_bool end;
  atomic_size_t n_missed;
} asker;

static void *ask(void *arg) {
  asker *a = arg;
  while (!atomic_load(&a->end))
    if (!has(a->keys, "given") || has(a->keys, "nonsense")) atomic_fetch_add(&a->n_missed, 1);
  return NULL;
}

static void keys_are_swapped_under_those_who_ask(void **state) {
  (void)state;
  const char *const given[] = {"given"};
  char *path = file_of("a\nb\n", 4);
  asker a = {.keys = keys_of(given, 1, path)};
  pthread_t threads[2];
  for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask, &a), 0);
  for (size_t i = 0; i < 200; i++) assert_int_equal(vecd_keys_reload(a.keys, &err), VECD_OK);
  atomic_store(&a.end, true);
  for (size_t i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&a.n_missed), 0);
  vecd_keys_free(&a.keys);
  unlink(path);
}

/* ---- who may do what ---- */

static int status_of(const vecd_access *access, unsigned flags, const char *name, const char *value) {
  vecd_route route = {.flags = flags};
  vecd_http_header header = {vecd_span_of(name), vecd_span_of(value)};
  vecd_http_request req = {.headers = &header, .n_headers = *name ? 1 : 0};
  vecd_denial denial = vecd_access_check(access, &route, &req);
  assert_int_equal(!denial.status, !denial.text);
  return denial.status;
}

static void routes_are_guarded(void **state) {
  (void)state;
  enum { PLAIN = 0, PUBLIC = VECD_ROUTE_PUBLIC, ADMIN = VECD_ROUTE_ADMIN };
  static const char *const users[] = {"user"}, *const bosses[] = {"boss"};
  static const struct {
    bool keys, admin_keys, protect_all;
    unsigned flags;
    const char *name, *value;
    int status;
  } cases[] = {
      {false, false, false, PLAIN, "", "", 0},
      {false, false, false, PUBLIC, "", "", 0},
      {false, false, false, ADMIN, "Authorization", "Bearer boss", 403},
      {true, false, false, ADMIN, "Authorization", "Bearer user", 403},
      {true, false, false, PLAIN, "", "", 401},
      {true, false, false, PLAIN, "Authorization", "Bearer user", 0},
      {true, false, false, PLAIN, "authorization", "BEARER   user", 0},
      {true, false, false, PLAIN, "Authorization", "Bearer", 401},
      {true, false, false, PLAIN, "Authorization", "Beareruser", 401},
      {true, false, false, PLAIN, "Authorization", "user", 401},
      {true, false, false, PLAIN, "Authorization", "Basic user", 401},
      {true, false, false, PLAIN, "Authorization", "Bearer boss", 401},
      {true, false, false, PLAIN, "x-api-key", "user", 0},
      {true, false, false, PLAIN, "X-API-Key", "users", 401},
      {true, false, false, PUBLIC, "", "", 0},
      {true, false, true, PUBLIC, "", "", 401},
      {true, false, true, PUBLIC, "X-API-Key", "user", 0},
      {true, true, false, ADMIN, "", "", 401},
      {true, true, false, ADMIN, "X-API-Key", "user", 401},
      {true, true, false, ADMIN, "X-API-Key", "boss", 0},
      {true, true, false, PLAIN, "X-API-Key", "boss", 0},
      {true, true, true, PUBLIC, "X-API-Key", "boss", 0},
      {false, true, false, PLAIN, "", "", 0},
      {false, true, false, ADMIN, "Authorization", "Bearer boss", 0},
      {false, true, false, ADMIN, "Authorization", "Bearer user", 401},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_access access = {.protect_all = cases[i].protect_all};
    if (cases[i].keys) access.keys = keys_of(users, 1, NULL);
    if (cases[i].admin_keys) access.admin_keys = keys_of(bosses, 1, NULL);
    int status = status_of(&access, cases[i].flags, cases[i].name, cases[i].value);
    if (status != cases[i].status) fail_msg("case %zu: %d", i, status);
    vecd_access_fini(&access);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_key_counts),       cmocka_unit_test(what_cannot_be_a_key_is_refused_untold),
      cmocka_unit_test(a_file_has_a_key_a_line),    cmocka_unit_test(a_file_is_read_again),
      cmocka_unit_test(failing_memory_is_survived), cmocka_unit_test(keys_are_swapped_under_those_who_ask),
      cmocka_unit_test(routes_are_guarded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
