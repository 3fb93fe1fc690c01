/* hints.h - what the catalogue has for a model that is opened: neither of the two rooms below knows the other. */
#ifndef VECD_ENGINE_HINTS_H
#define VECD_ENGINE_HINTS_H

#include "model/model.h"
#include "registry/catalogue.h"

/* id: borrowed. row: nullable; its catalogue must be held until the model is open. */
static inline vecd_model_hints vecd_hints_of(const char *id, const vecd_catalogue_row *row) {
  vecd_model_hints hints = {.id = id, .prompts_from = "the catalogue"};
  if (row) {
    hints.prompts = row->prompts;
    hints.excludes_prompt = row->excludes_prompt;
  }
  return hints;
}

/* In what precision to open it: of auto, what the row says; where it says nothing it stays auto. */
static inline vecd_precision vecd_precision_of(const vecd_catalogue_row *row, vecd_precision wanted) {
  if (wanted != VECD_PRECISION_AUTO || !row || !row->default_quantization) return wanted;
  return strcmp(row->default_quantization, "int8") == 0 ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32;
}

#endif
