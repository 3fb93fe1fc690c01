/* model_id.c - see model_id.h. */
#include "registry/model_id.h"

#include "base/utf8.h"

bool vecd_model_id_is_component(vecd_span name) {
  if (name.len == 0 || name.ptr[0] == '.' || vecd_utf8_valid_prefix(name.ptr, name.len) < name.len) return false;
  for (size_t i = 0; i < name.len; i++)
    if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f || name.ptr[i] == '/') return false;
  return true;
}

bool vecd_model_id_is_valid(vecd_span id) {
  if (id.len == 0 || id.len >= VECD_MODEL_ID_BYTES) return false;
  const char *slash = memchr(id.ptr, '/', id.len);
  if (!slash) return vecd_model_id_is_component(id);
  size_t org = (size_t)(slash - id.ptr);
  return vecd_model_id_is_component((vecd_span){id.ptr, org}) &&
         vecd_model_id_is_component((vecd_span){slash + 1, id.len - org - 1});
}

const char *vecd_model_id_name(const char *id) {
  const char *slash = strrchr(id, '/');
  return slash && slash[1] ? slash + 1 : id;
}
