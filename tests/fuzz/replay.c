/* replay.c - main() that feeds every file of a corpus folder to LLVMFuzzerTestOneInput, so that what fuzzing once found is an
 * ordinary test with any compiler. Fails when the folder holds nothing: a replay of nothing proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return perror(path), -1;
  fseek(f, 0, SEEK_END);
  long len = ftell(f);
  rewind(f);
  uint8_t *data = malloc(len > 0 ? (size_t)len : 1);
  size_t got = data ? fread(data, 1, (size_t)len, f) : 0;
  fclose(f);
  if (got == (size_t)len) LLVMFuzzerTestOneInput(data, got);
  free(data);
  return got == (size_t)len ? 0 : -1;
}

int main(int argc, char **argv) {
  int n_passed = 0, n_failed = 0;
  for (int i = 1; i < argc; i++) {
    DIR *dir = opendir(argv[i]);
    if (!dir) return perror(argv[i]), 1;
    for (struct dirent *e; (e = readdir(dir));) {
      char path[4096];
      struct stat st;
      snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
      if (stat(path, &st) || !S_ISREG(st.st_mode)) continue;
      replay_file(path) ? n_failed++ : n_passed++;
    }
    closedir(dir);
  }
  printf("%d passed, %d failed\n", n_passed, n_failed);
  return n_failed || !n_passed;
}
