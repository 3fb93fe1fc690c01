/* cmd_serve.c - settings made into a server, signals made into its end.
 *
 * Standard output has two things, at once where the server listens and, when the default model is loaded, a curl line that
 * works. The log goes to standard error, and is silent until all is well: a failed start is one line. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mapping_guard.h"
#include "cmd/command.h"
#include "cmd/hangup.h"
#include "cmd/serve_plan.h"

typedef struct serving {
  const vecd_settings *settings;
  vecd_api_server *server;
  vecd_registry *registry;
  char url[300]; /* as people and curl take it, "" for a Unix socket */
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

/* Until the server is ready only errors are logged: a failed start is the program's own one line. Who debugs wants all, and a start
 * that may download takes so long that what goes on must be told. */
static void set_up_log(const vecd_settings *s, bool starting) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  vecd_log_level level = VECD_LOG_INFO;
  for (int i = 0; i < 4; i++)
    if (strcmp(s->log_level, names[i]) == 0) level = (vecd_log_level)i;
  if (starting && level != VECD_LOG_DEBUG && !s->allow_pull) level = VECD_LOG_ERROR;
  vecd_log_setup(level, s->log_format ? strcmp(s->log_format, "json") == 0 : !isatty(STDERR_FILENO));
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
  set_up_log(v->settings, false);
  vecd_settings_describe(v->settings, VECD_CMD_SERVE, &words);
  vecd_log(VECD_LOG_INFO, "vecd %s is ready, settings: %s", vecd_version(), vecd_buf_cstr(&words));
  vecd_buf_fini(&words);
}

/* For SIGHUP. What cannot be read stays as it was, and the server goes on. */
static void reread(void *ctx) {
  const serving *v = ctx;
  vecd_err err;
  if (vecd_registry_reload(v->registry, &err))
    vecd_log(VECD_LOG_WARN, "SIGHUP: the catalogue stays what it was: %s", err.text);
  else
    vecd_log(VECD_LOG_INFO, "SIGHUP: the catalogue was read again");
  if (vecd_api_server_reload(v->server, &err))
    vecd_log(VECD_LOG_WARN, "SIGHUP: the keys stay what they were: %s", err.text);
  else if (v->settings->api_key_file)
    vecd_log(VECD_LOG_INFO, "SIGHUP: the keys were read again");
}

static vecd_status serve(serving *v, vecd_serve_plan *plan, vecd_registry *registry, vecd_err *err) {
  const vecd_settings *s = v->settings;
  plan->api.on_ready = on_ready;
  plan->api.ctx = v;
  vecd_status status = vecd_api_server_new(&plan->api, registry, &v->server, err);
  if (status) return status;
  running = v->server;
  handle_signals(on_signal);
  if (!s->unix_path) make_url(v);
  printf("listening on %s\n", s->unix_path ? plan->address : v->url);
  fflush(stdout);
  status = vecd_hangup_serve(reread, v, err);
  if (!status) status = vecd_api_server_run(v->server, err);
  vecd_hangup_end();
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
  vecd_serve_plan plan = {.quality_path = NULL};
  vecd_registry *registry = NULL;
  vecd_err err;
  set_up_log(settings, true);
  vecd_mapping_guard_install();
  vecd_hangup_catch();
  vecd_status s = vecd_registry_new(settings->models, &registry, &err);
  if (!s) s = vecd_serve_plan_make(settings, registry, &plan, &err);
  v.registry = registry;
  if (!s) s = serve(&v, &plan, registry, &err);
  vecd_api_server_free(&v.server);
  vecd_registry_free(&registry);
  vecd_serve_plan_fini(&plan);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
