/* precompiled.c - a charsmap of SentencePiece (its normalizer.cc and Darts-clone's double array define the format).
 *
 * Nothing in the trie is believed: every step is checked against its size, and what a key becomes must be whole characters. */
#include "tok/precompiled.h"

#include "base/mem.h"
#include "tok/cluster.h"

#define MOST_TEXT    1024 /* bytes that a key may become */
#define MOST_CLUSTER 6    /* bytes: longer ones are taken character by character */

static int base64_value(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict (RFC 4648, section 4): padded, without stray bits. out has room for 3 bytes of every 4. Gives their number, or SIZE_MAX. */
static size_t decode_base64(vecd_span in, unsigned char *out) {
  if (in.len % 4) return SIZE_MAX;
  size_t n = 0, padding = in.len == 0 ? 0 : in.ptr[in.len - 2] == '=' ? 2 : in.ptr[in.len - 1] == '=';
  for (size_t i = 0; i < in.len; i += 4) {
    size_t keep = i + 4 == in.len ? 3 - padding : 3;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; k++) {
      int value = k <= keep ? base64_value((unsigned char)in.ptr[i + k]) : in.ptr[i + k] == '=' ? 0 : -1;
      if (value < 0) return SIZE_MAX;
      bits = bits << 6 | (uint32_t)value;
    }
    if (bits & (keep == 1 ? 0xffffu : keep == 2 ? 0xffu : 0u)) return SIZE_MAX;
    for (size_t k = 0; k < keep; k++) out[n++] = (unsigned char)(bits >> (16 - 8 * k));
  }
  return n;
}

static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static size_t unit_offset(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6); }

/* What the shortest key that `bytes` begin with becomes; false: none does, or the trie is damaged there. */
static bool find(const vecd_precompiled *map, vecd_span bytes, vecd_span *to) {
  size_t at = unit_offset(map->units[0]);
  for (size_t i = 0; i < bytes.len; i++) {
    unsigned char b = (unsigned char)bytes.ptr[i];
    at ^= b;
    if (b == 0 || at >= map->n_units) return false;
    uint32_t unit = map->units[at];
    if ((unit & (1u << 31 | 0xff)) != b) return false;
    at ^= unit_offset(unit);
    if (!(unit >> 8 & 1)) continue;
    if (at >= map->n_units) return false;
    size_t begin = map->units[at] & ~(1u << 31);
    if (begin > map->text_len || (begin < map->text_len && ((unsigned char)map->text[begin] & 0xc0) == 0x80)) return false;
    const char *nul = begin < map->text_len ? memchr(map->text + begin, '\0', map->text_len - begin) : NULL;
    *to = (vecd_span){map->text + begin, nul ? (size_t)(nul - map->text) - begin : map->text_len - begin};
    return true;
  }
  return false;
}

static vecd_status parse(const char *where, const unsigned char *blob, size_t n, vecd_precompiled *out, vecd_err *err) {
  size_t trie_bytes = n >= 4 ? read_u32(blob) / 4 * (size_t)4 : 0;
  if (trie_bytes == 0 || trie_bytes > n - 4)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: precompiled_charsmap of %zu bytes does not hold its trie", where,
                        n);
  out->n_units = trie_bytes / 4;
  out->text_len = n - 4 - trie_bytes;
  const char *text = (const char *)blob + 4 + trie_bytes;
  size_t valid = vecd_utf8_valid_prefix(text, out->text_len);
  if (valid < out->text_len)
    return vecd_err_set(err, VECD_BAD_MODEL, valid, "%s: precompiled_charsmap: its texts are not valid UTF-8", where);
  for (size_t i = 0, run = 0; i < out->text_len; i++) {
    run = text[i] ? run + 1 : 0;
    if (run > MOST_TEXT)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                          "%s: precompiled_charsmap: a text of over %d bytes is not supported", where, MOST_TEXT);
  }
  out->units = vecd_alloc(VECD_MEM_VOCAB, trie_bytes);
  out->text = vecd_strndup(VECD_MEM_VOCAB, text, out->text_len);
  if (!out->units || !out->text) return vecd_err_no_memory(err, "precompiled_charsmap", n);
  for (size_t i = 0; i < out->n_units; i++) out->units[i] = read_u32(blob + 4 + 4 * i);
  for (int c = 0; c < 128; c++) {
    char byte = (char)c;
    vecd_span to;
    out->maps_ascii[c] = find(out, (vecd_span){&byte, 1}, &to);
  }
  return VECD_OK;
}

vecd_status vecd_precompiled_init(const char *where, vecd_span base64, vecd_precompiled *out, vecd_err *err) {
  *out = (vecd_precompiled){0};
  unsigned char *blob = vecd_alloc(VECD_MEM_VOCAB, base64.len / 4 * 3 + 1);
  if (!blob) return vecd_err_no_memory(err, "precompiled_charsmap", base64.len);
  size_t n = decode_base64(base64, blob);
  vecd_status s = n == SIZE_MAX
                      ? vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: precompiled_charsmap is not valid Base64", where)
                      : parse(where, blob, n, out, err);
  vecd_free(blob);
  if (s) vecd_precompiled_fini(out);
  return s;
}

void vecd_precompiled_fini(vecd_precompiled *map) {
  vecd_free(map->units);
  vecd_free(map->text);
  *map = (vecd_precompiled){0};
}

/* The last character written waits: its change may still become smaller. */
typedef struct writer {
  vecd_transform *t;
  uint32_t c;
  int change;
  bool waiting;
  bool shifted; /* old characters vanished with nothing before them to take them out: the old text lags behind from there on */
} writer;

static void put(writer *w, uint32_t c, int change) {
  if (w->waiting) vecd_transform_put(w->t, w->c, w->change);
  w->c = c;
  w->change = change;
  w->waiting = true;
}

static void flush(writer *w) {
  if (w->waiting) vecd_transform_put(w->t, w->c, w->change);
  w->waiting = false;
}

/* n_old characters become `to`. */
static void replace(writer *w, size_t n_old, vecd_span to) {
  size_t n_new = 0;
  for (const char *p = to.ptr, *end = p + to.len; p < end; n_new++) put(w, vecd_utf8_next(&p), n_new < n_old ? 0 : 1);
  if (n_new >= n_old) return;
  if (w->waiting)
    w->change -= (int)(n_old - n_new);
  else
    w->shifted = true;
}

static size_t count_chars(const char *p, const char *end) {
  size_t n = 0;
  for (; p < end; p++) n += ((unsigned char)*p & 0xc0) != 0x80;
  return n;
}

/* ASCII from p on that stays and stands alone, but for the last one, which may get extenders. */
static size_t plain_run(const vecd_precompiled *map, const char *p, const char *end) {
  const char *q = p;
  while (q < end && (unsigned char)*q < 0x80 && *q != '\r' && !map->maps_ascii[(unsigned char)*q]) q++;
  return q - p < 2 ? 0 : (size_t)(q - p) - 1;
}

void vecd_precompiled_text(const vecd_precompiled *map, vecd_transform *t) {
  writer w = {.t = t};
  const char *p = t->p, *end = t->end;
  while (p < end && !t->out->failed) {
    size_t n = plain_run(map, p, end);
    if (n > 0 && !w.shifted) {
      flush(&w);
      vecd_transform_keep(t, n - 1);
      p += n - 1;
      put(&w, (unsigned char)*p++, 0);
      continue;
    }
    const char *stop = vecd_cluster_end(p, end);
    vecd_span to;
    if (stop - p < MOST_CLUSTER && find(map, (vecd_span){p, (size_t)(stop - p)}, &to)) {
      replace(&w, count_chars(p, stop), to);
      p = stop;
      continue;
    }
    while (p < stop) {
      const char *begin = p;
      uint32_t c = vecd_utf8_next(&p);
      if (find(map, (vecd_span){begin, (size_t)(p - begin)}, &to))
        replace(&w, 1, to);
      else
        put(&w, c, 0);
    }
  }
  flush(&w);
}
