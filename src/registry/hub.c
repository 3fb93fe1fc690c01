/* hub.c - see hub.h. The order of things: the list of files; modules.json and the index of shards, which say what else is wanted;
 * what is known of each file, so that there is room for all before the first large one; the files; the links; the ref. */
#include "registry/hub.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "registry/digest.h"
#include "registry/hub_client.h"
#include "registry/hub_plan.h"
#include "registry/hub_store.h"

#define TOLD_EVERY_MS   100
#define MOST_JSON_BYTES ((size_t)64 << 20) /* the index of a model of many shards has a few MB */

/* One file of the model. */
typedef struct item {
  const vecd_hub_entry *entry;
  char etag[VECD_HUB_ETAG_BYTES]; /* "": not asked for */
  uint64_t n_bytes;               /* with etag */
  bool is_linked;                 /* the snapshot had it before */
  bool is_here;                   /* the blob is there, or the link */
} item;

typedef struct pull {
  const vecd_hub_options *options;
  const char *id;
  vecd_hub_store store;
  vecd_hub_client *client;
  vecd_hub_listing listing;
  vecd_hub_plan plan;
  item *items; /* [n_items] */
  size_t n_items;

  vecd_hub_progress_fn *progress;
  void *ctx;
  vecd_hub_progress told;
  uint64_t before_bytes; /* of the files that are done */
  uint64_t at, last_at;  /* bytes of the file under way, now and when last looked at */
  uint64_t received, begun_ms, told_ms;
  bool is_waiting; /* for another's lock, and has said so */
} pull;

/* --- telling */

static void count(pull *p) {
  if (p->at > p->last_at) {
    if (!p->received) p->begun_ms = vecd_now_ms();
    p->received += p->at - p->last_at;
  }
  p->last_at = p->at;
}

static bool tell(pull *p) {
  if (!p->progress) return true;
  count(p);
  p->told_ms = vecd_now_ms();
  p->told.done_bytes = p->before_bytes + p->at;
  if (p->received && p->told_ms > p->begun_ms)
    p->told.bytes_per_s = (double)p->received * 1000.0 / (double)(p->told_ms - p->begun_ms);
  bool go_on = p->progress(p->ctx, &p->told);
  p->told.note = NULL;
  p->told.is_file_done = false;
  return go_on;
}

static bool on_tick(void *ctx) {
  pull *p = ctx;
  return vecd_now_ms() - p->told_ms < TOLD_EVERY_MS || tell(p);
}

static void on_note(void *ctx, const char *line) {
  pull *p = ctx;
  p->told.note = line;
  (void)tell(p); /* who wants to cancel is asked again */
}

/* Another has the file's lock. */
static bool on_wait(void *ctx) {
  pull *p = ctx;
  char line[VECD_HUB_ID_BYTES + 300];
  snprintf(line, sizeof line, "%s: %s: another pull is at it, waiting", p->id, p->told.file);
  if (!p->is_waiting) p->told.note = line;
  p->is_waiting = true;
  return tell(p);
}

/* --- one file */

/* The file's item, which lives until the next new one; NULL: memory is out. */
static item *item_of(pull *p, const vecd_hub_entry *entry, vecd_err *err) {
  for (size_t i = 0; i < p->n_items; i++)
    if (p->items[i].entry == entry) return &p->items[i];
  item *grown = vecd_realloc(VECD_MEM_MISC, p->items, (p->n_items + 1) * sizeof *grown);
  if (!grown) {
    vecd_err_no_memory(err, "the list of files", (p->n_items + 1) * sizeof *grown);
    return NULL;
  }
  bool linked = vecd_hub_store_has_file(&p->store, p->listing.commit, entry->name, entry->size);
  p->items = grown;
  grown[p->n_items] = (item){.entry = entry, .is_linked = linked, .is_here = linked};
  return &grown[p->n_items++];
}

/* Asks what the hub says of a file that is not there. */
static vecd_status look_up(pull *p, item *f, vecd_err *err) {
  if (f->is_here || f->etag[0]) return VECD_OK;
  vecd_hub_reply reply;
  vecd_status s = vecd_hub_client_head(p->client, p->listing.commit, f->entry->name, &reply, err);
  if (s) return s;
  f->n_bytes = reply.length != VECD_HUB_UNSAID ? reply.length : f->entry->size;
  if (f->n_bytes == VECD_HUB_UNSAID)
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: the hub does not say how long %s is", p->id, f->entry->name);
  memcpy(f->etag, reply.etag, sizeof f->etag);
  f->is_here = vecd_hub_store_has_blob(&p->store, f->etag, f->n_bytes);
  return VECD_OK;
}

/* Compares with the hash the file goes by; an ETag of another kind says nothing of the bytes. */
static vecd_status check(pull *p, const item *f, int fd, bool *good, vecd_err *err) {
  char hex[VECD_DIGEST_HEX_BYTES];
  const char *wanted = strlen(f->etag) == 64 ? f->etag : f->entry->sha256;
  vecd_digest_kind kind = VECD_DIGEST_SHA256;
  if (strcmp(f->etag, f->entry->git_sha) == 0) {
    wanted = f->etag;
    kind = VECD_DIGEST_GIT_BLOB;
  }
  *good = true;
  if (strspn(wanted, "0123456789abcdef") < 40) return VECD_OK;
  vecd_status s = vecd_digest_file(kind, fd, f->n_bytes, on_tick, p, hex, err);
  *good = s || strcmp(hex, wanted) == 0;
  if (s) return vecd_err_context(err, s, "%s: %s", p->id, f->entry->name);
  if (!*good)
    vecd_err_set(err, VECD_IO, VECD_NO_POS,
                 "%s: %s: its hash is %s and must be %s: what came is damaged, nothing of it is kept", p->id, f->entry->name,
                 hex, wanted);
  return VECD_OK;
}

static vecd_status start_anew(pull *p, const item *f, int fd, vecd_err *err) {
  p->at = p->last_at = 0;
  if (ftruncate(fd, 0) == 0) return VECD_OK;
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s: cannot be emptied: %s", p->id, f->entry->name, strerror(errno));
}

/* Downloads into the partial file, whose lock is held. One that turns out wrong is fetched anew, once: the beginning that was there
 * may have been another's. */
static vecd_status fetch(pull *p, const item *f, int fd, vecd_err *err) {
  vecd_status s = VECD_OK;
  bool good = false;
  for (int tries = 0; !s && !good && tries < 2; tries++) {
    if (tries > 0 || p->at > f->n_bytes) s = start_anew(p, f, fd, err);
    if (!s) s = vecd_hub_client_get(p->client, p->listing.commit, f->entry->name, fd, f->n_bytes, &p->at, err);
    if (!s) s = check(p, f, fd, &good, err);
  }
  /* A part that can never become whole would only keep the disk full. */
  bool hopeless = s == VECD_IO && vecd_hub_store_check_space(&p->store, f->n_bytes - p->at, NULL);
  if (hopeless || (!s && !good)) vecd_hub_store_drop_partial(&p->store, f->etag);
  if (s || !good) return s ? s : VECD_IO;
  return vecd_hub_store_publish(&p->store, f->etag, fd, err);
}

/* Sees to it that the file's blob is there. */
static vecd_status obtain(pull *p, item *f, vecd_err *err) {
  int lock, fd;
  vecd_status s = look_up(p, f, err);
  if (s || f->is_here) return s;
  p->told.file = f->entry->name;
  p->is_waiting = false;
  s = vecd_hub_store_lock(&p->store, f->etag, on_wait, p, &lock, err);
  if (s) return s;
  if (!vecd_hub_store_has_blob(&p->store, f->etag, f->n_bytes)) { /* nobody was quicker */
    s = vecd_hub_store_open_partial(&p->store, f->etag, &fd, &p->at, err);
    p->last_at = p->at;
    if (!s) {
      s = fetch(p, f, fd, err);
      close(fd);
    }
  }
  vecd_hub_store_unlock(lock);
  count(p);
  p->at = p->last_at = 0;
  if (s) return s;
  f->is_here = true;
  p->before_bytes += f->n_bytes;
  p->told.is_file_done = true;
  (void)tell(p);
  return VECD_OK;
}

/* Gets one of the files that say which others are wanted. */
static vecd_status read_json(pull *p, const vecd_hub_entry *entry, json_t **out, vecd_err *err) {
  item *f = item_of(p, entry, err);
  vecd_status s = f ? look_up(p, f, err) : VECD_NO_MEMORY;
  if (!s && f->etag[0] && f->n_bytes > MOST_JSON_BYTES)
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %s is over %zu bytes long", p->id, entry->name, MOST_JSON_BYTES);
  if (!s) s = obtain(p, f, err);
  if (s) return s;
  char *path =
      f->is_linked ? vecd_hub_store_file(&p->store, p->listing.commit, entry->name) : vecd_hub_store_blob(&p->store, f->etag);
  s = path ? vecd_json_read(path, MOST_JSON_BYTES, out, err) : vecd_err_no_memory(err, "a path", strlen(entry->name));
  vecd_free(path);
  return s;
}

/* --- all of them */

static vecd_status make_plan(pull *p, vecd_err *err) {
  const vecd_hub_entry *entry = vecd_hub_listing_find(&p->listing, "modules.json");
  json_t *modules = NULL, *index = NULL;
  vecd_status s = entry ? read_json(p, entry, &modules, err) : VECD_OK;
  if (!s) s = vecd_hub_plan_make(p->id, &p->listing, modules, &p->plan, err);
  if (!s && p->plan.index) {
    s = read_json(p, p->plan.index, &index, err);
    if (!s) s = vecd_hub_plan_add_shards(p->id, &p->listing, index, &p->plan, err);
  }
  json_decref(modules);
  json_decref(index);
  return s;
}

/* The files in the order of downloading. */
static const vecd_hub_entry *planned(const pull *p, size_t i) {
  return i < p->plan.n_small ? p->plan.small[i] : p->plan.large[i - p->plan.n_small];
}

/* Puts the items into the order of downloading and learns of each what it is; what is to come must have room. */
static vecd_status look_up_all(pull *p, vecd_err *err) {
  uint64_t missing = 0;
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < p->plan.n_small + p->plan.n_large && !s; i++) {
    item *f = item_of(p, planned(p, i), err);
    s = !f           ? VECD_NO_MEMORY
        : on_tick(p) ? look_up(p, f, err)
                     : vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "%s: cancelled", p->id);
  }
  for (size_t i = 0; i < p->n_items && !s; i++) {
    const item *f = &p->items[i];
    if (f->is_here) continue;
    uint64_t part = vecd_hub_store_partial_bytes(&p->store, f->etag);
    missing += f->n_bytes - (part < f->n_bytes ? part : f->n_bytes);
    p->told.total_bytes += f->n_bytes;
  }
  p->told.total_bytes += p->before_bytes;
  return !s && missing ? vecd_hub_store_check_space(&p->store, missing, err) : s;
}

/* The weights first and config.json last: what has a config.json is taken for a model. */
static vecd_status link_all(pull *p, vecd_err *err) {
  vecd_status s = VECD_OK;
  for (size_t n = p->plan.n_small + p->plan.n_large; n-- > 0 && !s;) {
    const item *f = item_of(p, planned(p, n), err);
    if (!f) return VECD_NO_MEMORY;
    if (!f->is_linked) s = vecd_hub_store_link(&p->store, p->listing.commit, f->entry->name, f->etag, err);
  }
  return s;
}

static vecd_status pull_online(pull *p, const char *revision, char **path, vecd_err *err) {
  vecd_hub_watch watch = {on_tick, on_note, p};
  vecd_status s = vecd_hub_client_new(p->options, p->id, &watch, &p->client, err);
  if (!s) s = vecd_hub_store_open(p->options->cache, p->id, &p->store, err);
  if (!s) s = vecd_hub_client_list(p->client, revision, &p->listing, err);
  if (!s) s = make_plan(p, err);
  if (!s) s = look_up_all(p, err);
  for (size_t i = 0; i < p->n_items && !s; i++) s = obtain(p, &p->items[i], err);
  if (!s) s = link_all(p, err);
  if (!s) s = vecd_hub_store_set_ref(&p->store, revision, p->listing.commit, err);
  if (s) return s;
  *path = vecd_hub_store_snapshot(&p->store, p->listing.commit);
  return *path ? VECD_OK : vecd_err_no_memory(err, "a path", strlen(p->store.folder));
}

static vecd_status pull_offline(const pull *p, const char *revision, char **path, vecd_err *err) {
  vecd_err why;
  vecd_status s = vecd_hub_cache_find(p->options->cache, p->id, revision, path, &why);
  if (s != VECD_NOT_FOUND) {
    if (s && err) *err = why;
    return s;
  }
  return vecd_err_set(err, s, VECD_NO_POS, "%s: revision %s is not in %s, and HF_HUB_OFFLINE forbids asking for it", p->id,
                      revision, p->options->cache);
}

vecd_status vecd_hub_pull(const vecd_hub_options *options, const char *id, const char *revision, vecd_hub_progress_fn *progress,
                          void *ctx, char **path, vecd_err *err) {
  pull p = {.options = options, .id = id, .progress = progress, .ctx = ctx, .told.file = ""};
  if (!revision) revision = VECD_HUB_MAIN;
  if (!vecd_hub_id_is_valid(vecd_span_of(id)))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%.200s: not the name of a repository, which is like org/name",
                        id);
  if (!vecd_hub_revision_is_valid(vecd_span_of(revision)))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s: \"%.100s\" cannot be a revision", id, revision);
  vecd_status s = options->offline ? pull_offline(&p, revision, path, err) : pull_online(&p, revision, path, err);
  vecd_hub_client_free(&p.client);
  vecd_hub_store_close(&p.store);
  vecd_hub_plan_fini(&p.plan);
  vecd_hub_listing_fini(&p.listing);
  vecd_free(p.items);
  return s;
}
