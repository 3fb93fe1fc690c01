/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapping_guard.h"

/* Opens a regular file for reading and gives its length. O_NONBLOCK keeps a FIFO put in a model folder from hanging us. */
static vecd_status open_regular(const char *path, int *fd, size_t *len, vecd_err *err) {
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0) {
    int e = errno;
    vecd_status code = e == ENOENT || e == ENOTDIR ? VECD_NOT_FOUND : VECD_IO;
    return vecd_err_set(err, code, VECD_NO_POS, "%s: cannot open: %s", path, strerror(e));
  }
  struct stat st;
  if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
    close(*fd);
    return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: not a regular file", path);
  }
  *len = (size_t)st.st_size;
  return VECD_OK;
}

vecd_status vecd_mapping_open(const char *path, vecd_mapping *out, vecd_err *err) {
  int fd;
  size_t len;
  vecd_status s = open_regular(path, &fd, &len, err);
  if (s) return s;
  *out = (vecd_mapping){NULL, 0};
  if (len > 0) {
    void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
      s = vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot map: %s", path, strerror(errno));
    else
      *out = (vecd_mapping){p, len};
    vecd_mapping_guard_add(out->ptr, out->len);
  }
  close(fd);
  return s;
}

void vecd_mapping_close(vecd_mapping *mapping) {
  if (mapping->ptr) {
    vecd_mapping_guard_remove(mapping->ptr);
    munmap((void *)(uintptr_t)mapping->ptr, mapping->len);
  }
  *mapping = (vecd_mapping){NULL, 0};
}

void vecd_mapping_drop(const vecd_mapping *mapping, size_t offset, size_t len) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t first = (offset + page - 1) / page * page, end = (offset + len) / page * page;
  if (end > first) (void)madvise((void *)(uintptr_t)(mapping->ptr + first), end - first, MADV_DONTNEED);
}

vecd_status vecd_file_read(const char *path, size_t most_bytes, vecd_buf *out, vecd_err *err) {
  int fd;
  size_t len;
  vecd_status s = open_regular(path, &fd, &len, err);
  if (s) return s;
  if (len > most_bytes) {
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: %zu bytes long, at most %zu are read", path, len, most_bytes);
    goto done;
  }
  size_t got = 0;
  for (;;) { /* to the end, though the file may have grown or shrunk since fstat */
    size_t room = got < len ? len - got : 1;
    if (!vecd_buf_reserve(out, room)) {
      s = vecd_err_no_memory(err, path, room);
      goto done;
    }
    ssize_t n = read(fd, out->ptr + out->len, room);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      s = vecd_err_set(err, VECD_IO, got, "%s: cannot read: %s", path, strerror(errno));
      goto done;
    }
    if (n == 0) break;
    got += (size_t)n;
    if (got > most_bytes) {
      s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: grew while it was read, beyond %zu bytes", path, most_bytes);
      goto done;
    }
    out->len += (size_t)n;
  }
done:
  close(fd);
  return s;
}

bool vecd_file_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool vecd_dir_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

vecd_status vecd_file_make_parents(char *path, vecd_err *err) {
  bool made = true;
  for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
    *p = '\0';
    made = mkdir(path, 0777) == 0 || errno == EEXIST;
    if (!made) vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot make this folder: %s", path, strerror(errno));
    *p = '/';
  }
  return made ? VECD_OK : VECD_IO; /* of a folder that exists mkdir may say other things; only the last word counts */
}
