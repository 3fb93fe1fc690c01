/* encode.c - a text's way through the tokenizer.
 *
 * The raw added tokens cut the text into stretches; each stretch is normalized; in its normalized form the other added tokens
 * are found; what remains is cut into words (pieces of text, where the pre-tokenizer rewrites it), and each word into tokens. A long
 * stretch goes through in chunks that end behind
 * ASCII space, where no step looks across: so the working room stays small and in the cache. Ids behind the limit are counted,
 * not kept. */
#include "base/mem.h"
#include "tok/byte_level.h"
#include "tok/tokenizer_impl.h"
#include "tok/unicode.h"

#define CHUNK_BYTES 4096

struct vecd_tok_scratch {
  vecd_normalizer_scratch normalizer;
  vecd_tok_model_scratch model;
  vecd_pre_scratch pre;
  uint32_t *leads,
      *trails; /* [trims_cap] spaces that the text of a token begins and ends with; only where offsets are trimmed */
  size_t trims_cap;
  uint32_t *ends; /* [ends_cap] of the pieces of one word */
  size_t ends_cap;
};

typedef struct encoder {
  const vecd_tokenizer *tokenizer;
  vecd_encoding *out;
  struct vecd_tok_scratch *scratch;
  vecd_err *err;
  vecd_status status; /* what stopped it */
  bool offsets;
  bool keep_src;  /* offsets are wanted, or the pre-tokenizer asks for sources */
  bool trims;     /* offsets are wanted and get trimmed */
  size_t most;    /* ids to keep; more are cut off as they come */
  size_t dropped; /* ids not kept */
  /* Counting of characters: text.ptr + at is character number at_char. */
  vecd_span text;
  size_t at, at_char;
} encoder;

static bool no_memory(encoder *e) {
  if (!e->status) e->status = vecd_err_no_memory(e->err, "tokenizing", e->text.len);
  return false;
}

/* The model failed at a word. */
static bool no_token(encoder *e) {
  if (!e->scratch->model.no_token) return no_memory(e);
  e->status =
      vecd_err_set(e->err, VECD_BAD_TEXT, VECD_NO_POS, "the model has no token for a part of the text, and none for unknown");
  return false;
}

static bool reserve_trims(encoder *e) {
  struct vecd_tok_scratch *s = e->scratch;
  uint32_t **arrays[2] = {&s->leads, &s->trails};
  if (s->trims_cap >= e->out->cap) return true;
  for (int i = 0; i < 2; i++) {
    uint32_t *grown = vecd_realloc(VECD_MEM_SCRATCH, *arrays[i], e->out->cap * sizeof *grown);
    if (!grown) return no_memory(e);
    *arrays[i] = grown;
  }
  s->trims_cap = e->out->cap;
  return true;
}

/* Room for n ids; offsets, where they are, have the same room. */
static bool reserve_ids(encoder *e, size_t n) {
  vecd_encoding *out = e->out;
  if (n > out->cap) {
    size_t cap = out->cap * 2 > n ? out->cap * 2 : n + 64;
    uint32_t **arrays[3] = {&out->ids, &out->starts, &out->ends};
    for (int i = 0; i < 3; i++) {
      if (i > 0 && !*arrays[i]) continue;
      uint32_t *grown = vecd_realloc(VECD_MEM_SCRATCH, *arrays[i], cap * sizeof *grown);
      if (!grown) return no_memory(e);
      *arrays[i] = grown;
    }
    out->cap = cap;
  }
  if (e->offsets && !out->starts) out->starts = vecd_alloc_array(VECD_MEM_SCRATCH, out->cap, sizeof *out->starts);
  if (e->offsets && !out->ends) out->ends = vecd_alloc_array(VECD_MEM_SCRATCH, out->cap, sizeof *out->ends);
  if (e->offsets && (!out->starts || !out->ends)) return no_memory(e);
  return !e->trims || reserve_trims(e);
}

/* Number of the character at byte `at` of the text. Cheap where `at` moves onward. */
static size_t char_number(encoder *e, size_t at) {
  for (; e->at < at; e->at++) e->at_char += ((unsigned char)e->text.ptr[e->at] & 0xc0) != 0x80;
  for (; e->at > at; e->at--) e->at_char -= ((unsigned char)e->text.ptr[e->at - 1] & 0xc0) != 0x80;
  return e->at_char;
}

static void keep_most(encoder *e) {
  if (e->out->n_ids <= e->most) return;
  e->dropped += e->out->n_ids - e->most;
  e->out->n_ids = e->most;
}

/* What trimming counts as space in the text of a token. */
static bool is_blank(uint32_t c) { return c == VECD_BYTE_LEVEL_SPACE || vecd_unicode_is_space(c); }

/* Counts the spaces at both ends of the text of id number n. */
static void note_trims(encoder *e, size_t n, vecd_span text) {
  uint32_t lead = 0, trail = 0;
  bool leading = true;
  for (const char *p = text.ptr, *end = p + text.len; p < end;) {
    bool blank = is_blank(vecd_utf8_next(&p));
    leading = leading && blank;
    lead += leading;
    trail = blank ? trail + 1 : 0;
  }
  e->scratch->leads[n] = lead;
  e->scratch->trails[n] = trail;
}

/* One id and the text it stands for. */
static bool put_id(encoder *e, uint32_t id, vecd_span text, size_t start, size_t end) {
  if (!reserve_ids(e, e->out->n_ids + 1)) return false;
  size_t n = e->out->n_ids++;
  if (e->trims) note_trims(e, n, text);
  e->out->ids[n] = id;
  if (e->offsets) {
    e->out->starts[n] = (uint32_t)start;
    e->out->ends[n] = (uint32_t)end;
  }
  keep_most(e);
  return true;
}

static bool reserve_ends(encoder *e, size_t n) {
  struct vecd_tok_scratch *s = e->scratch;
  if (n <= s->ends_cap) return true;
  uint32_t *grown = vecd_realloc(VECD_MEM_SCRATCH, s->ends, (n + n / 2) * sizeof *grown);
  if (!grown) return no_memory(e);
  s->ends = grown;
  s->ends_cap = n + n / 2;
  return true;
}

/* The next word of text: a word of its own, or the next of the pieces it has been cut into. */
static inline bool next_word(const vecd_pre_tokenizer *pre, const vecd_piece_list *pieces, vecd_span text, size_t *at,
                             vecd_span *word) {
  if (!pieces) return vecd_pre_tokenizer_next(pre, text, at, word);
  if (*at == pieces->n) return false;
  vecd_piece_range piece = pieces->ranges[(*at)++];
  *word = (vecd_span){text.ptr + piece.begin, piece.end - piece.begin};
  return true;
}

/* Words of norm->bytes[begin, end). */
static bool put_words(encoder *e, const vecd_aligned *norm, size_t begin, size_t end) {
  const vecd_tokenizer *t = e->tokenizer;
  vecd_encoding *out = e->out;
  vecd_span text = {norm->bytes + begin, end - begin}, word;
  vecd_aligned rewritten;
  const vecd_piece_list *pieces = NULL;
  if (!vecd_pre_tokenizer_is_simple(&t->pre_tokenizer)) {
    e->status = vecd_pre_tokenizer_run(&t->pre_tokenizer, text, e->keep_src ? norm->src + begin : NULL, &e->scratch->pre,
                                       &rewritten, &pieces, e->err);
    if (e->status) return false;
    norm = &rewritten;
    text = (vecd_span){norm->bytes, norm->len};
  }
  size_t most = text.len * t->model.ids_per_byte;
  if (!reserve_ends(e, most) || !reserve_ids(e, out->n_ids + most)) return false;
  for (size_t at = 0; next_word(&t->pre_tokenizer, pieces, text, &at, &word);) {
    const uint32_t *ends = e->scratch->ends;
    size_t n = vecd_tok_model_encode(&t->model, word, out->ids + out->n_ids, e->scratch->ends, &e->scratch->model);
    if (n == VECD_TOK_MODEL_FAILED) return no_token(e);
    if (e->offsets) {
      const uint32_t *src = norm->src + (word.ptr - norm->bytes);
      for (size_t i = 0, from = 0; i < n; i++) {
        if (i && ends[i] != ends[i - 1]) from = ends[i - 1];
        out->starts[out->n_ids + i] = src[from];
        out->ends[out->n_ids + i] = src[ends[i] - 1] + 1;
      }
    }
    if (e->trims)
      for (size_t i = 0; i < n; i++) note_trims(e, out->n_ids + i, vecd_vocab_piece(&t->vocab, out->ids[out->n_ids + i]));
    out->n_ids += n;
    keep_most(e);
  }
  return true;
}

/* Everything behind the raw added tokens, for text[begin, end). */
static bool put_stretch(encoder *e, size_t begin, size_t end) {
  const vecd_tokenizer *t = e->tokenizer;
  const vecd_added_set *added = &t->added.normalized;
  size_t first_char = e->keep_src ? char_number(e, begin) : 0;
  const vecd_aligned *norm;
  e->status = vecd_normalizer_run(&t->normalizer, (vecd_span){e->text.ptr + begin, end - begin}, first_char, e->keep_src,
                                  &e->scratch->normalizer, &norm, e->err);
  if (e->status) return false;
  vecd_span text = {norm->bytes, norm->len};
  vecd_added_search search = {0};
  vecd_added_match match;
  while (vecd_added_set_next(added, text, &search, &match)) {
    if (search.done < match.begin && !put_words(e, norm, search.done, match.begin)) return false;
    vecd_span matched = {text.ptr + match.begin, match.end - match.begin};
    bool ok = e->offsets ? put_id(e, match.id, matched, norm->src[match.begin], norm->src[match.end - 1] + 1)
                         : put_id(e, match.id, matched, 0, 0);
    if (!ok) return false;
    search.done = match.end;
  }
  return search.done >= text.len || put_words(e, norm, search.done, text.len);
}

/* The end of the chunk that begins at `begin`: behind the first ASCII space from CHUNK_BYTES on. */
static size_t chunk_end(const encoder *e, size_t begin, size_t end) {
  const vecd_tokenizer *t = e->tokenizer;
  const vecd_pre_tokenizer *pre = &t->pre_tokenizer;
  if (end - begin <= CHUNK_BYTES || pre->n_steps != 1 || !vecd_pre_tokenizer_is_simple(pre) || t->added.normalized.n > 0)
    return end;
  if (!vecd_normalizer_is_local(&t->normalizer)) return end;
  for (size_t i = begin + CHUNK_BYTES; i < end; i++) {
    char c = e->text.ptr[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') return i + 1;
  }
  return end;
}

static bool put_chunks(encoder *e, size_t begin, size_t end) {
  while (begin < end) {
    size_t stop = chunk_end(e, begin, end);
    if (!put_stretch(e, begin, stop)) return false;
    begin = stop;
  }
  return true;
}

static bool put_text(encoder *e) {
  vecd_added_search search = {0};
  vecd_added_match match;
  while (vecd_added_set_next(&e->tokenizer->added.raw, e->text, &search, &match)) {
    if (!put_chunks(e, search.done, match.begin)) return false;
    size_t start = e->offsets ? char_number(e, match.begin) : 0, end = e->offsets ? char_number(e, match.end) : 0;
    if (!put_id(e, match.id, (vecd_span){e->text.ptr + match.begin, match.end - match.begin}, start, end)) return false;
    search.done = match.end;
  }
  return put_chunks(e, search.done, e->text.len);
}

/* Cuts the ids behind n_before down to `room` from their left. */
static void drop_left(encoder *e, size_t n_before, size_t room) {
  vecd_encoding *out = e->out;
  size_t n = out->n_ids - n_before;
  if (n <= room) return;
  uint32_t *arrays[5] = {out->ids, out->starts, out->ends, e->scratch->leads, e->scratch->trails};
  for (int i = 0; i < (e->trims ? 5 : e->offsets ? 3 : 1); i++)
    memmove(arrays[i] + n_before, arrays[i] + n_before + (n - room), room * sizeof *arrays[i]);
  out->n_ids = n_before + room;
  e->dropped += n - room;
}

/* Takes the space at both ends of tokens out of their offsets, where the text had it. */
static void trim_offsets(encoder *e, const vecd_trim *trim, size_t n_before) {
  uint32_t *starts = e->out->starts, *ends = e->out->ends;
  for (size_t i = n_before; i < e->out->n_ids; i++) {
    uint32_t lead = e->scratch->leads[i], trail = e->scratch->trails[i];
    bool first = (i == n_before && (trim->n_before == 0 || n_before == 0)) || starts[i] == 0;
    if (first && trim->add_prefix_space && lead == 1) lead = 0;
    if (lead) starts[i] = lead < ends[i] - starts[i] ? starts[i] + lead : ends[i];
    if (trail && ends[i] >= trail) ends[i] = ends[i] - trail > starts[i] ? ends[i] - trail : starts[i];
  }
}

/* limit: the most ids, at least n_before + n_behind. */
static bool encode(encoder *e, size_t limit, size_t n_before, const uint32_t *behind, size_t n_behind) {
  const vecd_tokenizer *t = e->tokenizer;
  if (!reserve_ids(e, n_before + n_behind + 1)) return false;
  for (size_t i = 0; i < n_before; i++)
    if (!put_id(e, t->post.ids[i], VECD_SPAN(""), 0, 0)) return false;
  if (!t->truncate_left && limit != SIZE_MAX) e->most = limit - n_behind;
  if (!put_text(e)) return false;
  if (limit != SIZE_MAX) drop_left(e, n_before, limit - n_behind - n_before);
  e->most = SIZE_MAX;
  for (size_t i = 0; i < t->post.n_trims && e->trims; i++) trim_offsets(e, &t->post.trims[i], n_before);
  for (size_t i = 0; i < n_behind; i++)
    if (!put_id(e, behind[i], VECD_SPAN(""), 0, 0)) return false;
  return true;
}

vecd_status vecd_tokenizer_encode(const vecd_tokenizer *tokenizer, vecd_span text, size_t max_tokens, unsigned flags,
                                  vecd_encoding *out, vecd_err *err) {
  const vecd_post_processor *post = &tokenizer->post;
  out->n_ids = out->n_untruncated = 0;
  if (!text.len) text.ptr = "";
  size_t valid = vecd_utf8_valid_prefix(text.ptr, text.len);
  if (valid < text.len) return vecd_err_set(err, VECD_BAD_TEXT, valid, "text is not valid UTF-8 at byte %zu", valid);
  if (text.len >= UINT32_MAX / 2)
    return vecd_err_set(err, VECD_BAD_TEXT, VECD_NO_POS, "text of %zu bytes is too long", text.len);
  if (!out->scratch && !(out->scratch = vecd_alloc_zero(VECD_MEM_SCRATCH, 1, sizeof *out->scratch)))
    return vecd_err_no_memory(err, "tokenizer scratch", sizeof *out->scratch);

  out->scratch->model.no_token = false;

  /* Where the limit does not even leave room for the special tokens, the trailing ones are the last to go. */
  size_t limit = max_tokens ? max_tokens : SIZE_MAX;
  bool offsets = (flags & VECD_TOK_OFFSETS) != 0, specials = !(flags & VECD_TOK_NO_SPECIALS);
  size_t all_before = specials ? post->n_before : 0, all_behind = specials ? post->n_behind : 0;
  size_t n_behind = all_behind < limit ? all_behind : limit;
  size_t n_before = all_before < limit - n_behind ? all_before : limit - n_behind;
  encoder e = {.tokenizer = tokenizer,
               .out = out,
               .scratch = out->scratch,
               .err = err,
               .offsets = offsets,
               .keep_src = offsets || tokenizer->pre_tokenizer.needs_src,
               .trims = offsets && post->n_trims > 0,
               .most = SIZE_MAX,
               .text = text};
  const uint32_t *behind = post->ids ? post->ids + post->n_before + (post->n_behind - n_behind) : NULL;
  if (!encode(&e, limit, n_before, behind, n_behind)) {
    out->n_ids = 0;
    vecd_assert(e.status);
    return e.status;
  }
  out->n_untruncated = out->n_ids + e.dropped + (all_before - n_before) + (all_behind - n_behind);
  return VECD_OK;
}

void vecd_encoding_fini(vecd_encoding *encoding) {
  struct vecd_tok_scratch *s = encoding->scratch;
  if (s) {
    vecd_normalizer_scratch_fini(&s->normalizer);
    vecd_tok_model_scratch_fini(&s->model);
    vecd_pre_scratch_fini(&s->pre);
    vecd_free(s->leads);
    vecd_free(s->trails);
    vecd_free(s->ends);
    vecd_free(s);
  }
  vecd_free(encoding->ids);
  vecd_free(encoding->starts);
  vecd_free(encoding->ends);
  *encoding = (vecd_encoding){0};
}
