/* unigram.c - Kudo, "Subword regularization" (2018), as Hugging Face tokenizers does it: the best segmentation by dynamic
 * programming over the bytes of a word. Sums are in double precision and in the same order, and of equal ones the first stays,
 * so that ties fall alike. */
#include "tok/unigram.h"

#include <math.h>

#include "base/mem.h"

#define UNK_PENALTY 10.0 /* an unknown character scores this much less than the worst token */
#define NOWHERE     UINT32_MAX

static vecd_status entry_error(const char *where, size_t i, const json_t *entry, vecd_err *err) {
  const json_t *token = json_array_get(entry, 0);
  if (json_array_size(entry) != 2)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab[%zu] must be an array of a token and its score", where, i);
  if (!json_is_string(token))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab[%zu]: the token is of type %s, must be a string", where, i,
                        vecd_json_type_name(token));
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                      "%s: vocab[%zu]: the score of \"%.64s\" is of type %s, must be a number", where, i,
                      json_string_value(token), vecd_json_type_name(json_array_get(entry, 1)));
}

/* Checks every entry before anything is allocated for it; gives the bytes of all tokens. */
static vecd_status measure(const char *where, const json_t *entries, size_t *n_bytes, vecd_err *err) {
  size_t n = json_array_size(entries);
  if (!json_is_array(entries)) return vecd_json_wrong_type(entries, where, "vocab", "an array", err);
  if (n == 0) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: vocab is empty", where);
  *n_bytes = 0;
  for (size_t i = 0; i < n; i++) {
    const json_t *entry = json_array_get(entries, i), *token = json_array_get(entry, 0);
    if (json_array_size(entry) != 2 || !json_is_string(token) || !json_is_number(json_array_get(entry, 1)))
      return entry_error(where, i, entry, err);
    *n_bytes += json_string_length(token);
  }
  return VECD_OK;
}

static vecd_status load_pieces(const char *where, const json_t *entries, vecd_vocab *vocab, vecd_unigram *out, vecd_err *err) {
  size_t n = json_array_size(entries);
  double least = INFINITY;
  out->scores = vecd_alloc_array(VECD_MEM_VOCAB, n, sizeof *out->scores);
  if (!out->scores) return vecd_err_no_memory(err, "vocabulary", n * sizeof *out->scores);
  memset(out->byte_ids, 0xff, sizeof out->byte_ids);
  for (uint32_t id = 0; id < n; id++) {
    const json_t *entry = json_array_get(entries, id), *string = json_array_get(entry, 0);
    vecd_span token = vecd_json_span(string);
    vecd_status s = vecd_vocab_put(vocab, id, token, err);
    if (s) return s;
    double score = json_number_value(json_array_get(entry, 1));
    if (score < least) least = score;
    out->scores[id] = score;
    int byte = vecd_vocab_byte_of(token);
    if (byte >= 0) out->byte_ids[byte] = id;
  }
  out->unk_score = least - UNK_PENALTY;
  vecd_status s = vecd_piece_trie_init(&out->trie, vocab, (uint32_t)n, err);
  return s == VECD_UNSUPPORTED ? vecd_err_context(err, s, "%s: vocab", where) : s;
}

vecd_status vecd_unigram_load(const char *where, const json_t *section, size_t n_more, size_t more_bytes, vecd_vocab *vocab,
                              size_t *n_tokens, vecd_unigram *out, vecd_err *err) {
  const json_t *entries = json_object_get(section, "vocab");
  size_t n_bytes = 0, n = *n_tokens = json_array_size(entries);
  out->unk_id = VECD_NO_ID;
  vecd_status s = measure(where, entries, &n_bytes, err);
  if (!s) s = vecd_json_get_bool(section, where, "byte_fallback", VECD_JSON_OPTIONAL, &out->byte_fallback, err);
  if (!s && (s = vecd_vocab_init(vocab, n + n_more, n_bytes + more_bytes, err))) /* which bounds n */
    return s == VECD_UNSUPPORTED ? vecd_err_context(err, s, "%s: vocab", where) : s;
  if (!s) s = vecd_json_get_uint(section, where, "unk_id", VECD_JSON_OPTIONAL, 0, (unsigned)n - 1, &out->unk_id, err);
  if (!s) s = load_pieces(where, entries, vocab, out, err);
  return s;
}

void vecd_unigram_fini(vecd_unigram *model) {
  vecd_piece_trie_fini(&model->trie);
  vecd_free(model->scores);
  model->scores = NULL;
}

typedef struct encoder {
  const vecd_unigram *model;
  vecd_span word;
  vecd_unigram_node *nodes; /* those of bytes `cut` to `reach` */
  size_t cut;               /* before this all is decided */
  size_t reach;             /* no piece looked at so far goes further */
  bool unknown;             /* one is open, of bytes unk_begin to unk_end */
  size_t unk_begin, unk_end;
  uint32_t *ids, *ends;
  size_t n;
} encoder;

/* Offers a piece from byte at to end, whose way scores `score` in all. */
static inline bool offer(encoder *e, size_t at, size_t end, double score, uint32_t id) {
  for (; e->reach < end; e->reach++) e->nodes[e->reach + 1 - e->cut].begin = NOWHERE;
  vecd_unigram_node *node = &e->nodes[end - e->cut];
  if (node->begin != NOWHERE && !(score > node->score)) return false;
  *node = (vecd_unigram_node){score, (uint32_t)(at - e->cut), id};
  return true;
}

static void put(encoder *e, uint32_t id, size_t end) {
  e->ids[e->n] = id;
  e->ends[e->n++] = (uint32_t)end;
}

/* The open unknown stretch. Put together, unknown characters may be a token after all. */
static void put_unknown(encoder *e) {
  const vecd_unigram *m = e->model;
  const unsigned char *bytes = (const unsigned char *)e->word.ptr + e->unk_begin;
  size_t len = e->unk_end - e->unk_begin, known = 0;
  uint32_t id = vecd_piece_trie_get(&m->trie, (vecd_span){(const char *)bytes, len});
  e->unknown = false;
  if (id == VECD_NO_ID && m->byte_fallback) {
    while (known < len && m->byte_ids[bytes[known]] != VECD_NO_ID) known++;
    if (known == len) {
      for (size_t i = 0; i < len; i++) put(e, m->byte_ids[bytes[i]], e->unk_end);
      return;
    }
  }
  put(e, id == VECD_NO_ID ? m->unk_id : id, e->unk_end);
}

/* Puts out the best way from the cut to byte `end`, which becomes the cut. */
static void decide(encoder *e, size_t end) {
  vecd_unigram_node *nodes = e->nodes;
  double score = nodes[end - e->cut].score;
  uint32_t next = NOWHERE;
  for (uint32_t at = (uint32_t)(end - e->cut); at;) { /* turn the way round: begin now says where the next piece ends */
    uint32_t begin = nodes[at].begin;
    nodes[at].begin = next;
    next = at;
    at = begin;
  }
  for (uint32_t at = 0; next != NOWHERE; at = next, next = nodes[at].begin) {
    if (nodes[next].id == e->model->unk_id) {
      if (!e->unknown) e->unk_begin = e->cut + at;
      e->unknown = true;
      e->unk_end = e->cut + next;
      continue;
    }
    if (e->unknown) put_unknown(e);
    put(e, nodes[next].id, e->cut + next);
  }
  e->cut = end;
  nodes[0].score = score;
}

static size_t char_len(unsigned char first) { return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

static bool reserve(vecd_unigram_scratch *s, size_t n) {
  if (n <= s->cap) return true;
  size_t cap = n + n / 2 + 256;
  vecd_unigram_node *grown = vecd_realloc(VECD_MEM_SCRATCH, s->nodes, cap * sizeof *grown);
  if (!grown) return false;
  s->nodes = grown;
  s->cap = cap;
  return true;
}

size_t vecd_unigram_encode(const vecd_unigram *model, vecd_span word, uint32_t *ids, uint32_t *ends,
                           vecd_unigram_scratch *scratch, bool *no_token) {
  encoder e = {.model = model, .word = word, .ids = ids, .ends = ends};
  size_t ahead = (model->trie.longest > 4 ? model->trie.longest : 4) + 1;
  if (!reserve(scratch, 1)) return SIZE_MAX;
  scratch->nodes[0].score = 0;
  e.nodes = scratch->nodes;
  for (size_t at = 0; at < word.len;) {
    if (at == e.reach && at > e.cut) decide(&e, at); /* every way leads through here */
    size_t room = word.len - at < ahead ? word.len - at + 1 : ahead;
    if (at - e.cut + room > scratch->cap) {
      if (!reserve(scratch, at - e.cut + room)) return SIZE_MAX;
      e.nodes = scratch->nodes;
    }
    double here = e.nodes[at - e.cut].score;
    const char *p = word.ptr + at;
    size_t len = char_len((unsigned char)*p);
    bool single = false;
    vecd_trie_walk walk = vecd_trie_begin(&model->trie, p, word.ptr + word.len);
    for (uint32_t id; (id = vecd_trie_next(&model->trie, &walk)) != VECD_NO_ID;) {
      size_t n = (size_t)(walk.p - p);
      offer(&e, at, at + n, model->scores[id] + here, id);
      single |= n == len;
    }
    if (!single && offer(&e, at, at + len, model->unk_score + here, model->unk_id) && model->unk_id == VECD_NO_ID)
      return *no_token = true, SIZE_MAX;
    at += len;
  }
  decide(&e, word.len);
  if (e.unknown) put_unknown(&e);
  return e.n;
}

size_t vecd_unigram_bytes(const vecd_unigram *model, size_t n_tokens) {
  return vecd_piece_trie_bytes(&model->trie) + n_tokens * sizeof *model->scores;
}
