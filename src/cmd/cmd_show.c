/* cmd_show.c - what is known of a model. It is opened as for use, so a damaged folder is told here and not on the first request. */
#include <sys/stat.h>

#include "cmd/command.h"
#include "cmd/facts.h"
#include "cmd/open_model.h"
#include "cmd/show_modules.h"
#include "fmt/checkpoint.h"

/* "F32", or "F32+F16" for weights that mix them. */
static void name_dtypes(const vecd_checkpoint *weights, char *out, size_t cap) {
  unsigned seen = 0;
  size_t n = 0;
  out[0] = '\0';
  for (size_t k = 0; k < vecd_checkpoint_n_shards(weights); k++) {
    const vecd_safetensors *st = vecd_checkpoint_shard(weights, k);
    for (size_t i = 0; i < vecd_safetensors_count(st); i++) {
      vecd_dtype dtype = vecd_safetensors_at(st, i)->dtype;
      if (seen >> dtype & 1) continue;
      seen |= 1u << dtype;
      int len = snprintf(out + n, cap - n, "%s%s", n ? "+" : "", vecd_dtype_name(dtype));
      if (len > 0 && n + (size_t)len < cap) n += (size_t)len;
    }
  }
}

static void put_file(vecd_facts *f, const char *dir, const char *name) {
  char path[4096], fact[64];
  struct stat st;
  if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path || stat(path, &st) != 0) return;
  snprintf(fact, sizeof fact, "bytes_of_%s", name);
  for (char *p = fact; *p; p++)
    if (*p == '.' || *p == '/') *p = '_';
  if (f->json)
    vecd_facts_number(f, fact, (uint64_t)st.st_size);
  else
    vecd_facts_text(f, "file", "%s, %llu bytes", path, (unsigned long long)st.st_size);
}

/* Who set the limit, where it was not one of the folder's files beside config.json. */
static const char *limit_by_config(const vecd_model_folder *folder, const vecd_encoder_config *config, size_t limit) {
  static const char *const sources[][2] = {{"max_position_embeddings", "config.json, max_position_embeddings"},
                                           {"n_positions", "config.json, n_positions"}};
  if (!config->n_positions || limit < config->n_positions - config->position_offset)
    return "vecd, which makes room for no more";
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
    if (json_integer_value(json_object_get(folder->config, sources[i][0])) == (json_int_t)config->n_positions)
      return sources[i][1];
  return "assumed, since no file says";
}

static void put_limits(vecd_facts *f, const vecd_model *model) {
  const vecd_model_folder *folder = vecd_model_folder_of(model);
  size_t limit = vecd_model_max_tokens(model);
  bool by_folder = folder->max_tokens && folder->max_tokens <= limit;
  const char *by_config = limit_by_config(folder, vecd_encoder_config_of(vecd_model_encoder(model)), limit);
  vecd_facts_number(f, "max_tokens", limit);
  vecd_facts_text(f, "max_tokens_from", "%s", by_folder ? folder->max_tokens_from : by_config);
  if (folder->max_tokens > limit)
    vecd_facts_text(f, "note", "%s says %u tokens, but texts are cut to %zu", folder->max_tokens_from, folder->max_tokens,
                    limit);
}

/* How tokens know where they are and whom they see. */
static void put_attention(vecd_facts *f, const vecd_encoder_config *c) {
  static const char *const names[] = {"learned", "relative", "rotary"};
  char positions[64] = "", seen[96] = "";
  size_t n = 0;
  unsigned n_local = 0;
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (c->positions >> i & 1) n += (size_t)snprintf(positions + n, sizeof positions - n, "%s%s", n ? "+" : "", names[i]);
  for (unsigned i = 0; i < c->n_layers; i++) n_local += c->local[i];
  if (n_local) snprintf(seen, sizeof seen, ", %u of %u layers no further than %u tokens", n_local, c->n_layers, c->window);
  vecd_facts_text(f, "positions", "%s", positions);
  vecd_facts_text(f, "attention", "%s%s", c->causal ? "causal" : "both directions", seen);
}

static void put_facts(vecd_facts *f, const vecd_opened *opened, const vecd_checkpoint *weights) {
  const vecd_model_folder *folder = vecd_model_folder_of(opened->model);
  const vecd_encoder_config *config = vecd_encoder_config_of(vecd_model_encoder(opened->model));
  static const char *const files[] = {"modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                                      "config_sentence_transformers.json"};
  static const char *const inner[] = {"config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors",
                                      "model.safetensors.index.json"};
  vecd_info info;
  char dtypes[96];
  name_dtypes(weights, dtypes, sizeof dtypes);
  vecd_describe(opened->model, &info);
  vecd_facts_text(f, "id", "%s", info.id);
  vecd_facts_text(f, "path", "%s", folder->path);
  vecd_facts_text(f, "architecture", "%s", info.architecture);
  vecd_facts_number(f, "dimension", info.dimension);
  size_t full = vecd_model_full_dimension(opened->model);
  if (info.dimension < full || f->json) vecd_facts_number(f, "full_dimension", full);
  vecd_facts_number(f, "layers", config->n_layers);
  vecd_facts_number(f, "hidden", config->hidden);
  vecd_facts_number(f, "heads", config->n_heads);
  if (config->n_kv_heads != config->n_heads || f->json) vecd_facts_number(f, "key_value_heads", config->n_kv_heads);
  vecd_facts_number(f, "intermediate", config->intermediate);
  vecd_facts_number(f, "vocabulary", vecd_tokenizer_id_limit(vecd_model_tokenizer(opened->model)));
  put_attention(f, config);
  put_limits(f, opened->model);
  vecd_facts_text(f, "pooling", "%s", info.pooling);
  vecd_facts_bool(f, "normalize", info.normalized);
  if (!folder->has_modules)
    vecd_facts_text(f, "assumed", "%s pooling and normalisation, since there is no modules.json", info.pooling);
  vecd_show_modules(f, folder);
  vecd_show_prompts(f, folder);
  vecd_facts_text(f, "dtype", "%s, computed in %s", dtypes, info.precision);
  vecd_facts_number(f, "parameters", info.parameters);
  vecd_facts_number(f, "resident_bytes", info.resident_bytes);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) put_file(f, folder->path, files[i]);
  for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) put_file(f, folder->transformer_dir, inner[i]);
  for (unsigned i = 0; i < folder->n_modules; i++)
    if (folder->modules[i].weights_path) put_file(f, folder->path, folder->modules[i].weights_path + strlen(folder->path) + 1);
  vecd_show_shards(f, folder, weights);
}

int vecd_cmd_show(const vecd_settings *settings) {
  vecd_opened opened;
  vecd_facts facts;
  vecd_err err;
  vecd_checkpoint *weights = NULL;
  vecd_status s = vecd_opened_open(settings, settings->args[0], &opened, &err);
  if (!s) s = vecd_checkpoint_open(vecd_model_folder_of(opened.model)->weights_path, &weights, &err);
  if (!s) {
    vecd_facts_init(&facts, settings->json);
    put_facts(&facts, &opened, weights);
    s = vecd_facts_print(&facts, &err);
  }
  vecd_checkpoint_close(&weights);
  vecd_opened_close(&opened);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
