/* trace.h - which request a line of the log is about: the id it came with or was given, and the caller's W3C Trace Context. */
#ifndef VECD_API_TRACE_H
#define VECD_API_TRACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "http/http.h"

#define VECD_TRACE_ID_BYTES 128

typedef struct vecd_trace {
  char request_id[VECD_TRACE_ID_BYTES + 1];
  char trace_id[33]; /* 32 hexadecimal digits, or "": no valid traceparent came along */
  char span_id[17];  /* the caller's span: 16 digits, or "" */
} vecd_trace;

/* Where ids come from: random numbers of the process, and a count that keeps them apart. */
typedef struct vecd_trace_source {
  uint64_t seeds[2];
  _Atomic uint64_t n_made;
} vecd_trace_source;

void vecd_trace_source_init(vecd_trace_source *source);

/* Fills *out from the head of a request: X-Request-Id where it is valid (the first, if there are several), else a new id.
 * Event thread or any other. */
void vecd_trace_begin(vecd_trace_source *source, const vecd_http_request *req, vecd_trace *out);

/* True for 1 to 128 printable ASCII characters. */
bool vecd_trace_id_valid(vecd_span id);

/* Reads the value of a traceparent header (W3C Trace Context, 3.2), strictly: version ff, ids of zeros only, capital letters and
 * what is too short or too long are invalid; of a later version what stands first is read. False: *out is as it was. */
bool vecd_trace_parse_parent(vecd_span value, vecd_trace *out);

#endif
