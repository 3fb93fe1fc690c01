/* test_residency.c - which models are in memory: the least lately used goes, a model in use stays, budgets hold, what fails is
 * remembered, what waits too long is told, and what was measured is not measured again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mapping_guard.h"
#include "engine/breaker.h"
#include "engine/quality_memory.h"
#include "job_ticket.h"

static char tiny[1024], room[64];
static vecd_registry *registry;
static vecd_engine *engine;

static void start(const vecd_engine_settings *settings) {
  vecd_err err;
  if (vecd_registry_new(tiny, &registry, &err)) fail_msg("%s", err.text);
  if (vecd_engine_new(settings, registry, &engine, &err)) fail_msg("%s", err.text);
}

static void stop(void) {
  vecd_engine_free(&engine);
  vecd_registry_free(&registry);
}

static vecd_model_status status_of(const char *id) {
  vecd_model_status s;
  vecd_engine_model_status(engine, id, &s);
  return s;
}

static bool is_resident(const char *id) { return status_of(id).state == VECD_MODEL_RESIDENT; }

static vecd_status use(const char *id) {
  ticket t;
  fill(&t, id, 2, 7);
  vecd_status s = vecd_engine_submit(engine, &t.job, &t.job.err);
  if (!s) wait_for(&t), s = t.job.status;
  drop(&t);
  return s;
}

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

/* Waits up to 20 s for what must come about. */
#define SOON(condition)                                                     \
  do {                                                                      \
    for (int tries = 0; !(condition) && tries < 4000; tries++) pause_ms(5); \
    assert_true(condition);                                                 \
  } while (0)

static void the_least_lately_used_goes(void **state) {
  (void)state;
  start(&(vecd_engine_settings){.threads = 2, .max_models = 2});
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_int_equal(use("bert-max"), VECD_OK);
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_int_equal(use("bert-concat"), VECD_OK);
  assert_true(is_resident("bert-cls") && is_resident("bert-concat") && !is_resident("bert-max"));
  vecd_model_status s = status_of("bert-cls");
  assert_int_equal(s.counts.hits, 1);
  assert_int_equal(s.counts.misses, 1);
  assert_int_equal(s.counts.loads, 1);
  assert_true(s.last_used_ms > 0 && s.load_ms > 0);
  assert_int_equal(status_of("bert-max").counts.evictions, 1);
  vecd_engine_status all;
  vecd_engine_status_get(engine, &all);
  assert_int_equal(all.n_resident, 2);
  assert_int_equal(all.evictions, 1);
  assert_int_equal(all.used_bytes, s.resident_bytes + status_of("bert-concat").resident_bytes);
  assert_string_equal(vecd_engine_model_id(engine, 1), "bert-max");
  assert_null(vecd_engine_model_id(engine, 3));
  stop();
}

static void kept_models_stay_and_too_large_ones_evict_nobody(void **state) {
  (void)state;
  const char *const keep[] = {"bert-cls"};
  vecd_err err;
  start(&(vecd_engine_settings){.threads = 1, .max_models = 2, .keep = keep, .n_keep = 1});
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_int_equal(use("bert-max"), VECD_OK);
  assert_int_equal(use("bert-concat"), VECD_OK);
  assert_true(is_resident("bert-cls") && is_resident("bert-concat"));
  size_t bytes = status_of("bert-cls").resident_bytes;
  stop();

  start(&(vecd_engine_settings){.threads = 1, .max_models = 1, .keep = keep, .n_keep = 1});
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_int_equal(vecd_engine_preload(engine, "bert-max", &err), VECD_UNAVAILABLE);
  assert_non_null(strstr(err.text, "--keep"));
  assert_true(is_resident("bert-cls"));
  stop();

  start(&(vecd_engine_settings){.threads = 1, .max_memory_bytes = bytes / 2});
  assert_int_equal(vecd_engine_preload(engine, "bert-cls", &err), VECD_UNAVAILABLE);
  assert_non_null(strstr(err.text, "bert-cls needs "));
  assert_non_null(strstr(err.text, "--max-memory-mb"));
  stop();

  assert_int_equal(
      vecd_engine_new(&(vecd_engine_settings){.max_models = 1, .keep = (const char *const[]){"a", "b"}, .n_keep = 2}, NULL,
                      &engine, &err),
      VECD_BAD_ARGUMENT);
}

static void the_memory_budget_holds(void **state) {
  (void)state;
  start(&(vecd_engine_settings){.threads = 2});
  assert_int_equal(use("bert-cls"), VECD_OK);
  size_t one = status_of("bert-cls").resident_bytes;
  stop();
  start(&(vecd_engine_settings){.threads = 2, .max_models = 100, .max_memory_bytes = one * 5 / 2});
  static const char *const ids[] = {"bert-cls", "bert-max", "bert-mean-sqrt-len", "bert-last-token", "bert-weighted-mean"};
  for (unsigned i = 0; i < 50; i++) {
    vecd_engine_status all;
    assert_int_equal(use(ids[i * 7 % 5]), VECD_OK);
    vecd_engine_status_get(engine, &all);
    assert_true(all.used_bytes <= all.max_bytes && all.n_resident >= 1);
  }
  stop();
}

/* Threads ask for more models than fit, without pause: a model in use is given up in the end, and every answer comes. */
static void *ask(void *arg) {
  static const char *const ids[] = {"bert-cls", "bert-max", "bert-concat", "bert-mean-norm"};
  unsigned seed = (unsigned)(uintptr_t)arg;
  for (unsigned i = 0; i < 60; i++) assert_int_equal(use(ids[(seed + i * (seed + 1)) % 4]), VECD_OK);
  return NULL;
}

static void models_in_use_take_turns_where_they_do_not_fit(void **state) {
  (void)state;
  pthread_t threads[4];
  start(&(vecd_engine_settings){.threads = 2, .max_models = 1});
  for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, ask, (void *)i);
  for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  vecd_engine_status all;
  vecd_engine_status_get(engine, &all);
  assert_int_equal(all.n_resident, 1);
  assert_int_equal(all.hits + all.misses, 240);
  assert_int_equal(all.loads, all.evictions + 1);
  stop();
}

static void a_thousand_loads_leave_nothing_behind(void **state) {
  (void)state;
  static const char *const ids[] = {"bert-cls", "bert-max"};
  const char *times = getenv("VECD_LOAD_CYCLES");
  unsigned n = times ? (unsigned)atoi(times) : 1000;
  start(&(vecd_engine_settings){.threads = 1, .max_models = 1});
  size_t before = 0;
  for (unsigned i = 0; i < n; i++) {
    assert_int_equal(use(ids[i % 2]), VECD_OK);
    if (i == 1) before = vecd_mem_total_bytes();
  }
  if (n % 2 == 0) assert_in_range(vecd_mem_total_bytes(), before - before / 20, before + before / 20);
  assert_int_equal(status_of("bert-cls").counts.loads + status_of("bert-max").counts.loads, n);
  stop();
}

static void idle_and_unloaded_models_go(void **state) {
  (void)state;
  bool was = false;
  start(&(vecd_engine_settings){.threads = 1, .keep_alive_s = 1});
  assert_int_equal(use("bert-cls"), VECD_OK);
  SOON(!is_resident("bert-cls"));
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_int_equal(vecd_engine_unload(engine, "bert-cls", &was, NULL), VECD_OK);
  assert_true(was);
  SOON(!is_resident("bert-cls"));
  assert_int_equal(vecd_engine_unload(engine, "bert-cls", &was, NULL), VECD_OK);
  assert_false(was);
  assert_int_equal(vecd_engine_unload(engine, "no-such", &was, NULL), VECD_NOT_FOUND);
  assert_int_equal(status_of("bert-cls").counts.evictions, 2);
  stop();
}

/* A folder of its own that is bert-cls, known by that name. */
static void copy_model(const char *name, char dir[200]) {
  char command[2200];
  snprintf(dir, 200, "%s/%s", room, name);
  snprintf(command, sizeof command, "cp -r '%s/bert-cls' '%s'", tiny, dir);
  assert_int_equal(system(command), 0);
  assert_int_equal(vecd_registry_add(registry, dir, NULL, NULL), VECD_OK);
}

/* A folder whose file is another one is loaded anew; one whose files are gone goes on. */
static void changed_files_are_noticed(void **state) {
  (void)state;
  char dir[200], command[2200];
  start(&(vecd_engine_settings){.threads = 1});
  copy_model("moving", dir);
  assert_int_equal(use("moving"), VECD_OK);
  snprintf(command, sizeof command, "touch -d 2001-01-01 '%s/config.json'", dir);
  assert_int_equal(system(command), 0);
  SOON(use("moving") == VECD_OK && status_of("moving").counts.loads == 2);
  snprintf(command, sizeof command, "rm -r '%s'", dir);
  assert_int_equal(system(command), 0);
  for (int i = 0; i < 5; i++) assert_int_equal(use("moving"), VECD_OK);
  stop();
}

/* Cut short in place, a mapped file has pages no more: the jobs are told, and the model is loaded anew. */
static void a_file_cut_short_ends_nothing(void **state) {
  (void)state;
  char dir[200], command[2200];
  vecd_mapping_guard_install(); /* here, as cmocka has handlers of its own around every test */
  start(&(vecd_engine_settings){.threads = 2});
  copy_model("cut", dir);
  assert_int_equal(use("cut"), VECD_OK);
  snprintf(command, sizeof command, "truncate -s 0 '%s/model.safetensors'", dir);
  assert_int_equal(system(command), 0);
  assert_int_equal(use("cut"), VECD_UNAVAILABLE);
  assert_int_equal(use("cut"), VECD_BAD_MODEL);
  assert_int_equal(use("bert-cls"), VECD_OK);
  stop();
}

static void a_job_that_waits_too_long_is_told(void **state) {
  (void)state;
  enum { MANY = 60, BYTES = 2000 };
  static char text[BYTES]; /* long enough that one of them takes longer than they may wait */
  for (size_t i = 0; i < BYTES; i++) text[i] = i % 3 ? 'a' : ' ';
  start(&(vecd_engine_settings){.threads = 1, .isa = "ref", .batch_tokens = 16, .request_timeout_ms = 1});
  ticket *t = calloc(MANY, sizeof *t);
  unsigned n_late = 0;
  for (unsigned i = 0; i < MANY; i++) {
    fill(&t[i], "bert-concat", 1, i);
    t[i].items[0].text = (vecd_span){text, BYTES};
    if (vecd_engine_submit(engine, &t[i].job, NULL) == VECD_OK) continue; /* from now on `done` is the engine's to set */
    t[i].job.status = VECD_BUSY;
    t[i].done = true;
  }
  for (unsigned i = 0; i < MANY; i++) {
    wait_for(&t[i]);
    if (t[i].job.status == VECD_TIMEOUT) assert_non_null(strstr(t[i].job.err.text, "--request-timeout"));
    n_late += t[i].job.status == VECD_TIMEOUT;
    drop(&t[i]);
  }
  assert_true(n_late > 0);
  assert_int_equal(status_of("bert-concat").counts.timeouts, n_late);
  assert_int_equal(status_of("bert-concat").users, 0);
  free(t);
  stop();
}

static void a_batch_that_takes_too_long_is_ended(void **state) {
  (void)state;
  enum { BYTES = 4000, TIMES = 300 };
  static char text[BYTES];
  for (size_t i = 0; i < BYTES; i++) text[i] = i % 4 ? (char)('a' + i % 7) : ' ';
  start(&(vecd_engine_settings){.threads = 1, .isa = "ref", .batch_tokens = 1000000, .batch_timeout_ms = 1});
  ticket t;
  fill_same(&t, "bert-concat", TIMES, (vecd_span){text, BYTES});
  assert_int_equal(vecd_engine_submit(engine, &t.job, NULL), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_TIMEOUT);
  assert_non_null(strstr(t.job.err.text, "--inference-timeout"));
  assert_int_equal(status_of("bert-concat").counts.timeouts, 1);
  drop(&t);
  stop();
}

static void options_reach_the_texts(void **state) {
  (void)state;
  start(&(vecd_engine_settings){.threads = 2, .batch_window_us = 2000});
  ticket t;
  fill(&t, "bert-mean-norm", 3, 1);
  t.job.options = (vecd_job_options){.dimensions = 5};
  assert_int_equal(vecd_engine_submit(engine, &t.job, NULL), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_OK);
  assert_int_equal(t.job.dimension, 5);
  for (int i = 0; i < 3; i++) {
    double length = 0;
    for (int k = 0; k < 5; k++) length += (double)t.job.vectors[i * 5 + k] * (double)t.job.vectors[i * 5 + k];
    assert_true(length > 0.99999 && length < 1.00001);
  }
  drop(&t);
  static const struct {
    vecd_job_options options;
    const char *names;
  } bad[] = {{{.dimensions = 100000}, "dimensions"},
             {{.prompt_name = "gibberish"}, "gibberish"},
             {{.pooling = "gibberish"}, "gibberish"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    fill(&t, "bert-mean-norm", 1, 1);
    t.job.options = bad[i].options;
    assert_int_equal(vecd_engine_submit(engine, &t.job, NULL), VECD_OK);
    wait_for(&t);
    assert_int_equal(t.job.status, VECD_BAD_ARGUMENT);
    assert_non_null(strstr(t.job.err.text, bad[i].names));
    drop(&t);
  }
  vecd_model_status s = status_of("bert-mean-norm");
  assert_int_equal(s.counts.queue_seconds.n, 1);
  assert_int_equal(s.counts.texts, 3);
  assert_true(s.counts.batches >= 1 && s.counts.batch_texts.n == s.counts.batches && s.counts.tokens > 3);
  stop();
}

static void eight_bits_are_measured_once_and_may_be_refused(void **state) {
  (void)state;
  char path[200];
  snprintf(path, sizeof path, "%s/deeper/quality.json", room);
  const vecd_engine_precision int8[] = {{"bert-cls", "int8"}};
  start(&(vecd_engine_settings){.threads = 1, .precisions = int8, .n_precisions = 1, .quality_path = path});
  assert_int_equal(use("bert-cls"), VECD_OK);
  assert_string_equal(status_of("bert-cls").precision, "int8");
  assert_int_equal(use("bert-max"), VECD_OK);
  assert_string_equal(status_of("bert-max").precision, "fp32");
  assert_false(status_of("bert-cls").has_quality); /* asked for by name: nothing hangs on it */
  stop();

  /* The catalogue says int8; what that costs is measured, once, and too much of it is not taken. */
  char old[1024], command[2200], catalogue[1100];
  memcpy(old, tiny, sizeof old);
  snprintf(command, sizeof command, "mkdir '%s/models' && cp -r '%s/bert-cls' '%s/models'", room, tiny, room);
  assert_int_equal(system(command), 0);
  snprintf(tiny, sizeof tiny, "%s/models", room);
  snprintf(catalogue, sizeof catalogue, "%s/catalogue.json", tiny);
  FILE *out = fopen(catalogue, "w");
  assert_non_null(out);
  fputs("[{\"id\": \"bert-cls\", \"hf_path\": \"org/bert-cls\", \"default_quantization\": \"int8\"}]", out);
  fclose(out);
  double mean = 0;
  for (int round = 0; round < 3; round++) {
    start(&(vecd_engine_settings){.threads = 1, .quality_path = path, .min_similarity = round < 2 ? 0.5 : 0.99999999});
    assert_int_equal(use(round ? "bert-cls" : "org/bert-cls"), VECD_OK);
    assert_null(vecd_engine_model_id(engine, 1));
    vecd_model_status s = status_of("bert-cls");
    assert_true(s.has_quality && s.quality_mean > 0.9 && s.quality_mean < 0.99999999 && s.quality_least <= s.quality_mean);
    assert_true(round == 0 || s.quality_mean == mean);
    mean = s.quality_mean;
    assert_int_equal(s.fell_back, round == 2);
    assert_string_equal(s.precision, round < 2 ? "int8" : "fp32");
    stop();
  }
  memcpy(tiny, old, sizeof old);

  vecd_err err;
  assert_int_equal(vecd_engine_new(&(vecd_engine_settings){.precision = "int4"}, NULL, &engine, &err), VECD_BAD_ARGUMENT);

  vecd_quality_memory *m = NULL;
  vecd_quality_mark mark;
  assert_int_equal(vecd_quality_memory_open(path, &m, NULL), VECD_OK);
  assert_false(vecd_quality_memory_get(m, "0123456789abcdef", &mark));
  vecd_quality_memory_put(m, "0123456789abcdef", (vecd_quality_mark){0.75, 0.5});
  vecd_quality_memory_close(&m);
  assert_int_equal(vecd_quality_memory_open(path, &m, NULL), VECD_OK);
  assert_true(vecd_quality_memory_get(m, "0123456789abcdef", &mark));
  assert_true(mark.mean == 0.75 && mark.least == 0.5);
  vecd_quality_memory_close(&m);
  static const char *const damaged[] = {"",
                                        "{",
                                        "[]",
                                        "{\"vecd\":\"0.0.0\",\"measured\":{}}",
                                        "{\"vecd\":\"" VECD_VERSION "\"}",
                                        "{\"vecd\":\"" VECD_VERSION
                                        "\",\"measured\":{\"0123456789abcdef\":{\"mean\":2,\"least\":1}}}"};
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(damaged[i], f);
    fclose(f);
    assert_int_equal(vecd_quality_memory_open(path, &m, NULL), VECD_OK);
    assert_false(vecd_quality_memory_get(m, "0123456789abcdef", &mark));
    vecd_quality_memory_close(&m);
  }
}

static void the_breaker_opens_probes_and_closes(void **state) {
  (void)state;
  const uint64_t second = 1000000000u;
  vecd_breaker b = {0};
  uint64_t now = 100 * second;
  for (int i = 1; i < VECD_BREAKER_FAILURES; i++) assert_false(vecd_breaker_note(&b, false, now));
  assert_true(vecd_breaker_admits(&b, now));
  assert_false(vecd_breaker_note(&b, true, now)); /* in between one that went well */
  for (int i = 1; i < VECD_BREAKER_FAILURES; i++) assert_false(vecd_breaker_note(&b, false, now));
  assert_true(vecd_breaker_note(&b, false, now));
  assert_false(vecd_breaker_admits(&b, now + second / 2));
  assert_false(vecd_breaker_note(&b, false, now)); /* admitted earlier */
  assert_true(vecd_breaker_admits(&b, now + second));
  assert_false(vecd_breaker_admits(&b, now + second)); /* the probe is on its way */
  assert_false(vecd_breaker_note(&b, false, now += second));
  assert_false(vecd_breaker_admits(&b, now + second)); /* waits double */
  assert_true(vecd_breaker_admits(&b, now + 2 * second));
  vecd_breaker_note(&b, true, now);
  assert_true(vecd_breaker_admits(&b, now));
  assert_int_equal(vecd_backoff_ns(1, 2, 100), 2);
  assert_int_equal(vecd_backoff_ns(4, 2, 100), 16);
  assert_int_equal(vecd_backoff_ns(UINT32_MAX, 2, 100), 100);
}

int main(void) {
  const char *root = getenv("VECD_SOURCE_ROOT");
  char command[100];
  snprintf(tiny, sizeof tiny, "%s/tests/golden/tiny", root ? root : ".");
  strcpy(room, "/tmp/vecd-test-XXXXXX");
  if (!mkdtemp(room)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_least_lately_used_goes),
      cmocka_unit_test(kept_models_stay_and_too_large_ones_evict_nobody),
      cmocka_unit_test(the_memory_budget_holds),
      cmocka_unit_test(models_in_use_take_turns_where_they_do_not_fit),
      cmocka_unit_test(a_thousand_loads_leave_nothing_behind),
      cmocka_unit_test(idle_and_unloaded_models_go),
      cmocka_unit_test(changed_files_are_noticed),
      cmocka_unit_test(a_file_cut_short_ends_nothing),
      cmocka_unit_test(a_job_that_waits_too_long_is_told),
      cmocka_unit_test(a_batch_that_takes_too_long_is_ended),
      cmocka_unit_test(options_reach_the_texts),
      cmocka_unit_test(eight_bits_are_measured_once_and_may_be_refused),
      cmocka_unit_test(the_breaker_opens_probes_and_closes),
  };
  int failed = cmocka_run_group_tests_name("residency", tests, NULL, NULL);
  snprintf(command, sizeof command, "rm -rf '%s'", room);
  return system(command) ? 1 : failed;
}
