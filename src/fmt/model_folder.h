/* model_folder.h - what a Hugging Face folder says of its model, read the way sentence-transformers reads it.
 *
 * modules.json lists the modules in order; a folder without it is a bare transformer, for which we assume mean pooling (the
 * last token's where it is a causal language model) and L2 normalisation, and say so (`has_modules` false). */
#ifndef VECD_FMT_MODEL_FOLDER_H
#define VECD_FMT_MODEL_FOLDER_H

#include "fmt/json.h"

/* Pooling modes in the fixed order in which the old flags are concatenated. Name, the old flag in 1_Pooling/config.json. */
#define VECD_POOL_LIST(X)                                                       \
  X(CLS, "cls", "pooling_mode_cls_token")                                       \
  X(MAX, "max", "pooling_mode_max_tokens")                                      \
  X(MEAN, "mean", "pooling_mode_mean_tokens")                                   \
  X(MEAN_SQRT_LEN, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens") \
  X(WEIGHTED_MEAN, "weightedmean", "pooling_mode_weightedmean_tokens")          \
  X(LAST_TOKEN, "lasttoken", "pooling_mode_lasttoken")

typedef enum vecd_pool {
#define X(name, text, flag) VECD_POOL_##name,
  VECD_POOL_LIST(X)
#undef X
      VECD_POOL_COUNT
} vecd_pool;

/* What the files beside tokenizer.json say of it. Zeroed: nothing. */
typedef struct vecd_tokenizer_rules {
  bool lower_first; /* sentence_bert_config.json's do_lower_case: put a Lowercase normalizer in front */

  /* With tokenizer_class BertTokenizer (or none, in a BERT folder) transformers keeps tokenizer.json's vocabulary, added tokens
   * and post-processor, but makes the normalizer and the word limit anew, from tokenizer_config.json. */
  bool bert;
  bool bert_lowercase, bert_chinese_chars; /* do_lower_case, tokenize_chinese_chars; true where unsaid */
  int bert_strip_accents;                  /* 0 no, 1 yes, -1 null: as bert_lowercase */
} vecd_tokenizer_rules;

typedef struct vecd_model_folder {
  char *path;            /* as given, without trailing slashes */
  char *id;              /* last component of the resolved path */
  char *transformer_dir; /* where config.json, tokenizer.json and weights lie: path, or path/0_Transformer */
  char *weights_path;    /* model.safetensors, or model.safetensors.index.json where there is only that */
  char *tokenizer_path;  /* tokenizer.json */
  char *config_path;
  json_t *config;   /* config.json, an object */
  char *model_type; /* config.json's, e.g. "bert" */

  unsigned max_tokens;         /* specials included: sentence_bert_config.json, else tokenizer_config.json, else 0 = unsaid */
  const char *max_tokens_from; /* the file that says so, static string, or NULL */
  vecd_tokenizer_rules tokenizer_rules;

  bool has_modules; /* false: pooling and normalize are our convention */
  unsigned n_pools; /* 1 .. VECD_POOL_COUNT (may repeat with the new key), vectors concatenated in this order */
  vecd_pool pools[VECD_POOL_COUNT];
  unsigned pool_dimension; /* 1_Pooling's word_embedding_dimension, 0 = unsaid; must equal the hidden size */
  bool include_prompt;     /* false: a prompt's tokens stay out of the pooling */
  bool normalize;          /* a Normalize module follows */
} vecd_model_folder;

/* Reads and checks every small file of the folder (weights and tokenizer are only looked for, not opened). `out` is the
 * caller's storage, filled on success only.
 * VECD_OK; VECD_NOT_FOUND no folder, or a file is missing (which one); VECD_BAD_MODEL; VECD_UNSUPPORTED a module, weight format
 * or option we do not have, by name. Paths in modules.json that leave the folder are refused. */
VECD_CHECK vecd_status vecd_model_folder_open(const char *path, vecd_model_folder *out, vecd_err *err);
void vecd_model_folder_close(vecd_model_folder *folder);

/* "mean", "cls", ... */
const char *vecd_pool_name(vecd_pool pool);

#endif
