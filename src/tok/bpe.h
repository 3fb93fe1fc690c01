/* bpe.h - byte pair encoding: a word begins as its characters, and the pair that stands first in the list of merges is put
 * together, again and again, until no pair of neighbours stands there. */
#ifndef VECD_TOK_BPE_H
#define VECD_TOK_BPE_H

#include "fmt/json.h"
#include "tok/vocab.h"

typedef struct vecd_merge_slot {
  uint32_t left, right; /* ids; left VECD_NO_ID: empty */
  uint32_t rank;        /* place in the list */
} vecd_merge_slot;

#define VECD_CHAR_IDS_PAGE    128u /* characters */
#define VECD_CHAR_IDS_N_PAGES (0x110000 / VECD_CHAR_IDS_PAGE)

/* Character -> id, in pages; page 0 has none. */
typedef struct vecd_char_ids {
  uint16_t *page_of; /* [VECD_CHAR_IDS_N_PAGES] */
  uint32_t *ids;     /* [n_pages * VECD_CHAR_IDS_PAGE] */
  size_t n_pages;
} vecd_char_ids;

/* The place of c's id, VECD_NO_ID where there is none. */
static inline uint32_t *vecd_char_ids_at(const vecd_char_ids *chars, uint32_t c) {
  return &chars->ids[(size_t)chars->page_of[c / VECD_CHAR_IDS_PAGE] * VECD_CHAR_IDS_PAGE + c % VECD_CHAR_IDS_PAGE];
}

typedef struct vecd_bpe {
  vecd_piece_table tokens;
  vecd_char_ids chars[4]; /* by place in the word: VECD_BPE_... */
  unsigned chars_at[4];   /* which of them serves a place: without prefix or suffix places share */
  vecd_merge_slot *slots; /* [n_slots] */
  uint32_t *merged;       /* [n_merges] by rank: the id it makes */
  uint32_t n_slots, n_merges;
  uint32_t byte_ids[256]; /* of "<0x00>" to "<0xFF>", VECD_NO_ID where there is none */
  uint32_t unk_id;        /* VECD_NO_ID: none */
  bool unk_missing;       /* unk_token is set, but vocab does not have it: an unknown character is an error */
  bool fuse_unk;          /* unknown characters side by side become one */
  bool byte_fallback;     /* an unknown character becomes its bytes, if there is a token for each */
  bool ignore_merges;     /* a word that is a token is not looked into */
  bool by_queue;          /* some merge makes its own left side: only the queue then does as the reference */
  vecd_buf affixes;       /* continuing_subword_prefix, then end_of_word_suffix */
  size_t prefix_len, suffix_len;
} vecd_bpe;

#define VECD_BPE_BEHIND 1u /* behind another character: takes the prefix */
#define VECD_BPE_LAST   2u /* the word ends with it: takes the suffix */

typedef struct vecd_bpe_link {
  uint32_t before, behind; /* neighbours that are left */
} vecd_bpe_link;

typedef struct vecd_bpe_scratch {
  vecd_bpe_link *links;
  size_t links_cap;
  uint64_t *queue; /* a heap of rank << 32 | place */
  size_t queue_len, queue_cap;
} vecd_bpe_scratch;

/* As vecd_tok_model_load(), which has checked the type; `where` is what errors call the section. */
VECD_CHECK vecd_status vecd_bpe_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes,
                                     vecd_vocab *vocab, size_t *n_tokens, vecd_bpe *out, vecd_err *err);
void vecd_bpe_fini(vecd_bpe *model);

/* A word of n bytes never has more than n times this many ids. */
size_t vecd_bpe_ids_per_byte(const vecd_bpe *model);

/* As vecd_tok_model_encode(). Gives the number of ids; SIZE_MAX when memory is out, or with *no_token where an unknown character
 * meets a model whose unk_token is missing. Time is n log n in the word's length. */
size_t vecd_bpe_encode(const vecd_bpe *model, vecd_span word, uint32_t *ids, uint32_t *ends, vecd_bpe_scratch *scratch,
                       bool *no_token);

size_t vecd_bpe_bytes(const vecd_bpe *model);

/* The slot of a pair, or the empty one where it belongs. */
static inline vecd_merge_slot *vecd_bpe_slot(const vecd_bpe *model, uint32_t left, uint32_t right) {
  uint64_t hash = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u; /* of splitmix64: the upper bits decide */
  uint32_t i = (uint32_t)((hash >> 32) * model->n_slots >> 32);
  while (model->slots[i].left != VECD_NO_ID && (model->slots[i].left != left || model->slots[i].right != right))
    i = i + 1 == model->n_slots ? 0 : i + 1;
  return &model->slots[i];
}

#endif
