/* folder_head.c - the settings of the modules behind the pooling: Dense, LayerNorm, Normalize. A field we do not know is refused
 * rather than passed over: it could change the vectors. */
#include "fmt/folder_parts.h"

#define MOST_WIDTH (1u << 20)

const char *vecd_module_name(vecd_module_kind kind) {
  static const char *const names[] = {
#define X(name, text) text,
      VECD_MODULE_LIST(X)
#undef X
  };
  return kind < VECD_MODULE_COUNT ? names[kind] : "?";
}

/* All of them take the pooled vector and leave their result in its place. */
static vecd_status check_names(const vecd_folder_doc *doc, vecd_err *err) {
  static const char *const fields[] = {"module_input_name", "module_output_name"};
  vecd_status s = VECD_OK;
  for (int i = 0; i < 2 && !s; i++) {
    vecd_span name = VECD_SPAN("sentence_embedding");
    s = vecd_json_get_string(doc->root, doc->path, fields[i], VECD_JSON_OPTIONAL, &name, err);
    if (!s && !vecd_span_eq(name, VECD_SPAN("sentence_embedding")))
      s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s other than \"sentence_embedding\" is not supported",
                       doc->path, fields[i]);
  }
  return s;
}

/* Where nothing is said it is Tanh. */
static vecd_status read_activation(vecd_module *m, const vecd_folder_doc *doc, vecd_err *err) {
  static const struct {
    const char *name;
    bool tanh;
  } table[] = {{"torch.nn.modules.activation.Tanh", true},
               {"torch.nn.Tanh", true},
               {"torch.nn.modules.linear.Identity", false},
               {"torch.nn.Identity", false}};
  const json_t *value = json_object_get(doc->root, "activation_function");
  m->has_tanh = true;
  if (!value) return VECD_OK;
  if (!json_is_string(value))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"activation_function\" is of type %s, must be a string",
                        doc->path, vecd_json_type_name(value));
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp(json_string_value(value), table[i].name) == 0) {
      m->has_tanh = table[i].tanh;
      return VECD_OK;
    }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                      "%s: activation_function \"%.80s\" is not supported, only torch.nn.modules.activation.Tanh and "
                      "torch.nn.modules.linear.Identity",
                      doc->path, json_string_value(value));
}

static vecd_status read_dense(vecd_module *m, const vecd_folder_doc *doc, vecd_err *err) {
  static const char *const known[] = {"in_features",       "out_features",       "bias",         "activation_function",
                                      "module_input_name", "module_output_name", "use_residual", NULL};
  bool residual = false;
  m->has_bias = true;
  vecd_status s = vecd_folder_check_fields(doc, known, err);
  if (!s) s = vecd_json_get_uint(doc->root, doc->path, "in_features", VECD_JSON_REQUIRED, 1, MOST_WIDTH, &m->n_in, err);
  if (!s) s = vecd_json_get_uint(doc->root, doc->path, "out_features", VECD_JSON_REQUIRED, 1, MOST_WIDTH, &m->n_out, err);
  if (!s) s = vecd_json_get_bool(doc->root, doc->path, "bias", VECD_JSON_OPTIONAL, &m->has_bias, err);
  if (!s) s = vecd_json_get_bool(doc->root, doc->path, "use_residual", VECD_JSON_OPTIONAL, &residual, err);
  if (!s && residual) s = vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: use_residual true is not supported", doc->path);
  if (!s) s = check_names(doc, err);
  return s ? s : read_activation(m, doc, err);
}

static vecd_status read_layer_norm(vecd_module *m, const vecd_folder_doc *doc, vecd_err *err) {
  static const char *const known[] = {"dimension", NULL};
  vecd_status s = vecd_folder_check_fields(doc, known, err);
  if (!s) s = vecd_json_get_uint(doc->root, doc->path, "dimension", VECD_JSON_REQUIRED, 1, MOST_WIDTH, &m->n_in, err);
  m->n_out = m->n_in;
  return s;
}

static vecd_status find_weights(vecd_module *m, vecd_err *err) {
  bool found;
  vecd_status s = vecd_folder_look_for(m->path, "model.safetensors", &m->weights_path, &found, err);
  if (s || found) return s;
  if (vecd_folder_has(m->path, "pytorch_model.bin"))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s/pytorch_model.bin: this weight format is not supported; convert it to model.safetensors", m->path);
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: file missing", m->weights_path);
}

vecd_status vecd_folder_read_module(vecd_module *m, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  vecd_json_need need = m->kind == VECD_MODULE_NORMALIZE ? VECD_JSON_OPTIONAL : VECD_JSON_REQUIRED;
  vecd_status s = vecd_folder_doc_read(m->path, "config.json", need, false, &doc, err);
  if (!s && doc.root) {
    switch (m->kind) {
    case VECD_MODULE_DENSE: s = read_dense(m, &doc, err); break;
    case VECD_MODULE_LAYER_NORM: s = read_layer_norm(m, &doc, err); break;
    case VECD_MODULE_NORMALIZE: s = check_names(&doc, err); break;
    case VECD_MODULE_COUNT: break;
    }
  }
  if (!s && m->kind != VECD_MODULE_NORMALIZE) s = find_weights(m, err);
  vecd_folder_doc_fini(&doc);
  return s;
}
