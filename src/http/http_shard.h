/* http_shard.h - an event thread with what it owns, and the server that holds them. Internal to this room. */
#ifndef VECD_HTTP_HTTP_SHARD_H
#define VECD_HTTP_HTTP_SHARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "http/http_connection.h"
#include "http/http_listener.h"

struct vecd_http_shard {
  vecd_http_server *server;
  pthread_t thread; /* that runs it */
  pthread_t handle; /* of the threads run() starts: all but the first */
  int epoll_fd;     /* -1: a test without sockets */
  int wake_fd;
  unsigned char watch_wake; /* VECD_HTTP_WATCH_WAKE */
  int reserve_fd;           /* given up for a moment when descriptors run out; -1: none */
  uint64_t now_ms;          /* as of this round of the loop */
  vecd_http_timers timers;
  vecd_http_timer pause; /* set while the listeners rest for want of descriptors */
  vecd_http_connection *connections;
  vecd_http_connection *dead;
  size_t n_connections;          /* in the list */
  size_t most_connections;       /* there were since memory was given back */
  unsigned n_refusing;           /* of these, those beyond max_connections */
  vecd_http_connection *calling; /* whose callback runs: its answer needs no queue */
  bool listening, draining;
  time_t date_second;
  char date[32]; /* of the Date header, for date_second */

  pthread_mutex_t lock; /* of the queue below; held for a few instructions */
  vecd_http_connection *answers, **answers_end;
};

typedef struct vecd_http_counters {
  _Atomic uint64_t open, accepted, refused, requests, cancelled, timeouts, received, sent;
  _Atomic uint64_t replies[6];
} vecd_http_counters;

struct vecd_http_server {
  vecd_http_settings settings; /* defaults filled in; listen and server_name are not kept */
  vecd_http_handler handler;
  char *server_name;
  vecd_http_listener listeners[VECD_HTTP_MOST_LISTENERS];
  size_t n_listeners;
  vecd_http_shard *shards;
  unsigned n_shards;          /* initialised */
  atomic_uint n_listening;    /* shards that still watch the listeners: the last one closes them */
  _Atomic uint64_t n_counted; /* connections under max_connections */
  atomic_bool stopping, aborting;
  atomic_bool left_work;
  pthread_t thread; /* of vecd_http_server_start() */
  bool started;
  vecd_status result;
  vecd_http_counters counters;
};

#define VECD_HTTP_COUNT(shard, name, n) atomic_fetch_add_explicit(&(shard)->server->counters.name, (n), memory_order_relaxed)

/* Sets or ends the one deadline a connection has. */
static inline void vecd_http_deadline(vecd_http_connection *c, unsigned ms) {
  vecd_http_timer_set(&c->shard->timers, &c->timer, c->shard->now_ms + ms);
}

static inline void vecd_http_no_deadline(vecd_http_connection *c) {
  vecd_http_timer_set(&c->shard->timers, &c->timer, VECD_HTTP_NEVER);
}

/* Fills in the defaults. */
void vecd_http_settings_default(vecd_http_settings *settings);

/* Without descriptors: for the event loop to add, or a test to do without. */
VECD_CHECK vecd_status vecd_http_shard_init(vecd_http_shard *shard, vecd_http_server *server, vecd_err *err);

/* Kills what connections are left and releases everything. */
void vecd_http_shard_fini(vecd_http_shard *shard);

/* One round's work besides sockets: answers that came in, deadlines that passed, the dead. */
void vecd_http_shard_settle(vecd_http_shard *shard);

/* Registers c's events with epoll as its state wants them; nothing where there is no epoll. */
void vecd_http_shard_watch(vecd_http_connection *c, uint32_t unwanted_events);

/* The loop, until the drain is over. */
void vecd_http_shard_run(vecd_http_shard *shard);

/* Hands the answer of c to its event thread. */
void vecd_http_shard_submit(vecd_http_connection *c);

/* http_accept.c: takes what waits at a listener. */
void vecd_http_shard_accept(vecd_http_shard *shard, vecd_http_listener *listener);

/* http_accept.c: begins or ends watching the listeners. False when epoll has no memory for it. */
bool vecd_http_shard_listen(vecd_http_shard *shard, bool on);

#endif
