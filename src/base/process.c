/* process.c - see process.h. */
#include "base/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void read_memory(vecd_process *out) {
  FILE *f = fopen("/proc/self/statm", "re");
  uint64_t total, resident, page = (uint64_t)sysconf(_SC_PAGESIZE);
  if (f && fscanf(f, "%" SCNu64 " %" SCNu64, &total, &resident) == 2) {
    out->virtual_bytes = total * page;
    out->resident_bytes = resident * page;
  }
  if (f) fclose(f);
}

/* Linux 6.2 and newer tell it as the folder's size, which takes no descriptor: there may be none left when it is wanted most. */
static uint64_t count_fds(void) {
  struct stat st;
  if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) return (uint64_t)st.st_size;
  DIR *dir = opendir("/proc/self/fd");
  uint64_t n = 0;
  if (!dir) return 0;
  for (const struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
  closedir(dir);
  return n - 1; /* the folder's own */
}

void vecd_process_read(vecd_process *out) {
  struct timespec cpu;
  struct rlimit limit;
  *out = (vecd_process){0};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) out->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out->max_fds = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
  read_memory(out);
  out->open_fds = count_fds();
}
