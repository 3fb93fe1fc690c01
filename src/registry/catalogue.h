/* catalogue.h - what is known of models before they are on this machine: a table that comes with the program (catalogue.json
 * beside this file), whose rows a user's own file adds to or overrides, field by field.
 *
 * A catalogue never changes: who wants another one reads it anew and lets go of the old. It is shared by counting, and every
 * function may be called from any thread; rows and all their strings live until the last share is given back. */
#ifndef VECD_REGISTRY_CATALOGUE_H
#define VECD_REGISTRY_CATALOGUE_H

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"

/* In what form weights are kept in memory: name, bits a weight. */
#define VECD_STORAGE_LIST(X) X(FP32, "fp32", 32) X(FP16, "fp16", 16) X(INT8, "int8", 8) X(INT4, "int4", 4)

typedef enum vecd_storage {
#define X(name, text, bits) VECD_STORAGE_##name,
  VECD_STORAGE_LIST(X)
#undef X
      VECD_STORAGE_COUNT
} vecd_storage;

/* One model. What nobody has said is 0 or NULL. */
typedef struct vecd_catalogue_row {
  const char *id;                   /* as vecd_model_id_is_valid() */
  const char *name;                 /* for people; never NULL */
  const char *hf_path;              /* the repository's id on the hub */
  unsigned dimension;               /* floats in a vector */
  unsigned least_dimension;         /* the fewest a vector may be cut to, by its model card; 0: it says nothing of that */
  double parameters_m;              /* weights, in millions */
  double size_mb;                   /* of the weights as they are downloaded, in millions of bytes */
  unsigned stored_bits;             /* of a weight there: 32 or 16 */
  unsigned max_seq_length;          /* tokens, special ones included */
  const char *default_quantization; /* "fp32" or "int8" */
  bool is_default;                  /* of exactly one row */
  bool excludes_prompt;             /* the tokens of a prompt stay out of the pooling ("include_prompt": false) */
  const char *description, *architecture, *pooling, *licence;
  /* Read-only, whatever their type says. */
  json_t *languages; /* array of ISO 639-1 codes */
  json_t *use_cases; /* array of strings */
  json_t *prompts;   /* object {name: text}, none of which is put before a text unasked */
} vecd_catalogue_row;

typedef struct vecd_catalogue vecd_catalogue;

/* The built-in rows with those of the file `path` (an array of objects as in catalogue.json) over them.
 *
 * path  nullable. A file that is not there is one without rows.
 * out   set on success: one share, given back with vecd_catalogue_unpin().
 * VECD_OK; VECD_BAD_MODEL or VECD_IO err names file, row and field; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_catalogue_new(const char *path, vecd_catalogue **out, vecd_err *err);

/* The same of a file's content; errors call it `name`. With text.ptr NULL only the built-in rows. */
VECD_CHECK vecd_status vecd_catalogue_parse(const char *name, vecd_span text, vecd_catalogue **out, vecd_err *err);

/* One more share. Gives `catalogue`. */
vecd_catalogue *vecd_catalogue_pin(vecd_catalogue *catalogue);

/* Gives a share back; the last frees all. Sets *catalogue NULL; NULL is legal. */
void vecd_catalogue_unpin(vecd_catalogue **catalogue);

/* The row with this id, else the one whose hf_path it is; NULL: there is none. */
const vecd_catalogue_row *vecd_catalogue_get(const vecd_catalogue *catalogue, const char *id);

const vecd_catalogue_row *vecd_catalogue_get_default(const vecd_catalogue *catalogue);

static inline bool vecd_catalogue_is_supported(const vecd_catalogue *catalogue, const char *id) {
  return vecd_catalogue_get(catalogue, id) != NULL;
}

/* All rows: the default first, then by size (unknown ones last), then by id. */
size_t vecd_catalogue_count(const vecd_catalogue *catalogue);
const vecd_catalogue_row *vecd_catalogue_at(const vecd_catalogue *catalogue, size_t i);

/* Millions of bytes that weights of size_mb, which have stored_bits each (0: 32), take when they are kept as `storage`: of 32 bits
 * the size itself, half of it for 16 bits, a quarter for INT8, an eighth for INT4. */
double vecd_estimated_memory_mb(double size_mb, unsigned stored_bits, vecd_storage storage);

/* "fp32" or "int8": what the row says, else int8 for over 100 million parameters. */
const char *vecd_catalogue_recommended_quantization(const vecd_catalogue_row *row);

/* "fp32", "fp16", ... */
const char *vecd_storage_name(vecd_storage storage);

#endif
