/* test_engine.c - jobs of many threads for several models: every answer right, whatever shares its batch; cancelling, overload,
 * a damaged model beside good ones, and ending with work left. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine_priv.h"
#include "job_ticket.h"

static char tiny[1024], damaged[1024];

static const char *const models[] = {"bert-mean-norm", "bert-cls", "bert-concat"};
enum { N_MODELS = 3, N_THREADS = 4, N_JOBS = 60 };

static vecd_registry *registry;
static vecd_engine *engine;

static void start(size_t max_queue_tokens) {
  vecd_err err;
  if (vecd_registry_new(tiny, &registry, &err)) fail_msg("%s", err.text);
  if (vecd_registry_add(registry, damaged, NULL, &err)) fail_msg("%s", err.text);
  vecd_engine_settings settings = {.threads = 2, .batch_tokens = 64, .max_queue_tokens = max_queue_tokens};
  if (vecd_engine_new(&settings, registry, &engine, &err)) fail_msg("%s", err.text);
}

static void stop(void) {
  vecd_engine_free(&engine);
  vecd_registry_free(&registry);
}

/* What the model gives without an engine. */
static float *expect(const char *model, const ticket *t, size_t *dimension) {
  char path[1100];
  snprintf(path, sizeof path, "%s/%s", tiny, model);
  vecd_model *m = NULL;
  vecd_err err;
  if (vecd_open(path, &(vecd_options){.threads = 1}, &m, &err)) fail_msg("%s", err.text);
  vecd_info info;
  vecd_describe(m, &info);
  *dimension = info.dimension;
  float *v = calloc(t->job.n_items * info.dimension, sizeof *v);
  for (size_t i = 0; i < t->job.n_items; i++)
    assert_int_equal(vecd_encode(m, &t->items[i].text.ptr, &t->items[i].text.len, 1, 0, v + i * info.dimension, NULL, NULL), 0);
  vecd_close(&m);
  return v;
}

static void *client(void *arg) {
  unsigned seed = (unsigned)(uintptr_t)arg;
  for (unsigned i = 0; i < N_JOBS; i++) {
    ticket t;
    fill(&t, models[(seed + i) % N_MODELS], 1 + (seed * 7 + i) % MOST_ITEMS, seed * 1000 + i);
    assert_int_equal(vecd_engine_submit(engine, &t.job, NULL), VECD_OK);
    wait_for(&t);
    assert_int_equal(t.job.status, VECD_OK);
    if (i % 20 == 0) {
      size_t d;
      float *want = expect(t.job.model_id, &t, &d);
      assert_int_equal(d, t.job.dimension);
      assert_memory_equal(want, t.job.vectors, t.job.n_items * d * sizeof *want);
      free(want);
    }
    drop(&t);
  }
  return NULL;
}

static void answers_are_right_under_load(void **state) {
  (void)state;
  start(0);
  pthread_t threads[N_THREADS];
  for (uintptr_t i = 0; i < N_THREADS; i++) pthread_create(&threads[i], NULL, client, (void *)(i + 1));
  for (size_t i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
  vecd_model_status status;
  uint64_t n_items = 0;
  for (size_t i = 0; i < N_MODELS; i++) {
    vecd_engine_model_status(engine, models[i], &status);
    assert_int_equal(status.state, VECD_MODEL_RESIDENT);
    assert_int_equal(status.queued_texts, 0);
    assert_int_equal(status.queued_tokens, 0);
    assert_int_equal(status.users, 0);
    assert_true(status.resident_bytes > 0 && status.dimension > 0);
    n_items += status.counts.texts;
  }
  assert_true(n_items >= N_THREADS * N_JOBS);
  vecd_engine_model_status(engine, "bert-max", &status);
  assert_int_equal(status.state, VECD_MODEL_AVAILABLE);
  stop();
}

static void unknown_and_damaged_models_are_told(void **state) {
  (void)state;
  start(0);
  ticket t;
  vecd_err err;
  fill(&t, "no-such-model", 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_NOT_FOUND);
  assert_string_equal(err.text, "Model not found: no-such-model");
  drop(&t);
  fill(&t, "../golden/tiny/bert-cls", 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_NOT_FOUND);
  drop(&t);
  fill(&t, "damaged", 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_BAD_MODEL);
  drop(&t);
  fill(&t, "damaged", 1, 1); /* remembered: told at once */
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_BAD_MODEL);
  drop(&t);
  assert_int_equal(vecd_engine_preload(engine, "damaged", &err), VECD_BAD_MODEL);
  assert_int_equal(vecd_engine_preload(engine, "bert-cls", &err), VECD_OK);
  stop();
}

static void one_bad_text_fails_its_own_job_only(void **state) {
  (void)state;
  start(0);
  ticket good, bad;
  fill(&good, "bert-cls", 3, 1);
  fill(&bad, "bert-cls", 3, 2);
  bad.items[1].text = VECD_SPAN("\xc3");
  assert_int_equal(vecd_engine_submit(engine, &bad.job, NULL), VECD_OK);
  assert_int_equal(vecd_engine_submit(engine, &good.job, NULL), VECD_OK);
  wait_for(&good);
  wait_for(&bad);
  assert_int_equal(good.job.status, VECD_OK);
  assert_int_equal(bad.job.status, VECD_BAD_TEXT);
  assert_string_equal(bad.job.err.text, "texts[1]: not valid UTF-8 at byte 0");
  drop(&good);
  drop(&bad);
  stop();
}

/* A job whose `done` holds the engine's thread: what comes meanwhile is in the queue together. */
typedef struct gate {
  ticket ticket; /* the first member */
  sem_t shut, open;
} gate;

static void wait_in_gate(vecd_job *job) {
  gate *g = job->user;
  sem_post(&g->shut);
  sem_wait(&g->open);
  on_done(job);
}

static void shut_gate(gate *g, const char *model) {
  sem_init(&g->shut, 0, 0);
  sem_init(&g->open, 0, 0);
  fill(&g->ticket, model, 1, 1);
  g->ticket.job.done = wait_in_gate;
  assert_int_equal(vecd_engine_submit(engine, &g->ticket.job, NULL), VECD_OK);
  sem_wait(&g->shut);
}

static void open_gate(gate *g) {
  sem_post(&g->open);
  wait_for(&g->ticket);
  drop(&g->ticket);
  sem_destroy(&g->shut);
  sem_destroy(&g->open);
}

static void the_queue_is_bounded_and_jobs_can_be_cancelled(void **state) {
  (void)state;
  enum { MANY = 400 };
  start(3000);
  gate g;
  shut_gate(&g, "bert-concat");
  ticket *t = calloc(MANY, sizeof *t);
  unsigned n_busy = 0, n_cancelled = 0, n_ok = 0;
  for (unsigned i = 0; i < MANY; i++) {
    fill(&t[i], "bert-concat", MOST_ITEMS, i);
    vecd_status s = vecd_engine_submit(engine, &t[i].job, NULL);
    if (s) {
      assert_int_equal(s, VECD_BUSY);
      t[i].done = true;
      t[i].job.status = s;
      n_busy++;
    } else if (i % 3 == 0) {
      vecd_engine_cancel(engine, &t[i].job);
    }
  }
  open_gate(&g);
  for (unsigned i = 0; i < MANY; i++) {
    wait_for(&t[i]);
    n_cancelled += t[i].job.status == VECD_CANCELLED;
    n_ok += t[i].job.status == VECD_OK;
    drop(&t[i]);
  }
  assert_int_equal(n_busy + n_cancelled + n_ok, MANY);
  assert_true(n_ok > 0 && n_busy > 0);
  free(t);
  stop();
}

/* Where no further long one is taken, a short one, which passes them, is. */
static void be_full_for_long_ones(size_t max_queue_tokens, double ns_per_token, const char *why) {
  enum { MOST = 1000 };
  start(max_queue_tokens);
  gate g;
  shut_gate(&g, "bert-cls");
  vecd_engine_lock(engine);
  vecd_slot_find(engine, "bert-cls")->ns_per_token = ns_per_token;
  vecd_engine_unlock(engine);
  vecd_err err;
  ticket *t = calloc(MOST, sizeof *t), query;
  size_t n = 0;
  vecd_status s = VECD_OK;
  for (; !s && n < MOST; n++) {
    fill(&t[n], "bert-cls", MOST_ITEMS, (unsigned)n);
    s = vecd_engine_submit(engine, &t[n].job, &err);
  }
  assert_int_equal(s, VECD_BUSY);
  assert_non_null(strstr(err.text, why));
  drop(&t[--n]);
  fill(&query, "bert-cls", 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &query.job, &err), VECD_OK);
  open_gate(&g);
  wait_for(&query);
  assert_int_equal(query.job.status, VECD_OK);
  drop(&query);
  while (n--) {
    wait_for(&t[n]);
    assert_int_equal(t[n].job.status, VECD_OK);
    drop(&t[n]);
  }
  free(t);
  stop();
}

static void long_jobs_refuse_no_short_ones(void **state) {
  (void)state;
  be_full_for_long_ones(0, 1e7, "before this one's turn"); /* 5 s of work, half of what a request may wait */
  be_full_for_long_ones(1000, 1, "--max-queue-tokens");
}

/* Long prompts count: both jobs have few bytes of text, but each of their texts is as long as a text may be. */
static void a_prompt_counts_in_the_queue(void **state) {
  (void)state;
  static char text[4000];
  memset(text, 'a', sizeof text);
  vecd_span prompt = {text, sizeof text};
  start(MOST_ITEMS * 20);
  vecd_err err;
  gate g;
  shut_gate(&g, "bert-concat");
  ticket short_one, long_one;
  fill(&short_one, "bert-concat", MOST_ITEMS, 1);
  fill(&long_one, "bert-concat", MOST_ITEMS, 2);
  long_one.job.options.prompt = &prompt;
  assert_int_equal(vecd_engine_submit(engine, &short_one.job, &err), VECD_OK);
  assert_int_equal(vecd_engine_submit(engine, &long_one.job, &err), VECD_BUSY);
  assert_non_null(strstr(err.text, "--max-queue-tokens"));
  open_gate(&g);
  wait_for(&short_one);
  drop(&short_one);
  drop(&long_one);
  stop();
}

static void a_job_ends_with_its_first_fault(void **state) {
  (void)state;
  enum { MANY = 5000 };
  start(0);
  ticket t;
  fill_same(&t, "bert-cls", MANY, VECD_SPAN("as many as that"));
  t.many[3].text = VECD_SPAN("\xc3");
  t.many[MANY - 1].text = VECD_SPAN("\xc3");
  assert_int_equal(vecd_engine_submit(engine, &t.job, NULL), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_BAD_TEXT);
  assert_string_equal(t.job.err.text, "texts[3]: not valid UTF-8 at byte 0");
  vecd_model_status status;
  vecd_engine_model_status(engine, "bert-cls", &status);
  assert_true(status.counts.texts < 100); /* what stood behind it was not encoded */
  assert_int_equal(status.queued_texts + status.queued_tokens + status.users, 0);
  drop(&t);
  stop();
}

/* Others that came first keep the model so busy that there is no place for texts that only warm it. */
static void a_busy_model_is_preloaded_too(void **state) {
  (void)state;
  enum { LONG = 2000 };
  start(1);
  vecd_err err = {0};
  ticket t;
  fill_same(&t, "bert-cls", LONG, VECD_SPAN("one of many texts that wait"));
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_OK);
  assert_int_equal(vecd_engine_preload(engine, "bert-cls", &err), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_OK);
  drop(&t);
  stop();
}

static void when_to_try_again(void **state) {
  (void)state;
  start(0);
  ticket t;
  vecd_err err;
  assert_int_equal(vecd_engine_retry_after_s(engine, NULL), 1);
  assert_int_equal(vecd_engine_retry_after_s(engine, "no-such-model"), 1);
  fill(&t, "damaged", 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &t.job, &err), VECD_OK);
  wait_for(&t);
  assert_int_equal(t.job.status, VECD_BAD_MODEL);
  assert_int_equal(vecd_engine_retry_after_s(engine, "damaged"), 2); /* seconds for which the failure is remembered */
  assert_int_equal(vecd_engine_retry_after_s(engine, "bert-cls"), 1);
  drop(&t);
  stop();
}

/* Which of the jobs ended first. */
static unsigned n_ended;
static void count_done(vecd_job *job) {
  ticket *t = job->user;
  t->job.queued_ns = ++n_ended;
  on_done(job);
}

/* Words, so many bytes of them; good until the next call. */
static vecd_span words(size_t n_bytes) {
  static char text[400];
  memset(text, 'a', n_bytes);
  for (size_t i = 0; i < n_bytes; i += 5) text[i] = ' ';
  return (vecd_span){text, n_bytes};
}

/* n_long jobs of so many texts of so many bytes are there already: it is answered before any of them. */
static void come_after(unsigned n_long, size_t n_texts, size_t n_bytes) {
  enum { MOST_LONG = 8 };
  vecd_span text = words(n_bytes);
  start(0);
  gate g;
  ticket t[MOST_LONG + 1];
  n_ended = 0;
  shut_gate(&g, "bert-cls");
  for (unsigned i = 0; i <= n_long; i++) {
    if (i < n_long)
      fill_same(&t[i], "bert-cls", n_texts, text);
    else
      fill(&t[i], "bert-cls", 1, i);
    t[i].job.done = count_done;
    assert_int_equal(vecd_engine_submit(engine, &t[i].job, NULL), VECD_OK);
  }
  open_gate(&g);
  for (unsigned i = 0; i <= n_long; i++) wait_for(&t[i]);
  assert_int_equal(t[n_long].job.queued_ns, 1);
  for (unsigned i = 0; i <= n_long; i++) {
    assert_int_equal(t[i].job.status, VECD_OK);
    drop(&t[i]);
  }
  stop();
}

static void a_short_job_does_not_wait_for_long_ones(void **state) {
  (void)state;
  come_after(2, 300, 400); /* each has texts for many batches */
  come_after(8, 5, 3);     /* all of them make little more than one batch */
}

static uint64_t n_batches(void) {
  vecd_model_status status;
  vecd_engine_model_status(engine, "bert-cls", &status);
  return status.counts.batches;
}

static uint64_t batches_at_end;
static void count_batches(vecd_job *job) {
  batches_at_end = n_batches();
  on_done(job);
}

/* One that is not short, but has no more than a piece, among many that have had ten and get one more in a batch. */
static void a_new_job_passes_those_that_have_had_a_lot(void **state) {
  (void)state;
  enum { BULK = 8, TEXTS = 4000 };
  vecd_span text = words(400);
  start((size_t)1 << 30);
  ticket bulk[BULK], middling;
  for (unsigned i = 0; i < BULK; i++) {
    fill_same(&bulk[i], "bert-cls", TEXTS, text);
    assert_int_equal(vecd_engine_submit(engine, &bulk[i].job, NULL), VECD_OK);
  }
  for (unsigned n = 0; n < BULK;) {
    vecd_engine_lock(engine);
    for (n = 0; n < BULK && bulk[n].job.priv.taken > 10;) n++;
    vecd_engine_unlock(engine);
  }
  gate g;
  shut_gate(&g, "bert-cls");
  fill_same(&middling, "bert-cls", 6, VECD_SPAN("aa"));
  middling.job.done = count_batches;
  assert_int_equal(vecd_engine_submit(engine, &middling.job, NULL), VECD_OK);
  uint64_t before = n_batches();
  open_gate(&g);
  wait_for(&middling);
  assert_int_equal(middling.job.status, VECD_OK);
  assert_true(batches_at_end > before && batches_at_end <= before + 3); /* one of another before it */
  drop(&middling);
  for (unsigned i = 0; i < BULK; i++) {
    vecd_engine_cancel(engine, &bulk[i].job);
    wait_for(&bulk[i]);
    assert_int_equal(bulk[i].job.status, VECD_CANCELLED);
    drop(&bulk[i]);
  }
  stop();
}

static void what_is_left_at_the_end_is_told(void **state) {
  (void)state;
  enum { MANY = 50 };
  start(0);
  ticket *t = calloc(MANY, sizeof *t);
  for (unsigned i = 0; i < MANY; i++) {
    fill(&t[i], models[i % N_MODELS], MOST_ITEMS, i);
    assert_int_equal(vecd_engine_submit(engine, &t[i].job, NULL), VECD_OK);
  }
  vecd_engine_stop(engine);
  ticket late;
  fill(&late, models[0], 1, 1);
  assert_int_equal(vecd_engine_submit(engine, &late.job, NULL), VECD_STOPPING);
  drop(&late);
  stop();
  for (unsigned i = 0; i < MANY; i++) {
    assert_true(t[i].done);
    assert_true(t[i].job.status == VECD_OK || t[i].job.status == VECD_STOPPING);
    drop(&t[i]);
  }
  free(t);
}

int main(void) {
  const char *root = getenv("VECD_SOURCE_ROOT");
  snprintf(tiny, sizeof tiny, "%s/tests/golden/tiny", root ? root : ".");
  char dir[] = "/tmp/vecd-test-XXXXXX", path[1100];
  if (!mkdtemp(dir)) return 1;
  snprintf(damaged, sizeof damaged, "%s/damaged", dir);
  mkdir(damaged, 0700);
  snprintf(path, sizeof path, "%s/config.json", damaged);
  FILE *f = fopen(path, "w");
  if (!f) return 1;
  fputs("{\"model_type\": \"bert\", \"hidden_size\": -1}", f);
  fclose(f);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_right_under_load),
      cmocka_unit_test(unknown_and_damaged_models_are_told),
      cmocka_unit_test(one_bad_text_fails_its_own_job_only),
      cmocka_unit_test(the_queue_is_bounded_and_jobs_can_be_cancelled),
      cmocka_unit_test(long_jobs_refuse_no_short_ones),
      cmocka_unit_test(a_prompt_counts_in_the_queue),
      cmocka_unit_test(a_job_ends_with_its_first_fault),
      cmocka_unit_test(a_busy_model_is_preloaded_too),
      cmocka_unit_test(when_to_try_again),
      cmocka_unit_test(a_short_job_does_not_wait_for_long_ones),
      cmocka_unit_test(a_new_job_passes_those_that_have_had_a_lot),
      cmocka_unit_test(what_is_left_at_the_end_is_told),
  };
  int failed = cmocka_run_group_tests_name("engine", tests, NULL, NULL);
  remove(path);
  rmdir(damaged);
  rmdir(dir);
  return failed;
}
