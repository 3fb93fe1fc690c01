/* catalogue_parts.h - what a catalogue is made of; for catalogue.c and catalogue_read.c only. */
#ifndef VECD_REGISTRY_CATALOGUE_PARTS_H
#define VECD_REGISTRY_CATALOGUE_PARTS_H

#include <stdatomic.h>

#include "base/mem.h"
#include "registry/catalogue.h"

#define VECD_CATALOGUE_MOST_ROWS 1024 /* in one file */

struct vecd_catalogue {
  atomic_uint n_shares;
  json_t *trees[2]; /* the files as parsed, where the rows' strings lie; each nullable */
  vecd_catalogue_row *rows;
  size_t n_rows, cap_rows;
};

/* Reads an array of rows over those there are. file: what errors call it; tree: borrowed, must live as long as the rows.
 * VECD_OK; VECD_BAD_MODEL; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_catalogue_read(vecd_catalogue *catalogue, const char *file, const json_t *tree, vecd_err *err);

/* The row with exactly this id, or NULL. */
vecd_catalogue_row *vecd_catalogue_find_id(const vecd_catalogue *catalogue, const char *id);

#endif
