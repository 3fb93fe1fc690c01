/* cmd_quality.c - what each precision costs and gives on this machine: bytes, cosine to FP32, speed.
 *
 * The comparison (model/quality.h) comes first and is the warm-up of what is timed then: whole passes over the texts, the
 * precisions in turns, because the clock of a shared machine wanders. How many turns there are is fixed by how long the comparison
 * took. What is printed is the median. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/order.h"
#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/open_model.h"
#include "cmd/output.h"
#include "cmd/progress.h"
#include "model/quality.h"

#define BUDGET_NS     12000000000u /* for all, where one turn fits */
#define MOST_TURNS    9
#define MOST_TEXTS    ((size_t)100000)   /* of a file: they are held in memory, */
#define MOST_BYTES    ((size_t)64 << 20) /* as they are gone through many times */
#define EXCERPT_CHARS 60

/* The first is what the others are compared with. */
static const vecd_precision precisions[] = {VECD_PRECISION_FP32, VECD_PRECISION_INT8};
#define N_PRECISIONS (sizeof precisions / sizeof *precisions)

typedef struct contender {
  vecd_opened opened; /* with the team of all */
  vecd_quality quality;
  double seconds[MOST_TURNS];
} contender;

typedef struct quality_run {
  vecd_kern kern;
  vecd_team *team;
  contender contenders[N_PRECISIONS];
  vecd_input *input; /* NULL: the built-in sample */
  vecd_buf bytes;    /* what was read of the input */
  vecd_span *own;    /* [n_texts] into bytes */
  const vecd_span *texts;
  size_t n_texts, n_turns;
  uint64_t text_bytes;
  float *vectors; /* [VECD_MODEL_SLICE, dimension] */
  vecd_progress progress;
  uint64_t done_bytes, done_texts; /* encoded, by whichever model */
  size_t n_compared;               /* of the comparison that goes on */
} quality_run;

static vecd_status too_much(const vecd_settings *settings, vecd_err *err) {
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: has over %zu texts or %zu MiB; a sample of them will do",
                      settings->input, MOST_TEXTS, MOST_BYTES >> 20);
}

/* Reads the user's texts. Their places change while the buffer grows, so lengths are noted first. */
static vecd_status read_input(quality_run *r, const vecd_settings *settings, vecd_err *err) {
  vecd_texts batch;
  vecd_status s = vecd_input_open(settings->input, NULL, 0, &r->input, err);
  r->own = vecd_alloc_array(VECD_MEM_REQUEST, MOST_TEXTS, sizeof *r->own);
  if (!s && !r->own) s = vecd_err_no_memory(err, settings->input, MOST_TEXTS * sizeof *r->own);
  while (!s && !(s = vecd_input_next(r->input, &batch, err)) && batch.n) {
    if (r->n_texts + batch.n > MOST_TEXTS) return too_much(settings, err);
    for (size_t i = 0; i < batch.n; i++) {
      if (r->bytes.len + batch.texts[i].len > MOST_BYTES) return too_much(settings, err);
      vecd_buf_append(&r->bytes, batch.texts[i].ptr, batch.texts[i].len);
      r->own[r->n_texts++].len = batch.texts[i].len;
    }
  }
  if (s) return s;
  if (r->bytes.failed) return vecd_err_no_memory(err, settings->input, MOST_BYTES);
  if (!r->n_texts) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: has no texts", settings->input);
  const char *at = r->bytes.len ? r->bytes.ptr : "";
  for (size_t i = 0; i < r->n_texts; at += r->own[i++].len) r->own[i].ptr = at;
  r->texts = r->own;
  return VECD_OK;
}

static vecd_status set_up(quality_run *r, const vecd_settings *settings, vecd_err *err) {
  vecd_resolved found = {.path = NULL};
  vecd_status s = VECD_OK;
  r->bytes.tag = VECD_MEM_REQUEST;
  r->texts = vecd_quality_sample;
  if (settings->input)
    s = read_input(r, settings, err);
  else
    r->n_texts = vecd_quality_sample_size;
  for (size_t i = 0; i < r->n_texts && !s; i++) r->text_bytes += r->texts[i].len;
  if (!s) s = vecd_kern_choose(&r->kern, settings->isa, err);
  if (!s) s = vecd_resolved_find(settings, settings->args[0], &found, err);
  if (!s) s = vecd_team_new((unsigned)settings->threads, &r->team, err);
  for (size_t i = 0; i < N_PRECISIONS && !s; i++) {
    vecd_opened *o = &r->contenders[i].opened;
    *o = (vecd_opened){.kern = r->kern, .team = r->team};
    s = vecd_model_open(found.path, precisions[i], &o->kern, o->team, &found.hints, &o->model, err);
  }
  vecd_resolved_fini(&found);
  if (s) return s;
  size_t dimension = vecd_model_dimension(r->contenders[0].opened.model);
  r->vectors = vecd_alloc_array(VECD_MEM_REQUEST, VECD_MODEL_SLICE * dimension, sizeof *r->vectors);
  return r->vectors ? VECD_OK : vecd_err_no_memory(err, "vectors", VECD_MODEL_SLICE * dimension * sizeof *r->vectors);
}

static void tear_down(quality_run *r) {
  for (size_t i = 0; i < N_PRECISIONS; i++) vecd_model_close(&r->contenders[i].opened.model);
  vecd_team_free(&r->team);
  vecd_input_close(&r->input);
  vecd_buf_fini(&r->bytes);
  vecd_free(r->own);
  vecd_free(r->vectors);
}

/* How to call text i: "texts.txt: line 7". */
static void name_place(const quality_run *r, size_t i, char *out, size_t cap) {
  if (r->input)
    vecd_input_place(r->input, i + 1, out, cap);
  else
    snprintf(out, cap, "text %zu of the sample", i + 1);
}

static vecd_status explain(const quality_run *r, const contender *c, const vecd_item *item, size_t i, vecd_err *err) {
  char place[400];
  name_place(r, i, place, sizeof place);
  return vecd_item_explain_place(c->opened.model, item, place, err);
}

/* n texts from `first` on have been encoded, by so many models. */
static void advance(quality_run *r, size_t first, size_t n, unsigned n_models) {
  for (size_t i = first; i < first + n; i++) r->done_bytes += n_models * r->texts[i].len;
  r->done_texts += n_models * n;
  vecd_progress_update(&r->progress, r->done_bytes, r->done_texts);
}

static bool after_slice(void *ctx, size_t n_done) {
  quality_run *r = ctx;
  advance(r, r->n_compared, n_done - r->n_compared, 2);
  r->n_compared = n_done;
  return true;
}

static vecd_status compare(quality_run *r, vecd_err *err) {
  r->contenders[0].quality = (vecd_quality){.least = 1, .first_percentile = 1, .mean = 1, .n = r->n_texts};
  for (size_t i = 1; i < N_PRECISIONS; i++) {
    contender *c = &r->contenders[i];
    vecd_quality *q = &c->quality;
    r->n_compared = 0;
    vecd_status s = vecd_quality_measure(r->contenders[0].opened.model, c->opened.model, r->texts, r->n_texts, VECD_MODEL_SLICE,
                                         after_slice, r, q, err);
    if (s) return q->bad.status ? explain(r, c, &q->bad, q->n, err) : s;
    r->contenders[0].quality.n_tokens = q->n_tokens;
  }
  return VECD_OK;
}

static vecd_status time_once(quality_run *r, contender *c, size_t turn, vecd_err *err) {
  vecd_item items[VECD_MODEL_SLICE];
  uint64_t begun = vecd_now_ns();
  for (size_t first = 0; first < r->n_texts; first += VECD_MODEL_SLICE) {
    size_t n = r->n_texts - first < VECD_MODEL_SLICE ? r->n_texts - first : VECD_MODEL_SLICE, n_good;
    vecd_encode_texts(&c->opened, NULL, r->texts + first, n, items, r->vectors, &n_good);
    if (n_good < n) return explain(r, c, &items[n_good], first + n_good, err);
    advance(r, first, n, 1);
  }
  c->seconds[turn] = (double)(vecd_now_ns() - begun) / 1e9;
  return VECD_OK;
}

static vecd_status measure(quality_run *r, vecd_err *err) {
  const uint64_t comparing = 2 * (N_PRECISIONS - 1); /* passes over the texts */
  vecd_progress_begin(&r->progress, true, r->text_bytes * (comparing + MOST_TURNS * N_PRECISIONS));
  uint64_t begun = vecd_now_ns();
  vecd_status s = compare(r, err);
  if (!s) {
    uint64_t spent = vecd_now_ns() - begun + 1, one_turn = spent * N_PRECISIONS / comparing + 1;
    uint64_t n_turns = spent < BUDGET_NS ? (BUDGET_NS - spent) / one_turn : 0;
    r->n_turns = n_turns < 1 ? 1 : n_turns > MOST_TURNS ? MOST_TURNS : (size_t)n_turns;
    r->progress.total_bytes = r->text_bytes * (comparing + r->n_turns * N_PRECISIONS);
  }
  for (size_t turn = 0; turn < r->n_turns; turn++)
    for (size_t i = 0; i < N_PRECISIONS && !s; i++) s = time_once(r, &r->contenders[i], turn, err);
  vecd_progress_end(&r->progress, r->done_bytes, r->done_texts);
  return s;
}

/* The first characters of a text that was encoded and so is UTF-8. */
static vecd_span excerpt(vecd_span text) {
  size_t len = 0;
  for (size_t n = 0; len < text.len; len++)
    if (((unsigned char)text.ptr[len] & 0xc0) != 0x80 && n++ == EXCERPT_CHARS) break;
  return (vecd_span){text.ptr, len};
}

static const char *name_of(const contender *c) {
  return vecd_precision_name(vecd_encoder_precision(vecd_model_encoder(c->opened.model)));
}
static size_t weight_bytes(const contender *c) { return vecd_encoder_weight_bytes(vecd_model_encoder(c->opened.model)); }

static void print_text(quality_run *r, const vecd_info *info, const vecd_settings *settings) {
  uint64_t n_tokens = r->contenders[0].quality.n_tokens;
  printf("%s, %s, %u thread%s: %zu texts, %" PRIu64 " tokens, %s\n", info->id, info->isa, info->threads,
         info->threads == 1 ? "" : "s", r->n_texts, n_tokens, settings->input ? settings->input : "the built-in sample");
  printf("speed: median of %zu turn%s; cosines: to the vectors in %s\n\n", r->n_turns, r->n_turns == 1 ? "" : "s",
         name_of(&r->contenders[0]));
  printf("%-9s  %10s  %6s  %8s  %8s  %8s  %8s  %8s\n", "precision", "weights MB", "ratio", "least", "1 %", "mean", "texts/s",
         "tokens/s");
  for (size_t i = 0; i < N_PRECISIONS; i++) {
    contender *c = &r->contenders[i];
    double seconds = vecd_median(c->seconds, r->n_turns), bytes = (double)weight_bytes(c);
    printf("%-9s  %10.1f  %6.3f  %8.5f  %8.5f  %8.5f  %8.1f  %8.0f\n", name_of(c), bytes / 1e6,
           bytes / (double)weight_bytes(&r->contenders[0]), c->quality.least, c->quality.first_percentile, c->quality.mean,
           (double)r->n_texts / seconds, (double)n_tokens / seconds);
  }
  putchar('\n');
  for (size_t i = 1; i < N_PRECISIONS; i++) {
    const vecd_quality *q = &r->contenders[i].quality;
    char place[400];
    name_place(r, q->least_index, place, sizeof place);
    printf("least in %s: %s: ", name_of(&r->contenders[i]), place);
    vecd_print_line(stdout, excerpt(r->texts[q->least_index]));
  }
}

static void put_string(vecd_buf *buf, const char *name, vecd_span text) {
  vecd_buf_printf(buf, "\"%s\":", name);
  vecd_output_json_string(buf, text.ptr, text.len);
}

static vecd_status print_json(quality_run *r, const vecd_info *info, const vecd_settings *settings, vecd_err *err) {
  vecd_buf buf = {.tag = VECD_MEM_REQUEST};
  uint64_t n_tokens = r->contenders[0].quality.n_tokens;
  vecd_buf_append_char(&buf, '{');
  put_string(&buf, "model", vecd_span_of(info->id));
  vecd_buf_printf(&buf, ",\"isa\":\"%s\",\"threads\":%u,", info->isa, info->threads);
  put_string(&buf, "sample", settings->input ? vecd_span_of(settings->input) : VECD_SPAN("built-in"));
  vecd_buf_printf(&buf, ",\"texts\":%zu,\"tokens\":%" PRIu64 ",\"turns\":%zu,\"precisions\":[", r->n_texts, n_tokens,
                  r->n_turns);
  for (size_t i = 0; i < N_PRECISIONS; i++) {
    contender *c = &r->contenders[i];
    const vecd_quality *q = &c->quality;
    double seconds = vecd_median(c->seconds, r->n_turns);
    vecd_buf_printf(&buf,
                    "%s\n {\"precision\":\"%s\",\"weight_bytes\":%zu,\"least\":%.9f,\"first_percentile\":%.9f,\"mean\":%.9f,",
                    i ? "," : "", name_of(c), weight_bytes(c), q->least, q->first_percentile, q->mean);
    if (i) { /* the first is its own measure */
      vecd_buf_printf(&buf, "\"least_index\":%zu,", q->least_index);
      put_string(&buf, "least_text", excerpt(r->texts[q->least_index]));
      vecd_buf_append_char(&buf, ',');
    }
    vecd_buf_printf(&buf, "\"texts_per_s\":%.2f,\"tokens_per_s\":%.1f}", (double)r->n_texts / seconds,
                    (double)n_tokens / seconds);
  }
  vecd_buf_append_str(&buf, "]}\n");
  bool failed = buf.failed;
  if (!failed) fwrite(buf.ptr, 1, buf.len, stdout);
  vecd_buf_fini(&buf);
  return failed ? vecd_err_no_memory(err, "the output", 0) : VECD_OK;
}

int vecd_cmd_quality(const vecd_settings *settings) {
  quality_run r = {.team = NULL};
  vecd_err err;
  vecd_info info;
  vecd_status s = set_up(&r, settings, &err);
  if (!s) s = measure(&r, &err);
  if (!s) {
    vecd_describe(r.contenders[0].opened.model, &info);
    if (settings->json)
      s = print_json(&r, &info, settings, &err);
    else
      print_text(&r, &info, settings);
  }
  tear_down(&r);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
