/* cmd_similarity.c - how near texts are to the first one, the nearest first. */
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/open_model.h"
#include "cmd/output.h"
#include "model/quality.h"

typedef struct ranked {
  double cosine;
  size_t index; /* of the text: equal ones keep their order */
} ranked;

static int by_cosine(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->cosine != y->cosine) return x->cosine < y->cosine ? 1 : -1;
  return x->index < y->index ? -1 : 1;
}

static vecd_status encode_all(const vecd_opened *opened, const vecd_encode_how *how, char *const *args, size_t n,
                              float *vectors, vecd_err *err) {
  vecd_item items[VECD_MODEL_SLICE];
  vecd_span texts[VECD_MODEL_SLICE];
  size_t n_good;
  for (size_t first = 0; first < n; first += VECD_MODEL_SLICE) {
    size_t some = n - first < VECD_MODEL_SLICE ? n - first : VECD_MODEL_SLICE;
    for (size_t i = 0; i < some; i++) texts[i] = vecd_span_of(args[first + i]);
    vecd_encode_texts(opened, how, texts, some, items, vectors + first * how->dimension, &n_good);
    if (n_good == some) continue;
    char place[32];
    snprintf(place, sizeof place, "argument %zu", first + n_good + 1);
    return vecd_item_explain_place(opened->model, &items[n_good], place, err);
  }
  return VECD_OK;
}

int vecd_cmd_similarity(const vecd_settings *settings) {
  vecd_opened opened;
  vecd_err err;
  size_t n = settings->n_args;
  float *vectors = NULL;
  ranked *ranks = NULL;
  vecd_encode_how how = {.flags = 0};
  if (vecd_check_prompt_flags(settings, &err)) return vecd_fail_usage("similarity", &err);
  vecd_status s = vecd_opened_open(settings, settings->model, &opened, &err);
  if (!s) s = vecd_encode_how_of(settings, opened.model, &how, &err);
  if (s) goto done;
  size_t dimension = how.dimension;
  vectors = vecd_alloc_array(VECD_MEM_REQUEST, n * dimension, sizeof *vectors);
  ranks = vecd_alloc_array(VECD_MEM_REQUEST, n, sizeof *ranks);
  if (!vectors || !ranks) {
    s = vecd_err_no_memory(&err, "vectors", n * dimension * sizeof *vectors);
    goto done;
  }
  if ((s = encode_all(&opened, &how, settings->args, n, vectors, &err))) goto done;
  for (size_t i = 1; i < n; i++) ranks[i - 1] = (ranked){vecd_cosine(vectors, vectors + i * dimension, dimension), i};
  qsort(ranks, n - 1, sizeof *ranks, by_cosine);
  for (size_t i = 0; i < n - 1; i++) {
    printf("%.6f\t", ranks[i].cosine);
    vecd_print_line(stdout, vecd_span_of(settings->args[ranks[i].index]));
  }
done:
  vecd_free(vectors);
  vecd_free(ranks);
  vecd_opened_close(&opened);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
