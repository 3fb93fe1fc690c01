/* test_api_server.c - the whole server over real sockets, with the small models of tests/golden/tiny: every answer's status and
 * text, limits, hang-ups, failing memory, beginning and end. Nothing here asserts how fast something is; a watchdog ends a test
 * that hangs. */
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
#include "fmt/json.h"

#define MODEL "bert-mean-norm"

typedef struct world {
  vecd_registry *registry;
  vecd_api_server *server;
  pthread_t thread;
  vecd_status status; /* of run */
  vecd_err err;
  atomic_bool ready;
} world;

static void now_ready(void *ctx) { atomic_store(&((world *)ctx)->ready, true); }

static void *run_main(void *arg) {
  world *w = arg;
  w->status = vecd_api_server_run(w->server, &w->err);
  return NULL;
}

static const char *tiny_models(void) {
  static char path[512];
  const char *root = getenv("VECD_SOURCE_ROOT");
  snprintf(path, sizeof path, "%s/tests/golden/tiny", root ? root : ".");
  return path;
}

static vecd_status world_new(world *w, const char *models, const char *default_model, vecd_err *err) {
  static const char *const listen[] = {"127.0.0.1:0"}, *const admin_keys[] = {"boss"};
  *w = (world){0};
  vecd_status s = vecd_registry_new(models, &w->registry, err);
  assert_int_equal(s, VECD_OK);
  vecd_api_settings settings = {
      .http = {.listen = listen, .n_listen = 1, .max_body_bytes = 1 << 20, .grace_ms = 60000},
      .engine = {.threads = 2},
      .default_model = default_model,
      .admin_keys = {.keys = admin_keys, .n_keys = 1},
      .max_texts = 3000,
      .max_text_bytes = 5000,
      .on_ready = now_ready,
      .ctx = w,
  };
  s = vecd_api_server_new(&settings, w->registry, &w->server, err);
  if (s) vecd_registry_free(&w->registry);
  return s;
}

static vecd_status world_end(world *w) {
  vecd_api_server_stop(w->server);
  pthread_join(w->thread, NULL);
  vecd_api_server_free(&w->server);
  assert_null(w->server);
  vecd_registry_free(&w->registry);
  return w->status;
}

static int dial(const world *w) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  to.sin_port = htons((uint16_t)vecd_api_server_port(w->server, 0));
  assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof to), 0);
  return fd;
}

static vecd_buf read_all(int fd) {
  vecd_buf got = {.tag = VECD_MEM_MISC};
  char piece[65536];
  for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;) vecd_buf_append(&got, piece, (size_t)n);
  close(fd);
  return got;
}

/* Sends a request of its own connection; the whole reply, NUL-terminated. */
static vecd_buf ask(const world *w, const char *head, const char *body) {
  int fd = dial(w);
  vecd_buf out = {.tag = VECD_MEM_MISC};
  vecd_buf_printf(&out, "%s\r\nHost: t\r\nConnection: close\r\n", head);
  if (body) vecd_buf_printf(&out, "Content-Length: %zu\r\n\r\n", strlen(body));
  vecd_buf_append_str(&out, body ? body : "\r\n");
  assert_int_equal(send(fd, out.ptr, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
  vecd_buf_fini(&out);
  vecd_buf got = read_all(fd);
  vecd_buf_cstr(&got);
  return got;
}

#define EMBED         "POST /api/v1/embed HTTP/1.1"
#define LOAD(model)   "POST /api/v1/models/" model "/load HTTP/1.1"
#define UNLOAD(model) "POST /api/v1/models/" model "/unload HTTP/1.1"
#define BOSS          "\r\nX-API-Key: boss"

static int setup(void **state) {
  static world w;
  vecd_err err;
  if (world_new(&w, tiny_models(), MODEL, &err)) fail_msg("%s", err.text);
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  *state = &w;
  return 0;
}

static int teardown(void **state) { return world_end(*state) != VECD_OK; }

static void every_answer_has_its_status_and_text(void **state) {
  const world *w = *state;
  static const struct {
    const char *head, *body, *status, *text; /* text: somewhere in the reply */
  } cases[] = {
      {EMBED, "{\"texts\":[\"a\"]}", "200 OK",
       "],\"model\":{\"id\":\"" MODEL "\",\"name\":\"" MODEL "\",\"dimension\":36},\"usage\""},
      {EMBED "\r\nContent-Type: application/json", "{\"texts\":[\"\"]}", "200 OK", "{\"embeddings\":[["},
      {EMBED, "{\"texts\":[\"a\"],\"model\":\"bert-no-modules\"}", "200 OK", "\"id\":\"bert-no-modules\""},
      {EMBED, "{", "400 Bad Request", "{\"error\":\"request body: line 1, column 2: "},
      {EMBED, NULL, "400 Bad Request", "{\"error\":\"request body: line 1, column 1: empty"},
      {EMBED, "{\"texts\":[\"a\", 5]}", "400 Bad Request", "{\"error\":\"texts[1]: must be a string, is an integer\"}"},
      {EMBED, "{\"texts\":[]}", "400 Bad Request", "{\"error\":\"texts: is empty; give at least one text\"}"},
      {EMBED, "{\"texts\":[\"a\"],\"model\":\"X\"}", "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: X\"}"},
      {EMBED, "{\"texts\":[\"a\"],\"model\":\"\"}", "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: \"}"},
      {EMBED, "{\"texts\":[\"a\"],\"model\":\"../x\"}", "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: ../x\"}"},
      {EMBED "\r\nContent-Type: text/plain", "{\"texts\":[\"a\"]}", "415 Unsupported Media Type",
       "{\"error\":\"Content-Type must be application/json, in UTF-8\"}"},
      {EMBED "\r\nContent-Encoding: gzip", "{\"texts\":[\"a\"]}", "415 Unsupported Media Type",
       "{\"error\":\"Content-Encoding"},
      {EMBED, "{\"texts\":[\"a\"],\"normalise\":true}", "422 Unprocessable Content",
       "{\"error\":\"normalise: unknown field; known are texts, model, truncate, "},
      {EMBED, "{\"texts\":[\"a\"],\"dimensions\":37}", "422 Unprocessable Content",
       "{\"error\":\"dimensions: 37 is over the 36 that "},
      {EMBED, "{\"texts\":[\"a\"],\"dimensions\":2}", "200 OK", "\"dimension\":2},\"usage\""},
      {EMBED, "{\"texts\":[\"a\"],\"prompt_name\":\"query\"}", "422 Unprocessable Content",
       "{\"error\":\"prompt name \\\"query\\\": " MODEL " has no prompts\"}"},
      {EMBED, "{\"texts\":[\"a\"],\"pooling\":\"maximum\"}", "422 Unprocessable Content",
       "{\"error\":\"pooling: \\\"maximum\\\" is none of cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken\"}"},
      {EMBED, "{\"texts\":[\"a\"],\"encoding_format\":\"base64\"}", "200 OK", "{\"embeddings\":[\""},
      {EMBED "\r\nX: y\r\nContent-Length: 9999999", NULL, "413 Content Too Large",
       "{\"error\":\"request body has 9999999 bytes, at most 1048576 are taken (--max-body)\"}"},
      {"GET /api/v1/embed HTTP/1.1", NULL, "405 Method Not Allowed",
       "{\"error\":\"method GET is not allowed for /api/v1/embed; it has POST, OPTIONS\"}"},
      {"PUT /api/v1/embed HTTP/1.1", "x", "405 Method Not Allowed", "\r\nAllow: POST, OPTIONS\r\n"},
      {"OPTIONS * HTTP/1.1", NULL, "204 No Content", "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"},
      {"GET /nope?x HTTP/1.1", NULL, "404 Not Found", "{\"error\":\"no such path: /nope (GET / lists what there is)\"}"},
      {"GET / HTTP/1.1", NULL, "200 OK", "{\"name\":\"vecd\",\"version\":\"" VECD_VERSION "\",\"about\":"},
      {"GET /health/live HTTP/1.1", NULL, "200 OK", "\r\n\r\n{\"status\":\"live\"}"},
      {"GET /health/ready HTTP/1.1", NULL, "200 OK", "\r\n\r\n{\"status\":\"ready\"}"},
      {"GET /api/v1/models/X HTTP/1.1", NULL, "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: X\"}"},
      {"GET /api/v1/models/a%2Fb%20%C3%A9 HTTP/1.1", NULL, "404 Not Found", "{\"error\":\"Model not found: a/b \xc3\xa9\"}"},
      {"GET /api/v1/models/%ff HTTP/1.1", NULL, "400 Bad Request", "not valid UTF-8"},
      {"GET /api/v1/models/%zz HTTP/1.1", NULL, "400 Bad Request", "{\"error\":\""},
      {"GET /api/v1/models/" MODEL " HTTP/1.1", NULL, "200 OK",
       "\r\n\r\n{\"id\":\"" MODEL "\",\"name\":\"" MODEL
       "\",\"hf_path\":null,\"state\":\"resident\",\"is_default\":false,\"dimension\":36,\""},
      {"GET /api/v1/models/bert-concat HTTP/1.1", NULL, "200 OK",
       "\"state\":\"available\",\"is_default\":false,\"dimension\":"},
      {"GET /api/v1/models/BAAI/bge-small-en-v1.5 HTTP/1.1", NULL, "200 OK",
       "\r\n\r\n{\"id\":\"bge-small-en-v1.5\",\"name\":\"BGE Small English "
       "v1.5\",\"hf_path\":\"BAAI/bge-small-en-v1.5\",\"state\":"
       "\"remote\",\"is_default\":false,\"dimension\":384,\"least_dimension\":null,\"parameters_m\":33,\"size_mb\":133,\"max_"
       "seq_length\":512,"},
      {EMBED, "{\"texts\":[\"a\"],\"model\":\"bge-small-en-v1.5\"}", "404 Not Found",
       "{\"error\":\"Model not found: bge-small-en-v1.5: it is not on this machine; `vecd pull bge-small-en-v1.5` gets "
       "it\"}"},
      {"GET /api/v1/models HTTP/1.1", NULL, "200 OK", "],\"default_model\":\"" MODEL "\"}"},
      {"HEAD /api/v1/models HTTP/1.1", NULL, "200 OK", "\r\n\r\n"},
      {LOAD(MODEL), NULL, "401 Unauthorized", "\r\nWWW-Authenticate: Bearer\r\n"},
      {LOAD(MODEL) "\r\nX-API-Key: bos", NULL, "401 Unauthorized", "{\"error\":\"this is not an admin key of this server\"}"},
      {LOAD(MODEL) BOSS, NULL, "200 OK", "{\"id\":\"" MODEL "\",\"name\":\"" MODEL "\","},
      {LOAD("bert-cls") BOSS, "{}", "200 OK", "\"state\":\"resident\""},
      {LOAD("X") BOSS, NULL, "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: X\"}"},
      {LOAD("%zz") BOSS, NULL, "400 Bad Request", "{\"error\":\""},
      {LOAD(MODEL) BOSS, "{\"a\":1}", "422 Unprocessable Content", "{\"error\":\"request body: must be empty or {}\"}"},
      {UNLOAD("bert-max") BOSS, NULL, "200 OK", "\r\n\r\n{\"id\":\"bert-max\",\"was_resident\":false}"},
      {UNLOAD("a%2Fb") BOSS, NULL, "404 Not Found", "\r\n\r\n{\"error\":\"Model not found: a/b\"}"},
      {"GET /api/v1/cache/stats HTTP/1.1", NULL, "200 OK",
       "\r\n\r\n{\"models\":[{\"id\":\"" MODEL "\",\"state\":\"resident\","},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vecd_buf got = ask(w, cases[i].head, cases[i].body);
    if (got.len < 13 || strncmp(got.ptr + 9, cases[i].status, strlen(cases[i].status)) != 0 || !strstr(got.ptr, cases[i].text))
      fail_msg("%s %s gave: %s", cases[i].head, cases[i].body ? cases[i].body : "", got.ptr);
    vecd_buf_fini(&got);
  }
}

/* The JSON of a reply, chunked or not. */
static json_t *json_of(vecd_buf *reply) {
  char *p = strstr(reply->ptr, "\r\n\r\n") + 4;
  vecd_buf whole = {.tag = VECD_MEM_MISC};
  bool chunked = strstr(reply->ptr, "Transfer-Encoding: chunked\r\n") != NULL;
  if (!chunked) vecd_buf_append_str(&whole, p);
  while (chunked) {
    size_t n = strtoul(p, &p, 16);
    if (!n) break;
    vecd_buf_append(&whole, p + 2, n);
    p += 2 + n + 2;
  }
  json_t *value = NULL;
  vecd_err err;
  if (vecd_json_parse("reply", (vecd_span){whole.ptr, whole.len}, &value, &err)) fail_msg("%s", err.text);
  vecd_buf_fini(&whole);
  vecd_buf_fini(reply);
  return value;
}

/* Over SMALL_FLOATS a reply is streamed; its numbers are those of a small one. */
static void a_large_reply_is_streamed(void **state) {
  const world *w = *state;
  enum { N = 3000 };
  vecd_buf body = {.tag = VECD_MEM_MISC};
  for (size_t i = 0; i < N; i++) vecd_buf_printf(&body, "%s\"text %zu\"", i ? "," : "{\"texts\":[", i % 7);
  vecd_buf_append_str(&body, "]}");
  vecd_buf got = ask(w, EMBED, vecd_buf_cstr(&body));
  vecd_buf_fini(&body);
  assert_non_null(strstr(got.ptr, "Transfer-Encoding: chunked\r\n"));
  json_t *large = json_of(&got);
  got = ask(w, EMBED, "{\"texts\":[\"text 0\",\"text 1\",\"text 2\",\"text 3\",\"text 4\",\"text 5\",\"text 6\"]}");
  assert_null(strstr(got.ptr, "chunked"));
  json_t *small = json_of(&got);
  json_t *rows = json_object_get(large, "embeddings"), *few = json_object_get(small, "embeddings");
  assert_int_equal(json_array_size(rows), N);
  assert_int_equal(json_array_size(few), 7);
  for (size_t i = 0; i < N; i++) assert_true(json_equal(json_array_get(rows, i), json_array_get(few, i % 7)));
  assert_true(json_equal(json_object_get(large, "model"), json_object_get(small, "model")));
  json_decref(large);
  json_decref(small);
}

static void limits_hold(void **state) {
  const world *w = *state;
  vecd_buf body = {.tag = VECD_MEM_MISC};
  vecd_buf_append_str(&body, "{\"texts\":[\"");
  for (size_t i = 0; i < 5001; i++) vecd_buf_append_char(&body, 'x');
  vecd_buf_append_str(&body, "\"]}");
  vecd_buf got = ask(w, EMBED, vecd_buf_cstr(&body));
  assert_non_null(strstr(got.ptr, " 422 "));
  assert_non_null(strstr(got.ptr, "texts[0]: has 5001 bytes, at most 5000 are taken"));
  vecd_buf_fini(&got);
  body.len = 0;
  for (size_t i = 0; i < 3001; i++) vecd_buf_append_str(&body, i ? ",\"\"" : "{\"texts\":[\"\"");
  vecd_buf_append_str(&body, "]}");
  got = ask(w, EMBED, vecd_buf_cstr(&body));
  assert_non_null(strstr(got.ptr, " 422 "));
  assert_non_null(strstr(got.ptr, "has 3001 texts, at most 3000"));
  vecd_buf_fini(&got);
  vecd_buf_fini(&body);
}

/* Clients that hang up at any moment leave nothing behind. */
static void clients_that_leave_cost_nothing(void **state) {
  const world *w = *state;
  vecd_buf body = {.tag = VECD_MEM_MISC};
  for (size_t i = 0; i < 500; i++) vecd_buf_printf(&body, "%s\"a text of many words %zu\"", i ? "," : "{\"texts\":[", i);
  vecd_buf_append_str(&body, "]}");
  vecd_buf out = {.tag = VECD_MEM_MISC};
  vecd_buf_printf(&out, EMBED "\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", body.len);
  vecd_buf_append(&out, body.ptr, body.len);
  for (size_t i = 0; i < 40; i++) {
    int fd = dial(w);
    size_t n = i % 4 == 3 ? out.len / 2 : out.len;
    struct linger reset = {1, 0};
    if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    assert_int_equal(send(fd, out.ptr, n, MSG_NOSIGNAL), (ssize_t)n);
    if (i % 8 > 3) usleep(3000);
    close(fd);
  }
  vecd_buf_fini(&out);
  vecd_buf_fini(&body);
  for (size_t i = 0; vecd_mem_bytes(VECD_MEM_REQUEST) && i < 10000; i++) usleep(1000); /* until all have been noticed */
  assert_int_equal(vecd_mem_bytes(VECD_MEM_REQUEST), 0);
  vecd_buf got = ask(w, EMBED, "{\"texts\":[\"a\"]}");
  assert_non_null(strstr(got.ptr, " 200 OK"));
  vecd_buf_fini(&got);
}

/* Whichever allocation fails, the client gets vectors, an honest error, or an end; and the server goes on. */
static void failing_memory_is_survived(void **state) {
  const world *w = *state;
  static const char *const heads[] = {EMBED, "GET /api/v1/models/" MODEL " HTTP/1.1", "GET /nope HTTP/1.1", LOAD(MODEL) BOSS,
                                      "GET /api/v1/cache/stats HTTP/1.1"};
  for (size_t k = 0; k < 5; k++) {
    for (uint64_t n = 1; n <= 120; n++) {
      /* Dialled and rendered by hand: the client's own allocations are not to fail. */
      char out[512];
      const char *body = k ? "" : "{\"texts\":[\"a\",\"b\"]}";
      snprintf(out, sizeof out, "%s\r\nHost: t\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", heads[k], strlen(body),
               body);
      int fd = dial(w);
      vecd_mem_fail_nth(n);
      assert_int_equal(send(fd, out, strlen(out), MSG_NOSIGNAL), (ssize_t)strlen(out));
      char got[65536];
      size_t len = 0;
      for (ssize_t m; (m = recv(fd, got + len, sizeof got - 1 - len, 0)) > 0;) len += (size_t)m;
      vecd_mem_fail_nth(0);
      got[len] = '\0';
      close(fd);
      int status = len > 12 ? atoi(got + 9) : 0;
      if (status != 0 && status != 503 && status != 500 && status != (k == 2 ? 404 : 200))
        fail_msg("%d at %d: %s", (int)k, (int)n, got);
      if (status == 500) fail_msg("500 where 503 is due, at %d: %s", (int)n, got);
    }
  }
  vecd_buf got = ask(w, EMBED, "{\"texts\":[\"a\"]}");
  assert_non_null(strstr(got.ptr, " 200 OK"));
  vecd_buf_fini(&got);
}

/* ---- its beginning and end ---- */

/* The file of keys is read again while requests come. */
static void keys_are_reread(void **state) {
  (void)state;
  char path[64];
  snprintf(path, sizeof path, "/tmp/vecd-test-api-keys-%ld", (long)getpid());
  static const char *const listen[] = {"127.0.0.1:0"};
  world w = {0};
  vecd_err err;
  FILE *f = fopen(path, "w");
  assert_true(f && fputs("old\n", f) >= 0 && fclose(f) == 0);
  assert_int_equal(vecd_registry_new(tiny_models(), &w.registry, &err), VECD_OK);
  vecd_api_settings settings = {.http = {.listen = listen, .n_listen = 1},
                                .engine = {.threads = 1},
                                .keys = {.path = path},
                                .default_model = MODEL,
                                .on_ready = now_ready,
                                .ctx = &w};
  assert_int_equal(vecd_api_server_new(&settings, w.registry, &w.server, &err), VECD_OK);
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  for (size_t i = 0; i < 2; i++) {
    vecd_buf got = ask(&w, EMBED "\r\nAuthorization: Bearer old", "{\"texts\":[\"a\"]}");
    assert_non_null(strstr(got.ptr, i ? " 401 " : " 200 OK"));
    vecd_buf_fini(&got);
    got = ask(&w, EMBED "\r\nAuthorization: Bearer new", "{\"texts\":[\"a\"]}");
    assert_non_null(strstr(got.ptr, i ? " 200 OK" : " 401 "));
    vecd_buf_fini(&got);
    f = fopen(path, "w");
    assert_true(f && fputs("new\n", f) >= 0 && fclose(f) == 0);
    assert_int_equal(vecd_api_server_reload(w.server, &err), VECD_OK);
  }
  unlink(path);
  assert_int_equal(vecd_api_server_reload(w.server, &err), VECD_NOT_FOUND);
  vecd_buf got = ask(&w, "GET /api/v1/models HTTP/1.1\r\nX-API-Key: new", NULL);
  assert_non_null(strstr(got.ptr, " 200 OK"));
  vecd_buf_fini(&got);
  got = ask(&w, LOAD(MODEL) "\r\nX-API-Key: new", NULL);
  assert_non_null(strstr(got.ptr, " 403 Forbidden"));
  vecd_buf_fini(&got);
  assert_int_equal(world_end(&w), VECD_OK);
}

/* Loads that nobody waits for any more when the server ends. */
static void a_stop_with_loads_on_their_way(void **state) {
  (void)state;
  world w;
  vecd_err err;
  static const char *const models[] = {"bert-cls", "bert-max", "bert-concat", "bert-dense-two"};
  assert_int_equal(world_new(&w, tiny_models(), MODEL, &err), VECD_OK);
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  int fds[4];
  for (size_t i = 0; i < 4; i++) {
    char out[256];
    snprintf(out, sizeof out, "POST /api/v1/models/%s/load HTTP/1.1\r\nHost: t" BOSS "\r\n\r\n", models[i]);
    fds[i] = dial(&w);
    assert_int_equal(send(fds[i], out, strlen(out), MSG_NOSIGNAL), (ssize_t)strlen(out));
  }
  vecd_api_server_abort(w.server);
  pthread_join(w.thread, NULL);
  vecd_api_server_free(&w.server);
  vecd_registry_free(&w.registry);
  for (size_t i = 0; i < 4; i++) close(fds[i]);
}

static void a_default_model_asked_for_must_be_there(void **state) {
  (void)state;
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, tiny_models(), "nope", &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, "Model not found: nope (models are looked for in "));
  assert_int_equal(world_new(&w, "/nonexistent", NULL, &err), VECD_NOT_FOUND);
  assert_non_null(strstr(err.text, VECD_DEFAULT_MODEL));
  assert_non_null(strstr(err.text, "tools/get_default_model.sh"));
}

static void without_a_default_model_requests_name_one(void **state) {
  (void)state;
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, tiny_models(), NULL, &err), VECD_OK);
  assert_null(vecd_api_server_default_model(w.server));
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  vecd_buf got = ask(&w, EMBED, "{\"texts\":[\"a\"]}");
  assert_non_null(strstr(got.ptr, " 400 "));
  assert_non_null(strstr(got.ptr, "{\"error\":\"model: is missing, and this server has no default model;"));
  vecd_buf_fini(&got);
  got = ask(&w, EMBED, "{\"texts\":[\"a\"],\"model\":\"" MODEL "\"}");
  assert_non_null(strstr(got.ptr, " 200 OK"));
  vecd_buf_fini(&got);
  got = ask(&w, "GET /api/v1/models HTTP/1.1", NULL);
  assert_non_null(strstr(got.ptr, "\"default_model\":null"));
  vecd_buf_fini(&got);
  assert_int_equal(world_end(&w), VECD_OK);
}

static void damaged_folder(char *root, size_t cap) {
  snprintf(root, cap, "/tmp/vecd-test-api-XXXXXX");
  assert_non_null(mkdtemp(root));
  char command[1024];
  snprintf(command, sizeof command, "cp -r '%s/%s' '%s/broken' && : > '%s/broken/model.safetensors'", tiny_models(), MODEL,
           root, root);
  assert_int_equal(system(command), 0);
}

static void remove_folder(const char *root) {
  char command[256];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  assert_int_equal(system(command), 0);
}

static void a_damaged_default_model_ends_run(void **state) {
  (void)state;
  char root[64];
  damaged_folder(root, sizeof root);
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, root, "broken", &err), VECD_OK);
  assert_int_equal(vecd_api_server_run(w.server, &err), VECD_BAD_MODEL);
  assert_non_null(strstr(err.text, "broken/model.safetensors"));
  assert_false(atomic_load(&w.ready));
  vecd_api_server_free(&w.server);
  vecd_registry_free(&w.registry);
  remove_folder(root);
}

/* Another model may be damaged: a 500 that tells what, but not where on this machine. */
static void a_damaged_model_is_told_without_paths(void **state) {
  (void)state;
  char root[64], command[1024];
  damaged_folder(root, sizeof root);
  snprintf(command, sizeof command, "cp -r '%s/%s' '%s/good'", tiny_models(), MODEL, root);
  assert_int_equal(system(command), 0);
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, root, "good", &err), VECD_OK);
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  vecd_buf got = ask(&w, EMBED, "{\"texts\":[\"a\"],\"model\":\"broken\"}");
  assert_non_null(strstr(got.ptr, " 500 "));
  assert_non_null(strstr(got.ptr, "{\"error\":\"broken/model.safetensors: "));
  assert_null(strstr(got.ptr, root));
  vecd_buf_fini(&got);
  got = ask(&w, "GET /api/v1/models/broken HTTP/1.1", NULL);
  assert_non_null(strstr(got.ptr, "\"state\":\"failed\""));
  assert_null(strstr(got.ptr, root));
  vecd_buf_fini(&got);
  assert_int_equal(world_end(&w), VECD_OK);
  remove_folder(root);
}

static void stopped_before_it_runs(void **state) {
  (void)state;
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, tiny_models(), MODEL, &err), VECD_OK);
  vecd_api_server_stop(w.server);
  assert_int_equal(vecd_api_server_run(w.server, &err), VECD_OK);
  assert_false(atomic_load(&w.ready));
  vecd_api_server_free(&w.server);
  vecd_registry_free(&w.registry);
  vecd_api_server_free(&w.server); /* NULL is legal */
}

/* What was taken is answered, and the connection is closed behind it. */
static void a_stop_finishes_what_was_taken(void **state) {
  (void)state;
  world w;
  vecd_err err;
  assert_int_equal(world_new(&w, tiny_models(), MODEL, &err), VECD_OK);
  assert_int_equal(pthread_create(&w.thread, NULL, run_main, &w), 0);
  while (!atomic_load(&w.ready)) usleep(1000);
  vecd_buf out = {.tag = VECD_MEM_MISC}, body = {.tag = VECD_MEM_MISC};
  for (size_t i = 0; i < 1000; i++) vecd_buf_printf(&body, "%s\"many words to keep it busy %zu\"", i ? "," : "{\"texts\":[", i);
  vecd_buf_append_str(&body, "]}");
  vecd_buf_printf(&out, EMBED "\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", body.len);
  vecd_buf_append(&out, body.ptr, body.len);
  int fd = dial(&w);
  assert_int_equal(send(fd, out.ptr, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
  usleep(20000);
  vecd_api_server_stop(w.server);
  vecd_buf got = read_all(fd);
  vecd_buf_cstr(&got);
  assert_non_null(strstr(got.ptr, " 200 OK"));
  json_t *value = json_of(&got);
  assert_int_equal(json_array_size(json_object_get(value, "embeddings")), 1000);
  json_decref(value);
  vecd_buf_fini(&out);
  vecd_buf_fini(&body);
  assert_int_equal(world_end(&w), VECD_OK);
}

int main(void) {
  vecd_json_count_memory();
  vecd_log_setup(VECD_LOG_ERROR, false);
  alarm(280);
  const struct CMUnitTest running[] = {
      cmocka_unit_test(every_answer_has_its_status_and_text),
      cmocka_unit_test(a_large_reply_is_streamed),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(clients_that_leave_cost_nothing),
      cmocka_unit_test(failing_memory_is_survived),
  };
  const struct CMUnitTest life[] = {
      cmocka_unit_test(a_default_model_asked_for_must_be_there),
      cmocka_unit_test(without_a_default_model_requests_name_one),
      cmocka_unit_test(a_damaged_default_model_ends_run),
      cmocka_unit_test(a_damaged_model_is_told_without_paths),
      cmocka_unit_test(keys_are_reread),
      cmocka_unit_test(a_stop_with_loads_on_their_way),
      cmocka_unit_test(stopped_before_it_runs),
      cmocka_unit_test(a_stop_finishes_what_was_taken),
  };
  int n_failed = cmocka_run_group_tests(running, setup, teardown);
  return n_failed + cmocka_run_group_tests(life, NULL, NULL);
}
