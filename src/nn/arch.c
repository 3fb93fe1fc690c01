/* arch.c - the list of families. */
#include "nn/arch.h"

static const vecd_arch *const families[] = {&vecd_arch_bert};

vecd_status vecd_arch_find(const vecd_model_folder *folder, const vecd_arch **out, vecd_err *err) {
  char known[256];
  size_t n = 0;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    if (strcmp(families[i]->model_type, folder->model_type) == 0) {
      *out = families[i];
      return VECD_OK;
    }
    int k = snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", families[i]->model_type);
    if (k > 0 && n + (size_t)k < sizeof known) n += (size_t)k;
  }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: model_type \"%s\" is not one vecd runs (it runs: %s)",
                      folder->config_path, folder->model_type, known);
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
