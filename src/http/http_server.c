/* http_server.c - the server, its event threads and their loop. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_shard.h"

#define EVENTS_A_ROUND   64
#define MANY_CONNECTIONS 256u /* take a few MiB */

void vecd_http_settings_default(vecd_http_settings *s) {
#define DEFAULT(field, value) \
  if (!s->field) s->field = (value)
  DEFAULT(max_head_bytes, 32u << 10);
  DEFAULT(max_headers, 100);
  DEFAULT(max_body_bytes, 32u << 20);
  DEFAULT(max_connections, 1024);
  DEFAULT(header_ms, 10000);
  DEFAULT(body_ms, 10000);
  DEFAULT(body_bytes_per_s, 1024);
  DEFAULT(idle_ms, 60000);
  DEFAULT(send_ms, 20000);
  DEFAULT(send_bytes_per_s, 1024);
  DEFAULT(linger_ms, 2000);
  DEFAULT(grace_ms, 30000);
  DEFAULT(n_threads, 1);
#undef DEFAULT
}

vecd_status vecd_http_shard_init(vecd_http_shard *shard, vecd_http_server *server, vecd_err *err) {
  *shard = (vecd_http_shard){.server = server, .epoll_fd = -1, .wake_fd = -1, .reserve_fd = -1};
  shard->watch_wake = VECD_HTTP_WATCH_WAKE;
  shard->answers_end = &shard->answers;
  shard->now_ms = vecd_now_ms();
  shard->thread = pthread_self();
  if (pthread_mutex_init(&shard->lock, NULL)) return vecd_err_no_memory(err, "an event thread", sizeof *shard);
  return VECD_OK;
}

static vecd_status shard_open(vecd_http_shard *shard, vecd_err *err) {
  shard->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  shard->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  shard->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &shard->watch_wake};
  if (shard->epoll_fd < 0 || shard->wake_fd < 0 || shard->reserve_fd < 0 ||
      epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, shard->wake_fd, &event) || !vecd_http_shard_listen(shard, true))
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot set up an event thread (errno %d); raise the limit on open files",
                        errno);
  return VECD_OK;
}

static vecd_http_connection *take_answers(vecd_http_shard *shard) {
  pthread_mutex_lock(&shard->lock);
  vecd_http_connection *list = shard->answers;
  shard->answers = NULL;
  shard->answers_end = &shard->answers;
  pthread_mutex_unlock(&shard->lock);
  return list;
}

static void bury(vecd_http_shard *shard) {
  for (vecd_http_connection *c; (c = shard->dead);) {
    shard->dead = c->next;
    vecd_http_connection_free(c);
  }
}

void vecd_http_shard_fini(vecd_http_shard *shard) {
  (void)take_answers(shard);
  while (shard->connections) vecd_http_connection_kill(shard->connections);
  bury(shard);
  vecd_http_timers_fini(&shard->timers);
  int fds[] = {shard->epoll_fd, shard->wake_fd, shard->reserve_fd};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0) close(fds[i]);
  pthread_mutex_destroy(&shard->lock);
}

static void wake(vecd_http_shard *shard) {
  uint64_t one = 1;
  if (shard->wake_fd >= 0) (void)!write(shard->wake_fd, &one, sizeof one);
}

void vecd_http_shard_submit(vecd_http_connection *c) {
  vecd_http_shard *shard = c->shard;
  bool here = pthread_equal(pthread_self(), shard->thread);
  if (here && shard->calling == c) {
    c->answered = true;
    return;
  }
  pthread_mutex_lock(&shard->lock);
  bool first = !shard->answers;
  c->next_answer = NULL;
  *shard->answers_end = c;
  shard->answers_end = &c->next_answer;
  pthread_mutex_unlock(&shard->lock);
  /* The loop looks at the queue before it sleeps, so its own thread needs no waking; nor does a queue that was not empty,
   * unless only the event thread has put something there - which it then still has to look at. */
  if (first && !here) wake(shard);
}

/* What many connections took goes back to the system when most of them are gone: else the C library keeps it. */
static void give_back(vecd_http_shard *shard) {
  if (shard->most_connections < shard->n_connections) shard->most_connections = shard->n_connections;
  if (shard->most_connections < MANY_CONNECTIONS || shard->n_connections > shard->most_connections / 4) return;
  shard->most_connections = shard->n_connections;
  vecd_mem_trim();
}

void vecd_http_shard_settle(vecd_http_shard *shard) {
  for (vecd_http_timer *t; (t = vecd_http_timers_due(&shard->timers, shard->now_ms));) {
    if (t == &shard->pause) {
      if (!shard->draining && !vecd_http_shard_listen(shard, true)) vecd_http_timer_set(&shard->timers, t, shard->now_ms + 100);
      continue;
    }
    vecd_http_connection_timeout((vecd_http_connection *)(void *)((char *)t - offsetof(vecd_http_connection, timer)));
  }
  for (vecd_http_connection *c, *next; (c = take_answers(shard));)
    for (; c; c = next) {
      next = c->next_answer;
      vecd_http_connection_answered(c);
    }
  bury(shard);
  give_back(shard);
}

void vecd_http_shard_watch(vecd_http_connection *c, uint32_t events) {
  if (c->fd < 0 || c->shard->epoll_fd < 0) return;
  bool reads = c->state == VECD_HTTP_READ_HEAD || c->state == VECD_HTTP_READ_BODY || c->state == VECD_HTTP_LINGER;
  uint32_t wanted = (reads ? EPOLLIN : 0u) | (c->blocked ? EPOLLOUT : 0u) | (c->fin ? 0u : EPOLLRDHUP);
  uint32_t unwanted = events & (EPOLLIN | EPOLLOUT | EPOLLRDHUP) & ~wanted;
  /* What is registered without being wanted stays until it disturbs: the usual request then needs no system call here. */
  if (!(wanted & ~c->epoll_mask) && !unwanted) return;
  struct epoll_event event = {.events = wanted, .data.ptr = c};
  if (epoll_ctl(c->shard->epoll_fd, EPOLL_CTL_MOD, c->fd, &event))
    vecd_http_connection_close(c);
  else
    c->epoll_mask = wanted;
}

static void handle_event(vecd_http_shard *shard, const struct epoll_event *event) {
  unsigned char *watch = event->data.ptr;
  if (*watch == VECD_HTTP_WATCH_WAKE) {
    uint64_t n;
    (void)!read(shard->wake_fd, &n, sizeof n);
    return;
  }
  if (*watch == VECD_HTTP_WATCH_LISTENER) {
    if (shard->listening) vecd_http_shard_accept(shard, event->data.ptr);
    return;
  }
  vecd_http_connection *c = event->data.ptr;
  if (event->events & (EPOLLERR | EPOLLHUP)) {
    vecd_http_connection_close(c);
    return;
  }
  if (event->events & EPOLLRDHUP) vecd_http_connection_fin(c);
  vecd_http_connection_ready(c, event->events & EPOLLIN, event->events & EPOLLOUT);
  vecd_http_shard_watch(c, event->events);
}

static void begin_drain(vecd_http_shard *shard) {
  vecd_http_server *server = shard->server;
  if (shard->listening) /* what the kernel has taken for us would be reset otherwise */
    for (size_t i = 0; i < server->n_listeners; i++) vecd_http_shard_accept(shard, &server->listeners[i]);
  vecd_http_shard_listen(shard, false);
  vecd_http_timer_set(&shard->timers, &shard->pause, VECD_HTTP_NEVER);
  /* An inherited socket may be watched through a duplicate even when closed here: every shard unwatches, the last closes. */
  if (atomic_fetch_sub(&server->n_listening, 1) == 1)
    for (size_t i = 0; i < server->n_listeners; i++) vecd_http_listener_close(&server->listeners[i]);
  shard->draining = true;
  for (vecd_http_connection *c = shard->connections, *next; c; c = next) {
    next = c->next;
    vecd_http_connection_drain(c);
  }
}

static void give_up(vecd_http_shard *shard) {
  for (vecd_http_connection *c = shard->connections, *next; c; c = next) {
    next = c->next;
    if (c->state != VECD_HTTP_LINGER) atomic_store(&shard->server->left_work, true);
    vecd_http_connection_close(c);
  }
  vecd_http_shard_settle(shard);
}

void vecd_http_shard_run(vecd_http_shard *shard) {
  vecd_http_server *server = shard->server;
  uint64_t give_up_ms = VECD_HTTP_NEVER;
  shard->thread = pthread_self();
  for (;;) {
    shard->now_ms = vecd_now_ms();
    vecd_http_shard_settle(shard);
    bool abort_now = atomic_load(&server->aborting);
    if (!shard->draining && (abort_now || atomic_load(&server->stopping))) {
      give_up_ms = shard->now_ms + server->settings.grace_ms;
      begin_drain(shard);
      vecd_http_shard_settle(shard);
    }
    if (shard->draining && shard->n_connections == 0) return;
    if (abort_now || shard->now_ms >= give_up_ms) {
      give_up(shard);
      return;
    }
    uint64_t next_ms = vecd_http_timers_next(&shard->timers);
    if (next_ms > give_up_ms) next_ms = give_up_ms;
    int wait_ms = -1;
    if (next_ms != VECD_HTTP_NEVER) {
      uint64_t left = next_ms > shard->now_ms ? next_ms - shard->now_ms : 0;
      wait_ms = left < 3600000 ? (int)left : 3600000;
    }
    struct epoll_event events[EVENTS_A_ROUND];
    int n = epoll_wait(shard->epoll_fd, events, EVENTS_A_ROUND, wait_ms);
    shard->now_ms = vecd_now_ms();
    for (int i = 0; i < n; i++) handle_event(shard, &events[i]);
  }
}

vecd_status vecd_http_server_new(const vecd_http_settings *settings, const vecd_http_handler *handler, vecd_http_server **out,
                                 vecd_err *err) {
  vecd_assert(handler->on_request);
  if (settings->n_listen == 0) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "no address to listen at");
  vecd_http_server *server = vecd_alloc_zero(VECD_MEM_HTTP, 1, sizeof *server);
  if (!server) return vecd_err_no_memory(err, "an HTTP server", sizeof *server);
  vecd_status status = VECD_OK;
  server->settings = *settings;
  vecd_http_settings_default(&server->settings);
  server->settings.listen = NULL;
  server->settings.server_name = NULL;
  server->handler = *handler;
  unsigned n_threads = server->settings.n_threads;
  server->shards = vecd_alloc_zero(VECD_MEM_HTTP, n_threads, sizeof *server->shards);
  if (settings->server_name) server->server_name = vecd_strdup(VECD_MEM_HTTP, settings->server_name);
  if (!server->shards || (settings->server_name && !server->server_name)) {
    status = vecd_err_no_memory(err, "an HTTP server", n_threads * sizeof *server->shards);
    goto done;
  }
  for (size_t i = 0; i < settings->n_listen && status == VECD_OK; i++)
    status = vecd_http_listener_open(settings->listen[i], i, server->listeners, &server->n_listeners, err);
  for (unsigned i = 0; i < n_threads && status == VECD_OK; i++) {
    status = vecd_http_shard_init(&server->shards[i], server, err);
    if (status != VECD_OK) break;
    server->n_shards++;
    status = shard_open(&server->shards[i], err);
  }
  atomic_store(&server->n_listening, n_threads);
done:
  if (status == VECD_OK)
    *out = server;
  else
    vecd_http_server_free(&server);
  return status;
}

static void *shard_main(void *arg) {
  vecd_http_shard_run(arg);
  return NULL;
}

vecd_status vecd_http_server_run(vecd_http_server *server, vecd_err *err) {
  unsigned n = 1;
  vecd_status status = VECD_OK;
  for (; n < server->n_shards; n++)
    if (pthread_create(&server->shards[n].handle, NULL, shard_main, &server->shards[n])) {
      status = vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start event thread %u of %u", n + 1, server->n_shards);
      vecd_http_server_abort(server);
      break;
    }
  vecd_http_shard_run(&server->shards[0]);
  while (n > 1) pthread_join(server->shards[--n].handle, NULL);
  if (status == VECD_OK && atomic_load(&server->left_work))
    status = vecd_err_set(err, VECD_TIMEOUT, VECD_NO_POS, "requests were left when the grace period ended");
  return status;
}

static void *server_main(void *arg) {
  vecd_http_server *server = arg;
  server->result = vecd_http_server_run(server, NULL);
  return NULL;
}

vecd_status vecd_http_server_start(vecd_http_server *server, vecd_err *err) {
  if (pthread_create(&server->thread, NULL, server_main, server))
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start the event thread");
  server->started = true;
  return VECD_OK;
}

vecd_status vecd_http_server_join(vecd_http_server *server) {
  if (server->started) pthread_join(server->thread, NULL);
  server->started = false;
  return server->result;
}

void vecd_http_server_stop(vecd_http_server *server) {
  int number = errno; /* whoever a signal interrupted wants it back */
  atomic_store(&server->stopping, true);
  for (unsigned i = 0; i < server->n_shards; i++) wake(&server->shards[i]);
  errno = number;
}

void vecd_http_server_abort(vecd_http_server *server) {
  atomic_store(&server->aborting, true);
  vecd_http_server_stop(server);
}

void vecd_http_server_free(vecd_http_server **server) {
  vecd_http_server *s = server ? *server : NULL;
  if (!s) return;
  for (unsigned i = 0; i < s->n_shards; i++) vecd_http_shard_fini(&s->shards[i]);
  for (size_t i = 0; i < s->n_listeners; i++) vecd_http_listener_close(&s->listeners[i]);
  vecd_free(s->shards);
  vecd_free(s->server_name);
  vecd_free(s);
  *server = NULL;
}

unsigned vecd_http_server_port(const vecd_http_server *server, size_t index) {
  for (size_t i = 0; i < server->n_listeners; i++)
    if (server->listeners[i].index == index) return server->listeners[i].port;
  return 0;
}

void vecd_http_server_stats(const vecd_http_server *server, vecd_http_stats *out) {
  const vecd_http_counters *n = &server->counters;
#define READ(counter) atomic_load_explicit(&(counter), memory_order_relaxed)
  *out = (vecd_http_stats){READ(n->open),      READ(n->accepted), READ(n->refused),  READ(n->requests), {0},
                           READ(n->cancelled), READ(n->timeouts), READ(n->received), READ(n->sent)};
  for (size_t i = 0; i < sizeof out->replies / sizeof *out->replies; i++) out->replies[i] = READ(n->replies[i]);
#undef READ
}
