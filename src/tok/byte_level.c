/* byte_level.c - bytes as characters. Printable ones of Latin-1 stand for themselves, the others for U+0100 and on, in order. */
#include "tok/byte_level.h"

static uint32_t char_of(unsigned char b) {
  if ((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae) return b;
  if (b <= 0x20) return 0x100 + b;
  if (b <= 0xa0) return 0x100 + 0x21 + (b - 0x7fu);
  return 0x143; /* the soft hyphen */
}

void vecd_byte_level_append(vecd_aligned *out, vecd_span bytes, const uint32_t *src_in, uint32_t index) {
  if (bytes.len > SIZE_MAX / 4 || !vecd_aligned_reserve(out, 2 * bytes.len)) {
    out->failed = true;
    return;
  }
  char *to = out->bytes + out->len;
  uint32_t *src = out->keep_src ? out->src + out->len : NULL;
  for (size_t i = 0; i < bytes.len; i++) {
    unsigned char b = (unsigned char)bytes.ptr[i];
    index += i > 0 && (b & 0xc0) != 0x80;
    uint32_t place = src_in ? src_in[i] : index;
    if (b >= 0x21 && b <= 0x7e) {
      *to++ = (char)b;
      if (src) *src++ = place;
      continue;
    }
    to += vecd_utf8_put(to, char_of(b));
    if (src) *src++ = place, *src++ = place;
  }
  out->len = (size_t)(to - out->bytes);
}
