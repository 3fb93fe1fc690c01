/* http_listener.h - listening sockets: TCP over IPv4 and IPv6, Unix, inherited. */
#ifndef VECD_HTTP_HTTP_LISTENER_H
#define VECD_HTTP_HTTP_LISTENER_H

#include "base/err.h"

typedef struct vecd_http_listener {
  unsigned char watch; /* VECD_HTTP_WATCH_LISTENER: what an epoll event points to begins with its kind */
  int fd;
  size_t index;    /* of the address it comes from: a name may have several */
  unsigned port;   /* 0 where it is no TCP socket */
  char *unix_path; /* to be unlinked at the end; NULL elsewhere */
} vecd_http_listener;

#define VECD_HTTP_MOST_LISTENERS 64

/* Opens every socket `address` stands for (http.h, settings.listen) and adds them to list[*n ..].
 * VECD_OK; VECD_BAD_ARGUMENT; VECD_IO; VECD_NO_MEMORY. On failure those already added stay, for the caller to close. */
VECD_CHECK vecd_status vecd_http_listener_open(const char *address, size_t index, vecd_http_listener *list, size_t *n,
                                               vecd_err *err);

void vecd_http_listener_close(vecd_http_listener *listener);

/* Takes one connection, non-blocking and closed on exec; -1 and errno. peer gets its name. */
int vecd_http_listener_accept(const vecd_http_listener *listener, char *peer, size_t cap);

#endif
