/* digest.c - see digest.h. */
#include "registry/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "registry/library.h"

#define LIBCRYPTO(X) \
  X(EVP_MD_CTX_new) X(EVP_MD_CTX_free) X(EVP_DigestInit_ex) X(EVP_DigestUpdate) X(EVP_DigestFinal_ex) X(EVP_sha1) X(EVP_sha256)

static struct {
#define X(name) __typeof__(name) *name;
  LIBCRYPTO(X)
#undef X
} crypto;
static vecd_status crypto_status;
static vecd_err crypto_err;

static void open_crypto(void) {
#define X(name) {#name, &crypto.name},
  static const vecd_library_symbol symbols[] = {LIBCRYPTO(X)};
#undef X
  crypto_status = vecd_library_open("libcrypto.so.3", "libssl3", symbols, sizeof symbols / sizeof *symbols, &crypto_err);
}

#define CHUNK_BYTES ((size_t)1 << 20)

static vecd_status add_file(EVP_MD_CTX *md, int fd, uint64_t n_bytes, char *chunk, vecd_digest_tick *tick, void *ctx,
                            vecd_err *err) {
  for (uint64_t at = 0; at < n_bytes;) {
    size_t want = n_bytes - at < CHUNK_BYTES ? (size_t)(n_bytes - at) : CHUNK_BYTES;
    ssize_t n = pread(fd, chunk, want, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot read back what was downloaded: %s", strerror(errno));
    if (n == 0) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%" PRIu64 " bytes long, must be %" PRIu64, at, n_bytes);
    if (!crypto.EVP_DigestUpdate(md, chunk, (size_t)n)) return vecd_err_no_memory(err, "a digest", CHUNK_BYTES);
    at += (uint64_t)n;
    if (tick && !tick(ctx)) return vecd_err_set(err, VECD_CANCELLED, VECD_NO_POS, "cancelled");
  }
  return VECD_OK;
}

vecd_status vecd_digest_file(vecd_digest_kind kind, int fd, uint64_t n_bytes, vecd_digest_tick *tick, void *ctx,
                             char hex[VECD_DIGEST_HEX_BYTES], vecd_err *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_crypto);
  if (crypto_status) {
    if (err) *err = crypto_err;
    return crypto_status;
  }
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned n_sum = 0;
  bool git = kind == VECD_DIGEST_GIT_BLOB;
  EVP_MD_CTX *md = crypto.EVP_MD_CTX_new();
  char *chunk = vecd_alloc(VECD_MEM_MISC, CHUNK_BYTES);
  vecd_status s = VECD_OK;
  if (!md || !chunk || !crypto.EVP_DigestInit_ex(md, git ? crypto.EVP_sha1() : crypto.EVP_sha256(), NULL))
    s = vecd_err_no_memory(err, "a digest", CHUNK_BYTES);
  if (!s && git) {
    char head[32];
    int n = snprintf(head, sizeof head, "blob %" PRIu64, n_bytes);
    if (!crypto.EVP_DigestUpdate(md, head, (size_t)n + 1)) s = vecd_err_no_memory(err, "a digest", sizeof head);
  }
  if (!s) s = add_file(md, fd, n_bytes, chunk, tick, ctx, err);
  if (!s && !crypto.EVP_DigestFinal_ex(md, sum, &n_sum)) s = vecd_err_no_memory(err, "a digest", sizeof sum);
  if (!s)
    for (unsigned i = 0; i < n_sum; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
  vecd_free(chunk);
  crypto.EVP_MD_CTX_free(md);
  return s;
}
