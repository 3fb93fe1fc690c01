/* test_base.c - the room everything else stands on: errors, counted memory, arenas, buffers, UTF-8, files, log, CPU, team, busy
 * polling. */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/busy_poll.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/log.h"
#include "base/order.h"
#include "base/process.h"
#include "base/team.h"
#include "base/utf8.h"

/* errors */

static void errors_are_one_printable_line(void **state) {
  (void)state;
  vecd_err err = {VECD_OK, 0, ""};
  assert_int_equal(vecd_err_set(&err, VECD_BAD_MODEL, 7, "%s: %d", "a\nb\x1b[31m\x7f", 5), VECD_BAD_MODEL);
  assert_int_equal(err.code, VECD_BAD_MODEL);
  assert_int_equal(err.pos, 7);
  assert_string_equal(err.text, "a?b?[31m?: 5");
  assert_int_equal(vecd_err_set(NULL, VECD_IO, 0, "%d", 1), VECD_IO);

  vecd_err_set(&err, VECD_IO, VECD_NO_POS, "%.3s \xff \xed\xa0\x80", "a\xc3\xa4\xc3\xa4"); /* cut and invalid UTF-8 */
  assert_string_equal(err.text, "a\xc3\xa4 ? ???");
  vecd_err_set(&err, VECD_IO, VECD_NO_POS, "%.2s.", "a\xc3\xa4");
  assert_string_equal(err.text, "a?.");
  assert_int_equal(vecd_err_no_memory(&err, "x", 3), VECD_NO_MEMORY);
}

static void errors_are_cut_between_characters(void **state) {
  (void)state;
  for (size_t pad = 0; pad < 8; pad++) {
    char text[2000] = "";
    memset(text, 'x', pad);
    for (size_t i = pad; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xe2\x82\xac", 4);
    vecd_err err;
    vecd_err_set(&err, VECD_IO, 0, "%s", text);
    size_t n = strlen(err.text);
    assert_true(n > sizeof err.text - 4 && vecd_utf8_valid_prefix(err.text, n) == n && !strchr(err.text, '?'));
    vecd_err_context(&err, VECD_IO, "%s", "context");
    n = strlen(err.text);
    assert_true(n < sizeof err.text && vecd_utf8_valid_prefix(err.text, n) == n);
    assert_memory_equal(err.text, "context: ", 9);
    vecd_err_context(&err, VECD_IO, "%s", text);
    n = strlen(err.text);
    assert_true(n < sizeof err.text && vecd_utf8_valid_prefix(err.text, n) == n);
  }
}

static void context_keeps_the_first_code(void **state) {
  (void)state;
  vecd_err err;
  vecd_err_set(&err, VECD_NOT_FOUND, 3, "gone");
  assert_int_equal(vecd_err_context(&err, VECD_IO, "while %s", "looking"), VECD_NOT_FOUND);
  assert_string_equal(err.text, "while looking: gone");
  assert_int_equal(vecd_err_context(NULL, VECD_IO, "x"), VECD_IO);
  for (int s = VECD_OK; s <= VECD_INTERNAL; s++) {
    assert_string_not_equal(vecd_status_text((vecd_status)s), "unknown error");
    assert_in_range(vecd_status_http((vecd_status)s), 200, 599);
  }
  assert_int_equal(vecd_status_http((vecd_status)99), 500);
  assert_string_equal(vecd_status_text((vecd_status)99), "unknown error");
}

/* memory */

static void memory_is_counted_by_tag(void **state) {
  (void)state;
  size_t vocab = vecd_mem_bytes(VECD_MEM_VOCAB), misc = vecd_mem_bytes(VECD_MEM_MISC), total = vecd_mem_total_bytes();
  uint64_t count = vecd_mem_count();
  char *a = vecd_alloc(VECD_MEM_VOCAB, 100), *z = vecd_alloc_zero(VECD_MEM_VOCAB, 10, 10);
  void *n = vecd_alloc(VECD_MEM_VOCAB, 0);
  assert_non_null(n);
  for (int i = 0; i < 100; i++) assert_int_equal(z[i], 0);
  memset(a, 1, 100);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB), vocab + 200);
  a = vecd_realloc(VECD_MEM_MISC, a, 5000); /* moves to another tag, content kept */
  assert_int_equal(a[99], 1);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_VOCAB), vocab + 100);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_MISC), misc + 5000);
  a = vecd_realloc(VECD_MEM_MISC, a, 10);
  assert_int_equal(vecd_mem_total_bytes(), total + 110);
  assert_int_equal(vecd_mem_count(), count + 5);
  vecd_free(a);
  vecd_free(z);
  vecd_free(n);
  vecd_free(NULL);
  char *s = vecd_strdup(VECD_MEM_MISC, "abc"), *t = vecd_strndup(VECD_MEM_MISC, "abcdef", 2);
  assert_string_equal(s, "abc");
  assert_string_equal(t, "ab");
  vecd_free(s);
  vecd_free(t);
  assert_int_equal(vecd_mem_total_bytes(), total);
}

static void memory_of_absurd_sizes_is_refused(void **state) {
  (void)state;
  size_t total = vecd_mem_total_bytes();
  volatile size_t huge = SIZE_MAX;
  assert_null(vecd_alloc(VECD_MEM_MISC, huge));
  assert_null(vecd_alloc(VECD_MEM_MISC, huge / 2));
  assert_null(vecd_alloc_zero(VECD_MEM_MISC, huge / 2, 3));
  assert_null(vecd_alloc_array(VECD_MEM_MISC, huge / 4, 8));
  assert_null(vecd_alloc_aligned(VECD_MEM_MISC, 64, huge - 64));
  char *p = vecd_alloc(VECD_MEM_MISC, 3);
  memcpy(p, "ab", 3);
  assert_null(vecd_realloc(VECD_MEM_MISC, p, huge - 8));
  assert_string_equal(p, "ab"); /* the old block stays */
  vecd_free(p);
  assert_int_equal(vecd_mem_total_bytes(), total);
}

static void memory_can_be_aligned_and_mapped(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 63, 4096, 100000, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (5 << 20) + 12345};
  size_t total = vecd_mem_total_bytes();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t align = 16; align <= 4096; align *= 2) {
      unsigned char *p = vecd_alloc_aligned(VECD_MEM_SCRATCH, align, sizes[i]);
      assert_non_null(p);
      assert_int_equal((uintptr_t)p % align, 0);
      memset(p, 0xa5, sizes[i]);
      if (sizes[i] >= 2 << 20) assert_int_equal((uintptr_t)p % (2 << 20), 0);
      assert_int_equal(vecd_mem_total_bytes(), total + sizes[i]);
      vecd_free(p);
      assert_int_equal(vecd_mem_total_bytes(), total);
    }
}

/* Small blocks that go while the last one stays are the C library's to keep, until it is told. A sanitizer's memory is another. */
static void what_is_kept_can_be_given_back(void **state) {
  (void)state;
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  enum { N = 32768, EACH = 1000 };
  static void *blocks[N];
  vecd_process before, kept, after;
  vecd_process_read(&before);
  for (size_t i = 0; i < N; i++) memset(blocks[i] = vecd_alloc(VECD_MEM_MISC, EACH), 1, EACH);
  for (size_t i = 0; i + 1 < N; i++) vecd_free(blocks[i]);
  vecd_process_read(&kept);
  vecd_mem_trim();
  vecd_process_read(&after);
  vecd_free(blocks[N - 1]);
  assert_true(kept.resident_bytes > before.resident_bytes + (size_t)N * EACH / 2); /* or this shows nothing */
  assert_true(after.resident_bytes < before.resident_bytes + (size_t)N * EACH / 16);
#else
  vecd_mem_trim();
#endif
}

static void the_nth_allocation_fails_once(void **state) {
  (void)state;
  vecd_mem_fail_nth(3);
  void *a = vecd_alloc(VECD_MEM_MISC, 1), *b = vecd_alloc_aligned(VECD_MEM_MISC, 64, 1),
       *c = vecd_alloc_zero(VECD_MEM_MISC, 1, 1), *d = vecd_alloc(VECD_MEM_MISC, 1);
  assert_true(a && b && !c && d);
  vecd_mem_fail_nth(1);
  assert_null(vecd_realloc(VECD_MEM_MISC, a, 100));
  vecd_mem_fail_nth(1);
  vecd_mem_fail_nth(0);
  c = vecd_strdup(VECD_MEM_MISC, "x");
  assert_non_null(c);
  vecd_free(a);
  vecd_free(b);
  vecd_free(c);
  vecd_free(d);
}

/* arena and buffer */

static void arenas_hand_out_and_forget(void **state) {
  (void)state;
  size_t before = vecd_mem_bytes(VECD_MEM_REQUEST);
  vecd_arena arena;
  vecd_arena_init(&arena, VECD_MEM_REQUEST);
  vecd_arena_fini(&arena);
  for (int round = 0; round < 3; round++) {
    unsigned char *blocks[400];
    for (size_t i = 0; i < 400; i++) {
      blocks[i] = vecd_arena_alloc(&arena, i * 13);
      assert_non_null(blocks[i]);
      assert_int_equal((uintptr_t)blocks[i] % 16, 0);
      memset(blocks[i], (int)i, i * 13);
    }
    for (size_t i = 0; i < 400; i++)
      for (size_t k = 0; k < i * 13; k++) assert_int_equal(blocks[i][k], (unsigned char)i);
    vecd_arena_reset(&arena);
  }
  uint64_t count = vecd_mem_count();
  assert_string_equal(vecd_arena_strndup(&arena, "abcdef", 3), "abc");
  assert_string_equal(vecd_arena_strndup(&arena, NULL, 0), "");
  const char *z = vecd_arena_zero(&arena, 50, 4);
  for (int i = 0; i < 200; i++) assert_int_equal(z[i], 0);
  assert_int_equal(vecd_mem_count(), count); /* the kept chunk serves again */
  assert_null(vecd_arena_zero(&arena, SIZE_MAX / 2, 3));
  assert_null(vecd_arena_alloc(&arena, SIZE_MAX - 3));
  assert_non_null(vecd_arena_alloc(&arena, 10 << 20));
  vecd_arena_reset(&arena);
  assert_true(vecd_mem_bytes(VECD_MEM_REQUEST) < before + (2 << 20)); /* a giant is not kept */
  vecd_mem_fail_nth(1);
  assert_null(vecd_arena_alloc(&arena, 3 << 20));
  assert_non_null(vecd_arena_alloc(&arena, 3 << 20));
  vecd_arena_fini(&arena);
  assert_int_equal(vecd_mem_bytes(VECD_MEM_REQUEST), before);
}

static void buffers_grow_and_remember_failure(void **state) {
  (void)state;
  size_t before = vecd_mem_total_bytes();
  vecd_buf b;
  vecd_buf_init(&b, VECD_MEM_HTTP);
  assert_string_equal(vecd_buf_cstr(&b), "");
  char expected[6001] = "";
  for (int i = 0; i < 1000; i++) {
    vecd_buf_append_char(&b, 'a');
    vecd_buf_append_str(&b, "bc");
    vecd_buf_append(&b, NULL, 0);
    vecd_buf_printf(&b, "%03d", i);
    snprintf(expected + i * 6, 7, "abc%03d", i);
  }
  assert_int_equal(b.len, 6000);
  assert_string_equal(vecd_buf_cstr(&b), expected);
  assert_int_equal(b.len, 6000);
  assert_false(vecd_buf_reserve(&b, SIZE_MAX));
  assert_true(b.failed);
  vecd_buf_append_str(&b, "more");
  assert_int_equal(b.len, 6000);
  assert_string_equal(vecd_buf_cstr(&b), "");
  vecd_buf_fini(&b);
  for (uint64_t n = 1;; n++) { /* whichever allocation fails, the end tells */
    vecd_mem_fail_nth(n);
    for (int i = 0; i < 200; i++) vecd_buf_printf(&b, "%d,", i);
    bool failed = b.failed;
    vecd_mem_fail_nth(0);
    vecd_buf_fini(&b);
    if (!failed) break;
  }
  assert_int_equal(vecd_mem_total_bytes(), before);
}

/* UTF-8 */

/* As slow and as plain as can be: decode by the bit patterns, then judge the number. */
static bool naive_valid(const unsigned char *s, size_t len) {
  for (size_t i = 0; i < len;) {
    size_t n = s[i] < 0x80 ? 1 : s[i] >> 5 == 6 ? 2 : s[i] >> 4 == 14 ? 3 : s[i] >> 3 == 30 ? 4 : 0;
    if (!n || n > len - i) return false;
    uint32_t c = n == 1 ? s[i] : s[i] & (0xff >> (n + 1));
    for (size_t k = 1; k < n; k++) {
      if (s[i + k] >> 6 != 2) return false;
      c = c << 6 | (s[i + k] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
    i += n;
  }
  return true;
}

static void check_utf8(const unsigned char *s, size_t len) {
  size_t prefix = vecd_utf8_valid_prefix((const char *)s, len);
  if ((prefix == len) != naive_valid(s, len) || prefix > len || !naive_valid(s, prefix))
    fail_msg("%02x %02x %02x %02x, %zu bytes: prefix %zu", s[0], s[1], s[2], s[3], len, prefix);
}

static void utf8_agrees_with_a_naive_check(void **state) {
  (void)state;
  for (uint32_t v = 0; v < 1u << 24; v++) {
    unsigned char s[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16), 'x'};
    if (v < 1u << 8) check_utf8(s, 1);
    if (v < 1u << 16) check_utf8(s, 2);
    if (s[0] >= 0x80) check_utf8(s, 3);
  }
  static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                        0xc0, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff};
  for (unsigned a = 0xe0; a < 256; a++)
    for (unsigned b = 0; b < 256; b++)
      for (unsigned c = 0; c < 256; c++) {
        unsigned char s[12] = {(unsigned char)a, (unsigned char)b, edges[c & 15], edges[c >> 4]};
        check_utf8(s, 4);
        memmove(s + 5, s, 4); /* behind ASCII, across the eight bytes looked at together */
        memset(s, 'a', 5);
        check_utf8(s, 9);
      }
}

static void utf8_goes_there_and_back(void **state) {
  (void)state;
  for (uint32_t c = 0; c <= 0x10ffff; c++) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    char s[4];
    size_t n = vecd_utf8_put(s, c);
    const char *p = s;
    if (vecd_utf8_valid_prefix(s, n) != n || vecd_utf8_next(&p) != c || p != s + n) fail_msg("U+%04X", c);
  }
}

static void spans_compare(void **state) {
  (void)state;
  assert_true(vecd_span_eq(VECD_SPAN("abc"), vecd_span_of("abc")));
  assert_false(vecd_span_eq(VECD_SPAN("abc"), VECD_SPAN("abd")));
  assert_true(vecd_span_eq((vecd_span){NULL, 0}, VECD_SPAN("")));
  assert_true(vecd_span_eq_nocase(VECD_SPAN("Content-TYPE"), VECD_SPAN("content-type")));
  assert_false(vecd_span_eq_nocase(VECD_SPAN("@[`{"), VECD_SPAN("`{@[")));
}

/* files */

static char folder[64];

static const char *in_folder(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, size_t len) {
  FILE *f = fopen(in_folder(name), "wb");
  assert_non_null(f);
  for (size_t i = 0; i < len; i++) putc((int)(i % 251), f);
  fclose(f);
}

static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/vecd-test-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const names[] = {"empty", "some", "fifo", "link"};
  for (size_t i = 0; i < 4; i++) unlink(in_folder(names[i]));
  return rmdir(folder);
}

static void numbers_are_summed_up_by_order(void **state) {
  (void)state;
  double one[] = {7}, four[] = {4, -1, 3, 2}, five[] = {5, 1, 4, 2, 3}, many[250];
  assert_true(vecd_median(one, 1) == 7 && vecd_percentile(one, 1, 1) == 7 && vecd_percentile(one, 1, 100) == 7);
  assert_true(vecd_median(four, 4) == 2.5 && vecd_median(five, 5) == 3);
  assert_true(vecd_percentile(four, 4, 25) == -1 && vecd_percentile(four, 4, 26) == 2 && vecd_percentile(four, 4, 100) == 4);
  for (unsigned n = 1; n <= 250; n++)
    for (unsigned percent = 1; percent <= 100; percent++) {
      for (unsigned i = 0; i < n; i++) many[i] = (double)(i * 251 % n); /* 251 is prime: 0 to n - 1 in some order */
      unsigned rank = (n * percent + 99) / 100;
      assert_true(vecd_percentile(many, n, percent) == (double)(rank - 1));
    }
}

static void files_are_read_and_mapped(void **state) {
  (void)state;
  vecd_err err;
  write_file("empty", 0);
  write_file("some", 10000);
  vecd_buf b = {0};
  assert_int_equal(vecd_file_read(in_folder("some"), 10000, &b, &err), VECD_OK);
  assert_int_equal(b.len, 10000);
  assert_int_equal(vecd_file_read(in_folder("some"), SIZE_MAX, &b, &err), VECD_OK);
  assert_int_equal(b.len, 20000); /* appends */
  for (size_t i = 0; i < 20000; i++) assert_int_equal((unsigned char)b.ptr[i], i % 10000 % 251);
  assert_int_equal(vecd_file_read(in_folder("some"), 9999, &b, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "some"));
  assert_int_equal(vecd_file_read(in_folder("none"), 9999, &b, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_file_read(in_folder("some/x"), 9999, &b, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_file_read(folder, 9999, &b, &err), VECD_IO);
  vecd_mem_fail_nth(1);
  vecd_buf none = {0};
  assert_int_equal(vecd_file_read(in_folder("some"), 20000, &none, &err), VECD_NO_MEMORY);
  vecd_buf_fini(&none);
  vecd_buf_fini(&b);
  assert_int_equal(vecd_file_read(in_folder("empty"), 0, &b, NULL), VECD_OK);
  assert_int_equal(b.len, 0);
  vecd_buf_fini(&b);

  vecd_mapping m;
  assert_int_equal(vecd_mapping_open(in_folder("some"), &m, &err), VECD_OK);
  assert_int_equal(m.len, 10000);
  vecd_mapping_drop(&m, 1, 9000);
  vecd_mapping_drop(&m, 0, 10000);
  for (size_t i = 0; i < 10000; i++) assert_int_equal(m.ptr[i], i % 251); /* comes back from the file */
  vecd_mapping_close(&m);
  assert_null(m.ptr);
  vecd_mapping_close(&m);
  assert_int_equal(vecd_mapping_open(in_folder("empty"), &m, &err), VECD_OK);
  assert_int_equal(m.len, 0);
  vecd_mapping_close(&m);
  assert_int_equal(vecd_mapping_open(in_folder("none"), &m, &err), VECD_NOT_FOUND);
}

static void files_of_other_kinds_do_not_hang(void **state) {
  (void)state;
  vecd_err err;
  vecd_buf b = {0};
  vecd_mapping m;
  assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
  assert_int_equal(symlink("nowhere", in_folder("link")), 0);
  assert_int_equal(vecd_file_read(in_folder("fifo"), 10, &b, &err), VECD_IO);
  assert_int_equal(vecd_mapping_open(in_folder("fifo"), &m, &err), VECD_IO);
  assert_int_equal(vecd_file_read(in_folder("link"), 10, &b, &err), VECD_NOT_FOUND);
  assert_false(vecd_file_exists(in_folder("fifo")) || vecd_file_exists(in_folder("link")) || vecd_file_exists(folder));
  assert_true(vecd_dir_exists(folder) && !vecd_dir_exists(in_folder("fifo")));
}

/* log */

/* What one line puts on stderr. */
static void logged_with(char *out, size_t cap, bool json, const vecd_log_field *fields, size_t n_fields, const char *text) {
  int ends[2], kept = dup(STDERR_FILENO);
  assert_int_equal(pipe(ends), 0);
  dup2(ends[1], STDERR_FILENO);
  vecd_log_setup(VECD_LOG_INFO, json);
  vecd_log(VECD_LOG_DEBUG, "not this");
  if (n_fields)
    vecd_log_with(VECD_LOG_WARN, fields, n_fields, "%s", text);
  else
    vecd_log(VECD_LOG_WARN, "%s", text);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(ends[1]);
  ssize_t n = read(ends[0], out, cap - 1);
  close(ends[0]);
  assert_true(n > 0);
  out[n] = '\0';
}

static void logged(char *out, size_t cap, bool json, const char *text) { logged_with(out, cap, json, NULL, 0, text); }

static void log_lines_have_fields(void **state) {
  (void)state;
  char line[16384], text[3000];
  const vecd_log_field fields[] = {
      {.name = "id", .kind = VECD_LOG_TEXT, .text = "a-1"},
      {.name = "none", .kind = VECD_LOG_TEXT, .text = NULL},
      {.name = "empty", .kind = VECD_LOG_TEXT, .text = ""},
      {.name = "path", .kind = VECD_LOG_TEXT, .text = "a \"b\"\n\xff"},
      {.name = "n", .kind = VECD_LOG_UINT, .uint = UINT64_MAX},
      {.name = "took_ms", .kind = VECD_LOG_MS, .ms = 1.23456},
  };
  enum { N = sizeof fields / sizeof *fields };
  logged_with(line, sizeof line, true, fields, N, "m");
  assert_non_null(strstr(line, "\"message\":\"m\",\"id\":\"a-1\",\"path\":\"a \\\"b\\\"\\u000a?\",\"n\":18446744073709551615,"
                               "\"took_ms\":1.235}\n"));
  logged_with(line, sizeof line, false, fields, N, "m");
  assert_non_null(strstr(line, "Z warn  m id=a-1 path=\"a \\\"b\\\"??\" n=18446744073709551615 took_ms=1.235\n"));
  assert_true(vecd_log_enabled(VECD_LOG_INFO) && !vecd_log_enabled(VECD_LOG_DEBUG));
  memset(text, '\x01', sizeof text - 1); /* each byte takes six, more than there is room for */
  text[sizeof text - 1] = '\0';
  vecd_log_field many[40];
  for (size_t i = 0; i < 40; i++) many[i] = (vecd_log_field){.name = "x", .kind = VECD_LOG_TEXT, .text = text};
  logged_with(line, sizeof line, true, many, 40, text);
  size_t n = strlen(line);
  assert_int_equal(strchr(line, '\n') - line, n - 1);
  assert_memory_equal(line + n - 3, "\"}\n", 3);
}

static void log_lines_stay_lines(void **state) {
  (void)state;
  char line[8192], text[3000];
  logged(line, sizeof line, true, "a \"b\" \\ \n\t\x01 \xc3\xa4 \xff");
  assert_memory_equal(line, "{\"time\":\"20", 11);
  assert_non_null(strstr(line, "Z\",\"level\":\"warn\",\"message\":\"a \\\"b\\\" \\\\ \\u000a\\u0009\\u0001 \xc3\xa4 ?\"}\n"));
  logged(line, sizeof line, false, "a\nb\x1b[1m \xff");
  assert_non_null(strstr(line, "Z warn  a?b?[1m ?\n"));
  for (int c = 1; c < 256; c += 31) { /* far too long, of every kind of byte */
    memset(text, c, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int json = 0; json < 2; json++) {
      logged(line, sizeof line, json, text);
      size_t n = strlen(line);
      assert_int_equal(strchr(line, '\n') - line, n - 1);
      assert_int_equal(vecd_utf8_valid_prefix(line, n), n);
      if (json) assert_memory_equal(line + n - 3, "\"}\n", 3);
    }
  }
}

/* processor and team */

static void the_processor_is_described(void **state) {
  (void)state;
  assert_true(vecd_cpu_count() >= 1);
  char text[300], small[4];
  vecd_cpu_name(text, sizeof text);
  assert_true(strlen(text) > 0);
  vecd_cpu_feature_names(vecd_cpu_features(), text, sizeof text);
  vecd_cpu_feature_names(VECD_CPU_AVX2 | VECD_CPU_FMA, text, sizeof text);
  assert_string_equal(text, "avx2 fma");
  vecd_cpu_feature_names(~0u, small, sizeof small);
  assert_int_equal(strlen(small), 3);
  vecd_cpu_feature_names(0, text, sizeof text);
  assert_string_equal(text, "");
  uint64_t a = vecd_now_ns(), b = vecd_now_ns();
  assert_true(b >= a);
}

typedef struct work {
  vecd_team *team;
  unsigned size, rounds;
  unsigned cell[8], sum[8]; /* one a member */
  unsigned calls[8];
} work;

/* In each round every member writes its cell, and after the barrier reads everyone's. */
static void share(void *ctx, unsigned member) {
  work *w = ctx;
  w->calls[member]++;
  for (unsigned r = 0; r < w->rounds; r++) {
    w->cell[member] = r * 8 + member;
    vecd_team_barrier(w->team);
    for (unsigned i = 0; i < w->size; i++) w->sum[member] += w->cell[i];
    vecd_team_barrier(w->team);
  }
}

static void teams_run_jobs_together(void **state) {
  (void)state;
  for (unsigned size = 1; size <= 8; size++) {
    work w = {.size = size, .rounds = 50};
    assert_int_equal(vecd_team_new(size, &w.team, NULL), VECD_OK);
    assert_int_equal(vecd_team_size(w.team), size);
    vecd_team_run(w.team, share, &w);
    unsigned expected = 0;
    for (unsigned r = 0; r < 50; r++)
      for (unsigned i = 0; i < size; i++) expected += r * 8 + i;
    for (unsigned i = 0; i < size; i++) assert_int_equal(w.sum[i], expected);
    w.rounds = 0;
    for (int job = 0; job < (size <= 2 ? 10000 : 1000); job++) vecd_team_run(w.team, share, &w);
    for (unsigned i = 0; i < size; i++) assert_int_equal(w.calls[i], size <= 2 ? 10001 : 1001);
    vecd_team_free(&w.team);
    assert_null(w.team);
  }
  vecd_team_free(NULL);
}

static void look_where(void *cpus, unsigned member) { ((int *)cpus)[member] = sched_getcpu(); }

/* Wherever the caller runs, and whether or not the others are asleep. */
static void members_have_processors_of_their_own(void **state) {
  (void)state;
  cpu_set_t allowed, one;
  assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  unsigned n_cpus = (unsigned)CPU_COUNT(&allowed), size = n_cpus < 8 ? n_cpus : 8;
  if (size < 2) skip();
  vecd_team *team;
  assert_int_equal(vecd_team_new(size, &team, NULL), VECD_OK);
  for (int round = 0; round < 20; round++) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
      if (round % 2) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
      int seen[8];
      vecd_team_run(team, look_where, seen);
      assert_int_equal(seen[0], cpu);
      for (unsigned i = 1; i < size; i++)
        for (unsigned k = 0; k < i; k++) assert_int_not_equal(seen[i], seen[k]);
    }
  }
  assert_int_equal(sched_setaffinity(0, sizeof allowed, &allowed), 0);
  vecd_team_free(&team);
}

/* make() again and again, each time with another of its allocations failing, until there are no more. */
static void fail_every_allocation(vecd_status (*make)(void)) {
  for (uint64_t n = 1;; n++) {
    vecd_mem_fail_nth(n);
    vecd_status s = make();
    vecd_mem_fail_nth(0);
    if (s == VECD_OK) break;
    assert_int_equal(s, VECD_NO_MEMORY);
  }
}

static vecd_status make_team(void) {
  vecd_team *team = NULL;
  vecd_status s = vecd_team_new(3, &team, NULL);
  vecd_team_free(&team);
  return s;
}

static void teams_give_everything_back(void **state) {
  (void)state;
  size_t before = vecd_mem_total_bytes();
  for (int i = 0; i < 50; i++) { /* freed before the threads have quite begun */
    vecd_team *team = NULL;
    assert_int_equal(vecd_team_new(4, &team, NULL), VECD_OK);
    vecd_team_free(&team);
  }
  fail_every_allocation(make_team);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

static vecd_status make_busy_poll(void) {
  vecd_busy_poll *poll = NULL;
  vecd_status s = vecd_busy_poll_new(1, &poll, NULL);
  vecd_busy_poll_free(&poll);
  return s;
}

/* Ended while its threads begin, spin, and sleep. */
static void busy_polling_ends_whenever_it_is_told_to(void **state) {
  (void)state;
  size_t before = vecd_mem_total_bytes();
  vecd_busy_poll_touch(NULL);
  for (unsigned round = 0; round < 24; round++) {
    vecd_busy_poll *poll;
    assert_int_equal(vecd_busy_poll_new(round % 3 ? 1 : 3600000, &poll, NULL), VECD_OK);
    for (unsigned i = 0; i < round; i++) {
      vecd_busy_poll_touch(poll);
      if (i % 8 == 0) nanosleep(&(struct timespec){.tv_nsec = round % 4 * 1000000}, NULL);
    }
    vecd_busy_poll_free(&poll);
    assert_null(poll);
  }
  vecd_busy_poll_free(NULL);
  fail_every_allocation(make_busy_poll);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_are_one_printable_line),
      cmocka_unit_test(errors_are_cut_between_characters),
      cmocka_unit_test(context_keeps_the_first_code),
      cmocka_unit_test(memory_is_counted_by_tag),
      cmocka_unit_test(memory_of_absurd_sizes_is_refused),
      cmocka_unit_test(memory_can_be_aligned_and_mapped),
      cmocka_unit_test(what_is_kept_can_be_given_back),
      cmocka_unit_test(the_nth_allocation_fails_once),
      cmocka_unit_test(arenas_hand_out_and_forget),
      cmocka_unit_test(buffers_grow_and_remember_failure),
      cmocka_unit_test(utf8_agrees_with_a_naive_check),
      cmocka_unit_test(utf8_goes_there_and_back),
      cmocka_unit_test(spans_compare),
      cmocka_unit_test(numbers_are_summed_up_by_order),
      cmocka_unit_test(files_are_read_and_mapped),
      cmocka_unit_test(files_of_other_kinds_do_not_hang),
      cmocka_unit_test(log_lines_stay_lines),
      cmocka_unit_test(log_lines_have_fields),
      cmocka_unit_test(the_processor_is_described),
      cmocka_unit_test(teams_run_jobs_together),
      cmocka_unit_test(members_have_processors_of_their_own),
      cmocka_unit_test(teams_give_everything_back),
      cmocka_unit_test(busy_polling_ends_whenever_it_is_told_to),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
