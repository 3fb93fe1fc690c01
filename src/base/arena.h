/* arena.h - a bump allocator for things that die together (a request, a model's small parts).
 *
 * Not thread-safe: one arena has one user at a time. */
#ifndef VECD_BASE_ARENA_H
#define VECD_BASE_ARENA_H

#include "base/mem.h"

typedef struct vecd_arena_chunk vecd_arena_chunk;

typedef struct vecd_arena {
  vecd_arena_chunk *head; /* newest chunk */
  vecd_mem_tag tag;
  size_t next_bytes; /* size of the next chunk */
} vecd_arena;

/* A zeroed arena is a legal empty one (tag MISC). */
void vecd_arena_init(vecd_arena *arena, vecd_mem_tag tag);

/* n_bytes, 16-byte aligned, uninitialised, living until reset or fini. NULL when memory is out. */
void *vecd_arena_alloc(vecd_arena *arena, size_t n_bytes);

/* n * size bytes of zeros; NULL also on overflow. */
void *vecd_arena_zero(vecd_arena *arena, size_t n, size_t size);

/* Copies n bytes and a NUL behind them. */
char *vecd_arena_strndup(vecd_arena *arena, const char *s, size_t n);

/* Forgets everything, keeping one chunk of at most 1 MiB for reuse. */
void vecd_arena_reset(vecd_arena *arena);

void vecd_arena_fini(vecd_arena *arena);

#endif
