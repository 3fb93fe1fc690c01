/* openapi.h - GET /openapi.json: docs/openapi.json, which is part of the program. */
#ifndef VECD_API_OPENAPI_H
#define VECD_API_OPENAPI_H

#include "api/routes.h"

void vecd_openapi_get(vecd_api_call *call);

#endif
