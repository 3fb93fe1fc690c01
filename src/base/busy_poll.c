/* busy_poll.c - a thread a processor. None holds a lock ever: it may be put aside at any moment, for as long as others are busy. */
#define _GNU_SOURCE
#include "base/busy_poll.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/mem.h"

#define PAUSES_PER_LOOK 64 /* at the clock */

struct vecd_busy_poll {
  pthread_t *threads; /* [n_threads] */
  unsigned n_threads;
  uint64_t for_ns;
  cpu_set_t allowed;
  _Alignas(64) _Atomic uint64_t until_ns;
  atomic_uint bell; /* what sleepers wait on */
  atomic_uint n_sleepers;
  atomic_bool stop;
};

static void ring(vecd_busy_poll *p) {
  atomic_fetch_add(&p->bell, 1);
  vecd_futex_wake_all(&p->bell);
}

void vecd_busy_poll_touch(vecd_busy_poll *p) {
  if (!p) return;
  atomic_store(&p->until_ns, vecd_now_ns() + p->for_ns);
  if (atomic_load(&p->n_sleepers)) ring(p);
}

static bool is_over(vecd_busy_poll *p) { return vecd_now_ns() >= atomic_load(&p->until_ns); }

static void *spin(void *arg) {
  vecd_busy_poll *p = arg;
  const struct sched_param none = {0};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) return NULL; /* it would take time from others */
  while (!atomic_load(&p->stop)) {
    for (unsigned i = 0; i < PAUSES_PER_LOOK; i++) vecd_spin_pause();
    if (!is_over(p)) continue;
    unsigned bell = atomic_load(&p->bell);
    atomic_fetch_add(&p->n_sleepers, 1);
    if (is_over(p) && !atomic_load(&p->stop)) vecd_futex_wait(&p->bell, bell); /* whoever touches from here on sees a sleeper */
    atomic_fetch_sub(&p->n_sleepers, 1);
  }
  return NULL;
}

static int start_thread(vecd_busy_poll *p, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setaffinity_np(&attr, sizeof set, &set);
  int e = pthread_create(&p->threads[p->n_threads], &attr, spin, p);
  pthread_attr_destroy(&attr);
  if (e == 0) pthread_setname_np(p->threads[p->n_threads++], "vecd-poll");
  return e;
}

vecd_status vecd_busy_poll_new(unsigned for_ms, vecd_busy_poll **out, vecd_err *err) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_ZERO(&allowed);
  size_t n = (size_t)CPU_COUNT(&allowed);
  vecd_busy_poll *p = vecd_alloc_aligned(VECD_MEM_MISC, 64, sizeof *p);
  pthread_t *threads = vecd_alloc_array(VECD_MEM_MISC, n, sizeof *threads);
  if (!p || !threads) {
    vecd_free(p);
    vecd_free(threads);
    return vecd_err_no_memory(err, "threads that keep processors awake", n * sizeof *threads);
  }
  *p = (vecd_busy_poll){.threads = threads, .for_ns = (uint64_t)for_ms * 1000000u, .allowed = allowed};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &allowed) && start_thread(p, cpu) != 0) {
      vecd_busy_poll_free(&p);
      return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start a thread to keep processor %u awake", cpu);
    }
  *out = p;
  return VECD_OK;
}

void vecd_busy_poll_free(vecd_busy_poll **poll) {
  vecd_busy_poll *p = poll ? *poll : NULL;
  if (!p) return;
  atomic_store(&p->stop, true);
  ring(p);
  for (unsigned i = 0; i < p->n_threads; i++) /* its own processor may be busy with others for long */
    pthread_setaffinity_np(p->threads[i], sizeof p->allowed, &p->allowed);
  for (unsigned i = 0; i < p->n_threads; i++) pthread_join(p->threads[i], NULL);
  vecd_free(p->threads);
  vecd_free(p);
  *poll = NULL;
}
