/* piece_trie.c - building of the double array.
 *
 * A stack holds ranges of tokens that share what leads to one node; each is sorted by its next byte, which gives the node's
 * children and their ranges. Ranges on the stack never overlap, so it is no longer than the number of tokens. Free places are
 * looked for in the last few blocks of 256 only: older ones are full but for a few that fit nobody. */
#include "tok/piece_trie.h"

#include "base/mem.h"

#define BLOCK       256u
#define OPEN_BLOCKS 16u
#define FEW         24 /* tokens that are sorted by insertion */

typedef struct range {
  uint32_t lo, hi; /* in builder.order */
  uint32_t depth;  /* bytes all of them share */
  uint32_t node;
} range;

typedef struct block {
  uint64_t used[4];  /* by the place's low byte */
  uint64_t bases[4]; /* those that some node has */
  unsigned n_free;
} block;

typedef struct builder {
  vecd_piece_trie *trie;
  uint32_t *order, *sorted; /* [n_tokens] ids; room to sort them */
  uint16_t *keys;           /* [n_tokens] of order[i]: next byte + 1, or 0 where the token ends */
  range *stack;             /* [n_tokens] */
  size_t n_stack;
  block *blocks; /* [trie->n_nodes / BLOCK] */
  size_t cap_blocks;
  vecd_err *err;
} builder;

static bool is_set(const uint64_t bits[4], unsigned i) { return bits[i >> 6] >> (i & 63) & 1; }
static void set(uint64_t bits[4], unsigned i) { bits[i >> 6] |= (uint64_t)1 << (i & 63); }

static vecd_status add_block(builder *b) {
  vecd_piece_trie *trie = b->trie;
  size_t n_blocks = trie->n_nodes / BLOCK;
  if (trie->n_nodes + BLOCK > VECD_TRIE_MAX_BASE)
    return vecd_err_set(b->err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "a vocabulary with over 8 million different beginnings is too large");
  if (n_blocks == b->cap_blocks) {
    size_t cap = n_blocks + n_blocks / 2 + 64;
    vecd_trie_node *nodes = vecd_realloc(VECD_MEM_VOCAB, trie->nodes, cap * BLOCK * sizeof *nodes);
    if (nodes) trie->nodes = nodes;
    block *blocks = vecd_realloc(VECD_MEM_VOCAB, b->blocks, cap * sizeof *blocks);
    if (blocks) b->blocks = blocks;
    if (!nodes || !blocks) return vecd_err_no_memory(b->err, "vocabulary", cap * BLOCK * sizeof *nodes);
    b->cap_blocks = cap;
  }
  for (size_t i = 0; i < BLOCK; i++) trie->nodes[trie->n_nodes + i] = (vecd_trie_node){VECD_TRIE_NOBODY, VECD_NO_ID};
  b->blocks[n_blocks] = (block){.n_free = BLOCK};
  trie->n_nodes += BLOCK;
  return VECD_OK;
}

/* Looks in one block for a base under which every byte of labels finds a free place; gives its low byte or -1. */
static int base_in(const block *k, const uint8_t *labels, size_t n) {
  for (unsigned word = 0; word < 4; word++) {
    for (uint64_t free = ~k->used[word]; free; free &= free - 1) {
      unsigned base = (word * 64 + (unsigned)__builtin_ctzll(free)) ^ labels[0];
      if (is_set(k->bases, base)) continue;
      size_t i = 1;
      while (i < n && !is_set(k->used, base ^ labels[i])) i++;
      if (i == n) return (int)base;
    }
  }
  return -1;
}

/* Gives node its children, one for each of n labels, and their common base. */
static vecd_status put_children(builder *b, uint32_t node, const uint8_t *labels, size_t n, uint32_t *base) {
  size_t n_blocks = b->trie->n_nodes / BLOCK, k = n_blocks > OPEN_BLOCKS ? n_blocks - OPEN_BLOCKS : 1;
  int low = -1;
  for (; k < n_blocks && low < 0; k++)
    if (b->blocks[k].n_free >= n) low = base_in(&b->blocks[k], labels, n);
  if (low >= 0) {
    k--;
  } else {
    vecd_status s = add_block(b);
    if (s) return s;
    k = n_blocks;
    low = 0;
  }
  set(b->blocks[k].bases, (unsigned)low);
  b->blocks[k].n_free -= (unsigned)n;
  *base = (uint32_t)(k * BLOCK) + (uint32_t)low;
  vecd_trie_node *nodes = b->trie->nodes;
  nodes[node].link = *base << 9 | (nodes[node].link & 0x1ff);
  for (size_t i = 0; i < n; i++) {
    set(b->blocks[k].used, (unsigned)low ^ labels[i]);
    nodes[*base ^ labels[i]].link = labels[i];
  }
  return VECD_OK;
}

/* Sorts the range by its tokens' next bytes. */
static void sort(builder *b, const range *r) {
  uint32_t *order = b->order;
  uint16_t *keys = b->keys;
  for (uint32_t i = r->lo; i < r->hi; i++) {
    vecd_span piece = vecd_vocab_piece(b->trie->vocab, order[i]);
    keys[i] = piece.len == r->depth ? 0 : (uint16_t)((unsigned char)piece.ptr[r->depth] + 1);
  }
  if (r->hi - r->lo <= FEW) {
    for (uint32_t i = r->lo + 1; i < r->hi; i++) {
      uint32_t id = order[i], k = i;
      uint16_t key = keys[i];
      for (; k > r->lo && keys[k - 1] > key; k--) order[k] = order[k - 1], keys[k] = keys[k - 1];
      order[k] = id, keys[k] = key;
    }
    return;
  }
  uint32_t at[258] = {0};
  for (uint32_t i = r->lo; i < r->hi; i++) at[keys[i] + 1]++;
  for (size_t i = 1; i < 258; i++) at[i] += at[i - 1];
  uint32_t count[257];
  for (size_t i = 0; i < 257; i++) count[i] = at[i + 1] - at[i];
  for (uint32_t i = r->lo; i < r->hi; i++) b->sorted[r->lo + at[keys[i]]++] = order[i];
  memcpy(order + r->lo, b->sorted + r->lo, (r->hi - r->lo) * sizeof *order);
  for (uint32_t i = r->lo, key = 0; key < 257; key++)
    for (uint32_t k = 0; k < count[key]; k++) keys[i++] = (uint16_t)key;
}

/* Makes the children of one range's node; those with several tokens become ranges of their own. */
static vecd_status split(builder *b, range r) {
  sort(b, &r);
  uint32_t i = r.lo, last = VECD_NO_ID;
  for (; i < r.hi && b->keys[i] == 0; i++)
    if (last == VECD_NO_ID || b->order[i] > last) last = b->order[i];
  b->trie->nodes[r.node].id = last;
  uint8_t labels[BLOCK];
  size_t n = 0;
  for (uint32_t k = i; k < r.hi; k++)
    if (k == i || b->keys[k] != b->keys[k - 1]) labels[n++] = (uint8_t)(b->keys[k] - 1);
  if (n == 0) return VECD_OK;
  uint32_t base;
  vecd_status s = put_children(b, r.node, labels, n, &base);
  for (size_t c = 0; c < n && !s; c++) {
    range child = {.lo = i, .hi = i, .depth = r.depth + 1, .node = base ^ labels[c]};
    while (child.hi < r.hi && b->keys[child.hi] == labels[c] + 1u) child.hi++;
    i = child.hi;
    if (child.hi - child.lo > 1) {
      b->stack[b->n_stack++] = child;
      continue;
    }
    uint32_t id = b->order[child.lo];
    bool ends = vecd_vocab_piece(b->trie->vocab, id).len == child.depth;
    b->trie->nodes[child.node].id = ends ? id : id | VECD_TRIE_TAIL;
  }
  return s;
}

static vecd_status build(builder *b, uint32_t n_tokens) {
  b->order = vecd_alloc_array(VECD_MEM_VOCAB, n_tokens, sizeof *b->order);
  b->sorted = vecd_alloc_array(VECD_MEM_VOCAB, n_tokens, sizeof *b->sorted);
  b->keys = vecd_alloc_array(VECD_MEM_VOCAB, n_tokens, sizeof *b->keys);
  b->stack = vecd_alloc_array(VECD_MEM_VOCAB, n_tokens, sizeof *b->stack);
  if (!b->order || !b->sorted || !b->keys || !b->stack)
    return vecd_err_no_memory(b->err, "vocabulary", n_tokens * sizeof *b->stack);
  vecd_status s = add_block(b);
  if (s) return s;
  for (uint32_t id = 0; id < n_tokens; id++) {
    size_t len = vecd_vocab_piece(b->trie->vocab, id).len;
    if (len > b->trie->longest) b->trie->longest = len;
    b->order[id] = id;
  }
  b->stack[b->n_stack++] = (range){.hi = n_tokens};
  while (b->n_stack && !s) s = split(b, b->stack[--b->n_stack]);
  if (s) return s;
  vecd_trie_node *nodes = vecd_realloc(VECD_MEM_VOCAB, b->trie->nodes, b->trie->n_nodes * sizeof *nodes);
  if (nodes) b->trie->nodes = nodes; /* smaller now; where that fails, the old ones stay */
  return VECD_OK;
}

vecd_status vecd_piece_trie_init(vecd_piece_trie *trie, const vecd_vocab *vocab, uint32_t n_tokens, vecd_err *err) {
  *trie = (vecd_piece_trie){.vocab = vocab};
  builder b = {.trie = trie, .err = err};
  vecd_status s = build(&b, n_tokens);
  vecd_free(b.order);
  vecd_free(b.sorted);
  vecd_free(b.keys);
  vecd_free(b.stack);
  vecd_free(b.blocks);
  if (s) vecd_piece_trie_fini(trie);
  return s;
}

void vecd_piece_trie_fini(vecd_piece_trie *trie) {
  vecd_free(trie->nodes);
  *trie = (vecd_piece_trie){0};
}

uint32_t vecd_piece_trie_get(const vecd_piece_trie *trie, vecd_span bytes) {
  vecd_trie_walk walk = vecd_trie_begin(trie, bytes.ptr, bytes.ptr + bytes.len);
  for (uint32_t id; (id = vecd_trie_next(trie, &walk)) != VECD_NO_ID;)
    if (walk.p == walk.end) return id;
  return VECD_NO_ID;
}

size_t vecd_piece_trie_bytes(const vecd_piece_trie *trie) { return trie->n_nodes * sizeof *trie->nodes; }
