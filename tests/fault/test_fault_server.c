/* test_fault_server.c - a server's whole life with the N-th allocation failing, for every N (every eleventh unless VECD_LONG is
 * set): it starts, loads a model, loads another, embeds with both, streams, lists models, prints metrics, rereads its catalogue,
 * unloads, ends. Whatever fails, each client gets a JSON error, the answer, or an end of the connection; the next life, with
 * memory, is as ever; and no byte is left behind.
 *
 * The program's own allocations are all that is counted: client and harness take none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/server.h"
#include "base/log.h"
#include "base/mem.h"
#include "fmt/json.h"

#define MODEL "bert-mean-norm"
#define OTHER "bert-no-modules"
#define KEY   "boss"

#define MANY_TEXTS  600 /* whose vectors are streamed */
#define N_QUESTIONS 10

typedef struct life {
  vecd_registry *registry;
  vecd_api_server *server;
  pthread_t thread;
  vecd_status status; /* of run */
  vecd_err err;
  atomic_bool ready, ended;
} life;

static void now_ready(void *ctx) { atomic_store(&((life *)ctx)->ready, true); }

static void *run_main(void *arg) {
  life *l = arg;
  l->status = vecd_api_server_run(l->server, &l->err);
  atomic_store(&l->ended, true);
  return NULL;
}

/* A folder of the two, as listing costs allocations for each model. */
static void link_models(char folder[]) {
  const char *root = getenv("VECD_SOURCE_ROOT"), *const names[] = {MODEL, OTHER};
  assert_non_null(mkdtemp(folder));
  for (size_t i = 0; i < 2; i++) {
    char to[512], at[512];
    snprintf(to, sizeof to, "%s/tests/golden/tiny/%s", root ? root : ".", names[i]);
    snprintf(at, sizeof at, "%s/%s", folder, names[i]);
    assert_int_equal(symlink(to, at), 0);
  }
}

static void unlink_models(const char *folder) {
  const char *const names[] = {MODEL, OTHER};
  for (size_t i = 0; i < 2; i++) {
    char at[512];
    snprintf(at, sizeof at, "%s/%s", folder, names[i]);
    assert_int_equal(unlink(at), 0);
  }
  assert_int_equal(rmdir(folder), 0);
}

/* One exchange; the reply's status, 0 where the connection ended without one. */
static int ask(const life *l, const char *head, const char *body, char *got, size_t cap) {
  char out[8192];
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  to.sin_port = htons((uint16_t)vecd_api_server_port(l->server, 0));
  got[0] = '\0';
  size_t len = 0;
  if (connect(fd, (struct sockaddr *)(void *)&to, sizeof to) == 0) {
    int n = snprintf(out, sizeof out,
                     "%s HTTP/1.1\r\nHost: t\r\nX-API-Key: " KEY "\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", head,
                     strlen(body), body);
    (void)!send(fd, out, (size_t)n, MSG_NOSIGNAL);
    for (ssize_t m; len + 1 < cap && (m = recv(fd, got + len, cap - 1 - len, 0)) > 0;) len += (size_t)m;
    got[len] = '\0';
  }
  close(fd);
  return len > 12 ? atoi(got + 9) : 0;
}

/* {"error":"..."} and nothing else. */
static bool is_error(const char *got) {
  const char *body = strstr(got, "\r\n\r\n{\"error\":\"");
  return body && strncmp(got + strlen(got) - 2, "\"}", 2) == 0;
}

/* A streamed reply that was given up on the way: without its last chunk the client knows. */
static bool is_cut(const char *got) {
  const char *last = "\r\n0\r\n\r\n";
  size_t len = strlen(got), n = strlen(last);
  return strstr(got, "\r\nTransfer-Encoding: chunked\r\n") && (len < n || strcmp(got + len - n, last) != 0);
}

static const char *many_texts(void) {
  static char body[MANY_TEXTS * 4 + 16];
  size_t n = (size_t)sprintf(body, "{\"texts\":[");
  for (int i = 0; i < MANY_TEXTS; i++) n += (size_t)sprintf(body + n, "%s\"a\"", i ? "," : "");
  sprintf(body + n, "]}");
  return body;
}

/* A life of the server while allocations fail; tells how many of the replies were good. VECD_OK or why it did not come to life. */
static vecd_status live(const char *folder, size_t *n_good) {
  static const char *const listen[] = {"127.0.0.1:0"};
  static const char *const keys[] = {KEY};
  static char got[1 << 20];
  const struct {
    const char *head, *body, *good; /* good: in the reply */
  } questions[N_QUESTIONS] = {
      {"POST /api/v1/embed", "{\"texts\":[\"a\",\"b c\"]}", "{\"embeddings\":[["},
      {"POST /api/v1/embed", "{\"texts\":[\"a\"],\"model\":\"" OTHER "\"}", "\"id\":\"" OTHER "\""},
      {"POST /api/v1/embed", many_texts(), "]],\"model\":"},
      {"POST /api/v1/models/" OTHER "/load", "", "\"state\":\"resident\""},
      {"GET /api/v1/models", "", "\"default_model\":\"" MODEL "\""},
      {"GET /api/v1/models/" MODEL, "", "\"id\":\"" MODEL "\""},
      {"GET /api/v1/cache/stats", "", "\"hit_rate\":"},
      {"POST /api/v1/models/" OTHER "/unload", "", "\"was_resident\":"},
      {"GET /metrics", "", "\nprocess_start_time_seconds "},
      {"GET /health/ready", "", "{\"status\":\"ready\"}"},
  };
  life l = {.ready = false};
  *n_good = 0;
  vecd_status s = vecd_registry_new(folder, &l.registry, &l.err);
  vecd_api_settings settings = {.http = {.listen = listen, .n_listen = 1, .grace_ms = 60000},
                                .engine = {.threads = 1, .precision = "fp32"},
                                .admin_keys = {.keys = keys, .n_keys = 1},
                                .default_model = MODEL,
                                .on_ready = now_ready,
                                .ctx = &l};
  if (!s) s = vecd_api_server_new(&settings, l.registry, &l.server, &l.err);
  if (!s) {
    assert_int_equal(pthread_create(&l.thread, NULL, run_main, &l), 0);
    while (!atomic_load(&l.ready) && !atomic_load(&l.ended)) usleep(200);
    for (size_t i = 0; i < N_QUESTIONS && !atomic_load(&l.ended); i++) {
      int status = ask(&l, questions[i].head, questions[i].body, got, sizeof got);
      bool good = status == 200 && strstr(got, questions[i].good) && !is_cut(got);
      if (!good && status && !(status == 503 && is_error(got)) && !is_cut(got))
        fail_msg("%s gave %.900s", questions[i].head, got);
      *n_good += good;
    }
    vecd_status reread = vecd_registry_reload(l.registry, &l.err);
    assert_true(reread == VECD_OK || reread == VECD_NO_MEMORY);
    vecd_api_server_stop(l.server);
    pthread_join(l.thread, NULL);
    s = l.status;
  }
  vecd_api_server_free(&l.server);
  vecd_registry_free(&l.registry);
  if (s && s != VECD_NO_MEMORY) fail_msg("ended with %d: %s", (int)s, l.err.text);
  return s;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  char folder[] = "/tmp/vecd-fault-XXXXXX";
  size_t n_good;
  link_models(folder);
  assert_int_equal(live(folder, &n_good), VECD_OK); /* what is made once a process */
  assert_int_equal(n_good, N_QUESTIONS);
  size_t before = vecd_mem_total_bytes();
  uint64_t counted = vecd_mem_count();
  assert_int_equal(live(folder, &n_good), VECD_OK);
  counted = vecd_mem_count() - counted;
  assert_int_equal(vecd_mem_total_bytes(), before);
  size_t n_failed = 0, n_hurt = 0, n_stillborn = 0;
#if defined(__SANITIZE_THREAD__)
  uint64_t step = 41; /* slow, and there for other faults than lost memory */
#else
  uint64_t step = getenv("VECD_LONG") ? 1 : 11; /* most places allocate more than once */
#endif
  for (uint64_t n = 1; n <= counted; n += step, n_failed++) {
    vecd_mem_fail_nth(n);
    vecd_status s = live(folder, &n_good);
    vecd_mem_fail_nth(0);
    n_stillborn += s != VECD_OK;
    n_hurt += s == VECD_OK && n_good < N_QUESTIONS;
    if (vecd_mem_total_bytes() != before)
      fail_msg("allocation %d of %d: %d bytes are left behind", (int)n, (int)counted, (int)(vecd_mem_total_bytes() - before));
  }
  print_message("%d allocations failed: %d times it did not start, %d times a client was told\n", (int)n_failed,
                (int)n_stillborn, (int)n_hurt);
  assert_true(n_stillborn > 50 && n_hurt > 50);
  assert_int_equal(live(folder, &n_good), VECD_OK);
  assert_int_equal(n_good, N_QUESTIONS);
  unlink_models(folder);
}

int main(void) {
  vecd_json_count_memory();
  vecd_log_setup(VECD_LOG_ERROR, false);
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
