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
#include "pipeline.h"

static bool load(const char *path, pipeline *p) {
  json_t *root = NULL;
  vecd_err err;
  vecd_status s = vecd_json_read(path, (size_t)64 << 20, &root, &err);
  if (!s) s = load_pipeline(path, json_object_get(root, "normalizer"), json_object_get(root, "pre_tokenizer"), p, &err);
  json_decref(root);
  if (s) fprintf(stderr, "%s\n", err.text);
  return !s;
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
  vecd_status s = run_pipeline(p, text, true, &out, &pieces, &err);
  if (s) {
    json_decref(list);
    list = json_pack("{s:s}", "error", err.text);
  } else {
    for (size_t i = 0, at = 0, begin, end; piece_at(p, &out, pieces, i, &at, &begin, &end); i++)
      put_piece(list, &out, begin, end);
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
      if (run_pipeline(p, (vecd_span){json_string_value(text), json_string_length(text)}, false, &out, &pieces, NULL)) return;
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
  free_pipeline(&p);
  return 0;
}
