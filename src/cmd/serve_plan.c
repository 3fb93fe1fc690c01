/* serve_plan.c - see serve_plan.h. */
#include "cmd/serve_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where measured similarities are kept: $XDG_CACHE_HOME/vecd/quality.json, else below ~/.cache; nowhere for who has no home. */
static vecd_status make_quality_path(vecd_serve_plan *p, vecd_err *err) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  vecd_buf path = {.tag = VECD_MEM_MISC};
  if (cache && *cache == '/')
    vecd_buf_printf(&path, "%s/vecd/quality.json", cache);
  else if (home && *home == '/')
    vecd_buf_printf(&path, "%s/.cache/vecd/quality.json", home);
  else
    return VECD_OK;
  p->quality_path = vecd_strdup(VECD_MEM_MISC, vecd_buf_cstr(&path));
  vecd_buf_fini(&path);
  return p->quality_path ? VECD_OK : vecd_err_no_memory(err, "a path", 0);
}

/* "::1" and "[::1]" are the same to people. */
static vecd_status make_address(const vecd_settings *s, vecd_serve_plan *p, vecd_err *err) {
  const char *host = s->host;
  bool bare_v6 = host[0] != '[' && strchr(host, ':');
  int n;
  if (s->unix_path)
    n = snprintf(p->address, sizeof p->address, "unix:%s", s->unix_path);
  else
    n = snprintf(p->address, sizeof p->address, bare_v6 ? "[%s]:%llu" : "%s:%llu", host, (unsigned long long)s->port);
  if (n >= 0 && n < (int)sizeof p->address) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "the address to listen on is too long");
}

/* A path is made known to the registry under its folder's name; an id must be there, or be one that may be downloaded. */
static vecd_status find_default_model(const char *model, bool may_pull, vecd_registry *registry, const char **id,
                                      vecd_err *err) {
  char *path = NULL, *by_id = NULL;
  if (!*model) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--model: must be something, not empty");
  vecd_status status = vecd_registry_resolve(registry, model, &path, NULL, err);
  if (status == VECD_NOT_FOUND && may_pull && vecd_registry_is_on_hub(registry, model)) status = VECD_OK;
  if (!status && (!path || (!vecd_registry_find(registry, model, &by_id, NULL) && strcmp(path, by_id) == 0)))
    *id = model;
  else if (!status)
    status = vecd_registry_add(registry, path, id, err);
  vecd_free(path);
  vecd_free(by_id);
  return status;
}

/* A precision for a model; the last one counts. */
static vecd_status add_precision(vecd_serve_plan *p, const char *id, size_t id_len, const char *precision, vecd_err *err) {
  vecd_engine_settings *engine = &p->api.engine;
  size_t i = 0;
  while (i < engine->n_precisions && (strncmp(p->precision_ids[i], id, id_len) != 0 || p->precision_ids[i][id_len])) i++;
  if (i == engine->n_precisions) {
    p->precision_ids[i] = vecd_strndup(VECD_MEM_MISC, id, id_len);
    if (!p->precision_ids[i]) return vecd_err_no_memory(err, "a model's id", id_len);
    engine->n_precisions++;
  }
  p->precisions[i] = (vecd_engine_precision){p->precision_ids[i], precision};
  return VECD_OK;
}

/* What stands behind --model: ID=PRECISION, or the default model, of which the last one counts. A path may have '=' in it. */
static vecd_status read_models(const vecd_settings *s, vecd_registry *registry, vecd_serve_plan *p, vecd_err *err) {
  const char *model = NULL;
  for (size_t i = 0; i < s->served_models.n; i++) {
    const char *value = s->served_models.text[i], *equals = strrchr(value, '=');
    if (!equals || value[0] == '/' || value[0] == '.') {
      model = value;
      continue;
    }
    const char *precision = equals + 1;
    if (equals == value || (strcmp(precision, "fp32") && strcmp(precision, "int8") && strcmp(precision, "auto")))
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--model: \"%.100s\" must be ID=fp32, ID=int8 or ID=auto",
                          value);
    vecd_status status = add_precision(p, value, (size_t)(equals - value), precision, err);
    if (status) return status;
  }
  return model ? find_default_model(model, s->allow_pull, registry, &p->api.default_model, err) : VECD_OK;
}

static vecd_status cut_lists(const vecd_settings *s, vecd_serve_plan *p, vecd_err *err) {
  vecd_status status = vecd_word_list_cut(&s->keep, &p->keep, err);
  if (!status) status = vecd_word_list_cut(&s->preload, &p->preload, err);
  if (!status) status = vecd_word_list_cut(&s->api_key, &p->api_keys, err);
  if (!status) status = vecd_word_list_cut(&s->admin_key, &p->admin_keys, err);
  if (status) return status;
  if (p->preload.n == 1 && strcmp(p->preload.words[0], "none") == 0) p->preload.n = 0;
  /* A key that was meant and is empty must not leave the door open. */
  bool empty_api = s->api_key.n && !p->api_keys.n, empty_admin = s->admin_key.n && !p->admin_keys.n;
  if (empty_api || empty_admin)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--%s: must be something, not empty",
                        empty_api ? "api-key" : "admin-key");
  return VECD_OK;
}

static vecd_engine_settings engine_settings(const vecd_settings *s, const vecd_serve_plan *p) {
  return (vecd_engine_settings){
      .threads = (unsigned)s->threads,
      .isa = s->isa,
      .precision = s->served_quantization,
      .precisions = p->precisions,
      .n_precisions = p->api.engine.n_precisions,
      .max_models = (size_t)s->max_models,
      .max_memory_bytes = (size_t)s->max_memory_mb << 20,
      .keep_alive_s = (unsigned)s->keep_alive,
      .keep = p->keep.words,
      .n_keep = p->keep.n,
      .min_similarity = s->min_similarity > 0 ? s->min_similarity : -1, /* where 0 is the default */
      .quality_path = p->quality_path,
      .hub = s->allow_pull ? &p->hub : NULL,
      .batch_window_us = (unsigned)s->batch_window_us,
      .busy_poll_ms = (unsigned)s->busy_poll_ms,
      .max_queue_tokens = (size_t)s->max_queue_tokens,
      .request_timeout_ms = (unsigned)s->request_timeout * 1000,
      .batch_timeout_ms = (unsigned)s->inference_timeout * 1000,
  };
}

static void fill(const vecd_settings *s, vecd_serve_plan *p) {
  vecd_api_settings *api = &p->api;
  p->listen[0] = p->address;
  api->http = (vecd_http_settings){.listen = p->listen,
                                   .n_listen = 1,
                                   .max_body_bytes = (size_t)s->max_body,
                                   .max_connections = (unsigned)s->max_connections,
                                   .grace_ms = (unsigned)s->grace * 1000,
                                   .server_name = "vecd"};
  api->engine = engine_settings(s, p);
  api->max_texts = (size_t)s->max_texts;
  api->max_text_bytes = (size_t)s->max_text_bytes;
  api->max_request_bytes = (size_t)s->max_request_memory;
  api->preload = s->preload.n ? p->preload.words : NULL;
  api->n_preload = p->preload.n;
  api->keys = (vecd_key_settings){.keys = p->api_keys.words, .n_keys = p->api_keys.n, .path = s->api_key_file};
  api->admin_keys = (vecd_key_settings){.keys = p->admin_keys.words, .n_keys = p->admin_keys.n};
  api->protect_all = s->protect_all;
}

vecd_status vecd_serve_plan_make(const vecd_settings *settings, vecd_registry *registry, vecd_serve_plan *out, vecd_err *err) {
  *out = (vecd_serve_plan){.quality_path = NULL};
  vecd_status status = make_address(settings, out, err);
  if (!status) status = make_quality_path(out, err);
  if (!status && settings->allow_pull) status = vecd_hub_options_read(&out->hub, err);
  if (!status) status = read_models(settings, registry, out, err);
  if (!status) status = cut_lists(settings, out, err);
  if (!status) fill(settings, out);
  return status;
}

void vecd_serve_plan_fini(vecd_serve_plan *p) {
  vecd_word_list *const lists[] = {&p->keep, &p->preload, &p->api_keys, &p->admin_keys};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) vecd_word_list_fini(lists[i]);
  for (size_t i = 0; i < VECD_SETTING_MOST_VALUES; i++) vecd_free(p->precision_ids[i]);
  vecd_free(p->quality_path);
  vecd_hub_options_fini(&p->hub);
}
