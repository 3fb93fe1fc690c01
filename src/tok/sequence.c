/* sequence.c - the walk that normalizers, pre-tokenizers and post-processors share. */
#include "tok/sequence.h"

#include <stdio.h>

bool vecd_sequence_has_type(const json_t *section, const char *type) {
  const char *is = json_string_value(json_object_get(section, "type"));
  return is && strcmp(is, type) == 0;
}

vecd_status vecd_sequence_each(const char *where, const json_t *section, const char *field, vecd_sequence_fn fn, void *ctx,
                               vecd_err *err) {
  const json_t *list = json_object_get(section, field);
  if (!json_is_array(list)) return vecd_json_wrong_type(list, where, field, "an array", err);
  vecd_status s = VECD_OK;
  char inner[256];
  for (size_t i = 0; i < json_array_size(list) && !s; i++) {
    snprintf(inner, sizeof inner, "%.200s.%s[%zu]", where, field, i);
    s = fn(ctx, inner, json_array_get(list, i), err);
  }
  return s;
}
