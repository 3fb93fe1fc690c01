/* cmd_serve.c - settings made into a server, signals made into its end.
 *
 * Standard output has two things, at once where the server listens and, when the default model is loaded, a curl line that
 * works. The log goes to standard error, and is silent until all is well: a failed start is one line. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mapping_guard.h"
#include "cmd/command.h"

typedef struct serving {
  const vecd_settings *settings;
  vecd_api_server *server;
  char address[300]; /* as listen takes it */
  char url[300];     /* as people and curl take it, "" for a Unix socket */
  uint64_t begun_ms;
} serving;

/* For the signal handler; set before it is installed, cleared after it is taken away. */
static vecd_api_server *volatile running;
static volatile sig_atomic_t n_signals;

static void on_signal(int number) {
  (void)number;
  vecd_api_server *server = running;
  if (!server) return;
  if (n_signals++ == 0)
    vecd_api_server_stop(server);
  else
    vecd_api_server_abort(server);
}

static void handle_signals(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

/* "::1" and "[::1]" are the same to people. */
static vecd_status make_address(serving *v, vecd_err *err) {
  const vecd_settings *s = v->settings;
  const char *host = s->host;
  int n;
  if (s->unix_path)
    n = snprintf(v->address, sizeof v->address, "unix:%s", s->unix_path);
  else if (host[0] != '[' && strchr(host, ':'))
    n = snprintf(v->address, sizeof v->address, "[%s]:%llu", host, (unsigned long long)s->port);
  else
    n = snprintf(v->address, sizeof v->address, "%s:%llu", host, (unsigned long long)s->port);
  if (n >= 0 && n < (int)sizeof v->address) return VECD_OK;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "the address to listen on is too long");
}

/* What to type to reach us: an address that stands for all of them is this machine's own. */
static void make_url(serving *v) {
  const char *host = v->settings->host;
  unsigned port = vecd_api_server_port(v->server, 0);
  bool bare_v6 = host[0] != '[' && strchr(host, ':');
  if (strcmp(host, "0.0.0.0") == 0) host = "127.0.0.1";
  if (strcmp(host, "::") == 0 || strcmp(host, "[::]") == 0) {
    host = "[::1]";
    bare_v6 = false;
  }
  snprintf(v->url, sizeof v->url, bare_v6 ? "http://[%s]:%u" : "http://%s:%u", host, port);
}

static void print_curl(const serving *v) {
  printf("  curl -s ");
  if (v->settings->unix_path) printf("--unix-socket '%s' ", v->settings->unix_path);
  printf("%s/api/v1/embed -H 'Content-Type: application/json' -d '{\"texts\": [\"Hello, world\"]}'\n",
         v->settings->unix_path ? "http://localhost" : v->url);
  fflush(stdout);
}

static void on_ready(void *ctx) {
  const serving *v = ctx;
  vecd_buf words = {.tag = VECD_MEM_MISC};
  const char *model = vecd_api_server_default_model(v->server);
  if (model) {
    printf("ready with %s after %llu ms; try:\n", model, (unsigned long long)(vecd_now_ms() - v->begun_ms));
    print_curl(v);
  } else {
    printf("ready without a default model: requests must name one\n");
    fflush(stdout);
  }
  vecd_settings_describe(v->settings, VECD_CMD_SERVE, &words);
  vecd_log(VECD_LOG_INFO, "vecd %s is ready, settings: %s", vecd_version(), vecd_buf_cstr(&words));
  vecd_buf_fini(&words);
}

static void set_up_log(const vecd_settings *s) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  vecd_log_level level = VECD_LOG_INFO;
  for (int i = 0; i < 4; i++)
    if (strcmp(s->log_level, names[i]) == 0) level = (vecd_log_level)i;
  vecd_log_setup(level, s->log_format ? strcmp(s->log_format, "json") == 0 : !isatty(STDERR_FILENO));
}

/* A path is made known to the registry under its folder's name; an id must be there. */
static vecd_status find_default_model(const vecd_settings *s, vecd_registry *registry, const char **id, vecd_err *err) {
  char *path = NULL, *by_id = NULL;
  *id = NULL;
  if (!s->model) return VECD_OK;
  vecd_status status = vecd_registry_resolve(registry, s->model, &path, NULL, err);
  if (!status && !vecd_registry_find(registry, s->model, &by_id, NULL) && strcmp(path, by_id) == 0)
    *id = s->model;
  else if (!status)
    status = vecd_registry_add(registry, path, id, err);
  vecd_free(path);
  vecd_free(by_id);
  return status;
}

static vecd_status serve(serving *v, vecd_registry *registry, const char *default_model, vecd_err *err) {
  const vecd_settings *s = v->settings;
  const char *const listen[] = {v->address};
  vecd_api_settings api = {
      .http = {.listen = listen,
               .n_listen = 1,
               .max_body_bytes = (size_t)s->max_body,
               .max_connections = (unsigned)s->max_connections,
               .grace_ms = (unsigned)s->grace * 1000,
               .server_name = "vecd"},
      .engine = {.threads = (unsigned)s->threads, .isa = s->isa, .precision = s->quantization},
      .default_model = default_model,
      .max_texts = (size_t)s->max_texts,
      .max_text_bytes = (size_t)s->max_text_bytes,
      .on_ready = on_ready,
      .ctx = v,
  };
  vecd_status status = vecd_api_server_new(&api, registry, &v->server, err);
  if (status) return status;
  running = v->server;
  handle_signals(on_signal);
  if (!s->unix_path) make_url(v);
  printf("listening on %s\n", s->unix_path ? v->address : v->url);
  fflush(stdout);
  status = vecd_api_server_run(v->server, err);
  if (status == VECD_TIMEOUT) { /* told to stop, with work left: what waits for the end of a batch must not hold up the exit */
    vecd_log(VECD_LOG_WARN, "stopped after %llu s with requests unanswered (--grace)", (unsigned long long)s->grace);
    _exit(VECD_EXIT_OK);
  }
  if (!status) vecd_log(VECD_LOG_INFO, "stopped, all requests answered");
  handle_signals(SIG_DFL);
  running = NULL;
  return status;
}

int vecd_cmd_serve(const vecd_settings *settings) {
  serving v = {.settings = settings, .begun_ms = vecd_now_ms()};
  vecd_registry *registry = NULL;
  const char *default_model = NULL;
  vecd_err err;
  set_up_log(settings);
  vecd_mapping_guard_install();
  vecd_status s = make_address(&v, &err);
  if (!s) s = vecd_registry_new(settings->models, &registry, &err);
  if (!s) s = find_default_model(settings, registry, &default_model, &err);
  if (!s) s = serve(&v, registry, default_model, &err);
  vecd_api_server_free(&v.server);
  vecd_registry_free(&registry);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
