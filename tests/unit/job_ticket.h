/* job_ticket.h - a job of the engine's and the means to wait for it; for the tests of the engine. */
#ifndef JOB_TICKET_H
#define JOB_TICKET_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"

enum { MOST_ITEMS = 9 };

typedef struct ticket {
  vecd_job job;
  vecd_item items[MOST_ITEMS], *many; /* many: in place of items, or NULL */
  char texts[MOST_ITEMS][64];
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool done;
} ticket;

static inline void on_done(vecd_job *job) {
  ticket *t = job->user;
  pthread_mutex_lock(&t->lock);
  t->done = true;
  pthread_cond_signal(&t->ended);
  pthread_mutex_unlock(&t->lock);
}

static inline void fill(ticket *t, const char *model, size_t n_items, unsigned seed) {
  memset(t, 0, sizeof *t);
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->ended, NULL);
  for (size_t i = 0; i < n_items; i++) {
    int n = snprintf(t->texts[i], sizeof t->texts[i], "text %u of job %u", (unsigned)i, seed);
    t->items[i].text = (vecd_span){t->texts[i], (size_t)n};
  }
  t->job = (vecd_job){.model_id = model, .items = t->items, .n_items = n_items, .done = on_done, .user = t};
}

static inline void wait_for(ticket *t) {
  pthread_mutex_lock(&t->lock);
  while (!t->done) pthread_cond_wait(&t->ended, &t->lock);
  pthread_mutex_unlock(&t->lock);
}

/* A job of n_items times the same text. */
static inline void fill_same(ticket *t, const char *model, size_t n_items, vecd_span text) {
  fill(t, model, 0, 0);
  t->job.items = t->many = calloc(n_items, sizeof *t->many);
  t->job.n_items = n_items;
  for (size_t i = 0; i < n_items; i++) t->many[i].text = text;
}

static inline void drop(ticket *t) {
  free(t->many);
  vecd_free(t->job.vectors);
  pthread_mutex_destroy(&t->lock);
  pthread_cond_destroy(&t->ended);
}

#endif
