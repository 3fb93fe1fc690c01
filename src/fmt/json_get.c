/* json_get.c - typed, range-checked fields of a JSON object: the checks every reader of a config file needs, in one place so
 * that all of them say the same thing in the same words. */
#include "fmt/json.h"

#include <stdio.h>

const char *vecd_json_type_name(const json_t *value) {
  if (!value) return "nothing";
  switch (json_typeof(value)) {
  case JSON_OBJECT: return "object";
  case JSON_ARRAY: return "array";
  case JSON_STRING: return "string";
  case JSON_INTEGER: return "integer";
  case JSON_REAL: return "real";
  case JSON_TRUE:
  case JSON_FALSE: return "boolean";
  case JSON_NULL: return "null";
  }
  return "unknown";
}

/* *out: the value, NULL where it is missing or null and need not be there. */
static vecd_status find(const json_t *obj, const char *file, const char *key, vecd_json_need need, const json_t **out,
                        vecd_err *err) {
  *out = NULL;
  if (!obj) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is missing (looking for \"%s\")", file, key);
  if (!json_is_object(obj))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is %s, must be an object (looking for \"%s\")", file,
                        vecd_json_type_name(obj), key);
  const json_t *value = json_object_get(obj, key);
  if (value && !json_is_null(value)) {
    *out = value;
    return VECD_OK;
  }
  if (need == VECD_JSON_OPTIONAL) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" is %s", file, key, value ? "null" : "missing");
}

vecd_status vecd_json_wrong_type(const json_t *value, const char *file, const char *key, const char *must, vecd_err *err) {
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" is of type %s, must be %s", file, key,
                      vecd_json_type_name(value), must);
}

vecd_status vecd_json_get_uint(const json_t *obj, const char *file, const char *key, vecd_json_need need, unsigned least,
                               unsigned most, unsigned *out, vecd_err *err) {
  const json_t *value;
  vecd_status s = find(obj, file, key, need, &value, err);
  if (s || !value) return s;
  char must[64];
  snprintf(must, sizeof must, "an integer from %u to %u", least, most);
  if (!json_is_integer(value)) return vecd_json_wrong_type(value, file, key, must, err);
  json_int_t n = json_integer_value(value);
  if (n < (json_int_t)least || n > (json_int_t)most)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" is %" JSON_INTEGER_FORMAT ", must be %s", file, key,
                        n, must);
  *out = (unsigned)n;
  return VECD_OK;
}

vecd_status vecd_json_get_real(const json_t *obj, const char *file, const char *key, vecd_json_need need, double least,
                               double most, double *out, vecd_err *err) {
  const json_t *value;
  vecd_status s = find(obj, file, key, need, &value, err);
  if (s || !value) return s;
  char must[96];
  snprintf(must, sizeof must, "a number from %g to %g", least, most);
  if (!json_is_number(value)) return vecd_json_wrong_type(value, file, key, must, err);
  double x = json_number_value(value);
  if (!(x >= least && x <= most))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" is %g, must be %s", file, key, x, must);
  *out = x;
  return VECD_OK;
}

vecd_status vecd_json_get_bool(const json_t *obj, const char *file, const char *key, vecd_json_need need, bool *out,
                               vecd_err *err) {
  const json_t *value;
  vecd_status s = find(obj, file, key, need, &value, err);
  if (s || !value) return s;
  if (!json_is_boolean(value)) return vecd_json_wrong_type(value, file, key, "true or false", err);
  *out = json_is_true(value);
  return VECD_OK;
}

vecd_status vecd_json_get_string(const json_t *obj, const char *file, const char *key, vecd_json_need need, vecd_span *out,
                                 vecd_err *err) {
  const json_t *value;
  vecd_status s = find(obj, file, key, need, &value, err);
  if (s || !value) return s;
  if (!json_is_string(value)) return vecd_json_wrong_type(value, file, key, "a string", err);
  *out = vecd_json_span(value);
  return VECD_OK;
}
