/* log.h - one line an event on stderr: text for a terminal, JSON for a pipe.
 *
 * Used by the program only; the library says everything through vecd_err. Thread-safe: a line is written whole. */
#ifndef VECD_BASE_LOG_H
#define VECD_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

typedef enum vecd_log_level { VECD_LOG_ERROR, VECD_LOG_WARN, VECD_LOG_INFO, VECD_LOG_DEBUG } vecd_log_level;

/* A fact that stands beside the message, for programs that search logs. */
typedef struct vecd_log_field {
  const char *name; /* lower case, digits and '_'; not time, level or message */
  enum { VECD_LOG_TEXT, VECD_LOG_UINT, VECD_LOG_MS } kind;
  union {
    const char *text; /* NULL or "": the field is left out; what is over 255 bytes is cut */
    uint64_t uint;
    double ms; /* printed to the microsecond */
  };
} vecd_log_field;

/* Default: INFO, JSON where stderr is no terminal. Any thread, at any time. */
void vecd_log_setup(vecd_log_level level, bool json);

/* False: a line of this level would not be written, so nothing need be prepared for it. */
bool vecd_log_enabled(vecd_log_level level);

/* "2026-11-24T10:00:00.123Z info  text" or {"time":"...","level":"info","message":"text"}. */
void vecd_log(vecd_log_level level, const char *fmt, ...) VECD_PRINTF(2, 3);

/* The same with fields behind the message: "... text status=200 model=m", or further members of the object. Their order is kept.
 * Whatever bytes a text holds, the line is one line of valid UTF-8; in text form one with blanks or quotes stands in quotes. */
void vecd_log_with(vecd_log_level level, const vecd_log_field *fields, size_t n_fields, const char *fmt, ...) VECD_PRINTF(4, 5);

#endif
