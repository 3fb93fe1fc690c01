/* busy_poll.h - keeps processors from halting while there is work about.
 *
 * Between two requests a processor with nothing to do halts. On a virtual machine that hands it back to the host, which was seen to
 * put several of a machine's processors on one core once they had halted, and to leave them there for tens of milliseconds after they
 * were wanted again: each at half its speed. So this spins on every processor the process may use, in threads of the class
 * SCHED_IDLE, which any other thread of the same control group that becomes ready puts aside at once: they take only time that nobody
 * in there wants, and all of that. */
#ifndef VECD_BASE_BUSY_POLL_H
#define VECD_BASE_BUSY_POLL_H

#include "base/err.h"

typedef struct vecd_busy_poll vecd_busy_poll;

/* for_ms: how long processors stay awake after vecd_busy_poll_touch(), at least 1. The threads sleep until then.
 * VECD_OK; VECD_NO_MEMORY; VECD_IO threads cannot start. */
VECD_CHECK vecd_status vecd_busy_poll_new(unsigned for_ms, vecd_busy_poll **out, vecd_err *err);
void vecd_busy_poll_free(vecd_busy_poll **poll);

/* There is or was work just now. poll: nullable. Takes no lock. Any thread. */
void vecd_busy_poll_touch(vecd_busy_poll *poll);

#endif
