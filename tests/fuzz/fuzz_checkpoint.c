/* fuzz_checkpoint.c - any bytes as the index of weights in several files, beside which two sound ones lie. Whatever opens must have
 * found each of their tensors once, and nothing outside the folder. */
#define _GNU_SOURCE
#include "fmt/checkpoint.h"
#include "scratch_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const names[] = {"index.json", "a.safetensors", "b.safetensors"};

static void clean_up(void) {
  remove_all(names, sizeof names / sizeof *names);
  remove_folder();
}

/* One tensor of one byte, called `tensor`. */
static void put_weights(const char *name, char tensor) {
  char file[128] = {0};
  int n = snprintf(file + 8, sizeof file - 8, "{\"%c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", tensor);
  file[0] = (char)n;
  put(name, file, 8 + (size_t)n + 1);
}

static void set_up(void) {
  make_folder();
  put_weights("a.safetensors", 'a');
  put_weights("b.safetensors", 'b');
  atexit(clean_up);
}

static void check(const vecd_checkpoint *c) {
  size_t n = vecd_checkpoint_n_shards(c);
  vecd_assert(n >= 1);
  for (size_t i = 0; i < n; i++) {
    const vecd_safetensors *shard = vecd_checkpoint_shard(c, i);
    vecd_assert(strncmp(vecd_safetensors_path(shard), folder, strlen(folder)) == 0);
    vecd_assert(vecd_safetensors_count(shard) == 1);
    const vecd_tensor *t = vecd_safetensors_at(shard, 0);
    vecd_assert(vecd_checkpoint_find(c, t->name) == t);
    vecd_assert(vecd_checkpoint_file_of(c, t->name) == vecd_safetensors_path(shard));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (folder_fd < 0) set_up();
  char path[128];
  snprintf(path, sizeof path, "%s/index.json", folder);
  put("index.json", data, len);
  size_t before = vecd_mem_total_bytes();
  vecd_checkpoint *c = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_checkpoint_open(path, &c, &err);
  vecd_assert((s == VECD_OK) == (c != NULL));
  vecd_assert(s == VECD_OK || s == VECD_BAD_MODEL || s == VECD_UNSUPPORTED || s == VECD_NOT_FOUND || s == VECD_IO);
  if (c) check(c);
  vecd_checkpoint_close(&c);
  check_end(s, &err, before);
  return 0;
}
