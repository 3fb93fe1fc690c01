/* err.h - filling a vecd_err, and the assertion for our own bugs.
 *
 * The function that finds a fault fills the error; callers pass the code up, adding context in front. */
#ifndef VECD_BASE_ERR_H
#define VECD_BASE_ERR_H

#include <stdarg.h>

#include "vecd.h"

#define VECD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VECD_NO_POS            SIZE_MAX

/* Fills *err (nullable) with code, byte position (VECD_NO_POS for none) and one formatted line; control characters from
 * foreign input are replaced by '?'. Returns code, so that `return vecd_err_set(...)` reads well. */
vecd_status vecd_err_set(vecd_err *err, vecd_status code, size_t pos, const char *fmt, ...) VECD_PRINTF(4, 5);

/* Puts formatted context and ": " in front of the text err (nullable) already has. Returns err's code, or `code`. */
vecd_status vecd_err_context(vecd_err *err, vecd_status code, const char *fmt, ...) VECD_PRINTF(3, 4);

/* VECD_NO_MEMORY with a line saying what for. */
vecd_status vecd_err_no_memory(vecd_err *err, const char *what, size_t n_bytes);

/* The HTTP status a server usually answers with. */
int vecd_status_http(vecd_status status);

/* For our own bugs only (the world's faults are a status): prints to stderr and aborts. */
#define vecd_assert(cond) ((cond) ? (void)0 : vecd_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void vecd_assert_failed(const char *cond, const char *file, int line);

#endif
