/* cmd_pull.c - a model from the hub: the folder on stdout, how far it is on stderr: a line that moves on a terminal, a line a file
 * in a pipe. */
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "model/folder_facts.h"
#include "registry/hub.h"
#include "registry/hub_cache.h"
#include "registry/registry.h"

typedef struct watcher {
  bool is_terminal, has_drawn;
  uint64_t begun_ms;
  vecd_hub_progress last;
} watcher;

static void draw(const watcher *w, bool is_last) {
  const vecd_hub_progress *p = &w->last;
  char text[200];
  double seconds = (double)(vecd_now_ms() - w->begun_ms) / 1000.0;
  if (!is_last) seconds = p->bytes_per_s > 0 ? (double)(p->total_bytes - p->done_bytes) / p->bytes_per_s : -1;
  snprintf(text, sizeof text, "%.1f of %.1f MB  %.1f MB/s  %.60s", (double)p->done_bytes / 1e6, (double)p->total_bytes / 1e6,
           p->bytes_per_s / 1e6, is_last ? "" : p->file);
  vecd_progress_draw((double)p->done_bytes / (double)p->total_bytes, text, seconds, is_last);
}

static bool on_progress(void *ctx, const vecd_hub_progress *p) {
  watcher *w = ctx;
  w->last = *p;
  if (p->note) fprintf(stderr, "%s%s\n", w->has_drawn ? "\r\033[K" : "", p->note);
  if (p->is_file_done && !w->is_terminal) fprintf(stderr, "%s\n", p->file);
  if (w->is_terminal && p->total_bytes && p->done_bytes <= p->total_bytes) {
    draw(w, false);
    w->has_drawn = true;
  }
  return !vecd_interrupted();
}

/* What vecd cannot open is better known now than when a server is asked for it. */
static vecd_status check_folder(const char *path, vecd_err *err) {
  vecd_folder_facts facts;
  vecd_status s = vecd_folder_facts_read(path, &facts, NULL, err);
  return s ? vecd_err_context(err, s, "it is here now, but vecd cannot use it") : VECD_OK;
}

/* What the hub calls the model: of one in the catalogue what its row says, into `room`, else what it was asked for by. */
static vecd_status name_repository(const vecd_settings *settings, char room[VECD_HUB_ID_BYTES], const char **out,
                                   vecd_err *err) {
  vecd_registry *registry = NULL;
  vecd_status s = vecd_registry_new(settings->models, &registry, err);
  if (s) return s;
  vecd_catalogue *catalogue = vecd_registry_catalogue(registry);
  const vecd_catalogue_row *row = vecd_catalogue_get(catalogue, settings->args[0]);
  *out = settings->args[0];
  if (row && row->hf_path)
    *out = strcpy(room, row->hf_path);
  else if (row)
    s = vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: its row in the catalogue has no hf_path to get it from", row->id);
  vecd_catalogue_unpin(&catalogue);
  vecd_registry_free(&registry);
  return s;
}

int vecd_cmd_pull(const vecd_settings *settings) {
  watcher w = {.is_terminal = isatty(STDERR_FILENO), .begun_ms = vecd_now_ms()};
  vecd_hub_options options;
  char *path = NULL, room[VECD_HUB_ID_BYTES];
  const char *repository = NULL;
  vecd_err err;
  signal(SIGXFSZ, SIG_IGN); /* a file over the limit is an error like a full disk */
  vecd_interrupt_catch();
  vecd_status s = vecd_hub_options_read(&options, &err);
  if (!s) s = name_repository(settings, room, &repository, &err);
  if (!s) s = vecd_hub_pull(&options, repository, settings->revision, on_progress, &w, &path, &err);
  if (w.has_drawn && s) fputc('\n', stderr);
  if (w.has_drawn && !s) draw(&w, true);
  if (path) printf("%s\n", path);
  if (!s) s = check_folder(path, &err);
  vecd_free(path);
  vecd_hub_options_fini(&options);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
