/* http_timer.c - see http_timer.h. Slots count from 1, so that the parent of i is i / 2 and zero means "not in the heap". */
#include "http/http_timer.h"

#include "base/mem.h"

static void put(vecd_http_timers *t, size_t slot, vecd_http_timer *timer) {
  t->heap[slot - 1] = timer;
  timer->slot = slot;
}

static void sift_up(vecd_http_timers *t, vecd_http_timer *timer) {
  size_t i = timer->slot;
  for (; i > 1 && t->heap[i / 2 - 1]->key_ms > timer->key_ms; i /= 2) put(t, i, t->heap[i / 2 - 1]);
  put(t, i, timer);
}

static void sift_down(vecd_http_timers *t, vecd_http_timer *timer) {
  size_t i = timer->slot;
  for (size_t child; (child = 2 * i) <= t->n; i = child) {
    if (child < t->n && t->heap[child]->key_ms < t->heap[child - 1]->key_ms) child++;
    if (t->heap[child - 1]->key_ms >= timer->key_ms) break;
    put(t, i, t->heap[child - 1]);
  }
  put(t, i, timer);
}

bool vecd_http_timers_reserve(vecd_http_timers *timers, size_t n) {
  if (n <= timers->cap) return true;
  size_t cap = timers->cap * 2 > n ? timers->cap * 2 : n + 15;
  void *p = vecd_realloc(VECD_MEM_HTTP, timers->heap, cap * sizeof *timers->heap);
  if (!p) return false;
  timers->heap = p;
  timers->cap = cap;
  return true;
}

void vecd_http_timers_fini(vecd_http_timers *timers) {
  vecd_free(timers->heap);
  *timers = (vecd_http_timers){0};
}

void vecd_http_timer_set(vecd_http_timers *timers, vecd_http_timer *timer, uint64_t due_ms) {
  timer->due_ms = due_ms;
  if (timer->slot && timer->key_ms <= due_ms) return;
  timer->key_ms = due_ms;
  if (!timer->slot) {
    if (due_ms == VECD_HTTP_NEVER) return;
    timer->slot = ++timers->n;
  }
  sift_up(timers, timer);
}

void vecd_http_timer_remove(vecd_http_timers *timers, vecd_http_timer *timer) {
  if (!timer->slot) return;
  vecd_http_timer *last = timers->heap[--timers->n];
  if (last != timer) {
    last->slot = timer->slot;
    sift_up(timers, last);
    sift_down(timers, last);
  }
  *timer = (vecd_http_timer){0};
}

vecd_http_timer *vecd_http_timers_due(vecd_http_timers *timers, uint64_t now_ms) {
  while (timers->n && timers->heap[0]->key_ms <= now_ms) {
    vecd_http_timer *timer = timers->heap[0];
    uint64_t due_ms = timer->due_ms;
    vecd_http_timer_remove(timers, timer);
    if (due_ms <= now_ms) return timer;
    vecd_http_timer_set(timers, timer, due_ms);
  }
  return NULL;
}

uint64_t vecd_http_timers_next(const vecd_http_timers *timers) { return timers->n ? timers->heap[0]->key_ms : VECD_HTTP_NEVER; }
