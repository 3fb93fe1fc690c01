/* embed.c - the C API from end to end: open a model's folder, say what it is, encode two texts, compare them.
 *
 *   cc embed.c $(pkg-config --cflags --libs vecd) -lm && ./a.out FOLDER "a cat" "a kitten" */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vecd.h>

static double cosine(const float *a, const float *b, unsigned n) {
  double dot = 0, aa = 0, bb = 0;
  for (unsigned i = 0; i < n; i++) {
    dot += (double)a[i] * b[i];
    aa += (double)a[i] * a[i];
    bb += (double)b[i] * b[i];
  }
  return dot / sqrt(aa * bb);
}

static int fail(const vecd_err *err) {
  fprintf(stderr, "%s: %s\n", vecd_status_text(err->code), err->text);
  return 1;
}

int main(int argc, char **argv) {
  vecd_model *model = NULL;
  vecd_info info;
  vecd_err err;
  if (argc != 4) {
    fprintf(stderr, "usage: embed FOLDER TEXT TEXT\n");
    return 2;
  }
  if (vecd_open(argv[1], NULL, &model, &err)) return fail(&err);
  vecd_describe(model, &info);
  printf("%s: %s, %u floats, %s pooling, at most %u tokens; %s on %u threads\n", info.id, info.architecture, info.dimension,
         info.pooling, info.max_tokens, info.isa, info.threads);

  const char *texts[2] = {argv[2], argv[3]};
  size_t lens[2] = {strlen(argv[2]), strlen(argv[3])};
  uint32_t n_tokens[2];
  float *vectors = malloc(2 * info.dimension * sizeof *vectors);
  int code = 1;
  if (!vectors) goto done;
  if (vecd_encode(model, texts, lens, 2, 0, vectors, n_tokens, &err)) {
    code = fail(&err);
    goto done;
  }
  printf("%u and %u tokens, cosine %.4f\n", n_tokens[0], n_tokens[1],
         cosine(vectors, vectors + info.dimension, info.dimension));
  code = 0;
done:
  free(vectors);
  vecd_close(&model);
  return code;
}
