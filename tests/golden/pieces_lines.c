/* pieces_lines.c - normalizer and pre-tokenizer for other programs to drive: a line of standard input is a JSON string, a line of
 * standard output is [[piece, start, end], ...], places in characters of the line's text, or {"error": "..."}.
 *
 * pieces_lines CONFIG_JSON [--seconds N]
 * The file is an object with "normalizer" and "pre_tokenizer". With --seconds the lines are read first and gone through again and
 * again for that long; what that took goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tok/normalizer.h"
#include "tok/pre_tokenizer.h"

typedef struct pipeline {
  vecd_normalizer normalizer;
  vecd_pre_tokenizer pre;
  vecd_normalizer_scratch normalizer_scratch;
  vecd_pre_scratch pre_scratch;
} pipeline;

static bool load(const char *path, pipeline *p) {
  json_t *root = NULL;
  vecd_err err;
  vecd_status s = vecd_json_read(path, (size_t)64 << 20, &root, &err);
  if (!s) s = vecd_normalizer_load(path, json_object_get(root, "normalizer"), false, &p->normalizer, &err);
  if (!s) s = vecd_pre_tokenizer_load(path, json_object_get(root, "pre_tokenizer"), &p->pre, &err);
  json_decref(root);
  if (s) fprintf(stderr, "%s\n", err.text);
  return !s;
}

/* out: the text the pieces are of; pieces NULL: the pre-tokenizer is a simple one. */
static vecd_status run(pipeline *p, vecd_span text, bool keep_src, vecd_aligned *out, const vecd_piece_list **pieces,
                       vecd_err *err) {
  const vecd_aligned *norm = NULL;
  *pieces = NULL;
  vecd_status s = vecd_normalizer_run(&p->normalizer, text, 0, keep_src, &p->normalizer_scratch, &norm, err);
  if (s) return s;
  *out = *norm;
  if (vecd_pre_tokenizer_is_simple(&p->pre)) return VECD_OK;
  return vecd_pre_tokenizer_run(&p->pre, (vecd_span){norm->bytes, norm->len}, keep_src ? norm->src : NULL, &p->pre_scratch, out,
                                pieces, err);
}

static void put_piece(json_t *list, const vecd_aligned *text, size_t begin, size_t end) {
  json_t *piece = json_array();
  json_array_append_new(piece, json_stringn(text->bytes + begin, end - begin));
  json_array_append_new(piece, json_integer(text->src[begin]));
  json_array_append_new(piece, json_integer((json_int_t)text->src[end - 1] + 1));
  json_array_append_new(list, piece);
}

static void print_pieces(pipeline *p, vecd_span text) {
  vecd_aligned out;
  vecd_err err;
  const vecd_piece_list *pieces;
  json_t *list = json_array();
  vecd_status s = run(p, text, true, &out, &pieces, &err);
  if (s) {
    json_decref(list);
    list = json_pack("{s:s}", "error", err.text);
  } else if (pieces) {
    for (size_t i = 0; i < pieces->n; i++) put_piece(list, &out, pieces->ranges[i].begin, pieces->ranges[i].end);
  } else {
    vecd_span all = {out.bytes, out.len}, word;
    for (size_t at = 0; vecd_pre_tokenizer_next(&p->pre, all, &at, &word);)
      put_piece(list, &out, (size_t)(word.ptr - all.ptr), (size_t)(word.ptr - all.ptr) + word.len);
  }
  char *line = json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII);
  puts(line);
  free(line);
  json_decref(list);
}

static void time_it(pipeline *p, json_t *texts, double seconds) {
  uint64_t begun = vecd_now_ns(), spent = 0;
  size_t n_bytes = 0, n_pieces = 0;
  while ((double)spent < seconds * 1e9 && json_array_size(texts)) {
    for (size_t i = 0; i < json_array_size(texts); i++) {
      json_t *text = json_array_get(texts, i);
      vecd_aligned out;
      const vecd_piece_list *pieces;
      if (run(p, (vecd_span){json_string_value(text), json_string_length(text)}, false, &out, &pieces, NULL)) return;
      n_bytes += json_string_length(text);
      n_pieces += pieces ? pieces->n : 0;
    }
    spent = vecd_now_ns() - begun;
  }
  fprintf(stderr, "%zu bytes, %zu pieces, %.1f MB/s\n", n_bytes, n_pieces, (double)n_bytes * 1e3 / (double)spent);
}

int main(int argc, char **argv) {
  static pipeline p;
  double seconds = argc == 4 && !strcmp(argv[2], "--seconds") ? strtod(argv[3], NULL) : 0;
  if (argc < 2) return fprintf(stderr, "usage: pieces_lines CONFIG_JSON [--seconds N]\n"), 2;
  if (!load(argv[1], &p)) return 1;
  json_t *texts = json_array();
  char *line = NULL;
  size_t cap = 0;
  for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
    json_t *string = NULL;
    vecd_err err;
    if (vecd_json_parse("line", (vecd_span){line, (size_t)len}, &string, &err) || !json_is_string(string))
      return fprintf(stderr, "pieces_lines: not a JSON string\n"), 1;
    if (seconds > 0) {
      json_array_append(texts, string);
    } else {
      print_pieces(&p, (vecd_span){json_string_value(string), json_string_length(string)});
    }
    json_decref(string);
  }
  if (seconds > 0) time_it(&p, texts, seconds);
  json_decref(texts);
  free(line);
  vecd_normalizer_fini(&p.normalizer);
  vecd_pre_tokenizer_fini(&p.pre);
  vecd_normalizer_scratch_fini(&p.normalizer_scratch);
  vecd_pre_scratch_fini(&p.pre_scratch);
  return 0;
}
