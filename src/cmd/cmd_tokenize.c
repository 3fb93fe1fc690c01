/* cmd_tokenize.c - texts to token ids. The weights are not opened: what the model would see is known from the small files. */
#include "base/utf8.h"
#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/open_model.h"
#include "cmd/output.h"
#include "nn/encoder.h"

typedef struct tokenization {
  vecd_model_folder folder;
  vecd_tokenizer *tokenizer;
  size_t limit; /* 0: none */
  vecd_encoding encoding;
  vecd_input *input;
  vecd_output output;
  bool with_tokens;
  vecd_span prompt;
  vecd_buf room; /* prompt and text, put together */
} tokenization;

/* The prompt need not be one that the model can take: with text behind it it is cut as any other text. */
static vecd_status find_prompt(tokenization *t, const vecd_settings *settings, vecd_err *err) {
  const char *name = settings->prompt_name ? settings->prompt_name : t->folder.default_prompt;
  if (!settings->prompt) return name ? vecd_model_folder_prompt(&t->folder, name, &t->prompt, err) : VECD_OK;
  t->prompt = vecd_span_of(settings->prompt);
  size_t valid = vecd_utf8_valid_prefix(t->prompt.ptr, t->prompt.len);
  if (valid == t->prompt.len) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_TEXT, valid, "prompt: text is not valid UTF-8 at byte %zu", valid);
}

static vecd_status open_tokenizer(tokenization *t, const vecd_settings *settings, vecd_err *err) {
  vecd_resolved found;
  vecd_encoder_config config;
  vecd_status s = vecd_resolved_find(settings, settings->model, &found, err);
  if (!s) s = vecd_model_folder_open(found.path, &t->folder, err);
  if (!s) s = vecd_model_folder_add_prompts(&t->folder, found.hints.prompts, found.hints.prompts_from, err);
  vecd_resolved_fini(&found);
  if (s || (s = vecd_tokenizer_open(t->folder.tokenizer_path, &t->folder.tokenizer_rules, &t->tokenizer, err))) return s;
  if ((s = find_prompt(t, settings, err)) || settings->no_truncate) return s;
  return vecd_encoder_configure(&t->folder, &config, &t->limit, err);
}

static void append_ids(vecd_buf *buf, const vecd_encoding *e) {
  for (size_t i = 0; i < e->n_ids; i++) vecd_buf_printf(buf, "%s%u", i ? "," : "[", e->ids[i]);
  vecd_buf_append_str(buf, e->n_ids ? "]" : "[]");
}

static void append_tokens(vecd_buf *buf, const vecd_encoding *e, const vecd_tokenizer *tokenizer) {
  vecd_buf_append_str(buf, "{\"ids\":");
  append_ids(buf, e);
  vecd_buf_append_str(buf, ",\"tokens\":[");
  for (size_t i = 0; i < e->n_ids; i++) {
    vecd_span piece = vecd_tokenizer_piece(tokenizer, e->ids[i]);
    if (i) vecd_buf_append_char(buf, ',');
    vecd_output_json_string(buf, piece.ptr ? piece.ptr : "", piece.len);
  }
  vecd_buf_append_str(buf, "],\"offsets\":[");
  for (size_t i = 0; i < e->n_ids; i++) vecd_buf_printf(buf, "%s[%u,%u]", i ? "," : "", e->starts[i], e->ends[i]);
  vecd_buf_append_str(buf, "]}");
}

static vecd_status tokenize_batch(tokenization *t, const vecd_texts *texts, vecd_err *err) {
  vecd_status s = VECD_OK, flushed;
  vecd_err why;
  vecd_buf *buf = &t->output.buf;
  for (size_t i = 0; i < texts->n && !s; i++) {
    unsigned flags = t->with_tokens ? VECD_TOK_OFFSETS : 0;
    s = vecd_prompt_encode(t->tokenizer, t->prompt, texts->texts[i], &t->room, t->limit, flags, &t->encoding, &why);
    if (s) {
      char place[400];
      vecd_input_place(t->input, texts->first + i, place, sizeof place);
      if (why.pos != VECD_NO_POS)
        vecd_err_set(err, s, why.pos, "%s: not valid UTF-8 at byte %zu", place, why.pos);
      else
        vecd_err_set(err, s, why.pos, "%s: %s", place, why.text);
      break;
    }
    if (t->with_tokens)
      append_tokens(buf, &t->encoding, t->tokenizer);
    else
      append_ids(buf, &t->encoding);
    vecd_buf_append_char(buf, '\n');
  }
  flushed = vecd_output_flush(&t->output, s ? NULL : err);
  return s ? s : flushed;
}

int vecd_cmd_tokenize(const vecd_settings *settings) {
  tokenization t = {.with_tokens = settings->tokens};
  vecd_texts texts;
  vecd_err err;
  if (settings->n_args && settings->input) {
    vecd_err_set(&err, VECD_BAD_ARGUMENT, VECD_NO_POS, "give texts as arguments or a file with -i, not both");
    return vecd_fail_usage("tokenize", &err);
  }
  if (vecd_check_prompt_flags(settings, &err)) return vecd_fail_usage("tokenize", &err);
  vecd_status s = vecd_input_open(settings->input, settings->args, settings->n_args, &t.input, &err);
  if (!s) s = open_tokenizer(&t, settings, &err);
  if (!s) s = vecd_output_open(NULL, -1, &t.output, &err);
  while (!s && !(s = vecd_input_next(t.input, &texts, &err)) && texts.n) s = tokenize_batch(&t, &texts, &err);
  (void)vecd_output_close(&t.output, NULL);
  vecd_input_close(&t.input);
  vecd_encoding_fini(&t.encoding);
  vecd_buf_fini(&t.room);
  vecd_tokenizer_close(&t.tokenizer);
  vecd_model_folder_close(&t.folder);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
