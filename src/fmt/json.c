/* json.c - the parser in front of jansson's values.
 *
 * jansson's own parser is not used, for three things it does that we cannot have: it refuses integers over 63 bits, and
 * "model_max_length": 1000000000000000019884624838656 stands in half of all tokenizer_config.json (Python's int(1e30), meaning
 * none); when memory runs out in the middle of a token it reads past its buffer; and it recurses 2048 deep, which is too
 * much for a small thread stack. This one takes RFC 8259 as it is written: no comments, no trailing comma, no NaN. What is
 * refused beyond that: duplicate keys, U+0000 in a key (so that keys are C strings), lone surrogates, a byte order mark. */
#define _GNU_SOURCE /* strtod_l */
#include "fmt/json.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/utf8.h"

#define MAX_DEPTH        128 /* a frame of this parser and of json_decref() each take about 200 bytes of stack */
#define MAX_NUMBER_CHARS 512
#define MOST_VALUES      ((size_t)1 << 24)

typedef struct parser {
  const char *name;
  const char *begin, *p, *end;
  vecd_buf scratch; /* keys on the way down, each NUL-terminated, and the string being unescaped behind them */
  bool like_serde;  /* numbers are what serde_json makes of them */
  unsigned depth;
  size_t values_left; /* "[[],[],[]..." takes 40 times its length in memory: the number of values is what bounds it */
  vecd_err *err;
  vecd_status status;
} parser;

/* All failures come here and give NULL, so that `return fail(...)` reads well. `at` is the byte at fault. */
static json_t *fail(parser *ps, const char *at, const char *what) {
  size_t line = 1, column = 1;
  for (const char *s = ps->begin; s < at; s++) {
    if (*s == '\n') {
      line++;
      column = 1;
    } else if (((unsigned char)*s & 0xc0) != 0x80) {
      column++;
    }
  }
  ps->status = vecd_err_set(ps->err, VECD_BAD_SYNTAX, (size_t)(at - ps->begin), "%s: line %zu, column %zu: %s", ps->name, line,
                            column, what);
  return NULL;
}

static json_t *no_memory(parser *ps) {
  ps->status = vecd_err_no_memory(ps->err, ps->name, (size_t)(ps->end - ps->begin));
  return NULL;
}

static json_t *own(parser *ps, json_t *value) { return value ? value : no_memory(ps); }

static void skip_space(parser *ps) {
  while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\t' || *ps->p == '\r')) ps->p++;
}

static bool take(parser *ps, char c) {
  skip_space(ps);
  if (ps->p == ps->end || *ps->p != c) return false;
  ps->p++;
  return true;
}

static int hex4(const char *s) {
  int value = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* \uXXXX, and for a high surrogate the low one behind it; ps->p stands on the 'u'. */
static bool put_unicode_escape(parser *ps) {
  const char *at = ps->p - 1;
  int c = ps->end - ps->p >= 5 ? hex4(ps->p + 1) : -1;
  if (c < 0) return fail(ps, at, "\\u must be followed by four hexadecimal digits"), false;
  ps->p += 5;
  uint32_t code = (uint32_t)c;
  if (code >= 0xd800 && code <= 0xdfff) {
    int low = code < 0xdc00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' && ps->p[1] == 'u' ? hex4(ps->p + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff) return fail(ps, at, "half of a surrogate pair without its other half"), false;
    ps->p += 6;
    code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
  }
  char utf8[4];
  vecd_buf_append(&ps->scratch, utf8, vecd_utf8_put(utf8, code));
  return true;
}

/* Appends the string whose opening quote has been taken to scratch, unescaped. False: failed. */
static bool put_string(parser *ps) {
  const char *opening = ps->p - 1;
  for (;;) {
    const char *run = ps->p;
    while (ps->p < ps->end && *ps->p != '"' && *ps->p != '\\' && (unsigned char)*ps->p >= 0x20) ps->p++;
    vecd_buf_append(&ps->scratch, run, (size_t)(ps->p - run));
    if (ps->p == ps->end) return fail(ps, opening, "string without end"), false;
    if (*ps->p == '"') break;
    if (*ps->p != '\\') return fail(ps, ps->p, "control character in a string; write it as \\u00XX"), false;
    if (++ps->p == ps->end) return fail(ps, opening, "string without end"), false;
    if (*ps->p == 'u') {
      if (!put_unicode_escape(ps)) return false;
      continue;
    }
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *which = *ps->p ? strchr(from, *ps->p) : NULL;
    if (!which) return fail(ps, ps->p - 1, "unknown escape in a string"), false;
    vecd_buf_append_char(&ps->scratch, to[which - from]);
    ps->p++;
  }
  ps->p++;
  return !ps->scratch.failed || (no_memory(ps), false);
}

static json_t *parse_string(parser *ps) {
  const char *run = ++ps->p;
  while (ps->p < ps->end && *ps->p != '"' && *ps->p != '\\' && (unsigned char)*ps->p >= 0x20) ps->p++;
  if (ps->p < ps->end && *ps->p == '"') { /* nothing to unescape: nearly always */
    json_t *value = json_stringn_nocheck(run, (size_t)(ps->p - run));
    ps->p++;
    return own(ps, value);
  }
  ps->p = run;
  size_t mark = ps->scratch.len;
  if (!put_string(ps)) return NULL;
  json_t *value = json_stringn_nocheck(ps->scratch.ptr ? ps->scratch.ptr + mark : "", ps->scratch.len - mark);
  ps->scratch.len = mark;
  return own(ps, value);
}

static size_t skip_digits(parser *ps) {
  const char *run = ps->p;
  while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9') ps->p++;
  return (size_t)(ps->p - run);
}

/* The nearest double, whatever the process's locale takes for a decimal point. */
static json_t *real_of(parser *ps, const char *text, size_t len) {
  char copy[MAX_NUMBER_CHARS + 1];
  if (len > MAX_NUMBER_CHARS) return fail(ps, text, "number too long");
  memcpy(copy, text, len);
  copy[len] = '\0';
  locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c_locale) return no_memory(ps);
  double value = strtod_l(copy, NULL, c_locale);
  freelocale(c_locale);
  if (value - value != 0) return fail(ps, text, "number too large");
  return own(ps, json_real(value));
}

/* 10 to the power of 0 to 308. */
#define ROW(t) 1e##t##0, 1e##t##1, 1e##t##2, 1e##t##3, 1e##t##4, 1e##t##5, 1e##t##6, 1e##t##7, 1e##t##8, 1e##t##9
static const double powers[309] = {
    ROW(0),  ROW(1),  ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),  ROW(8),  ROW(9),  ROW(10), ROW(11), ROW(12),
    ROW(13), ROW(14), ROW(15), ROW(16), ROW(17), ROW(18), ROW(19), ROW(20), ROW(21), ROW(22), ROW(23), ROW(24), ROW(25),
    ROW(26), ROW(27), ROW(28), ROW(29), 1e300,   1e301,   1e302,   1e303,   1e304,   1e305,   1e306,   1e307,   1e308,
};

/* The number as serde_json 1.0 reads it without its feature float_roundtrip: as many digits as 64 bits hold, rounded to a double,
 * then multiplied or divided by a power of ten, which rounds again. */
static json_t *serde_real_of(parser *ps, const char *text, size_t len) {
  const char *p = text, *end = text + len;
  bool negative = *p == '-', point = false, full = false;
  uint64_t digits = 0, next;
  long exponent = 0;
  for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      point = true;
    } else if (!full && !__builtin_mul_overflow(digits, 10, &next) &&
               !__builtin_add_overflow(next, (uint64_t)(*p - '0'), &next)) {
      digits = next;
      exponent -= point;
    } else {
      full = true;
      exponent += !point;
    }
  }
  if (p < end) {
    bool minus = *++p == '-';
    long given = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++)
      if (given < 1000000) given = given * 10 + (*p - '0');
    exponent += minus ? -given : given;
  }
  double value = (double)digits;
  for (; exponent < -308 && value != 0; exponent += 308) value /= 1e308;
  if (value != 0 && exponent > 308) return fail(ps, text, "number too large");
  if (value != 0) value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
  if (value - value != 0) return fail(ps, text, "number too large");
  return own(ps, json_real(negative ? -value : value));
}

static json_t *parse_number(parser *ps) {
  const char *begin = ps->p;
  bool negative = *ps->p == '-', integer = true;
  ps->p += negative;
  const char *digits = ps->p;
  size_t n = skip_digits(ps);
  if (n == 0) return fail(ps, begin, "'-' without digits behind it");
  if (n > 1 && *digits == '0') return fail(ps, begin, "number with a leading zero");
  if (ps->p < ps->end && *ps->p == '.') {
    integer = false;
    ps->p++;
    if (!skip_digits(ps)) return fail(ps, begin, "number without digits behind the point");
  }
  if (ps->p < ps->end && (*ps->p == 'e' || *ps->p == 'E')) {
    integer = false;
    ps->p++;
    if (ps->p < ps->end && (*ps->p == '+' || *ps->p == '-')) ps->p++;
    if (!skip_digits(ps)) return fail(ps, begin, "number without digits in its exponent");
  }
  if (integer) {
    json_int_t value = 0;
    bool over = false;
    for (size_t i = 0; i < n && !over; i++) /* counted downward when negative: INT64_MIN has no positive twin */
      over = __builtin_mul_overflow(value, 10, &value) ||
             __builtin_add_overflow(value, negative ? '0' - digits[i] : digits[i] - '0', &value);
    if (!over) return own(ps, json_integer(value));
  }
  size_t len = (size_t)(ps->p - begin);
  return ps->like_serde ? serde_real_of(ps, begin, len) : real_of(ps, begin, len);
}

static json_t *parse_word(parser *ps, const char *word, size_t len, json_t *value) {
  if ((size_t)(ps->end - ps->p) < len || memcmp(ps->p, word, len) != 0) return fail(ps, ps->p, "unknown word");
  ps->p += len;
  return value;
}

static json_t *parse_value(parser *ps);

static json_t *parse_array(parser *ps) {
  json_t *array = json_array();
  if (!array) return no_memory(ps);
  ps->p++;
  if (take(ps, ']')) return array;
  for (;;) {
    json_t *value = parse_value(ps);
    if (!value) break;
    if (json_array_append_new(array, value)) {
      no_memory(ps);
      break;
    }
    if (take(ps, ',')) continue;
    if (take(ps, ']')) return array;
    fail(ps, ps->p, "',' or ']' expected");
    break;
  }
  json_decref(array);
  return NULL;
}

/* Reads `"key": value` into object. The key lies in scratch until its value has been read. */
static bool parse_member(parser *ps, json_t *object) {
  skip_space(ps);
  const char *at = ps->p;
  size_t mark = ps->scratch.len;
  if (!take(ps, '"')) return fail(ps, at, "a key in double quotes expected"), false;
  if (!put_string(ps)) return false;
  size_t len = ps->scratch.len - mark;
  vecd_buf_append_char(&ps->scratch, '\0');
  if (ps->scratch.failed) return no_memory(ps), false;
  const char *key = ps->scratch.ptr + mark;
  if (strlen(key) != len) return fail(ps, at, "\\u0000 in a key"), false;
  if (json_object_get(object, key)) return fail(ps, at, "this key stands here a second time"), false;
  if (!take(ps, ':')) return fail(ps, ps->p, "':' expected"), false;
  json_t *value = parse_value(ps);
  if (!value) return false;
  if (json_object_set_new_nocheck(object, ps->scratch.ptr + mark, value)) return no_memory(ps), false;
  ps->scratch.len = mark;
  return true;
}

static json_t *parse_object(parser *ps) {
  json_t *object = json_object();
  if (!object) return no_memory(ps);
  ps->p++;
  if (take(ps, '}')) return object;
  while (parse_member(ps, object)) {
    if (take(ps, ',')) continue;
    if (take(ps, '}')) return object;
    fail(ps, ps->p, "',' or '}' expected");
    break;
  }
  json_decref(object);
  return NULL;
}

static json_t *parse_value(parser *ps) {
  skip_space(ps);
  if (ps->p == ps->end) return fail(ps, ps->p, "ends where a value is expected");
  if (ps->values_left-- == 0) return fail(ps, ps->p, "too many values");
  switch (*ps->p) {
  case '{':
  case '[': {
    if (ps->depth == MAX_DEPTH) return fail(ps, ps->p, "nested too deeply (more than 128 levels)");
    ps->depth++;
    json_t *value = *ps->p == '{' ? parse_object(ps) : parse_array(ps);
    ps->depth--;
    return value;
  }
  case '"': return parse_string(ps);
  case 't': return parse_word(ps, "true", 4, json_true());
  case 'f': return parse_word(ps, "false", 5, json_false());
  case 'n': return parse_word(ps, "null", 4, json_null());
  default: return *ps->p == '-' || (*ps->p >= '0' && *ps->p <= '9') ? parse_number(ps) : fail(ps, ps->p, "a value expected");
  }
}

static vecd_status parse(const char *name, vecd_span text, size_t most_values, bool like_serde, json_t **out, vecd_err *err) {
  const char *begin = text.ptr ? text.ptr : "";
  parser ps = {.name = name,
               .begin = begin,
               .p = begin,
               .end = begin + text.len,
               .like_serde = like_serde,
               .values_left = most_values,
               .err = err};
  size_t valid = vecd_utf8_valid_prefix(begin, text.len);
  json_t *value = NULL;
  if (text.len >= 3 && memcmp(begin, "\xef\xbb\xbf", 3) == 0) {
    fail(&ps, begin, "begins with a byte order mark; save it as UTF-8 without one");
  } else if (valid < text.len) {
    fail(&ps, begin + valid, "not valid UTF-8");
  } else if (skip_space(&ps), ps.p == ps.end) {
    fail(&ps, ps.p, "empty, a JSON value expected");
  } else if ((value = parse_value(&ps))) {
    skip_space(&ps);
    if (ps.p < ps.end) {
      json_decref(value);
      value = fail(&ps, ps.p, "something follows the end of the value");
    }
  }
  vecd_buf_fini(&ps.scratch);
  if (!value) return ps.status;
  *out = value;
  return VECD_OK;
}

vecd_status vecd_json_parse_most(const char *name, vecd_span text, size_t most_values, json_t **out, vecd_err *err) {
  return parse(name, text, most_values, false, out, err);
}

vecd_status vecd_json_parse(const char *name, vecd_span text, json_t **out, vecd_err *err) {
  return parse(name, text, MOST_VALUES, false, out, err);
}

vecd_status vecd_json_parse_like_serde(const char *name, vecd_span text, json_t **out, vecd_err *err) {
  return parse(name, text, MOST_VALUES, true, out, err);
}

static vecd_status read_file(const char *path, size_t most_bytes, bool like_serde, json_t **out, vecd_err *err) {
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_status s = vecd_file_read(path, most_bytes, &text, err);
  if (!s) {
    s = parse(path, (vecd_span){text.ptr, text.len}, MOST_VALUES, like_serde, out, err);
    if (s == VECD_BAD_SYNTAX) {
      s = VECD_BAD_MODEL;
      if (err) err->code = s;
    }
  }
  vecd_buf_fini(&text);
  return s;
}

vecd_status vecd_json_read(const char *path, size_t most_bytes, json_t **out, vecd_err *err) {
  return read_file(path, most_bytes, false, out, err);
}

vecd_status vecd_json_read_like_serde(const char *path, size_t most_bytes, json_t **out, vecd_err *err) {
  return read_file(path, most_bytes, true, out, err);
}

static void *counted_malloc(size_t n_bytes) { return vecd_alloc(VECD_MEM_MISC, n_bytes); }

void vecd_json_count_memory(void) { json_set_alloc_funcs(counted_malloc, vecd_free); }
