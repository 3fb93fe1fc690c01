/* output.c - one buffer in front of write(2), and JSON strings. */
#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_file(int fd, const struct stat *st) {
  struct stat other;
  return fd >= 0 && fstat(fd, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

vecd_status vecd_output_open(const char *path, int input_fd, vecd_output *out, vecd_err *err) {
  *out = (vecd_output){.fd = STDOUT_FILENO, .name = "standard output", .buf.tag = VECD_MEM_REQUEST};
  if (!path || strcmp(path, "-") == 0) return VECD_OK;
  out->name = path;
  out->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  struct stat st;
  int failed = out->fd < 0 || fstat(out->fd, &st) != 0;
  if (!failed && S_ISREG(st.st_mode) && is_same_file(input_fd, &st)) {
    close(out->fd);
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: is the input too; give another file to write to", path);
  }
  if (!failed && S_ISREG(st.st_mode)) failed = ftruncate(out->fd, 0) != 0; /* not O_TRUNC: it might have been the input */
  out->owns_fd = !failed;
  if (!failed) return VECD_OK;
  int e = errno;
  if (out->fd >= 0) close(out->fd);
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot write: %s", path, strerror(e));
}

vecd_status vecd_output_flush(vecd_output *out, vecd_err *err) {
  size_t done = 0, len = out->buf.len;
  out->buf.len = 0;
  if (out->buf.failed) return vecd_err_no_memory(err, "the output", len);
  while (done < len) {
    ssize_t n = write(out->fd, out->buf.ptr + done, len - done);
    if (n >= 0) {
      done += (size_t)n;
    } else if (errno == EAGAIN) { /* somebody made our standard output non-blocking */
      struct pollfd p = {.fd = out->fd, .events = POLLOUT};
      (void)poll(&p, 1, -1);
    } else if (errno != EINTR) {
      return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot write: %s", out->name, strerror(errno));
    }
  }
  return VECD_OK;
}

vecd_status vecd_output_close(vecd_output *out, vecd_err *err) {
  vecd_buf_fini(&out->buf);
  int fd = out->owns_fd ? out->fd : -1;
  out->owns_fd = false;
  if (fd < 0 || close(fd) == 0 || errno == EINTR) return VECD_OK;
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot write: %s", out->name, strerror(errno));
}

void vecd_output_json_string(vecd_buf *buf, const char *text, size_t len) {
  vecd_buf_append_char(buf, '"');
  for (size_t from = 0, i = 0; i <= len; i++) {
    unsigned char c = i < len ? (unsigned char)text[i] : '"';
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    vecd_buf_append(buf, text + from, i - from);
    from = i + 1;
    if (i == len) break;
    if (c < 0x20)
      vecd_buf_printf(buf, "\\u%04x", c);
    else
      vecd_buf_printf(buf, "\\%c", c);
  }
  vecd_buf_append_char(buf, '"');
}

void vecd_print_line(FILE *out, vecd_span text) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if (c == '\n' || c == '\t' || c == '\r')
      fprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (c < 0x20 || c == 0x7f)
      fprintf(out, "\\x%02x", c);
    else
      putc(c, out);
  }
  putc('\n', out);
}
