/* models.h - GET /api/v1/models and GET /api/v1/models/{id}: what the registry finds or has heard of, and the engine knows of it. */
#ifndef VECD_API_MODELS_H
#define VECD_API_MODELS_H

#include "api/routes.h"

/* Both read directories and small files: for the errands' thread. */
void vecd_models_get(vecd_api_call *call);
void vecd_models_get_one(vecd_api_call *call);

#endif
