/* prompt.c - what is put before texts, and how many tokens of it pooling leaves out.
 *
 * The count is sentence-transformers': the tokens of the prompt as a text of its own, cut to the limit, but for the special one
 * that may end it. So it is a property of the prompt alone, though with text behind it the prompt's last word may well be cut into
 * other tokens. */
#include "base/buf.h"
#include "model/model_priv.h"

vecd_status vecd_model_prompt(const vecd_model *m, const vecd_span *text, const char *name, vecd_prompt *out, vecd_err *err) {
  vecd_prompt p = {{"", 0}, 0};
  vecd_status s = VECD_OK;
  if (!text && !name) {
    *out = m->default_prompt;
    return VECD_OK;
  }
  if (text)
    p.text = *text;
  else
    s = vecd_model_folder_prompt(&m->folder, name, &p.text, err);
  if (s) return s;
  vecd_encoding encoding = {0};
  if (p.text.len) s = vecd_tokenizer_encode(m->tokenizer, p.text, m->max_tokens, 0, &encoding, err);
  if (s) {
    s = vecd_err_context(err, s, "prompt");
  } else if (p.text.len && !m->folder.pooling.include_prompt) {
    size_t n = encoding.n_ids;
    if (n && vecd_tokenizer_is_special(m->tokenizer, encoding.ids[n - 1])) n--;
    p.n_tokens = (uint32_t)n;
  }
  vecd_encoding_fini(&encoding);
  if (!s) *out = p;
  return s;
}

vecd_status vecd_prompt_encode(const vecd_tokenizer *t, vecd_span prompt, vecd_span text, vecd_buf *room, size_t max_tokens,
                               unsigned flags, vecd_encoding *out, vecd_err *err) {
  vecd_span whole = text;
  if (prompt.len) {
    room->len = 0;
    vecd_buf_append(room, prompt.ptr, prompt.len);
    vecd_buf_append(room, text.ptr, text.len);
    whole = (vecd_span){room->ptr, room->len};
    bool failed = room->failed;
    room->failed = false; /* the next text may be shorter */
    if (failed) return vecd_err_no_memory(err, "a text", prompt.len + text.len);
  }
  vecd_err why;
  vecd_status s = vecd_tokenizer_encode(t, whole, max_tokens, flags, out, &why);
  if (!s) return VECD_OK;
  if (why.pos != VECD_NO_POS) {
    vecd_assert(why.pos >= prompt.len);
    vecd_err_set(&why, s, why.pos - prompt.len, "text is not valid UTF-8 at byte %zu", why.pos - prompt.len);
  }
  if (err) *err = why;
  return s;
}
