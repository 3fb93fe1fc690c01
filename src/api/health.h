/* health.h - GET /health/live, GET /health/ready and GET /: is it there, does it serve, what is it. */
#ifndef VECD_API_HEALTH_H
#define VECD_API_HEALTH_H

#include "api/routes.h"

void vecd_health_live(vecd_api_call *call);
void vecd_health_ready(vecd_api_call *call);
void vecd_root_get(vecd_api_call *call);

#endif
