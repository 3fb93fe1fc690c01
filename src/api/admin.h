/* admin.h - POST /api/v1/models/{id}/load and /unload: what the engine does by itself, at somebody's word. */
#ifndef VECD_API_ADMIN_H
#define VECD_API_ADMIN_H

#include "api/routes.h"

/* Answers when the model is loaded, as GET /api/v1/models/{id} does. */
void vecd_admin_load(vecd_api_call *call);

/* Answers at once, {"id":"...","was_resident":true}; a model in use goes when it is not. Asks the registry: for the errands' thread. */
void vecd_admin_unload(vecd_api_call *call);

#endif
