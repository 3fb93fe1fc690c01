/* facts.h - a list of named facts, printed as aligned lines for people or as one JSON object for programs. */
#ifndef VECD_CMD_FACTS_H
#define VECD_CMD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct vecd_facts {
  vecd_buf buf;
  bool json;
  size_t n;
} vecd_facts;

void vecd_facts_init(vecd_facts *f, bool json);

/* Names are words of ASCII; text is formatted, and made valid UTF-8 on one line. */
void vecd_facts_text(vecd_facts *f, const char *name, const char *fmt, ...) VECD_PRINTF(3, 4);
void vecd_facts_number(vecd_facts *f, const char *name, uint64_t value);
void vecd_facts_bool(vecd_facts *f, const char *name, bool value);

/* What the caller has written already: a JSON value, or the rest of a line. */
void vecd_facts_value(vecd_facts *f, const char *name, const vecd_buf *value);

/* Prints all to stdout. VECD_OK; VECD_NO_MEMORY. Frees. */
VECD_CHECK vecd_status vecd_facts_print(vecd_facts *f, vecd_err *err);

#endif
