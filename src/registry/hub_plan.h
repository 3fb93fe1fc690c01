/* hub_plan.h - which of a repository's files a model needs: those fmt and tok read, and those other readers of the same cache want
 * beside them; no weights in other formats, no ONNX, no pictures. Names are the hub's and lead nowhere: only names that are built
 * here of known parts and a folder that modules.json names, or that an index of shards names, get in, and those are checked. */
#ifndef VECD_REGISTRY_HUB_PLAN_H
#define VECD_REGISTRY_HUB_PLAN_H

#include "registry/hub_listing.h"

typedef struct vecd_hub_plan {
  const vecd_hub_entry **small; /* [n_small] settings and vocabularies */
  const vecd_hub_entry **large; /* [n_large] weights */
  size_t n_small, n_large;
  const vecd_hub_entry *index; /* of shards, one of the small ones: vecd_hub_plan_add_shards() wants its text. NULL: none */
} vecd_hub_plan;

/* The plan for what `listing` has, which must live longer. Refused here is what no download would make a model of vecd's.
 *
 * id       for messages
 * modules  the parsed modules.json; NULL where the listing has none
 * VECD_OK; VECD_UNSUPPORTED the repository lacks safetensors or tokenizer.json (err says what it has instead); VECD_BAD_MODEL
 * modules.json is damaged or leads out of the folder; VECD_NO_MEMORY. *out is to be given back in any case. */
VECD_CHECK vecd_status vecd_hub_plan_make(const char *id, const vecd_hub_listing *listing, const json_t *modules,
                                          vecd_hub_plan *out, vecd_err *err);

/* Adds the shards that the index names. VECD_OK; VECD_BAD_MODEL the index is damaged, leads out of the folder, or names a file the
 * repository does not have; VECD_UNSUPPORTED too many; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_hub_plan_add_shards(const char *id, const vecd_hub_listing *listing, const json_t *index,
                                                vecd_hub_plan *plan, vecd_err *err);

void vecd_hub_plan_fini(vecd_hub_plan *plan);

#endif
