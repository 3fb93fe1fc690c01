/* fuzz_text.c - the input is a text (after two bytes that choose tokenizer, flags and limit). What must hold for any text is
 * checked: the fast way for ASCII gives what the slow way gives, offsets change no ids, truncation only cuts, pieces are whole
 * characters in the order of the text, and the normalization forms are what the standard says of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "every_byte_map.h"
#include "tok/tokenizer_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define VOCAB                                                                                                             \
  "{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"[MASK]\":3,\"a\":4,\"##a\":5,\"b\":6,\"##b\":7,\"ab\":8,\"##ab\":9,\"the\":10," \
  "\"##e\":11,\"e\":12,\",\":13,\".\":14,\"\\u4e2d\":15,\"\\u1100\":16,\"##\\u1161\":17,\"\\u00e9\":18,\"##\\u0301\":19," \
  "\"abcabcabc\":20,\"##s\":21,\"i\":22,\"##\\u0307\":23}" /* 24 tokens */

#define WORDPIECE                                                                                                        \
  "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":9," \
  "\"vocab\":" VOCAB "}"
#define UNIGRAM(more)                                                                                                          \
  "{\"type\":\"Unigram\",\"unk_id\":0" more ",\"vocab\":[[\"[UNK]\",0],[\"[CLS]\",0],[\"[SEP]\",0],[\"[MASK]\",0],[\"a\",-2]," \
  "[\"b\",-2],[\"ab\",-4],[\"the\",-1],[\"e\",-3],[\" \",-1],[\" the\",-1.5],[\"aaaaaaaaaaaaaaaa\",-9],[\"\\u00e9\",-5],"      \
  "[\"\\u4e2d\",-5],[\"<0xC3>\",0],[\"<0xA8>\",0],[\"<0xE4>\",0],[\"<0xB8>\",0],[\"<0xAD>\",0],[\"abab\",-4]]}"
#define BPE(more)                                                                                                          \
  "{\"type\":\"BPE\",\"unk_token\":\"[UNK]\"" more ",\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"[MASK]\":3,\"a\":4," \
  "\"b\":5,\"ab\":6,\"t\":7,\"h\":8,\"e\":9,\"th\":10,\"the\":11,\"aa\":12,\"aaaa\":13,\"\\u00e9\":14,\" \":15,"           \
  "\"<0xC3>\":16,\"<0xA8>\":17,\"baa\":18,\"abaa\":19},\"merges\":[[\"a\",\"b\"],[\"t\",\"h\"],[\"th\",\"e\"],[\"a\","     \
  "\"a\"],[\"aa\",\"aa\"],[\"b\",\"aa\"],[\"ab\",\"aa\"]]}"

#define TOKENIZER(normalizer, pre_tokenizer, added) WITH_MODEL(normalizer, pre_tokenizer, added, WORDPIECE)
#define WITH_MODEL(normalizer, pre_tokenizer, added, model)                                                          \
  "{\"version\":\"1.0\",\"added_tokens\":[" added "],\"normalizer\":" normalizer ",\"pre_tokenizer\":" pre_tokenizer \
  ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]},\"model\":" model "}"

#define BERT(clean, cjk, strip, lower)                                                                              \
  "{\"type\":\"BertNormalizer\",\"clean_text\":" clean ",\"handle_chinese_chars\":" cjk ",\"strip_accents\":" strip \
  ",\"lowercase\":" lower "}"

#define ADDED(id, content, single, left, right, normalized)                                                     \
  "{\"id\":" id ",\"content\":\"" content "\",\"single_word\":" single ",\"lstrip\":" left ",\"rstrip\":" right \
  ",\"normalized\":" normalized ",\"special\":false}"

#define SPLIT "{\"type\":\"BertPreTokenizer\"}"
#define BYTE_LEVEL(prefix, regex) \
  "{\"type\":\"ByteLevel\",\"add_prefix_space\":" prefix ",\"trim_offsets\":true,\"use_regex\":" regex "}"
#define METASPACE(scheme)        "{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"" scheme "\"}"
#define SEQUENCE(field, members) "{\"type\":\"Sequence\",\"" field "\":[" members "]}"
#define REPLACE(kind, pattern, content) \
  "{\"type\":\"Replace\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"content\":\"" content "\"}"
#define CUT(kind, pattern, behavior) \
  "{\"type\":\"Split\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"behavior\":\"" behavior "\",\"invert\":false}"
#define QWEN                                                                                                        \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\r\\n]*|" \
  "\\\\s*[\\r\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

static const char *const files[] = {
    TOKENIZER(BERT("true", "true", "null", "true"), SPLIT, ADDED("3", "[MASK]", "false", "true", "false", "false")),
    TOKENIZER(BERT("false", "false", "false", "true"), SPLIT, ""),
    TOKENIZER(
        BERT("true", "true", "true", "false"), SPLIT,
        ADDED("24", "<x>", "true", "false", "true", "false") "," ADDED("25", "A\\u00e9", "false", "true", "true", "true")),
    TOKENIZER("null", "null",
              ADDED("24", " ", "false", "true", "true", "false") "," ADDED("4", "a", "false", "true", "true", "true")),
    TOKENIZER(
        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"}]}",
        SPLIT, ADDED("24", "aa", "true", "false", "false", "true")),
    WITH_MODEL("null", "null", ADDED("3", "[MASK]", "false", "true", "false", "false"), UNIGRAM("")),
    WITH_MODEL("{\"type\":\"Lowercase\"}", SPLIT, ADDED("20", "<x>", "false", "false", "true", "true"),
               UNIGRAM(",\"byte_fallback\":true")),
    WITH_MODEL("null", "null", ADDED("3", "[MASK]", "false", "true", "false", "false"), BPE("")),
    WITH_MODEL("null", SPLIT, "", BPE(",\"byte_fallback\":true,\"fuse_unk\":true,\"ignore_merges\":true")),
    TOKENIZER("null", BYTE_LEVEL("true", "true"), ADDED("24", "<mask>", "false", "true", "false", "false")),
    TOKENIZER("{\"type\":\"NFC\"}", SEQUENCE("pretokenizers", CUT("Regex", QWEN, "Isolated") "," BYTE_LEVEL("false", "false")),
              ADDED("24", " ", "false", "false", "false", "true")),
    TOKENIZER(REPLACE("String", " ", "\\u2581"), CUT("String", "\\u2581", "MergedWithPrevious"), ""),
    TOKENIZER(SEQUENCE("normalizers",
                       "{\"type\":\"Prepend\",\"prepend\":\"ab\"},{\"type\":\"NFKC\"},{\"type\":\"Strip\",\"strip_"
                       "left\":true,\"strip_right\":true}," REPLACE("Regex", " {2,}|b", "")),
              METASPACE("first"), ADDED("4", "a", "false", "true", "true", "false")),
    TOKENIZER(SEQUENCE("normalizers", "{\"type\":\"Nmt\"},{\"type\":\"Lowercase\"}"),
              SEQUENCE("pretokenizers", "{\"type\":\"WhitespaceSplit\"}," METASPACE(
                                            "always") ",{\"type\":\"Digits\",\"individual_digits\":true}"),
              ""),
    TOKENIZER(
        "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" EVERY_BYTE_MAP "\"}",
        SEQUENCE(
            "pretokenizers",
            "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"},{\"type\":\"Whitespace\"},{\"type\":\"UnicodeScripts\"}"),
        ""),
    TOKENIZER(SEQUENCE("normalizers", "{\"type\":\"NFKD\"},{\"type\":\"ByteLevel\"}"),
              "{\"type\":\"FixedLength\",\"length\":3}", ""),
};

#define N_FILES (sizeof files / sizeof *files)

static void check(bool ok) {
  if (!ok) abort();
}

static vecd_tokenizer *open_file(size_t i, bool by_record) {
  vecd_tokenizer *t = NULL;
  check(!vecd_tokenizer_parse("fuzz", vecd_span_of(files[i]), NULL, &t, NULL));
  for (size_t k = 0; k < t->normalizer.n_passes; k++) t->normalizer.passes[k].by_record = by_record;
  return t;
}

static bool same(const vecd_encoding *a, const vecd_encoding *b, bool offsets) {
  return a->n_ids == b->n_ids && a->n_untruncated == b->n_untruncated && !memcmp(a->ids, b->ids, a->n_ids * sizeof *a->ids) &&
         (!offsets ||
          (!memcmp(a->starts, b->starts, a->n_ids * sizeof *a->ids) && !memcmp(a->ends, b->ends, a->n_ids * sizeof *a->ids)));
}

/* Pieces are whole characters, in order, with sources that never go back. */
static void check_pieces(const vecd_tokenizer *t, vecd_span text) {
  static vecd_normalizer_scratch normalizer_scratch;
  static vecd_pre_scratch pre_scratch;
  const vecd_aligned *norm;
  vecd_aligned out;
  const vecd_piece_list *pieces;
  check(!vecd_normalizer_run(&t->normalizer, text, 7, true, &normalizer_scratch, &norm, NULL));
  check(vecd_utf8_valid_prefix(norm->bytes, norm->len) == norm->len);
  for (size_t i = 1; i < norm->len; i++) check(norm->src[i] >= norm->src[i - 1]);
  if (vecd_pre_tokenizer_is_simple(&t->pre_tokenizer)) return;
  check(!vecd_pre_tokenizer_run(&t->pre_tokenizer, (vecd_span){norm->bytes, norm->len}, norm->src, &pre_scratch, &out, &pieces,
                                NULL));
  size_t last = 0;
  for (size_t i = 0; i < pieces->n; i++) {
    vecd_piece_range r = pieces->ranges[i];
    check(r.begin >= last && r.begin < r.end && r.end <= out.len);
    check(vecd_utf8_valid_prefix(out.bytes + r.begin, r.end - r.begin) == r.end - r.begin);
    check(i == 0 || out.src[r.begin] >= out.src[r.begin - 1]);
    last = r.end;
  }
}

/* Gives the form of text, in *out. */
static vecd_span put_form(vecd_form form, vecd_span text, vecd_aligned *out) {
  static vecd_compose_scratch scratch;
  vecd_aligned_reset(out, true, 0);
  vecd_transform t = vecd_transform_over(out, text, NULL, 0);
  vecd_compose_text(form, &t, &scratch);
  check(!out->failed);
  return (vecd_span){out->len ? out->bytes : "", out->len};
}

/* Each form stays under itself; composing changes nothing of what decomposing gives. */
static void check_forms(vecd_span text) {
  static vecd_aligned once[3], twice;
  vecd_span forms[3];
  for (int form = 0; form < 3; form++) {
    forms[form] = put_form((vecd_form)form, text, &once[form]);
    check(vecd_span_eq(put_form((vecd_form)form, forms[form], &twice), forms[form]));
  }
  for (int form = 0; form < 2; form++) check(vecd_span_eq(put_form(VECD_FORM_KD, forms[form], &twice), forms[VECD_FORM_KD]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static vecd_tokenizer *fast[N_FILES], *slow[N_FILES];
  static vecd_encoding whole, other, cut;
  if (len < 2) return 0;
  size_t which = data[0] % N_FILES, most = data[1] % 16;
  unsigned flags = data[0] & 0x80 ? VECD_TOK_NO_SPECIALS : 0;
  vecd_span text = {(const char *)data + 2, len - 2};
  if (!fast[which]) {
    fast[which] = open_file(which, false);
    slow[which] = open_file(which, true);
  }
  vecd_err err = {0};
  vecd_status s = vecd_tokenizer_encode(fast[which], text, 0, flags | VECD_TOK_OFFSETS, &whole, &err);
  check(s == (vecd_utf8_valid_prefix(text.ptr, text.len) < text.len ? VECD_BAD_TEXT : VECD_OK));
  if (s) {
    check(err.pos == vecd_utf8_valid_prefix(text.ptr, text.len));
    return 0;
  }
  check_pieces(fast[which], text);
  check_forms(text);
  size_t n_chars = 0;
  for (size_t i = 0; i < text.len; i++) n_chars += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
  check(whole.n_untruncated == whole.n_ids);
  for (size_t i = 0; i < whole.n_ids; i++) {
    check(whole.ids[i] < vecd_tokenizer_id_limit(fast[which]));
    check(whole.starts[i] <= whole.ends[i] && whole.ends[i] <= n_chars);
  }
  check(!vecd_tokenizer_encode(slow[which], text, 0, flags | VECD_TOK_OFFSETS, &other, NULL) && same(&whole, &other, true));
  check(!vecd_tokenizer_encode(fast[which], text, 0, flags, &other, NULL) && same(&whole, &other, false));
  check(!vecd_tokenizer_encode(fast[which], text, most, flags, &cut, NULL));
  check(cut.n_untruncated == whole.n_ids && cut.n_ids == (most && most < whole.n_ids ? most : whole.n_ids));
  size_t n_behind = flags ? 0 : 1;
  if (most >= 2) check(!memcmp(cut.ids, whole.ids, (cut.n_ids - n_behind) * sizeof *cut.ids));
  if (n_behind) check(cut.ids[cut.n_ids - 1] == 2);
  return 0;
}
