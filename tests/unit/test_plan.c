/* test_plan.c - whatever the lengths: every sequence is in exactly one chunk, longest first, and no chunk holds more tokens than
 * a worker has room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "nn/plan.h"

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % n;
}

static void *room(size_t n, size_t size) {
  void *p = calloc(n, size);
  assert_non_null(p);
  return p;
}

/* Plans and checks; memory is exactly as large as the contract says, so that a sanitizer sees a step too far. Gives
 * `together`; *n_chunks nullable. */
static bool check(const uint32_t *lens, size_t n, unsigned n_workers, size_t most, size_t *n_chunks) {
  vecd_plan plan = {.order = room(n, sizeof *plan.order), .chunks = room(n, sizeof *plan.chunks)};
  uint32_t *counts = room(most + 1, sizeof *counts);
  unsigned char *seen = room(n, 1);
  size_t apart = n_workers > 1 ? (most + 1) / 2 : most;
  vecd_plan_make(&plan, lens, n, n_workers, most, apart, 16, counts);
  for (size_t i = 0; i < n; i++) {
    assert_true(plan.order[i] < n);
    assert_int_equal(seen[plan.order[i]]++, 0);
    if (i) assert_true(lens[plan.order[i - 1]] >= lens[plan.order[i]]);
  }
  assert_in_range(plan.n_chunks, 1, n);
  uint32_t at = 0;
  for (size_t c = 0; c < plan.n_chunks; c++) {
    assert_int_equal(plan.chunks[c].first, at);
    assert_true(plan.chunks[c].end > at);
    size_t tokens = 0;
    for (; at < plan.chunks[c].end; at++) tokens += lens[plan.order[at]];
    assert_true(tokens <= (plan.split == VECD_APART ? apart : most));
  }
  assert_int_equal(at, n);
  if (n_workers == 1) assert_false(plan.split != VECD_APART);
  if (n_workers > 1 && n == 1) assert_true(plan.split != VECD_APART);
  if (n_chunks) *n_chunks = plan.n_chunks;
  bool together = plan.split != VECD_APART;
  free(plan.order);
  free(plan.chunks);
  free(counts);
  free(seen);
  return together;
}

static void random_batches(void **state) {
  (void)state;
  static const size_t mosts[] = {1, 2, 17, 128, 192, 512, 8192};
  static const unsigned workers[] = {1, 2, 3, 4, 7, 16, 64, 65, 200};
  uint32_t lens[1024];
  for (size_t round = 0; round < 4000; round++) {
    size_t most = mosts[round % 7], n = 1 + random_below(round % 5 ? 40 : 1024);
    uint32_t longest = 1 + random_below((uint32_t)most), kind = random_below(4);
    for (size_t i = 0; i < n; i++) {
      if (kind == 0)
        lens[i] = longest; /* all alike */
      else if (kind == 1)
        lens[i] = random_below(16) ? 1 : longest; /* a few long among short */
      else
        lens[i] = 1 + random_below(longest);
    }
    check(lens, n, workers[random_below(9)], most, NULL);
  }
}

static void edges(void **state) {
  (void)state;
  uint32_t lens[1024];
  for (size_t i = 0; i < 1024; i++) lens[i] = 512;
  for (unsigned workers = 1; workers <= 8; workers++) {
    for (size_t n = 1; n <= 9; n++) check(lens, n, workers, 512, NULL); /* nothing but the longest there is */
    check(lens, 1024, workers, 512, NULL);
  }
  for (size_t i = 0; i < 1024; i++) lens[i] = 1;
  for (unsigned workers = 1; workers <= 8; workers++) check(lens, 1024, workers, 192, NULL);
  check(lens, 3, 2, 1, NULL);
}

static void work_is_shared(void **state) {
  (void)state;
  uint32_t lens[256];
  size_t n_chunks;
  for (size_t i = 0; i < 256; i++) lens[i] = 32;
  assert_false(check(lens, 256, 4, 256, &n_chunks)); /* plenty: everybody works alone */
  assert_true(n_chunks >= 4 && n_chunks % 4 == 0);
  assert_true(check(lens, 1, 4, 256, NULL)); /* one text: nobody waits */
  lens[0] = 256;
  assert_true(check(lens, 2, 4, 256, NULL)); /* one long one and a short one */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_batches),
      cmocka_unit_test(edges),
      cmocka_unit_test(work_is_shared),
  };
  return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
