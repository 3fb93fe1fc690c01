/* log.h - one line an event on stderr: text for a terminal, JSON for a pipe.
 *
 * Used by the program only; the library says everything through vecd_err. Thread-safe: a line is written whole. */
#ifndef VECD_BASE_LOG_H
#define VECD_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

typedef enum vecd_log_level { VECD_LOG_ERROR, VECD_LOG_WARN, VECD_LOG_INFO, VECD_LOG_DEBUG } vecd_log_level;

/* Default: INFO, JSON where stderr is no terminal. */
void vecd_log_setup(vecd_log_level level, bool json);

/* "2026-11-24T10:00:00.123Z info  text" or {"time":"...","level":"info","message":"text"}. */
void vecd_log(vecd_log_level level, const char *fmt, ...) VECD_PRINTF(2, 3);

#endif
