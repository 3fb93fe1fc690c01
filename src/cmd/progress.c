/* progress.c - see progress.h. */
#include "cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define EVERY_MS  100
#define BAR_WIDTH 30

void vecd_progress_begin(vecd_progress *p, bool wanted, uint64_t total_bytes) {
  *p = (vecd_progress){.is_on = wanted && isatty(STDERR_FILENO), .total_bytes = total_bytes};
  if (p->is_on) p->begun_ms = p->shown_ms = vecd_now_ms();
}

static int put_duration(char *out, size_t cap, double seconds) {
  if (seconds < 0) return snprintf(out, cap, "-:--");
  if (seconds > 359999) seconds = 359999; /* 99 h: more digits say no more */
  unsigned s = (unsigned)(seconds + 0.5);
  if (s >= 3600) return snprintf(out, cap, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
  return snprintf(out, cap, "%u:%02u", s / 60, s % 60);
}

void vecd_progress_draw(double part, const char *text, double seconds, bool is_last) {
  char line[400], bar[BAR_WIDTH + 1], time[32];
  struct winsize size;
  int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  put_duration(time, sizeof time, seconds);
  if (part >= 0) {
    if (part > 1) part = 1, seconds = is_last ? seconds : 0; /* the file may grow while it is read */
    size_t filled = (size_t)(part * BAR_WIDTH + 0.5);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    snprintf(line, sizeof line, "[%s] %3.0f%%  %.200s  %s %s", bar, part * 100, text, time, is_last ? "in all" : "left");
  } else {
    snprintf(line, sizeof line, "%.200s  %s", text, time);
  }
  const char *shown = line;
  if ((int)strlen(line) >= width && line[0] == '[') shown = strchr(line, ']') + 2; /* no room for the bar */
  fprintf(stderr, "\r%.*s\033[K%s", width > 1 ? width - 1 : 1, shown, is_last ? "\n" : "");
  fflush(stderr);
}

static void print_line(const vecd_progress *p, uint64_t done_bytes, uint64_t n_texts, bool is_last) {
  char text[80];
  double elapsed_s = (double)(vecd_now_ms() - p->begun_ms) / 1000.0;
  double rate = (double)n_texts / (elapsed_s > 0.001 ? elapsed_s : 0.001);
  double part = p->total_bytes ? (double)done_bytes / (double)p->total_bytes : -1;
  double left_s = is_last || part < 0 ? elapsed_s : part > 0 ? elapsed_s * (1 - part) / part : -1;
  snprintf(text, sizeof text, "%" PRIu64 " texts  %.0f/s", n_texts, rate);
  vecd_progress_draw(part, text, left_s, is_last);
}

void vecd_progress_update(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts) {
  if (!p->is_on) return;
  uint64_t now = vecd_now_ms();
  if (now - p->shown_ms < EVERY_MS) return;
  p->shown_ms = now;
  print_line(p, done_bytes, n_texts, false);
}

void vecd_progress_end(vecd_progress *p, uint64_t done_bytes, uint64_t n_texts) {
  if (p->is_on) print_line(p, done_bytes, n_texts, true);
  p->is_on = false;
}
