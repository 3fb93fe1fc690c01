/* keys.c - see keys.h. Keys stand side by side, padded with NULs, which none may contain: two are the same when all bytes are. */
#include "api/keys.h"

#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define MOST_FILE_BYTES ((size_t)1 << 20)

typedef struct key {
  unsigned char bytes[VECD_KEY_MOST_BYTES];
} key;

typedef struct key_list {
  key *keys;
  size_t n, cap;
} key_list;

struct vecd_keys {
  const char *flag;
  char *path;
  key_list given; /* with the settings */
  pthread_mutex_t lock;
  key_list all; /* with the file's; guarded by lock */
};

static void list_fini(key_list *list) {
  if (list->keys) explicit_bzero(list->keys, list->n * sizeof *list->keys);
  vecd_free(list->keys);
  *list = (key_list){.n = 0};
}

/* NULL when memory is out. The old room is wiped, so it is not reallocated. */
static key *list_grow(key_list *list) {
  if (list->n == list->cap) {
    size_t cap = 2 * list->cap + 8;
    key *grown = vecd_alloc_zero(VECD_MEM_MISC, cap, sizeof *grown);
    if (!grown) return NULL;
    key_list old = *list;
    if (old.n) memcpy(grown, old.keys, old.n * sizeof *grown);
    list_fini(&old);
    list->keys = grown;
    list->cap = cap;
  }
  return &list->keys[list->n++];
}

/* where, number: "line 3 of /path" or "key 3 of --api-key". */
static vecd_status list_add(key_list *list, vecd_span text, const char *what, size_t number, const char *where, vecd_err *err) {
  if (text.len == 0 || text.len > VECD_KEY_MOST_BYTES)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s %zu of %s: a key has from 1 to %d characters", what, number,
                        where, VECD_KEY_MOST_BYTES);
  for (size_t i = 0; i < text.len; i++)
    if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                          "%s %zu of %s: a key is made of printable ASCII characters, without blanks", what, number, where);
  key *k = list_grow(list);
  if (!k) return vecd_err_no_memory(err, "keys", sizeof *k);
  memcpy(k->bytes, text.ptr, text.len);
  return VECD_OK;
}

/* A line without its comment and the blanks around. */
static vecd_span content_of(vecd_span line) {
  for (size_t i = 0; i < line.len; i++)
    if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t')) line.len = i;
  while (line.len && strchr(" \t\r", line.ptr[line.len - 1])) line.len--;
  while (line.len && strchr(" \t", *line.ptr)) line.ptr++, line.len--;
  return line;
}

static vecd_status list_read(key_list *list, const char *path, vecd_err *err) {
  vecd_buf text = {.tag = VECD_MEM_MISC};
  size_t before = list->n, number = 0;
  vecd_status s = vecd_file_read(path, MOST_FILE_BYTES, &text, err);
  if (s == VECD_BAD_MODEL) s = err->code = VECD_BAD_ARGUMENT; /* too long */
  for (size_t at = 0; at < text.len && !s;) {
    const char *begin = text.ptr + at, *end = memchr(begin, '\n', text.len - at);
    size_t len = end ? (size_t)(end - begin) : text.len - at;
    vecd_span line = content_of((vecd_span){begin, len});
    number++;
    if (line.len) s = list_add(list, line, "line", number, path, err);
    at += len + 1;
  }
  if (!s && list->n == before) s = vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: has no key", path);
  if (text.ptr) explicit_bzero(text.ptr, text.len);
  vecd_buf_fini(&text);
  return s;
}

vecd_status vecd_keys_reload(vecd_keys *keys, vecd_err *err) {
  vecd_err why;
  key_list fresh = {.n = 0};
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < keys->given.n && !s; i++) {
    key *k = list_grow(&fresh);
    if (k) *k = keys->given.keys[i];
    if (!k) s = vecd_err_no_memory(&why, "keys", sizeof *k);
  }
  if (!s && keys->path && (s = list_read(&fresh, keys->path, &why))) vecd_err_context(&why, s, "%s-file", keys->flag);
  if (s) {
    list_fini(&fresh);
    if (err) *err = why;
    return s;
  }
  pthread_mutex_lock(&keys->lock);
  key_list old = keys->all;
  keys->all = fresh;
  pthread_mutex_unlock(&keys->lock);
  list_fini(&old);
  return VECD_OK;
}

vecd_status vecd_keys_new(const vecd_key_settings *settings, const char *flag, vecd_keys **out, vecd_err *err) {
  if (!settings->n_keys && !settings->path) {
    *out = NULL;
    return VECD_OK;
  }
  vecd_keys *k = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *k);
  if (!k) return vecd_err_no_memory(err, "keys", sizeof *k);
  k->flag = flag;
  pthread_mutex_init(&k->lock, NULL);
  vecd_status s = VECD_OK;
  if (settings->path && !(k->path = vecd_strdup(VECD_MEM_MISC, settings->path)))
    s = vecd_err_no_memory(err, "keys", strlen(settings->path));
  for (size_t i = 0; i < settings->n_keys && !s; i++)
    s = list_add(&k->given, vecd_span_of(settings->keys[i]), "key", i + 1, flag, err);
  if (!s) s = vecd_keys_reload(k, err);
  if (s)
    vecd_keys_free(&k);
  else
    *out = k;
  return s;
}

void vecd_keys_free(vecd_keys **keys) {
  vecd_keys *k = keys ? *keys : NULL;
  if (!k) return;
  list_fini(&k->given);
  list_fini(&k->all);
  vecd_free(k->path);
  pthread_mutex_destroy(&k->lock);
  vecd_free(k);
  *keys = NULL;
}

bool vecd_keys_has(vecd_keys *keys, vecd_span text) {
  if (!keys) return false;
  key wanted = {{0}};
  size_t len = text.len < sizeof wanted.bytes ? text.len : sizeof wanted.bytes;
  if (len) memcpy(wanted.bytes, text.ptr, len);
  volatile unsigned n_same = 0; /* so that no compiler leaves the loop early */
  pthread_mutex_lock(&keys->lock);
  for (size_t i = 0; i < keys->all.n; i++) {
    unsigned other = 0;
    for (size_t j = 0; j < sizeof wanted.bytes; j++) other |= wanted.bytes[j] ^ keys->all.keys[i].bytes[j];
    n_same += (other - 1) >> 31; /* 1 where other is 0 */
  }
  pthread_mutex_unlock(&keys->lock);
  explicit_bzero(&wanted, sizeof wanted);
  return n_same != 0 && text.len == len && text.len != 0 && !memchr(text.ptr, '\0', text.len);
}
