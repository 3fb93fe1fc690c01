/* pre_tokenizer.c - cutting normalized text into words; pre_tokenizer_load.c reads how. */
#include "tok/pre_tokenizer.h"

#include "tok/byte_level.h"
#include "tok/unicode.h"
#include "tok/unicode_class.h"

typedef enum kind { LETTER, SPACE, PUNCT, LONG /* the first byte of a longer character */ } kind;

#define L4  LETTER, LETTER, LETTER, LETTER
#define P4  PUNCT, PUNCT, PUNCT, PUNCT
#define N16 LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG

/* The records for ASCII, at hand; a test compares them. Controls that no normalizer dropped are letters. */
/* clang-format off */
static const unsigned char byte_kind[256] = {
    L4, L4, LETTER, SPACE, SPACE, SPACE, SPACE, SPACE, LETTER, LETTER, L4, L4, L4, L4,           /* 0x00 */
    SPACE, PUNCT, PUNCT, PUNCT, P4, P4, P4, L4, L4, LETTER, LETTER, PUNCT, PUNCT, P4,            /* 0x20 */
    PUNCT, LETTER, LETTER, LETTER, L4, L4, L4, L4, L4, LETTER, LETTER, LETTER, PUNCT, P4,        /* 0x40 */
    PUNCT, LETTER, LETTER, LETTER, L4, L4, L4, L4, L4, LETTER, LETTER, LETTER, P4, LETTER,       /* 0x60 */
    N16, N16, N16, N16, N16, N16, N16, N16,
};
/* clang-format on */

/* The kind of the character at *p, which moves behind it. */
static inline kind next_kind(const char **p) {
  kind k = byte_kind[(unsigned char)**p];
  if (k != LONG) {
    (*p)++;
    return k;
  }
  unsigned props = vecd_unicode_props(vecd_utf8_next(p));
  return props & VECD_UNICODE_SPACE ? SPACE : props & VECD_UNICODE_PUNCTUATION ? PUNCT : LETTER;
}

/* BertPreTokenizer's next word at or behind *at, which moves to its end; false when there is none. */
static inline bool next_bert_word(vecd_span text, size_t *at, vecd_span *word) {
  const char *p = text.ptr + *at, *end = text.ptr + text.len, *begin;
  kind k;
  do {
    if (p == end) return *at = text.len, false;
    begin = p;
  } while ((k = next_kind(&p)) == SPACE);
  if (k == LETTER) {
    for (const char *next = p; p < end; p = next)
      if (next_kind(&next) != LETTER) break;
  }
  *word = (vecd_span){begin, (size_t)(p - begin)};
  *at = (size_t)(p - text.ptr);
  return true;
}

bool vecd_pre_tokenizer_next(const vecd_pre_tokenizer *pre, vecd_span text, size_t *at, vecd_span *word) {
  if (*at >= text.len) return false;
  if (pre->n_steps > 0) return next_bert_word(text, at, word);
  *word = (vecd_span){text.ptr + *at, text.len - *at};
  *at = text.len;
  return true;
}

/* The general way. */

typedef struct stage {
  vecd_aligned text; /* borrowed: the text the pieces are of */
  const vecd_piece_list *pieces;
  vecd_piece_list *out; /* where this step puts its pieces */
  vecd_pre_scratch *scratch;
  vecd_aligned *room; /* for this step's text, if it rewrites it */
  size_t most;        /* bytes of that */
  vecd_err *err;
} stage;

static bool is_punctuation(uint32_t c) { return (vecd_unicode_props(c) & VECD_UNICODE_PUNCTUATION) != 0; }
static bool is_numeric(uint32_t c) { return (vecd_unicode_class_get(c)->flags & VECD_CLASS_NUMERIC) != 0; }

static bool is_delimiter(const vecd_pre_step *step, uint32_t c) {
  switch (step->kind) {
  case VECD_PRE_WHITESPACE_SPLIT: return vecd_unicode_is_space(c);
  case VECD_PRE_PUNCTUATION: return is_punctuation(c);
  case VECD_PRE_DIGITS: return is_numeric(c);
  default: return c == step->c;
  }
}

/* Every delimiter is one character. */
static void split_at_chars(const vecd_pre_step *step, const char *text, vecd_piece_range piece, vecd_splitter *splitter) {
  const char *p = text + piece.begin, *end = text + piece.end;
  size_t last = piece.begin;
  while (p < end) {
    size_t at = (size_t)(p - text);
    if (!is_delimiter(step, vecd_utf8_next(&p))) continue;
    if (last < at) vecd_splitter_part(splitter, last, at, false);
    last = (size_t)(p - text);
    vecd_splitter_part(splitter, at, last, true);
  }
  if (last < piece.end) vecd_splitter_part(splitter, last, piece.end, false);
  vecd_splitter_end(splitter);
}

static vecd_status split_by_pattern(const stage *s, const vecd_pattern *pattern, vecd_piece_range piece,
                                    vecd_splitter *splitter) {
  vecd_pattern_search search;
  vecd_span text = {s->text.bytes + piece.begin, piece.end - piece.begin};
  vecd_status status = vecd_pattern_begin(pattern, text, &s->scratch->regex, &search, s->err);
  size_t last = 0;
  while (!status && !s->out->failed) {
    bool found;
    size_t begin, end;
    status = vecd_pattern_next(&search, &found, &begin, &end, s->err);
    if (status || !found) break;
    if (last != begin) vecd_splitter_part(splitter, piece.begin + last, piece.begin + begin, false);
    vecd_splitter_part(splitter, piece.begin + begin, piece.begin + end, true);
    last = end;
  }
  if (last != text.len) vecd_splitter_part(splitter, piece.begin + last, piece.end, false);
  vecd_splitter_end(splitter);
  return status;
}

static void split_bert(const stage *s, vecd_piece_range piece) {
  vecd_span text = {s->text.bytes, piece.end}, word;
  for (size_t at = piece.begin; next_bert_word(text, &at, &word);) {
    size_t begin = (size_t)(word.ptr - text.ptr);
    vecd_piece_list_put(s->out, begin, begin + word.len);
  }
}

/* Runs of word characters, and runs of what is neither that nor space. */
static void split_whitespace(const stage *s, vecd_piece_range piece) {
  const char *text = s->text.bytes, *p = text + piece.begin, *end = text + piece.end;
  unsigned last = VECD_UNICODE_SPACE;
  size_t begin = piece.begin;
  while (p < end) {
    size_t at = (size_t)(p - text);
    unsigned now = vecd_unicode_props(vecd_utf8_next(&p)) & (VECD_UNICODE_WORD | VECD_UNICODE_SPACE);
    if (now == last) continue;
    if (!(last & VECD_UNICODE_SPACE)) vecd_piece_list_put(s->out, begin, at);
    begin = at;
    last = now;
  }
  if (!(last & VECD_UNICODE_SPACE)) vecd_piece_list_put(s->out, begin, piece.end);
}

/* The script SentencePiece goes by: Japanese is one with Han; 0 parts nothing. */
static unsigned script_of(uint32_t c) { return vecd_unicode_class_get(c)->script; }

/* As in Hugging Face tokenizers, what stands before the first character that has a script is lost. */
static void split_scripts(const stage *s, vecd_piece_range piece) {
  const char *text = s->text.bytes, *p = text + piece.begin, *end = text + piece.end;
  unsigned last = 0;
  size_t begin = piece.end;
  while (p < end) {
    size_t at = (size_t)(p - text);
    unsigned script = script_of(vecd_utf8_next(&p));
    if (script == 0) continue;
    if (script != last) {
      if (last) vecd_piece_list_put(s->out, begin, at);
      begin = at;
    }
    last = script;
  }
  vecd_piece_list_put(s->out, begin, piece.end);
}

static void split_fixed(const stage *s, vecd_piece_range piece, size_t length) {
  size_t begin = piece.begin, n = 0;
  for (size_t i = piece.begin; i < piece.end; i++) {
    if (((unsigned char)s->text.bytes[i] & 0xc0) == 0x80) continue;
    if (n == length) {
      vecd_piece_list_put(s->out, begin, i);
      begin = i;
      n = 0;
    }
    n++;
  }
  vecd_piece_list_put(s->out, begin, piece.end);
}

/* The sources from byte `at` on, or NULL where none are kept. */
static const uint32_t *src_at(const stage *s, size_t at) { return s->text.keep_src ? s->text.src + at : NULL; }

/* That of byte `at`, or 0. */
static uint32_t src_of(const stage *s, size_t at) { return s->text.keep_src ? s->text.src[at] : 0; }

/* From here on the pieces are of `room`. */
static void take_room(stage *s) {
  s->text = *s->room;
  s->room = s->room == &s->scratch->text[0] ? &s->scratch->text[1] : &s->scratch->text[0];
}

/* Spaces become the replacement; the splitting is done behind it, on the new text. */
static void write_metaspace(const vecd_pre_step *step, stage *s, vecd_piece_range piece) {
  vecd_aligned *room = s->room;
  const char *text = s->text.bytes;
  size_t begin = room->len;
  const char *first = text + piece.begin;
  uint32_t c = vecd_utf8_next(&first);
  bool starts = c == ' ' || c == step->c;
  bool wanted = step->prepend == VECD_PREPEND_ALWAYS || (step->prepend == VECD_PREPEND_FIRST && s->text.src[piece.begin] == 0);
  if (wanted && !starts) vecd_aligned_put(room, step->c, src_of(s, piece.begin));
  for (size_t at = piece.begin; at < piece.end && !room->failed;) {
    const char *space = memchr(text + at, ' ', piece.end - at);
    size_t stop = space ? (size_t)(space - text) : piece.end;
    vecd_aligned_append(room, (vecd_span){text + at, stop - at}, src_at(s, at), 0);
    if (space) vecd_aligned_put(room, step->c, src_of(s, stop));
    at = stop + 1;
  }
  vecd_piece_range written = {(uint32_t)begin, (uint32_t)room->len};
  if (room->failed) return;
  vecd_splitter splitter = vecd_splitter_to(s->out, VECD_SPLIT_MERGED_WITH_NEXT, false);
  if (step->split)
    split_at_chars(step, room->bytes, written, &splitter);
  else
    vecd_piece_list_put(s->out, written.begin, written.end);
}

static void add_prefix_space(stage *s, vecd_piece_range piece) {
  size_t begin = s->room->len;
  if (s->text.bytes[piece.begin] != ' ') vecd_aligned_put(s->room, ' ', src_of(s, piece.begin));
  vecd_aligned_append(s->room, (vecd_span){s->text.bytes + piece.begin, piece.end - piece.begin}, src_at(s, piece.begin), 0);
  vecd_piece_list_put(s->out, begin, s->room->len);
}

static vecd_status too_long(const stage *s) {
  return vecd_err_set(s->err, VECD_BAD_TEXT, VECD_NO_POS, "text is too long: rewritten by the pre-tokenizer it has %zu bytes",
                      s->room->len);
}

/* What this step has put out is what the next one takes. */
static vecd_status finish_step(stage *s) {
  if (s->room->too_long) return too_long(s);
  if (s->out->failed || s->room->failed) return vecd_err_no_memory(s->err, "pre-tokenizing", s->text.len);
  if (s->room->len >= UINT32_MAX / 2) return too_long(s);
  s->pieces = s->out;
  s->out = s->out == &s->scratch->pieces[0] ? &s->scratch->pieces[1] : &s->scratch->pieces[0];
  return VECD_OK;
}

static void begin_step(stage *s) {
  s->out->n = 0;
  s->out->failed = false;
  vecd_aligned_reset(s->room, s->text.keep_src, s->most);
}

/* Prefix, pattern, and then every byte of the pieces becomes a character. */
static vecd_status run_byte_level(const vecd_pre_step *step, stage *s) {
  vecd_status status = VECD_OK;
  if (step->add_prefix_space) {
    for (size_t i = 0; i < s->pieces->n; i++) add_prefix_space(s, s->pieces->ranges[i]);
    if ((status = finish_step(s))) return status;
    take_room(s);
    begin_step(s);
  }
  if (step->pattern.regex) {
    for (size_t i = 0; i < s->pieces->n && !status; i++) {
      vecd_splitter splitter = vecd_splitter_to(s->out, VECD_SPLIT_ISOLATED, false);
      status = split_by_pattern(s, &step->pattern, s->pieces->ranges[i], &splitter);
    }
    if (status || (status = finish_step(s))) return status;
    begin_step(s);
  }
  for (size_t i = 0; i < s->pieces->n; i++) {
    vecd_piece_range piece = s->pieces->ranges[i];
    size_t begin = s->room->len;
    vecd_byte_level_append(s->room, (vecd_span){s->text.bytes + piece.begin, piece.end - piece.begin}, src_at(s, piece.begin),
                           0);
    vecd_piece_list_put(s->out, begin, s->room->len);
  }
  status = finish_step(s);
  take_room(s);
  return status;
}

static vecd_status run_step(const vecd_pre_step *step, stage *s) {
  vecd_status status = VECD_OK;
  begin_step(s);
  if (step->kind == VECD_PRE_BYTE_LEVEL) return run_byte_level(step, s);
  for (size_t i = 0; i < s->pieces->n && !status && !s->out->failed; i++) {
    vecd_piece_range piece = s->pieces->ranges[i];
    vecd_splitter splitter = vecd_splitter_to(s->out, step->behavior, step->invert);
    switch (step->kind) {
    case VECD_PRE_BERT: split_bert(s, piece); break;
    case VECD_PRE_METASPACE: write_metaspace(step, s, piece); break;
    case VECD_PRE_WHITESPACE: split_whitespace(s, piece); break;
    case VECD_PRE_SCRIPTS: split_scripts(s, piece); break;
    case VECD_PRE_FIXED_LENGTH: split_fixed(s, piece, step->length); break;
    case VECD_PRE_SPLIT: status = split_by_pattern(s, &step->pattern, piece, &splitter); break;
    default: split_at_chars(step, s->text.bytes, piece, &splitter);
    }
  }
  if (!status) status = finish_step(s);
  if (step->kind == VECD_PRE_METASPACE) take_room(s);
  return status;
}

vecd_status vecd_pre_tokenizer_run(const vecd_pre_tokenizer *pre, vecd_span text, const uint32_t *src,
                                   vecd_pre_scratch *scratch, vecd_aligned *out, const vecd_piece_list **pieces,
                                   vecd_err *err) {
  stage s = {.text = {.bytes = (char *)(uintptr_t)text.ptr,
                      .src = (uint32_t *)(uintptr_t)src,
                      .len = text.len,
                      .keep_src = src != NULL},
             .pieces = &scratch->pieces[1],
             .out = &scratch->pieces[1],
             .scratch = scratch,
             .room = &scratch->text[0],
             .most = VECD_ALIGNED_MOST(text.len),
             .err = err};
  if (text.len >= UINT32_MAX / 2) return vecd_err_set(err, VECD_BAD_TEXT, VECD_NO_POS, "text is too long");
  begin_step(&s);
  vecd_piece_list_put(s.out, 0, text.len);
  vecd_status status = finish_step(&s);
  for (size_t i = 0; i < pre->n_steps && !status; i++) status = run_step(&pre->steps[i], &s);
  *out = s.text;
  *pieces = s.pieces;
  return status;
}

void vecd_pre_scratch_fini(vecd_pre_scratch *scratch) {
  for (int i = 0; i < 2; i++) {
    vecd_aligned_fini(&scratch->text[i]);
    vecd_piece_list_fini(&scratch->pieces[i]);
  }
  vecd_regex_scratch_fini(&scratch->regex);
}
