/* folder_parts.h - what the files that read a model folder share among themselves; others include model_folder.h. */
#ifndef VECD_FMT_FOLDER_PARTS_H
#define VECD_FMT_FOLDER_PARTS_H

#include "fmt/model_folder.h"

/* One small JSON file of the folder. */
typedef struct vecd_folder_doc {
  char *path;   /* as errors call it */
  json_t *root; /* NULL: optional and not there */
} vecd_folder_doc;

/* Reads dir/name, which must be an object, or an array where `array`. A link that leads nowhere is not "not there": it is what
 * an interrupted download leaves behind. VECD_OK; VECD_NOT_FOUND; VECD_BAD_MODEL; VECD_IO; VECD_NO_MEMORY. *out is to be given
 * back in any case. */
VECD_CHECK vecd_status vecd_folder_doc_read(const char *dir, const char *name, vecd_json_need need, bool array,
                                            vecd_folder_doc *out, vecd_err *err);
void vecd_folder_doc_fini(vecd_folder_doc *doc);

/* "dir/name" on the heap ("dir" where name is empty); NULL when memory is out. */
char *vecd_folder_join(const char *dir, vecd_span name);

/* A path relative to the model folder that does not leave it: what a downloaded file says must not make us read elsewhere. */
bool vecd_folder_stays_inside(vecd_span path);

/* VECD_UNSUPPORTED where the object has a field that is not among `known`, which ends with NULL. */
VECD_CHECK vecd_status vecd_folder_check_fields(const vecd_folder_doc *doc, const char *const *known, vecd_err *err);

/* *is_set: the field is there and neither null nor an empty object, array or string. */
bool vecd_folder_is_set(const json_t *value);

/* A regular file dir/name is there. */
bool vecd_folder_has(const char *dir, const char *name);

/* Sets *out to dir/name where that is a regular file. *found false: nothing of that name. VECD_OK; VECD_BAD_MODEL it is something
 * else; VECD_NO_MEMORY. *out is the caller's in any case. */
VECD_CHECK vecd_status vecd_folder_look_for(const char *dir, const char *name, char **out, bool *found, vecd_err *err);

/* modules.json and the modules' own config files: fills transformer_dir, has_modules, pooling, modules, n_modules. */
VECD_CHECK vecd_status vecd_folder_read_modules(vecd_model_folder *folder, vecd_err *err);

/* 1_Pooling/config.json in `dir`. */
VECD_CHECK vecd_status vecd_folder_read_pooling(vecd_pooling *pooling, const char *dir, vecd_err *err);

/* 2_Dense/config.json, 2_Normalize/config.json and so on: fills all of *module but kind and path, which it has. */
VECD_CHECK vecd_status vecd_folder_read_module(vecd_module *module, vecd_err *err);

/* config_sentence_transformers.json: fills prompts, default_prompt, truncate_dim. */
VECD_CHECK vecd_status vecd_folder_read_pipeline(vecd_model_folder *folder, vecd_err *err);

/* sentence_bert_config.json and tokenizer_config.json: fills max_tokens, max_tokens_from, tokenizer_rules. */
VECD_CHECK vecd_status vecd_folder_read_limits(vecd_model_folder *folder, vecd_err *err);

#endif
