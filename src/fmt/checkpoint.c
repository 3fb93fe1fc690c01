/* checkpoint.c - one file, or an index and its shards. A shard is opened when the index first names it, so that a folder cannot
 * make us keep a list longer than the files it really has. */
#include "fmt/checkpoint.h"

#include "base/mem.h"
#include "fmt/folder_parts.h"

#define MOST_INDEX_BYTES ((size_t)64 << 20)
#define MOST_SHARDS      1024

struct vecd_checkpoint {
  char *path; /* as opened */
  vecd_safetensors **shards;
  size_t n_shards, cap_shards;
  char **names; /* [n_shards] as the index calls them; NULL without an index */
};

static vecd_status add_shard(vecd_checkpoint *c, const char *path, vecd_err *err) {
  if (c->n_shards == c->cap_shards) {
    size_t cap = c->cap_shards ? 2 * c->cap_shards : 1;
    vecd_safetensors **grown = vecd_realloc(VECD_MEM_MISC, c->shards, cap * sizeof(vecd_safetensors *));
    if (!grown) return vecd_err_no_memory(err, path, cap * sizeof *grown);
    c->shards = grown;
    char **names = vecd_realloc(VECD_MEM_MISC, c->names, cap * sizeof *names);
    if (!names) return vecd_err_no_memory(err, path, cap * sizeof *names);
    c->names = names;
    c->cap_shards = cap;
  }
  vecd_status s = vecd_safetensors_open(path, &c->shards[c->n_shards], err);
  if (!s) c->names[c->n_shards++] = NULL;
  return s;
}

/* The number of the shard called `file`, which is opened where it is a new one. */
static vecd_status find_shard(vecd_checkpoint *c, const char *dir, const char *tensor, const char *file, size_t *out,
                              vecd_err *err) {
  for (size_t i = c->n_shards; i-- > 0;) /* the last one first: an index is mostly in the order of its files */
    if (strcmp(c->names[i], file) == 0) {
      *out = i;
      return VECD_OK;
    }
  if (c->n_shards == MOST_SHARDS)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: names over %d files", c->path, MOST_SHARDS);
  char *path = vecd_folder_join(dir, vecd_span_of(file));
  if (!path) return vecd_err_no_memory(err, c->path, strlen(file));
  vecd_status s = add_shard(c, path, err);
  vecd_free(path);
  if (s == VECD_NOT_FOUND)
    s = vecd_err_set(err, s, VECD_NO_POS, "%s/%.120s: file missing; the index names it for tensor \"%.80s\"", dir, file,
                     tensor);
  if (s) return s;
  *out = c->n_shards - 1;
  c->names[*out] = vecd_strdup(VECD_MEM_MISC, file);
  if (!c->names[*out]) return vecd_err_no_memory(err, c->path, strlen(file));
  return VECD_OK;
}

/* "name": "file". */
static vecd_status read_entry(vecd_checkpoint *c, const char *dir, const char *name, const json_t *file, vecd_err *err) {
  if (!json_is_string(file))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%.80s\": its file is %s, must be a string", c->path,
                        name, vecd_json_type_name(file));
  vecd_span path = {json_string_value(file), json_string_length(file)};
  if (!path.len || !vecd_folder_stays_inside(path))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%.80s\": its file \"%.120s\" leaves the model folder",
                        c->path, name, path.ptr);
  size_t shard = 0;
  vecd_status s = find_shard(c, dir, name, path.ptr, &shard, err);
  if (s || vecd_safetensors_find(c->shards[shard], name)) return s;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%.80s\" is missing, though %s says it is here",
                      vecd_safetensors_path(c->shards[shard]), name, c->path);
}

static vecd_status check_twice(const vecd_checkpoint *c, vecd_err *err) {
  for (size_t i = 1; i < c->n_shards; i++)
    for (size_t t = 0; t < vecd_safetensors_count(c->shards[i]); t++) {
      const char *name = vecd_safetensors_at(c->shards[i], t)->name;
      for (size_t k = 0; k < i; k++)
        if (vecd_safetensors_find(c->shards[k], name))
          return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: tensor \"%.80s\" lies in %s too",
                              vecd_safetensors_path(c->shards[i]), name, vecd_safetensors_path(c->shards[k]));
    }
  return VECD_OK;
}

static vecd_status read_index(vecd_checkpoint *c, vecd_err *err) {
  json_t *index = NULL, *file;
  const char *name;
  const char *slash = strrchr(c->path, '/');
  char *dir = slash ? vecd_strndup(VECD_MEM_MISC, c->path, (size_t)(slash - c->path)) : vecd_strdup(VECD_MEM_MISC, ".");
  vecd_status s = dir ? VECD_OK : vecd_err_no_memory(err, c->path, strlen(c->path));
  if (!s) s = vecd_json_read(c->path, MOST_INDEX_BYTES, &index, err);
  if (s) goto done;
  json_t *map = json_object_get(index, "weight_map");
  if (!json_is_object(map) || json_object_size(map) == 0) {
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"weight_map\" must be an object of tensors and their files",
                     c->path);
    goto done;
  }
  json_object_foreach(map, name, file) {
    if ((s = read_entry(c, dir, name, file, err))) goto done;
  }
  s = check_twice(c, err);
done:
  json_decref(index);
  vecd_free(dir);
  return s;
}

vecd_status vecd_checkpoint_open(const char *path, vecd_checkpoint **out, vecd_err *err) {
  vecd_checkpoint *c = vecd_alloc_zero(VECD_MEM_MISC, 1, sizeof *c);
  if (!c) return vecd_err_no_memory(err, path, sizeof *c);
  size_t len = strlen(path), n = strlen(".json");
  c->path = vecd_strdup(VECD_MEM_MISC, path);
  vecd_status s = c->path ? VECD_OK : vecd_err_no_memory(err, path, len);
  if (!s) s = len >= n && strcmp(path + len - n, ".json") == 0 ? read_index(c, err) : add_shard(c, path, err);
  if (s)
    vecd_checkpoint_close(&c);
  else
    *out = c;
  return s;
}

void vecd_checkpoint_close(vecd_checkpoint **checkpoint) {
  vecd_checkpoint *c = checkpoint ? *checkpoint : NULL;
  if (!c) return;
  for (size_t i = 0; i < c->n_shards; i++) {
    vecd_safetensors_close(&c->shards[i]);
    vecd_free(c->names[i]);
  }
  vecd_free(c->shards);
  vecd_free(c->names);
  vecd_free(c->path);
  vecd_free(c);
  *checkpoint = NULL;
}

/* The tensor called `name` and the shard that has it, or NULL. */
static const vecd_tensor *find(const vecd_checkpoint *c, const char *name, const vecd_safetensors **shard) {
  const vecd_tensor *t = NULL;
  for (size_t i = 0; i < c->n_shards && !t; i++) {
    t = vecd_safetensors_find(c->shards[i], name);
    *shard = c->shards[i];
  }
  return t;
}

const vecd_tensor *vecd_checkpoint_find(const vecd_checkpoint *c, const char *name) {
  const vecd_safetensors *shard;
  return find(c, name, &shard);
}

const char *vecd_checkpoint_file_of(const vecd_checkpoint *c, const char *name) {
  const vecd_safetensors *shard;
  return find(c, name, &shard) ? vecd_safetensors_path(shard) : c->path;
}

void vecd_checkpoint_drop(const vecd_checkpoint *c, const vecd_tensor *t) {
  const vecd_safetensors *shard;
  if (find(c, t->name, &shard)) vecd_safetensors_drop(shard, t);
}

size_t vecd_checkpoint_n_shards(const vecd_checkpoint *c) { return c->n_shards; }

const vecd_safetensors *vecd_checkpoint_shard(const vecd_checkpoint *c, size_t i) {
  vecd_assert(i < c->n_shards);
  return c->shards[i];
}
