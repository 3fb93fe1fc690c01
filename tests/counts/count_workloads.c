/* count_workloads.c - five small pieces of vecd's work, for check_counts.py to count their instructions under callgrind.
 *
 * count_workloads --compiler         says what built it
 * count_workloads WORKLOAD FOLDER    runs one, with the model in FOLDER
 *
 * Callgrind (started with --instr-atstart=no) counts only between the two requests in main(), whichever thread works there. One
 * worker, AVX2 kernels, no clock: nothing is left that could differ from run to run. Where AVX2 is not to be had the exit code
 * is 77. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "api/json_print.h"
#include "kern/kern.h"
#include "tok/tokenizer.h"
#include "vecd.h"

enum { DIMENSION = 384, EXIT_SKIP = 77 };

typedef struct state {
  const char *folder;
  vecd_tokenizer *tokenizer;
  vecd_encoding encoding;
  vecd_model *model;
  vecd_buf printed;
} state;

static const char *const texts[] = {
    "How do I reset my password if I no longer have access to my email?",
    "The committee postponed its decision until the auditors' report, which was due in March, had been published.",
    "Photosynthesis converts carbon dioxide and water into glucose and oxygen, using the energy of sunlight.",
    "Best noodle soup near the central station?",
    "She'd never have guessed that the lighthouse-keeper's diary (1887-1903) was worth more than the lighthouse itself.",
    "Error 504: the upstream server at 10.0.3.17:8443 didn't answer within 30 s; please retry.",
    "In a small village at the edge of the forest lived an old clockmaker whose clocks all ran backwards.",
    "Nobody complained: people there were fond of the past, and set their watches by the wrong hour with great satisfaction.",
    "Convolutional networks, recurrent networks and transformers differ mainly in how information travels between positions.",
};
#define N_TEXTS (sizeof texts / sizeof *texts)

static const size_t lens[] = {5, 12, 30, 61}; /* no multiples of what the kernels take at a time */
#define N_SEQS (sizeof lens / sizeof *lens)
#define N_IDS  (5 + 12 + 30 + 61)

static uint32_t ids[N_IDS];
static float vectors[N_SEQS * DIMENSION];

static void stop(const vecd_err *err) {
  fprintf(stderr, "count_workloads: %s\n", err->text);
  exit(1);
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t n) {
  random_state = random_state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)random_state * n >> 32);
}

static void tokenize(state *s) {
  vecd_err err;
  for (size_t i = 0; i < N_TEXTS; i++)
    if (vecd_tokenizer_encode(s->tokenizer, (vecd_span){texts[i], strlen(texts[i])}, 256, 0, &s->encoding, &err)) stop(&err);
}

/* Tokenizes once, so that the scratch has its size, as a server's has. */
static void prepare_tokenize(state *s) {
  char path[4096];
  vecd_err err;
  snprintf(path, sizeof path, "%s/tokenizer.json", s->folder);
  if (vecd_tokenizer_open(path, NULL, &s->tokenizer, &err)) stop(&err);
  tokenize(s);
}

static void open_as(state *s, const char *precision) {
  vecd_err err;
  if (vecd_open(s->folder, &(vecd_options){.threads = 1, .isa = "avx2", .precision = precision}, &s->model, &err)) stop(&err);
  vecd_info info;
  vecd_describe(s->model, &info);
  if (info.dimension == DIMENSION) return;
  vecd_err_set(&err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: must give %d floats", s->folder, (int)DIMENSION);
  stop(&err);
}
static void open_fp32(state *s) { open_as(s, "fp32"); }

static void prepare_ids(state *s, const char *precision) {
  open_as(s, precision);
  for (size_t i = 0; i < N_IDS; i++) ids[i] = random_below(30000);
}
static void prepare_fp32(state *s) { prepare_ids(s, "fp32"); }
static void prepare_int8(state *s) { prepare_ids(s, "int8"); }

static void encode(state *s) {
  vecd_err err;
  if (vecd_encode_ids(s->model, ids, lens, N_SEQS, 0, vectors, &err)) stop(&err);
}

static void print_vector(state *s) {
  s->printed.len = 0;
  if (!vecd_print_floats(&s->printed, vectors, DIMENSION) || s->printed.failed) abort();
}

/* Numbers as a normalised vector has them; printed once, so that the buffer has its size. */
static void prepare_vector(state *s) {
  for (size_t i = 0; i < DIMENSION; i++) vectors[i] = ((float)random_below(1u << 24) / 8388608.0f - 1) * 0.088f;
  print_vector(s);
}

static const struct workload {
  const char *name;
  void (*prepare)(state *s); /* nullable */
  void (*run)(state *s);
} workloads[] = {
    {"tokenize", prepare_tokenize, tokenize},       {"encode-fp32", prepare_fp32, encode},
    {"encode-int8", prepare_int8, encode},          {"open-fp32", NULL, open_fp32},
    {"print-vector", prepare_vector, print_vector},
};

static int say_compiler(void) {
#ifdef __clang__
  printf("clang %d.%d.%d\n", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  printf("gcc %d.%d.%d\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  return 0;
}

int main(int argc, char **argv) {
  state s = {0};
  vecd_kern kern;
  vecd_err err;
  if (argc == 2 && strcmp(argv[1], "--compiler") == 0) return say_compiler();
  const struct workload *w = NULL;
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads && argc == 3; i++)
    if (strcmp(argv[1], workloads[i].name) == 0) w = &workloads[i];
  if (!w) return fprintf(stderr, "usage: count_workloads WORKLOAD FOLDER | --compiler\n"), 2;
  if (vecd_kern_choose(&kern, "avx2", &err)) return fprintf(stderr, "count_workloads: %s\n", err.text), EXIT_SKIP;
  s.folder = argv[2];
  if (w->prepare) w->prepare(&s);
  CALLGRIND_START_INSTRUMENTATION;
  w->run(&s);
  CALLGRIND_STOP_INSTRUMENTATION;
  vecd_buf_fini(&s.printed);
  vecd_encoding_fini(&s.encoding);
  vecd_tokenizer_close(&s.tokenizer);
  vecd_close(&s.model);
  return 0;
}
