/* folder_facts.c - the folder is read and the encoder configured just as when the model opens. */
#include "model/folder_facts.h"

#include <stdio.h>

#include "base/file.h"
#include "fmt/model_folder.h"
#include "nn/encoder.h"
#include "nn/head.h"
#include "tok/tokenizer.h"

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

vecd_status vecd_folder_estimate_bytes(const char *path, vecd_precision precision, const vecd_kern *kern, unsigned n_threads,
                                       size_t *n_bytes, vecd_err *err) {
  vecd_model_folder folder;
  vecd_encoder_config config;
  vecd_mapping tokenizer = {NULL, 0};
  vecd_status s = vecd_model_folder_open(path, &folder, err);
  if (s) return s;
  if ((s = vecd_encoder_estimate(&folder, precision, kern, n_threads, &config, n_bytes, err)) ||
      (s = vecd_mapping_open(folder.tokenizer_path, &tokenizer, err)))
    goto done;
  *n_bytes += vecd_head_estimate(&folder, (size_t)folder.pooling.n * config.hidden, kern);
  *n_bytes += vecd_tokenizer_estimate(tokenizer.len, config.vocab_size);
done:
  vecd_mapping_close(&tokenizer);
  vecd_model_folder_close(&folder);
  return s;
}
