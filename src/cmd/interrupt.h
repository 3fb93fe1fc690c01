/* interrupt.h - Ctrl-C as a wish to end well: SIGINT and SIGTERM set a flag, a second one ends the process as usual. */
#ifndef VECD_CMD_INTERRUPT_H
#define VECD_CMD_INTERRUPT_H

#include <stdbool.h>

/* From now on the signals set the flag. System calls they interrupt are not restarted. */
void vecd_interrupt_catch(void);

bool vecd_interrupted(void);

#endif
