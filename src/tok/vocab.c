/* vocab.c - tokens by id and by bytes. */
#include "tok/vocab.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"

vecd_status vecd_vocab_init(vecd_vocab *vocab, size_t cap_ids, size_t text_bytes, vecd_err *err) {
  *vocab = (vecd_vocab){.text = {.tag = VECD_MEM_VOCAB}};
  if (cap_ids >= INT32_MAX || text_bytes >= INT32_MAX)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "a vocabulary of %zu ids and %zu bytes is too large", cap_ids,
                        text_bytes);
  vocab->pieces = vecd_alloc_array(VECD_MEM_VOCAB, cap_ids, sizeof *vocab->pieces);
  if (!vocab->pieces || !vecd_buf_reserve(&vocab->text, text_bytes + 1)) {
    vecd_vocab_fini(vocab);
    return vecd_err_no_memory(err, "vocabulary", cap_ids * sizeof *vocab->pieces + text_bytes);
  }
  vocab->cap_ids = (uint32_t)cap_ids;
  for (size_t i = 0; i < cap_ids; i++) vocab->pieces[i] = (vecd_piece){0, VECD_NO_ID};
  return VECD_OK;
}

void vecd_vocab_fini(vecd_vocab *vocab) {
  vecd_free(vocab->pieces);
  vecd_buf_fini(&vocab->text);
  *vocab = (vecd_vocab){0};
}

vecd_status vecd_vocab_put(vecd_vocab *vocab, uint32_t id, vecd_span token, vecd_err *err) {
  vecd_assert(id < vocab->cap_ids);
  if (vocab->text.len + token.len >= INT32_MAX)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "a vocabulary of over 2 GiB is too large");
  vocab->pieces[id] = (vecd_piece){(uint32_t)vocab->text.len, (uint32_t)token.len};
  if (id >= vocab->id_limit) vocab->id_limit = id + 1;
  vecd_buf_append(&vocab->text, token.ptr, token.len);
  return vocab->text.failed ? vecd_err_no_memory(err, "vocabulary", token.len) : VECD_OK;
}

vecd_span vecd_vocab_piece(const vecd_vocab *vocab, uint32_t id) {
  if (id >= vocab->id_limit || vocab->pieces[id].len == VECD_NO_ID) return (vecd_span){NULL, 0};
  return (vecd_span){vocab->text.ptr + vocab->pieces[id].at, vocab->pieces[id].len};
}

int vecd_vocab_byte_of(vecd_span token) {
  static const char digits[] = "0123456789ABCDEF";
  if (token.len != 6 || memcmp(token.ptr, "<0x", 3) != 0 || token.ptr[5] != '>') return -1;
  const char *high = memchr(digits, token.ptr[3], 16), *low = memchr(digits, token.ptr[4], 16);
  return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

/* Multiplicative hash of the first three bytes; the caller sees to it that there are three. */
static inline size_t bucket_of(const char *bytes) {
  const unsigned char *p = (const unsigned char *)bytes;
  uint32_t three = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
  return three * 2654435761u >> 20;
}

_Static_assert(VECD_PIECE_BUCKETS == 1 << 12, "bucket_of() gives 12 bits");

vecd_status vecd_piece_table_init(vecd_piece_table *table, const vecd_vocab *vocab, size_t n_tokens, vecd_err *err) {
  *table = (vecd_piece_table){.vocab = vocab};
  size_t n_slots = 16;
  while (n_slots < n_tokens * 2) n_slots *= 2;
  table->slots = vecd_alloc_array(VECD_MEM_VOCAB, n_slots, sizeof *table->slots);
  table->lengths = vecd_alloc_zero(VECD_MEM_VOCAB, VECD_PIECE_BUCKETS, sizeof *table->lengths);
  if (!table->slots || !table->lengths) {
    vecd_piece_table_fini(table);
    return vecd_err_no_memory(err, "vocabulary", n_slots * sizeof *table->slots);
  }
  table->mask = n_slots - 1;
  memset(table->slots, 0xff, n_slots * sizeof *table->slots);
  return VECD_OK;
}

void vecd_piece_table_fini(vecd_piece_table *table) {
  vecd_free(table->slots);
  vecd_free(table->lengths);
  *table = (vecd_piece_table){0};
}

void vecd_piece_table_put(vecd_piece_table *table, uint32_t id, size_t skip) {
  vecd_span key = vecd_vocab_piece(table->vocab, id);
  if (key.len <= skip) return;
  key = (vecd_span){key.ptr + skip, key.len - skip};
  uint64_t hash = XXH3_64bits(key.ptr, key.len);
  size_t i = (size_t)hash & table->mask;
  while (table->slots[i].id != VECD_NO_ID) i = (i + 1) & table->mask;
  table->slots[i] =
      (vecd_piece_slot){(uint32_t)(hash >> 32), id, (uint32_t)(key.ptr - table->vocab->text.ptr), (uint32_t)key.len};
  uint64_t bit = (uint64_t)1 << (key.len < VECD_PIECE_LONG ? key.len : VECD_PIECE_LONG);
  if (key.len < 3)
    table->short_lengths |= bit;
  else
    table->lengths[bucket_of(key.ptr)] |= bit;
  if (key.len > table->longest) table->longest = key.len;
}

/* memcmp() == 0 for lengths >= 1, without its call where tokens are short, as most are. */
static inline bool same_bytes(const char *a, const char *b, size_t len) {
  if (len > 16) return memcmp(a, b, len) == 0;
  if (len >= 8) {
    uint64_t x[2], y[2];
    memcpy(&x[0], a, 8), memcpy(&x[1], a + len - 8, 8);
    memcpy(&y[0], b, 8), memcpy(&y[1], b + len - 8, 8);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
  }
  if (len >= 4) {
    uint32_t x[2], y[2];
    memcpy(&x[0], a, 4), memcpy(&x[1], a + len - 4, 4);
    memcpy(&y[0], b, 4), memcpy(&y[1], b + len - 4, 4);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
  }
  return a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1];
}

static inline uint32_t get(const vecd_piece_table *table, const char *bytes, size_t len) {
  uint64_t hash = XXH3_64bits(bytes, len);
  uint32_t tag = (uint32_t)(hash >> 32);
  const char *text = table->vocab->text.ptr;
  for (size_t i = (size_t)hash & table->mask;; i = (i + 1) & table->mask) {
    const vecd_piece_slot *slot = &table->slots[i];
    if (slot->tag == tag && slot->len == len && slot->id != VECD_NO_ID && same_bytes(text + slot->at, bytes, len))
      return slot->id;
    if (slot->id == VECD_NO_ID) return VECD_NO_ID;
  }
}

uint32_t vecd_piece_table_get(const vecd_piece_table *table, vecd_span bytes) {
  return bytes.len ? get(table, bytes.ptr, bytes.len) : VECD_NO_ID;
}

uint32_t vecd_piece_table_longest(const vecd_piece_table *table, vecd_span bytes, size_t *len) {
  uint64_t lengths = table->short_lengths;
  if (bytes.len >= 3) lengths |= table->lengths[bucket_of(bytes.ptr)];
  if (bytes.len < VECD_PIECE_LONG) {
    lengths &= ((uint64_t)2 << bytes.len) - 1;
  } else if (lengths >> VECD_PIECE_LONG) {
    for (size_t n = bytes.len < table->longest ? bytes.len : table->longest; n >= VECD_PIECE_LONG; n--) {
      uint32_t id = get(table, bytes.ptr, n);
      if (id != VECD_NO_ID) return *len = n, id;
    }
    lengths ^= (uint64_t)1 << VECD_PIECE_LONG;
  }
  while (lengths) {
    size_t n = 63u - (size_t)__builtin_clzll(lengths);
    uint32_t id = get(table, bytes.ptr, n);
    if (id != VECD_NO_ID) return *len = n, id;
    lengths ^= (uint64_t)1 << n;
  }
  return VECD_NO_ID;
}

size_t vecd_vocab_bytes(const vecd_vocab *vocab) { return vocab->cap_ids * sizeof *vocab->pieces + vocab->text.cap; }

size_t vecd_piece_table_bytes(const vecd_piece_table *table) {
  return (table->mask + 1) * sizeof *table->slots + VECD_PIECE_BUCKETS * sizeof *table->lengths;
}
