/* log.c - formats into one buffer and writes it with one write(2), so lines of several threads do not mix. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

static struct {
  vecd_log_level level;
  bool json, set;
} settings = {VECD_LOG_INFO, false, false};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void vecd_log_setup(vecd_log_level level, bool json) {
  settings.level = level;
  settings.json = json;
  settings.set = true;
}

/* Foreign text in a message must not end the line, steer the terminal or break the encoding. */
static void make_printable(char *s, bool json) {
  size_t len = strlen(s), i;
  while ((i = vecd_utf8_valid_prefix(s, len)) < len) s[i] = '?';
  for (; *s && !json; s++)
    if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = '?';
}

/* Escapes what JSON needs escaped; drops what does not fit. */
static size_t put_json_string(char *out, size_t cap, const char *s) {
  size_t n = 0;
  for (; *s && n + 7 < cap; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\') {
      out[n++] = '\\';
      out[n++] = (char)c;
    } else if (c < 0x20) {
      n += (size_t)snprintf(out + n, cap - n, "\\u%04x", c);
    } else {
      out[n++] = (char)c;
    }
  }
  return n;
}

void vecd_log(vecd_log_level level, const char *fmt, ...) {
  if (!settings.set) vecd_log_setup(VECD_LOG_INFO, !isatty(STDERR_FILENO));
  if (level > settings.level) return;
  char text[1024], line[6 * sizeof text + 160], stamp[32]; /* a byte may take six: \u0000 */
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  make_printable(text, settings.json);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm tm;
  gmtime_r(&now.tv_sec, &tm);
  size_t k = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(stamp + k, sizeof stamp - k, ".%03dZ", (int)(now.tv_nsec / 1000000) % 1000);
  size_t n;
  if (settings.json) {
    n = (size_t)snprintf(line, sizeof line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", stamp, level_names[level]);
    n += put_json_string(line + n, sizeof line - n - 4, text);
    memcpy(line + n, "\"}\n", 3);
    n += 3;
  } else {
    n = (size_t)snprintf(line, sizeof line, "%s %-5s %s\n", stamp, level_names[level], text);
    if (n >= sizeof line) n = sizeof line - 1;
  }
  ssize_t ignored = write(STDERR_FILENO, line, n);
  (void)ignored;
}
