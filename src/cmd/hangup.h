/* hangup.h - SIGHUP as a wish to read files again, never as an end.
 *
 * The signal handler only posts a semaphore; a thread waits there and does the work, which may block. */
#ifndef VECD_CMD_HANGUP_H
#define VECD_CMD_HANGUP_H

#include "base/err.h"

/* From now on SIGHUP ends nothing. One that comes before vecd_hangup_serve() is kept for it. Once a process. */
void vecd_hangup_catch(void);

/* Has a thread call reread(ctx), which logs what came of it, for SIGHUP: once for several that came while it was at work.
 * VECD_OK; VECD_IO no thread can be started. */
VECD_CHECK vecd_status vecd_hangup_serve(void (*reread)(void *ctx), void *ctx, vecd_err *err);

/* Waits for reread to return, if it is at work, and ends the thread. SIGHUP goes on being caught. */
void vecd_hangup_end(void);

#endif
