/* file.h - files read whole or mapped. Nothing is allocated on a file's own say-so beyond `most_bytes`. */
#ifndef VECD_BASE_FILE_H
#define VECD_BASE_FILE_H

#include "base/buf.h"

/* A read-only mapping of a whole regular file. */
typedef struct vecd_mapping {
  const unsigned char *ptr; /* NULL when len is 0 */
  size_t len;
} vecd_mapping;

/* Maps `path`. VECD_OK; VECD_NOT_FOUND; VECD_IO (not a regular file, no permission, ...). Undo with vecd_mapping_close(). */
VECD_CHECK vecd_status vecd_mapping_open(const char *path, vecd_mapping *out, vecd_err *err);

/* Unmaps; a zeroed mapping is legal. */
void vecd_mapping_close(vecd_mapping *mapping);

/* Lets the kernel take back the pages that lie wholly inside [offset, offset + len) until they are touched again. */
void vecd_mapping_drop(const vecd_mapping *mapping, size_t offset, size_t len);

/* Appends the file's content to out. VECD_OK; VECD_NOT_FOUND; VECD_IO; VECD_BAD_MODEL longer than most_bytes; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_file_read(const char *path, size_t most_bytes, vecd_buf *out, vecd_err *err);

/* True when path names an existing regular file (links followed) / directory. */
bool vecd_file_exists(const char *path);
bool vecd_dir_exists(const char *path);

/* Makes the folders that `path` lies in; it is changed meanwhile and put back. VECD_OK; VECD_IO (errno says why). */
VECD_CHECK vecd_status vecd_file_make_parents(char *path, vecd_err *err);

#endif
