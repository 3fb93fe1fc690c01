/* tokenizer.c - opening a tokenizer.json: each section is read by the file of its name, and the sections we do not execute are
 * checked for sense. */
#include "tok/tokenizer.h"

#include <limits.h>

#include "base/mem.h"
#include "tok/tokenizer_impl.h"

#define MOST_FILE_BYTES ((size_t)256 << 20)

/* "truncation" and "padding": sentence-transformers sets its own lengths, so a file may say what it likes, but not nonsense. Of
 * all they say, only the side on which a long text is cut counts. */
static vecd_status check_lengths(const char *file, const json_t *root, bool *truncate_left, vecd_err *err) {
  static const char *const sections[2] = {"truncation", "padding"};
  for (int i = 0; i < 2; i++) {
    const json_t *section = json_object_get(root, sections[i]);
    if (section && !json_is_null(section) && !json_is_object(section))
      return vecd_json_wrong_type(section, file, sections[i], "an object or null", err);
  }
  unsigned n = 0;
  char where[256];
  snprintf(where, sizeof where, "%.200s: truncation", file);
  const json_t *truncation = json_object_get(root, sections[0]), *padding = json_object_get(root, sections[1]);
  vecd_status s = VECD_OK;
  vecd_span side = VECD_SPAN("Right");
  if (json_is_object(truncation)) {
    s = vecd_json_get_uint(truncation, where, "max_length", VECD_JSON_REQUIRED, 0, UINT_MAX, &n, err);
    if (!s) s = vecd_json_get_string(truncation, where, "direction", VECD_JSON_OPTIONAL, &side, err);
    *truncate_left = vecd_span_eq(side, VECD_SPAN("Left"));
    if (!s && !*truncate_left && !vecd_span_eq(side, VECD_SPAN("Right")))
      s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: direction is neither Left nor Right", where);
  }
  snprintf(where, sizeof where, "%.200s: padding", file);
  if (!s && json_is_object(padding)) s = vecd_json_get_uint(padding, where, "pad_id", VECD_JSON_REQUIRED, 0, UINT_MAX, &n, err);
  return s;
}

static vecd_status check_version(const char *file, const json_t *root, vecd_err *err) {
  vecd_span version = VECD_SPAN("1.0");
  vecd_status s = vecd_json_get_string(root, file, "version", VECD_JSON_OPTIONAL, &version, err);
  if (s || vecd_span_eq(version, VECD_SPAN("1.0"))) return s;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS, "%s: version \"%.*s\" is not supported, only 1.0", file,
                      VECD_SHOWN(version));
}

static vecd_status load(const char *file, const json_t *root, const vecd_tokenizer_rules *rules, vecd_tokenizer *t,
                        vecd_err *err) {
  if (!json_is_object(root))
    return vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is of type %s, must be an object", file,
                        vecd_json_type_name(root));
  const json_t *added = json_object_get(root, "added_tokens"), *model = json_object_get(root, "model");
  size_t n_added = 0, added_bytes = 0;
  vecd_status s = check_version(file, root, err);
  if (!s) s = check_lengths(file, root, &t->truncate_left, err);
  if (!s) s = vecd_normalizer_load(file, json_object_get(root, "normalizer"), rules && rules->lower_first, &t->normalizer, err);
  if (!s) s = vecd_pre_tokenizer_load(file, json_object_get(root, "pre_tokenizer"), &t->pre_tokenizer, err);
  if (!s) s = vecd_added_tokens_measure(file, added, &n_added, &added_bytes, err);
  if (!s) s = vecd_tok_model_load(file, model, n_added, added_bytes, &t->vocab, &t->model, err);
  if (!s) s = vecd_added_tokens_load(file, added, &t->normalizer, &t->model, &t->vocab, &t->added, err);
  if (!s) s = vecd_post_processor_load(file, json_object_get(root, "post_processor"), &t->vocab, &t->post, err);
  return s;
}

/* Made anew by a class whose model is another, what the file has would be nonsense. */
static vecd_status want_model(const char *file, const json_t *root, const char *want, vecd_err *err) {
  const char *type = json_string_value(json_object_get(json_object_get(root, "model"), "type"));
  if (!type || strcmp(type, want) == 0) return VECD_OK;
  return vecd_err_set(err, VECD_UNSUPPORTED, VECD_NO_POS,
                      "%s: model is %.64s, but the tokenizer_class of tokenizer_config.json (or, without one, the model_type) "
                      "makes it %s; is tokenizer_class PreTrainedTokenizerFast meant?",
                      file, type, want);
}

/* Rewrites the sections that transformers' BertTokenizer makes anew (see vecd_tokenizer_rules). */
static vecd_status apply_bert(const char *file, json_t *root, const vecd_tokenizer_rules *rules, vecd_err *err) {
  json_t *model = json_object_get(root, "model");
  vecd_status s = want_model(file, root, "WordPiece", err);
  if (s) return s;
  json_t *strip = rules->bert_strip_accents < 0 ? json_null() : json_boolean(rules->bert_strip_accents);
  json_t *normalizer = json_object();
  if (json_object_set_new(normalizer, "type", json_string("BertNormalizer")) |
      json_object_set_new(normalizer, "clean_text", json_true()) |
      json_object_set_new(normalizer, "handle_chinese_chars", json_boolean(rules->bert_chinese_chars)) |
      json_object_set_new(normalizer, "strip_accents", strip) |
      json_object_set_new(normalizer, "lowercase", json_boolean(rules->bert_lowercase)) |
      json_object_set_new(root, "normalizer", normalizer))
    return vecd_err_no_memory(err, "tokenizer", 0);
  if (json_is_object(model) && (json_object_set_new(model, "max_input_chars_per_word", json_integer(100)) |
                                json_object_set_new(model, "continuing_subword_prefix", json_string("##"))))
    return vecd_err_no_memory(err, "tokenizer", 0);
  return VECD_OK;
}

/* The same for RobertaTokenizer. */
static vecd_status apply_roberta(const char *file, json_t *root, const vecd_tokenizer_rules *rules, vecd_err *err) {
  vecd_status s = want_model(file, root, "BPE", err);
  if (s) return s;
  json_t *pre = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", rules->roberta_prefix_space,
                          "trim_offsets", 1, "use_regex", 1);
  if (json_object_set_new(root, "pre_tokenizer", pre) | json_object_set_new(root, "normalizer", json_null()))
    return vecd_err_no_memory(err, "tokenizer", 0);
  return VECD_OK;
}

/* Takes root over. */
static vecd_status open_json(const char *file, json_t *root, const vecd_tokenizer_rules *rules, vecd_tokenizer **out,
                             vecd_err *err) {
  vecd_tokenizer *t = vecd_alloc_zero(VECD_MEM_VOCAB, 1, sizeof *t);
  vecd_status s = t ? VECD_OK : vecd_err_no_memory(err, "tokenizer", sizeof *t);
  if (!s && rules && rules->bert && json_is_object(root)) s = apply_bert(file, root, rules, err);
  if (!s && rules && rules->roberta && json_is_object(root)) s = apply_roberta(file, root, rules, err);
  if (!s) s = load(file, root, rules, t, err);
  json_decref(root);
  if (s) {
    vecd_tokenizer_close(&t);
    return s;
  }
  *out = t;
  return VECD_OK;
}

vecd_status vecd_tokenizer_open(const char *path, const vecd_tokenizer_rules *rules, vecd_tokenizer **out, vecd_err *err) {
  json_t *root = NULL;
  vecd_status s = vecd_json_read_like_serde(path, MOST_FILE_BYTES, &root, err);
  return s ? s : open_json(path, root, rules, out, err);
}

vecd_status vecd_tokenizer_parse(const char *name, vecd_span text, const vecd_tokenizer_rules *rules, vecd_tokenizer **out,
                                 vecd_err *err) {
  json_t *root = NULL;
  vecd_status s = vecd_json_parse_like_serde(name, text, &root, err);
  return s ? s : open_json(name, root, rules, out, err);
}

void vecd_tokenizer_close(vecd_tokenizer **tokenizer) {
  vecd_tokenizer *t = *tokenizer;
  if (!t) return;
  vecd_post_processor_fini(&t->post);
  vecd_added_tokens_fini(&t->added);
  vecd_normalizer_fini(&t->normalizer);
  vecd_pre_tokenizer_fini(&t->pre_tokenizer);
  vecd_tok_model_fini(&t->model);
  vecd_vocab_fini(&t->vocab);
  vecd_free(t);
  *tokenizer = NULL;
}

vecd_span vecd_tokenizer_piece(const vecd_tokenizer *tokenizer, uint32_t id) { return vecd_vocab_piece(&tokenizer->vocab, id); }

bool vecd_tokenizer_is_special(const vecd_tokenizer *tokenizer, uint32_t id) {
  const vecd_post_processor *post = &tokenizer->post;
  for (size_t i = 0; i < post->n_before + post->n_behind; i++)
    if (post->ids[i] == id) return true;
  return false;
}

uint32_t vecd_tokenizer_id_limit(const vecd_tokenizer *tokenizer) { return tokenizer->vocab.id_limit; }

/* With scores or merges a token takes 40 to 90 bytes of the file, and all together come to about its length. Without it takes 15 to
 * 25, and a table of at most half-filled slots is what counts; but a model may have more ids than there are tokens. */
size_t vecd_tokenizer_estimate(size_t file_bytes, size_t n_ids) {
  const size_t fixed = 50000; /* what does not grow with the vocabulary is less than twice that */
  if (file_bytes / 30 >= n_ids) return file_bytes + fixed;
  size_t n_tokens = n_ids < file_bytes / 15 ? n_ids : file_bytes / 15, n_slots = 16;
  while (n_slots < 2 * n_tokens) n_slots *= 2;
  return n_tokens * sizeof(vecd_piece) + n_slots * sizeof(vecd_piece_slot) * 5 / 4 + file_bytes / 2 + fixed;
}

size_t vecd_tokenizer_bytes(const vecd_tokenizer *tokenizer) {
  return sizeof *tokenizer + vecd_vocab_bytes(&tokenizer->vocab) + vecd_tok_model_bytes(&tokenizer->model) +
         vecd_added_tokens_bytes(&tokenizer->added) + vecd_normalizer_bytes(&tokenizer->normalizer) +
         vecd_pre_tokenizer_bytes(&tokenizer->pre_tokenizer) +
         (tokenizer->post.n_before + tokenizer->post.n_behind) * sizeof *tokenizer->post.ids;
}
