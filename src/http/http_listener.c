/* http_listener.c - opens sockets and says plainly why it could not. What accepted sockets should have (no delay, keep-alive
 * probes that notice a client whose machine is gone) is set here once: Linux hands it down. */
#define _GNU_SOURCE
#include "http/http_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/http_connection.h"

typedef union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un path;
  struct sockaddr_storage room;
} address;

static void set_flag(int fd, int level, int name, int value) { (void)setsockopt(fd, level, name, &value, sizeof value); }

static void set_tcp_options(int fd) {
  set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_flag(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_flag(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_flag(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

static vecd_status cannot(vecd_err *err, const char *text, int number) {
  const char *hint = "";
  if (number == EADDRINUSE) hint = "; another program listens there: stop it or choose another port";
  if (number == EACCES) hint = "; ports under 1024 and foreign folders need privileges: choose another";
  if (number == EADDRNOTAVAIL) hint = "; this machine has no such address";
  if (number == EMFILE) hint = "; raise the limit on open files (ulimit -n)";
  char why[128];
  const char *said = number == EADDRINUSE ? "address already in use" : NULL;
  if (!said && strerror_r(number, why, sizeof why)) said = why;
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s%s", text, said, hint);
}

static vecd_status no_sense(vecd_err *err, const char *text) {
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                      "%s: not an address; write 127.0.0.1:8080, [::1]:8080, name:8080, unix:/path or fd:3", text);
}

static vecd_http_listener *add(vecd_http_listener *list, size_t *n, int fd, size_t index) {
  vecd_http_listener *l = &list[(*n)++];
  *l = (vecd_http_listener){.watch = VECD_HTTP_WATCH_LISTENER, .fd = fd, .index = index};
  address a = {0};
  socklen_t len = sizeof a;
  if (getsockname(fd, &a.any, &len) == 0) {
    if (a.any.sa_family == AF_INET) l->port = ntohs(a.v4.sin_port);
    if (a.any.sa_family == AF_INET6) l->port = ntohs(a.v6.sin6_port);
  }
  return l;
}

/* -1 and errno. */
static int open_tcp(const struct addrinfo *info) {
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (info->ai_family == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set_tcp_options(fd);
  if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  int number = errno;
  close(fd);
  errno = number;
  return -1;
}

static vecd_status listen_tcp(const char *text, size_t index, vecd_http_listener *list, size_t *n, vecd_err *err) {
  const char *colon = strrchr(text, ':'), *from = text, *to = colon;
  if (!colon || colon == text || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5 ||
      atoi(colon + 1) > 65535)
    return no_sense(err, text);
  if (*from == '[' && to[-1] == ']')
    from++, to--;
  else if (memchr(from, ':', (size_t)(to - from)))
    return no_sense(err, text); /* an IPv6 address without brackets */
  char host[256];
  if (to == from || (size_t)(to - from) >= sizeof host) return no_sense(err, text);
  memcpy(host, from, (size_t)(to - from));
  host[to - from] = '\0';
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
  int failed = getaddrinfo(host, colon + 1, &hints, &found);
  if (failed) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s", text, gai_strerror(failed));
  /* A name may stand for several addresses, not all of which this machine need have. */
  size_t n_before = *n;
  int number = EADDRNOTAVAIL;
  for (struct addrinfo *i = found; i && *n < VECD_HTTP_MOST_LISTENERS; i = i->ai_next) {
    int fd = open_tcp(i);
    if (fd >= 0) {
      if (add(list, n, fd, index)->port && !atoi(colon + 1)) break; /* port 0: one will do, two would differ */
    } else if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
      number = errno;
      break;
    }
  }
  freeaddrinfo(found);
  if (number != EADDRNOTAVAIL || *n == n_before) return cannot(err, text, number);
  return VECD_OK;
}

/* A socket file that nobody listens at any more is left from a crash and may be replaced; any other file may not. */
static bool remove_stale(const address *a, socklen_t len) {
  struct stat st;
  if (lstat(a->path.sun_path, &st) || !S_ISSOCK(st.st_mode)) return false;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool stale = connect(fd, &a->any, len) != 0 && errno == ECONNREFUSED;
  close(fd);
  return stale && unlink(a->path.sun_path) == 0;
}

static vecd_status listen_unix(const char *text, size_t index, vecd_http_listener *list, size_t *n, vecd_err *err) {
  const char *path = text + 5;
  address a = {0};
  size_t path_len = strlen(path);
  if (path_len == 0 || path_len >= sizeof a.path.sun_path)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: a socket's path has 1 to %zu bytes", text,
                        sizeof a.path.sun_path - 1);
  a.path.sun_family = AF_UNIX;
  memcpy(a.path.sun_path, path, path_len);
  socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot(err, text, errno);
  int failed = bind(fd, &a.any, len);
  if (failed && errno == EADDRINUSE && remove_stale(&a, len)) failed = bind(fd, &a.any, len);
  if (failed || listen(fd, SOMAXCONN)) {
    int number = errno;
    close(fd);
    return cannot(err, text, number);
  }
  vecd_http_listener *l = add(list, n, fd, index);
  l->unix_path = vecd_strdup(VECD_MEM_HTTP, path);
  return l->unix_path ? VECD_OK : vecd_err_no_memory(err, "a socket's path", path_len);
}

static vecd_status listen_inherited(const char *text, size_t index, vecd_http_listener *list, size_t *n, vecd_err *err) {
  const char *digits = text + 3;
  if (!*digits || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 7) return no_sense(err, text);
  int fd = atoi(digits), listening = 0;
  socklen_t len = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: descriptor %d is not a listening socket", text, fd);
  set_tcp_options(fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC)) return cannot(err, text, errno);
  add(list, n, fd, index);
  return VECD_OK;
}

vecd_status vecd_http_listener_open(const char *text, size_t index, vecd_http_listener *list, size_t *n, vecd_err *err) {
  if (*n >= VECD_HTTP_MOST_LISTENERS)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: more than %d listeners", text, VECD_HTTP_MOST_LISTENERS);
  if (strncmp(text, "unix:", 5) == 0) return listen_unix(text, index, list, n, err);
  if (strncmp(text, "fd:", 3) == 0) return listen_inherited(text, index, list, n, err);
  return listen_tcp(text, index, list, n, err);
}

void vecd_http_listener_close(vecd_http_listener *listener) {
  if (listener->fd >= 0) close(listener->fd);
  listener->fd = -1;
  if (listener->unix_path) unlink(listener->unix_path);
  vecd_free(listener->unix_path);
  listener->unix_path = NULL;
}

int vecd_http_listener_accept(const vecd_http_listener *listener, char *peer, size_t cap) {
  address a = {0};
  socklen_t len = sizeof a;
  int fd = accept4(listener->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -1;
  char host[INET6_ADDRSTRLEN] = "?";
  if (a.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof host);
    snprintf(peer, cap, "%s:%u", host, ntohs(a.v4.sin_port));
  } else if (a.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof host);
    snprintf(peer, cap, "[%s]:%u", host, ntohs(a.v6.sin6_port));
  } else {
    snprintf(peer, cap, "unix");
  }
  return fd;
}
