/* cpu.c - CPUID on x86-64, the auxiliary vector on arm64; affinity and cgroup files for how much is ours. */
#define _GNU_SOURCE
#include "base/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned detect(void) {
  unsigned a, b, c, d, bits = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  bool osxsave = c & bit_OSXSAVE, fma = c & bit_FMA, f16c = c & bit_F16C;
  if (!osxsave) return 0;
  unsigned lo, hi;
  __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  bool ymm = (lo & 0x06) == 0x06, zmm = (lo & 0xe6) == 0xe6;
  if (!ymm) return 0;
  if (fma) bits |= VECD_CPU_FMA;
  if (f16c) bits |= VECD_CPU_F16C;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return bits;
  if (b & bit_AVX2) bits |= VECD_CPU_AVX2;
  unsigned need = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if (zmm && (b & need) == need) {
    bits |= VECD_CPU_AVX512;
    if (c & (1u << 11)) bits |= VECD_CPU_AVX512_VNNI;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5))) bits |= VECD_CPU_AVX512_BF16;
  }
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4))) bits |= VECD_CPU_AVX_VNNI;
  return bits;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

static unsigned detect(void) {
  unsigned bits = VECD_CPU_NEON; /* part of the base architecture */
  if (getauxval(AT_HWCAP) & (1ul << 20)) bits |= VECD_CPU_NEON_DOTPROD;
  if (getauxval(AT_HWCAP2) & (1ul << 13)) bits |= VECD_CPU_NEON_I8MM;
  return bits;
}
#else
static unsigned detect(void) { return 0; }
#endif

unsigned vecd_cpu_features(void) { return detect(); }

void vecd_cpu_feature_names(unsigned bits, char *out, size_t cap) {
  size_t n = 0;
  if (cap) out[0] = '\0';
#define X(name, text)                                               \
  if ((bits & VECD_CPU_##name) && n < cap) {                        \
    int k = snprintf(out + n, cap - n, "%s%s", n ? " " : "", text); \
    if (k > 0) n += (size_t)k;                                      \
  }
  VECD_CPU_LIST(X)
#undef X
}

void vecd_cpu_name(char *out, size_t cap) {
  snprintf(out, cap, "unknown");
  FILE *f = fopen("/proc/cpuinfo", "re");
  if (!f) return;
  char line[256];
  while (fgets(line, sizeof line, f)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    char *s = colon + 1 + strspn(colon + 1, " \t");
    s[strcspn(s, "\n")] = '\0';
    snprintf(out, cap, "%s", s);
    break;
  }
  fclose(f);
}

static bool read_line(const char *path, char *out, size_t cap) {
  FILE *f = fopen(path, "re");
  if (!f) return false;
  bool ok = fgets(out, (int)cap, f) != NULL;
  fclose(f);
  return ok;
}

/* CPUs the quota in one cgroup folder grants, or 0 for no limit. v2: "cpu.max" = "QUOTA PERIOD"; v1: two files. */
static double quota_in(const char *dir) {
  char path[1100], line[64];
  double quota, period;
  snprintf(path, sizeof path, "%s/cpu.max", dir);
  if (read_line(path, line, sizeof line))
    return sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : 0;
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
  if (!read_line(path, line, sizeof line) || sscanf(line, "%lf", &quota) != 1 || quota <= 0) return 0;
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
  if (!read_line(path, line, sizeof line) || sscanf(line, "%lf", &period) != 1 || period <= 0) return 0;
  return quota / period;
}

/* The tightest quota of our cgroup and those above it. */
static double cgroup_quota(void) {
  double least = 0;
  FILE *f = fopen("/proc/self/cgroup", "re");
  if (!f) return 0;
  char line[512];
  while (fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = '\0';
    controllers++;
    const char *root = "/sys/fs/cgroup";
    if (*controllers) {
      if (!strstr(controllers, "cpu") || strstr(controllers, "cpuset")) continue;
      root = "/sys/fs/cgroup/cpu";
    }
    for (;;) { /* up to the root */
      char dir[1024];
      snprintf(dir, sizeof dir, "%s%s", root, path);
      double q = quota_in(dir);
      if (q > 0 && (least == 0 || q < least)) least = q;
      char *slash = strrchr(path, '/');
      if (!slash || !*path) break;
      *slash = '\0';
    }
  }
  fclose(f);
  return least;
}

unsigned vecd_cpu_count(void) {
  cpu_set_t set;
  unsigned n = 0;
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = (unsigned)CPU_COUNT(&set);
  if (n == 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    n = online > 0 ? (unsigned)online : 1;
  }
  double quota = cgroup_quota();
  if (quota > 0 && quota < n) n = quota <= 1 ? 1 : (unsigned)(quota + 0.999);
  return n;
}
