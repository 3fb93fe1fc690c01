/* log.c - formats into one buffer and writes it with one write(2), so lines of several threads do not mix. Nothing is allocated:
 * that memory is out must still be told. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

#define MESSAGE_BYTES 1024
#define FIELD_BYTES   256

/* A byte may take six as \u0000. Fields that do not fit are left out. */
typedef struct line {
  char text[6 * MESSAGE_BYTES + 8192];
  size_t n;
} line;

static struct {
  atomic_int level;
  atomic_bool json, set;
} settings = {VECD_LOG_INFO, false, false};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void vecd_log_setup(vecd_log_level level, bool json) {
  settings.level = (int)level;
  settings.json = json;
  settings.set = true;
}

bool vecd_log_enabled(vecd_log_level level) {
  if (!settings.set) vecd_log_setup(VECD_LOG_INFO, !isatty(STDERR_FILENO));
  return (int)level <= settings.level;
}

/* Foreign text must not end the line, steer the terminal or break the encoding. */
static void make_printable(char *s) {
  size_t len = strlen(s), i;
  while ((i = vecd_utf8_valid_prefix(s, len)) < len) s[i] = '?';
  for (; *s && !settings.json; s++)
    if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = '?';
}

static void put(line *l, const char *s) {
  size_t n = strlen(s);
  memcpy(l->text + l->n, s, n);
  l->n += n;
}

static void put_quoted(line *l, const char *s) {
  put(l, "\"");
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c < 0x20) {
      l->n += (size_t)snprintf(l->text + l->n, 7, "\\u%04x", c);
      continue;
    }
    if (c == '"' || c == '\\') l->text[l->n++] = '\\';
    l->text[l->n++] = (char)c;
  }
  put(l, "\"");
}

static void put_value(line *l, const vecd_log_field *f) {
  char text[FIELD_BYTES];
  switch (f->kind) {
  case VECD_LOG_UINT: snprintf(text, sizeof text, "%" PRIu64, f->uint); break;
  case VECD_LOG_MS: snprintf(text, sizeof text, "%.3f", f->ms); break;
  default:
    snprintf(text, sizeof text, "%s", f->text);
    make_printable(text);
    if (settings.json || strpbrk(text, " \"\\=")) {
      put_quoted(l, text);
      return;
    }
  }
  put(l, text);
}

static void put_field(line *l, const vecd_log_field *f) {
  if (f->kind == VECD_LOG_TEXT && (!f->text || !*f->text)) return;
  if (l->n + strlen(f->name) + 6 * FIELD_BYTES + 16 > sizeof l->text) return;
  put(l, settings.json ? ",\"" : " ");
  put(l, f->name);
  put(l, settings.json ? "\":" : "=");
  put_value(l, f);
}

static void put_time(line *l) {
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  l->n += strftime(l->text + l->n, 32, "%Y-%m-%dT%H:%M:%S", &tm);
  l->n += (size_t)snprintf(l->text + l->n, 8, ".%03dZ", (int)(now.tv_nsec / 1000000) % 1000);
}

static void write_line(vecd_log_level level, const vecd_log_field *fields, size_t n_fields, const char *fmt, va_list args) {
  char message[MESSAGE_BYTES];
  line l;
  l.n = 0;
  vsnprintf(message, sizeof message, fmt, args);
  make_printable(message);
  if (settings.json) put(&l, "{\"time\":\"");
  put_time(&l);
  if (settings.json) {
    put(&l, "\",\"level\":\"");
    put(&l, level_names[level]);
    put(&l, "\",\"message\":");
    put_quoted(&l, message);
  } else {
    l.n += (size_t)snprintf(l.text + l.n, 8, " %-5s ", level_names[level]);
    put(&l, message);
  }
  for (size_t i = 0; i < n_fields; i++) put_field(&l, &fields[i]);
  put(&l, settings.json ? "}\n" : "\n");
  ssize_t ignored = write(STDERR_FILENO, l.text, l.n);
  (void)ignored;
}

void vecd_log(vecd_log_level level, const char *fmt, ...) {
  va_list args;
  if (!vecd_log_enabled(level)) return;
  va_start(args, fmt);
  write_line(level, NULL, 0, fmt, args);
  va_end(args);
}

void vecd_log_with(vecd_log_level level, const vecd_log_field *fields, size_t n_fields, const char *fmt, ...) {
  va_list args;
  if (!vecd_log_enabled(level)) return;
  va_start(args, fmt);
  write_line(level, fields, n_fields, fmt, args);
  va_end(args);
}
