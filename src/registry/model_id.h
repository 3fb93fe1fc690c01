/* model_id.h - what a model may be called: NAME or ORG/NAME, so that as a path an id never leads out of the models folder. */
#ifndef VECD_REGISTRY_MODEL_ID_H
#define VECD_REGISTRY_MODEL_ID_H

#include "base/span.h"

#define VECD_MODEL_ID_BYTES   256 /* room for the longest id with its NUL */
#define VECD_MODEL_NAME_BYTES 256 /* the same of the longest name for people, which the catalogue has */

/* A name that can be a component of an id: it does not begin with '.', and it can be printed and put into JSON. */
bool vecd_model_id_is_component(vecd_span name);

/* One component, or two with a slash between; at most VECD_MODEL_ID_BYTES - 1 bytes. */
bool vecd_model_id_is_valid(vecd_span id);

/* The id without the organisation in front; points into it. */
const char *vecd_model_id_name(const char *id);

#endif
