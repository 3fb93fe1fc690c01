/* char_set.c - sets from the tables of unicode.h and unicode_class.h. */
#include "tok/char_set.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tok/unicode.h"
#include "tok/unicode_class.h"

#define LAST_CHAR 0x10ffffu

void vecd_char_set_fini(vecd_char_set *set) {
  vecd_free(set->ranges);
  *set = (vecd_char_set){0};
}

void vecd_char_set_add(vecd_char_set *set, uint32_t lo, uint32_t hi) {
  if (set->failed || lo > hi) return;
  if (set->n && set->ranges[set->n - 1].hi + 1 == lo) {
    set->ranges[set->n - 1].hi = hi;
    return;
  }
  if (set->n == set->cap) {
    size_t cap = set->cap ? set->cap * 2 : 8;
    vecd_char_range *grown = vecd_realloc(VECD_MEM_VOCAB, set->ranges, cap * sizeof *grown);
    if (!grown) {
      set->failed = true;
      return;
    }
    set->ranges = grown;
    set->cap = cap;
  }
  set->ranges[set->n++] = (vecd_char_range){lo, hi};
}

void vecd_char_set_add_set(vecd_char_set *set, const vecd_char_set *other) {
  if (other->failed) set->failed = true;
  for (size_t i = 0; i < other->n; i++) vecd_char_set_add(set, other->ranges[i].lo, other->ranges[i].hi);
}

static int compare(const void *pa, const void *pb) {
  const vecd_char_range *a = pa, *b = pb;
  return a->lo < b->lo ? -1 : a->lo > b->lo;
}

void vecd_char_set_tidy(vecd_char_set *set) {
  if (set->n < 2) return;
  qsort(set->ranges, set->n, sizeof *set->ranges, compare);
  size_t n = 1;
  for (size_t i = 1; i < set->n; i++) {
    vecd_char_range *last = &set->ranges[n - 1], r = set->ranges[i];
    if (r.lo <= last->hi + 1) {
      if (r.hi > last->hi) last->hi = r.hi;
    } else {
      set->ranges[n++] = r;
    }
  }
  set->n = n;
}

void vecd_char_set_invert(vecd_char_set *set) {
  vecd_char_set_tidy(set);
  vecd_char_set out = {.failed = set->failed};
  uint32_t next = 0;
  for (size_t i = 0; i < set->n; i++) {
    if (set->ranges[i].lo > next) vecd_char_set_add(&out, next, set->ranges[i].lo - 1);
    next = set->ranges[i].hi + 1;
  }
  if (next <= LAST_CHAR) vecd_char_set_add(&out, next, LAST_CHAR);
  vecd_char_set_fini(set);
  *set = out;
}

bool vecd_char_set_eq(const vecd_char_set *a, const vecd_char_set *b) {
  return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges, a->n * sizeof *a->ranges) == 0);
}

/* What a class of the table must have to be in the set. */
typedef struct test {
  uint32_t categories; /* bits */
  unsigned script, flag;
} test;

static bool passes(const test *t, const vecd_unicode_class *class) {
  return (t->categories >> class->category & 1) || (t->script && t->script == class->regex_script) || (class->flags & t->flag);
}

static void add_classes(vecd_char_set *set, test t) {
  const uint32_t size = 1u << VECD_UNICODE_CLASS_SHIFT;
  uint32_t last = UINT32_MAX; /* the number of the block before, if it is all in or all out */
  bool last_in = false;
  for (uint32_t block = 0; block <= LAST_CHAR >> VECD_UNICODE_CLASS_SHIFT; block++) {
    uint32_t number = vecd_unicode_class_blocks[block];
    if (number == last) {
      if (last_in) vecd_char_set_add(set, block * size, block * size + size - 1);
      continue;
    }
    const uint16_t *of = vecd_unicode_class_of + ((size_t)number << VECD_UNICODE_CLASS_SHIFT);
    last = UINT32_MAX;
    for (uint32_t i = 0, k; i < size; i = k) {
      bool in = passes(&t, &vecd_unicode_classes[of[i]]);
      for (k = i + 1; k < size && (of[k] == of[i] || passes(&t, &vecd_unicode_classes[of[k]]) == in);) k++;
      if (in) vecd_char_set_add(set, block * size + i, block * size + k - 1);
      if (i == 0 && k == size) last = number, last_in = in;
    }
  }
}

void vecd_char_set_add_escape(vecd_char_set *set, char escape) {
  static const vecd_char_range space[] = {{0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},
                                          {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f},
                                          {0x205f, 0x205f}, {0x3000, 0x3000}};
  switch (escape) {
  case 'd': vecd_char_set_add_property(set, VECD_SPAN("Nd")); break;
  case 's':
    for (size_t i = 0; i < sizeof space / sizeof *space; i++) vecd_char_set_add(set, space[i].lo, space[i].hi);
    break;
  case 'w': add_classes(set, (test){.flag = VECD_CLASS_WORD}); break;
  default:
    vecd_char_set_add(set, '0', '9');
    vecd_char_set_add(set, 'A', 'F');
    vecd_char_set_add(set, 'a', 'f');
  }
}

static bool same_name(vecd_span name, const char *known) {
  size_t k = 0;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    if (c == ' ' || c == '_' || c == '-') continue;
    if (c >= 'A' && c <= 'Z') c |= 0x20;
    char d = known[k];
    if (d >= 'A' && d <= 'Z') d |= 0x20;
    if (!d || c != d) return false;
    k++;
  }
  return known[k] == '\0';
}

bool vecd_char_set_add_property(vecd_char_set *set, vecd_span name) {
#define X(category) #category,
  static const char *const categories[] = {VECD_UNICODE_CATEGORY_LIST(X)};
  static const char *const scripts[] = {VECD_UNICODE_SCRIPT_LIST(X)};
#undef X
  static const char *const groups[][2] = {{"L", "Letter"}, {"M", "Mark"},      {"N", "Number"}, {"P", "Punctuation"},
                                          {"S", "Symbol"}, {"Z", "Separator"}, {"C", "Other"}};
  test t = {0};
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    if (!same_name(name, groups[i][0]) && !same_name(name, groups[i][1])) continue;
    for (size_t k = 0; k < sizeof categories / sizeof *categories; k++)
      if (categories[k][0] == groups[i][0][0]) t.categories |= 1u << k;
  }
  for (size_t k = 0; k < sizeof categories / sizeof *categories; k++)
    if (same_name(name, categories[k])) t.categories |= 1u << k;
  for (size_t k = 0; k < sizeof scripts / sizeof *scripts; k++)
    if (same_name(name, scripts[k])) t.script = (unsigned)k + 1;
  if (!t.categories && !t.script) return false;
  add_classes(set, t);
  return true;
}
