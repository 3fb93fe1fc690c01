/* hub_plan.c - see hub_plan.h. */
#include "registry/hub_plan.h"

#include <stdio.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/model_folder.h"

#define MOST_NAME_BYTES 255
#define MOST_FOLDERS    (VECD_MOST_MODULES + 3) /* the root, a transformer, a pooling, the modules behind */
#define MOST_SHARDS     1024

#define WEIGHTS   "model.safetensors"
#define INDEX     "model.safetensors.index.json"
#define TOKENIZER "tokenizer.json"
#define CONFIG    "config.json"

/* Looked for in the root and in every module's folder. */
static const char *const small_names[] = {CONFIG,
                                          TOKENIZER,
                                          "tokenizer_config.json",
                                          "special_tokens_map.json",
                                          "modules.json",
                                          "config_sentence_transformers.json",
                                          "sentence_bert_config.json",
                                          "sentence_roberta_config.json",
                                          "sentence_distilbert_config.json",
                                          "sentence_camembert_config.json",
                                          "sentence_albert_config.json",
                                          "sentence_xlm-roberta_config.json",
                                          "sentence_xlnet_config.json"};

/* A branch's name has the rules that a path below a snapshot needs: no "..", nothing absolute. */
static bool is_safe(vecd_span name) { return vecd_hub_revision_is_valid(name); }

/* "folder/name", "name" where folder is empty; NULL: the repository has no such file. */
static const vecd_hub_entry *find_in(const vecd_hub_listing *listing, vecd_span folder, const char *name) {
  char path[MOST_NAME_BYTES + 64];
  int n = snprintf(path, sizeof path, "%.*s%s%s", (int)folder.len, folder.len ? folder.ptr : "", folder.len ? "/" : "", name);
  return n > 0 && n < (int)sizeof path ? vecd_hub_listing_find(listing, path) : NULL;
}

static vecd_status add(const vecd_hub_entry ***list, size_t *n, const vecd_hub_entry *entry, vecd_err *err) {
  for (size_t i = *n; i-- > 0;) /* the last one first: an index is mostly in the order of its files */
    if ((*list)[i] == entry) return VECD_OK;
  const vecd_hub_entry **grown = vecd_realloc(VECD_MEM_MISC, *list, (*n + 1) * sizeof *grown);
  if (!grown) return vecd_err_no_memory(err, "the list of files", (*n + 1) * sizeof *grown);
  *list = grown;
  grown[(*n)++] = entry;
  return VECD_OK;
}

/* The folders of modules.json in their order, the transformer's first. */
static vecd_status read_folders(const char *id, const json_t *modules, vecd_span *folders, size_t *n, vecd_err *err) {
  if (!json_is_array(modules) || json_array_size(modules) == 0 || json_array_size(modules) > MOST_FOLDERS)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: modules.json must be an array of 1 to %d modules", id,
                        MOST_FOLDERS);
  for (size_t i = 0; i < json_array_size(modules); i++) {
    vecd_span path;
    vecd_status s = vecd_json_get_string(json_array_get(modules, i), "modules.json", "path", VECD_JSON_REQUIRED, &path, err);
    if (s) return vecd_err_context(err, s, "%s", id);
    if (path.len && !is_safe(path))
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                          "%s: modules.json: path of module %zu (\"%.*s\") leaves the repository", id, i, VECD_SHOWN(path));
    folders[(*n)++] = path;
  }
  return VECD_OK;
}

/* What is missing, and the first of `others` that is there instead. */
static vecd_status refuse(const char *id, const vecd_hub_listing *listing, vecd_span folder, const char *missing,
                          const char *const *others, const char *advice, vecd_err *err) {
  const char *other = NULL;
  for (; *others && !other; others++)
    if (find_in(listing, folder, *others)) other = *others;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: the repository has no %.*s%s%s%s%s%s%s", id, (int)folder.len,
                      folder.len ? folder.ptr : "", folder.len ? "/" : "", missing, other ? " (but " : "", other ? other : "",
                      other ? ")" : "", advice);
}

/* A transformer wants all that a model is made of. */
static vecd_status check_transformer(const char *id, const vecd_hub_listing *listing, vecd_span folder, vecd_err *err) {
  static const char *const weights[] = {
      "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack",
      "onnx/model.onnx",   "openvino/openvino_model.xml",  NULL};
  static const char *const tokenizers[] = {"vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json", NULL};
  static const char *const none[] = {NULL};
  if (find_in(listing, folder, "adapter_config.json"))
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                        "%s: is an adapter (PEFT), which vecd does not merge into its model", id);
  if (!find_in(listing, folder, CONFIG))
    return refuse(id, listing, folder, CONFIG, none, ", so it is no model of transformers", err);
  if (!find_in(listing, folder, WEIGHTS) && !find_in(listing, folder, INDEX))
    return refuse(id, listing, folder, WEIGHTS, weights, "; vecd reads no other format: it must be converted first", err);
  if (!find_in(listing, folder, TOKENIZER))
    return refuse(id, listing, folder, TOKENIZER, tokenizers,
                  "; vecd reads no other kind: save the model's fast tokenizer first", err);
  return VECD_OK;
}

/* A Dense has its weights in a folder of its own. */
static vecd_status check_module(const char *id, const vecd_hub_listing *listing, vecd_span folder, vecd_err *err) {
  static const char *const weights[] = {"pytorch_model.bin", NULL};
  if (!find_in(listing, folder, weights[0]) || find_in(listing, folder, WEIGHTS)) return VECD_OK;
  return refuse(id, listing, folder, WEIGHTS, weights, "; vecd reads no other format: it must be converted first", err);
}

vecd_status vecd_hub_plan_make(const char *id, const vecd_hub_listing *listing, const json_t *modules, vecd_hub_plan *out,
                               vecd_err *err) {
  vecd_span folders[MOST_FOLDERS + 1] = {{"", 0}}; /* the root, in any case */
  size_t n = 1;
  *out = (vecd_hub_plan){.small = NULL};
  vecd_status s = modules ? read_folders(id, modules, folders, &n, err) : VECD_OK;
  vecd_span transformer = folders[n > 1 ? 1 : 0];
  if (!s) s = check_transformer(id, listing, transformer, err);
  for (size_t i = 2; i < n && !s; i++) s = check_module(id, listing, folders[i], err);
  for (size_t i = 0; i < n && !s; i++) {
    for (size_t k = 0; k < sizeof small_names / sizeof *small_names && !s; k++) {
      const vecd_hub_entry *e = find_in(listing, folders[i], small_names[k]);
      if (e) s = add(&out->small, &out->n_small, e, err);
    }
    const vecd_hub_entry *weights = i == 0 && transformer.len ? NULL : find_in(listing, folders[i], WEIGHTS);
    if (!s && weights) s = add(&out->large, &out->n_large, weights, err);
  }
  if (!s && !find_in(listing, transformer, WEIGHTS)) {
    out->index = find_in(listing, transformer, INDEX);
    s = add(&out->small, &out->n_small, out->index, err);
  }
  return s;
}

vecd_status vecd_hub_plan_add_shards(const char *id, const vecd_hub_listing *listing, const json_t *index, vecd_hub_plan *plan,
                                     vecd_err *err) {
  const char *tensor;
  json_t *file, *map = json_object_get(index, "weight_map");
  size_t folder_len = strlen(plan->index->name) - strlen(INDEX), before = plan->n_large;
  vecd_span folder = {plan->index->name, folder_len ? folder_len - 1 : 0};
  if (!json_is_object(map) || json_object_size(map) == 0)
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s has no \"weight_map\"", id, plan->index->name);
  json_object_foreach(map, tensor, file) {
    vecd_span name = vecd_json_span(file);
    if (!name.ptr || !is_safe(name))
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s: the file of tensor \"%.80s\" leaves the repository", id,
                          plan->index->name, tensor);
    const vecd_hub_entry *e = find_in(listing, folder, name.ptr);
    if (!e)
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: the repository has no %.120s, which %s names", id, name.ptr,
                          plan->index->name);
    vecd_status s = add(&plan->large, &plan->n_large, e, err);
    if (s) return s;
    if (plan->n_large - before > MOST_SHARDS)
      return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: weights in over %d files", id, MOST_SHARDS);
  }
  return VECD_OK;
}

void vecd_hub_plan_fini(vecd_hub_plan *plan) {
  vecd_free(plan->small);
  vecd_free(plan->large);
  *plan = (vecd_hub_plan){.small = NULL};
}
