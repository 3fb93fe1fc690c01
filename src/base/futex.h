/* futex.h - Linux's wait for a word to change, which no lock guards: see futex(2). */
#ifndef VECD_BASE_FUTEX_H
#define VECD_BASE_FUTEX_H

#if !defined(__linux__)
#error "no futex; Linux is what vecd runs on"
#endif

#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleeps if *word is `value`, until woken; may return early. */
static inline void vecd_futex_wait(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static inline void vecd_futex_wake_all(atomic_uint *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

/* One turn of a loop that waits awake. */
static inline void vecd_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
