/* bpe.c - Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016), as Hugging Face
 * tokenizers does it.
 *
 * Short words look at all pairs for the least rank each time. Long ones keep a heap of pairs, with the same result; entries
 * that have gone stale are found out when they come up, and pass if the pair that stands there now makes the same token. */
#include "tok/bpe.h"

#include "base/mem.h"
#include "base/utf8.h"

#define SHORT   32 /* characters */
#define NOBODY  UINT32_MAX
#define DEAD    (UINT32_MAX - 1)
#define NO_RANK UINT32_MAX

static uint32_t rank_of(const vecd_bpe *m, uint32_t left, uint32_t right) {
  const vecd_merge_slot *slot = vecd_bpe_slot(m, left, right);
  return slot->left == VECD_NO_ID ? NO_RANK : slot->rank;
}

typedef struct symbols {
  uint32_t *ids, *ends;
  size_t n;
  size_t end, most; /* with byte_fallback a prefix takes bytes too, and ends may lie behind the word's: they are held back */
} symbols;

static void put(symbols *s, uint32_t id, size_t len) {
  s->end += len;
  s->ids[s->n] = id;
  s->ends[s->n++] = (uint32_t)(s->end < s->most ? s->end : s->most);
}

/* The bytes of one character with its prefix and suffix; false where one has no token. */
static bool put_bytes(const vecd_bpe *m, vecd_span character, unsigned place, symbols *s) {
  const vecd_span parts[3] = {
      {m->affixes.ptr, place & VECD_BPE_BEHIND ? m->prefix_len : 0},
      character,
      {m->affixes.ptr ? m->affixes.ptr + m->prefix_len : NULL, place & VECD_BPE_LAST ? m->suffix_len : 0}};
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 3; i++) {
      for (size_t k = 0; k < parts[i].len; k++) {
        uint32_t id = m->byte_ids[(unsigned char)parts[i].ptr[k]];
        if (id == VECD_NO_ID) return false;
        if (pass) put(s, id, 1);
      }
    }
  }
  return true;
}

/* The characters of a word. An unknown one waits until a known one comes, even when bytes are put before it: so does the
 * reference. False: no token for one. */
static bool put_chars(const vecd_bpe *m, vecd_span word, symbols *s) {
  const char *p = word.ptr, *end = word.ptr + word.len;
  size_t unk_len = 0; /* of the one that waits */
  while (p < end) {
    const char *begin = p;
    unsigned place = begin == word.ptr ? 0 : VECD_BPE_BEHIND;
    uint32_t c = vecd_utf8_next(&p);
    size_t len = (size_t)(p - begin);
    if (p == end) place |= VECD_BPE_LAST;
    uint32_t id = *vecd_char_ids_at(&m->chars[m->chars_at[place]], c);
    if (id != VECD_NO_ID) {
      if (unk_len) put(s, m->unk_id, unk_len);
      unk_len = 0;
      put(s, id, len);
      continue;
    }
    if (m->byte_fallback && put_bytes(m, (vecd_span){begin, len}, place, s)) continue;
    if (m->unk_missing) return false;
    if (m->unk_id == VECD_NO_ID) continue; /* left out */
    if (unk_len && !m->fuse_unk) {
      put(s, m->unk_id, unk_len);
      unk_len = 0;
    }
    unk_len += len;
  }
  if (unk_len) put(s, m->unk_id, unk_len);
  return true;
}

static void merge_short(const vecd_bpe *m, symbols *s) {
  uint32_t ranks[SHORT]; /* of each symbol with the one behind it */
  uint32_t *ids = s->ids, *ends = s->ends;
  size_t n = s->n;
  for (size_t i = 0; i + 1 < n; i++) ranks[i] = rank_of(m, ids[i], ids[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; i++)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == NO_RANK) break;
    ids[best] = m->merged[ranks[best]];
    n--;
    for (size_t i = best + 1; i < n; i++) ids[i] = ids[i + 1];
    for (size_t i = best; i < n; i++) ends[i] = ends[i + 1];
    for (size_t i = best; i + 1 < n; i++) ranks[i] = ranks[i + 1];
    if (best > 0) ranks[best - 1] = rank_of(m, ids[best - 1], ids[best]);
    if (best + 1 < n) ranks[best] = rank_of(m, ids[best], ids[best + 1]);
  }
  s->n = n;
}

static bool push(vecd_bpe_scratch *scratch, uint32_t rank, size_t place) {
  if (rank == NO_RANK) return true;
  if (scratch->queue_len == scratch->queue_cap) {
    size_t cap = scratch->queue_cap * 2 + 256;
    uint64_t *grown = vecd_realloc(VECD_MEM_SCRATCH, scratch->queue, cap * sizeof *grown);
    if (!grown) return false;
    scratch->queue = grown;
    scratch->queue_cap = cap;
  }
  uint64_t *q = scratch->queue, entry = (uint64_t)rank << 32 | place;
  size_t i = scratch->queue_len++;
  for (; i > 0 && q[(i - 1) / 2] > entry; i = (i - 1) / 2) q[i] = q[(i - 1) / 2];
  q[i] = entry;
  return true;
}

static uint64_t pop(vecd_bpe_scratch *scratch) {
  uint64_t *q = scratch->queue, top = q[0], entry = q[--scratch->queue_len];
  size_t n = scratch->queue_len, i = 0;
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && q[child + 1] < q[child]) child++;
    if (q[child] >= entry) break;
    q[i] = q[child];
  }
  q[i] = entry;
  return top;
}

/* Symbols stay in their places; those merged into the one on their left are dead. */
static bool merge_by_queue(const vecd_bpe *m, symbols *s, vecd_bpe_scratch *scratch) {
  size_t n = s->n;
  if (n > scratch->links_cap) {
    size_t cap = n + n / 2;
    vecd_bpe_link *grown = vecd_realloc(VECD_MEM_SCRATCH, scratch->links, cap * sizeof *grown);
    if (!grown) return false;
    scratch->links = grown;
    scratch->links_cap = cap;
  }
  vecd_bpe_link *links = scratch->links;
  uint32_t *ids = s->ids;
  scratch->queue_len = 0;
  for (size_t i = 0; i < n; i++) {
    links[i] = (vecd_bpe_link){i ? (uint32_t)i - 1 : NOBODY, i + 1 < n ? (uint32_t)i + 1 : NOBODY};
    if (i + 1 < n && !push(scratch, rank_of(m, ids[i], ids[i + 1]), i)) return false;
  }
  while (scratch->queue_len) {
    uint64_t top = pop(scratch);
    uint32_t made = m->merged[top >> 32], at = (uint32_t)top, behind = links[at].behind;
    if (behind == DEAD || behind == NOBODY) continue;
    uint32_t rank = rank_of(m, ids[at], ids[behind]);
    if (rank == NO_RANK || m->merged[rank] != made) continue;
    ids[at] = made;
    s->ends[at] = s->ends[behind];
    links[at].behind = links[behind].behind;
    links[behind].behind = DEAD;
    uint32_t before = links[at].before, next = links[at].behind;
    if (next != NOBODY) links[next].before = at;
    if (before != NOBODY && !push(scratch, rank_of(m, ids[before], made), before)) return false;
    if (next != NOBODY && !push(scratch, rank_of(m, made, ids[next]), at)) return false;
  }
  s->n = 0;
  for (uint32_t i = 0; i != NOBODY; i = links[i].behind) {
    ids[s->n] = ids[i];
    s->ends[s->n++] = s->ends[i];
  }
  return true;
}

size_t vecd_bpe_encode(const vecd_bpe *model, vecd_span word, uint32_t *ids, uint32_t *ends, vecd_bpe_scratch *scratch,
                       bool *no_token) {
  if (model->ignore_merges) {
    ids[0] = vecd_piece_table_get(&model->tokens, word);
    ends[0] = (uint32_t)word.len;
    if (ids[0] != VECD_NO_ID) return 1;
  }
  symbols s = {.ids = ids, .ends = ends, .most = word.len};
  if (!put_chars(model, word, &s)) return *no_token = true, SIZE_MAX;
  if (s.n < 2 || model->n_merges == 0) return s.n;
  if (s.n <= SHORT && !model->by_queue)
    merge_short(model, &s);
  else if (!merge_by_queue(model, &s, scratch))
    return SIZE_MAX;
  return s.n;
}
