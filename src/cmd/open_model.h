/* open_model.h - from settings to the models folder, and to an opened model with the workers and kernels asked for. */
#ifndef VECD_CMD_OPEN_MODEL_H
#define VECD_CMD_OPEN_MODEL_H

#include "cmd/settings.h"
#include "engine/hints.h"
#include "model/model.h"
#include "registry/registry.h"

typedef struct vecd_opened {
  vecd_kern kern;
  vecd_team *team;
  vecd_model *model;
} vecd_opened;

/* The model that a name means. */
typedef struct vecd_resolved {
  char *path, *id;
  vecd_catalogue *catalogue;
  const vecd_catalogue_row *row; /* nullable */
  vecd_model_hints hints;        /* from the row */
} vecd_resolved;

/* Fills *out for `name` (NULL: the default model); to be given back in any case, a zeroed one is legal. As vecd_registry_resolve(). */
VECD_CHECK vecd_status vecd_resolved_find(const vecd_settings *settings, const char *name, vecd_resolved *out, vecd_err *err);
void vecd_resolved_fini(vecd_resolved *resolved);

/* Opens settings->model. Close in any case; a zeroed one is legal. */
VECD_CHECK vecd_status vecd_opened_open(const vecd_settings *settings, const char *name, vecd_opened *out, vecd_err *err);
void vecd_opened_close(vecd_opened *opened);

/* How texts are to be encoded, as the settings say. */
typedef struct vecd_encode_how {
  vecd_prompt prompt;
  size_t dimension;
  unsigned flags;
} vecd_encode_how;

/* Fills *out from --prompt, --prompt-name, --dimensions, --normalize and --no-normalize. VECD_OK; VECD_BAD_ARGUMENT the model has
 * no such prompt or not so many dimensions; VECD_BAD_TEXT; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_encode_how_of(const vecd_settings *settings, const vecd_model *model, vecd_encode_how *out,
                                          vecd_err *err);

/* VECD_BAD_ARGUMENT where --prompt and --prompt-name are both given: one of them would be of no account. */
VECD_CHECK vecd_status vecd_check_prompt_flags(const vecd_settings *settings, vecd_err *err);

/* Encodes one slice of at most VECD_MODEL_MAX_ITEMS texts, [n, how->dimension] vectors. *n_good is the number of texts before the
 * first that cannot be encoded; its items[*n_good].status says why. `items` is the caller's room for n. how: NULL: as the model does
 * by itself. */
void vecd_encode_texts(const vecd_opened *opened, const vecd_encode_how *how, const vecd_span *texts, size_t n,
                       vecd_item *items, float *vectors, size_t *n_good);

#endif
