/* tokenize_lines.c - a tokenizer for other programs to drive: a line of standard input is a JSON string, a line of standard
 * output is {"ids": [...], "offsets": [[start, end], ...], "untruncated": n} or {"error": "..."}.
 *
 * tokenize_lines TOKENIZER_JSON [--max N] [--no-specials] [--lower] [--repeat N]
 * With --repeat each text is encoded N times without offsets, and the seconds that took go to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fmt/json.h"
#include "tok/tokenizer.h"

static void print_encoding(const vecd_encoding *e) {
  printf("{\"ids\":[");
  for (size_t i = 0; i < e->n_ids; i++) printf(i ? ",%u" : "%u", e->ids[i]);
  printf("],\"offsets\":[");
  for (size_t i = 0; i < e->n_ids; i++) printf(i ? ",[%u,%u]" : "[%u,%u]", e->starts[i], e->ends[i]);
  printf("],\"untruncated\":%zu}\n", e->n_untruncated);
}

int main(int argc, char **argv) {
  size_t max_tokens = 0, repeat = 0, n_bytes = 0, n_ids = 0;
  unsigned flags = 0;
  bool lower = false;
  if (argc < 2) return fprintf(stderr, "usage: tokenize_lines TOKENIZER_JSON [options]\n"), 2;
  for (int i = 2; i < argc; i++) {
    if (!strcmp(argv[i], "--max") && i + 1 < argc)
      max_tokens = strtoul(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--repeat") && i + 1 < argc)
      repeat = strtoul(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--no-specials"))
      flags |= VECD_TOK_NO_SPECIALS;
    else if (!strcmp(argv[i], "--lower"))
      lower = true;
    else
      return fprintf(stderr, "tokenize_lines: unknown option %s\n", argv[i]), 2;
  }
  vecd_err err;
  vecd_tokenizer *tokenizer;
  uint64_t opened = vecd_now_ns(), spent = 0;
  if (vecd_tokenizer_open(argv[1], &(vecd_tokenizer_rules){.lower_first = lower}, &tokenizer, &err))
    return fprintf(stderr, "%s\n", err.text), 1;
  opened = vecd_now_ns() - opened;
  vecd_encoding encoding = {0};
  char *line = NULL;
  size_t cap = 0;
  for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
    json_t *string = NULL;
    if (vecd_json_parse("line", (vecd_span){line, (size_t)len}, &string, &err) || !json_is_string(string)) {
      printf("{\"error\":\"not a JSON string\"}\n");
      json_decref(string);
      continue;
    }
    vecd_span text = {json_string_value(string), json_string_length(string)};
    uint64_t begun = vecd_now_ns();
    for (size_t i = 0; i < repeat; i++) {
      if (vecd_tokenizer_encode(tokenizer, text, max_tokens, flags, &encoding, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
      n_bytes += text.len;
      n_ids += encoding.n_ids;
    }
    spent += vecd_now_ns() - begun;
    if (!repeat) {
      if (vecd_tokenizer_encode(tokenizer, text, max_tokens, flags | VECD_TOK_OFFSETS, &encoding, &err))
        printf("{\"error\":\"code %d\"}\n", (int)err.code);
      else
        print_encoding(&encoding);
    }
    json_decref(string);
  }
  if (repeat)
    fprintf(stderr, "open %.2f ms, %zu bytes, %zu ids, %.6f s, %.1f MB/s\n", (double)opened / 1e6, n_bytes, n_ids,
            (double)spent / 1e9, (double)n_bytes * 1e3 / (double)spent);
  free(line);
  vecd_encoding_fini(&encoding);
  vecd_tokenizer_close(&tokenizer);
  return 0;
}
