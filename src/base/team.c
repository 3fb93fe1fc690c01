/* team.c - persistent workers woken by a futex-backed condition: spin for as long as a short job's gap lasts, then sleep.
 *
 * Spinning threads must not fight for the core they wait for, so the spin is bounded and short where there are more
 * members than processors. And each member is kept to processors of its own: left to itself, Linux was seen to wake a worker on its
 * caller's processor when the other one had been idle for some milliseconds, so that the two stopped each other. (Probably because
 * it takes a processor that is halted under KVM for one the host has taken away: vcpu_is_preempted.) */
#define _GNU_SOURCE
#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/futex.h"
#include "base/mem.h"

/* About 20-50 us: longer than the gap between two steps of a layer, shorter than anyone would notice as idle load. */
#define SPINS 4000u

/* Of a processor that no member is kept to. */
#define NO_SHARE UINT16_MAX

struct vecd_team {
  pthread_mutex_t callers; /* one job at a time */
  pthread_t *threads;      /* [size - 1] */
  unsigned size, spins;
  uint16_t share_of_cpu[CPU_SETSIZE];
  uint16_t *share; /* [size] of each member; the caller's, the first, is only kept free for it */
  vecd_team_fn *fn;
  void *ctx;
  _Alignas(64) atomic_uint job; /* counts jobs; members sleep on it */
  atomic_uint job_sleepers;
  _Alignas(64) atomic_uint arrived; /* at the barrier */
  _Alignas(64) atomic_uint phase;   /* counts barriers */
  atomic_uint phase_sleepers;
  atomic_bool stop;
};

typedef struct member {
  vecd_team *team;
  unsigned index;
} member;

/* Waits until *word is no longer `old`. */
static void wait_change(atomic_uint *word, atomic_uint *sleepers, unsigned old, unsigned spins) {
  for (unsigned i = 0; i < spins; i++) {
    if (atomic_load_explicit(word, memory_order_acquire) != old) return;
    vecd_spin_pause();
  }
  atomic_fetch_add(sleepers, 1);
  while (atomic_load(word) == old) vecd_futex_wait(word, old);
  atomic_fetch_sub(sleepers, 1);
}

static void advance(atomic_uint *word, atomic_uint *sleepers) {
  atomic_fetch_add(word, 1);
  if (atomic_load(sleepers)) vecd_futex_wake_all(word);
}

void vecd_team_barrier(vecd_team *team) {
  if (team->size == 1) return;
  unsigned phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->size) {
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    advance(&team->phase, &team->phase_sleepers);
  } else {
    wait_change(&team->phase, &team->phase_sleepers, phase, team->spins);
  }
}

/* Deals the processors out to n_shares in turn: where a core's two halves are numbered i and i + cores, one member gets both. */
static void deal_cpus(vecd_team *team, unsigned n_shares) {
  cpu_set_t allowed;
  bool all = sched_getaffinity(0, sizeof allowed, &allowed) == 0 && (unsigned)CPU_COUNT(&allowed) >= n_shares;
  for (unsigned cpu = 0, n = 0; cpu < CPU_SETSIZE; cpu++)
    team->share_of_cpu[cpu] = all && CPU_ISSET(cpu, &allowed) ? (uint16_t)(n++ % n_shares) : NO_SHARE;
}

/* A hint: where it is refused, as when the process has lost those processors since, the worker runs where it may. */
static void keep_to_share(vecd_team *team, unsigned index, unsigned share) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (team->share_of_cpu[cpu] == share) CPU_SET(cpu, &set);
  team->share[index] = (uint16_t)share;
  if (CPU_COUNT(&set)) pthread_setaffinity_np(team->threads[index - 1], sizeof set, &set);
}

/* Whoever is kept to the processor the caller runs on changes places with it. */
static void make_way(vecd_team *team) {
  int cpu = sched_getcpu();
  unsigned share = cpu >= 0 && cpu < CPU_SETSIZE ? team->share_of_cpu[cpu] : NO_SHARE, left = team->share[0], i = 1;
  if (share == left || share == NO_SHARE) return;
  while (team->share[i] != share) i++; /* each has one, and no two the same */
  keep_to_share(team, i, left);
  team->share[0] = (uint16_t)share;
}

static void *member_main(void *arg) {
  member m = *(member *)arg;
  vecd_free(arg);
  vecd_team *team = m.team;
  unsigned seen = 0;
  for (;;) {
    wait_change(&team->job, &team->job_sleepers, seen, team->spins);
    seen++;
    if (atomic_load(&team->stop)) return NULL;
    team->fn(team->ctx, m.index);
    vecd_team_barrier(team);
  }
}

void vecd_team_run(vecd_team *team, vecd_team_fn *fn, void *ctx) {
  pthread_mutex_lock(&team->callers);
  team->fn = fn;
  team->ctx = ctx;
  if (team->size > 1) {
    make_way(team);
    advance(&team->job, &team->job_sleepers);
  }
  fn(ctx, 0);
  vecd_team_barrier(team);
  pthread_mutex_unlock(&team->callers);
}

unsigned vecd_team_size(const vecd_team *team) { return team->size; }

vecd_status vecd_team_new(unsigned n_threads, vecd_team **out, vecd_err *err) {
  unsigned n_cpus = vecd_cpu_count();
  if (n_threads == 0) n_threads = n_cpus;
  vecd_team *team = vecd_alloc_aligned(VECD_MEM_MISC, 64, sizeof *team);
  pthread_t *threads = vecd_alloc_array(VECD_MEM_MISC, n_threads, sizeof *threads);
  uint16_t *share = vecd_alloc_zero(VECD_MEM_MISC, n_threads, sizeof *share);
  if (!team || !threads || !share) {
    vecd_free(team);
    vecd_free(threads);
    vecd_free(share);
    return vecd_err_no_memory(err, "worker threads", n_threads * sizeof *threads);
  }
  *team = (vecd_team){.threads = threads, .share = share, .size = 1, .spins = n_threads <= n_cpus ? SPINS : 0};
  pthread_mutex_init(&team->callers, NULL);
  deal_cpus(team, n_threads);
  for (unsigned i = 1; i < n_threads; i++) {
    member *m = vecd_alloc(VECD_MEM_MISC, sizeof *m);
    if (m) *m = (member){team, i};
    int e = m ? pthread_create(&threads[i - 1], NULL, member_main, m) : 1;
    if (e) {
      vecd_free(m);
      vecd_team_free(&team);
      return vecd_err_set(err, m ? VECD_IO : VECD_NO_MEMORY, VECD_NO_POS, "cannot start worker thread %u of %u", i, n_threads);
    }
    char name[24];
    snprintf(name, sizeof name, "vecd-w%u", i % 1000);
    pthread_setname_np(threads[i - 1], name);
    keep_to_share(team, i, i);
    team->size = i + 1;
  }
  *out = team;
  return VECD_OK;
}

void vecd_team_free(vecd_team **team) {
  vecd_team *t = team ? *team : NULL;
  if (!t) return;
  atomic_store(&t->stop, true);
  if (t->size > 1) advance(&t->job, &t->job_sleepers);
  for (unsigned i = 1; i < t->size; i++) pthread_join(t->threads[i - 1], NULL);
  pthread_mutex_destroy(&t->callers);
  vecd_free(t->threads);
  vecd_free(t->share);
  vecd_free(t);
  *team = NULL;
}
