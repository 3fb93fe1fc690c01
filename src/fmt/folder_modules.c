/* folder_modules.c - modules.json: which steps make a vector of a text, and with what settings.
 *
 * A module is known by its Python class. The classes have moved between releases ("sentence_transformers.models.Pooling", later
 * "sentence_transformers.sentence_transformer.modules.pooling.Pooling"), so package and class name are looked at apart. */
#include "fmt/folder_parts.h"

#include "base/file.h"
#include "base/mem.h"

typedef enum module_kind { TRANSFORMER, POOLING, NORMALIZE, DROPOUT } module_kind;

static bool starts_with(vecd_span s, const char *prefix) {
  size_t n = strlen(prefix);
  return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

static bool kind_of(vecd_span type, module_kind *kind) {
  static const char *const packages[] = {"sentence_transformers.models.", "sentence_transformers.base.modules.",
                                         "sentence_transformers.sentence_transformer.modules."};
  static const char *const names[] = {"Transformer", "Pooling", "Normalize", "Dropout"};
  bool ours = false;
  for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) ours = ours || starts_with(type, packages[i]);
  size_t dot = type.len;
  while (dot > 0 && type.ptr[dot - 1] != '.') dot--;
  vecd_span name = {type.ptr + dot, type.len - dot};
  for (int i = 0; i < 4 && ours; i++)
    if (vecd_span_eq(name, vecd_span_of(names[i]))) {
      *kind = (module_kind)i;
      return true;
    }
  return false;
}

bool vecd_folder_stays_inside(vecd_span path) {
  if (path.len > 255 || (path.len && (memchr(path.ptr, '\0', path.len) || path.ptr[0] == '/'))) return false;
  for (size_t i = 0, n; i < path.len; i += n + 1) {
    const char *slash = memchr(path.ptr + i, '/', path.len - i);
    n = slash ? (size_t)(slash - path.ptr) - i : path.len - i;
    if (n == 2 && memcmp(path.ptr + i, "..", 2) == 0) return false;
  }
  return true;
}

/* Python keeps modules in a dict by name: of two that share one, the second takes the first's place. */
static bool name_is_taken(const json_t *modules, size_t i, vecd_span name) {
  for (size_t k = 0; k < i; k++) {
    const json_t *other = json_object_get(json_array_get(modules, k), "name");
    if (vecd_span_eq(name, (vecd_span){json_string_value(other), json_string_length(other)})) return true;
  }
  return false;
}

static vecd_status read_normalize(const char *dir, vecd_err *err) {
  static const char *const fields[] = {"module_input_name", "module_output_name"};
  vecd_folder_doc doc = {NULL, NULL};
  vecd_status s = vecd_folder_doc_read(dir, "config.json", VECD_JSON_OPTIONAL, false, &doc, err);
  for (int i = 0; i < 2 && !s && doc.root; i++) {
    vecd_span name = VECD_SPAN("sentence_embedding");
    s = vecd_json_get_string(doc.root, doc.path, fields[i], VECD_JSON_OPTIONAL, &name, err);
    if (!s && !vecd_span_eq(name, VECD_SPAN("sentence_embedding")))
      s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s other than \"sentence_embedding\" is not supported",
                       doc.path, fields[i]);
  }
  vecd_folder_doc_fini(&doc);
  return s;
}

/* Transformer, Pooling, then any number of Normalize: the order in which we compute. */
static vecd_status read_module(vecd_model_folder *f, const vecd_folder_doc *doc, size_t i, vecd_err *err) {
  const json_t *module = json_array_get(doc->root, i);
  vecd_span type, path = {"", 0}, name;
  module_kind kind;
  vecd_status s = vecd_json_get_string(module, doc->path, "type", VECD_JSON_REQUIRED, &type, err);
  if (!s) s = vecd_json_get_string(module, doc->path, "path", VECD_JSON_REQUIRED, &path, err);
  if (!s) s = vecd_json_get_string(module, doc->path, "name", VECD_JSON_REQUIRED, &name, err);
  if (s) return s;
  int shown = (int)(type.len < 120 ? type.len : 120);
  if (name_is_taken(doc->root, i, name))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: module %zu has the name of an earlier one", doc->path, i);
  if (!vecd_folder_stays_inside(path))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: path of module %zu (\"%.*s\") leaves the model folder",
                        doc->path, i, (int)(path.len < 120 ? path.len : 120), path.ptr);
  if (!kind_of(type, &kind))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: module %zu of type \"%.*s\" is not supported", doc->path, i,
                        shown, type.ptr);
  bool in_order = kind == TRANSFORMER ? i == 0 : kind == POOLING ? i == 1 : f->n_pools > 0;
  if (!in_order)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s: module %zu of type \"%.*s\" is out of order; supported is Transformer, Pooling, Normalize",
                        doc->path, i, shown, type.ptr);
  char *dir = vecd_folder_join(f->path, path);
  if (!dir) return vecd_err_no_memory(err, doc->path, path.len);
  if (kind == TRANSFORMER) {
    f->transformer_dir = dir;
    return VECD_OK;
  }
  if (kind == POOLING) s = vecd_folder_read_pooling(f, dir, err);
  if (kind == NORMALIZE) {
    s = read_normalize(dir, err);
    f->normalize = true;
  }
  vecd_free(dir); /* Dropout does nothing outside training */
  return s;
}

/* No modules.json: a bare transformer. One that has a pooling's folder nevertheless has lost the file on the way. */
static vecd_status assume_modules(vecd_model_folder *f, vecd_err *err) {
  char *pooling = vecd_folder_join(f->path, VECD_SPAN("1_Pooling"));
  bool lost = pooling && vecd_dir_exists(pooling);
  vecd_free(pooling);
  f->transformer_dir = vecd_strdup(VECD_MEM_MISC, f->path);
  if (!pooling || !f->transformer_dir) return vecd_err_no_memory(err, f->path, strlen(f->path));
  if (lost)
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS,
                        "%s/modules.json: file missing though there is 1_Pooling; is the copy whole?", f->path);
  f->n_pools = 1;
  f->pools[0] = VECD_POOL_MEAN;
  f->normalize = true;
  return VECD_OK;
}

vecd_status vecd_folder_read_modules(vecd_model_folder *folder, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  vecd_status s = vecd_folder_doc_read(folder->path, "modules.json", VECD_JSON_OPTIONAL, true, &doc, err);
  if (!s && !doc.root) s = assume_modules(folder, err);
  if (!s && doc.root) {
    folder->has_modules = true;
    for (size_t i = 0; i < json_array_size(doc.root) && !s; i++) s = read_module(folder, &doc, i, err);
    if (!s && !folder->n_pools)
      s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: needs a Transformer and a Pooling module", doc.path);
  }
  vecd_folder_doc_fini(&doc);
  return s;
}
