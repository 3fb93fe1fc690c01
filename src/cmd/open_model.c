/* open_model.c - see open_model.h. */
#include "cmd/open_model.h"

vecd_status vecd_resolved_find(const vecd_settings *settings, const char *name, vecd_resolved *out, vecd_err *err) {
  vecd_registry *registry = NULL;
  char room[VECD_MODEL_ID_BYTES];
  *out = (vecd_resolved){.path = NULL};
  vecd_status s = vecd_registry_new(settings->models, &registry, err);
  if (!s)
    s = vecd_registry_resolve(registry, name ? name : vecd_registry_id_of(registry, NULL, room), &out->path, &out->id, err);
  if (!s) {
    out->catalogue = vecd_registry_catalogue(registry);
    out->row = vecd_catalogue_get(out->catalogue, out->id);
    out->hints = vecd_hints_of(out->id, out->row);
  }
  vecd_registry_free(&registry);
  return s;
}

void vecd_resolved_fini(vecd_resolved *resolved) {
  vecd_free(resolved->path);
  vecd_free(resolved->id);
  vecd_catalogue_unpin(&resolved->catalogue);
}

vecd_status vecd_opened_open(const vecd_settings *settings, const char *name, vecd_opened *out, vecd_err *err) {
  vecd_resolved found = {.path = NULL};
  *out = (vecd_opened){.team = NULL};
  vecd_precision precision;
  vecd_status s = vecd_precision_parse(settings->quantization, &precision, err);
  if (!s) s = vecd_kern_choose(&out->kern, settings->isa, err);
  if (!s) s = vecd_resolved_find(settings, name, &found, err);
  if (!s) s = vecd_team_new((unsigned)settings->threads, &out->team, err);
  if (!s)
    s = vecd_model_open(found.path, vecd_precision_of(found.row, precision), &out->kern, out->team, &found.hints, &out->model,
                        err);
  vecd_resolved_fini(&found);
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
