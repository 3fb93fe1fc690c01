/* keys.h - secrets that let a request in, given with the settings or in a file that may be read again.
 *
 * How long a look-up takes tells nothing of the keys: all of them are compared, each over its whole width. */
#ifndef VECD_API_KEYS_H
#define VECD_API_KEYS_H

#include "base/err.h"
#include "base/span.h"

#define VECD_KEY_MOST_BYTES 256

/* Zero: no keys. Everything is copied. */
typedef struct vecd_key_settings {
  const char *const *keys; /* [n_keys], printable ASCII without blanks, as that is what a header can carry */
  size_t n_keys;
  const char
      *path; /* nullable: a file with a key a line, of at most 1 MiB. Empty lines, and what follows a '#' at the beginning of a
                     * line or behind a blank, are left out */
} vecd_key_settings;

typedef struct vecd_keys vecd_keys;

/* out   set on success only; to NULL where the settings have neither key nor path.
 * flag  what errors call the keys, "--api-key"; static. No error has a key's text in it.
 * VECD_OK; VECD_BAD_ARGUMENT a key that cannot be one, or a file without any; VECD_NOT_FOUND, VECD_IO the file; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_keys_new(const vecd_key_settings *settings, const char *flag, vecd_keys **out, vecd_err *err);
void vecd_keys_free(vecd_keys **keys);

/* Reads the file again, if there is one. On failure the keys stay what they are. Any thread. As vecd_keys_new(). */
VECD_CHECK vecd_status vecd_keys_reload(vecd_keys *keys, vecd_err *err);

/* Whether `key` is one of them. keys: nullable. Any thread. */
bool vecd_keys_has(vecd_keys *keys, vecd_span key);

#endif
