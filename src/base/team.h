/* team.h - a fixed team of worker threads that run one job together.
 *
 * The caller of vecd_team_run() is member 0; the others are threads that sleep between jobs, so an idle process uses no
 * CPU. One team serves every model of a process. Jobs of several callers queue up behind each other.
 *
 * Where there are as many processors as members, each thread is kept to some of its own, and off the one its caller runs on; the
 * caller's affinity is left alone. */
#ifndef VECD_BASE_TEAM_H
#define VECD_BASE_TEAM_H

#include "base/err.h"

typedef struct vecd_team vecd_team;

/* A job: called once on every member at the same time, member 0 .. size-1. Must not call vecd_team_run() itself. */
typedef void vecd_team_fn(void *ctx, unsigned member);

/* Starts n_threads - 1 threads (n_threads 0: vecd_cpu_count()). VECD_OK; VECD_NO_MEMORY; VECD_IO threads cannot start. */
VECD_CHECK vecd_status vecd_team_new(unsigned n_threads, vecd_team **out, vecd_err *err);
void vecd_team_free(vecd_team **team);
unsigned vecd_team_size(const vecd_team *team);

/* Runs fn on all members and returns when all have returned. What members wrote is visible to the caller. */
void vecd_team_run(vecd_team *team, vecd_team_fn *fn, void *ctx);

/* Inside a job: waits until every member has come here. Spins briefly, then sleeps. Orders memory between members. */
void vecd_team_barrier(vecd_team *team);

#endif
