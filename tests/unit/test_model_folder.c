/* test_model_folder.c - what is read from a folder, by which file's word, and which folders are refused and why. Each case
 * starts from one good folder and changes some of its files. */
#define _GNU_SOURCE /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fmt/model_folder.h"

static char root[64], dir[96];

static const char *at(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

/* NULL content: the file is removed. A slash in the name makes the folder. */
static void put(const char *name, const char *content) {
  char folder[256];
  snprintf(folder, sizeof folder, "%s", at(name));
  *strrchr(folder, '/') = '\0';
  mkdir(folder, 0700);
  if (!content) {
    assert_int_equal(unlink(at(name)), 0);
    return;
  }
  FILE *f = fopen(at(name), "w");
  assert_non_null(f);
  fputs(content, f);
  fclose(f);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
  (void)st, (void)type, (void)where;
  return remove(path);
}

static int setup(void **state) {
  (void)state;
  strcpy(root, "/tmp/vecd-test-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#define MODULES                                                                                          \
  "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"     \
  "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}," \
  "{\"idx\":2,\"name\":\"2\",\"path\":\"2_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}]"

/* A fresh good folder in `dir`. */
static void fresh(void) {
  static int n;
  snprintf(dir, sizeof dir, "%s/model-%d", root, n++);
  assert_int_equal(mkdir(dir, 0700), 0);
  put("modules.json", MODULES);
  put("config.json", "{\"model_type\":\"bert\",\"hidden_size\":8}");
  put("1_Pooling/config.json",
      "{\"word_embedding_dimension\":8,\"pooling_mode_mean_tokens\":true,\"pooling_mode_cls_token\":false}");
  put("sentence_bert_config.json", "{\"max_seq_length\":48,\"do_lower_case\":false}");
  put("tokenizer_config.json", "{\"model_max_length\":512}");
  put("tokenizer.json", "{}");
  put("model.safetensors", "");
}

static vecd_model_folder open_good(void) {
  vecd_model_folder f;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_model_folder_open(dir, &f, &err);
  if (s) fail_msg("%d: %s", s, err.text);
  return f;
}

/* The folder is refused with `status`, the message names the folder's file and has both words (nullable) in it. */
static void refused(vecd_status status, const char *word1, const char *word2) {
  vecd_model_folder f;
  vecd_err err = {VECD_OK, 0, ""};
  size_t before = vecd_mem_total_bytes();
  vecd_status s = vecd_model_folder_open(dir, &f, &err);
  if (s != status || err.code != s || strncmp(err.text, dir, strlen(dir)) != 0 || !strstr(err.text, word1) ||
      (word2 && !strstr(err.text, word2)))
    fail_msg("expected %d \"%s\" \"%s\", is %d: %s", status, word1, word2 ? word2 : "", s, err.text);
  assert_int_equal(vecd_model_folder_open(dir, &f, NULL), s);
  assert_int_equal(vecd_mem_total_bytes(), before);
}

/* The one module behind the pooling is Normalize. */
static bool normalizes(const vecd_model_folder *f) {
  return f->n_modules == 1 && f->modules[0].kind == VECD_MODULE_NORMALIZE && vecd_model_folder_normalizes(f, 8);
}

static void a_plain_folder_is_read(void **state) {
  (void)state;
  fresh();
  char slashes[128];
  snprintf(slashes, sizeof slashes, "%s///", dir);
  vecd_model_folder f;
  assert_int_equal(vecd_model_folder_open(slashes, &f, NULL), VECD_OK);
  assert_string_equal(f.path, dir);
  assert_string_equal(f.id, strrchr(dir, '/') + 1);
  assert_string_equal(f.transformer_dir, dir);
  assert_string_equal(f.weights_path, at("model.safetensors"));
  assert_string_equal(f.tokenizer_path, at("tokenizer.json"));
  assert_string_equal(f.config_path, at("config.json"));
  assert_string_equal(f.model_type, "bert");
  assert_true(json_is_object(f.config));
  assert_int_equal(f.max_tokens, 48);
  assert_string_equal(f.max_tokens_from, "sentence_bert_config.json");
  assert_true(f.has_modules && normalizes(&f) && !f.tokenizer_rules.lower_first && f.pooling.include_prompt);
  assert_int_equal(f.pooling.n, 1);
  assert_int_equal(f.pooling.modes[0], VECD_POOL_MEAN);
  assert_int_equal(f.pooling.dimension, 8);
  vecd_model_folder_close(&f);
  assert_null(f.path);
  vecd_model_folder_close(&f);
  vecd_model_folder_close(NULL);
  assert_string_equal(vecd_pool_name(VECD_POOL_LAST_TOKEN), "lasttoken");
}

static void the_id_is_where_links_lead(void **state) {
  (void)state;
  fresh();
  char link[128];
  snprintf(link, sizeof link, "%s/link", root);
  assert_int_equal(symlink(dir, link), 0);
  vecd_model_folder f;
  assert_int_equal(vecd_model_folder_open(link, &f, NULL), VECD_OK);
  assert_string_equal(f.id, strrchr(dir, '/') + 1);
  assert_string_equal(f.path, link);
  vecd_model_folder_close(&f);
}

static void modules_are_known_by_any_of_their_names(void **state) {
  (void)state;
  fresh();
  put("modules.json",
      "[{\"name\":\"a\",\"path\":\"0_Transformer\",\"type\":\"sentence_transformers.base.modules.transformer.Transformer\"},"
      "{\"name\":\"b\",\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.sentence_transformer.modules.pooling.Pooling\"},"
      "{\"name\":\"c\",\"path\":\"\",\"type\":\"sentence_transformers.models.Dropout\"}]");
  refused(VECD_NOT_FOUND, "0_Transformer/config.json", NULL);
  static const char *const moved[] = {"config.json", "tokenizer.json", "model.safetensors"};
  put("0_Transformer/tokenizer_config.json", "{}");
  for (int i = 0; i < 3; i++) {
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/%s", dir, moved[i]);
    snprintf(to, sizeof to, "%s/0_Transformer/%s", dir, moved[i]);
    assert_int_equal(rename(from, to), 0);
  }
  vecd_model_folder f = open_good();
  assert_string_equal(f.transformer_dir, at("0_Transformer"));
  assert_string_equal(f.weights_path, at("0_Transformer/model.safetensors"));
  assert_int_equal(f.max_tokens, 0); /* the transformer's folder says nothing, the root's word does not count */
  assert_null(f.max_tokens_from);
  assert_false(normalizes(&f));
  vecd_model_folder_close(&f);
}

static void a_bare_transformer_has_our_convention(void **state) {
  (void)state;
  fresh();
  put("modules.json", NULL);
  refused(VECD_NOT_FOUND, "modules.json", "1_Pooling");
  put("1_Pooling/config.json", NULL);
  assert_int_equal(rmdir(at("1_Pooling")), 0);
  vecd_model_folder f = open_good();
  assert_true(!f.has_modules && normalizes(&f) && f.pooling.n == 1 && f.pooling.modes[0] == VECD_POOL_MEAN);
  assert_int_equal(f.max_tokens, 512);
  assert_string_equal(f.max_tokens_from, "tokenizer_config.json");
  vecd_model_folder_close(&f);
  put("config.json", "{\"model_type\":\"qwen3\",\"architectures\":[\"Qwen3ForCausalLM\"]}");
  f = open_good();
  assert_int_equal(f.pooling.modes[0], VECD_POOL_LAST_TOKEN);
  vecd_model_folder_close(&f);
  assert_int_equal(symlink("nowhere", at("modules.json")), 0); /* an unfinished download is not a bare model */
  refused(VECD_NOT_FOUND, "modules.json", NULL);
}

static void the_limit_has_an_order_of_precedence(void **state) {
  (void)state;
  static const struct {
    const char *sentence, *tokenizer;
    unsigned max;
    const char *from;
  } cases[] = {
      {"{\"max_seq_length\":48}", "{\"model_max_length\":32}", 48, "sentence_bert_config.json"},
      {"{\"max_seq_length\":null}", "{\"model_max_length\":32}", 32, "tokenizer_config.json"},
      {"{}", "{\"model_max_length\":32}", 32, "tokenizer_config.json"},
      {"{}", "{\"model_max_length\":1000000000000000019884624838656}", 0, NULL},
      {"{}", "{\"model_max_length\":1e30}", 0, NULL},
      {"{}", "{\"model_max_length\":null}", 0, NULL},
      {"{}", "{}", 0, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fresh();
    put("sentence_bert_config.json", cases[i].sentence);
    put("tokenizer_config.json", cases[i].tokenizer);
    vecd_model_folder f = open_good();
    assert_int_equal(f.max_tokens, cases[i].max);
    if (cases[i].from)
      assert_string_equal(f.max_tokens_from, cases[i].from);
    else
      assert_null(f.max_tokens_from);
    vecd_model_folder_close(&f);
  }
  fresh();
  put("sentence_bert_config.json", "{}"); /* says nothing, so the next name is asked */
  put("sentence_roberta_config.json", "{\"max_seq_length\":24,\"do_lower_case\":true}");
  vecd_model_folder f = open_good();
  assert_int_equal(f.max_tokens, 24);
  assert_string_equal(f.max_tokens_from, "sentence_roberta_config.json");
  assert_true(f.tokenizer_rules.lower_first);
  vecd_model_folder_close(&f);
}

static void pooling_is_read_in_both_spellings(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned n;
    vecd_pool pools[VECD_POOL_COUNT];
  } cases[] = {
      {"{\"word_embedding_dimension\":8}", 1, {VECD_POOL_MEAN}},
      {"{\"embedding_dimension\":8,\"pooling_mode\":\"lasttoken\"}", 1, {VECD_POOL_LAST_TOKEN}},
      {"{\"embedding_dimension\":8,\"word_embedding_dimension\":8,\"pooling_mode\":[\"mean\",\"cls\",\"mean\"]}",
       3,
       {VECD_POOL_MEAN, VECD_POOL_CLS, VECD_POOL_MEAN}},
      {"{\"word_embedding_dimension\":8,\"pooling_mode_lasttoken\":true,\"pooling_mode_mean_sqrt_len_tokens\":true,"
       "\"pooling_mode_weightedmean_tokens\":true,\"pooling_mode_mean_tokens\":true,\"pooling_mode_max_tokens\":true,"
       "\"pooling_mode_cls_token\":true,\"include_prompt\":true}",
       6,
       {VECD_POOL_CLS, VECD_POOL_MAX, VECD_POOL_MEAN, VECD_POOL_MEAN_SQRT_LEN, VECD_POOL_WEIGHTED_MEAN, VECD_POOL_LAST_TOKEN}},
      {"{\"word_embedding_dimension\":8,\"pooling_mode\":\"max\",\"pooling_mode_cls_token\":true}", 1, {VECD_POOL_MAX}},
      {"{\"word_embedding_dimension\":8,\"pooling_mode_mean_tokens\":false,\"pooling_mode_max_tokens\":null}",
       1,
       {VECD_POOL_MEAN}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fresh();
    put("1_Pooling/config.json", cases[i].text);
    vecd_model_folder f = open_good();
    assert_int_equal(f.pooling.n, cases[i].n);
    for (unsigned k = 0; k < f.pooling.n; k++) assert_int_equal(f.pooling.modes[k], cases[i].pools[k]);
    assert_int_equal(f.pooling.dimension, 8);
    vecd_model_folder_close(&f);
  }
  fresh();
  put("1_Pooling/config.json", "{\"word_embedding_dimension\":8,\"include_prompt\":false}");
  vecd_model_folder f = open_good();
  assert_false(f.pooling.include_prompt);
  vecd_model_folder_close(&f);
}

static void newer_folders_are_read(void **state) {
  (void)state;
  fresh();
  put("sentence_bert_config.json",
      "{\"transformer_task\":\"feature-extraction\",\"modality_config\":{\"text\":{\"method\":\"forward\","
      "\"method_output_name\":\"last_hidden_state\"}},\"module_output_name\":\"token_embeddings\","
      "\"unpad_inputs\":false,\"model_args\":{\"torch_dtype\":\"float16\"},\"tokenizer_args\":{}}");
  put("config_sentence_transformers.json",
      "{\"model_type\":\"SentenceTransformer\",\"prompts\":{\"query\":\"\",\"document\":\"x\"},"
      "\"default_prompt_name\":\"query\",\"similarity_fn_name\":\"cosine\"}");
  put("2_Normalize/config.json", "{\"module_input_name\":\"sentence_embedding\"}");
  vecd_model_folder f = open_good();
  assert_true(normalizes(&f));
  vecd_model_folder_close(&f);
}

static void bad_files_are_refused(void **state) {
  (void)state;
#define M(type0, path0, type1, path1)                                                                                        \
  "[{\"name\":\"0\",\"path\":\"" path0 "\",\"type\":\"" type0 "\"},{\"name\":\"1\",\"path\":\"" path1 "\",\"type\":\"" type1 \
  "\"}]"
#define TF "sentence_transformers.models.Transformer"
#define PL "sentence_transformers.models.Pooling"
  static const struct {
    const char *file, *content; /* content NULL: removed */
    vecd_status status;
    const char *words[2];
  } cases[] = {
      {"modules.json", "", VECD_BAD_MODEL, {"modules.json", "empty"}},
      {"modules.json", "{}", VECD_BAD_MODEL, {"modules.json", "is object, must be an array"}},
      {"modules.json", "[]", VECD_UNSUPPORTED, {"modules.json", "Pooling"}},
      {"modules.json", "[1]", VECD_BAD_MODEL, {"modules.json", "integer"}},
      {"modules.json", "[{}]", VECD_BAD_MODEL, {"modules.json", "\"type\" is missing"}},
      {"modules.json", M(TF, "", TF, "1_Pooling"), VECD_UNSUPPORTED, {"modules.json", "out of order"}},
      {"modules.json", M(PL, "1_Pooling", TF, ""), VECD_UNSUPPORTED, {"modules.json", "out of order"}},
      {"modules.json",
       M(TF, "", "sentence_transformers.models.Normalize", "2"),
       VECD_UNSUPPORTED,
       {"modules.json", "out of order"}},
      {"modules.json",
       M(TF, "", "sentence_transformers.models.Dense", "2_Dense"),
       VECD_UNSUPPORTED,
       {"modules.json", "out of order"}},
      {"modules.json",
       M(TF, "", "sentence_transformers.models.CNN", "1_CNN"),
       VECD_UNSUPPORTED,
       {"modules.json", "models.CNN"}},
      {"modules.json", M(TF, "", "my.models.Pooling", "1_Pooling"), VECD_UNSUPPORTED, {"modules.json", "my.models.Pooling"}},
      {"modules.json", M(TF, "", "Pooling", "1_Pooling"), VECD_UNSUPPORTED, {"modules.json", "\"Pooling\""}},
      {"modules.json",
       M(TF, "", "sentence_transformers.models.WordPooling", "1"),
       VECD_UNSUPPORTED,
       {"modules.json", "WordPooling"}},
      {"modules.json", M(TF, "", PL, "../1_Pooling"), VECD_BAD_MODEL, {"modules.json", "leaves"}},
      {"modules.json", M(TF, "", PL, "x/../.."), VECD_BAD_MODEL, {"modules.json", "leaves"}},
      {"modules.json", M(TF, "", PL, "/etc"), VECD_BAD_MODEL, {"modules.json", "leaves"}},
      {"modules.json", M(TF, "", PL, "1_Pooling\\u0000"), VECD_BAD_MODEL, {"modules.json", "leaves"}},
      {"modules.json", M(TF, "", PL, "9_Pooling"), VECD_NOT_FOUND, {"9_Pooling/config.json", NULL}},
      {"modules.json",
       "[{\"name\":\"0\",\"path\":\"\",\"type\":\"" TF "\"},{\"name\":\"0\",\"path\":\"1_Pooling\",\"type\":\"" PL "\"}]",
       VECD_BAD_MODEL,
       {"modules.json", "name of an earlier"}},
      {"2_Normalize/config.json",
       "{\"module_input_name\":\"token_embeddings\"}",
       VECD_UNSUPPORTED,
       {"2_Normalize", "module_input_name"}},
      {"1_Pooling/config.json", NULL, VECD_NOT_FOUND, {"1_Pooling/config.json", NULL}},
      {"1_Pooling/config.json", "{}", VECD_BAD_MODEL, {"1_Pooling/config.json", "embedding_dimension\" is missing"}},
      {"1_Pooling/config.json", "{\"word_embedding_dimension\":0}", VECD_BAD_MODEL, {"1_Pooling/config.json", "is 0"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":9}",
       VECD_BAD_MODEL,
       {"word_embedding_dimension 9", "hidden_size 8"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"embedding_dimension\":9}",
       VECD_BAD_MODEL,
       {"1_Pooling", "contradict"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode\":\"mode\"}",
       VECD_UNSUPPORTED,
       {"1_Pooling", "\"mode\""}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode\":[]}",
       VECD_BAD_MODEL,
       {"1_Pooling", "empty list"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode\":null}",
       VECD_BAD_MODEL,
       {"1_Pooling", "pooling_mode"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode\":[1]}",
       VECD_BAD_MODEL,
       {"1_Pooling", "pooling_mode"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode\":[\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\"]}",
       VECD_UNSUPPORTED,
       {"1_Pooling", "more than 6"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode_cls_token\":1}",
       VECD_BAD_MODEL,
       {"1_Pooling", "true or false"}},
      {"1_Pooling/config.json",
       "{\"word_embedding_dimension\":8,\"pooling_mode_new\":true}",
       VECD_UNSUPPORTED,
       {"1_Pooling", "pooling_mode_new"}},
      {"config.json", NULL, VECD_NOT_FOUND, {"config.json", NULL}},
      {"config.json", "[]", VECD_BAD_MODEL, {"config.json", "is array"}},
      {"config.json", "{]", VECD_BAD_MODEL, {"config.json", "line 1, column 2"}},
      {"config.json", "{}", VECD_BAD_MODEL, {"config.json", "model_type"}},
      {"config.json", "{\"model_type\":\"\"}", VECD_BAD_MODEL, {"config.json", "model_type"}},
      {"config.json", "{\"model_type\":\"a\\u0000b\"}", VECD_BAD_MODEL, {"config.json", "model_type"}},
      {"config.json", "{\"model_type\":7}", VECD_BAD_MODEL, {"config.json", "model_type"}},
      {"sentence_bert_config.json", "[]", VECD_BAD_MODEL, {"sentence_bert_config.json", "is array"}},
      {"sentence_bert_config.json", "{\"max_seq_length\":0}", VECD_BAD_MODEL, {"sentence_bert_config.json", "max_seq_length"}},
      {"sentence_bert_config.json", "{\"max_seq_length\":-1}", VECD_BAD_MODEL, {"sentence_bert_config.json", "max_seq_length"}},
      {"sentence_bert_config.json",
       "{\"max_seq_length\":\"5\"}",
       VECD_BAD_MODEL,
       {"sentence_bert_config.json", "max_seq_length"}},
      {"sentence_bert_config.json", "{\"do_lower_case\":1}", VECD_BAD_MODEL, {"sentence_bert_config.json", "do_lower_case"}},
      {"sentence_bert_config.json",
       "{\"transformer_task\":\"fill-mask\"}",
       VECD_UNSUPPORTED,
       {"sentence_bert_config.json", "transformer_task"}},
      {"sentence_bert_config.json",
       "{\"modality_config\":{\"image\":{}}}",
       VECD_UNSUPPORTED,
       {"sentence_bert_config.json", "modality_config"}},
      {"sentence_bert_config.json",
       "{\"model_args\":{\"num_hidden_layers\":1}}",
       VECD_UNSUPPORTED,
       {"sentence_bert_config.json", "num_hidden"}},
      {"sentence_bert_config.json", "{\"model_args\":[1]}", VECD_UNSUPPORTED, {"sentence_bert_config.json", "model_args"}},
      {"sentence_bert_config.json",
       "{\"tokenizer_name_or_path\":\"x\"}",
       VECD_UNSUPPORTED,
       {"sentence_bert_config.json", "tokenizer_name"}},
      {"tokenizer_config.json", "{\"model_max_length\":0}", VECD_BAD_MODEL, {"tokenizer_config.json", "model_max_length"}},
      {"tokenizer_config.json", "{\"model_max_length\":\"x\"}", VECD_BAD_MODEL, {"tokenizer_config.json", "model_max_length"}},
      {"tokenizer_config.json", "{\"model_max_length\":5.5}", VECD_BAD_MODEL, {"tokenizer_config.json", "model_max_length"}},
      {"config_sentence_transformers.json",
       "{\"model_type\":\"SparseEncoder\"}",
       VECD_UNSUPPORTED,
       {"config_sentence", "SparseEncoder"}},
      {"config_sentence_transformers.json", "{\"truncate_dim\":0}", VECD_BAD_MODEL, {"config_sentence", "truncate_dim"}},
      {"config_sentence_transformers.json", "{\"truncate_dim\":9}", VECD_BAD_MODEL, {"truncate_dim is 9", "8 values"}},
      {"config_sentence_transformers.json", "{\"prompts\":[]}", VECD_BAD_MODEL, {"config_sentence", "\"prompts\""}},
      {"config_sentence_transformers.json", "{\"prompts\":{\"q\":1}}", VECD_BAD_MODEL, {"config_sentence", "prompt \"q\""}},
      {"config_sentence_transformers.json",
       "{\"default_prompt_name\":\"\"}",
       VECD_BAD_MODEL,
       {"config_sentence", "default_prompt_name"}},
      {"config_sentence_transformers.json",
       "{\"default_prompt_name\":\"a\",\"prompts\":{\"q\":\"query: \"}}",
       VECD_BAD_MODEL,
       {"config_sentence", "default_prompt_name"}},
      {"config_sentence_transformers.json",
       "{\"default_prompt_name\":\"q\"}",
       VECD_BAD_MODEL,
       {"config_sentence", "default_prompt_name"}},
      {"tokenizer.json", NULL, VECD_NOT_FOUND, {"tokenizer.json", "missing"}},
      {"model.safetensors", NULL, VECD_NOT_FOUND, {"model.safetensors", "missing"}},
      {"adapter_config.json", "{}", VECD_UNSUPPORTED, {"adapter_config.json", "PEFT"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fresh();
    put(cases[i].file, cases[i].content);
    refused(cases[i].status, cases[i].words[0], cases[i].words[1]);
  }
}

#define HEAD                                                                                                       \
  ",{\"name\":\"2\",\"path\":\"2_Dense\",\"type\":\"sentence_transformers.models.Dense\"},"                        \
  "{\"name\":\"3\",\"path\":\"3_LayerNorm\",\"type\":\"sentence_transformers.models.LayerNorm\"},"                 \
  "{\"name\":\"4\",\"path\":\"4_Normalize\",\"type\":\"sentence_transformers.base.modules.normalize.Normalize\"}," \
  "{\"name\":\"5\",\"path\":\"5_Dropout\",\"type\":\"sentence_transformers.models.Dropout\"}]"

/* A fresh folder with a Dense from 16 (two poolings of 8) to 5, a LayerNorm and a Normalize. */
static void fresh_head(void) {
  fresh();
  char modules[2048];
  snprintf(modules, sizeof modules, "%.*s%s", (int)(strlen(M(TF, "", PL, "1_Pooling")) - 1), M(TF, "", PL, "1_Pooling"), HEAD);
  put("modules.json", modules);
  put("1_Pooling/config.json", "{\"word_embedding_dimension\":8,\"pooling_mode\":[\"cls\",\"max\"]}");
  put("2_Dense/config.json", "{\"in_features\":16,\"out_features\":5,\"bias\":true,\"activation_function\":"
                             "\"torch.nn.modules.activation.Tanh\"}");
  put("2_Dense/model.safetensors", "");
  put("3_LayerNorm/config.json", "{\"dimension\":5}");
  put("3_LayerNorm/model.safetensors", "");
}

static void modules_behind_the_pooling_are_a_list(void **state) {
  (void)state;
  fresh_head();
  vecd_model_folder f = open_good();
  assert_int_equal(f.n_modules, 3); /* Dropout does nothing */
  assert_int_equal(f.modules[0].kind, VECD_MODULE_DENSE);
  assert_string_equal(f.modules[0].path, at("2_Dense"));
  assert_string_equal(f.modules[0].weights_path, at("2_Dense/model.safetensors"));
  assert_true(f.modules[0].n_in == 16 && f.modules[0].n_out == 5 && f.modules[0].has_bias && f.modules[0].has_tanh);
  assert_int_equal(f.modules[1].kind, VECD_MODULE_LAYER_NORM);
  assert_true(f.modules[1].n_in == 5 && f.modules[1].n_out == 5);
  assert_int_equal(f.modules[2].kind, VECD_MODULE_NORMALIZE);
  assert_null(f.modules[2].weights_path);
  assert_int_equal(vecd_model_folder_full_dimension(&f, 8), 5);
  assert_int_equal(vecd_model_folder_dimension(&f, 8), 5);
  assert_true(vecd_model_folder_normalizes(&f, 8));
  char name[64], tight[6];
  vecd_pooling_name(&f.pooling, name, sizeof name);
  assert_string_equal(name, "cls+max");
  vecd_pooling_name(&f.pooling, tight, sizeof tight); /* what fits */
  assert_string_equal(vecd_module_name(f.modules[1].kind), "LayerNorm");
  vecd_model_folder_close(&f);

  put("config_sentence_transformers.json", "{\"truncate_dim\":4}");
  put("2_Dense/config.json", "{\"in_features\":16,\"out_features\":5,\"bias\":false,\"activation_function\":"
                             "\"torch.nn.modules.linear.Identity\",\"module_input_name\":\"sentence_embedding\","
                             "\"module_output_name\":\"sentence_embedding\",\"use_residual\":false}");
  f = open_good();
  assert_true(!f.modules[0].has_bias && !f.modules[0].has_tanh);
  assert_int_equal(vecd_model_folder_full_dimension(&f, 8), 5);
  assert_int_equal(vecd_model_folder_dimension(&f, 8), 4);
  assert_false(vecd_model_folder_normalizes(&f, 8));
  vecd_model_folder_close(&f);
  put("2_Dense/config.json", "{\"in_features\":16,\"out_features\":5}"); /* a bias and Tanh where nothing is said */
  f = open_good();
  assert_true(f.modules[0].has_bias && f.modules[0].has_tanh);
  vecd_model_folder_close(&f);
}

static void bad_modules_are_refused(void **state) {
  (void)state;
#define DENSE(more) "{\"in_features\":16,\"out_features\":5" more "}"
  static const struct {
    const char *file, *content; /* content NULL: removed */
    vecd_status status;
    const char *words[2];
  } cases[] = {
      {"2_Dense/config.json", NULL, VECD_NOT_FOUND, {"2_Dense/config.json", NULL}},
      {"2_Dense/config.json", "[]", VECD_BAD_MODEL, {"2_Dense/config.json", "array"}},
      {"2_Dense/config.json", "{\"in_features\":16}", VECD_BAD_MODEL, {"2_Dense/config.json", "out_features"}},
      {"2_Dense/config.json", "{\"out_features\":16}", VECD_BAD_MODEL, {"2_Dense/config.json", "in_features"}},
      {"2_Dense/config.json", "{\"in_features\":0,\"out_features\":5}", VECD_BAD_MODEL, {"2_Dense/config.json", "in_features"}},
      {"2_Dense/config.json",
       "{\"in_features\":15,\"out_features\":5}",
       VECD_BAD_MODEL,
       {"2_Dense/config.json: in_features is 15", "gives 16"}},
      {"2_Dense/config.json", DENSE(",\"bias\":1"), VECD_BAD_MODEL, {"2_Dense/config.json", "bias"}},
      {"2_Dense/config.json", DENSE(",\"activation_function\":null"), VECD_BAD_MODEL, {"2_Dense/config.json", "activation"}},
      {"2_Dense/config.json",
       DENSE(",\"activation_function\":\"torch.nn.modules.activation.GELU\""),
       VECD_UNSUPPORTED,
       {"2_Dense/config.json", "activation.GELU\""}},
      {"2_Dense/config.json",
       DENSE(",\"activation_function\":\"my_code.Tanh\""),
       VECD_UNSUPPORTED,
       {"2_Dense/config.json", "my_code.Tanh"}},
      {"2_Dense/config.json", DENSE(",\"use_residual\":true"), VECD_UNSUPPORTED, {"2_Dense/config.json", "use_residual"}},
      {"2_Dense/config.json",
       DENSE(",\"module_input_name\":\"token_embeddings\""),
       VECD_UNSUPPORTED,
       {"2_Dense/config.json", "module_input_name"}},
      {"2_Dense/config.json", DENSE(",\"scale\":2"), VECD_UNSUPPORTED, {"2_Dense/config.json", "\"scale\""}},
      {"2_Dense/model.safetensors", NULL, VECD_NOT_FOUND, {"2_Dense/model.safetensors", "missing"}},
      {"3_LayerNorm/config.json", "{}", VECD_BAD_MODEL, {"3_LayerNorm/config.json", "dimension"}},
      {"3_LayerNorm/config.json", "{\"dimension\":6}", VECD_BAD_MODEL, {"dimension is 6", "gives 5"}},
      {"3_LayerNorm/config.json", "{\"dimension\":5,\"eps\":1}", VECD_UNSUPPORTED, {"3_LayerNorm/config.json", "\"eps\""}},
      {"3_LayerNorm/model.safetensors", NULL, VECD_NOT_FOUND, {"3_LayerNorm/model.safetensors", "missing"}},
      {"4_Normalize/config.json",
       "{\"module_output_name\":\"x\"}",
       VECD_UNSUPPORTED,
       {"4_Normalize/config.json", "module_output_name"}},
      {"config_sentence_transformers.json", "{\"truncate_dim\":6}", VECD_BAD_MODEL, {"truncate_dim is 6", "5 values"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fresh_head();
    put(cases[i].file, cases[i].content);
    refused(cases[i].status, cases[i].words[0], cases[i].words[1]);
  }
  fresh_head();
  put("2_Dense/model.safetensors", NULL);
  put("2_Dense/pytorch_model.bin", "");
  refused(VECD_UNSUPPORTED, "2_Dense/pytorch_model.bin", "convert");
  fresh();
  char many[16384];
  int n = snprintf(many, sizeof many, "%.*s", (int)(strlen(MODULES) - 1), MODULES);
  for (int i = 3; i < 70; i++)
    n += snprintf(many + n, sizeof many - (size_t)n,
                  ",{\"name\":\"%d\",\"path\":\"n\",\"type\":\"sentence_transformers.models."
                  "Normalize\"}",
                  i);
  snprintf(many + n, sizeof many - (size_t)n, "]");
  put("modules.json", many);
  refused(VECD_UNSUPPORTED, "modules.json", "more than 64");
}

static void prompts_have_names(void **state) {
  (void)state;
  fresh();
  put("config_sentence_transformers.json",
      "{\"prompts\":{\"query\":\"query: \",\"none\":null,\"nul\":\"a\\u0000b\"},\"default_prompt_name\":\"query\"}");
  vecd_model_folder f = open_good();
  vecd_span text;
  vecd_err err;
  assert_string_equal(f.default_prompt, "query");
  assert_int_equal(vecd_model_folder_prompt(&f, "query", &text, &err), VECD_OK);
  assert_true(vecd_span_eq(text, VECD_SPAN("query: ")));
  assert_int_equal(vecd_model_folder_prompt(&f, "none", &text, &err), VECD_OK);
  assert_int_equal(text.len, 0);
  assert_int_equal(vecd_model_folder_prompt(&f, "nul", &text, &err), VECD_OK);
  assert_int_equal(text.len, 3);
  assert_int_equal(vecd_model_folder_prompt(&f, "passage", &text, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "\"passage\""));
  assert_non_null(strstr(err.text, "query, none, nul"));
  vecd_model_folder_close(&f);
  put("config_sentence_transformers.json", "{\"prompts\":null,\"default_prompt_name\":null,\"truncate_dim\":null}");
  f = open_good();
  assert_true(!f.prompts && !f.default_prompt && !f.truncate_dim);
  assert_int_equal(vecd_model_folder_prompt(&f, "query", &text, &err), VECD_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "has no prompts"));
  vecd_model_folder_close(&f);
}

static void other_weights_are_named(void **state) {
  (void)state;
  fresh();
  put("model.safetensors", NULL);
  put("pytorch_model.bin", "");
  refused(VECD_UNSUPPORTED, "pytorch_model.bin", "convert");
  put("model.safetensors.index.json", "{}"); /* is weights enough; what is in it is looked at when they are opened */
  vecd_model_folder f = open_good();
  assert_string_equal(f.weights_path, at("model.safetensors.index.json"));
  vecd_model_folder_close(&f);
  assert_int_equal(mkdir(at("model.safetensors"), 0700), 0);
  refused(VECD_BAD_MODEL, "model.safetensors", "not a regular file");
  fresh();
  put("tokenizer.json", NULL);
  put("vocab.txt", "");
  refused(VECD_NOT_FOUND, "tokenizer.json", "fast tokenizer");
  put("config.json", NULL);
  assert_int_equal(mkfifo(at("config.json"), 0600), 0);
  refused(VECD_IO, "config.json", "not a regular file");
}

static void folders_that_are_none(void **state) {
  (void)state;
  fresh();
  vecd_model_folder f;
  vecd_err err;
  assert_int_equal(vecd_model_folder_open(at("none"), &f, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_model_folder_open(at("config.json"), &f, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_model_folder_open("", &f, &err), VECD_NOT_FOUND);
  assert_int_equal(vecd_model_folder_open("/", &f, &err), VECD_NOT_FOUND);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  fresh_head();
  put("config_sentence_transformers.json",
      "{\"prompts\":{\"query\":\"\",\"other\":null},\"default_prompt_name\":\"query\",\"truncate_dim\":3}");
  put("4_Normalize/config.json", "{}");
  size_t before = vecd_mem_total_bytes();
  uint64_t n = 1;
  for (;; n++) {
    vecd_model_folder f = {0};
    vecd_err err = {VECD_OK, 0, ""};
    vecd_mem_fail_nth(n);
    vecd_status s = vecd_model_folder_open(dir, &f, &err);
    vecd_mem_fail_nth(0);
    vecd_model_folder_close(&f);
    assert_int_equal(vecd_mem_total_bytes(), before);
    if (s == VECD_OK) break;
    if (s != VECD_NO_MEMORY) fail_msg("allocation %d: %d %s", (int)n, s, err.text);
  }
  assert_true(n > 50);
}

int main(void) {
  vecd_json_count_memory();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plain_folder_is_read),
      cmocka_unit_test(the_id_is_where_links_lead),
      cmocka_unit_test(modules_are_known_by_any_of_their_names),
      cmocka_unit_test(a_bare_transformer_has_our_convention),
      cmocka_unit_test(the_limit_has_an_order_of_precedence),
      cmocka_unit_test(pooling_is_read_in_both_spellings),
      cmocka_unit_test(newer_folders_are_read),
      cmocka_unit_test(bad_files_are_refused),
      cmocka_unit_test(modules_behind_the_pooling_are_a_list),
      cmocka_unit_test(bad_modules_are_refused),
      cmocka_unit_test(prompts_have_names),
      cmocka_unit_test(other_weights_are_named),
      cmocka_unit_test(folders_that_are_none),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
