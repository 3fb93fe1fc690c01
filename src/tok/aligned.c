/* aligned.c - growing of aligned text. */
#include "tok/aligned.h"

#include "base/mem.h"

void vecd_aligned_fini(vecd_aligned *text) {
  vecd_free(text->bytes);
  vecd_free(text->src);
  *text = (vecd_aligned){0};
}

bool vecd_aligned_grow(vecd_aligned *text, size_t n) {
  size_t need, cap;
  if (text->most && (text->len > text->most || n > text->most - text->len)) {
    text->too_long = true;
    goto failed;
  }
  if (__builtin_add_overflow(text->len, n, &need) || __builtin_add_overflow(need, need / 2 + 256, &cap)) goto failed;
  if (cap < text->cap) cap = text->cap;
  if (cap > text->cap) {
    char *bytes = vecd_realloc(VECD_MEM_SCRATCH, text->bytes, cap);
    if (!bytes) goto failed;
    text->bytes = bytes;
    text->cap = cap;
  }
  if (text->keep_src && text->src_cap < cap) {
    size_t n_bytes;
    uint32_t *src = NULL;
    if (!__builtin_mul_overflow(cap, sizeof *src, &n_bytes)) src = vecd_realloc(VECD_MEM_SCRATCH, text->src, n_bytes);
    if (!src) goto failed;
    text->src = src;
    text->src_cap = cap;
  }
  return true;
failed:
  text->failed = true;
  return false;
}

void vecd_aligned_append(vecd_aligned *text, vecd_span bytes, const uint32_t *src_in, uint32_t index) {
  if (bytes.len == 0 || !vecd_aligned_reserve(text, bytes.len)) return;
  memcpy(text->bytes + text->len, bytes.ptr, bytes.len);
  if (text->keep_src) {
    uint32_t *src = text->src + text->len;
    if (src_in)
      memcpy(src, src_in, bytes.len * sizeof *src);
    else
      for (size_t i = 0; i < bytes.len; i++) {
        index += i > 0 && ((unsigned char)bytes.ptr[i] & 0xc0) != 0x80;
        src[i] = index;
      }
  }
  text->len += bytes.len;
}
