/* utf8.c - validation by the table of well-formed sequences (Unicode standard, table 3-7). */
#include "base/utf8.h"

size_t vecd_utf8_valid_prefix(const char *s, size_t len) {
  const unsigned char *p = (const unsigned char *)s;
  size_t i = 0;
  while (i < len) {
    uint64_t eight;
    while (len - i >= 8 && (memcpy(&eight, p + i, 8), (eight & 0x8080808080808080u) == 0)) i += 8;
    if (i == len) break;
    unsigned char c = p[i];
    if (c < 0x80) {
      i++;
      continue;
    }
    unsigned char lo = 0x80, hi = 0xbf;
    size_t n;
    if (c >= 0xc2 && c <= 0xdf) {
      n = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
      n = 2;
      if (c == 0xe0) lo = 0xa0;
      if (c == 0xed) hi = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      n = 3;
      if (c == 0xf0) lo = 0x90;
      if (c == 0xf4) hi = 0x8f;
    } else {
      return i;
    }
    if (len - i <= n || p[i + 1] < lo || p[i + 1] > hi) return i;
    for (size_t k = 2; k <= n; k++)
      if ((p[i + k] & 0xc0) != 0x80) return i;
    i += n + 1;
  }
  return len;
}
