/* folder_facts.h - what a folder's small files say of its model, as far as one can tell without opening the weights. */
#ifndef VECD_MODEL_FOLDER_FACTS_H
#define VECD_MODEL_FOLDER_FACTS_H

#include "fmt/json.h"
#include "kern/kern.h"
#include "nn/arch.h"

typedef struct vecd_folder_facts {
  char architecture[65]; /* config.json's model_type; "" where the folder could not be read */
  char pooling[128];
  unsigned dimension, max_tokens;
  int normalized;
} vecd_folder_facts;

/* Reads the folder `path` and fills *out, of a folder that fails as far as it came.
 *
 * prompts  nullable; set to the folder's prompts {name: text}, the caller's (json_decref), or to NULL where it has none.
 * VECD_OK; VECD_NOT_FOUND, VECD_BAD_MODEL or VECD_UNSUPPORTED: what opening the model would fail of; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_folder_facts_read(const char *path, vecd_folder_facts *out, json_t **prompts, vecd_err *err);

/* *n_bytes: what vecd_info.resident_bytes will be when the folder is opened so, within 5 % and 100 kB, from config.json,
 * the headers of the weights and the size of tokenizer.json. No weights are read, so a folder that cannot be opened may
 * still have an estimate.
 *
 * n_threads  workers of the team that is to open it, 1 or more.
 * VECD_OK; VECD_NOT_FOUND, VECD_BAD_MODEL or VECD_UNSUPPORTED: what opening the model would fail of; VECD_IO; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_folder_estimate_bytes(const char *path, vecd_precision precision, const vecd_kern *kern,
                                                  unsigned n_threads, size_t *n_bytes, vecd_err *err);

#endif
