/* quality.c - see quality.h. A slice is encoded by the reference, then by the candidate, and only its cosines are kept. */
#include "model/quality.h"

#include <math.h>

#include "base/mem.h"
#include "base/order.h"

double vecd_cosine(const float *a, const float *b, size_t n) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < n; i++) {
    dot += (double)a[i] * b[i];
    aa += (double)a[i] * a[i];
    bb += (double)b[i] * b[i];
  }
  if (aa == 0 || bb == 0) return aa == bb ? 1 : 0;
  return fmax(-1, fmin(1, dot / sqrt(aa * bb))); /* the root of a square is exact, so equal vectors give 1 */
}

/* Encodes texts[first] .. texts[first + n - 1]. */
static vecd_status encode_slice(vecd_model *m, const vecd_span *texts, size_t first, size_t n, float *vectors,
                                uint64_t *n_tokens, vecd_quality *out, vecd_err *err) {
  vecd_item items[VECD_MODEL_SLICE];
  size_t dimension = vecd_model_dimension(m);
  for (size_t i = 0; i < n; i++) items[i] = (vecd_item){.text = texts[first + i], .vector = vectors + i * dimension};
  vecd_model_encode(m, items, n, NULL, NULL);
  for (size_t i = 0; i < n; i++) {
    if (items[i].status) {
      out->n = first + i;
      out->bad = items[i];
      out->bad.vector = NULL;
      return vecd_item_explain(m, &items[i], "texts", first + i, err);
    }
    if (n_tokens) *n_tokens += items[i].n_tokens;
  }
  return VECD_OK;
}

/* cosines[first] .. cosines[first + n - 1]; room: [2 * n, dimension]. */
static vecd_status compare_slice(vecd_model *reference, vecd_model *candidate, const vecd_span *texts, size_t first, size_t n,
                                 float *room, double *cosines, vecd_quality *out, vecd_err *err) {
  size_t dimension = vecd_model_dimension(reference);
  float *want = room, *got = room + n * dimension;
  vecd_status s = encode_slice(reference, texts, first, n, want, &out->n_tokens, out, err);
  if (!s) s = encode_slice(candidate, texts, first, n, got, NULL, out, err);
  for (size_t i = 0; i < n && !s; i++) {
    double cosine = vecd_cosine(want + i * dimension, got + i * dimension, dimension);
    cosines[first + i] = cosine;
    out->mean += cosine; /* the sum, until all are there */
    if (first + i > 0 && cosine >= out->least) continue;
    out->least = cosine;
    out->least_index = first + i;
  }
  if (!s) out->n += n;
  return s;
}

vecd_status vecd_quality_measure(vecd_model *reference, vecd_model *candidate, const vecd_span *texts, size_t n_texts,
                                 size_t slice, vecd_quality_step *step, void *ctx, vecd_quality *out, vecd_err *err) {
  size_t dimension = vecd_model_dimension(reference), most = n_texts < slice ? n_texts : slice;
  vecd_assert(slice >= 1 && slice <= VECD_MODEL_SLICE);
  vecd_assert(n_texts >= 1 && vecd_model_dimension(candidate) == dimension);
  *out = (vecd_quality){.n = 0};
  vecd_status s = VECD_OK;
  double *cosines = vecd_alloc_array(VECD_MEM_REQUEST, n_texts, sizeof *cosines);
  float *room = vecd_alloc_array(VECD_MEM_REQUEST, 2 * most * dimension, sizeof *room);
  if (!cosines || !room) {
    s = vecd_err_no_memory(err, "comparing vectors", n_texts * sizeof *cosines + 2 * most * dimension * sizeof *room);
    goto done;
  }
  for (size_t first = 0; first < n_texts && !s; first += slice) {
    size_t n = n_texts - first < slice ? n_texts - first : slice;
    s = compare_slice(reference, candidate, texts, first, n, room, cosines, out, err);
    if (!s && step && !step(ctx, out->n)) s = vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "interrupted");
  }
  if (s) goto done;
  out->mean /= (double)n_texts;
  out->first_percentile = vecd_percentile(cosines, n_texts, 1);
done:
  vecd_free(cosines);
  vecd_free(room);
  return s;
}

size_t vecd_quality_quick_sample(vecd_span out[VECD_QUALITY_QUICK_MOST]) {
  size_t n = 0;
  for (size_t i = 3; i < vecd_quality_sample_size; i += 8) {
    vecd_assert(n < VECD_QUALITY_QUICK_MOST);
    out[n++] = vecd_quality_sample[i];
  }
  return n;
}
