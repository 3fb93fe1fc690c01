/* json_print.c - see json_print.h. */
#include "api/json_print.h"

#include <stdio.h>

#include "base/finite.h"
#include "base/ftoa.h"
#include "base/utf8.h"

static void put_escaped(vecd_buf *buf, vecd_span s) {
  size_t begin = 0;
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    char escape[8];
    int n = c < 0x20 ? snprintf(escape, sizeof escape, "\\u%04x", c) : snprintf(escape, sizeof escape, "\\%c", c);
    vecd_buf_append(buf, s.ptr + begin, i - begin);
    vecd_buf_append(buf, escape, (size_t)n);
    begin = i + 1;
  }
  if (begin < s.len) vecd_buf_append(buf, s.ptr + begin, s.len - begin);
}

void vecd_print_string(vecd_buf *buf, vecd_span text) {
  vecd_buf_append_char(buf, '"');
  while (text.len) {
    size_t n = vecd_utf8_valid_prefix(text.ptr, text.len);
    put_escaped(buf, (vecd_span){text.ptr, n});
    if (n == text.len) break;
    vecd_buf_append_str(buf, "\xef\xbf\xbd");
    text = (vecd_span){text.ptr + n + 1, text.len - n - 1};
  }
  vecd_buf_append_char(buf, '"');
}

void vecd_print_str(vecd_buf *buf, const char *text) {
  if (text)
    vecd_print_string(buf, vecd_span_of(text));
  else
    vecd_buf_append_str(buf, "null");
}

void vecd_print_error(vecd_buf *buf, const char *text) {
  vecd_buf_append_str(buf, "{\"error\":");
  vecd_print_str(buf, text);
  vecd_buf_append_char(buf, '}');
}

void vecd_print_uint(vecd_buf *buf, uint64_t n) {
  char digits[20];
  size_t i = sizeof digits;
  do digits[--i] = (char)('0' + n % 10);
  while (n /= 10);
  vecd_buf_append(buf, digits + i, sizeof digits - i);
}

void vecd_print_uint_or_null(vecd_buf *buf, uint64_t n) {
  if (n)
    vecd_print_uint(buf, n);
  else
    vecd_buf_append_str(buf, "null");
}

void vecd_print_number_or_null(vecd_buf *buf, double x) {
  char text[64];
  int n = snprintf(text, sizeof text, "%.3f", x);
  while (text[n - 1] == '0') n--;
  if (text[n - 1] == '.') n--;
  vecd_buf_append(buf, x > 0 ? text : "null", x > 0 ? (size_t)n : 4);
}

static void print_object(vecd_buf *buf, json_t *object) {
  const char *key;
  json_t *value;
  size_t n = 0;
  vecd_buf_append_char(buf, '{');
  json_object_foreach(object, key, value) {
    if (n++) vecd_buf_append_char(buf, ',');
    vecd_print_str(buf, key);
    vecd_buf_append_char(buf, ':');
    vecd_print_json(buf, value);
  }
  vecd_buf_append_char(buf, '}');
}

void vecd_print_json(vecd_buf *buf, json_t *value) {
  if (json_is_object(value)) {
    print_object(buf, value);
  } else if (json_is_array(value)) {
    vecd_buf_append_char(buf, '[');
    for (size_t i = 0; i < json_array_size(value); i++) {
      if (i) vecd_buf_append_char(buf, ',');
      vecd_print_json(buf, json_array_get(value, i));
    }
    vecd_buf_append_char(buf, ']');
  } else if (json_is_string(value)) {
    vecd_print_string(buf, (vecd_span){json_string_value(value), json_string_length(value)});
  } else {
    vecd_buf_append_str(buf, "null");
  }
}

/* Room is made once for many values, so the loop is nothing but digits. */
bool vecd_print_floats(vecd_buf *buf, const float *values, size_t n) {
  enum { A_TIME = 1024, LONGEST = 16 /* 15 characters and the comma */ };
  vecd_buf_append_char(buf, '[');
  for (size_t i = 0; i < n;) {
    size_t m = n - i < A_TIME ? n - i : A_TIME;
    if (!vecd_buf_reserve(buf, m * LONGEST + VECD_FTOA_BYTES)) return true; /* buf says so */
    char *p = buf->ptr + buf->len;
    for (size_t end = i + m; i < end; i++) {
      if (values[i] - values[i] != 0) return false;
      p += vecd_ftoa_f32(p, values[i]);
      *p++ = ',';
    }
    buf->len = (size_t)(p - buf->ptr);
  }
  if (n) buf->len--; /* the last comma */
  vecd_buf_append_char(buf, ']');
  return true;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "base64 is of floats as they lie in memory, which must be little-endian"
#endif

/* The two digits of each number of 12 bits: half the look-ups that one digit at a time takes. */
/* clang-format off */
#define ROW(a) \
  {a, 'A'}, {a, 'B'}, {a, 'C'}, {a, 'D'}, {a, 'E'}, {a, 'F'}, {a, 'G'}, {a, 'H'}, \
  {a, 'I'}, {a, 'J'}, {a, 'K'}, {a, 'L'}, {a, 'M'}, {a, 'N'}, {a, 'O'}, {a, 'P'}, \
  {a, 'Q'}, {a, 'R'}, {a, 'S'}, {a, 'T'}, {a, 'U'}, {a, 'V'}, {a, 'W'}, {a, 'X'}, \
  {a, 'Y'}, {a, 'Z'}, {a, 'a'}, {a, 'b'}, {a, 'c'}, {a, 'd'}, {a, 'e'}, {a, 'f'}, \
  {a, 'g'}, {a, 'h'}, {a, 'i'}, {a, 'j'}, {a, 'k'}, {a, 'l'}, {a, 'm'}, {a, 'n'}, \
  {a, 'o'}, {a, 'p'}, {a, 'q'}, {a, 'r'}, {a, 's'}, {a, 't'}, {a, 'u'}, {a, 'v'}, \
  {a, 'w'}, {a, 'x'}, {a, 'y'}, {a, 'z'}, {a, '0'}, {a, '1'}, {a, '2'}, {a, '3'}, \
  {a, '4'}, {a, '5'}, {a, '6'}, {a, '7'}, {a, '8'}, {a, '9'}, {a, '+'}, {a, '/'}
static const char digit_pairs[4096][2] = {
  ROW('A'), ROW('B'), ROW('C'), ROW('D'), ROW('E'), ROW('F'), ROW('G'), ROW('H'),
  ROW('I'), ROW('J'), ROW('K'), ROW('L'), ROW('M'), ROW('N'), ROW('O'), ROW('P'),
  ROW('Q'), ROW('R'), ROW('S'), ROW('T'), ROW('U'), ROW('V'), ROW('W'), ROW('X'),
  ROW('Y'), ROW('Z'), ROW('a'), ROW('b'), ROW('c'), ROW('d'), ROW('e'), ROW('f'),
  ROW('g'), ROW('h'), ROW('i'), ROW('j'), ROW('k'), ROW('l'), ROW('m'), ROW('n'),
  ROW('o'), ROW('p'), ROW('q'), ROW('r'), ROW('s'), ROW('t'), ROW('u'), ROW('v'),
  ROW('w'), ROW('x'), ROW('y'), ROW('z'), ROW('0'), ROW('1'), ROW('2'), ROW('3'),
  ROW('4'), ROW('5'), ROW('6'), ROW('7'), ROW('8'), ROW('9'), ROW('+'), ROW('/')
};
/* clang-format on */

bool vecd_print_floats_base64(vecd_buf *buf, const float *values, size_t n) {
  const unsigned char *p = (const unsigned char *)values;
  size_t left = n * sizeof *values, pad = (3 - left % 3) % 3;
  if (!vecd_all_finite(values, n)) return false;
  if (!vecd_buf_reserve(buf, (left + pad) / 3 * 4 + 2)) return true; /* buf says so */
  char *out = buf->ptr + buf->len;
  *out++ = '"';
  for (; left >= 8; p += 6, left -= 6, out += 8) { /* eight are read for six */
    uint64_t x;
    memcpy(&x, p, sizeof x);
    x = __builtin_bswap64(x);
    memcpy(out, digit_pairs[x >> 52], 2);
    memcpy(out + 2, digit_pairs[x >> 40 & 0xfff], 2);
    memcpy(out + 4, digit_pairs[x >> 28 & 0xfff], 2);
    memcpy(out + 6, digit_pairs[x >> 16 & 0xfff], 2);
  }
  for (unsigned char three[3] = {0}; left; left -= left < 3 ? left : 3, p += 3, out += 4) {
    for (size_t i = 0; i < 3; i++) three[i] = i < left ? p[i] : 0;
    unsigned x = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
    memcpy(out, digit_pairs[x >> 12], 2);
    memcpy(out + 2, digit_pairs[x & 0xfff], 2);
  }
  memset(out - pad, '=', pad);
  *out++ = '"';
  buf->len = (size_t)(out - buf->ptr);
  return true;
}
