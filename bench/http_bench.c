/* http_bench.c - a server that answers every request with the same 4 KB of JSON, for a load generator to measure src/http.
 *
 *   http_bench 127.0.0.1:8099 [event threads] [body bytes] &   http_load --connections 64 127.0.0.1:8099
 *
 * Ends at SIGINT or SIGTERM and then says how much CPU a request took. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "http/http.h"

static vecd_http_server *server;

static void on_signal(int number) {
  (void)number;
  vecd_http_server_stop(server);
}

static void on_request(void *ctx, vecd_http_request *req) {
  const vecd_buf *text = ctx;
  vecd_buf body = {.tag = VECD_MEM_REQUEST};
  vecd_buf_append(&body, text->ptr, text->len);
  vecd_http_reply(req, 200, "application/json", NULL, 0, &body);
}

int main(int argc, char **argv) {
  vecd_buf text = {0};
  vecd_err err = {0};
  size_t n_bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096;
  vecd_buf_append_str(&text, "{\"embedding\":[");
  while (text.len + 12 < n_bytes) vecd_buf_append_str(&text, "0.0123456,");
  vecd_buf_append_str(&text, "0]}");
  const char *address = argc > 1 ? argv[1] : "127.0.0.1:8099";
  vecd_http_settings settings = {.listen = &address, .n_listen = 1, .n_threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1};
  vecd_http_handler handler = {.ctx = &text, .on_request = on_request};
  if (vecd_http_server_new(&settings, &handler, &server, &err)) {
    fprintf(stderr, "http_bench: %s\n", err.text);
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  vecd_status status = vecd_http_server_run(server, &err);
  if (status) fprintf(stderr, "http_bench: %s\n", err.text);
  vecd_http_stats stats;
  vecd_http_server_stats(server, &stats);
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double us =
      1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  if (stats.requests)
    printf("%llu requests, %.2f us of CPU each\n", (unsigned long long)stats.requests, us / (double)stats.requests);
  vecd_http_server_free(&server);
  vecd_buf_fini(&text);
  return status != VECD_OK;
}
