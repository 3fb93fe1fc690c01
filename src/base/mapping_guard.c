/* mapping_guard.c - see mapping_guard.h. The handler may interrupt any thread at any place: it reads atomics and makes system calls,
 * nothing else. */
#include "base/mapping_guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_MAPPINGS = 1024 };

static struct {
  atomic_uintptr_t begin; /* 0: free */
  atomic_size_t len;      /* 0: not to be relied on yet */
} mappings[MOST_MAPPINGS];

static atomic_uint n_faults;
static uintptr_t page_bytes;

static int is_ours(uintptr_t at) {
  for (size_t i = 0; i < MOST_MAPPINGS; i++) {
    uintptr_t begin = atomic_load(&mappings[i].begin);
    if (begin && at >= begin && at - begin < atomic_load(&mappings[i].len)) return 1;
  }
  return 0;
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t at = (uintptr_t)info->si_addr;
  uintptr_t page = at / page_bytes * page_bytes;
  /* The bare system call: nothing of the C library's, or of a sanitizer's, stands between. Other threads may be reading the page. */
  if (is_ours(at) &&
      (uintptr_t)syscall(SYS_mmap, page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
    atomic_fetch_add(&n_faults, 1);
    return;
  }
  signal(number, SIG_DFL); /* it happens again, and ends the process */
}

void vecd_mapping_guard_install(void) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  sigaction(SIGBUS, &action, NULL);
}

unsigned vecd_mapping_guard_faults(void) { return atomic_load(&n_faults); }

void vecd_mapping_guard_add(const void *ptr, size_t len) {
  if (!ptr) return;
  for (size_t i = 0; i < MOST_MAPPINGS; i++) {
    uintptr_t free_place = 0;
    if (!atomic_compare_exchange_strong(&mappings[i].begin, &free_place, (uintptr_t)ptr)) continue;
    atomic_store(&mappings[i].len, len);
    return;
  }
}

void vecd_mapping_guard_remove(const void *ptr) {
  for (size_t i = 0; i < MOST_MAPPINGS; i++) {
    if (atomic_load(&mappings[i].begin) != (uintptr_t)ptr) continue;
    atomic_store(&mappings[i].len, 0);
    atomic_store(&mappings[i].begin, 0);
    return;
  }
}
