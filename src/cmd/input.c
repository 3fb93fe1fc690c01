/* input.c - one buffer holds the lines of a batch, and what was read beyond it moves to the front for the next. */
#include "cmd/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/interrupt.h"
#include "fmt/json.h"

#define READ_BYTES       ((size_t)64 << 10)
#define MOST_LINE_VALUES 100000 /* of a .jsonl line: what bounds the memory a line can make of itself */
#define WAIT_MS          200    /* a signal just before the wait is noticed after this */

struct vecd_input {
  char *const *args;
  size_t n_args, next_arg;
  int fd;
  bool owns_fd, is_jsonl, at_end;
  const char *name;     /* for messages */
  uint64_t total_bytes; /* 0: unknown */
  uint64_t done_bytes;
  uint64_t n_lines;  /* given out so far */
  vecd_buf buf;      /* lines of this batch, then what was read beyond */
  size_t used;       /* bytes of buf that this batch has taken */
  vecd_status fault; /* kept back until the texts before it are through */
  vecd_err fault_err;
  vecd_span texts[VECD_INPUT_MAX_TEXTS];
  json_t *values[VECD_INPUT_MAX_TEXTS]; /* whose strings the texts of a .jsonl file are */
  size_t n_values;
};

static bool ends_in_jsonl(const char *path) {
  size_t n = strlen(path);
  return n >= 6 && strcmp(path + n - 6, ".jsonl") == 0;
}

vecd_status vecd_input_open(const char *path, char *const *args, size_t n_args, vecd_input **out, vecd_err *err) {
  vecd_input *in = vecd_alloc_zero(VECD_MEM_REQUEST, 1, sizeof *in);
  if (!in) return vecd_err_no_memory(err, "the input", sizeof *in);
  in->args = args;
  in->n_args = n_args;
  in->fd = -1;
  in->buf.tag = VECD_MEM_REQUEST;
  if (n_args) {
    in->at_end = true;
    *out = in;
    return VECD_OK;
  }
  vecd_status s = VECD_OK;
  struct stat st;
  if (!path || strcmp(path, "-") == 0) {
    in->fd = STDIN_FILENO;
    in->name = "standard input";
  } else {
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    in->name = path;
    in->is_jsonl = ends_in_jsonl(path);
    in->owns_fd = in->fd >= 0;
  }
  if (in->fd < 0 || fstat(in->fd, &st) != 0) {
    int e = errno;
    s = vecd_err_set(err, e == ENOENT || e == ENOTDIR ? VECD_NOT_FOUND : VECD_IO, VECD_NO_POS, "%s: cannot open: %s", in->name,
                     strerror(e));
  } else if (S_ISDIR(st.st_mode)) {
    s = vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: is a folder, not a file of texts", in->name);
  } else if (S_ISREG(st.st_mode)) {
    in->total_bytes = (uint64_t)st.st_size;
  }
  if (s)
    vecd_input_close(&in);
  else
    *out = in;
  return s;
}

static void drop_values(vecd_input *in) {
  while (in->n_values) json_decref(in->values[--in->n_values]);
}

void vecd_input_close(vecd_input **input) {
  vecd_input *in = input ? *input : NULL;
  if (!in) return;
  drop_values(in);
  vecd_buf_fini(&in->buf);
  if (in->owns_fd) close(in->fd);
  vecd_free(in);
  *input = NULL;
}

void vecd_input_place(const vecd_input *in, uint64_t number, char *out, size_t cap) {
  if (in->n_args)
    snprintf(out, cap, "argument %llu", (unsigned long long)number);
  else
    snprintf(out, cap, "%s: line %llu", in->name, (unsigned long long)number);
}

uint64_t vecd_input_done_bytes(const vecd_input *in) { return in->done_bytes; }
uint64_t vecd_input_total_bytes(const vecd_input *in) { return in->total_bytes; }
int vecd_input_fd(const vecd_input *in) { return in->fd; }

bool vecd_input_count(const vecd_input *in, uint64_t *n) {
  *n = in->n_args;
  return in->n_args > 0;
}

/* Turns a line of a .jsonl file into its text. */
static vecd_status parse_line(vecd_input *in, vecd_span line, uint64_t number, vecd_span *text, vecd_err *err) {
  static const char where[] = ": line 1"; /* what the parser, which sees only this line, calls the place */
  vecd_err why;
  json_t *value = NULL;
  vecd_status s = vecd_json_parse_most("", line, MOST_LINE_VALUES, &value, &why);
  if (s == VECD_BAD_SYNTAX)
    return vecd_err_set(err, s, why.pos, "%s: line %llu%s", in->name, (unsigned long long)number, why.text + sizeof where - 1);
  if (s) return vecd_err_no_memory(err, in->name, line.len);
  const json_t *field = json_object_get(value, "text");
  if (!json_is_string(field)) {
    const char *what = !json_is_object(value) ? "is not an object"
                       : field                ? "has no string under \"text\""
                                              : "has no field \"text\"";
    json_decref(value);
    return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "%s: line %llu: %s; it must look like {\"text\": \"...\"}", in->name,
                        (unsigned long long)number, what);
  }
  in->values[in->n_values++] = value;
  *text = (vecd_span){json_string_value(field), json_string_length(field)};
  return VECD_OK;
}

/* True when a read would not wait. Regular files never do; a signal ends the wait, not ready. */
static bool is_ready(int fd, int wait_ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, wait_ms) > 0;
}

/* Reads some more behind what is there. */
static vecd_status fill(vecd_input *in, vecd_err *err) {
  if (!vecd_buf_reserve(&in->buf, READ_BYTES)) return vecd_err_no_memory(err, in->name, in->buf.len + READ_BYTES);
  for (;;) {
    if (vecd_interrupted()) return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "interrupted");
    if (!is_ready(in->fd, WAIT_MS)) continue;
    ssize_t n = read(in->fd, in->buf.ptr + in->buf.len, READ_BYTES);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot read: %s", in->name, strerror(errno));
    in->at_end = n == 0;
    in->buf.len += (size_t)n;
    return VECD_OK;
  }
}

/* Finds lines in what is there and reads on until the batch is full. Lines are given as places, since the buffer moves while it
 * grows: texts[i].ptr stays NULL and len is the line's length with its end of line; *n counts them. */
static vecd_status gather_lines(vecd_input *in, size_t *n, vecd_err *err) {
  size_t searched = 0; /* bytes of the unfinished line known to have no end of line */
  for (;;) {
    while (*n < VECD_INPUT_MAX_TEXTS && in->used < VECD_INPUT_BATCH_BYTES) {
      size_t from = in->used + searched, left = in->buf.len - from;
      const char *end = left ? memchr(in->buf.ptr + from, '\n', left) : NULL;
      if (!end) break;
      size_t len = (size_t)(end - in->buf.ptr) + 1 - in->used;
      in->texts[(*n)++].len = len;
      in->used += len;
      searched = 0;
    }
    if (*n == VECD_INPUT_MAX_TEXTS || in->used >= VECD_INPUT_BATCH_BYTES) return VECD_OK;
    searched = in->buf.len - in->used;
    if (in->at_end) {
      if (searched) in->texts[(*n)++].len = searched; /* the last line has no end of line */
      in->used += searched;
      return VECD_OK;
    }
    if (searched > VECD_INPUT_MAX_LINE)
      return vecd_err_set(err, VECD_BAD_SYNTAX, VECD_NO_POS, "%s: line %llu: is longer than %zu MiB", in->name,
                          (unsigned long long)(in->n_lines + *n + 1), VECD_INPUT_MAX_LINE >> 20);
    if (*n && !is_ready(in->fd, 0)) return VECD_OK;
    vecd_status s = fill(in, err);
    if (s) return s;
  }
}

static vecd_status next_lines(vecd_input *in, vecd_texts *out, vecd_err *err) {
  drop_values(in);
  in->buf.len -= in->used;
  if (in->used && in->buf.len) memmove(in->buf.ptr, in->buf.ptr + in->used, in->buf.len);
  in->used = 0;
  size_t n = 0, at = 0, n_good = 0;
  in->fault = gather_lines(in, &n, &in->fault_err);
  for (; n_good < n; n_good++) {
    vecd_span *text = &in->texts[n_good];
    size_t len = text->len;
    *text = (vecd_span){in->buf.ptr + at, len};
    at += len;
    if (text->ptr[text->len - 1] == '\n') {
      text->len--;
      if (text->len && text->ptr[text->len - 1] == '\r') text->len--;
    }
    if (!in->is_jsonl) continue;
    vecd_status s = parse_line(in, *text, in->n_lines + n_good + 1, text, &in->fault_err);
    if (s) {
      in->fault = s;
      break;
    }
  }
  *out = (vecd_texts){in->texts, n_good, in->n_lines + 1};
  in->n_lines += n_good;
  in->done_bytes += at;
  if (n_good || !in->fault) return VECD_OK;
  if (err) *err = in->fault_err;
  return in->fault;
}

vecd_status vecd_input_next(vecd_input *in, vecd_texts *out, vecd_err *err) {
  if (in->fault) {
    if (err) *err = in->fault_err;
    return in->fault;
  }
  if (vecd_interrupted()) return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "interrupted");
  if (!in->n_args) return next_lines(in, out, err);
  size_t n = in->n_args - in->next_arg;
  if (n > VECD_INPUT_MAX_TEXTS) n = VECD_INPUT_MAX_TEXTS;
  for (size_t i = 0; i < n; i++) in->texts[i] = vecd_span_of(in->args[in->next_arg + i]);
  *out = (vecd_texts){in->texts, n, in->next_arg + 1};
  in->next_arg += n;
  return VECD_OK;
}
