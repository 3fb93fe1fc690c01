/* http_chunked.h - the chunked coding of request bodies (RFC 9112, 7.1), decoded as it comes, in any pieces. */
#ifndef VECD_HTTP_HTTP_CHUNKED_H
#define VECD_HTTP_HTTP_CHUNKED_H

#include "http/http_head.h"

/* Start with zeros. */
typedef struct vecd_http_chunked {
  uint64_t left; /* of the chunk's data: a promise of the sender */
  uint64_t pos;  /* bytes consumed, all calls together */
  unsigned state;
  unsigned n_digits;  /* of the size being read */
  unsigned ext_bytes; /* of extensions, all chunks together */
  unsigned trailer_bytes;
  unsigned n_name; /* of the trailer being read: its name's length, and the name in lower case as far as it fits */
  char name[20];
} vecd_http_chunked;

/* Consumes from p[0, len).
 * used  set to the bytes consumed; what lies behind is not of this body where DONE, or is for the next call.
 * data  set where DATA: a run of the body inside p.
 * MORE consumes everything; FAULT's pos counts from the first byte of the coding. Trailers are checked and dropped; one that
 * would frame the message (RFC 9110, 6.5.1) is a fault. */
vecd_http_step vecd_http_chunked_step(vecd_http_chunked *d, const char *p, size_t len, size_t *used, vecd_span *data,
                                      vecd_http_fault *fault);

#endif
