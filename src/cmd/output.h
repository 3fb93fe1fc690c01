/* output.h - bytes to a file or to standard output through one buffer. */
#ifndef VECD_CMD_OUTPUT_H
#define VECD_CMD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Where bytes go. The caller appends to buf and calls flush now and then. */
typedef struct vecd_output {
  int fd;
  bool owns_fd;
  const char *name; /* for messages; borrowed */
  vecd_buf buf;
} vecd_output;

/* path  NULL or "-": standard output; borrowed until close. An existing file is emptied, unless it is the one open as input_fd
 *       (-1: none), which is refused.
 * VECD_OK; VECD_IO; VECD_BAD_ARGUMENT. */
VECD_CHECK vecd_status vecd_output_open(const char *path, int input_fd, vecd_output *out, vecd_err *err);

/* Writes what was appended. VECD_OK; VECD_IO; VECD_NO_MEMORY an append had failed. */
VECD_CHECK vecd_status vecd_output_flush(vecd_output *out, vecd_err *err);

/* Without flushing. VECD_OK; VECD_IO what the system says only now. */
vecd_status vecd_output_close(vecd_output *out, vecd_err *err);

/* Appends "text" with JSON's escapes; text is valid UTF-8. */
void vecd_output_json_string(vecd_buf *buf, const char *text, size_t len);

/* Prints a text and an end of line: one line, whatever is in it. */
void vecd_print_line(FILE *out, vecd_span text);

#endif
