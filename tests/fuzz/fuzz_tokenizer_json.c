/* fuzz_tokenizer_json.c - the input is a tokenizer.json: it is refused with words, or it encodes whatever it is given. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tok/tokenizer_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok) {
  if (!ok) abort();
}

static void encode_all(const vecd_tokenizer *t) {
#define TEXT(s) \
  { s, sizeof s - 1 }
  static const vecd_span texts[] = {
      TEXT(""),
      TEXT("Hello, world! hello"),
      TEXT("aaabaabcabaabcabcabababcabaaaaacabccbaabcbabcbabcabcbabca"),
      TEXT("[CLS] a[MASK]b [SEP]\xc3\xa9t\xc3\xa9"),
      TEXT("x\0y \xe4\xb8\xad\xe6\x96\x87 e\xcc\x81\xcc\xa7 \xea\xb0\x80  <a> <b>ab abc abcd"),
  };
  vecd_encoding encoding = {0};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    for (unsigned flags = 0; flags < 4; flags++) {
      for (size_t most = 0; most < 4; most++) {
        vecd_status s = vecd_tokenizer_encode(t, texts[i], most, flags, &encoding, NULL);
        if (s == VECD_BAD_TEXT && encoding.n_ids == 0) continue; /* no token for something unknown, or a regex that explodes */
        check(!s);
        check(!most || encoding.n_ids <= most);
        check(encoding.n_ids <= encoding.n_untruncated);
        for (size_t k = 0; k < encoding.n_ids; k++) {
          check(vecd_tokenizer_piece(t, encoding.ids[k]).ptr != NULL);
          check(!(flags & VECD_TOK_OFFSETS) || encoding.starts[k] <= encoding.ends[k]);
        }
      }
    }
  }
  vecd_encoding_fini(&encoding);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  vecd_tokenizer *t = NULL;
  vecd_err err = {0};
  if (len == 0) return 0;
  unsigned last = data[len - 1]; /* the rules of the files beside it */
  vecd_tokenizer_rules rules = {
      .lower_first = last & 1, .bert = last & 2, .bert_lowercase = last & 4, .bert_strip_accents = -1};
  vecd_status s = vecd_tokenizer_parse("tokenizer.json", (vecd_span){(const char *)data, len - 1}, &rules, &t, &err);
  if (s) {
    check(!t && err.code == s && strncmp(err.text, "tokenizer.json", 14) == 0);
    return 0;
  }
  encode_all(t);
  check(vecd_tokenizer_bytes(t) > 0);
  vecd_tokenizer_close(&t);
  return 0;
}
