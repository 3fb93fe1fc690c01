/* http_accept.c - taking connections, and what to do when there are too many: over the limit a client gets a 503 that costs
 * us little, and when descriptors run out the one kept in reserve lets us at least hang up, so that clients see an end and
 * the event loop does not spin on a listener that stays readable. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_shard.h"

#define ACCEPTS_A_TURN 64
#define MOST_REFUSING  64u
#define PAUSE_MS       100u

bool vecd_http_shard_listen(vecd_http_shard *shard, bool on) {
  if (shard->listening == on) return true;
  for (size_t i = 0; i < shard->server->n_listeners; i++) {
    vecd_http_listener *l = &shard->server->listeners[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
#ifdef EPOLLEXCLUSIVE
    event.events |= EPOLLEXCLUSIVE;
#endif
    if (epoll_ctl(shard->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->fd, &event) && on && errno != EEXIST) return false;
  }
  shard->listening = on;
  return true;
}

/* False when the listener is to rest: no descriptor could be had even for hanging up. */
static bool hang_up_one(vecd_http_shard *shard, const vecd_http_listener *listener) {
  if (shard->reserve_fd < 0) return false;
  close(shard->reserve_fd);
  char peer[64];
  int fd = vecd_http_listener_accept(listener, peer, sizeof peer);
  if (fd >= 0) {
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 33\r\n"
                               "Connection: close\r\n\r\n{\"error\":\"out of file handles\"}\r\n";
    (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    char dropped[4096]; /* closing with bytes unread would reset the connection before the client has read */
    (void)!recv(fd, dropped, sizeof dropped, 0);
    close(fd);
    VECD_HTTP_COUNT(shard, accepted, 1);
    VECD_HTTP_COUNT(shard, refused, 1);
    VECD_HTTP_COUNT(shard, replies[5], 1);
  }
  shard->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0;
}

static void take(vecd_http_shard *shard, int fd, const char *peer) {
  vecd_http_server *server = shard->server;
  VECD_HTTP_COUNT(shard, accepted, 1);
  bool counted = atomic_load(&server->n_counted) < server->settings.max_connections;
  if (!counted) VECD_HTTP_COUNT(shard, refused, 1);
  if (!counted && shard->n_refusing >= MOST_REFUSING) {
    close(fd);
    return;
  }
  vecd_http_connection *c = vecd_http_connection_new(shard, fd, counted);
  if (!c) {
    if (counted) VECD_HTTP_COUNT(shard, refused, 1);
    close(fd);
    return;
  }
  memcpy(c->peer, peer, sizeof c->peer);
  c->req.peer = c->peer;
  c->epoll_mask = EPOLLIN | EPOLLRDHUP;
  struct epoll_event event = {.events = c->epoll_mask, .data.ptr = c};
  if (epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
    if (counted) VECD_HTTP_COUNT(shard, refused, 1);
    vecd_http_connection_close(c);
    return;
  }
  if (counted) return;
  vecd_http_connection_refuse(c, 503, "too many connections, try again later");
  vecd_http_connection_ready(c, false, true);
  vecd_http_shard_watch(c, 0);
}

void vecd_http_shard_accept(vecd_http_shard *shard, vecd_http_listener *listener) {
  for (int i = 0; i < ACCEPTS_A_TURN; i++) {
    char peer[sizeof((vecd_http_connection *)0)->peer] = "";
    int fd = vecd_http_listener_accept(listener, peer, sizeof peer);
    if (fd >= 0) {
      take(shard, fd, peer);
    } else if (errno == EMFILE || errno == ENFILE) {
      if (hang_up_one(shard, listener)) continue;
      if (shard->reserve_fd < 0) shard->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
      break;
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      break;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } /* else this one connection is broken (ECONNABORTED and network errors, accept(2)): the next may not be */
    if (i + 1 == ACCEPTS_A_TURN) return;
  }
  vecd_http_shard_listen(shard, false);
  vecd_http_timer_set(&shard->timers, &shard->pause, shard->now_ms + PAUSE_MS);
}
