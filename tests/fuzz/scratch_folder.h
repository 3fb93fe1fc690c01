/* scratch_folder.h - the one folder a target lays its input's files into, in memory where there is such a place, and what holds of
 * every reader of a folder however it ends. For one .c file a program: its functions and the folder are static. */
#ifndef VECD_FUZZ_SCRATCH_FOLDER_H
#define VECD_FUZZ_SCRATCH_FOLDER_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

static char folder[64];
static int folder_fd = -1; /* negative: not made yet */

static inline void make_folder(void) {
  snprintf(folder, sizeof folder, "%s/vecd-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  vecd_assert(mkdtemp(folder));
  folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  vecd_assert(folder_fd >= 0);
}

/* A new file of the folder, or an old one emptied, to write to. */
static inline int open_to_write(const char *name) {
  int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  vecd_assert(fd >= 0);
  return fd;
}

static inline void put(const char *name, const void *bytes, size_t len) {
  int fd = open_to_write(name);
  vecd_assert(write(fd, bytes, len) == (ssize_t)len);
  close(fd);
}

/* Takes names[0 .. n-1] out of the folder, as far as they are there: files, or empty folders. */
static inline void remove_all(const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (unlinkat(folder_fd, names[i], 0) != 0) unlinkat(folder_fd, names[i], AT_REMOVEDIR);
}

/* The folder itself, which must be empty by now. */
static inline void remove_folder(void) {
  close(folder_fd);
  rmdir(folder);
}

/* What is left when a reader has given back all it opened: the error says what the status does, in UTF-8, and the memory is as
 * before. */
static inline void check_end(vecd_status s, const vecd_err *err, size_t bytes_before) {
  vecd_assert(s == err->code);
  vecd_assert(vecd_utf8_valid_prefix(err->text, strlen(err->text)) == strlen(err->text));
  vecd_assert(vecd_mem_total_bytes() == bytes_before);
}

#endif
