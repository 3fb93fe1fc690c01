/* arena.c - chunks of doubling size, newest first. */
#include "base/arena.h"

#include <string.h>

#define FIRST_BYTES ((size_t)4096)
#define MOST_BYTES  ((size_t)1 << 20)

struct vecd_arena_chunk {
  vecd_arena_chunk *next;
  size_t used, cap; /* of data[] */
  size_t pad;
  char data[];
};

void vecd_arena_init(vecd_arena *arena, vecd_mem_tag tag) { *arena = (vecd_arena){.tag = tag}; }

void *vecd_arena_alloc(vecd_arena *arena, size_t n_bytes) {
  if (n_bytes > PTRDIFF_MAX / 2) return NULL;
  n_bytes = (n_bytes + 15) & ~(size_t)15;
  vecd_arena_chunk *c = arena->head;
  if (!c || c->cap - c->used < n_bytes) {
    size_t cap = arena->next_bytes ? arena->next_bytes : FIRST_BYTES;
    arena->next_bytes = cap * 2 < MOST_BYTES ? cap * 2 : MOST_BYTES;
    if (cap < n_bytes) cap = n_bytes;
    c = vecd_alloc(arena->tag, sizeof *c + cap);
    if (!c) return NULL;
    c->used = 0;
    c->cap = cap;
    c->next = arena->head;
    arena->head = c;
  }
  void *p = c->data + c->used;
  c->used += n_bytes;
  return p;
}

void *vecd_arena_zero(vecd_arena *arena, size_t n, size_t size) {
  size_t n_bytes;
  if (__builtin_mul_overflow(n, size, &n_bytes)) return NULL;
  void *p = vecd_arena_alloc(arena, n_bytes);
  return p ? memset(p, 0, n_bytes) : NULL;
}

char *vecd_arena_strndup(vecd_arena *arena, const char *s, size_t n) {
  char *p = vecd_arena_alloc(arena, n + 1);
  if (!p) return NULL;
  if (n) memcpy(p, s, n);
  p[n] = '\0';
  return p;
}

void vecd_arena_reset(vecd_arena *arena) {
  vecd_arena_chunk *keep = arena->head;
  if (!keep) return;
  if (keep->cap > MOST_BYTES) { /* one large request must not hold its memory for ever */
    vecd_arena_fini(arena);
    return;
  }
  for (vecd_arena_chunk *c = keep->next, *next; c; c = next) {
    next = c->next;
    vecd_free(c);
  }
  keep->next = NULL;
  keep->used = 0;
}

void vecd_arena_fini(vecd_arena *arena) {
  for (vecd_arena_chunk *c = arena->head, *next; c; c = next) {
    next = c->next;
    vecd_free(c);
  }
  arena->head = NULL;
  arena->next_bytes = 0;
}
