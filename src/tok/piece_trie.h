/* piece_trie.h - all tokens that a text goes on with at some place, in one walk: a trie over bytes as a double array.
 *
 * A child's place is its parent's base XOR the byte (Aoe, "An efficient digital search algorithm by using a double-array
 * structure", 1989; no two nodes share a base, so a node need only know its byte and not its parent). A branch that leads to
 * one token alone is cut at its first node; what is left of the token is compared with its bytes in the vocabulary. */
#ifndef VECD_TOK_PIECE_TRIE_H
#define VECD_TOK_PIECE_TRIE_H

#include "tok/vocab.h"

typedef struct vecd_trie_node {
  uint32_t link; /* base << 9 | the byte that leads here, or VECD_TRIE_NOBODY; base 0: no children */
  uint32_t id;   /* the token that ends here or VECD_NO_ID; VECD_TRIE_TAIL | id: the only one that goes on from here */
} vecd_trie_node;

#define VECD_TRIE_NOBODY   256u
#define VECD_TRIE_TAIL     (1u << 31)
#define VECD_TRIE_MAX_BASE ((1u << 23) - 1)

typedef struct vecd_piece_trie {
  const vecd_vocab *vocab;
  vecd_trie_node *nodes; /* [n_nodes], a multiple of 256; 0 is the root, 1..255 are nobody's */
  size_t n_nodes;
  size_t longest; /* bytes of the longest token */
} vecd_piece_trie;

/* Makes the trie of the tokens with ids below n_tokens, all of which vocab has. Of equal ones the last is found; empty ones
 * never are. The vocabulary must stay where it is, and its tokens must not be moved. VECD_OK; VECD_UNSUPPORTED too large;
 * VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_piece_trie_init(vecd_piece_trie *trie, const vecd_vocab *vocab, uint32_t n_tokens, vecd_err *err);
void vecd_piece_trie_fini(vecd_piece_trie *trie);

/* Where a walk stands. */
typedef struct vecd_trie_walk {
  const vecd_trie_node *node; /* NULL: the walk has ended */
  const char *begin, *p, *end;
} vecd_trie_walk;

static inline vecd_trie_walk vecd_trie_begin(const vecd_piece_trie *trie, const char *begin, const char *end) {
  return (vecd_trie_walk){trie->nodes, begin, begin, end};
}

/* The next longer token that the text from walk->begin starts with, or VECD_NO_ID; walk->p is then behind it. */
static inline uint32_t vecd_trie_next(const vecd_piece_trie *trie, vecd_trie_walk *walk) {
  const vecd_trie_node *node = walk->node;
  const char *p = walk->p;
  if (!node) return VECD_NO_ID;
  while (p < walk->end) {
    unsigned byte = (unsigned char)*p;
    node = trie->nodes + ((node->link >> 9) ^ byte);
    if ((node->link & 0x1ff) != byte) break;
    p++;
    if (node->id == VECD_NO_ID) continue;
    if (!(node->id & VECD_TRIE_TAIL)) {
      walk->node = node;
      walk->p = p;
      return node->id;
    }
    uint32_t id = node->id ^ VECD_TRIE_TAIL;
    vecd_span piece = vecd_vocab_piece(trie->vocab, id);
    size_t done = (size_t)(p - walk->begin), left = piece.len - done;
    if ((size_t)(walk->end - p) < left || memcmp(p, piece.ptr + done, left) != 0) break;
    walk->node = NULL;
    walk->p = p + left;
    return id;
  }
  walk->node = NULL;
  return VECD_NO_ID;
}

/* The token that is exactly bytes, or VECD_NO_ID. */
uint32_t vecd_piece_trie_get(const vecd_piece_trie *trie, vecd_span bytes);

size_t vecd_piece_trie_bytes(const vecd_piece_trie *trie);

#endif
