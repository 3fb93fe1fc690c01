/* hub_options.h - how to reach the hub, as the variables say that its Python client reads: HF_ENDPOINT, HF_TOKEN (else
 * HUGGING_FACE_HUB_TOKEN, else the file of hub_cache.h; none of them where HF_HUB_DISABLE_IMPLICIT_TOKEN is set),
 * HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE), HF_HUB_DOWNLOAD_TIMEOUT, and those that say where the cache is. */
#ifndef VECD_REGISTRY_HUB_OPTIONS_H
#define VECD_REGISTRY_HUB_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"

/* Strings are the struct's own. */
typedef struct vecd_hub_options {
  char *cache;      /* the cache's root */
  char *endpoint;   /* "https://huggingface.co": http:// or https://, without a slash at its end */
  char *token;      /* printable ASCII; NULL: none */
  bool offline;     /* nothing may be asked */
  unsigned stall_s; /* a connection is given up after so many seconds without a byte: 10 where nothing is said */
} vecd_hub_options;

/* VECD_OK; VECD_BAD_ARGUMENT a variable has a value that cannot be used (err names it; a token is not printed); VECD_IO the token's
 * file is there and cannot be read; VECD_NO_MEMORY. *out is to be given back in any case. */
VECD_CHECK vecd_status vecd_hub_options_read(vecd_hub_options *out, vecd_err *err);
void vecd_hub_options_fini(vecd_hub_options *options);

#endif
