/* folder_pipeline.c - config_sentence_transformers.json: what belongs to the whole pipeline. Python puts the default prompt before
 * each text and cuts each vector; a vector that lacks either looks right and is not. */
#include <stdio.h>

#include "base/utf8.h"
#include "fmt/folder_parts.h"

#define PIPELINE_NAME  "config_sentence_transformers.json"
#define MOST_DIMENSION (1u << 24)

static vecd_status check_type(const vecd_folder_doc *doc, vecd_err *err) {
  vecd_span type = VECD_SPAN("SentenceTransformer");
  vecd_status s = vecd_json_get_string(doc->root, doc->path, "model_type", VECD_JSON_OPTIONAL, &type, err);
  if (s || vecd_span_eq(type, VECD_SPAN("SentenceTransformer"))) return s;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: model_type \"%.*s\" is not supported, only SentenceTransformer",
                      doc->path, (int)(type.len < 64 ? type.len : 64), type.ptr);
}

/* A prompt that is null is as good as empty. */
static vecd_status read_prompts(vecd_model_folder *f, const vecd_folder_doc *doc, vecd_err *err) {
  json_t *prompts = json_object_get(doc->root, "prompts"), *text;
  const char *name;
  if (!prompts || json_is_null(prompts)) return VECD_OK;
  if (!json_is_object(prompts))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: field \"prompts\" is of type %s, must be an object", doc->path,
                        vecd_json_type_name(prompts));
  f->prompts = json_object();
  f->prompts_from = PIPELINE_NAME;
  if (!f->prompts) return vecd_err_no_memory(err, doc->path, 0);
  json_object_foreach(prompts, name, text) {
    if (!json_is_string(text) && !json_is_null(text))
      return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: prompt \"%.60s\" is of type %s, must be a string", doc->path,
                          name, vecd_json_type_name(text));
    json_t *value = json_is_null(text) ? json_string("") : json_incref(text);
    if (json_object_set_new(f->prompts, name, value)) return vecd_err_no_memory(err, doc->path, 0);
  }
  return VECD_OK;
}

static vecd_status read_default_prompt(vecd_model_folder *f, const vecd_folder_doc *doc, vecd_err *err) {
  vecd_span wanted = {NULL, 0};
  vecd_status s = vecd_json_get_string(doc->root, doc->path, "default_prompt_name", VECD_JSON_OPTIONAL, &wanted, err);
  if (s || !wanted.ptr) return s;
  const char *name;
  json_t *text;
  json_object_foreach(f->prompts, name, text) {
    if (vecd_span_eq(wanted, vecd_span_of(name))) f->default_prompt = name;
  }
  if (f->default_prompt) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS,
                      "%s: field \"default_prompt_name\" names a prompt that is not in \"prompts\"", doc->path);
}

vecd_status vecd_folder_read_pipeline(vecd_model_folder *f, vecd_err *err) {
  vecd_folder_doc doc = {NULL, NULL};
  if (!f->has_modules) return VECD_OK; /* Python does not look at it either */
  vecd_status s = vecd_folder_doc_read(f->path, PIPELINE_NAME, VECD_JSON_OPTIONAL, false, &doc, err);
  if (!s && doc.root) {
    s = check_type(&doc, err);
    if (!s) s = read_prompts(f, &doc, err);
    if (!s) s = read_default_prompt(f, &doc, err);
    if (!s)
      s = vecd_json_get_uint(doc.root, doc.path, "truncate_dim", VECD_JSON_OPTIONAL, 1, MOST_DIMENSION, &f->truncate_dim, err);
  }
  vecd_folder_doc_fini(&doc);
  return s;
}

vecd_status vecd_model_folder_add_prompts(vecd_model_folder *folder, const json_t *prompts, const char *from, vecd_err *err) {
  if (json_object_size(folder->prompts) || !json_object_size(prompts)) return VECD_OK;
  json_t *copy = json_deep_copy(prompts);
  if (!copy) return vecd_err_no_memory(err, "prompts", 0);
  json_decref(folder->prompts);
  folder->prompts = copy;
  folder->prompts_from = from;
  return VECD_OK;
}

vecd_status vecd_model_folder_prompt(const vecd_model_folder *folder, const char *name, vecd_span *out, vecd_err *err) {
  const json_t *text = json_object_get(folder->prompts, name);
  if (text) {
    *out = (vecd_span){json_string_value(text), json_string_length(text)};
    return VECD_OK;
  }
  char known[300];
  size_t n = 0;
  const char *other;
  json_t *value;
  known[0] = '\0';
  json_object_foreach(folder->prompts, other, value) {
    int k = snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", other);
    if (k < 0 || n + (size_t)k >= sizeof known) {
      known[n] = '\0'; /* no half names */
      break;
    }
    n += (size_t)k;
  }
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "prompt name \"%.60s\": %s %s%s", name, folder->id,
                      n ? "has the prompts " : "has no prompts", known);
}
