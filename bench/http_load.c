/* http_load.c - asks a running `vecd serve` for vectors, of texts that never repeat, and says in JSON how long the answers took.
 *
 *   http_load [FLAG VALUE ...] ADDRESS:PORT
 *
 *   --connections N   closed loop: so many clients, each asks again when it has its answer (1)
 *   --rate R          open loop instead: R requests a second at random moments (Poisson), over at most N connections (1024),
 *                     opened as they are needed. A request's time counts from the moment it was due, not from when a connection was
 *                     free for it, so that a server that stands still is charged for all who would have come meanwhile
 *   --even 1          open loop at even intervals
 *   --seconds S       how long (5)        --warm-up S   before that, not counted (0)
 *   --drain S         how long to wait for what is still unanswered at the end (10); 0: those clients hang up
 *   --patience S      a request unanswered for so long is given up (60)
 *   --mix LIST        what is asked, comma-separated WEIGHT:TEXTS:WORDS[:MODEL], drawn by weight (1:1:10)
 *   --timeline MS     also count the good answers of each stretch of so many milliseconds (0: do not)
 *   --seed N          processes with different seeds ask for different texts (1)
 *
 * One thread and one epoll, as little work as can be: the machine is shared with the server that is measured, and client_cpu_s says
 * what was taken from it. Every word is one token of BERT's uncased vocabulary, so a text of n words has n + 2 tokens there. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http_load_reply.h"

#define MOST_CONNECTIONS 50000u
#define MOST_MIX         32
#define MOST_BROKEN      100000u      /* connections; then the server is as good as gone */
#define SCAN_NS          250000000ull /* how often those are looked for whose patience has ended */
#define MS               1000000ull
#define SECOND           1000000000ull

typedef struct kind {
  double weight;
  unsigned n_texts, n_words;
  char model[256]; /* "": the server's default */
} kind;

typedef enum state { NONE, IDLE, ASKING } state;

typedef struct connection {
  int fd;
  state state;
  unsigned kind;
  uint64_t due_ns;
  vecd_buf out;
  size_t n_sent;
  reply reply;
} connection;

typedef struct sample {
  uint64_t ns;
  unsigned short status, kind;
} sample;

static struct {
  struct sockaddr_in address;
  unsigned n_connections;
  double rate, seconds, warm_up, drain, patience;
  bool even;
  uint64_t timeline_ns, seed;
  kind kinds[MOST_MIX];
  unsigned n_kinds;
} ask = {.seconds = 5, .drain = 10, .patience = 60, .seed = 1};

static struct {
  int epoll, timer;
  connection *all;
  unsigned *idle, n_idle, n_open;
  uint64_t begin, end; /* what is due in between counts */
  uint64_t next_due;   /* open loop: of the first request nobody has taken yet */
  uint64_t n_texts, random;
  unsigned n_asking;
} now;

static struct {
  sample *samples;
  size_t n_samples, cap_samples;
  uint64_t n_good, n_tokens, n_texts; /* good answers within the time */
  uint64_t n_broken, n_given_up, n_unfinished, unfinished_ns, n_unsent, n_received;
  uint64_t *late_ns; /* how long after they were due requests were sent */
  size_t n_late, cap_late;
  unsigned *line; /* good answers of each stretch */
  size_t n_line;
} seen;

static _Noreturn void die(const char *what, const char *which) {
  fprintf(stderr, "http_load: %s%s%s\n", what, which ? ": " : "", which ? which : "");
  exit(2);
}

/* Room for one more; what was there may move. */
static void *grow(void *p, size_t n, size_t *cap, size_t size) {
  if (n < *cap) return p;
  *cap = *cap ? 2 * *cap : 1024;
  p = vecd_realloc(VECD_MEM_MISC, p, *cap * size);
  if (!p) die("out of memory", NULL);
  return p;
}

/* --- what is asked */

static const char words[64][9] = {
    "river",  "stone",  "late",   "bridge", "autumn",  "letter",  "engine", "market", "silver",  "garden", "window",
    "winter", "signal", "copper", "table",  "morning", "north",   "paper",  "summer", "station", "road",   "glass",
    "field",  "music",  "doctor", "forest", "yellow",  "village", "ocean",  "number", "simple",  "early",  "island",
    "wood",   "metal",  "horse",  "street", "quiet",   "kitchen", "cloud",  "green",  "church",  "school", "train",
    "house",  "cotton", "animal", "father", "story",   "white",   "black",  "water",  "light",   "night",  "south",
    "east",   "west",   "bread",  "apple",  "friend",  "power",   "family", "border", "circle",
};

/* Ten words are 60 bits, and this maps numbers of 60 bits to each other one to one: texts of ten words and more never repeat. */
static uint64_t mixed(uint64_t x) {
  const uint64_t mask = (1ull << 60) - 1;
  x = x * 0x9e3779b97f4a7c15ull & mask;
  x ^= x >> 31;
  x = x * 0xbf58476d1ce4e5b9ull & mask;
  return x ^ x >> 29;
}

static void put_text(vecd_buf *out, unsigned n_words) {
  uint64_t bits = 0, number = (ask.seed << 40) + now.n_texts++;
  for (unsigned i = 0; i < n_words; i++) {
    if (i % 10 == 0) bits = mixed(number + i);
    if (i) vecd_buf_append_char(out, ' ');
    vecd_buf_append_str(out, words[bits & 63]);
    bits >>= 6;
  }
}

static uint64_t draw(void) {
  now.random ^= now.random << 13;
  now.random ^= now.random >> 7;
  return now.random ^= now.random << 17;
}

/* In (0, 1]. */
static double draw_unit(void) { return (double)((draw() >> 11) + 1) * 0x1p-53; }

static unsigned draw_kind(void) {
  double sum = 0, at;
  for (unsigned i = 0; i < ask.n_kinds; i++) sum += ask.kinds[i].weight;
  at = draw_unit() * sum;
  unsigned i = 0;
  while (i + 1 < ask.n_kinds && at > ask.kinds[i].weight) at -= ask.kinds[i++].weight;
  return i;
}

static void make_request(connection *c) {
  static vecd_buf body;
  const kind *k = &ask.kinds[c->kind = draw_kind()];
  body.len = c->out.len = c->n_sent = 0;
  vecd_buf_append_str(&body, "{\"texts\":[");
  for (unsigned i = 0; i < k->n_texts; i++) {
    vecd_buf_append_str(&body, i ? ",\"" : "\"");
    put_text(&body, k->n_words);
    vecd_buf_append_char(&body, '"');
  }
  vecd_buf_append_char(&body, ']');
  if (k->model[0]) vecd_buf_printf(&body, ",\"model\":\"%s\"", k->model);
  vecd_buf_append_char(&body, '}');
  vecd_buf_printf(&c->out,
                  "POST /api/v1/embed HTTP/1.1\r\nHost: vecd\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                  body.len);
  vecd_buf_append(&c->out, body.ptr, body.len);
  if (body.failed || c->out.failed) die("out of memory", NULL);
}

/* --- connections */

static void leave_idle(const connection *c) {
  unsigned i = 0, at = (unsigned)(c - now.all);
  while (i < now.n_idle && now.idle[i] != at) i++;
  if (i < now.n_idle) now.idle[i] = now.idle[--now.n_idle];
}

static void hang_up(connection *c) {
  if (c->state == ASKING) now.n_asking--;
  if (c->state == IDLE) leave_idle(c);
  close(c->fd);
  now.n_open--;
  c->state = NONE;
}

/* Starts to connect; what is sent before that has succeeded waits in `out`. */
static bool open_connection(connection *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("cannot open a socket", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)(c - now.all)};
  bool connects = connect(c->fd, (struct sockaddr *)&ask.address, sizeof ask.address) == 0 || errno == EINPROGRESS;
  if (connects && epoll_ctl(now.epoll, EPOLL_CTL_ADD, c->fd, &event) == 0) {
    now.n_open++;
    return true;
  }
  close(c->fd);
  seen.n_broken++;
  return false;
}

static void broke(connection *c) {
  hang_up(c);
  seen.n_broken++;
}

/* False: the connection is broken and closed. */
static bool send_rest(connection *c) {
  while (c->n_sent < c->out.len) {
    ssize_t n = send(c->fd, c->out.ptr + c->n_sent, c->out.len - c->n_sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) return true;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EPIPE || errno == ECONNRESET; /* refused early, perhaps: the answer is still to be read */
    c->n_sent += (size_t)n;
  }
  return true;
}

static bool counts(uint64_t due_ns) { return due_ns >= now.begin && due_ns < now.end; }

static void start_request(connection *c, uint64_t due_ns) {
  c->due_ns = due_ns;
  make_request(c);
  reply_begin(&c->reply);
  c->state = ASKING;
  now.n_asking++;
  if (counts(due_ns)) {
    seen.late_ns = grow(seen.late_ns, seen.n_late, &seen.cap_late, sizeof *seen.late_ns);
    seen.late_ns[seen.n_late++] = vecd_now_ns() - due_ns;
  }
  if (!send_rest(c)) broke(c);
}

static void note_answer(const connection *c) {
  uint64_t at = vecd_now_ns();
  const reply *r = &c->reply;
  if (counts(c->due_ns)) {
    seen.samples = grow(seen.samples, seen.n_samples, &seen.cap_samples, sizeof *seen.samples);
    seen.samples[seen.n_samples++] = (sample){at - c->due_ns, (unsigned short)r->status, (unsigned short)c->kind};
  }
  if (r->status != 200 || at < now.begin) return;
  size_t stretch = ask.timeline_ns ? (at - now.begin) / ask.timeline_ns : seen.n_line;
  if (stretch < seen.n_line) seen.line[stretch]++;
  if (at >= now.end) return;
  seen.n_good++;
  seen.n_texts += ask.kinds[c->kind].n_texts;
  seen.n_tokens += reply_tokens(r);
}

static void answered(connection *c) {
  note_answer(c);
  now.n_asking--;
  c->state = IDLE;
  now.idle[now.n_idle++] = (unsigned)(c - now.all);
  if (c->reply.closes) hang_up(c);
}

static void receive(connection *c) {
  static char bytes[256 << 10];
  for (;;) {
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      if (c->state == ASKING && n == 0 && reply_end(&c->reply)) {
        answered(c);
      } else if (c->state == ASKING) {
        broke(c);
      } else {
        hang_up(c); /* the server closes idle connections: its right */
      }
      return;
    }
    seen.n_received += (uint64_t)n;
    reply_state was = c->state == ASKING ? reply_feed(&c->reply, bytes, (size_t)n) : REPLY_BROKEN;
    if (was == REPLY_BROKEN) {
      broke(c);
      return;
    }
    if (was == REPLY_DONE) {
      answered(c);
      return; /* nobody sends what was not asked for; an end of the connection comes with its own event */
    }
    if ((size_t)n < sizeof bytes) return; /* edge-triggered, and now empty */
  }
}

/* A connection to ask over, idle or new; NULL where there is none. */
static connection *take_connection(void) {
  if (now.n_idle) return &now.all[now.idle[--now.n_idle]];
  if (now.n_open >= ask.n_connections) return NULL;
  static unsigned at;
  while (now.all[at].state != NONE) at = (at + 1) % ask.n_connections;
  return open_connection(&now.all[at]) ? &now.all[at] : NULL;
}

/* --- the two loops' one */

static void draw_next_due(void) {
  double gap = (ask.even ? 1 : -log(draw_unit())) / ask.rate * 1e9;
  now.next_due += (uint64_t)gap;
}

static bool is_due(uint64_t at) { return ask.rate == 0 ? at < now.end : now.next_due <= at && now.next_due < now.end; }

/* Sends what is due. In the closed loop whoever is free asks; in the open one the schedule says when, and whoever is free, or is
 * free next, takes its next entry. */
static void send_due(void) {
  connection *c;
  for (uint64_t at = vecd_now_ns(); is_due(at) && (c = take_connection()); at = vecd_now_ns()) {
    start_request(c, ask.rate == 0 ? at : now.next_due);
    if (ask.rate > 0) draw_next_due();
  }
}

static void give_up_old(uint64_t at) {
  uint64_t patience = (uint64_t)(ask.patience * 1e9);
  for (unsigned i = 0; i < ask.n_connections; i++) {
    connection *c = &now.all[i];
    if (c->state != ASKING || at < c->due_ns + patience) continue;
    hang_up(c);
    seen.n_given_up++;
  }
}

static void handle(const struct epoll_event *event) {
  if (event->data.u32 == UINT32_MAX) {
    uint64_t ticks;
    ssize_t n = read(now.timer, &ticks, sizeof ticks);
    (void)n;
    return;
  }
  connection *c = &now.all[event->data.u32];
  if (c->state == ASKING && event->events & EPOLLOUT && !send_rest(c)) {
    broke(c);
    return;
  }
  if (c->state != NONE && event->events & ~(unsigned)EPOLLOUT) receive(c);
}

static void wait_until(uint64_t at) {
  static uint64_t armed;
  struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at / SECOND), .tv_nsec = (long)(at % SECOND)}};
  if (at != armed) timerfd_settime(now.timer, TFD_TIMER_ABSTIME, &when, NULL);
  armed = at;
  struct epoll_event events[256];
  int n = epoll_wait(now.epoll, events, 256, -1);
  for (int i = 0; i < n; i++) handle(&events[i]);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void run(void) {
  uint64_t start = vecd_now_ns(), scan = start + SCAN_NS;
  now.begin = start + (uint64_t)(ask.warm_up * 1e9);
  now.end = now.begin + (uint64_t)(ask.seconds * 1e9);
  now.next_due = start;
  if (ask.rate > 0) draw_next_due();
  uint64_t last = now.end + (uint64_t)(ask.drain * 1e9), at = start;
  while (at < now.end || ((now.n_asking || is_due(at)) && at < last)) {
    send_due();
    at = vecd_now_ns();
    if (at >= scan) {
      give_up_old(at);
      scan = at + SCAN_NS;
    }
    if (seen.n_broken > MOST_BROKEN || (seen.n_broken && !now.n_open && !seen.n_received))
      die("the server does not answer", NULL);
    uint64_t until = least(scan, at < now.end ? now.end : last);
    if (ask.rate > 0 && at < now.end && now.next_due > at) until = least(until, now.next_due);
    wait_until(until);
    at = vecd_now_ns();
  }
  send_due();
  at = vecd_now_ns();
  for (unsigned i = 0; i < ask.n_connections; i++) {
    connection *c = &now.all[i];
    if (c->state != ASKING) continue;
    seen.n_unfinished++;
    if (at - c->due_ns > seen.unfinished_ns) seen.unfinished_ns = at - c->due_ns;
  }
  for (; ask.rate > 0 && now.next_due < now.end; draw_next_due()) seen.n_unsent += counts(now.next_due);
}

/* --- what is said */

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The least of n values that are in order which `share` of them do not exceed, in milliseconds; 0 where n is 0. */
static double quantile_ms(const uint64_t *values, size_t n, double share) {
  size_t at = (size_t)ceil(share * (double)n);
  return n ? (double)values[at ? at - 1 : 0] / (double)MS : 0;
}

/* Of answers with that status to that kind of request; MOST_MIX is all. False: there are none. */
static bool print_status(unsigned status, unsigned of, uint64_t *room, const char *before) {
  size_t n = 0;
  for (size_t i = 0; i < seen.n_samples; i++)
    if (seen.samples[i].status == status && (of == MOST_MIX || seen.samples[i].kind == of)) room[n++] = seen.samples[i].ns;
  if (!n) return false;
  qsort(room, n, sizeof *room, by_size);
  printf("%s\"%u\":{\"n\":%zu,\"min_ms\":%.3f,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", before, status,
         n, quantile_ms(room, n, 0), quantile_ms(room, n, 0.5), quantile_ms(room, n, 0.95), quantile_ms(room, n, 0.99),
         quantile_ms(room, n, 1));
  return true;
}

static void print_statuses(unsigned of, uint64_t *room) {
  const char *before = "";
  printf("\"statuses\":{");
  for (unsigned status = 100; status < 600; status++)
    if (print_status(status, of, room, before)) before = ",";
  printf("}");
}

static void print_kinds(uint64_t *room) {
  printf(",\"mix\":[");
  for (unsigned i = 0; i < ask.n_kinds; i++) {
    const kind *k = &ask.kinds[i];
    printf("%s{\"texts\":%u,\"words\":%u,\"model\":\"%s\",", i ? "," : "", k->n_texts, k->n_words, k->model);
    print_statuses(i, room);
    printf("}");
  }
  printf("]");
}

static void print_report(double cpu_s) {
  uint64_t *room = vecd_alloc_array(VECD_MEM_MISC, seen.n_samples + 1, sizeof *room);
  if (!room) die("out of memory", NULL);
  printf("{\"loop\":\"%s\",\"connections\":%u,\"rate\":%g,\"seconds\":%g,", ask.rate > 0 ? "open" : "closed", ask.n_connections,
         ask.rate, ask.seconds);
  printf("\"good_per_s\":%.2f,\"texts_per_s\":%.2f,\"tokens_per_s\":%.1f,", (double)seen.n_good / ask.seconds,
         (double)seen.n_texts / ask.seconds, (double)seen.n_tokens / ask.seconds);
  print_statuses(MOST_MIX, room);
  if (ask.n_kinds > 1) print_kinds(room);
  printf(",\"broken\":%llu,\"given_up\":%llu,\"unsent\":%llu,\"unfinished\":%llu,\"unfinished_oldest_ms\":%.1f",
         (unsigned long long)seen.n_broken, (unsigned long long)seen.n_given_up, (unsigned long long)seen.n_unsent,
         (unsigned long long)seen.n_unfinished, (double)seen.unfinished_ns / (double)MS);
  if (seen.n_late) qsort(seen.late_ns, seen.n_late, sizeof *seen.late_ns, by_size);
  printf(",\"late_p99_ms\":%.3f,\"late_max_ms\":%.3f", quantile_ms(seen.late_ns, seen.n_late, 0.99),
         quantile_ms(seen.late_ns, seen.n_late, 1));
  printf(",\"received_bytes\":%llu,\"client_cpu_s\":%.3f", (unsigned long long)seen.n_received, cpu_s);
  if (ask.timeline_ns) {
    printf(",\"timeline_ms\":%llu,\"timeline\":[", (unsigned long long)(ask.timeline_ns / MS));
    for (size_t i = 0; i < seen.n_line; i++) printf("%s%u", i ? "," : "", seen.line[i]);
    printf("]");
  }
  printf("}\n");
  vecd_free(room);
}

/* --- flags */

static double number(const char *flag, const char *text, double from, double to) {
  char *end;
  double value = strtod(text, &end);
  if (*end || end == text || !(value >= from && value <= to)) die("a number out of range for", flag);
  return value;
}

static void parse_mix(char *list) {
  for (char *part = strtok(list, ","); part; part = strtok(NULL, ",")) {
    if (ask.n_kinds == MOST_MIX) die("too many kinds of requests", part);
    kind *k = &ask.kinds[ask.n_kinds++];
    int n = sscanf(part, "%lf:%u:%u:%255[A-Za-z0-9._/-]", &k->weight, &k->n_texts, &k->n_words, k->model);
    if (n < 3 || !(k->weight >= 0) || k->n_texts < 1 || k->n_texts > 100000 || k->n_words > 100000)
      die("want WEIGHT:TEXTS:WORDS[:MODEL]", part);
  }
}

static void parse_address(const char *text) {
  char host[64];
  unsigned port;
  ask.address.sin_family = AF_INET;
  if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 || inet_pton(AF_INET, host, &ask.address.sin_addr) != 1)
    die("want an address like 127.0.0.1:8080", text);
  ask.address.sin_port = htons((uint16_t)port);
}

static void parse(int argc, char **argv) {
  if (argc < 2 || argc % 2 != 0) die("want flags with a value each, then an address like 127.0.0.1:8080", NULL);
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *flag = argv[i], *value = argv[i + 1];
    if (strcmp(flag, "--connections") == 0)
      ask.n_connections = (unsigned)number(flag, value, 1, MOST_CONNECTIONS);
    else if (strcmp(flag, "--rate") == 0)
      ask.rate = number(flag, value, 1e-3, 1e6);
    else if (strcmp(flag, "--even") == 0)
      ask.even = number(flag, value, 0, 1) > 0;
    else if (strcmp(flag, "--seconds") == 0)
      ask.seconds = number(flag, value, 1e-3, 1e6);
    else if (strcmp(flag, "--warm-up") == 0)
      ask.warm_up = number(flag, value, 0, 1e6);
    else if (strcmp(flag, "--drain") == 0)
      ask.drain = number(flag, value, 0, 1e6);
    else if (strcmp(flag, "--patience") == 0)
      ask.patience = number(flag, value, 1e-3, 1e6);
    else if (strcmp(flag, "--timeline") == 0)
      ask.timeline_ns = (uint64_t)number(flag, value, 0, 1e6) * MS;
    else if (strcmp(flag, "--seed") == 0)
      ask.seed = (uint64_t)number(flag, value, 0, 1 << 19);
    else if (strcmp(flag, "--mix") == 0)
      parse_mix(argv[i + 1]);
    else
      die("no such flag", flag);
  }
  parse_address(argv[argc - 1]);
  if (!ask.n_connections) ask.n_connections = ask.rate > 0 ? 1024 : 1;
  if (!ask.n_kinds) ask.kinds[ask.n_kinds++] = (kind){.weight = 1, .n_texts = 1, .n_words = 10};
}

static void prepare(void) {
  now.epoll = epoll_create1(EPOLL_CLOEXEC);
  now.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
  if (now.epoll < 0 || now.timer < 0 || epoll_ctl(now.epoll, EPOLL_CTL_ADD, now.timer, &event))
    die("no epoll", strerror(errno));
  now.random = ask.seed * 2 + 1;
  now.all = vecd_alloc_zero(VECD_MEM_MISC, ask.n_connections, sizeof *now.all);
  now.idle = vecd_alloc_array(VECD_MEM_MISC, ask.n_connections, sizeof *now.idle);
  if (ask.timeline_ns) {
    seen.n_line = (size_t)((ask.seconds + ask.drain) * 1e9 / (double)ask.timeline_ns) + 1;
    seen.line = vecd_alloc_zero(VECD_MEM_MISC, seen.n_line, sizeof *seen.line);
  }
  if (!now.all || !now.idle || (ask.timeline_ns && !seen.line)) die("out of memory", NULL);
}

int main(int argc, char **argv) {
  parse(argc, argv);
  prepare();
  run();
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  print_report((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  return 0; /* the kernel closes and frees */
}
