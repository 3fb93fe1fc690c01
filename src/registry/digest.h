/* digest.h - what a file's bytes add up to, in the two ways the hub names files by: SHA-256 for those in large-file storage, and
 * git's name of a blob, SHA-1 over "blob <length>" and the bytes, for the others. OpenSSL computes both. */
#ifndef VECD_REGISTRY_DIGEST_H
#define VECD_REGISTRY_DIGEST_H

#include <stdbool.h>

#include "base/err.h"

typedef enum vecd_digest_kind { VECD_DIGEST_SHA256, VECD_DIGEST_GIT_BLOB } vecd_digest_kind;

#define VECD_DIGEST_HEX_BYTES 65 /* room for the longest, in hexadecimal, with its NUL */

/* Told now and then while a long file is read; false ends it. */
typedef bool vecd_digest_tick(void *ctx);

/* The digest of the first n_bytes of file fd, into hex in lower case. The file's offset is not moved. tick is nullable.
 * VECD_OK; VECD_IO the file cannot be read, or is shorter; VECD_CANCELLED tick said so; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_digest_file(vecd_digest_kind kind, int fd, uint64_t n_bytes, vecd_digest_tick *tick, void *ctx,
                                        char hex[VECD_DIGEST_HEX_BYTES], vecd_err *err);

#endif
