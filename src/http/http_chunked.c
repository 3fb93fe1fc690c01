/* http_chunked.c - one state a byte. Extensions and trailers mean nothing to us, but are held to the grammar and to a bound:
 * what is skipped laxly is where two readers come to disagree. */
#include "http/http_chunked.h"

#define MOST_DIGITS        16u
#define MOST_EXT_BYTES     (16u << 10)
#define MOST_TRAILER_BYTES (8u << 10)

enum {
  SIZE, /* digits; first, so that zeros are a fresh decoder */
  EXT_NAME,
  EXT_VALUE_FIRST,
  EXT_VALUE,
  EXT_QUOTED,
  EXT_ESCAPED,
  EXT_QUOTED_END,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_FIRST,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  LAST_LF,
  DONE,
};

/* The faults, by number, so that a state's line says only what it accepts. */
typedef enum verdict {
  FINE,
  BAD_SIZE,
  HUGE_SIZE,
  BAD_EXT,
  LONG_EXT,
  BAD_END,
  BAD_TRAILER,
  FRAMING_TRAILER,
  LONG_TRAILER
} verdict;

static const vecd_http_fault faults[] = {
    [BAD_SIZE] = {400, 0, "malformed chunk size"},
    [HUGE_SIZE] = {413, 0, "request body too large"},
    [BAD_EXT] = {400, 0, "malformed chunk extension"},
    [LONG_EXT] = {400, 0, "chunk extensions too long"},
    [BAD_END] = {400, 0, "chunk does not end in CRLF"},
    [BAD_TRAILER] = {400, 0, "malformed trailer"},
    [FRAMING_TRAILER] = {400, 0, "framing header in a trailer"},
    [LONG_TRAILER] = {431, 0, "trailers too large"},
};

/* The end of a size or an extension, where the next may follow. */
static verdict end_or_ext(vecd_http_chunked *d, char c, verdict otherwise) {
  if (c == '\r') return d->state = SIZE_LF, FINE;
  if (c == ';') return d->state = EXT_NAME, d->n_digits = 0, FINE; /* n_digits: bytes of the name */
  return otherwise;
}

static verdict size_byte(vecd_http_chunked *d, char c) {
  if (!vecd_http_is(c, VECD_HTTP_C_HEX)) return d->n_digits ? end_or_ext(d, c, BAD_SIZE) : BAD_SIZE;
  if (d->n_digits == MOST_DIGITS) return d->left ? HUGE_SIZE : BAD_SIZE;
  d->n_digits++;
  if (d->left > UINT64_MAX >> 5) return HUGE_SIZE;
  d->left = d->left << 4 | vecd_http_hex_value(c);
  return FINE;
}

static verdict ext_byte(vecd_http_chunked *d, char c) {
  if (++d->ext_bytes > MOST_EXT_BYTES) return LONG_EXT;
  bool token = vecd_http_is(c, VECD_HTTP_C_TOKEN);
  switch (d->state) {
  case EXT_NAME:
    if (token) return d->n_digits = 1, FINE;
    if (d->n_digits == 0) return BAD_EXT;
    if (c == '=') return d->state = EXT_VALUE_FIRST, FINE;
    return end_or_ext(d, c, BAD_EXT);
  case EXT_VALUE_FIRST:
    if (c == '"') return d->state = EXT_QUOTED, FINE;
    return token ? d->state = EXT_VALUE, FINE : BAD_EXT;
  case EXT_VALUE: return token ? FINE : end_or_ext(d, c, BAD_EXT);
  case EXT_QUOTED:
    if (c == '"') return d->state = EXT_QUOTED_END, FINE;
    if (c == '\\') return d->state = EXT_ESCAPED, FINE;
    return vecd_http_is(c, VECD_HTTP_C_VALUE) ? FINE : BAD_EXT;
  case EXT_ESCAPED: d->state = EXT_QUOTED; return vecd_http_is(c, VECD_HTTP_C_VALUE) ? FINE : BAD_EXT;
  default: /* EXT_QUOTED_END */ return end_or_ext(d, c, BAD_EXT);
  }
}

/* A name that is framing in a head has no business in a trailer: another reader might merge the two. */
static bool trailer_frames(const vecd_http_chunked *d) {
  static const vecd_span framing[] = {{"transfer-encoding", 17}, {"content-length", 14}, {"host", 4}};
  if (d->n_name > sizeof d->name) return false;
  for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
    if (vecd_span_eq((vecd_span){d->name, d->n_name}, framing[i])) return true;
  return false;
}

static verdict trailer_name_byte(vecd_http_chunked *d, char c) {
  if (!vecd_http_is(c, VECD_HTTP_C_TOKEN)) return BAD_TRAILER;
  if (d->n_name < sizeof d->name) d->name[d->n_name] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  d->n_name++; /* bounded by MOST_TRAILER_BYTES */
  d->state = TRAILER_NAME;
  return FINE;
}

static verdict trailer_byte(vecd_http_chunked *d, char c) {
  if (++d->trailer_bytes > MOST_TRAILER_BYTES) return LONG_TRAILER;
  switch (d->state) {
  case TRAILER_FIRST:
    if (c == '\r') return d->state = LAST_LF, FINE;
    d->n_name = 0;
    return trailer_name_byte(d, c);
  case TRAILER_NAME:
    if (c != ':') return trailer_name_byte(d, c);
    return trailer_frames(d) ? FRAMING_TRAILER : (d->state = TRAILER_VALUE, FINE);
  case TRAILER_VALUE:
    if (c == '\r') return d->state = TRAILER_LF, FINE;
    return vecd_http_is(c, VECD_HTTP_C_VALUE) ? FINE : BAD_TRAILER;
  case TRAILER_LF: d->state = TRAILER_FIRST; return c == '\n' ? FINE : BAD_TRAILER;
  default: /* LAST_LF */ d->state = DONE; return c == '\n' ? FINE : BAD_TRAILER;
  }
}

static verdict frame_byte(vecd_http_chunked *d, char c) {
  switch (d->state) {
  case SIZE_LF: d->state = d->left ? DATA : TRAILER_FIRST; return c == '\n' ? FINE : BAD_END;
  case DATA_CR: d->state = DATA_LF; return c == '\r' ? FINE : BAD_END;
  default: /* DATA_LF */
    d->state = SIZE;
    d->n_digits = 0;
    return c == '\n' ? FINE : BAD_END;
  }
}

vecd_http_step vecd_http_chunked_step(vecd_http_chunked *d, const char *p, size_t len, size_t *used, vecd_span *data,
                                      vecd_http_fault *fault) {
  size_t i = 0;
  verdict v = FINE;
  for (; i < len && d->state != DONE; i++, d->pos++) {
    if (d->state == DATA) {
      size_t n = len - i < d->left ? len - i : (size_t)d->left;
      d->left -= n;
      d->pos += n;
      if (d->left == 0) d->state = DATA_CR;
      *data = (vecd_span){p + i, n};
      *used = i + n;
      return VECD_HTTP_STEP_DATA;
    }
    if (d->state == SIZE)
      v = size_byte(d, p[i]);
    else if (d->state <= EXT_QUOTED_END)
      v = ext_byte(d, p[i]);
    else if (d->state <= DATA_LF)
      v = frame_byte(d, p[i]);
    else
      v = trailer_byte(d, p[i]);
    if (v != FINE) {
      *fault = faults[v];
      fault->pos = d->pos;
      *used = i;
      return VECD_HTTP_STEP_FAULT;
    }
  }
  *used = i;
  return d->state == DONE ? VECD_HTTP_STEP_DONE : VECD_HTTP_STEP_MORE;
}
