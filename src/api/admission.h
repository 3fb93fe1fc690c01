/* admission.h - whether there is memory for one more request.
 *
 * What requests take is measured (base/mem.h, tags REQUEST and HTTP), but a body that is announced takes it only as it comes, and
 * its JSON values, which hold its text a second time, have another tag. So each request promises beforehand what it will take:
 * measured and promised together stay below one limit. Some of it counts twice for a while, which errs on the safe side. */
#ifndef VECD_API_ADMISSION_H
#define VECD_API_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct vecd_admission {
  size_t most_bytes;
  atomic_size_t promised_bytes;
} vecd_admission;

/* Bytes that may still be promised. Any thread. */
size_t vecd_admission_left(const vecd_admission *admission);

/* Promises n_bytes; false: there is no room for them, and nothing was promised. Any thread; two at the same time may both be
 * let in where there is room for one. */
bool vecd_admission_take(vecd_admission *admission, size_t n_bytes);

/* Takes a promise back. Any thread. */
void vecd_admission_give(vecd_admission *admission, size_t n_bytes);

#endif
