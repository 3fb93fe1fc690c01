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
