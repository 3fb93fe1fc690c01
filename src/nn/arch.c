/* arch.c - the list of families, and what their readers of config.json share. */
#include "nn/arch.h"

#include <math.h>

static const vecd_arch *const families[] = {&vecd_arch_bert,  &vecd_arch_distilbert, &vecd_arch_roberta,    &vecd_arch_mpnet,
                                            &vecd_arch_t5,    &vecd_arch_modernbert, &vecd_arch_nomic_bert, &vecd_arch_gte,
                                            &vecd_arch_qwen3, &vecd_arch_gemma3};

vecd_status vecd_arch_find(const vecd_model_folder *folder, const vecd_arch **out, const char **model_type, vecd_err *err) {
  char known[256];
  size_t n = 0;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    for (const char *const *type = families[i]->model_types; *type; type++) {
      if (strcmp(*type, folder->model_type) == 0) {
        *out = families[i];
        *model_type = *type;
        return VECD_OK;
      }
      int k = snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", *type);
      if (k > 0 && n + (size_t)k < sizeof known) n += (size_t)k;
    }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: model_type \"%s\" is not one vecd runs (it runs: %s)",
                      folder->config_path, folder->model_type, known);
}

vecd_status vecd_arch_read_sizes(const vecd_model_folder *folder, const vecd_size_keys *keys, vecd_encoder_config *c,
                                 vecd_err *err) {
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  vecd_status s;
  if ((s = vecd_json_get_uint(j, file, keys->layers, VECD_JSON_REQUIRED, 1, VECD_MOST_LAYERS, &c->n_layers, err)) ||
      (s = vecd_json_get_uint(j, file, keys->hidden, VECD_JSON_REQUIRED, 1, 65536, &c->hidden, err)) ||
      (s = vecd_json_get_uint(j, file, keys->heads, VECD_JSON_REQUIRED, 1, 4096, &c->n_heads, err)) ||
      (s = vecd_json_get_uint(j, file, keys->intermediate, VECD_JSON_REQUIRED, 1, 1u << 20, &c->intermediate, err)) ||
      (s = vecd_json_get_uint(j, file, "vocab_size", VECD_JSON_REQUIRED, 1, 1u << 24, &c->vocab_size, err)))
    return s;
  c->n_kv_heads = c->n_heads;
  if (c->head_dim) return VECD_OK; /* said otherwise */
  if (c->hidden % c->n_heads)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s %u is no multiple of %s %u", file, keys->hidden, c->hidden,
                        keys->heads, c->n_heads);
  c->head_dim = c->hidden / c->n_heads;
  return VECD_OK;
}

const vecd_size_keys vecd_size_keys_bert = {"num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"};

vecd_status vecd_arch_read_bert(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_err *err) {
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  vecd_status s;
  if ((s = vecd_arch_read_sizes(folder, &vecd_size_keys_bert, c, err)) ||
      (s = vecd_json_get_uint(j, file, "max_position_embeddings", VECD_JSON_OPTIONAL, 1, 1u << 20, &c->n_positions, err)) ||
      (s = vecd_arch_read_float(j, file, "layer_norm_eps", 0, 1, &c->norm_eps, err)))
    return s;
  return vecd_arch_read_activation(folder, "hidden_act", c, err);
}

vecd_status vecd_arch_read_decoder(const vecd_model_folder *folder, vecd_encoder_config *c, vecd_tensor_flags *flags,
                                   vecd_err *err) {
  const json_t *j = folder->config;
  const char *file = folder->config_path;
  bool bias = false;
  vecd_status s;
  if ((s = vecd_json_get_uint(j, file, "head_dim", VECD_JSON_OPTIONAL, 2, 1024, &c->head_dim, err)) ||
      (s = vecd_arch_read_sizes(folder, &vecd_size_keys_bert, c, err)) ||
      (s = vecd_json_get_uint(j, file, "num_key_value_heads", VECD_JSON_OPTIONAL, 1, 4096, &c->n_kv_heads, err)) ||
      (s = vecd_json_get_uint(j, file, "max_position_embeddings", VECD_JSON_OPTIONAL, 1, 1u << 24, &c->n_positions, err)) ||
      (s = vecd_arch_read_float(j, file, "rms_norm_eps", 0, 1, &c->norm_eps, err)) ||
      (s = vecd_json_get_bool(j, file, "attention_bias", VECD_JSON_OPTIONAL, &bias, err)))
    return s;
  flags->qkv_bias = flags->attention_output_bias = bias;
  return VECD_OK;
}

vecd_status vecd_arch_read_float(const json_t *object, const char *file, const char *key, double least, double most, float *out,
                                 vecd_err *err) {
  double x = (double)*out;
  vecd_status s = vecd_json_get_real(object, file, key, VECD_JSON_OPTIONAL, least, most, &x, err);
  if (!s) *out = (float)x;
  return s;
}

vecd_status vecd_arch_read_activation(const vecd_model_folder *folder, const char *key, vecd_encoder_config *c, vecd_err *err) {
  vecd_span name = {NULL, 0};
  vecd_status s = vecd_json_get_string(folder->config, folder->config_path, key, VECD_JSON_OPTIONAL, &name, err);
  return s || !name.ptr ? s : vecd_activation_parse(name, folder->config_path, &c->activation, err);
}

vecd_status vecd_arch_want_string(const vecd_model_folder *folder, const char *key, const char *want, vecd_err *err) {
  vecd_span got = vecd_span_of(want);
  const char *file = folder->config_path;
  vecd_status s = vecd_json_get_string(folder->config, file, key, VECD_JSON_OPTIONAL, &got, err);
  if (s || vecd_span_eq(got, vecd_span_of(want))) return s;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s: \"%.*s\" is not supported, only \"%s\"", file, key,
                      (int)(got.len > 64 ? 64 : got.len), got.ptr, want);
}

vecd_status vecd_arch_want_bool(const vecd_model_folder *folder, const char *key, bool want, vecd_err *err) {
  bool got = want;
  vecd_status s = vecd_json_get_bool(folder->config, folder->config_path, key, VECD_JSON_OPTIONAL, &got, err);
  if (s || got == want) return s;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s: %s is not supported", folder->config_path, key,
                      got ? "true" : "false");
}

vecd_status vecd_arch_want_null(const vecd_model_folder *folder, const char *key, vecd_err *err) {
  const json_t *value = json_object_get(folder->config, key);
  if (!value || json_is_null(value)) return VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: %s: only null is supported", folder->config_path, key);
}

vecd_status vecd_arch_read_layer_types(const vecd_model_folder *folder, unsigned every, unsigned global, vecd_encoder_config *c,
                                       vecd_err *err) {
  const json_t *types = json_object_get(folder->config, "layer_types");
  if (!types || json_is_null(types)) {
    for (unsigned i = 0; i < c->n_layers; i++) c->local[i] = every && i % every != global % every;
    return VECD_OK;
  }
  if (!json_is_array(types) || json_array_size(types) != c->n_layers)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                        "%s: layer_types is not an array with one entry for each of %u layers", folder->config_path,
                        c->n_layers);
  for (unsigned i = 0; i < c->n_layers; i++) {
    const char *type = json_string_value(json_array_get(types, i));
    c->local[i] = type && strcmp(type, "sliding_attention") == 0;
    if (!c->local[i] && (!type || strcmp(type, "full_attention") != 0))
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                          "%s: layer_types[%u]: \"%.64s\" is neither full_attention nor sliding_attention", folder->config_path,
                          i, type ? type : "");
  }
  return VECD_OK;
}

/* The object under `key`; NULL where it is missing or null. */
static vecd_status find_object(const vecd_model_folder *folder, const json_t *in, const char *key, const json_t **out,
                               vecd_err *err) {
  const json_t *value = json_object_get(in, key);
  *out = json_is_object(value) ? value : NULL;
  if (*out || !value || json_is_null(value)) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"%s\" is of type %s, must be an object",
                      folder->config_path, key, vecd_json_type_name(value));
}

/* One object of rotary parameters. */
static vecd_status read_rope_object(const vecd_model_folder *folder, const json_t *object, float *theta, float *factor,
                                    vecd_err *err) {
  const char *file = folder->config_path;
  vecd_span type = VECD_SPAN("default");
  vecd_status s = vecd_arch_read_float(object, file, "rope_theta", 1, 1e12, theta, err);
  if (!s) s = vecd_json_get_string(object, file, "type", VECD_JSON_OPTIONAL, &type, err); /* of old */
  if (!s) s = vecd_json_get_string(object, file, "rope_type", VECD_JSON_OPTIONAL, &type, err);
  if (s || vecd_span_eq(type, VECD_SPAN("default"))) return s;
  if (factor && vecd_span_eq(type, VECD_SPAN("linear")))
    return vecd_arch_read_float(object, file, "factor", 1, 1e6, factor, err);
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: rope_type: \"%.*s\" is not supported", file,
                      (int)(type.len < 64 ? type.len : 64), type.ptr);
}

vecd_status vecd_arch_read_rope(const vecd_model_folder *folder, const char *key, const char *local_key, vecd_encoder_config *c,
                                vecd_err *err) {
  const char *file = folder->config_path;
  const json_t *all, *scaling, *full, *sliding;
  vecd_status s = find_object(folder, folder->config, "rope_parameters", &all, err);
  if (!s) s = find_object(folder, folder->config, "rope_scaling", &scaling, err);
  if (s) return s;
  if (all) {
    if ((s = find_object(folder, all, "full_attention", &full, err)) ||
        (s = find_object(folder, all, "sliding_attention", &sliding, err)))
      return s;
    if (!full && !sliding) return read_rope_object(folder, all, &c->rope_theta, &c->rope_factor, err);
    if (full) s = read_rope_object(folder, full, &c->rope_theta, &c->rope_factor, err);
    if (!s && sliding) s = read_rope_object(folder, sliding, &c->rope_theta_local, NULL, err);
    return s;
  }
  s = vecd_arch_read_float(folder->config, file, key, 1, 1e12, &c->rope_theta, err);
  if (!s && local_key) {
    if (c->rope_theta_local == 0.0f) c->rope_theta_local = c->rope_theta;
    s = vecd_arch_read_float(folder->config, file, local_key, 1, 1e12, &c->rope_theta_local, err);
  }
  if (!s && scaling) s = read_rope_object(folder, scaling, &c->rope_theta, &c->rope_factor, err);
  return s;
}

static const char *const precision_names[] = {"fp32", "int8", "auto"};

const char *vecd_precision_name(vecd_precision precision) { return precision_names[precision]; }

vecd_status vecd_precision_parse(const char *name, vecd_precision *out, vecd_err *err) {
  *out = VECD_PRECISION_FP32;
  if (!name) return VECD_OK;
  for (int i = 0; i < 3; i++)
    if (strcmp(name, precision_names[i]) == 0) return *out = (vecd_precision)i, VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "precision: \"%.64s\" is not one of fp32, int8, auto", name);
}

vecd_status vecd_activation_parse(vecd_span name, const char *file, vecd_activation *out, vecd_err *err) {
  static const struct {
    const char *name;
    vecd_activation activation;
  } table[] = {
      {"gelu", VECD_ACT_GELU},          {"gelu_python", VECD_ACT_GELU},
      {"gelu_new", VECD_ACT_GELU_TANH}, {"gelu_pytorch_tanh", VECD_ACT_GELU_TANH},
      {"silu", VECD_ACT_SILU},          {"swish", VECD_ACT_SILU},
      {"relu", VECD_ACT_RELU},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (!vecd_span_eq(name, vecd_span_of(table[i].name))) continue;
    *out = table[i].activation;
    return VECD_OK;
  }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                      "%s: hidden_act: \"%.*s\" is not one vecd has (gelu, gelu_new, gelu_pytorch_tanh, silu, relu)", file,
                      (int)(name.len > 64 ? 64 : name.len), name.ptr);
}
