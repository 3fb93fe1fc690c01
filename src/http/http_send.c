/* http_send.c - bytes to the client: what is composed, and the pieces of a stream. */
#include <errno.h>
#include <sys/socket.h>

#include "http/http_shard.h"

static ssize_t socket_read(vecd_http_connection *c, void *to, size_t n) { return recv(c->fd, to, n, 0); }

static ssize_t socket_write(vecd_http_connection *c, const struct iovec *parts, int n_parts) {
  struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n_parts};
  return sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

const vecd_http_io vecd_http_io_socket = {socket_read, socket_write};

bool vecd_http_send_pending(vecd_http_connection *c) {
  for (;;) {
    struct iovec parts[2];
    int n_parts = 0;
    if (c->out.len > c->out_pos) parts[n_parts++] = (struct iovec){c->out.ptr + c->out_pos, c->out.len - c->out_pos};
    if (c->tail.len > c->tail_pos)
      parts[n_parts++] = (struct iovec){(char *)c->tail.ptr + c->tail_pos, c->tail.len - c->tail_pos};
    if (n_parts == 0) break;
    ssize_t n = c->io->write(c, parts, n_parts);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (c->state == VECD_HTTP_SENDING && !c->blocked) {
        c->window_bytes = 0;
        vecd_http_deadline(c, c->shard->server->settings.send_ms);
      }
      c->blocked = true;
      return false;
    }
    if (n < 0) {
      vecd_http_connection_close(c);
      return false;
    }
    size_t sent = (size_t)n, from_out = c->out.len - c->out_pos < sent ? c->out.len - c->out_pos : sent;
    c->out_pos += from_out;
    c->tail_pos += sent - from_out;
    c->req.sent_bytes += sent;
    if (c->state == VECD_HTTP_SENDING) c->window_bytes += sent;
    VECD_HTTP_COUNT(c->shard, sent, sent);
  }
  c->out.len = c->out_pos = c->tail_pos = 0;
  c->tail = (vecd_span){0};
  if (c->blocked && c->state == VECD_HTTP_SENDING) vecd_http_no_deadline(c);
  c->blocked = false;
  return true;
}

/* Asks the source for a piece and frames it. The chunk's size is written afterwards into room left in front, so the piece is
 * never moved. */
void vecd_http_send_piece(vecd_http_connection *c) {
  static const char room[] = "00000000\r\n";
  vecd_buf *piece = &c->answer.body;
  size_t base = c->chunked_reply ? sizeof room - 1 : 0;
  piece->len = 0;
  vecd_buf_append(piece, room, base);
  vecd_http_piece kind = c->answer.source(c->answer.source_ctx, &c->req, piece);
  size_t n = piece->len - base;
  if (kind == VECD_HTTP_WAIT) c->owed = true;
  if (kind != VECD_HTTP_MORE && kind != VECD_HTTP_WAIT) c->streaming = false;
  if (c->chunked_reply) {
    if (n == 0)
      piece->len = 0;
    else
      vecd_buf_append_str(piece, "\r\n");
    if (kind == VECD_HTTP_END) vecd_buf_append_str(piece, "0\r\n\r\n");
  }
  if (kind == VECD_HTTP_ABORT || piece->failed || n > UINT32_MAX) {
    vecd_http_connection_close(c);
    return;
  }
  for (size_t i = 0; n && i < 8 && c->chunked_reply; i++) piece->ptr[i] = "0123456789abcdef"[n >> (28 - 4 * i) & 15];
  c->tail = (vecd_span){piece->ptr, piece->len};
}
