/* fuzz_hub_cache.c - any bytes as what refs/main says, and as names of folders, repositories and revisions. Whatever is found must
 * lie under the cache, and a valid id and its folder's name must stand for each other. */
#define _GNU_SOURCE
#include "registry/hub_cache.h"
#include "scratch_folder.h"

#define COMMIT     "0123456789abcdef0123456789abcdef01234567"
#define REPOSITORY "models--org--name"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const names[] = {REPOSITORY "/refs/main", REPOSITORY "/refs", REPOSITORY "/snapshots/" COMMIT,
                                    REPOSITORY "/snapshots", REPOSITORY};

static void clean_up(void) {
  remove_all(names, sizeof names / sizeof *names);
  remove_folder();
}

static void set_up(void) {
  make_folder();
  for (size_t i = sizeof names / sizeof *names; i-- > 1;) /* a folder stands behind what lies in it */
    vecd_assert(mkdirat(folder_fd, names[i], 0700) == 0);
  atexit(clean_up);
}

/* The path is that of a snapshot below the cache's folder, and "." and ".." are no part of it. */
static void check_path(const char *path) {
  vecd_assert(strncmp(path, folder, strlen(folder)) == 0);
  vecd_assert(!strstr(path, "/../") && !strstr(path, "/./"));
  size_t n = strlen(path);
  vecd_assert(n > VECD_HUB_COMMIT_LEN);
  vecd_assert(vecd_hub_commit_is_valid(vecd_span_of(path + n - VECD_HUB_COMMIT_LEN)));
}

static void find(const char *id, const char *revision) {
  char *path = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  size_t before = vecd_mem_total_bytes();
  vecd_status s = vecd_hub_cache_find(folder, id, revision, &path, &err);
  vecd_assert((s == VECD_OK) == (path != NULL));
  vecd_assert(s == VECD_OK || s == VECD_NOT_FOUND || s == VECD_BAD_MODEL || s == VECD_IO);
  if (path) check_path(path);
  vecd_free(path);
  check_end(s, &err, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static char text[4096];
  char id[VECD_HUB_ID_BYTES];
  if (folder_fd < 0) set_up();
  put(REPOSITORY "/refs/main", data, len);
  find("org/name", NULL);
  if (len >= sizeof text) return 0;
  memcpy(text, data, len);
  text[len] = '\0';
  find(text, NULL);
  find("org/name", text);
  if (vecd_hub_id_of_folder(text, id)) {
    char *back = vecd_hub_cache_folder("", id);
    vecd_assert(back && strcmp(back + 1, text) == 0);
    vecd_free(back);
  }
  if (vecd_hub_id_is_valid(vecd_span_of(text))) {
    char *name = vecd_hub_cache_folder("", text);
    vecd_assert(name && vecd_hub_id_of_folder(name + 1, id) && strcmp(id, text) == 0);
    vecd_free(name);
  }
  return 0;
}
