/* sequence.h - sections of type "Sequence", whose members are sections in turn. */
#ifndef VECD_TOK_SEQUENCE_H
#define VECD_TOK_SEQUENCE_H

#include "fmt/json.h"

/* Whether section is an object whose field "type" says so. */
bool vecd_sequence_has_type(const json_t *section, const char *type);

/* One member; `where` is what errors call it, borrowed until return. */
typedef vecd_status (*vecd_sequence_fn)(void *ctx, const char *where, const json_t *member, vecd_err *err);

/* Calls fn for each member of section[field], in order, up to the first that gives an error, which is given back.
 * VECD_BAD_MODEL: the field is no array. */
VECD_CHECK vecd_status vecd_sequence_each(const char *where, const json_t *section, const char *field, vecd_sequence_fn fn,
                                          void *ctx, vecd_err *err);

#endif
