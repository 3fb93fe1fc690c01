/* serve_plan.h - what `vecd serve` is told, made into the server's settings. */
#ifndef VECD_CMD_SERVE_PLAN_H
#define VECD_CMD_SERVE_PLAN_H

#include "api/server.h"
#include "cmd/word_list.h"
#include "registry/hub_options.h"

typedef struct vecd_serve_plan {
  vecd_api_settings api; /* on_ready is the caller's; all else points into the rest of this, the settings and the registry */
  char address[300];     /* as listen takes it */
  const char *listen[1];
  vecd_word_list keep, preload, api_keys, admin_keys;
  vecd_engine_precision precisions[VECD_SETTING_MOST_VALUES];
  char *precision_ids[VECD_SETTING_MOST_VALUES];
  char *quality_path;
  vecd_hub_options hub; /* with --allow-pull */
} vecd_serve_plan;

/* registry: gets to know the default model where that is named by path; it and the settings live as long as *out is used.
 * VECD_OK; VECD_BAD_ARGUMENT; VECD_NOT_FOUND the default model; VECD_NO_MEMORY. Undo in any case. */
VECD_CHECK vecd_status vecd_serve_plan_make(const vecd_settings *settings, vecd_registry *registry, vecd_serve_plan *out,
                                            vecd_err *err);
void vecd_serve_plan_fini(vecd_serve_plan *plan);

#endif
