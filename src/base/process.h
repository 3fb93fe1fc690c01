/* process.h - what this process takes of its machine. */
#ifndef VECD_BASE_PROCESS_H
#define VECD_BASE_PROCESS_H

#include <stdint.h>

typedef struct vecd_process {
  double cpu_seconds;      /* of all threads, user and system */
  uint64_t resident_bytes; /* 0: not known, as all below */
  uint64_t virtual_bytes;
  uint64_t open_fds;
  uint64_t max_fds; /* the soft limit; UINT64_MAX where there is none */
} vecd_process;

/* Reads the kernel's figures anew. Thread-safe; a descriptor that cannot be had leaves figures unknown. */
void vecd_process_read(vecd_process *out);

#endif
