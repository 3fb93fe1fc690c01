/* model_view.h - one model as the outside sees it: what the engine knows, else its folder, else the catalogue, in this order, and all
 * of it as JSON. For the server's routes and for `vecd models`. */
#ifndef VECD_API_MODEL_VIEW_H
#define VECD_API_MODEL_VIEW_H

#include "base/buf.h"
#include "engine/engine.h"

/* What is not known is 0 or NULL. */
typedef struct vecd_model_view {
  const vecd_registry_entry *entry;
  const vecd_model_status *status; /* nullable: nobody is at work with it */
  const char *name;
  const char *state; /* "resident", "available", "loading", "failed", or "remote": in the catalogue, but not on this machine */
  const char *architecture, *pooling;
  const char *default_quantization;
  unsigned dimension, max_seq_length;
  double size_mb, parameters_m;
  int normalized;  /* -1: not known */
  json_t *prompts; /* read-only */
  char error[512]; /* why it failed, or its download */

  vecd_folder_facts folder; /* where strings lie */
  json_t *own_prompts;
} vecd_model_view;

/* Reads the model's small files, if it is here. entry, status: borrowed until fini. Never fails: what stands in the way of using the
 * model is in `error`. */
void vecd_model_view_read(const vecd_registry_entry *entry, const vecd_model_status *status, vecd_model_view *out);
void vecd_model_view_fini(vecd_model_view *view);

/* Appends {"id":...,"error":...}: always all keys. with_path: "path" and "weights_bytes" too, for who is on this machine. */
void vecd_model_view_print(const vecd_model_view *view, bool with_path, vecd_buf *out);

#endif
