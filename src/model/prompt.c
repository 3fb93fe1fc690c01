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

bool vecd_prompt_join(vecd_buf *room, vecd_span prompt, vecd_span text, vecd_span *out) {
  *out = text;
  if (!prompt.len) return true;
  room->len = 0;
  vecd_buf_append(room, prompt.ptr, prompt.len);
  vecd_buf_append(room, text.ptr, text.len);
  *out = (vecd_span){room->ptr, room->len};
  bool ok = !room->failed;
  room->failed = false; /* the next text may be shorter */
  return ok;
}
