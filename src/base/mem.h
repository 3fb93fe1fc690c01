/* mem.h - the one door to the heap: every allocation is counted by tag, and tests can make the N-th one fail.
 *
 * The memory budget is measured, not guessed: a tag's count is the bytes asked for and not yet given back. All functions
 * are thread-safe. */
#ifndef VECD_BASE_MEM_H
#define VECD_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Tag and the name it has in metrics. */
#define VECD_MEM_TAG_LIST(X) \
  X(MISC, "misc")            \
  X(WEIGHTS, "weights")      \
  X(VOCAB, "vocabulary")     \
  X(SCRATCH, "scratch")      \
  X(REQUEST, "request")      \
  X(HTTP, "http")

typedef enum vecd_mem_tag {
#define X(name, text) VECD_MEM_##name,
  VECD_MEM_TAG_LIST(X)
#undef X
      VECD_MEM_TAG_COUNT
} vecd_mem_tag;

/* malloc, counted. n 0 gives a unique pointer. NULL when memory is out. Give back with vecd_free(). */
void *vecd_alloc(vecd_mem_tag tag, size_t n_bytes) __attribute__((malloc, alloc_size(2)));

/* calloc, counted: n * size bytes of zeros; NULL also when n * size overflows. */
void *vecd_alloc_zero(vecd_mem_tag tag, size_t n, size_t size) __attribute__((malloc));

/* n * size bytes, uninitialised; NULL also when n * size overflows. */
void *vecd_alloc_array(vecd_mem_tag tag, size_t n, size_t size) __attribute__((malloc));

/* align is a power of two >= 16. From 2 MiB on, memory is mapped and huge pages are asked for. */
void *vecd_alloc_aligned(vecd_mem_tag tag, size_t align, size_t n_bytes) __attribute__((malloc));

/* Grows or shrinks what vecd_alloc gave (not vecd_alloc_aligned); p NULL allocates. On NULL the old block stays. */
void *vecd_realloc(vecd_mem_tag tag, void *p, size_t n_bytes);

/* Copies of strings. */
char *vecd_strdup(vecd_mem_tag tag, const char *s);
char *vecd_strndup(vecd_mem_tag tag, const char *s, size_t n);

/* Gives back anything the functions above gave; NULL is legal. */
void vecd_free(void *p);

/* Gives the system back what the C library keeps of the memory it was given back: for who has just done with a lot of it. It may take
 * milliseconds. */
void vecd_mem_trim(void);

/* Live bytes of one tag, and of all. */
size_t vecd_mem_bytes(vecd_mem_tag tag);
size_t vecd_mem_total_bytes(void);

/* Number of allocations ever made by this process (a reallocation counts): the proof that a path makes none. */
uint64_t vecd_mem_count(void);

/* Test hook: from now on the n-th allocation fails (1 = the next one), once; 0 switches it off. */
void vecd_mem_fail_nth(uint64_t n);

#endif
