/* cmd_doctor.c - what vecd finds on this machine, in lines that say the same wherever they are read: for reports. */
#define _GNU_SOURCE /* CPU_COUNT */
#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cpu.h"
#include "cmd/command.h"
#include "cmd/facts.h"
#include "kern/kern.h"
#include "registry/registry.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static bool read_first_line(const char *path, char *out, size_t cap) {
  FILE *f = fopen(path, "re");
  bool ok = f && fgets(out, (int)cap, f);
  if (f) fclose(f);
  if (ok) out[strcspn(out, "\n")] = '\0';
  return ok;
}

static void put_cpu(vecd_facts *f, const vecd_settings *settings, const vecd_kern *kern) {
  char text[256];
  vecd_cpu_name(text, sizeof text);
  vecd_facts_text(f, "cpu", "%s", text);
  vecd_cpu_feature_names(vecd_cpu_features(), text, sizeof text);
  vecd_facts_text(f, "cpu_features", "%s", *text ? text : "none that matter here");
  vecd_facts_text(f, "isa", "%s, %s", kern->isa, settings->isa ? "as asked for" : "the best for this CPU");
#define X(name, result, params) vecd_facts_text(f, "kernel", #name " by %s", kern->name##_isa);
  VECD_KERN_LIST(X)
#undef X
}

static void put_threads(vecd_facts *f, const vecd_settings *settings) {
  cpu_set_t set;
  unsigned n = vecd_cpu_count();
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  unsigned allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : n;
  const char *why = n < allowed              ? "the cgroup's CPU quota"
                    : (long)allowed < online ? "the affinity mask"
                                             : "one for each processor";
  if (settings->threads)
    vecd_facts_text(f, "threads", "%" PRIu64 ", as asked for; %u would be taken otherwise", settings->threads, n);
  else
    vecd_facts_text(f, "threads", "%u, %s (%ld online, %u in the affinity mask)", n, why, online, allowed);
}

static void put_memory(vecd_facts *f) {
  char line[256];
  unsigned long long kb;
  FILE *info = fopen("/proc/meminfo", "re");
  while (info && fgets(line, sizeof line, info)) {
    if (sscanf(line, "MemTotal: %llu", &kb) == 1) vecd_facts_text(f, "memory", "%.1f GB", (double)kb * 1024 / 1e9);
    if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
      vecd_facts_text(f, "memory_available", "%.1f GB", (double)kb * 1024 / 1e9);
  }
  if (info) fclose(info);
  static const char *const limits[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (read_first_line(limits[i], line, sizeof line)) vecd_facts_text(f, "memory_cgroup", "limit %s", line);
  if (read_first_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line))
    vecd_facts_text(f, "huge_pages", "%s", line);
}

static void put_limit(vecd_facts *f, const char *name, int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return;
  if (limit.rlim_cur == RLIM_INFINITY)
    vecd_facts_text(f, name, "unlimited");
  else if (limit.rlim_max == RLIM_INFINITY)
    vecd_facts_text(f, name, "%llu, may be raised", (unsigned long long)limit.rlim_cur);
  else
    vecd_facts_text(f, name, "%llu, may be raised to %llu", (unsigned long long)limit.rlim_cur,
                    (unsigned long long)limit.rlim_max);
}

/* What stands in the way is a fact too. */
static void put_models(vecd_facts *f, const vecd_settings *settings) {
  vecd_registry *registry = NULL;
  vecd_registry_list list = {NULL, 0, NULL};
  vecd_err err;
  vecd_status s = vecd_registry_new(settings->models, &registry, &err);
  if (!s) s = vecd_registry_scan(registry, &list, &err);
  if (s)
    vecd_facts_text(f, "models", "%s", err.text);
  else
    vecd_facts_text(f, "models", "%zu in %s and in %s", list.n_entries, vecd_registry_root(registry),
                    vecd_registry_cache_root(registry));
  vecd_registry_list_fini(&list);
  vecd_registry_free(&registry);
}

int vecd_cmd_doctor(const vecd_settings *settings) {
  vecd_facts facts;
  vecd_kern kern;
  vecd_err err;
  struct utsname system;
  vecd_status s = vecd_kern_choose(&kern, settings->isa, &err);
  if (s) return vecd_fail(&err);
  vecd_facts_init(&facts, false);
  vecd_facts_text(&facts, "vecd", "%s, built by %s, jansson %s", vecd_version(), COMPILER, jansson_version_str());
  if (uname(&system) == 0) vecd_facts_text(&facts, "system", "%s %s %s", system.sysname, system.release, system.machine);
  put_cpu(&facts, settings, &kern);
  put_threads(&facts, settings);
  put_memory(&facts);
  put_limit(&facts, "open_files", RLIMIT_NOFILE);
  put_limit(&facts, "address_space", RLIMIT_AS);
  put_models(&facts, settings);
  s = vecd_facts_print(&facts, &err);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
