/* model_folder.h - what a Hugging Face folder says of its model, read the way sentence-transformers reads it.
 *
 * modules.json lists the modules in order: a transformer, its pooling, and what is done to the pooled vector. A folder without it
 * is a bare transformer, for which we assume mean pooling (the last token's where it is a causal language model) and L2
 * normalisation, and say so (`has_modules` false). */
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

  /* With some a tokenizer_class (or none, in some a folder) transformers keeps tokenizer.json's vocabulary, added tokens and
   * post-processor, but makes the rest anew from tokenizer_config.json: for BertTokenizer, DistilBertTokenizer and MPNetTokenizer
   * the normalizer and the word limit, for RobertaTokenizer the pre-tokenizer, without any normalizer. */
  bool bert;
  bool bert_lowercase, bert_chinese_chars; /* do_lower_case, tokenize_chinese_chars; true where unsaid */
  int bert_strip_accents;                  /* 0 no, 1 yes, -1 null: as bert_lowercase */
  bool roberta;
  bool roberta_prefix_space; /* add_prefix_space; false where unsaid */
} vecd_tokenizer_rules;

/* How the tokens' vectors become one. */
typedef struct vecd_pooling {
  unsigned n; /* 1 .. VECD_POOL_COUNT (modes may repeat with the new key), vectors concatenated in this order */
  vecd_pool modes[VECD_POOL_COUNT];
  unsigned dimension;  /* word_embedding_dimension of one, 0 = unsaid; must equal the hidden size */
  bool include_prompt; /* false: a prompt's tokens stay out of the pooling */
} vecd_pooling;

/* The kinds of modules behind the pooling, by the class's name. */
#define VECD_MODULE_LIST(X) X(DENSE, "Dense") X(LAYER_NORM, "LayerNorm") X(NORMALIZE, "Normalize")

typedef enum vecd_module_kind {
#define X(name, text) VECD_MODULE_##name,
  VECD_MODULE_LIST(X)
#undef X
      VECD_MODULE_COUNT
} vecd_module_kind;

/* One step of what is done to the pooled vector. */
typedef struct vecd_module {
  vecd_module_kind kind;
  char *path;           /* of its folder */
  char *weights_path;   /* model.safetensors there; NULL where it has no weights */
  unsigned n_in, n_out; /* Dense: its two widths; LayerNorm: its width, twice; Normalize: 0, as any will do */
  bool has_bias;        /* Dense */
  bool has_tanh;        /* Dense: else the activation is the identity */
} vecd_module;

#define VECD_MOST_MODULES 64

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

  bool has_modules; /* false: what follows is our convention */
  vecd_pooling pooling;
  vecd_module *modules; /* [n_modules] behind the pooling, in order; each takes what the one before gives */
  unsigned n_modules;   /* at most VECD_MOST_MODULES */

  /* config_sentence_transformers.json */
  json_t *prompts;            /* {name: text}, all strings, in the file's order; NULL: none */
  const char *prompts_from;   /* who says so, static string, or NULL */
  const char *default_prompt; /* the name of the one put before every text; NULL: none */
  unsigned truncate_dim;      /* vectors are cut to so many values behind all modules; 0: they are not */
} vecd_model_folder;

/* Reads and checks every small file of the folder (weights and tokenizer are only looked for, not opened). `out` is the
 * caller's storage, filled on success only.
 * VECD_OK; VECD_NOT_FOUND no folder, or a file is missing (which one); VECD_BAD_MODEL; VECD_UNSUPPORTED a module, weight format
 * or option we do not have, by name. Paths in modules.json that leave the folder are refused. */
VECD_CHECK vecd_status vecd_model_folder_open(const char *path, vecd_model_folder *out, vecd_err *err);
void vecd_model_folder_close(vecd_model_folder *folder);

/* Floats in a vector when a token's has `hidden`: behind all modules, and, of the two, as the folder cuts it. */
size_t vecd_model_folder_full_dimension(const vecd_model_folder *folder, size_t hidden);
size_t vecd_model_folder_dimension(const vecd_model_folder *folder, size_t hidden);

/* Vectors have length 1: the last module is Normalize, and nothing is cut off behind it. */
bool vecd_model_folder_normalizes(const vecd_model_folder *folder, size_t hidden);

/* Takes over (copies) the prompts {name: text} that others know of, where the folder has none of its own; none of them becomes the
 * default.
 *
 * prompts  nullable, all strings, borrowed until return and only read.  from  static: who says so, for people.
 * VECD_OK; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_model_folder_add_prompts(vecd_model_folder *folder, const json_t *prompts, const char *from,
                                                     vecd_err *err);

/* *out: the text of the prompt called `name`, borrowed.
 * VECD_OK; VECD_BAD_ARGUMENT there is none of that name; err lists those there are. */
VECD_CHECK vecd_status vecd_model_folder_prompt(const vecd_model_folder *folder, const char *name, vecd_span *out,
                                                vecd_err *err);

/* "mean", "cls", ...; "mean+cls" and so on into out. vecd_pool_find(): the one called `name`; false: there is none. */
const char *vecd_pool_name(vecd_pool pool);
bool vecd_pool_find(const char *name, vecd_pool *out);
void vecd_pooling_name(const vecd_pooling *pooling, char *out, size_t cap);

/* "Dense", ... */
const char *vecd_module_name(vecd_module_kind kind);

#endif
