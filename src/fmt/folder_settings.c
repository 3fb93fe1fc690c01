/* folder_settings.c - the settings of two modules: 1_Pooling/config.json, and sentence_bert_config.json with what stands in for
 * it. A field we do not know is refused rather than passed over: Python would refuse it too, or compute something else. */
#include "fmt/folder_parts.h"

#define MOST_TOKENS 0x7fffffff /* model_max_length is 1e30 where there is no limit; anything from here up is taken for that */

static const char *const pool_flags[] = {
#define X(name, text, flag) flag,
    VECD_POOL_LIST(X)
#undef X
};

static bool is_one_of(const char *name, const char *const *list) {
  for (; *list; list++)
    if (strcmp(name, *list) == 0) return true;
  return false;
}

static vecd_status unknown_field(const vecd_folder_doc *doc, const char *key, vecd_err *err) {
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: field \"%.80s\" is not supported", doc->path, key);
}

vecd_status vecd_folder_check_fields(const vecd_folder_doc *doc, const char *const *known, vecd_err *err) {
  const char *key;
  json_t *value;
  json_object_foreach(doc->root, key, value) {
    if (!is_one_of(key, known)) return unknown_field(doc, key, err);
  }
  return VECD_OK;
}

static vecd_status add_pool(vecd_pooling *p, const vecd_folder_doc *doc, const json_t *mode, vecd_err *err) {
  if (!json_is_string(mode))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"pooling_mode\" must be a string or a list of strings",
                        doc->path);
  if (p->n == VECD_POOL_COUNT)
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: more than %d poolings are not supported", doc->path,
                        VECD_POOL_COUNT);
  if (vecd_pool_find(json_string_value(mode), &p->modes[p->n])) {
    p->n++;
    return VECD_OK;
  }
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: pooling_mode \"%.60s\" is not supported", doc->path,
                      json_string_value(mode));
}

/* The new key wins over the old flags; with neither it is the mean. */
static vecd_status read_pools(vecd_pooling *p, const vecd_folder_doc *doc, vecd_err *err) {
  const json_t *mode = json_object_get(doc->root, "pooling_mode");
  if (json_is_array(mode)) {
    for (size_t i = 0; i < json_array_size(mode); i++) {
      vecd_status s = add_pool(p, doc, json_array_get(mode, i), err);
      if (s) return s;
    }
    if (!p->n) return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"pooling_mode\" is an empty list", doc->path);
    return VECD_OK;
  }
  if (mode) return add_pool(p, doc, mode, err);
  for (int i = 0; i < VECD_POOL_COUNT; i++) {
    bool on = false;
    vecd_status s = vecd_json_get_bool(doc->root, doc->path, pool_flags[i], VECD_JSON_OPTIONAL, &on, err);
    if (s) return s;
    if (on) p->modes[p->n++] = (vecd_pool)i;
  }
  if (!p->n) p->modes[p->n++] = VECD_POOL_MEAN;
  return VECD_OK;
}

vecd_status vecd_folder_read_pooling(vecd_pooling *p, const char *dir, vecd_err *err) {
#define X(name, text, flag) flag,
  static const char *const known[] = {"word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt",
                                      VECD_POOL_LIST(X) NULL};
#undef X
  vecd_folder_doc doc = {NULL, NULL};
  unsigned old = 0, newer = 0;
  vecd_status s = vecd_folder_doc_read(dir, "config.json", VECD_JSON_REQUIRED, false, &doc, err);
  if (!s) s = vecd_folder_check_fields(&doc, known, err);
  if (!s) s = vecd_json_get_uint(doc.root, doc.path, known[0], VECD_JSON_OPTIONAL, 1, 1u << 20, &old, err);
  if (!s)
    s = vecd_json_get_uint(doc.root, doc.path, known[1], old ? VECD_JSON_OPTIONAL : VECD_JSON_REQUIRED, 1, 1u << 20, &newer,
                           err);
  if (!s && old && newer && old != newer)
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: word_embedding_dimension %u and embedding_dimension %u contradict",
                     doc.path, old, newer);
  p->dimension = old ? old : newer;
  if (!s) s = vecd_json_get_bool(doc.root, doc.path, "include_prompt", VECD_JSON_OPTIONAL, &p->include_prompt, err);
  if (!s) s = read_pools(p, &doc, err);
  vecd_folder_doc_fini(&doc);
  return s;
}

/* "text": {"method": "forward", "method_output_name": "last_hidden_state"} is the plain case; CLIP and its like have others. */
static vecd_status check_modality(const vecd_folder_doc *doc, const json_t *modality, vecd_err *err) {
  const json_t *text = json_object_get(modality, "text");
  const char *method = json_string_value(json_object_get(text, "method"));
  const char *output = json_string_value(json_object_get(text, "method_output_name"));
  if (method && output && strcmp(method, "forward") == 0 && strcmp(output, "last_hidden_state") == 0) return VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: modality_config without plain text input is not supported",
                      doc->path);
}

/* Arguments that Python hands on to the model and the tokenizer: only those that change no float32 result are let through. */
static vecd_status check_arguments(const vecd_folder_doc *doc, const char *key, json_t *arguments, vecd_err *err) {
  static const char *const harmless[] = {"trust_remote_code", "torch_dtype",       "dtype",         "attn_implementation",
                                         "use_fast",          "add_pooling_layer", "chat_template", NULL};
  if (!json_is_object(arguments)) return unknown_field(doc, key, err);
  const char *name;
  json_t *value;
  json_object_foreach(arguments, name, value) {
    if (!vecd_folder_is_set(value) || is_one_of(name, harmless)) continue;
    return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: field \"%.60s\" in \"%s\" is not supported", doc->path, name,
                        key);
  }
  return VECD_OK;
}

static vecd_status check_option(const vecd_folder_doc *doc, const char *key, json_t *value, vecd_err *err) {
  static const char *const ignored[] = {"max_seq_length", "do_lower_case", "unpad_inputs",
                                        NULL}; /* read elsewhere, or no matter */
  static const char *const arguments[] = {"model_args",  "model_kwargs",  "tokenizer_args",    "processor_kwargs",
                                          "config_args", "config_kwargs", "processing_kwargs", NULL};
  if (!vecd_folder_is_set(value) || is_one_of(key, ignored)) return VECD_OK;
  if (is_one_of(key, arguments)) return check_arguments(doc, key, value, err);
  if (strcmp(key, "modality_config") == 0) return check_modality(doc, value, err);
  const char *text = json_string_value(value);
  if (text && strcmp(key, "transformer_task") == 0 && strcmp(text, "feature-extraction") == 0) return VECD_OK;
  if (text && strcmp(key, "module_output_name") == 0 && strcmp(text, "token_embeddings") == 0) return VECD_OK;
  return unknown_field(doc, key, err);
}

/* sentence_bert_config.json, under whichever of its names comes first and says anything. */
static vecd_status read_transformer_config(vecd_model_folder *f, vecd_err *err) {
  static const char *const names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                      "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                      "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                      "sentence_xlnet_config.json"};
  vecd_status s = VECD_OK;
  bool said = false;
  for (size_t i = 0; i < sizeof names / sizeof *names && !s && !said; i++) {
    vecd_folder_doc doc = {NULL, NULL};
    s = vecd_folder_doc_read(f->transformer_dir, names[i], VECD_JSON_OPTIONAL, false, &doc, err);
    said = !s && vecd_folder_is_set(doc.root);
    if (said) {
      const char *key;
      json_t *value;
      json_object_foreach(doc.root, key, value) {
        if (!s) s = check_option(&doc, key, value, err);
      }
      if (!s)
        s = vecd_json_get_bool(doc.root, doc.path, "do_lower_case", VECD_JSON_OPTIONAL, &f->tokenizer_rules.lower_first, err);
      if (!s)
        s = vecd_json_get_uint(doc.root, doc.path, "max_seq_length", VECD_JSON_OPTIONAL, 1, MOST_TOKENS, &f->max_tokens, err);
      if (!s && f->max_tokens) f->max_tokens_from = names[i];
    }
    vecd_folder_doc_fini(&doc);
  }
  return s;
}

/* tokenizer_class is one of `classes`, or the same with "Fast" behind it; a folder that names none gets its model type's. */
static bool has_tokenizer(const vecd_model_folder *f, const json_t *config, const char *const *classes,
                          const char *const *model_types) {
  const char *name = json_string_value(json_object_get(config, "tokenizer_class"));
  if (!name) return is_one_of(f->model_type, model_types);
  for (; *classes; classes++) {
    size_t n = strlen(*classes);
    if (strncmp(name, *classes, n) == 0 && (!name[n] || strcmp(name + n, "Fast") == 0)) return true;
  }
  return false;
}

static vecd_status read_tokenizer_rules(vecd_model_folder *f, const vecd_folder_doc *doc, vecd_err *err) {
  static const char *const bert_classes[] = {"BertTokenizer", "DistilBertTokenizer", "MPNetTokenizer", NULL};
  static const char *const bert_types[] = {"bert", "distilbert", "mpnet", "nomic_bert", NULL};
  static const char *const roberta_classes[] = {"RobertaTokenizer", NULL}, *const roberta_types[] = {"roberta", NULL};
  vecd_tokenizer_rules *r = &f->tokenizer_rules;
  r->bert = has_tokenizer(f, doc->root, bert_classes, bert_types);
  r->roberta = has_tokenizer(f, doc->root, roberta_classes, roberta_types);
  if (r->roberta && doc->root)
    return vecd_json_get_bool(doc->root, doc->path, "add_prefix_space", VECD_JSON_OPTIONAL, &r->roberta_prefix_space, err);
  r->bert_lowercase = r->bert_chinese_chars = true;
  r->bert_strip_accents = -1;
  if (!r->bert || !doc->root) return VECD_OK;
  bool strip = false;
  vecd_status s = vecd_json_get_bool(doc->root, doc->path, "do_lower_case", VECD_JSON_OPTIONAL, &r->bert_lowercase, err);
  if (!s)
    s = vecd_json_get_bool(doc->root, doc->path, "tokenize_chinese_chars", VECD_JSON_OPTIONAL, &r->bert_chinese_chars, err);
  if (!s) s = vecd_json_get_bool(doc->root, doc->path, "strip_accents", VECD_JSON_OPTIONAL, &strip, err);
  if (json_is_boolean(json_object_get(doc->root, "strip_accents"))) r->bert_strip_accents = strip;
  return s;
}

static vecd_status read_tokenizer_config(vecd_model_folder *f, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  vecd_status s = vecd_folder_doc_read(f->transformer_dir, "tokenizer_config.json", VECD_JSON_OPTIONAL, false, &doc, err);
  if (!s) s = read_tokenizer_rules(f, &doc, err);
  if (!s && doc.root && json_number_value(json_object_get(doc.root, "model_max_length")) < (double)MOST_TOKENS) {
    unsigned limit = 0;
    s = vecd_json_get_uint(doc.root, doc.path, "model_max_length", VECD_JSON_OPTIONAL, 1, MOST_TOKENS, &limit, err);
    if (!s && limit && !f->max_tokens) {
      f->max_tokens = limit;
      f->max_tokens_from = "tokenizer_config.json";
    }
  }
  vecd_folder_doc_fini(&doc);
  return s;
}

vecd_status vecd_folder_read_limits(vecd_model_folder *folder, vecd_err *err) {
  /* Without modules.json Python never looks at sentence_bert_config.json. */
  vecd_status s = folder->has_modules ? read_transformer_config(folder, err) : VECD_OK;
  return s ? s : read_tokenizer_config(folder, err);
}
