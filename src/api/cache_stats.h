/* cache_stats.h - GET /api/v1/cache/stats: which models are in memory, what they take, how often they were found there. */
#ifndef VECD_API_CACHE_STATS_H
#define VECD_API_CACHE_STATS_H

#include "api/routes.h"

void vecd_cache_stats_get(vecd_api_call *call);

#endif
