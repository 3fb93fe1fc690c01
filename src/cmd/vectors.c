/* vectors.c - the writers of vectors: JSON lines, one JSON array, NumPy's format, bare floats.
 *
 * The npy format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0) has the number of rows in
 * front. Where the output is a file, the header is written first with none and again at the end, in the same room. Into a pipe it
 * cannot be written twice, so the rows go to a nameless temporary file first: disk, not memory, since input may be endless. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ftoa.h"
#include "cmd/vectors.h"

#define NPY_HEADER_BYTES 128 /* a multiple of 64, with room for any count and dimension */
#define COPY_BYTES       ((size_t)64 << 10)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "f32 and npy are written as they lie in memory, which must be little-endian"
#endif

vecd_vector_format vecd_vector_format_of(const char *name) {
  static const char *const names[] = {"jsonl", "json", "npy", "f32"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return (vecd_vector_format)i;
  return VECD_FORMAT_JSONL;
}

static void npy_header(char out[NPY_HEADER_BYTES], uint64_t n_rows, size_t dimension) {
  const unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, NPY_HEADER_BYTES - 10, 0};
  char dict[NPY_HEADER_BYTES];
  int n =
      snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %zu), }", n_rows, dimension);
  memset(out, ' ', NPY_HEADER_BYTES);
  memcpy(out, magic, sizeof magic);
  memcpy(out + sizeof magic, dict, (size_t)n);
  out[NPY_HEADER_BYTES - 1] = '\n';
}

/* Where a header written now could be written again later; -1: not on this output. */
static int64_t place_of_header(int fd) {
  struct stat st;
  int flags = fcntl(fd, F_GETFL);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || flags < 0 || (flags & O_APPEND)) return -1;
  return (int64_t)lseek(fd, 0, SEEK_CUR);
}

static vecd_status open_spool(vecd_vectors *v, vecd_err *err) {
  char path[512];
  const char *dir = getenv("TMPDIR");
  if (!dir || !*dir) dir = "/tmp";
  bool fits = snprintf(path, sizeof path, "%s/vecd-XXXXXX", dir) < (int)sizeof path;
  int fd = fits ? mkstemp(path) : -1;
  if (fd < 0)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS,
                        "npy into a pipe needs a temporary file, and %s has no room for one: %s; set TMPDIR, or give -o FILE",
                        dir, fits ? strerror(errno) : "its name is too long");
  unlink(path);
  v->spool = (vecd_output){.fd = fd, .owns_fd = true, .name = "the temporary file", .buf.tag = VECD_MEM_REQUEST};
  v->rows = &v->spool;
  return VECD_OK;
}

vecd_status vecd_vectors_begin(vecd_vectors *v, vecd_output *out, vecd_vector_format format, size_t dimension, vecd_err *err) {
  *v = (vecd_vectors){.out = out, .rows = out, .format = format, .dimension = dimension, .header_at = -1};
  if (format != VECD_FORMAT_NPY) return VECD_OK;
  char header[NPY_HEADER_BYTES];
  v->header_at = place_of_header(out->fd);
  if (v->header_at < 0) return open_spool(v, err);
  npy_header(header, 0, dimension);
  vecd_buf_append(&out->buf, header, sizeof header);
  return vecd_output_flush(out, err);
}

static void append_json_row(vecd_buf *buf, const float *x, size_t n) {
  if (!vecd_buf_reserve(buf, n * (VECD_FTOA_BYTES + 1) + 2)) return;
  char *p = buf->ptr + buf->len;
  *p++ = '[';
  for (size_t i = 0; i < n; i++) {
    if (i) *p++ = ',';
    p += vecd_ftoa_f32(p, x[i]);
  }
  *p++ = ']';
  buf->len = (size_t)(p - buf->ptr);
}

vecd_status vecd_vectors_write(vecd_vectors *v, const float *rows, size_t n, vecd_err *err) {
  vecd_buf *buf = &v->rows->buf;
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < n && !s; i++) {
    const float *row = rows + i * v->dimension;
    if (v->format == VECD_FORMAT_JSON) vecd_buf_append_str(buf, v->n_rows ? ",\n" : "[\n");
    if (v->format == VECD_FORMAT_JSON || v->format == VECD_FORMAT_JSONL)
      append_json_row(buf, row, v->dimension);
    else
      vecd_buf_append(buf, row, v->dimension * sizeof *row);
    if (v->format == VECD_FORMAT_JSONL) vecd_buf_append_char(buf, '\n');
    v->n_rows++;
    if (buf->len >= COPY_BYTES) s = vecd_output_flush(v->rows, err);
  }
  return s ? s : vecd_output_flush(v->rows, err);
}

/* The header, now that the count is known, and the rows behind it. */
static vecd_status copy_spool(vecd_vectors *v, vecd_err *err) {
  char header[NPY_HEADER_BYTES];
  npy_header(header, v->n_rows, v->dimension);
  vecd_buf *buf = &v->out->buf;
  vecd_buf_append(buf, header, sizeof header);
  vecd_status s = vecd_output_flush(v->out, err);
  for (off_t at = 0; !s;) {
    if (!vecd_buf_reserve(buf, COPY_BYTES)) return vecd_err_no_memory(err, "the output", COPY_BYTES);
    ssize_t n = pread(v->spool.fd, buf->ptr, COPY_BYTES, at);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot read: %s", v->spool.name, strerror(errno));
    at += n;
    buf->len = (size_t)n;
    s = vecd_output_flush(v->out, err);
  }
  return s;
}

static vecd_status rewrite_header(vecd_vectors *v, vecd_err *err) {
  char header[NPY_HEADER_BYTES];
  npy_header(header, v->n_rows, v->dimension);
  ssize_t n = pwrite(v->out->fd, header, sizeof header, (off_t)v->header_at);
  if (n == (ssize_t)sizeof header) return VECD_OK;
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot write: %s", v->out->name, n < 0 ? strerror(errno) : "short write");
}

vecd_status vecd_vectors_finish(vecd_vectors *v, vecd_err *err) {
  vecd_status s = VECD_OK;
  if (v->format == VECD_FORMAT_JSON) {
    vecd_buf_append_str(&v->out->buf, v->n_rows ? "\n]\n" : "[]\n");
    s = vecd_output_flush(v->out, err);
  } else if (v->format == VECD_FORMAT_NPY) {
    s = v->header_at >= 0 ? rewrite_header(v, err) : copy_spool(v, err);
  }
  (void)vecd_output_close(&v->spool, NULL);
  return s;
}
