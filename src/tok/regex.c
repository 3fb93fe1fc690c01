/* regex.c - PCRE2 over a text of character classes (regex_pattern.h), by its compiler to machine code where it has one.
 *
 * PCRE2 limits how often one start of a match may try, and how much memory the interpreter may take, which helps out where machine
 * code runs out of its stack. Neither bounds what all starts of a long text cost together. So a call tries few starts, and the
 * clock is looked at in between: who needs longer than any sane pattern does is refused. */
#include "tok/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tok/regex_pattern.h"

#define MATCH_LIMIT     100000
#define DEPTH_LIMIT     1000000
#define STARTS_A_CALL   256
#define CALLS_A_LOOK    8 /* at the clock, while they find something */
#define NS_A_TEXT       4000000000u
#define NS_A_BYTE       2000u
#define HEAP_KIB        65536
#define JIT_STACK_START 32768
#define JIT_STACK_MOST  ((size_t)1 << 20)

struct vecd_regex {
  pcre2_general_context *memory;
  pcre2_code *code;
  vecd_regex_classes classes;
  uint8_t ascii[128];
  size_t code_bytes;
  bool jit, matches_empty;
};

struct vecd_regex_room {
  pcre2_general_context *memory;
  pcre2_match_context *context;
  pcre2_match_data *data;
  pcre2_jit_stack *stack;
};

static void *alloc_vocab(PCRE2_SIZE n, void *unused) { return (void)unused, vecd_alloc(VECD_MEM_VOCAB, n); }
static void *alloc_scratch(PCRE2_SIZE n, void *unused) { return (void)unused, vecd_alloc(VECD_MEM_SCRATCH, n); }
static void give_back(void *p, void *unused) { (void)unused, vecd_free(p); }

static vecd_status compile(vecd_regex *regex, const char *where, vecd_span pattern, vecd_buf *text, vecd_err *err) {
  vecd_status s = vecd_regex_translate(where, pattern, text, &regex->classes, err);
  if (s) return s;
  regex->memory = pcre2_general_context_create(alloc_vocab, give_back, NULL);
  if (!regex->memory) return vecd_err_no_memory(err, "regular expression", 0);
  pcre2_compile_context *context = pcre2_compile_context_create(regex->memory);
  if (!context) return vecd_err_no_memory(err, "regular expression", 0);
  int code = 0;
  PCRE2_SIZE at = 0;
  regex->code =
      pcre2_compile((PCRE2_SPTR)vecd_buf_cstr(text), text->len,
                    PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NO_AUTO_CAPTURE | PCRE2_USE_OFFSET_LIMIT, &code, &at, context);
  pcre2_compile_context_free(context);
  if (!regex->code) {
    if (code == PCRE2_ERROR_NOMEMORY || code == 121) return vecd_err_no_memory(err, "regular expression", text->len);
    char message[128] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: regular expression: PCRE2 says: %s", where, message);
  }
  regex->jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
  size_t size = 0, jit_size = 0;
  uint32_t empty = 0;
  pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &size);
  pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &jit_size);
  pcre2_pattern_info(regex->code, PCRE2_INFO_MATCHEMPTY, &empty);
  regex->code_bytes = size + jit_size;
  regex->matches_empty = empty != 0;
  for (uint32_t c = 0; c < 128; c++) regex->ascii[c] = vecd_regex_class_of(&regex->classes, c);
  return VECD_OK;
}

vecd_status vecd_regex_new(const char *where, vecd_span pattern, vecd_regex **out, vecd_err *err) {
  vecd_regex *regex = vecd_alloc_zero(VECD_MEM_VOCAB, 1, sizeof *regex);
  if (!regex) return vecd_err_no_memory(err, "regular expression", sizeof *regex);
  vecd_buf text = {.tag = VECD_MEM_VOCAB};
  if (!pattern.len) pattern.ptr = "";
  vecd_status s = compile(regex, where, pattern, &text, err);
  vecd_buf_fini(&text);
  if (s)
    vecd_regex_free(&regex);
  else
    *out = regex;
  return s;
}

void vecd_regex_free(vecd_regex **regex) {
  vecd_regex *r = *regex;
  if (!r) return;
  pcre2_code_free(r->code);
  pcre2_general_context_free(r->memory);
  vecd_regex_classes_fini(&r->classes);
  vecd_free(r);
  *regex = NULL;
}

size_t vecd_regex_bytes(const vecd_regex *regex) {
  return sizeof *regex + regex->code_bytes + VECD_REGEX_N_BLOCKS * sizeof *regex->classes.block_of +
         (regex->classes.n_blocks << VECD_REGEX_BLOCK_SHIFT);
}

bool vecd_regex_matches_empty(const vecd_regex *regex) { return regex->matches_empty; }

static void free_room(struct vecd_regex_room *room) {
  if (!room) return;
  pcre2_jit_stack_free(room->stack);
  pcre2_match_data_free(room->data);
  pcre2_match_context_free(room->context);
  pcre2_general_context_free(room->memory);
  vecd_free(room);
}

static struct vecd_regex_room *new_room(void) {
  struct vecd_regex_room *room = vecd_alloc_zero(VECD_MEM_SCRATCH, 1, sizeof *room);
  if (!room) return NULL;
  room->memory = pcre2_general_context_create(alloc_scratch, give_back, NULL);
  if (room->memory) room->context = pcre2_match_context_create(room->memory);
  if (room->context) room->data = pcre2_match_data_create(1, room->memory);
  if (!room->data) return free_room(room), NULL;
  uint32_t has_jit = 0;
  pcre2_config(PCRE2_CONFIG_JIT, &has_jit);
  if (has_jit) {
    room->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MOST, room->memory);
    if (!room->stack) return free_room(room), NULL;
    pcre2_jit_stack_assign(room->context, NULL, room->stack);
  }
  pcre2_set_depth_limit(room->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(room->context, HEAP_KIB);
  return room;
}

void vecd_regex_scratch_fini(vecd_regex_scratch *scratch) {
  free_room(scratch->room);
  vecd_free(scratch->symbols);
  *scratch = (vecd_regex_scratch){0};
}

vecd_status vecd_regex_begin(const vecd_regex *regex, vecd_span text, vecd_regex_scratch *scratch, vecd_regex_search *search,
                             vecd_err *err) {
  if (!scratch->room && !(scratch->room = new_room())) return vecd_err_no_memory(err, "regular expression", 0);
  if (scratch->cap < text.len || !scratch->symbols) {
    size_t cap = text.len + text.len / 2 + 64;
    vecd_free(scratch->symbols);
    scratch->cap = 0;
    if (!(scratch->symbols = vecd_alloc(VECD_MEM_SCRATCH, cap))) return vecd_err_no_memory(err, "regular expression", cap);
    scratch->cap = cap;
  }
  unsigned char *to = scratch->symbols;
  for (const char *p = text.ptr, *end = p + text.len; p < end;) {
    if ((unsigned char)*p < 0x80)
      *to++ = regex->ascii[(unsigned char)*p++];
    else
      *to++ = vecd_regex_class_of(&regex->classes, vecd_utf8_next(&p));
  }
  *search = (vecd_regex_search){
      .regex = regex, .scratch = scratch, .text = text, .n = (size_t)(to - scratch->symbols), .last_end = SIZE_MAX};
  uint64_t limit =
      MATCH_LIMIT + 8 * (uint64_t)search->n; /* a run of spaces is tried from all its ends by honest patterns, too */
  pcre2_set_match_limit(scratch->room->context, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
  return VECD_OK;
}

/* The byte at which character number `k` begins, k not before the last one asked for. */
static size_t byte_of(vecd_regex_search *s, size_t k) {
  if (s->n == s->text.len) return k;
  for (; s->char_number < k; s->char_number++) {
    unsigned char b = (unsigned char)s->text.ptr[s->char_at];
    s->char_at += b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
  }
  return s->char_at;
}

/* A match that begins at s->at or within STARTS_A_CALL behind it. */
static int match(const vecd_regex_search *s) {
  const vecd_regex *regex = s->regex;
  const struct vecd_regex_room *room = s->scratch->room;
  int n = PCRE2_ERROR_JIT_STACKLIMIT;
  pcre2_set_offset_limit(room->context, s->at + STARTS_A_CALL);
  if (regex->jit) n = pcre2_jit_match(regex->code, s->scratch->symbols, s->n, s->at, 0, room->data, room->context);
  if (n == PCRE2_ERROR_JIT_STACKLIMIT)
    n = pcre2_match(regex->code, s->scratch->symbols, s->n, s->at, PCRE2_NO_JIT, room->data, room->context);
  return n;
}

static bool out_of_time(vecd_regex_search *s) {
  uint64_t now = vecd_now_ns();
  if (!s->begun_ns) s->begun_ns = now;
  return now - s->begun_ns > NS_A_TEXT + (uint64_t)s->text.len * NS_A_BYTE;
}

vecd_status vecd_regex_next(vecd_regex_search *s, bool *found, size_t *begin, size_t *end, vecd_err *err) {
  *found = false;
  while (s->at <= s->n) {
    int n = match(s);
    if ((n == PCRE2_ERROR_NOMATCH || ++s->n_calls % CALLS_A_LOOK == 0) && s->at < s->n && out_of_time(s))
      n = PCRE2_ERROR_MATCHLIMIT;
    if (n == PCRE2_ERROR_NOMATCH) {
      s->at += STARTS_A_CALL + 1;
      continue;
    }
    if (n == PCRE2_ERROR_NOMEMORY) return vecd_err_no_memory(err, "regular expression", s->text.len);
    if (n < 0)
      return vecd_err_set(err, VECD_BAD_TEXT, VECD_NO_POS,
                          "a regular expression of the tokenizer does not come to an end with this text");
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s->scratch->room->data);
    if (ends[0] == ends[1] && ends[1] == s->last_end) { /* an empty match right behind another */
      s->at++;
      continue;
    }
    s->at = s->last_end = ends[1];
    *found = true;
    *begin = byte_of(s, ends[0]);
    *end = byte_of(s, ends[1]);
    break;
  }
  return VECD_OK;
}
