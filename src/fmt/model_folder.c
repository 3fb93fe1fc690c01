/* model_folder.c - opens a Hugging Face folder: which files are there, what config.json says, and in what order the rest is
 * read. The rule for everything is what sentence-transformers 6 makes of the folder; where that goes on with a shrug and would
 * give other vectors than the model's author meant, we stop and say why. */
#include "fmt/model_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "fmt/folder_parts.h"

#define MOST_FILE_BYTES  ((size_t)8 << 20) /* Gemma's tokenizer_config.json has 1.2 MB */
#define MOST_FILE_VALUES 200000

const char *vecd_pool_name(vecd_pool pool) {
  static const char *const names[] = {
#define X(name, text, flag) text,
      VECD_POOL_LIST(X)
#undef X
  };
  return pool < VECD_POOL_COUNT ? names[pool] : "?";
}

bool vecd_pool_find(const char *name, vecd_pool *out) {
  for (int i = 0; i < VECD_POOL_COUNT; i++) {
    if (strcmp(name, vecd_pool_name((vecd_pool)i)) != 0) continue;
    *out = (vecd_pool)i;
    return true;
  }
  return false;
}

void vecd_pooling_name(const vecd_pooling *pooling, char *out, size_t cap) {
  size_t n = 0;
  if (cap) out[0] = '\0';
  for (unsigned i = 0; i < pooling->n; i++) {
    int k = snprintf(out + n, cap - n, "%s%s", i ? "+" : "", vecd_pool_name(pooling->modes[i]));
    if (k > 0 && n + (size_t)k < cap) n += (size_t)k;
  }
}

size_t vecd_model_folder_full_dimension(const vecd_model_folder *f, size_t hidden) {
  size_t n = f->pooling.n * hidden;
  for (unsigned i = 0; i < f->n_modules; i++)
    if (f->modules[i].n_out) n = f->modules[i].n_out;
  return n;
}

size_t vecd_model_folder_dimension(const vecd_model_folder *f, size_t hidden) {
  size_t n = vecd_model_folder_full_dimension(f, hidden);
  return f->truncate_dim && f->truncate_dim < n ? f->truncate_dim : n;
}

bool vecd_model_folder_normalizes(const vecd_model_folder *f, size_t hidden) {
  bool last = f->n_modules && f->modules[f->n_modules - 1].kind == VECD_MODULE_NORMALIZE;
  return last && vecd_model_folder_dimension(f, hidden) == vecd_model_folder_full_dimension(f, hidden);
}

char *vecd_folder_join(const char *dir, vecd_span name) {
  size_t n = strlen(dir);
  char *path = vecd_alloc(VECD_MEM_MISC, n + 1 + name.len + 1);
  if (!path) return NULL;
  memcpy(path, dir, n);
  if (name.len) {
    path[n++] = '/';
    memcpy(path + n, name.ptr, name.len);
  }
  path[n + name.len] = '\0';
  return path;
}

void vecd_folder_doc_fini(vecd_folder_doc *doc) {
  json_decref(doc->root);
  vecd_free(doc->path);
  *doc = (vecd_folder_doc){NULL, NULL};
}

vecd_status vecd_folder_doc_read(const char *dir, const char *name, vecd_json_need need, bool array, vecd_folder_doc *out,
                                 vecd_err *err) {
  vecd_buf text = {.tag = VECD_MEM_MISC};
  *out = (vecd_folder_doc){vecd_folder_join(dir, vecd_span_of(name)), NULL};
  if (!out->path) return vecd_err_no_memory(err, name, strlen(dir) + strlen(name) + 2);
  vecd_err why = {VECD_OK, VECD_NO_POS, ""}; /* kept back: a missing file may be no fault */
  vecd_status s = vecd_file_read(out->path, MOST_FILE_BYTES, &text, &why);
  struct stat st;
  if (s == VECD_NOT_FOUND && need == VECD_JSON_OPTIONAL && lstat(out->path, &st) != 0) {
    s = VECD_OK;
    goto done;
  }
  if (!s) s = vecd_json_parse_most(out->path, (vecd_span){text.ptr, text.len}, MOST_FILE_VALUES, &out->root, &why);
  if (s == VECD_BAD_SYNTAX) s = why.code = VECD_BAD_MODEL;
  if (!s && (array ? !json_is_array(out->root) : !json_is_object(out->root)))
    s = vecd_err_set(&why, VECD_BAD_MODEL, 0, "%s: is %s, must be %s", out->path, vecd_json_type_name(out->root),
                     array ? "an array" : "an object");
  if (s && err) *err = why;
done:
  vecd_buf_fini(&text);
  return s;
}

bool vecd_folder_is_set(const json_t *value) {
  if (!value || json_is_null(value)) return false;
  if (json_is_string(value)) return json_string_length(value) > 0;
  if (json_is_array(value)) return json_array_size(value) > 0;
  return !json_is_object(value) || json_object_size(value) > 0;
}

/* "models/x//" and "models/x" are one folder; the id comes from where links lead. */
static vecd_status read_path(vecd_model_folder *f, const char *path, vecd_err *err) {
  size_t len = strlen(path);
  while (len > 1 && path[len - 1] == '/') len--;
  f->path = vecd_strndup(VECD_MEM_MISC, path, len);
  if (!f->path) return vecd_err_no_memory(err, path, len);
  struct stat st;
  if (stat(f->path, &st) != 0) {
    int e = errno;
    vecd_status code = e == ENOENT || e == ENOTDIR ? VECD_NOT_FOUND : VECD_IO;
    return vecd_err_set(err, code, VECD_NO_POS, "%s: no such model folder: %s", f->path, strerror(e));
  }
  if (!S_ISDIR(st.st_mode)) return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: not a folder", f->path);
  char *resolved = realpath(f->path, NULL);
  if (!resolved) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot be resolved: %s", f->path, strerror(errno));
  const char *slash = strrchr(resolved, '/');
  f->id = vecd_strdup(VECD_MEM_MISC, slash && slash[1] ? slash + 1 : resolved);
  free(resolved);
  return f->id ? VECD_OK : vecd_err_no_memory(err, path, len);
}

vecd_status vecd_folder_look_for(const char *dir, const char *name, char **out, bool *found, vecd_err *err) {
  *found = false;
  *out = vecd_folder_join(dir, vecd_span_of(name));
  if (!*out) return vecd_err_no_memory(err, name, strlen(dir) + strlen(name) + 2);
  struct stat st;
  *found = stat(*out, &st) == 0;
  if (*found && !S_ISREG(st.st_mode)) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: not a regular file", *out);
  return VECD_OK;
}

bool vecd_folder_has(const char *dir, const char *name) {
  char path[PATH_MAX]; /* no longer path can be there */
  int n = snprintf(path, sizeof path, "%s/%s", dir, name);
  return n > 0 && (size_t)n < sizeof path && vecd_file_exists(path);
}

static vecd_status find_weights(vecd_model_folder *f, vecd_err *err) {
  const char *dir = f->transformer_dir;
  bool found;
  vecd_status s = vecd_folder_look_for(dir, "model.safetensors", &f->weights_path, &found, err);
  if (s) return s;
  if (vecd_folder_has(dir, "adapter_config.json"))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s/adapter_config.json: adapters (PEFT) are not supported; merge it "
                        "into the model and save that",
                        dir);
  if (found) return VECD_OK;
  char *single = f->weights_path;
  s = vecd_folder_look_for(dir, "model.safetensors.index.json", &f->weights_path, &found, err);
  if (s || found) {
    vecd_free(single);
    return s;
  }
  vecd_free(f->weights_path);
  f->weights_path = single;
  static const char *const others[] = {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5",
                                       "flax_model.msgpack"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (vecd_folder_has(dir, others[i]))
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                          "%s/%s: this weight format is not supported; convert it to model.safetensors", dir, others[i]);
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: file missing", f->weights_path);
}

static vecd_status find_tokenizer(vecd_model_folder *f, vecd_err *err) {
  bool found;
  vecd_status s = vecd_folder_look_for(f->transformer_dir, "tokenizer.json", &f->tokenizer_path, &found, err);
  if (s || found) return s;
  bool other = vecd_folder_has(f->transformer_dir, "vocab.txt") ||
               vecd_folder_has(f->transformer_dir, "sentencepiece.bpe.model") ||
               vecd_folder_has(f->transformer_dir, "spiece.model");
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: file missing%s", f->tokenizer_path,
                      other ? "; save the model's fast tokenizer to make it" : "");
}

static vecd_status read_config(vecd_model_folder *f, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  vecd_span type = {NULL, 0};
  vecd_status s = vecd_folder_doc_read(f->transformer_dir, "config.json", VECD_JSON_REQUIRED, false, &doc, err);
  if (!s) s = vecd_json_get_string(doc.root, doc.path, "model_type", VECD_JSON_REQUIRED, &type, err);
  if (!s && (type.len < 1 || type.len > 64 || memchr(type.ptr, '\0', type.len)))
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"model_type\" must have 1 to 64 bytes, none of them 0",
                     doc.path);
  if (s) {
    vecd_folder_doc_fini(&doc);
    return s;
  }
  f->config = doc.root;
  f->config_path = doc.path;
  f->model_type = vecd_strndup(VECD_MEM_MISC, type.ptr, type.len);
  return f->model_type ? VECD_OK : vecd_err_no_memory(err, "model_type", type.len);
}

/* A bare transformer made to predict the next token gathers the text in its last one. */
static void assume_pooling(vecd_model_folder *f) {
  const char *name = json_string_value(json_array_get(json_object_get(f->config, "architectures"), 0));
  size_t len = name ? strlen(name) : 0, n = strlen("ForCausalLM");
  if (f->has_modules || len < n || strcmp(name + len - n, "ForCausalLM") != 0) return;
  if (!json_is_false(json_object_get(f->config, "is_causal"))) f->pooling.modes[0] = VECD_POOL_LAST_TOKEN;
}

static vecd_status check_truncation(const vecd_model_folder *f, vecd_err *err) {
  size_t n = vecd_model_folder_full_dimension(f, f->pooling.dimension);
  if (!f->pooling.dimension || f->truncate_dim <= n) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                      "%s/config_sentence_transformers.json: truncate_dim is %u, but a vector has %zu values", f->path,
                      f->truncate_dim, n);
}

/* The pooling's dimension is the width of what it pools; Python never compares them. */
static vecd_status check_dimension(const vecd_model_folder *f, vecd_err *err) {
  static const char *const names[] = {"hidden_size", "d_model", "dim"};
  for (size_t i = 0; i < sizeof names / sizeof *names && f->pooling.dimension; i++) {
    const json_t *width = json_object_get(f->config, names[i]);
    if (!json_is_integer(width)) continue;
    if (json_integer_value(width) == (json_int_t)f->pooling.dimension) break;
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                        "%s: pooling has word_embedding_dimension %u but config.json has %s %" JSON_INTEGER_FORMAT, f->path,
                        f->pooling.dimension, names[i], json_integer_value(width));
  }
  return VECD_OK;
}

vecd_status vecd_model_folder_open(const char *path, vecd_model_folder *out, vecd_err *err) {
  vecd_model_folder f = {.pooling.include_prompt = true};
  vecd_status s = read_path(&f, path, err);
  if (!s) s = vecd_folder_read_modules(&f, err);
  if (!s) s = read_config(&f, err);
  if (!s) assume_pooling(&f);
  if (!s) s = check_dimension(&f, err);
  if (!s) s = vecd_folder_read_limits(&f, err);
  if (!s) s = vecd_folder_read_pipeline(&f, err);
  if (!s) s = check_truncation(&f, err);
  if (!s) s = find_tokenizer(&f, err);
  if (!s) s = find_weights(&f, err);
  if (s)
    vecd_model_folder_close(&f);
  else
    *out = f;
  return s;
}

void vecd_model_folder_close(vecd_model_folder *folder) {
  if (!folder) return;
  char *const strings[] = {folder->path,         folder->id,          folder->transformer_dir,
                           folder->weights_path, folder->config_path, folder->tokenizer_path,
                           folder->model_type};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) vecd_free(strings[i]);
  for (unsigned i = 0; i < folder->n_modules; i++) {
    vecd_free(folder->modules[i].path);
    vecd_free(folder->modules[i].weights_path);
  }
  vecd_free(folder->modules);
  json_decref(folder->config);
  json_decref(folder->prompts);
  *folder = (vecd_model_folder){0};
}
