/* folder_modules.c - modules.json: which steps make a vector of a text, and with what settings.
 *
 * A module is known by its Python class. The classes have moved between releases ("sentence_transformers.models.Pooling", later
 * "sentence_transformers.sentence_transformer.modules.pooling.Pooling"), so package and class name are looked at apart. */
#include "fmt/folder_parts.h"

#include "base/file.h"
#include "base/mem.h"

/* What a class is: the first two have their places, and one does nothing outside training. */
typedef enum module_role { TRANSFORMER, POOLING, BEHIND, NOTHING } module_role;

static bool starts_with(vecd_span s, const char *prefix) {
  size_t n = strlen(prefix);
  return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

/* *kind is set where the role is BEHIND. */
static bool role_of(vecd_span type, module_role *out, vecd_module_kind *kind) {
  static const char *const packages[] = {"sentence_transformers.models.", "sentence_transformers.base.modules.",
                                         "sentence_transformers.sentence_transformer.modules."};
  static const struct {
    const char *name;
    module_role role;
    vecd_module_kind kind;
  } classes[] = {{"Transformer", TRANSFORMER, VECD_MODULE_COUNT},
                 {"Pooling", POOLING, VECD_MODULE_COUNT},
#define X(kind, text) {text, BEHIND, VECD_MODULE_##kind},
                 VECD_MODULE_LIST(X)
#undef X
                     {"Dropout", NOTHING, VECD_MODULE_COUNT}};
  bool ours = false;
  for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) ours = ours || starts_with(type, packages[i]);
  size_t dot = type.len;
  while (dot > 0 && type.ptr[dot - 1] != '.') dot--;
  vecd_span name = {type.ptr + dot, type.len - dot};
  for (size_t i = 0; i < sizeof classes / sizeof *classes && ours; i++)
    if (vecd_span_eq(name, vecd_span_of(classes[i].name))) {
      *out = classes[i].role;
      *kind = classes[i].kind;
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

/* Takes `path` over. What a module takes must be what the one before gives. */
static vecd_status add_module(vecd_model_folder *f, vecd_module_kind kind, char *path, vecd_err *err) {
  size_t width = f->pooling.dimension;
  if (width) width = vecd_model_folder_full_dimension(f, width);
  vecd_module *grown = vecd_realloc(VECD_MEM_MISC, f->modules, (f->n_modules + 1) * sizeof *grown);
  if (!grown) {
    vecd_free(path);
    return vecd_err_no_memory(err, "the modules", (f->n_modules + 1) * sizeof *grown);
  }
  f->modules = grown;
  vecd_module *m = &f->modules[f->n_modules++];
  *m = (vecd_module){.kind = kind, .path = path};
  if (!path) return VECD_OK; /* our own */
  vecd_status s = vecd_folder_read_module(m, err);
  if (!s && m->n_in && width && m->n_in != width)
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s/config.json: %s is %u, but the module before gives %zu values", path,
                     kind == VECD_MODULE_DENSE ? "in_features" : "dimension", m->n_in, width);
  return s;
}

/* Transformer, Pooling, then what is done to the pooled vector: the order in which we compute. */
static vecd_status read_module(vecd_model_folder *f, const vecd_folder_doc *doc, size_t i, vecd_err *err) {
  const json_t *module = json_array_get(doc->root, i);
  vecd_span type, path = {"", 0}, name;
  module_role role;
  vecd_module_kind kind;
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
  if (!role_of(type, &role, &kind))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: module %zu of type \"%.*s\" is not supported", doc->path, i,
                        shown, type.ptr);
  bool in_order = role == TRANSFORMER ? i == 0 : role == POOLING ? i == 1 : f->pooling.n > 0;
  if (!in_order)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s: module %zu of type \"%.*s\" is out of order; supported is Transformer, Pooling, then any others",
                        doc->path, i, shown, type.ptr);
  if (f->n_modules == VECD_MOST_MODULES)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d modules behind the pooling are not supported",
                        doc->path, VECD_MOST_MODULES);
  char *dir = vecd_folder_join(f->path, path);
  if (!dir) return vecd_err_no_memory(err, doc->path, path.len);
  switch (role) {
  case TRANSFORMER: f->transformer_dir = dir; return VECD_OK;
  case POOLING: s = vecd_folder_read_pooling(&f->pooling, dir, err); break;
  case BEHIND: return add_module(f, kind, dir, err);
  case NOTHING: break;
  }
  vecd_free(dir);
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
  f->pooling.n = 1;
  f->pooling.modes[0] = VECD_POOL_MEAN;
  return add_module(f, VECD_MODULE_NORMALIZE, NULL, err);
}

vecd_status vecd_folder_read_modules(vecd_model_folder *folder, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  vecd_status s = vecd_folder_doc_read(folder->path, "modules.json", VECD_JSON_OPTIONAL, true, &doc, err);
  if (!s && !doc.root) s = assume_modules(folder, err);
  if (!s && doc.root) {
    folder->has_modules = true;
    for (size_t i = 0; i < json_array_size(doc.root) && !s; i++) s = read_module(folder, &doc, i, err);
    if (!s && !folder->pooling.n)
      s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: needs a Transformer and a Pooling module", doc.path);
  }
  vecd_folder_doc_fini(&doc);
  return s;
}
