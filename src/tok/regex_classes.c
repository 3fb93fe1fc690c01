/* regex_classes.c - splitting Unicode into the classes that a pattern's sets tell apart.
 *
 * One sweep over the ends of all ranges knows at each place which sets it is in; places with the same answer are one class. */
#include "tok/regex_classes.h"

#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"

#define N_CHARS    0x110000u
#define BLOCK_SIZE (1u << VECD_REGEX_BLOCK_SHIFT)

typedef struct edge {
  uint32_t at;
  uint32_t set; /* which begins or ends there: its bit flips */
} edge;

int vecd_regex_sets_put(vecd_regex_sets *sets, vecd_char_set *set) {
  for (size_t i = 0; i < sets->n; i++) {
    if (!vecd_char_set_eq(&sets->sets[i], set)) continue;
    vecd_char_set_fini(set);
    return (int)i;
  }
  if (sets->n == VECD_REGEX_MOST_SETS) return vecd_char_set_fini(set), -1;
  sets->sets[sets->n] = *set;
  *set = (vecd_char_set){0};
  return (int)sets->n++;
}

static int compare(const void *pa, const void *pb) {
  const edge *a = pa, *b = pb;
  return a->at < b->at ? -1 : a->at > b->at;
}

/* The number of the class whose members are `now`, a new one if need be; -1: too many. */
static int class_of(vecd_regex_sets *sets, const uint64_t now[2]) {
  for (size_t i = 0; i < sets->n_classes; i++)
    if (sets->members[i][0] == now[0] && sets->members[i][1] == now[1]) return (int)i;
  if (sets->n_classes == VECD_REGEX_MOST_CLASSES) return -1;
  sets->members[sets->n_classes][0] = now[0];
  sets->members[sets->n_classes][1] = now[1];
  return (int)sets->n_classes++;
}

/* Writes the class of each code point to flat [N_CHARS]. */
static bool sweep(vecd_regex_sets *sets, edge *edges, size_t n, uint8_t *flat) {
  uint64_t now[2] = {0, 0};
  uint32_t at = 0;
  qsort(edges, n, sizeof *edges, compare);
  for (size_t i = 0; i <= n;) {
    uint32_t next = i < n ? edges[i].at : N_CHARS;
    if (next > at) {
      int class = class_of(sets, now);
      if (class < 0) return false;
      memset(flat + at, class, next - at);
      at = next;
    }
    if (i == n) break;
    now[edges[i].set >> 6] ^= (uint64_t)1 << (edges[i].set & 63);
    i++;
  }
  return true;
}

/* Blocks that are alike are kept once. */
static vecd_status fold(const uint8_t *flat, vecd_regex_classes *classes, vecd_err *err) {
  enum { SLOTS = 2 * VECD_REGEX_N_BLOCKS };
  uint16_t *slots = vecd_alloc_zero(VECD_MEM_SCRATCH, SLOTS, sizeof *slots); /* block's number + 1 */
  uint32_t *first = vecd_alloc_array(VECD_MEM_SCRATCH, VECD_REGEX_N_BLOCKS, sizeof *first);
  classes->block_of = vecd_alloc_array(VECD_MEM_VOCAB, VECD_REGEX_N_BLOCKS, sizeof *classes->block_of);
  vecd_status s = slots && first && classes->block_of ? VECD_OK : vecd_err_no_memory(err, "regular expression", SLOTS);
  for (uint32_t b = 0; b < VECD_REGEX_N_BLOCKS && !s; b++) {
    const uint8_t *block = flat + (size_t)b * BLOCK_SIZE;
    size_t slot = XXH3_64bits(block, BLOCK_SIZE) % SLOTS;
    while (slots[slot] && memcmp(flat + (size_t)first[slots[slot] - 1] * BLOCK_SIZE, block, BLOCK_SIZE) != 0)
      slot = (slot + 1) % SLOTS;
    if (!slots[slot]) {
      first[classes->n_blocks++] = b;
      slots[slot] = (uint16_t)classes->n_blocks;
    }
    classes->block_of[b] = (uint16_t)(slots[slot] - 1);
  }
  if (!s && !(classes->blocks = vecd_alloc_array(VECD_MEM_VOCAB, classes->n_blocks, BLOCK_SIZE)))
    s = vecd_err_no_memory(err, "regular expression", classes->n_blocks * BLOCK_SIZE);
  for (size_t i = 0; i < classes->n_blocks && !s; i++)
    memcpy(classes->blocks + i * BLOCK_SIZE, flat + (size_t)first[i] * BLOCK_SIZE, BLOCK_SIZE);
  vecd_free(slots);
  vecd_free(first);
  return s;
}

vecd_status vecd_regex_sets_to_classes(vecd_regex_sets *sets, vecd_regex_classes *classes, vecd_err *err) {
  size_t n = 0;
  for (size_t i = 0; i < sets->n; i++) n += 2 * sets->sets[i].n;
  edge *edges = vecd_alloc_array(VECD_MEM_SCRATCH, n + 1, sizeof *edges);
  uint8_t *flat = vecd_alloc(VECD_MEM_SCRATCH, N_CHARS);
  vecd_status s = edges && flat ? VECD_OK : vecd_err_no_memory(err, "regular expression", N_CHARS);
  n = 0;
  for (size_t i = 0; i < sets->n && !s; i++)
    for (size_t k = 0; k < sets->sets[i].n; k++) {
      edges[n++] = (edge){sets->sets[i].ranges[k].lo, (uint32_t)i};
      edges[n++] = (edge){sets->sets[i].ranges[k].hi + 1, (uint32_t)i};
    }
  if (!s && !sweep(sets, edges, n, flat))
    s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                     "a regular expression that tells so many characters apart is not supported");
  if (!s) s = fold(flat, classes, err);
  vecd_free(edges);
  vecd_free(flat);
  if (s) vecd_regex_classes_fini(classes);
  return s;
}

void vecd_regex_sets_write(const vecd_regex_sets *sets, size_t number, vecd_buf *out) {
  size_t n = 0, only = 0;
  for (size_t i = 0; i < sets->n_classes; i++) {
    if (!(sets->members[i][number >> 6] >> (number & 63) & 1)) continue;
    only = i;
    n++;
  }
  if (n == 1) {
    vecd_buf_printf(out, "\\x%02x", (unsigned)only);
    return;
  }
  if (n == 0) {
    vecd_buf_append_str(out, "[\\xff]"); /* no character has this class */
    return;
  }
  vecd_buf_append_char(out, '[');
  for (size_t i = 0; i < sets->n_classes; i++)
    if (sets->members[i][number >> 6] >> (number & 63) & 1) vecd_buf_printf(out, "\\x%02x", (unsigned)i);
  vecd_buf_append_char(out, ']');
}

void vecd_regex_sets_fini(vecd_regex_sets *sets) {
  for (size_t i = 0; i < sets->n; i++) vecd_char_set_fini(&sets->sets[i]);
  sets->n = 0;
}

void vecd_regex_classes_fini(vecd_regex_classes *classes) {
  vecd_free(classes->block_of);
  vecd_free(classes->blocks);
  *classes = (vecd_regex_classes){0};
}
