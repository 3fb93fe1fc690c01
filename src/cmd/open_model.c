/* open_model.c - see open_model.h. */
#include "cmd/open_model.h"

vecd_status vecd_resolve_model(const vecd_settings *settings, const char *name, char **path, vecd_err *err) {
  vecd_registry *registry = NULL;
  vecd_status s = vecd_registry_new(settings->models, &registry, err);
  if (!s) s = vecd_registry_resolve(registry, name ? name : VECD_DEFAULT_MODEL, path, err);
  vecd_registry_free(&registry);
  return s;
}

vecd_status vecd_opened_open(const vecd_settings *settings, const char *name, vecd_opened *out, vecd_err *err) {
  char *path = NULL;
  *out = (vecd_opened){.team = NULL};
  vecd_precision precision;
  vecd_status s = vecd_precision_parse(settings->quantization, &precision, err);
  if (!s) s = vecd_kern_choose(&out->kern, settings->isa, err);
  if (!s) s = vecd_resolve_model(settings, name, &path, err);
  if (!s) s = vecd_team_new((unsigned)settings->threads, &out->team, err);
  if (!s) s = vecd_model_open(path, precision, &out->kern, out->team, &out->model, err);
  vecd_free(path);
  return s;
}

void vecd_opened_close(vecd_opened *opened) {
  vecd_model_close(&opened->model);
  vecd_team_free(&opened->team);
}

vecd_status vecd_check_prompt_flags(const vecd_settings *s, vecd_err *err) {
  if (!s->prompt || !s->prompt_name) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "give --prompt or --prompt-name, not both");
}

vecd_status vecd_encode_how_of(const vecd_settings *settings, const vecd_model *model, vecd_encode_how *out, vecd_err *err) {
  vecd_span text = vecd_span_of(settings->prompt ? settings->prompt : "");
  unsigned dimensions = (unsigned)settings->dimensions;
  *out = (vecd_encode_how){.flags = settings->no_normalize ? VECD_RAW : settings->normalize ? VECD_NORMALIZE : 0};
  out->dimension = dimensions ? dimensions : vecd_model_dimension(model);
  vecd_status s = vecd_model_check_dimension(model, dimensions, err);
  return s ? s : vecd_model_prompt(model, settings->prompt ? &text : NULL, settings->prompt_name, &out->prompt, err);
}

void vecd_encode_texts(const vecd_opened *opened, const vecd_encode_how *how, const vecd_span *texts, size_t n,
                       vecd_item *items, float *vectors, size_t *n_good) {
  size_t dimension = how ? how->dimension : vecd_model_dimension(opened->model);
  for (size_t i = 0; i < n; i++)
    items[i] = (vecd_item){.text = texts[i],
                           .prompt = how ? &how->prompt : NULL,
                           .flags = how ? how->flags : 0,
                           .dimension = (unsigned)dimension,
                           .vector = vectors + i * dimension};
  vecd_model_encode(opened->model, items, n, NULL, NULL);
  for (*n_good = 0; *n_good < n && !items[*n_good].status; ++*n_good) {}
}
