/* cmd_bench.c - how fast this machine is, and how fast it could be.
 *
 * Ids in, vectors out. The limit (register-only multiply-adds on all threads at once) and the workloads are measured in turns,
 * round after round, because the clock of a shared machine wanders: a share compares two things measured within a moment of each
 * other. What is printed is the median over rounds. A multiply-add counts as two operations, real tokens only. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/order.h"
#include "cmd/bench_report.h"
#include "cmd/command.h"
#include "cmd/open_model.h"
#include "cmd/output.h"

#define MOST_SEQS    64
#define MOST_ROUNDS  9
#define LEAST_ROUNDS 3
#define ROUND_NS     40000000u    /* a workload shorter than this is repeated within a round */
#define BUDGET_NS    15000000000u /* no further round after this, once there are LEAST_ROUNDS */
#define LIMIT_NS     10000000u    /* length of one measurement of the limit */

typedef struct workload {
  const char *name, *what;
  size_t n_seqs, least, most; /* lengths: see length_of() */
} workload;

static const workload workloads[] = {
    {"q12", "one query of 12 tokens", 1, 12, 12},        {"s128", "one text of 128 tokens", 1, 128, 128},
    {"s256", "one text of 256 tokens", 1, 256, 256},     {"b32x16", "32 texts of 16 tokens", 32, 16, 16},
    {"b32x128", "32 texts of 128 tokens", 32, 128, 128}, {"mix64", "64 texts of 6 to 256 tokens", 64, 6, 256},
};
#define N_WORKLOADS (sizeof workloads / sizeof *workloads)

typedef struct result {
  double seconds[MOST_ROUNDS], shares[MOST_ROUNDS]; /* of one run; of the limit measured just before and after */
  double flops;
  size_t n_tokens;
  bool is_left_out; /* longer than the model takes */
} result;

typedef struct bench {
  vecd_opened opened;
  vecd_item items[MOST_SEQS];
  uint32_t *ids;  /* [MOST_SEQS * longest] */
  float *vectors; /* [MOST_SEQS, dimension] */
  size_t longest;
  size_t limit_loops;
  double limits[MOST_ROUNDS * (N_WORKLOADS + 1)];
  size_t n_limits, n_rounds;
  result results[N_WORKLOADS];
  vecd_bench_row rows[N_WORKLOADS];
} bench;

typedef struct limit_job {
  const vecd_kern *kern;
  size_t loops;
  double flops[1024];
} limit_job;

static void limit_member(void *ctx, unsigned member) {
  limit_job *job = ctx;
  float sink = 0;
  job->flops[member] = job->kern->peak_f32(job->loops, &sink);
}

/* Operations a second of all threads together. */
static double measure_limit_once(const bench *b, size_t loops, uint64_t *ns) {
  limit_job job = {.kern = &b->opened.kern, .loops = loops};
  uint64_t begun = vecd_now_ns();
  vecd_team_run(b->opened.team, limit_member, &job);
  *ns = vecd_now_ns() - begun;
  double flops = 0;
  for (unsigned i = 0; i < vecd_team_size(b->opened.team); i++) flops += job.flops[i];
  return flops / ((double)*ns / 1e9);
}

static void calibrate_limit(bench *b) {
  uint64_t ns = 0;
  b->limit_loops = 1000;
  while (measure_limit_once(b, b->limit_loops, &ns), ns < LIMIT_NS && b->limit_loops < SIZE_MAX / 4) b->limit_loops *= 2;
}

static double measure_limit(bench *b) {
  uint64_t ns;
  return b->limits[b->n_limits++] = measure_limit_once(b, b->limit_loops, &ns);
}

/* Many short ones and a few long ones, as texts are: least * (most / least) ^ t^3 for t from 0 to 1. */
static size_t length_of(const workload *w, size_t i) {
  if (w->least == w->most) return w->most;
  size_t shuffled = i * 37 % w->n_seqs; /* 37 is prime and no divisor: every length once, in no order */
  double t = (double)shuffled / (double)(w->n_seqs - 1);
  return (size_t)((double)w->least * pow((double)w->most / (double)w->least, t * t * t) + 0.5);
}

/* Two for each multiply-add of the linear layers and of attention's two products: as many pairs of tokens as see each other. */
static double count_flops(const vecd_encoder_config *c, size_t len) {
  double n = (double)len, h = c->hidden, q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim;
  double linear = n * 2 * (h * (q + 2 * kv) + q * h + (c->gated ? 3 : 2) * h * c->intermediate), sum = 0;
  for (unsigned i = 0; i < c->n_layers; i++) {
    double seen = c->local[i] && 2.0 * c->window + 1 < n ? 2.0 * c->window + 1 : n;
    sum += linear + 4 * n * seen * q / (c->causal ? 2 : 1);
  }
  return sum;
}

static void fill_ids(bench *b) {
  uint32_t vocab_size = vecd_encoder_config_of(vecd_model_encoder(b->opened.model))->vocab_size, x = 1;
  for (size_t i = 0; i < MOST_SEQS * b->longest; i++) {
    x = x * 1664525u + 1013904223u;
    b->ids[i] = (uint32_t)((uint64_t)x * vocab_size >> 32);
  }
}

static void prepare(bench *b, size_t index) {
  const workload *w = &workloads[index];
  result *r = &b->results[index];
  size_t dimension = vecd_model_dimension(b->opened.model);
  r->is_left_out = w->most > vecd_model_max_tokens(b->opened.model);
  r->flops = 0;
  r->n_tokens = 0;
  for (size_t i = 0; i < w->n_seqs; i++) {
    size_t len = length_of(w, i);
    b->items[i] = (vecd_item){.ids = b->ids + i * b->longest, .n_ids = len, .vector = b->vectors + i * dimension};
    r->n_tokens += len;
    r->flops += count_flops(vecd_encoder_config_of(vecd_model_encoder(b->opened.model)), len);
  }
}

static vecd_status run_workload(bench *b, size_t index, vecd_err *err) {
  const workload *w = &workloads[index];
  result *r = &b->results[index];
  prepare(b, index);
  if (r->is_left_out) return VECD_OK;
  double before = b->limits[b->n_limits - 1];
  if (b->n_rounds == 0)
    vecd_model_encode(b->opened.model, b->items, w->n_seqs, NULL, NULL); /* touches what is touched the first time */
  uint64_t begun = vecd_now_ns(), now;
  size_t n = 0;
  do {
    vecd_model_encode(b->opened.model, b->items, w->n_seqs, NULL, NULL);
    now = vecd_now_ns();
    n++;
  } while (now - begun < ROUND_NS);
  double after = measure_limit(b);
  r->seconds[b->n_rounds] = (double)(now - begun) / 1e9 / (double)n;
  r->shares[b->n_rounds] = r->flops / r->seconds[b->n_rounds] / ((before + after) / 2);
  for (size_t i = 0; i < w->n_seqs; i++)
    if (b->items[i].status) return vecd_item_explain(b->opened.model, &b->items[i], w->name, i, err);
  return VECD_OK;
}

static vecd_status run_all(bench *b, vecd_err *err) {
  uint64_t begun = vecd_now_ns();
  vecd_status s = VECD_OK;
  calibrate_limit(b);
  for (b->n_rounds = 0; b->n_rounds < MOST_ROUNDS && !s; b->n_rounds++) {
    if (b->n_rounds >= LEAST_ROUNDS && vecd_now_ns() - begun > BUDGET_NS) break;
    measure_limit(b);
    for (size_t i = 0; i < N_WORKLOADS && !s; i++) s = run_workload(b, i, err);
  }
  return s;
}

static void fill_rows(bench *b) {
  for (size_t i = 0; i < N_WORKLOADS; i++) {
    const workload *w = &workloads[i];
    result *r = &b->results[i];
    vecd_bench_row *row = &b->rows[i];
    *row = (vecd_bench_row){.name = w->name, .what = w->what, .is_left_out = r->is_left_out};
    if (r->is_left_out) continue;
    double s = vecd_median(r->seconds, b->n_rounds);
    row->n_texts = w->n_seqs;
    row->n_tokens = r->n_tokens;
    row->ms = s * 1e3;
    row->tokens_per_s = (double)r->n_tokens / s;
    row->gflops = r->flops / s / 1e9;
    row->share = vecd_median(r->shares, b->n_rounds);
  }
}

static void make_report(bench *b, vecd_bench_report *r) {
  vecd_bench_report_init(r, b->opened.model);
  fill_rows(b);
  r->rows = b->rows;
  r->n_rows = N_WORKLOADS;
  r->n_rounds = b->n_rounds;
  r->limit_gflops = vecd_median(b->limits, b->n_limits) / 1e9;
}

static bool is_stdout(const char *path) { return path && strcmp(path, "-") == 0; }

/* One form of the report and where it goes. */
typedef struct copy {
  void (*print)(const vecd_bench_report *r, vecd_buf *out);
  const char *path; /* NULL: standard output */
  vecd_output output;
} copy;

/* Those that are wanted; a file called "-" takes the place of the table. */
static size_t choose_copies(const vecd_settings *s, copy copies[3]) {
  size_t n = 0;
  if (!is_stdout(s->csv) && !is_stdout(s->svg))
    copies[n++] = (copy){.print = s->json ? vecd_bench_report_json : vecd_bench_report_text};
  if (s->csv) copies[n++] = (copy){.print = vecd_bench_report_csv, .path = s->csv};
  if (s->svg) copies[n++] = (copy){.print = vecd_bench_report_svg, .path = s->svg};
  return n;
}

static vecd_status make_room(bench *b, vecd_err *err) {
  for (size_t i = 0; i < N_WORKLOADS; i++)
    if (workloads[i].most > b->longest) b->longest = workloads[i].most;
  b->ids = vecd_alloc_array(VECD_MEM_REQUEST, MOST_SEQS * b->longest, sizeof *b->ids);
  b->vectors = vecd_alloc_array(VECD_MEM_REQUEST, MOST_SEQS * vecd_model_dimension(b->opened.model), sizeof *b->vectors);
  if (b->ids && b->vectors) return VECD_OK;
  return vecd_err_no_memory(err, "ids and vectors", MOST_SEQS * b->longest * sizeof *b->ids);
}

/* Files are opened before the work, which takes a while, and not after it. */
static vecd_status run(bench *b, const vecd_settings *settings, copy *copies, size_t n, vecd_err *err) {
  vecd_bench_report r;
  vecd_status s = vecd_opened_open(settings, settings->model, &b->opened, err);
  if (!s) s = make_room(b, err);
  for (size_t i = 0; i < n && !s; i++) s = vecd_output_open(copies[i].path, -1, &copies[i].output, err);
  if (s) return s;
  fill_ids(b);
  if ((s = run_all(b, err))) return s;
  make_report(b, &r);
  for (size_t i = 0; i < n && !s; i++) {
    copies[i].print(&r, &copies[i].output.buf);
    s = vecd_output_flush(&copies[i].output, err);
  }
  return s;
}

int vecd_cmd_bench(const vecd_settings *settings) {
  vecd_err err, second;
  copy copies[3];
  if (settings->csv && settings->svg && strcmp(settings->csv, settings->svg) == 0) {
    vecd_err_set(&err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--csv and --svg name the same file");
    return vecd_fail_usage("bench", &err);
  }
  size_t n = choose_copies(settings, copies);
  bench *b = vecd_alloc_zero(VECD_MEM_REQUEST, 1, sizeof *b);
  vecd_status s = b ? run(b, settings, copies, n, &err) : vecd_err_no_memory(&err, "bench", sizeof *b);
  for (size_t i = 0; i < n; i++)
    if (vecd_output_close(&copies[i].output, &second) && !s) {
      s = second.code;
      err = second;
    }
  if (b) {
    vecd_free(b->ids);
    vecd_free(b->vectors);
    vecd_opened_close(&b->opened);
  }
  vecd_free(b);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
