/* regex_pattern.c - a descent through Oniguruma's syntax, as far as tokenizers use it; the rest is refused by name.
 *
 * While it reads, a set is written as the byte SET and its number; when all sets are known, regex_classes.c splits Unicode into
 * classes, and each set becomes a PCRE2 class of their numbers. Everything else that is written is our own few forms. */
#include "tok/regex_pattern.h"

#include <stdio.h>

#include "base/utf8.h"
#include "tok/regex_classes.h"

#define MOST_DEPTH       64
#define MOST_QUANTIFIERS 4 /* on one atom */
#define MOST_REPEATS     1000
#define MOST_BYTES       65536
#define SET              '\x01'

typedef struct parser {
  const char *where;
  vecd_span pattern;
  const char *p, *end;
  vecd_buf *out;
  vecd_regex_sets *sets;
  vecd_err *err;
  vecd_status status;
  bool no_case, dot_all;
  uint32_t last_literal; /* under no_case: the character just before, or 0 */
} parser;

static bool refuse(parser *r, vecd_status code, const char *what) {
  if (!r->status)
    r->status = vecd_err_set(r->err, code, VECD_NO_POS, "%s: regular expression, byte %zu: %s%s", r->where,
                             (size_t)(r->p - r->pattern.ptr), what, code == VECD_UNSUPPORTED ? " is not supported" : "");
  return false;
}

static bool unsupported(parser *r, const char *what) { return refuse(r, VECD_UNSUPPORTED, what); }
static bool malformed(parser *r, const char *what) { return refuse(r, VECD_BAD_MODEL, what); }

static bool take(parser *r, const char *s) {
  size_t n = strlen(s);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, s, n) != 0) return false;
  r->p += n;
  return true;
}

static int peek(const parser *r) { return r->p < r->end ? (unsigned char)*r->p : -1; }

/* Sets. */

/* Takes the set over and writes it. */
static bool put_set(parser *r, vecd_char_set *set) {
  if (set->failed) {
    vecd_char_set_fini(set);
    r->status = vecd_err_no_memory(r->err, "regular expression", 0);
    return false;
  }
  vecd_char_set_tidy(set);
  int number = vecd_regex_sets_put(r->sets, set);
  if (number < 0) return unsupported(r, "a pattern of so many sets of characters");
  vecd_buf_append_char(r->out, SET);
  vecd_buf_append_char(r->out, (char)(number + 1));
  return true;
}

static bool put_escape(parser *r, char escape, bool not_) {
  vecd_char_set set = {0};
  vecd_char_set_add_escape(&set, escape);
  if (not_) vecd_char_set_invert(&set);
  return put_set(r, &set);
}

/* Adds a character and, under no_case, those that fold to it. */
static bool add_char(parser *r, vecd_char_set *set, uint32_t c) {
  vecd_char_set_add(set, c, c);
  if (!r->no_case) return true;
  if (c >= 0x80) return unsupported(r, "a character other than ASCII without case");
  uint32_t low = c | 0x20;
  if (low < 'a' || low > 'z') return true;
  vecd_char_set_add(set, low - 0x20, low - 0x20);
  vecd_char_set_add(set, low, low);
  if (low == 's') vecd_char_set_add(set, 0x17f, 0x17f);
  if (low == 'k') vecd_char_set_add(set, 0x212a, 0x212a);
  return true;
}

static bool read_hex(parser *r, size_t least, size_t most, uint32_t *out) {
  *out = 0;
  size_t n = 0;
  for (; n < most && r->p < r->end; n++, r->p++) {
    char c = *r->p;
    unsigned digit = c >= '0' && c <= '9'                     ? (unsigned)(c - '0')
                     : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a' + 10)
                                                              : 16;
    if (digit == 16) break;
    *out = *out << 4 | digit;
  }
  if (n < least) return malformed(r, "a hexadecimal number is cut short");
  return *out < 0x110000 || malformed(r, "a code point is too large");
}

/* \p{...} or \P{...}, behind the p. */
static bool read_property(parser *r, bool not_, vecd_char_set *set) {
  if (!take(r, "{")) return unsupported(r, "\\p without braces");
  if (take(r, "^")) not_ = !not_;
  const char *begin = r->p;
  while (r->p < r->end && *r->p != '}') r->p++;
  if (r->p == r->end) return malformed(r, "\\p{ has no end");
  vecd_span name = {begin, (size_t)(r->p++ - begin)};
  char text[96];
  snprintf(text, sizeof text, "the property \"%.*s\"", (int)(name.len < 48 ? name.len : 48), name.ptr);
  vecd_char_set own = {0};
  if (r->no_case) return unsupported(r, "a property without case");
  if (!vecd_char_set_add_property(&own, name)) return unsupported(r, text);
  if (not_) vecd_char_set_invert(&own);
  vecd_char_set_add_set(set, &own);
  vecd_char_set_fini(&own);
  return true;
}

typedef enum escape_kind { ESCAPE_FAILED, ESCAPE_CHAR, ESCAPE_SET, ESCAPE_OTHER } escape_kind;

/* Behind a backslash: a character to *c, or a set that is added to *set. ESCAPE_OTHER: something else, nothing is taken. */
static escape_kind read_escape(parser *r, uint32_t *c, vecd_char_set *set) {
  static const char from[] = "tnrfvae", to[] = "\t\n\r\f\v\a\x1b";
  int e = peek(r);
  if (e < 0) return malformed(r, "a backslash ends it"), ESCAPE_FAILED;
  const char *plain = strchr(from, e);
  if (plain) return r->p++, *c = (unsigned char)to[plain - from], ESCAPE_CHAR;
  if (strchr("dswhDSWH", e)) {
    r->p++;
    if (r->no_case && (e | 0x20) == 'w') return unsupported(r, "\\w without case"), ESCAPE_FAILED;
    vecd_char_set own = {0};
    vecd_char_set_add_escape(&own, (char)(e | 0x20));
    if (e < 'a') vecd_char_set_invert(&own);
    vecd_char_set_add_set(set, &own);
    vecd_char_set_fini(&own);
    return ESCAPE_SET;
  }
  if (e == 'p' || e == 'P') return r->p++, read_property(r, e == 'P', set) ? ESCAPE_SET : ESCAPE_FAILED;
  if (e == 'x') {
    r->p++;
    bool braces = take(r, "{");
    if (!read_hex(r, 1, braces ? 8 : 2, c)) return ESCAPE_FAILED;
    if (braces && !take(r, "}")) return malformed(r, "\\x{ has no end"), ESCAPE_FAILED;
    if (!braces && *c >= 0x80) return unsupported(r, "a single byte over \\x7f"), ESCAPE_FAILED;
    return ESCAPE_CHAR;
  }
  if (e == 'u') return r->p++, read_hex(r, 4, 4, c) ? ESCAPE_CHAR : ESCAPE_FAILED;
  bool alnum = (e >= '0' && e <= '9') || ((e | 0x20) >= 'a' && (e | 0x20) <= 'z');
  if (alnum) return ESCAPE_OTHER;
  *c = vecd_utf8_next(&r->p);
  return ESCAPE_CHAR;
}

/* Behind '[', to behind its ']'. */
static bool read_class(parser *r, vecd_char_set *set, unsigned depth) {
  if (depth > MOST_DEPTH) return unsupported(r, "so deep a nesting");
  bool not_ = take(r, "^"), first = true;
  if (not_ && r->no_case) return unsupported(r, "a negated class without case");
  uint32_t last = 0;
  bool can_range = false; /* `last` may begin a range */
  for (;; first = false) {
    if (r->p == r->end) return malformed(r, "a class has no end");
    if (*r->p == ']' && !first) break;
    if (take(r, "[:")) return unsupported(r, "a POSIX class");
    if (take(r, "&&")) return unsupported(r, "an intersection of classes");
    uint32_t c = 0;
    if (take(r, "[")) {
      vecd_char_set inner = {0};
      bool ok = read_class(r, &inner, depth + 1);
      vecd_char_set_tidy(&inner); /* not that it must be: it may say the same thing many times */
      if (ok) vecd_char_set_add_set(set, &inner);
      vecd_char_set_fini(&inner);
      if (!ok) return false;
      can_range = false;
      continue;
    }
    if (*r->p == '-' && r->p + 1 < r->end && r->p[1] != ']' && !first) {
      if (!can_range) return unsupported(r, "a '-' behind a set in a class");
      r->p++;
      bool escaped = take(r, "\\");
      if (*r->p == '[' && !escaped) return unsupported(r, "a range that ends with a class");
      if (escaped) {
        vecd_char_set none = {0};
        escape_kind kind = read_escape(r, &c, &none);
        vecd_char_set_fini(&none);
        if (kind == ESCAPE_FAILED) return false;
        if (kind != ESCAPE_CHAR) return malformed(r, "a range ends with a set");
      } else {
        c = vecd_utf8_next(&r->p);
      }
      if (c < last) return malformed(r, "a range runs backwards");
      if (r->no_case && c >= 0x80) return unsupported(r, "a character other than ASCII without case");
      vecd_char_set_add(set, last, c);
      for (uint32_t k = last; r->no_case && k <= c; k++)
        if (!add_char(r, set, k)) return false;
      can_range = false;
      continue;
    }
    if (take(r, "\\")) {
      escape_kind kind = read_escape(r, &c, set);
      if (kind == ESCAPE_FAILED) return false;
      if (kind == ESCAPE_OTHER) return unsupported(r, "an escape in a class");
      can_range = kind == ESCAPE_CHAR;
      if (kind == ESCAPE_SET) continue;
    } else {
      c = vecd_utf8_next(&r->p);
      can_range = true;
    }
    if (!add_char(r, set, c)) return false;
    last = c;
  }
  r->p++;
  if (not_) vecd_char_set_invert(set);
  return true;
}

/* Atoms. */

static bool read_alternatives(parser *r, unsigned depth);

/* A literal character. Two that one character folds to ("ss", as the sharp s does) are beyond classes of single characters. */
static bool put_literal(parser *r, uint32_t c) {
  if (r->no_case) {
    uint32_t low = c >= 'A' && c <= 'Z' ? c | 0x20 : c, before = r->last_literal;
    if ((before == 's' && (low == 's' || low == 't')) || (before == 'f' && (low == 'f' || low == 'i' || low == 'l')))
      return unsupported(r, "a pair of letters without case that is one letter elsewhere");
    r->last_literal = low;
  }
  vecd_char_set set = {0};
  if (!add_char(r, &set, c)) return vecd_char_set_fini(&set), false;
  return put_set(r, &set);
}

/* Behind "(?" where options stand: "i:", "m)", "-i:" ... *rest: they hold for the rest of the group around. */
static bool read_options(parser *r, bool *no_case, bool *dot_all, bool *rest) {
  bool on = true;
  for (;; r->p++) {
    int c = peek(r);
    if (c == ':' || c == ')') break;
    if (c == '-')
      on = false;
    else if (c == 'i')
      *no_case = on;
    else if (c == 'm')
      *dot_all = on;
    else
      return unsupported(r, "this kind of group");
  }
  *rest = *r->p++ == ')';
  return true;
}

static bool read_group(parser *r, unsigned depth, bool at_start, bool *assertion, bool *nothing) {
  static const char *const assertions[] = {"?=", "?!", "?<=", "?<!"};
  bool no_case = r->no_case, dot_all = r->dot_all, saved_case = r->no_case, saved_dot = r->dot_all, rest = false;
  const char *open = NULL;
  for (size_t i = 0; i < 4 && !open; i++)
    if (take(r, assertions[i])) open = assertions[i];
  if (open) {
    *assertion = true;
  } else if (take(r, "?>")) {
    open = "?>";
  } else if (take(r, "?<")) {
    while (r->p < r->end && *r->p != '>' && *r->p != ')') r->p++;
    if (!take(r, ">")) return malformed(r, "a group's name has no end");
    open = "?:";
  } else if (take(r, "?")) {
    if (!read_options(r, &no_case, &dot_all, &rest)) return false;
    open = "?:";
  } else {
    open = "?:"; /* nothing refers to what a group has caught */
  }
  r->no_case = no_case;
  r->dot_all = dot_all;
  if (rest) {
    *nothing = true;
    return at_start || unsupported(r, "an option in the middle of a group");
  }
  vecd_buf_append_char(r->out, '(');
  vecd_buf_append_str(r->out, open);
  if (!read_alternatives(r, depth + 1)) return false;
  if (!take(r, ")")) return malformed(r, "a group has no end");
  vecd_buf_append_char(r->out, ')');
  r->no_case = saved_case;
  r->dot_all = saved_dot;
  return true;
}

static bool put_word_bound(parser *r, bool not_) {
  static const char *const parts[2][5] = {{"(?:(?<=", ")(?!", ")|(?<!", ")(?=", "))"},
                                          {"(?:(?<=", ")(?=", ")|(?<!", ")(?!", "))"}};
  for (int i = 0; i < 5; i++) {
    vecd_buf_append_str(r->out, parts[not_][i]);
    if (i < 4 && !put_escape(r, 'w', false)) return false;
  }
  return true;
}

static bool put_newline(parser *r) {
  vecd_char_set set = {0};
  vecd_char_set_add(&set, '\n', '\n');
  return put_set(r, &set);
}

/* An escape that is no character and no set. */
static bool read_anchor(parser *r) {
  int e = peek(r);
  if (e == 'b' || e == 'B') return r->p++, put_word_bound(r, e == 'B');
  if (e == 'A' || e == 'z') {
    r->p++;
    vecd_buf_append_str(r->out, e == 'A' ? "\\A" : "\\z");
    return true;
  }
  if (e == 'Z') {
    r->p++;
    vecd_buf_append_str(r->out, "(?=");
    if (!put_newline(r)) return false;
    vecd_buf_append_str(r->out, "?\\z)");
    return true;
  }
  char text[32];
  snprintf(text, sizeof text, "the escape \\%c", e);
  return unsupported(r, text);
}

/* One atom, without its quantifiers. *assertion: it matches no characters; *nothing: it was an option. */
static bool read_atom(parser *r, unsigned depth, bool at_start, bool *assertion, bool *nothing) {
  uint32_t c = 0;
  vecd_char_set set = {0};
  int b = peek(r);
  if (b != '\\' && strchr("([.^$", b)) r->last_literal = 0;
  if (take(r, "(")) return read_group(r, depth, at_start, assertion, nothing);
  if (take(r, "[")) return read_class(r, &set, depth) ? put_set(r, &set) : (vecd_char_set_fini(&set), false);
  if (take(r, ".")) {
    if (!r->dot_all) vecd_char_set_add(&set, '\n', '\n');
    vecd_char_set_invert(&set);
    return put_set(r, &set);
  }
  if (b == '^' || b == '$') { /* of any line, as in Ruby */
    r->p++;
    *assertion = true;
    vecd_buf_append_str(r->out, b == '^' ? "(?:\\A|(?<=" : "(?:\\z|(?=");
    if (!put_newline(r)) return false;
    vecd_buf_append_str(r->out, b == '^' ? ")(?!\\z))" : "))");
    return true;
  }
  if (b == '*' || b == '+' || b == '?') return malformed(r, "there is nothing to repeat");
  if (!take(r, "\\")) return put_literal(r, vecd_utf8_next(&r->p));
  switch (read_escape(r, &c, &set)) {
  case ESCAPE_CHAR: return put_literal(r, c);
  case ESCAPE_SET: r->last_literal = 0; return put_set(r, &set);
  case ESCAPE_OTHER: r->last_literal = 0; return *assertion = true, read_anchor(r);
  default: vecd_char_set_fini(&set); return false;
  }
}

/* "{n}", "{n,}", "{n,m}", "{,m}" to numbers; false: it is no interval, and nothing is taken. */
static bool read_interval(parser *r, unsigned *least, unsigned *most, bool *fixed) {
  const char *p = r->p + 1;
  unsigned numbers[2] = {0, 0};
  size_t digits[2] = {0, 0};
  int k = 0;
  for (; p < r->end && *p != '}'; p++) {
    if (*p == ',' && k == 0)
      k = 1;
    else if (*p >= '0' && *p <= '9') {
      numbers[k] = numbers[k] > 100000 ? numbers[k] : numbers[k] * 10 + (unsigned)(*p - '0');
      digits[k]++;
    } else
      return false;
  }
  if (p == r->end || digits[0] + digits[1] == 0) return false;
  r->p = p + 1;
  *least = numbers[0];
  *fixed = k == 0;
  *most = k == 0 ? numbers[0] : digits[1] ? numbers[1] : UINT32_MAX;
  return true;
}

/* Wraps out[at, end) into a group of its own. */
static void wrap(vecd_buf *out, size_t at) {
  if (!vecd_buf_reserve(out, 4)) return;
  memmove(out->ptr + at + 3, out->ptr + at, out->len - at);
  memcpy(out->ptr + at, "(?:", 3);
  out->len += 3;
  vecd_buf_append_char(out, ')');
}

static bool read_quantifiers(parser *r, size_t atom_at, bool assertion) {
  for (unsigned n = 0;; n++) {
    int b = peek(r);
    char text[48];
    bool interval = false, fixed = false;
    unsigned least = 0, most = 0;
    if (b == '{') {
      if (!read_interval(r, &least, &most, &fixed)) return true;
      interval = true;
      if (least > MOST_REPEATS || (most != UINT32_MAX && most > MOST_REPEATS)) return unsupported(r, "so large a repetition");
      if (least > most) return unsupported(r, "a repetition that runs backwards");
      if (fixed)
        snprintf(text, sizeof text, "{%u}", least);
      else if (most == UINT32_MAX)
        snprintf(text, sizeof text, "{%u,}", least);
      else
        snprintf(text, sizeof text, "{%u,%u}", least, most);
    } else if (b == '*' || b == '+' || b == '?') {
      r->p++;
      snprintf(text, sizeof text, "%c", b);
    } else {
      return true;
    }
    r->last_literal = 0;
    if (assertion) return unsupported(r, "a repeated assertion");
    if (n == MOST_QUANTIFIERS) return unsupported(r, "so many quantifiers on one atom");
    if (n > 0) wrap(r->out, atom_at);
    vecd_buf_append_str(r->out, text);
    if (!fixed && take(r, "?")) /* behind {n} the '?' is a quantifier of its own, as is a '+' behind any interval */
      vecd_buf_append_char(r->out, '?');
    else if (!interval && take(r, "+"))
      vecd_buf_append_char(r->out, '+');
  }
}

static bool read_alternatives(parser *r, unsigned depth) {
  if (depth > MOST_DEPTH) return unsupported(r, "so deep a nesting");
  bool at_start = true;
  r->last_literal = 0;
  while (r->p < r->end && *r->p != ')') {
    if (take(r, "|")) {
      vecd_buf_append_char(r->out, '|');
      at_start = false;
      r->last_literal = 0;
      continue;
    }
    bool assertion = false, nothing = false;
    size_t at = r->out->len;
    if (!read_atom(r, depth, at_start, &assertion, &nothing)) return false;
    if (nothing) continue;
    if (!read_quantifiers(r, at, assertion)) return false;
    at_start = false;
  }
  r->last_literal = 0;
  return true;
}

vecd_status vecd_regex_translate(const char *where, vecd_span pattern, vecd_buf *out, vecd_regex_classes *classes,
                                 vecd_err *err) {
  vecd_regex_sets sets = {0};
  vecd_buf draft = {.tag = VECD_MEM_VOCAB};
  parser r = {.where = where,
              .pattern = pattern,
              .p = pattern.ptr,
              .end = pattern.ptr + pattern.len,
              .out = &draft,
              .sets = &sets,
              .err = err};
  if (pattern.len > MOST_BYTES)
    unsupported(&r, "a pattern of over 64 KiB");
  else if (read_alternatives(&r, 0) && r.p < r.end)
    malformed(&r, "a ) without its (");
  if (!r.status && draft.failed) r.status = vecd_err_no_memory(err, "regular expression", pattern.len);
  if (!r.status && (r.status = vecd_regex_sets_to_classes(&sets, classes, err))) vecd_err_context(err, r.status, "%s", where);
  for (size_t i = 0; i < draft.len && !r.status; i++) {
    if (draft.ptr[i] == SET)
      vecd_regex_sets_write(&sets, (size_t)(unsigned char)draft.ptr[++i] - 1, out);
    else
      vecd_buf_append_char(out, draft.ptr[i]);
  }
  if (!r.status && out->failed) r.status = vecd_err_no_memory(err, "regular expression", pattern.len);
  vecd_buf_fini(&draft);
  vecd_regex_sets_fini(&sets);
  return r.status;
}
