/* mem.c - counted allocation. Each block carries a 32-byte header in front: size, tag and where the block really starts,
 * so that one vecd_free() serves plain, aligned and mapped blocks. */
#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

typedef struct header {
  size_t n_bytes;      /* what the caller asked for */
  void *start;         /* what malloc or mmap gave */
  size_t mapped_bytes; /* nonzero: start is a mapping of this length */
  uint32_t tag;
  uint32_t magic;
} header;

#define MAGIC          0x76656364u /* "vecd" */
#define MAP_FROM_BYTES ((size_t)2 << 20)

_Static_assert(sizeof(header) == 32, "the header must keep malloc's 16-byte alignment");

static atomic_size_t live_bytes[VECD_MEM_TAG_COUNT];
static _Atomic uint64_t n_allocations;
static _Atomic uint64_t fail_at; /* n_allocations value that fails; 0: none */

static int count_and_maybe_fail(void) {
  uint64_t n = atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed) + 1;
  return n == atomic_load_explicit(&fail_at, memory_order_relaxed);
}

static void *finish(void *start, size_t offset, size_t mapped, vecd_mem_tag tag, size_t n_bytes) {
  char *p = (char *)start + offset;
  header *h = (header *)(void *)(p - sizeof(header));
  h->n_bytes = n_bytes;
  h->start = start;
  h->mapped_bytes = mapped;
  h->tag = (uint32_t)tag;
  h->magic = MAGIC;
  atomic_fetch_add_explicit(&live_bytes[tag], n_bytes, memory_order_relaxed);
  return p;
}

static header *header_of(void *p) {
  header *h = (header *)(void *)((char *)p - sizeof(header));
  vecd_assert(h->magic == MAGIC);
  return h;
}

void *vecd_alloc(vecd_mem_tag tag, size_t n_bytes) {
  if (count_and_maybe_fail() || n_bytes > PTRDIFF_MAX - sizeof(header)) return NULL;
  void *start = malloc(n_bytes + sizeof(header));
  return start ? finish(start, sizeof(header), 0, tag, n_bytes) : NULL;
}

void *vecd_alloc_array(vecd_mem_tag tag, size_t n, size_t size) {
  size_t n_bytes;
  if (__builtin_mul_overflow(n, size, &n_bytes)) return NULL;
  return vecd_alloc(tag, n_bytes);
}

void *vecd_alloc_zero(vecd_mem_tag tag, size_t n, size_t size) {
  size_t n_bytes;
  if (__builtin_mul_overflow(n, size, &n_bytes)) return NULL;
  if (count_and_maybe_fail() || n_bytes > PTRDIFF_MAX - sizeof(header)) return NULL;
  void *start = calloc(1, n_bytes + sizeof(header));
  return start ? finish(start, sizeof(header), 0, tag, n_bytes) : NULL;
}

/* Large blocks (packed weights, scratch) are mapped rather than malloc'ed: giving them back returns them to the system at
 * once, and a 2 MiB-aligned mapping can be backed by huge pages. */
static void *alloc_mapped(vecd_mem_tag tag, size_t align, size_t n_bytes) {
  size_t huge = MAP_FROM_BYTES, mapped;
  if (align > huge || __builtin_add_overflow(n_bytes, 2 * huge, &mapped)) return NULL;
  char *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return NULL;
  /* The header takes the page in front of a 2 MiB boundary; what lies unused at both ends goes back at once. */
  size_t page = (size_t)sysconf(_SC_PAGESIZE), offset = huge - (uintptr_t)start % huge;
  size_t head = (offset - page) & ~(page - 1), end = (offset + n_bytes + page - 1) & ~(page - 1);
  if (head) munmap(start, head);
  if (end < mapped) munmap(start + end, mapped - end);
#ifdef MADV_HUGEPAGE
  (void)madvise(start + offset, end - offset, MADV_HUGEPAGE);
#endif
  return finish(start + head, offset - head, end - head, tag, n_bytes);
}

void *vecd_alloc_aligned(vecd_mem_tag tag, size_t align, size_t n_bytes) {
  vecd_assert(align >= 16 && (align & (align - 1)) == 0);
  if (count_and_maybe_fail() || n_bytes > PTRDIFF_MAX - align - sizeof(header)) return NULL;
  if (n_bytes >= MAP_FROM_BYTES) return alloc_mapped(tag, align, n_bytes);
  char *start = malloc(n_bytes + align + sizeof(header));
  if (!start) return NULL;
  size_t offset = sizeof(header) + (align - ((uintptr_t)start + sizeof(header)) % align) % align;
  return finish(start, offset, 0, tag, n_bytes);
}

void *vecd_realloc(vecd_mem_tag tag, void *p, size_t n_bytes) {
  if (!p) return vecd_alloc(tag, n_bytes);
  header *h = header_of(p);
  vecd_assert((char *)h == h->start);
  if (count_and_maybe_fail() || n_bytes > PTRDIFF_MAX - sizeof(header)) return NULL;
  size_t old = h->n_bytes;
  vecd_mem_tag old_tag = (vecd_mem_tag)h->tag;
  void *start = realloc(h, n_bytes + sizeof(header));
  if (!start) return NULL;
  atomic_fetch_sub_explicit(&live_bytes[old_tag], old, memory_order_relaxed);
  return finish(start, sizeof(header), 0, tag, n_bytes);
}

char *vecd_strndup(vecd_mem_tag tag, const char *s, size_t n) {
  char *copy = vecd_alloc(tag, n + 1);
  if (!copy) return NULL;
  if (n) memcpy(copy, s, n);
  copy[n] = '\0';
  return copy;
}

char *vecd_strdup(vecd_mem_tag tag, const char *s) { return vecd_strndup(tag, s, strlen(s)); }

void vecd_free(void *p) {
  if (!p) return;
  header *h = header_of(p);
  atomic_fetch_sub_explicit(&live_bytes[h->tag], h->n_bytes, memory_order_relaxed);
  h->magic = 0;
  if (h->mapped_bytes)
    munmap(h->start, h->mapped_bytes);
  else
    free(h->start);
}

void vecd_mem_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

size_t vecd_mem_bytes(vecd_mem_tag tag) { return atomic_load_explicit(&live_bytes[tag], memory_order_relaxed); }

size_t vecd_mem_total_bytes(void) {
  size_t sum = 0;
  for (int i = 0; i < VECD_MEM_TAG_COUNT; i++) sum += vecd_mem_bytes((vecd_mem_tag)i);
  return sum;
}

uint64_t vecd_mem_count(void) { return atomic_load_explicit(&n_allocations, memory_order_relaxed); }

void vecd_mem_fail_nth(uint64_t n) { atomic_store_explicit(&fail_at, n ? vecd_mem_count() + n : 0, memory_order_relaxed); }
