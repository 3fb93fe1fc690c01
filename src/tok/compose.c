/* compose.c - decomposition, canonical order and composition (Unicode standard, section 3.11), with changes for transform.h.
 *
 * Two composed characters have the sum of their changes less one, as Hugging Face tokenizers has it. */
#include "tok/compose.h"

#include "tok/unicode.h"
#include "tok/unicode_compose.h"

typedef struct composer {
  vecd_form form;
  vecd_transform *t;
  vecd_compose_scratch *scratch;
  bool has_base, blocked; /* blocked: something is kept, the last of class last_class */
  uint8_t last_class;
  vecd_mark base;
} composer;

static void push(composer *k, vecd_mark_run *run, vecd_mark item) {
  if (!vecd_mark_run_put(run, item)) k->t->out->failed = true;
}

static uint32_t compose_pair(uint32_t a, uint32_t b) {
  if (b < 0x300) return 0;
  if (a - 0x1100 < 19 && b - 0x1161 < 21) return 0xac00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
  if (a - 0xac00 < 11172 && (a - 0xac00) % 28 == 0 && b - 0x11a8 < 27) return a + (b - 0x11a7);
  size_t lo = 0, hi = vecd_unicode_n_pairs;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    const vecd_unicode_pair *pair = &vecd_unicode_pairs[mid];
    if (pair->second == b && pair->first == a) return pair->composed;
    if (pair->second < b || (pair->second == b && pair->first < a))
      lo = mid + 1;
    else
      hi = mid;
  }
  return 0;
}

static void flush_base(composer *k) {
  vecd_mark_run *kept = &k->scratch->kept;
  if (k->has_base) vecd_transform_put(k->t, k->base.c, k->base.change);
  for (size_t i = 0; i < kept->n; i++) vecd_transform_put(k->t, kept->items[i].c, kept->items[i].change);
  kept->n = 0;
  k->has_base = k->blocked = false;
}

/* The next character in canonical order. */
static void put_ordered(composer *k, vecd_mark item) {
  if (k->form == VECD_FORM_KD) {
    vecd_transform_put(k->t, item.c, item.change);
    return;
  }
  if (!k->has_base) {
    if (item.combining_class != 0) {
      vecd_transform_put(k->t, item.c, item.change);
      return;
    }
    k->base = item;
    k->has_base = true;
    return;
  }
  if (!k->blocked || k->last_class < item.combining_class) {
    uint32_t c = compose_pair(k->base.c, item.c);
    if (c) {
      k->base.c = c;
      k->base.change += item.change - 1;
      return;
    }
  }
  if (item.combining_class == 0) {
    flush_base(k);
    k->base = item;
    k->has_base = true;
    return;
  }
  push(k, &k->scratch->kept, item);
  k->blocked = true;
  k->last_class = item.combining_class;
}

static void flush_marks(composer *k) {
  vecd_mark_run *marks = &k->scratch->marks;
  if (marks->n > 1) vecd_mark_run_sort(marks);
  for (size_t i = 0; i < marks->n; i++) put_ordered(k, marks->items[i]);
  marks->n = 0;
}

/* A character in the order of the text. */
static void put_decomposed(composer *k, uint32_t c, bool first) {
  vecd_mark item = {c, first ? 0 : 1, vecd_unicode_get(c)->combining_class};
  if (item.combining_class != 0) {
    push(k, &k->scratch->marks, item);
    return;
  }
  flush_marks(k);
  put_ordered(k, item);
}

static const vecd_unicode_compatible *find_compatible(uint32_t c) {
  size_t lo = 0, hi = vecd_unicode_n_compatibles;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (vecd_unicode_compatibles[mid].c == c) return &vecd_unicode_compatibles[mid];
    if (vecd_unicode_compatibles[mid].c < c)
      lo = mid + 1;
    else
      hi = mid;
  }
  return NULL;
}

static void put_char(composer *k, uint32_t c) {
  const vecd_unicode_compatible *compatible = k->form == VECD_FORM_C || c < 0xa0 ? NULL : find_compatible(c);
  if (compatible) {
    const uint32_t *parts = vecd_unicode_compatible_pool + compatible->at;
    for (size_t i = 0; i < compatible->len; i++) put_decomposed(k, parts[i], i == 0);
    return;
  }
  uint32_t parts[VECD_UNICODE_MOST_DECOMPOSED];
  size_t n = vecd_unicode_decompose(c, vecd_unicode_get(c), parts);
  for (size_t i = 0; i < n; i++) put_decomposed(k, parts[i], i == 0);
}

/* Bytes from p on that no form changes whatever stands around them; a base that something behind it may join is left out. */
static size_t plain_run(const char *p, const char *end, vecd_form form) {
  unsigned char below = form == VECD_FORM_C ? 0xcc : 0x80; /* 0xcc begins U+0300 */
  const char *q = p;
  while (q < end && (unsigned char)*q < below) q++;
  if (form == VECD_FORM_KD || q == p) return (size_t)(q - p);
  do q--;
  while (q > p && ((unsigned char)*q & 0xc0) == 0x80);
  return (size_t)(q - p);
}

void vecd_compose_text(vecd_form form, vecd_transform *t, vecd_compose_scratch *scratch) {
  composer k = {.form = form, .t = t, .scratch = scratch};
  scratch->marks.n = scratch->kept.n = 0;
  const char *p = t->p, *end = t->end;
  while (p < end && !t->out->failed) {
    size_t n = plain_run(p, end, form);
    if (n > 0) {
      flush_marks(&k);
      flush_base(&k);
      vecd_transform_keep(t, n);
      p += n;
      if (p == end) break;
    }
    put_char(&k, vecd_utf8_next(&p));
  }
  flush_marks(&k);
  flush_base(&k);
}

void vecd_compose_scratch_fini(vecd_compose_scratch *scratch) {
  vecd_mark_run_fini(&scratch->marks);
  vecd_mark_run_fini(&scratch->kept);
}
