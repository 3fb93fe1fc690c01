/* hub_store.c - see hub_store.h. */
#include "registry/hub_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define WAIT_MS 100

/* "a/b/c" with a tail on the heap; b and tail may be "". */
static char *path_of(const char *a, const char *b, const char *c, const char *tail) {
  vecd_buf path = {.tag = VECD_MEM_MISC};
  vecd_buf_printf(&path, "%s%s%s/%s%s", a, *b ? "/" : "", b, c, tail);
  char *copy = path.failed ? NULL : vecd_strdup(VECD_MEM_MISC, vecd_buf_cstr(&path));
  vecd_buf_fini(&path);
  return copy;
}

static vecd_status fault(vecd_err *err, const char *path, const char *what) {
  return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: %s: %s", path, what, strerror(errno));
}

vecd_status vecd_hub_store_open(const char *root, const char *id, vecd_hub_store *out, vecd_err *err) {
  char *locks = path_of(root, ".locks", "", "");
  *out = (vecd_hub_store){vecd_hub_cache_folder(root, id), NULL};
  if (out->folder && locks) out->locks = path_of(root, ".locks", out->folder + strlen(root) + 1, "");
  vecd_free(locks);
  return out->locks ? VECD_OK : vecd_err_no_memory(err, "a path", strlen(root));
}

void vecd_hub_store_close(vecd_hub_store *store) {
  vecd_free(store->folder);
  vecd_free(store->locks);
  *store = (vecd_hub_store){NULL, NULL};
}

char *vecd_hub_store_snapshot(const vecd_hub_store *store, const char *commit) {
  return path_of(store->folder, "snapshots", commit, "");
}

char *vecd_hub_store_file(const vecd_hub_store *store, const char *commit, const char *name) {
  char *snapshot = vecd_hub_store_snapshot(store, commit), *path = snapshot ? path_of(snapshot, "", name, "") : NULL;
  vecd_free(snapshot);
  return path;
}

char *vecd_hub_store_blob(const vecd_hub_store *store, const char *etag) { return path_of(store->folder, "blobs", etag, ""); }

static char *partial_path(const vecd_hub_store *store, const char *etag) {
  return path_of(store->folder, "blobs", etag, ".incomplete");
}

/* A regular file, links followed, of that size. Frees path. */
static bool has(char *path, uint64_t size) {
  struct stat st;
  bool there = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (size == VECD_HUB_UNSAID || size == (uint64_t)st.st_size);
  vecd_free(path);
  return there;
}

bool vecd_hub_store_has_file(const vecd_hub_store *store, const char *commit, const char *name, uint64_t size) {
  return has(vecd_hub_store_file(store, commit, name), size);
}

bool vecd_hub_store_has_blob(const vecd_hub_store *store, const char *etag, uint64_t size) {
  return has(vecd_hub_store_blob(store, etag), size);
}

/* The folders without which other clients call the cache damaged. */
static vecd_status make_folders(const vecd_hub_store *store, vecd_err *err) {
  static const char *const names[] = {"blobs", "snapshots"};
  vecd_status s = VECD_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names && !s; i++) {
    char *path = path_of(store->folder, names[i], "", "");
    s = path ? vecd_file_make_parents(path, err) : vecd_err_no_memory(err, "a path", strlen(store->folder));
    vecd_free(path);
  }
  return s;
}

/* The lock is the name's file: who waited for one that was removed meanwhile holds nothing. */
static bool is_current(int fd, const char *path) {
  struct stat here, there;
  return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* *lock stays negative where another has it. */
static vecd_status try_lock(const char *path, int *lock, vecd_err *err) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
  if (fd < 0) return fault(err, path, "cannot open");
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(fd, path)) {
    *lock = fd;
    return VECD_OK;
  }
  vecd_status s = errno == EWOULDBLOCK || errno == EINTR || errno == 0 ? VECD_OK : fault(err, path, "cannot lock");
  close(fd);
  return s;
}

vecd_status vecd_hub_store_lock(const vecd_hub_store *store, const char *etag, vecd_hub_store_tick *tick, void *ctx, int *lock,
                                vecd_err *err) {
  char *path = path_of(store->locks, "", etag, ".lock");
  vecd_status s = path ? make_folders(store, err) : vecd_err_no_memory(err, "a path", strlen(store->locks));
  if (!s) s = vecd_file_make_parents(path, err);
  for (*lock = -1; !s && *lock < 0;) {
    errno = 0;
    s = try_lock(path, lock, err);
    if (s || *lock >= 0) break;
    const struct timespec wait = {0, WAIT_MS * 1000000};
    nanosleep(&wait, NULL);
    if (!tick(ctx)) s = vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "cancelled");
  }
  vecd_free(path);
  return s;
}

void vecd_hub_store_unlock(int lock) { close(lock); }

vecd_status vecd_hub_store_check_space(const vecd_hub_store *store, uint64_t n_bytes, vecd_err *err) {
  struct statvfs fs;
  char *path = path_of(store->folder, "blobs", "", "");
  if (!path) return vecd_err_no_memory(err, "a path", strlen(store->folder));
  vecd_status s = vecd_file_make_parents(path, err);
  if (!s && statvfs(path, &fs) == 0) { /* where it cannot be known, writing will tell */
    double free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
    if (free_bytes < (double)n_bytes)
      s = vecd_err_set(err, VECD_IO, VECD_NO_POS,
                       "%s: %.1f MB are to be downloaded, %.1f MB are free; make room, or set HF_HUB_CACHE to another disk",
                       store->folder, (double)n_bytes / 1e6, free_bytes / 1e6);
  }
  vecd_free(path);
  return s;
}

vecd_status vecd_hub_store_open_partial(const vecd_hub_store *store, const char *etag, int *fd, uint64_t *n_bytes,
                                        vecd_err *err) {
  struct stat st;
  char *path = partial_path(store, etag);
  if (!path) return vecd_err_no_memory(err, "a path", strlen(store->folder));
  vecd_status s = VECD_OK;
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (*fd < 0)
    s = fault(err, path, "cannot open");
  else if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
    s = vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: not a regular file; remove it", path);
  else
    *n_bytes = (uint64_t)st.st_size;
  if (s && *fd >= 0) close(*fd);
  vecd_free(path);
  return s;
}

uint64_t vecd_hub_store_partial_bytes(const vecd_hub_store *store, const char *etag) {
  struct stat st;
  char *path = partial_path(store, etag);
  uint64_t n = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
  vecd_free(path);
  return n;
}

void vecd_hub_store_drop_partial(const vecd_hub_store *store, const char *etag) {
  char *path = partial_path(store, etag);
  if (path) (void)unlink(path);
  vecd_free(path);
}

vecd_status vecd_hub_store_publish(const vecd_hub_store *store, const char *etag, int fd, vecd_err *err) {
  char *from = partial_path(store, etag), *to = vecd_hub_store_blob(store, etag);
  vecd_status s = from && to ? VECD_OK : vecd_err_no_memory(err, "a path", strlen(store->folder));
  if (!s && fsync(fd) != 0) s = fault(err, from, "cannot write");
  if (!s && rename(from, to) != 0) s = fault(err, to, "cannot rename the downloaded file to this");
  vecd_free(from);
  vecd_free(to);
  return s;
}

/* A name beside `path` that nobody else uses. */
static char *temporary(const char *path) {
  static atomic_uint count;
  char tail[48];
  snprintf(tail, sizeof tail, ".%ld-%u.tmp", (long)getpid(), atomic_fetch_add(&count, 1));
  const char *slash = strrchr(path, '/');
  char *dir = vecd_strndup(VECD_MEM_MISC, path, (size_t)(slash - path));
  char *copy = dir ? path_of(dir, "", slash + 1, tail) : NULL;
  vecd_free(dir);
  return copy;
}

vecd_status vecd_hub_store_link(const vecd_hub_store *store, const char *commit, const char *name, const char *etag,
                                vecd_err *err) {
  vecd_buf target = {.tag = VECD_MEM_MISC};
  for (const char *p = name; (p = strchr(p, '/')); p++) vecd_buf_append_str(&target, "../");
  vecd_buf_printf(&target, "../../blobs/%s", etag);
  char *path = vecd_hub_store_file(store, commit, name), *made = path ? temporary(path) : NULL;
  vecd_status s =
      made && !target.failed ? vecd_file_make_parents(path, err) : vecd_err_no_memory(err, "a path", strlen(store->folder));
  if (!s) {
    (void)unlink(made); /* of a process with our number that is gone */
    if (symlink(vecd_buf_cstr(&target), made) != 0)
      s = fault(err, path, "cannot make this link");
    else if (rename(made, path) != 0) {
      s = fault(err, path, "cannot make this link");
      (void)unlink(made);
    }
  }
  vecd_buf_fini(&target);
  vecd_free(made);
  vecd_free(path);
  return s;
}

static vecd_status write_whole(const char *path, const char *made, const char *text, vecd_err *err) {
  int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return fault(err, path, "cannot write");
  size_t len = strlen(text);
  errno = ENOSPC; /* what a short write means */
  bool good = write(fd, text, len) == (ssize_t)len;
  if (close(fd) != 0) good = false;
  if (good && rename(made, path) == 0) return VECD_OK;
  vecd_status s = fault(err, path, "cannot write");
  (void)unlink(made);
  return s;
}

vecd_status vecd_hub_store_set_ref(const vecd_hub_store *store, const char *revision, const char *commit, vecd_err *err) {
  if (strcmp(revision, commit) == 0) return VECD_OK;
  char *path = path_of(store->folder, "refs", revision, ""), *made = path ? temporary(path) : NULL;
  vecd_buf old = {.tag = VECD_MEM_MISC};
  vecd_status s = made ? VECD_OK : vecd_err_no_memory(err, "a path", strlen(store->folder));
  bool same = !s && vecd_file_read(path, 1024, &old, NULL) == VECD_OK &&
              vecd_span_eq((vecd_span){old.ptr, old.len}, vecd_span_of(commit));
  if (!s && !same) s = vecd_file_make_parents(path, err);
  if (!s && !same) s = write_whole(path, made, commit, err);
  vecd_buf_fini(&old);
  vecd_free(made);
  vecd_free(path);
  return s;
}
