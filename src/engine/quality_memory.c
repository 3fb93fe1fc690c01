/* quality_memory.c - see quality_memory.h. */
#include "engine/quality_memory.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "fmt/json.h"

#define MOST_FILE_BYTES ((size_t)1 << 20)
#define MOST_ENTRIES    1000 /* beyond which the oldest are forgotten */

struct vecd_quality_memory {
  char *path;
  json_t *root; /* as in the file */
};

static json_t *measured(const vecd_quality_memory *m) { return json_object_get(m->root, "measured"); }

static bool is_cosine(const json_t *value) {
  double x = json_number_value(value);
  return json_is_number(value) && x >= -1 && x <= 1;
}

static bool is_sound(const json_t *root) {
  const char *version = json_string_value(json_object_get(root, "vecd")), *key;
  json_t *all = json_object_get(root, "measured"), *mark;
  if (!version || strcmp(version, VECD_VERSION) != 0 || !json_is_object(all)) return false;
  json_object_foreach(all, key, mark) {
    if (!is_cosine(json_object_get(mark, "mean")) || !is_cosine(json_object_get(mark, "least"))) return false;
  }
  return true;
}

vecd_status vecd_quality_memory_open(const char *path, vecd_quality_memory **out, vecd_err *err) {
  vecd_err fault;
  vecd_quality_memory *m = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *m);
  if (!m) return vecd_err_no_memory(err, "the measured similarities", sizeof *m);
  if (path) m->path = vecd_strdup(VECD_MEM_MISC, path);
  vecd_status s = m->path ? vecd_json_read(m->path, MOST_FILE_BYTES, &m->root, &fault) : VECD_NOT_FOUND;
  if (s && s != VECD_NOT_FOUND) vecd_log(VECD_LOG_WARN, "measured similarities are forgotten: %s", fault.text);
  if (m->root && !is_sound(m->root)) {
    json_decref(m->root);
    m->root = NULL;
  }
  if (!m->root) m->root = json_pack("{s:s, s:{}}", "vecd", VECD_VERSION, "measured");
  if (!m->root || (path && !m->path)) {
    vecd_quality_memory_close(&m);
    return vecd_err_no_memory(err, "the measured similarities", path ? strlen(path) : 0);
  }
  *out = m;
  return VECD_OK;
}

void vecd_quality_memory_close(vecd_quality_memory **memory) {
  vecd_quality_memory *m = memory ? *memory : NULL;
  if (!m) return;
  json_decref(m->root);
  vecd_free(m->path);
  vecd_free(m);
  *memory = NULL;
}

bool vecd_quality_memory_get(const vecd_quality_memory *m, const char *key, vecd_quality_mark *out) {
  const json_t *mark = json_object_get(measured(m), key);
  if (!mark) return false;
  out->mean = json_number_value(json_object_get(mark, "mean"));
  out->least = json_number_value(json_object_get(mark, "least"));
  return true;
}

static bool write_file(const vecd_quality_memory *m) {
  char beside[PATH_MAX];
  if (snprintf(beside, sizeof beside, "%s.%ld", m->path, (long)getpid()) >= (int)sizeof beside)
    return errno = ENAMETOOLONG, false;
  if (vecd_file_make_parents(m->path, NULL)) return false;
  if (json_dump_file(m->root, beside, JSON_INDENT(1)) == 0 && rename(beside, m->path) == 0) return true;
  int fault = errno;
  unlink(beside);
  errno = fault;
  return false;
}

void vecd_quality_memory_put(vecd_quality_memory *m, const char *key, vecd_quality_mark mark) {
  json_t *all = measured(m);
  while (json_object_size(all) >= MOST_ENTRIES) json_object_del(all, json_object_iter_key(json_object_iter(all)));
  if (json_object_set_new(all, key, json_pack("{s:f, s:f}", "mean", mark.mean, "least", mark.least)) != 0)
    vecd_log(VECD_LOG_WARN, "a measured similarity is not remembered: out of memory");
  else if (m->path && !write_file(m))
    vecd_log(VECD_LOG_WARN, "%s: cannot be written: %s; similarities are measured again after the next start", m->path,
             strerror(errno));
}
