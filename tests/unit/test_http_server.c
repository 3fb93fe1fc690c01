/* test_http_server.c - the server's life: deadlines, clients that leave, limits, draining, listeners, and what runs out. */
#include "http_test_server.h"

static void test_deadlines(void **state) {
  (void)state;
  start_server((vecd_http_settings){.header_ms = 60, .body_ms = 60, .idle_ms = 400});
  ask("GET / HT", 408, NULL);
  ask(POST("/e") "Content-Length: 10\r\n\r\nabc", 408, NULL);
  ask(POST("/e") "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408, NULL);
  /* Dripping does not help. */
  for (int body = 0; body < 2; body++) {
    int fd = client();
    answer a = {0};
    say(fd, body ? POST("/e") "Content-Length: 100000\r\n\r\n" : GET("/") "A: ");
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, 5) == 0) say(fd, "x");
    expect_status(fd, &a, 408);
    close(fd);
    free(a.body);
  }
  /* Idle ones are closed without a word, fresh or not. */
  int fd = client();
  assert_true(closed(fd));
  close(fd);
  fd = client();
  answer a = {0};
  say(fd, GET("/") "\r\n");
  expect_status(fd, &a, 200);
  assert_true(closed(fd));
  close(fd);
  free(a.body);
  vecd_http_stats stats;
  vecd_http_server_stats(the_app.server, &stats);
  assert_int_equal(stats.timeouts, 5);
  stop_server();
}

static void test_slow_reader(void **state) {
  (void)state;
  start_server((vecd_http_settings){.send_ms = 100});
  const char *texts[] = {GET("/big") "\r\n", GET("/stream?endless") "\r\n"};
  for (int i = 0; i < 2; i++) {
    int fd = client();
    say(fd, texts[i]);
    WAIT_UNTIL(the_app.n_done == i + 1);
    assert_false(the_app.last_complete);
    assert_int_equal(the_app.last_status, 200);
    close(fd);
  }
  assert_true(the_app.n_pieces < 5000); /* the kernel's buffers full, and no more */
  stop_server();
  /* One that reads gets it all. */
  start_server((vecd_http_settings){0});
  int fd = client();
  answer a = {0};
  say(fd, GET("/big") "\r\n");
  expect_status(fd, &a, 200);
  assert_int_equal(a.n_body, 8 << 20);
  close(fd);
  free(a.body);
  stop_server();
}

static void test_hang_up(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  /* Closed while waiting: told at once, answered into the void. */
  int fd = client();
  say(fd, POST("/hold") "Content-Length: 3\r\n\r\nabc");
  WAIT_UNTIL(the_app.n_held == 1);
  close(fd);
  WAIT_UNTIL(the_app.n_cancel == 1);
  assert_int_equal(the_app.n_done, 0);
  assert_memory_equal(the_app.held[0]->body.ptr, "abc", 3); /* still ours */
  reply_text(the_app.held[0], 200, "x", 1);
  WAIT_UNTIL(the_app.n_done == 1);
  /* Reset. */
  fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 2);
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
  WAIT_UNTIL(the_app.n_cancel == 2);
  vecd_http_discard(the_app.held[1]);
  WAIT_UNTIL(the_app.n_done == 2);
  assert_int_equal(the_app.last_status, 0);
  /* Half-closed: told just the same, but an answer given all the same arrives. */
  fd = client();
  answer a = {0};
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 3);
  shutdown(fd, SHUT_WR);
  WAIT_UNTIL(the_app.n_cancel == 3);
  reply_text(the_app.held[2], 200, "still", 5);
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "still");
  assert_true(closed(fd));
  close(fd);
  /* Half-closed before the server looks: all requests that came are answered. */
  fd = client();
  say(fd, GET("/1") "\r\n" GET("/2") "\r\n");
  shutdown(fd, SHUT_WR);
  expect_status(fd, &a, 200);
  expect_status(fd, &a, 200);
  assert_string_equal(a.body, "/2");
  assert_true(closed(fd));
  close(fd);
  /* Half-closed within a request. */
  const char *halves[] = {"GET / HTT", POST("/") "Content-Length: 5\r\n\r\nab",
                          POST("/") "Transfer-Encoding: chunked\r\n\r\n5\r\nab"};
  for (int i = 0; i < 3; i++) {
    fd = client();
    say(fd, halves[i]);
    shutdown(fd, SHUT_WR);
    expect_status(fd, &a, 400);
    assert_true(closed(fd));
    close(fd);
  }
  free(a.body);
  assert_int_equal(the_app.n_cancel, 3);
  stop_server();
}

static void *answer_all(void *ctx) {
  app *a = ctx;
  for (int n = 0; n < 40; n++) {
    WAIT_UNTIL(a->n_held > n);
    pthread_mutex_lock(&a->lock);
    vecd_http_request *req = a->held[n];
    pthread_mutex_unlock(&a->lock);
    reply_text(req, 200, "later", 5);
  }
  return NULL;
}

static void test_other_thread(void **state) {
  (void)state;
  start_server((vecd_http_settings){.n_threads = 2});
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, answer_all, &the_app), 0);
  int fds[10];
  answer a = {0};
  for (int i = 0; i < 10; i++) fds[i] = client();
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 10; i++) say(fds[i], GET("/hold") "\r\n");
    for (int i = 0; i < 10; i++) {
      if (round == 3 && i % 2) {
        close(fds[i]); /* races with the answer: both are fine */
        continue;
      }
      expect_status(fds[i], &a, 200);
      assert_string_equal(a.body, "later");
    }
  }
  pthread_join(thread, NULL);
  for (int i = 0; i < 10; i += 2) close(fds[i]);
  free(a.body);
  stop_server();
}

static void test_connection_limit(void **state) {
  (void)state;
  start_server((vecd_http_settings){.max_connections = 3, .linger_ms = 100});
  int held[3];
  answer a = {0};
  for (int i = 0; i < 3; i++) {
    held[i] = client();
    say(held[i], GET("/") "\r\n");
    expect_status(held[i], &a, 200);
  }
  int many[100];
  int n_answered = 0;
  for (int i = 0; i < 100; i++) many[i] = client();
  for (int i = 0; i < 100; i++) {
    hear(many[i], &a, false);
    if (a.status) assert_int_equal(a.status, 503);
    n_answered += a.status == 503;
  }
  assert_true(n_answered >= 64); /* the rest, if any, was just closed */
  for (int i = 0; i < 100; i++) close(many[i]);
  close(held[0]);
  vecd_http_stats stats;
  do vecd_http_server_stats(the_app.server, &stats);
  while (stats.connections_open != 2);
  assert_int_equal(stats.connections_refused, 100);
  ask(GET("/again") "\r\n", 200, "/again");
  close(held[1]);
  close(held[2]);
  free(a.body);
  stop_server();
}

static void test_drain(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  int idle = client(), waiting = client(), half = client(), fresh = client();
  answer a = {0};
  say(idle, GET("/") "\r\n");
  expect_status(idle, &a, 200);
  say(waiting, GET("/hold") "\r\n" GET("/never") "\r\n");
  say(half, POST("/e") "Content-Length: 4\r\n\r\nab");
  WAIT_UNTIL(the_app.n_held == 1 && the_app.n_head == 3);
  vecd_http_server_stop(the_app.server);
  assert_true(closed(idle));
  assert_true(closed(fresh));
  close(idle);
  close(fresh);
  say(half, "cd");
  expect_status(half, &a, 200);
  assert_string_equal(a.body, "abcd");
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(half));
  close(half);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
  close(fd);
  reply_text(the_app.held[0], 200, "done", 4);
  expect_status(waiting, &a, 200);
  assert_non_null(strstr(a.head, "Connection: close\r\n"));
  assert_true(closed(waiting));
  close(waiting);
  free(a.body);
  assert_int_equal(end_server(), VECD_OK);
}

static void test_grace(void **state) {
  (void)state;
  start_server((vecd_http_settings){.grace_ms = 50});
  int fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  vecd_http_server_stop(the_app.server);
  assert_true(closed(fd));
  close(fd);
  assert_int_equal(vecd_http_server_join(the_app.server), VECD_TIMEOUT);
  assert_int_equal(the_app.n_cancel, 1);
  reply_text(the_app.held[0], 200, "late", 4); /* legal, and dropped */
  assert_int_equal(end_server(), VECD_TIMEOUT);
  /* And one never answered; and abort, which does not wait. */
  start_server((vecd_http_settings){0});
  fd = client();
  say(fd, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  vecd_http_server_abort(the_app.server);
  assert_int_equal(end_server(), VECD_TIMEOUT);
  close(fd);
}

static void test_listeners(void **state) {
  (void)state;
  char unix_address[128], inherited[32], folder[] = "/tmp/vecd-http-XXXXXX";
  assert_non_null(mkdtemp(folder));
  snprintf(unix_address, sizeof unix_address, "unix:%s/socket", folder);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(listen(fd, 5), 0);
  struct sockaddr_in own = {0};
  socklen_t len = sizeof own;
  getsockname(fd, (struct sockaddr *)&own, &len);
  snprintf(inherited, sizeof inherited, "fd:%d", fd);
  const char *addresses[] = {"127.0.0.1:0", unix_address, inherited, "localhost:0"};
  /* The path of a crashed server does not stand in the way, a living one's does. */
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  strcpy(path.sun_path, unix_address + 5);
  int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(stale, (struct sockaddr *)&path, sizeof path), 0);
  close(stale);
  start_server((vecd_http_settings){.listen = addresses, .n_listen = 4});
  answer a = {0};
  assert_true(vecd_http_server_port(the_app.server, 0) > 0);
  assert_int_equal(vecd_http_server_port(the_app.server, 1), 0);
  assert_int_equal(vecd_http_server_port(the_app.server, 2), ntohs(own.sin_port));
  assert_true(vecd_http_server_port(the_app.server, 3) > 0);
  int c = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(connect(c, (struct sockaddr *)&path, sizeof path), 0);
  say(c, POST("/u") "Content-Length: 2\r\n\r\nok");
  expect_status(c, &a, 200);
  say(c, GET("/hold") "\r\n");
  WAIT_UNTIL(the_app.n_held == 1);
  assert_string_equal(the_app.held[0]->peer, "unix");
  close(c);
  WAIT_UNTIL(the_app.n_cancel == 1);
  vecd_http_discard(the_app.held[0]);
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(c, (struct sockaddr *)&own, sizeof own), 0);
  say(c, GET("/inherited") "\r\n");
  expect_status(c, &a, 200);
  close(c);
  free(a.body);

  char port[32];
  snprintf(port, sizeof port, "127.0.0.1:%u", vecd_http_server_port(the_app.server, 0));
  const struct {
    const char *address, *text;
    vecd_status status;
  } bad[] = {{port, "address already in use", VECD_IO},
             {unix_address, "address already in use", VECD_IO},
             {"unix:/no/such/folder/x", "/no/such/folder/x: ", VECD_IO},
             {"fd:999", "not a listening socket", VECD_IO},
             {"192.0.2.1:80", "no such address", VECD_IO},
             {"127.0.0.1", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:", "not an address", VECD_BAD_ARGUMENT},
             {":80", "not an address", VECD_BAD_ARGUMENT},
             {"::1:80", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:65536", "not an address", VECD_BAD_ARGUMENT},
             {"127.0.0.1:-1", "not an address", VECD_BAD_ARGUMENT},
             {"fd:x", "not an address", VECD_BAD_ARGUMENT},
             {"unix:", "a socket's path", VECD_BAD_ARGUMENT}};
  vecd_http_handler handler = {.on_request = on_request};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vecd_http_server *none = NULL;
    vecd_err err = {0};
    vecd_http_settings s = {.listen = &bad[i].address, .n_listen = 1};
    assert_int_equal(vecd_http_server_new(&s, &handler, &none, &err), bad[i].status);
    assert_null(none);
    if (!strstr(err.text, bad[i].text)) fail_msg("%s", err.text);
  }
  stop_server();
  assert_int_equal(access(path.sun_path, F_OK), -1);
  assert_int_equal(rmdir(folder), 0);
}

static void test_out_of_descriptors(void **state) {
  (void)state;
  start_server((vecd_http_settings){.linger_ms = 100});
  ask(GET("/") "\r\n", 200, "/");
  vecd_http_stats stats;
  do vecd_http_server_stats(the_app.server, &stats);
  while (stats.connections_open); /* its descriptor would be free to the next */
  struct rlimit old, few;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  int waiting[3];
  for (int i = 0; i < 3; i++) waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
  few = old;
  few.rlim_cur = (rlim_t)waiting[2] + 1; /* none of ours is left to the server, or at most gaps */
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  int gaps[64], n_gaps = 0;
  while (n_gaps < 64 && (gaps[n_gaps] = dup(0)) >= 0) n_gaps++;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)vecd_http_server_port(the_app.server, 0))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(connect(waiting[i], (struct sockaddr *)&to, sizeof to), 0);
    answer a = {0};
    hear(waiting[i], &a, false); /* a 503 or an end, but not silence */
    if (a.status) assert_int_equal(a.status, 503);
    free(a.body);
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  for (int i = 0; i < n_gaps; i++) close(gaps[i]);
  for (int i = 0; i < 3; i++) close(waiting[i]);
  ask(GET("/") "\r\n", 200, "/");
  stop_server();
}

/* The N-th allocation fails, for every N a round of requests makes: each client gets a proper answer or an end, and the next
 * round, with memory, is served as ever. */
static void test_out_of_memory(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  const char *texts[] = {POST("/e") "Content-Length: 20\r\n\r\n01234567890123456789",
                         POST("/e") "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", GET("/stream") "\r\n",
                         GET("/big") "\r\n", GET("/refuse") "\r\n"};
  int n_served = 0, n_refused = 0;
  for (uint64_t n = 1; n < 40; n++)
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      vecd_mem_fail_nth(n);
      int fd = client();
      answer a = {0};
      say(fd, texts[i]);
      hear(fd, &a, false);
      if (a.status == 503)
        n_refused++;
      else if (a.status)
        assert_int_equal(a.status, i == 4 ? 429 : 200);
      n_served += a.status == 200;
      close(fd);
      free(a.body);
      vecd_mem_fail_nth(0);
    }
  assert_true(n_served > 50);
  assert_true(n_refused > 0);
  ask(texts[0], 200, "01234567890123456789");
  stop_server();
  /* Setting up. */
  static const char *const listen_at[] = {"127.0.0.1:0"};
  vecd_http_settings settings = {.listen = listen_at, .n_listen = 1, .server_name = "x", .n_threads = 3};
  vecd_http_handler handler = {.on_request = on_request};
  vecd_http_server *server = NULL;
  for (uint64_t n = 1; !server; n++) {
    vecd_err err = {0};
    vecd_mem_fail_nth(n);
    vecd_status status = vecd_http_server_new(&settings, &handler, &server, &err);
    vecd_mem_fail_nth(0);
    assert_true(status == VECD_OK || status == VECD_NO_MEMORY);
  }
  vecd_http_server_free(&server);
  vecd_http_server_free(&server);
}

static vecd_http_server *to_stop;
static void on_signal(int number) {
  (void)number;
  vecd_http_server_stop(to_stop);
}

static void test_stop_from_signal(void **state) {
  (void)state;
  start_server((vecd_http_settings){0});
  to_stop = the_app.server;
  struct sigaction action = {.sa_handler = on_signal}, old;
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  assert_int_equal(end_server(), VECD_OK);
  sigaction(SIGUSR1, &old, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_deadlines),     cmocka_unit_test(test_slow_reader),      cmocka_unit_test(test_hang_up),
      cmocka_unit_test(test_other_thread),  cmocka_unit_test(test_connection_limit), cmocka_unit_test(test_drain),
      cmocka_unit_test(test_grace),         cmocka_unit_test(test_listeners),        cmocka_unit_test(test_out_of_descriptors),
      cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_stop_from_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
