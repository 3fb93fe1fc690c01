/* folder_facts.c - the folder is read and the encoder configured just as when the model opens. */
#include "model/folder_facts.h"

#include <stdio.h>

#include "fmt/model_folder.h"
#include "nn/encoder.h"

vecd_status vecd_folder_facts_read(const char *path, vecd_folder_facts *out, json_t **prompts, vecd_err *err) {
  vecd_model_folder folder;
  vecd_encoder_config config;
  size_t max_tokens = 0;
  *out = (vecd_folder_facts){.dimension = 0};
  if (prompts) *prompts = NULL;
  vecd_status s = vecd_model_folder_open(path, &folder, err);
  if (s) return s;
  snprintf(out->architecture, sizeof out->architecture, "%s", folder.model_type);
  vecd_pooling_name(&folder.pooling, out->pooling, sizeof out->pooling);
  if (!(s = vecd_encoder_configure(&folder, &config, &max_tokens, err))) {
    out->dimension = (unsigned)vecd_model_folder_dimension(&folder, config.hidden);
    out->max_tokens = (unsigned)max_tokens;
    out->normalized = vecd_model_folder_normalizes(&folder, config.hidden);
  }
  if (prompts && json_object_size(folder.prompts)) *prompts = json_incref(folder.prompts);
  vecd_model_folder_close(&folder);
  return s;
}
