/* json.h - JSON text into jansson's values, with errors that name file, line, column and field.
 *
 * The parser is our own (json.c says why), strict and at most 128 levels deep, so that it may run on any thread's stack; the
 * values and everything one does with them are jansson's. The getters add the checks every reader needs: the field is there,
 * has the right type, lies in range. Parsed values are read-only and may then be shared by threads. */
#ifndef VECD_FMT_JSON_H
#define VECD_FMT_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"

/* Parses `text` whole: one value of any type, callers check which. `name` is what errors call it ("config.json", "request
 * body"). *out is given back with json_decref(). Strings may hold U+0000 (use json_string_length), keys never do. An integer
 * over 63 bits becomes a real. VECD_OK; VECD_BAD_SYNTAX "name: line 3, column 7: ..." with err->pos the byte; VECD_NO_MEMORY.
 */
VECD_CHECK vecd_status vecd_json_parse(const char *name, vecd_span text, json_t **out, vecd_err *err);

/* The same with a limit on the number of values, which is what bounds memory: a value takes up to 120 bytes, while three bytes
 * of text ("[],") can make one. vecd_json_parse() allows 16 million. Over it is VECD_BAD_SYNTAX "too many values". */
VECD_CHECK vecd_status vecd_json_parse_most(const char *name, vecd_span text, size_t most_values, json_t **out, vecd_err *err);

/* Reads and parses a file of at most most_bytes. As above, VECD_BAD_MODEL for a fault in it, VECD_NOT_FOUND, VECD_IO. */
VECD_CHECK vecd_status vecd_json_read(const char *path, size_t most_bytes, json_t **out, vecd_err *err);

/* The same, but numbers that are no integers come out as serde_json's default reads them: up to an ulp off the nearest double. For
 * files that mean what a program in Rust takes them for; their values may decide ties. */
VECD_CHECK vecd_status vecd_json_parse_like_serde(const char *name, vecd_span text, json_t **out, vecd_err *err);
VECD_CHECK vecd_status vecd_json_read_like_serde(const char *path, size_t most_bytes, json_t **out, vecd_err *err);

/* The getters below look up `key` in object `obj` of file `file`. A key that is missing or null leaves *out as it was (so set
 * the default beforehand) unless `required`. A wrong type or a value outside the range is VECD_BAD_MODEL naming file, field,
 * what it is and what it must be. */
typedef enum vecd_json_need { VECD_JSON_OPTIONAL, VECD_JSON_REQUIRED } vecd_json_need;

VECD_CHECK vecd_status vecd_json_get_uint(const json_t *obj, const char *file, const char *key, vecd_json_need need,
                                          unsigned least, unsigned most, unsigned *out, vecd_err *err);
VECD_CHECK vecd_status vecd_json_get_real(const json_t *obj, const char *file, const char *key, vecd_json_need need,
                                          double least, double most, double *out, vecd_err *err);
VECD_CHECK vecd_status vecd_json_get_bool(const json_t *obj, const char *file, const char *key, vecd_json_need need, bool *out,
                                          vecd_err *err);
/* *out is borrowed from obj. */
VECD_CHECK vecd_status vecd_json_get_string(const json_t *obj, const char *file, const char *key, vecd_json_need need,
                                            vecd_span *out, vecd_err *err);

/* A string's bytes, borrowed from it; {NULL, 0} for anything else. */
static inline vecd_span vecd_json_span(const json_t *value) {
  return (vecd_span){json_string_value(value), json_string_length(value)};
}

/* Counts all of jansson's memory as VECD_MEM_MISC, and lets tests make it fail. For a main(), before any thread and before
 * the first JSON value: the setting is jansson's own and global to the process, so the library never does this to its host. */
void vecd_json_count_memory(void);

/* VECD_BAD_MODEL: field `key` of `file` is of value's type (NULL: nothing), must be `must`. For fields that no getter reads. */
VECD_CHECK vecd_status vecd_json_wrong_type(const json_t *value, const char *file, const char *key, const char *must,
                                            vecd_err *err);

/* "object", "array", "string", "integer", "real", "boolean", "null": for messages. */
const char *vecd_json_type_name(const json_t *value);

#endif
