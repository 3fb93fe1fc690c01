/* fuzz_config.c - config.json, byte 0xff, and the header of the weights, any bytes in both; the weights are zeroes, as many as the
 * header asks for. What opens is run with sequences of the first and last id, in 32 or 8 bits. Nothing may be allocated because
 * config.json says so: the weights bound it. */
#define _GNU_SOURCE
#include "nn/encoder.h"
#include "scratch_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MOST_TOKENS = 24 };
#define MOST_WEIGHT_BYTES ((size_t)256 << 10)

static const char *const names[] = {"config.json", "tokenizer_config.json", "model.safetensors", "tokenizer.json"};
static vecd_team *team;
static vecd_kern kern;

static void clean_up(void) {
  remove_all(names, sizeof names / sizeof *names);
  remove_folder();
  vecd_team_free(&team);
}

static void put_text(const char *name, const char *text) { put(name, text, strlen(text)); }

static void set_up(void) {
  make_folder();
  put_text("tokenizer_config.json", "{\"model_max_length\":24}");
  put_text("tokenizer.json", "");
  vecd_assert(vecd_team_new(1, &team, NULL) == VECD_OK && vecd_kern_choose(&kern, NULL, NULL) == VECD_OK);
  atexit(clean_up);
}

/* Where the last tensor ends, as far as the header can be read. */
static size_t data_bytes(const uint8_t *header, size_t len) {
  json_t *root = NULL, *entry;
  const char *name;
  size_t most = 0;
  if (vecd_json_parse("header", (vecd_span){(const char *)header, len}, &root, NULL)) return 0;
  json_object_foreach(root, name, entry) {
    json_int_t end = json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 1));
    if (end > (json_int_t)most && end <= (json_int_t)MOST_WEIGHT_BYTES) most = (size_t)end;
  }
  json_decref(root);
  return most;
}

static void put_weights(const uint8_t *header, size_t len) {
  uint64_t n = len;
  int fd = open_to_write("model.safetensors");
  vecd_assert(write(fd, &n, sizeof n) == sizeof n && write(fd, header, len) == (ssize_t)len);
  vecd_assert(ftruncate(fd, (off_t)(sizeof n + len + data_bytes(header, len))) == 0);
  close(fd);
}

static void run(vecd_encoder *e) {
  static uint32_t first[MOST_TOKENS], last[MOST_TOKENS];
  size_t most = vecd_encoder_max_tokens(e), width = vecd_encoder_dimension(e);
  vecd_assert(most >= 1 && most <= MOST_TOKENS);
  for (size_t i = 0; i < most; i++) last[i] = vecd_encoder_config_of(e)->vocab_size - 1;
  const uint32_t *ids[] = {first, last, first, last}, lens[] = {1, 1, (uint32_t)most, (uint32_t)most};
  float *out = malloc(4 * width * sizeof *out), *rows[4];
  for (size_t i = 0; i < 4; i++) rows[i] = out + i * width;
  vecd_encoder_run(e, ids, lens, NULL, NULL, 4, NULL, rows);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (folder_fd < 0) set_up();
  const uint8_t *cut = len ? memchr(data, 0xff, len) : NULL, *end = data + len;
  put("config.json", data, (size_t)((cut ? cut : end) - data));
  put_weights(cut ? cut + 1 : end, cut ? (size_t)(end - cut) - 1 : 0);
  size_t before = vecd_mem_total_bytes();
  vecd_model_folder f;
  vecd_encoder *e = NULL;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_model_folder_open(folder, &f, &err);
  if (!s) {
    s = vecd_encoder_open(&f, len % 2 ? VECD_PRECISION_INT8 : VECD_PRECISION_FP32, &kern, team, &e, &err);
    vecd_assert((s == VECD_OK) == (e != NULL));
    if (e) run(e);
    vecd_encoder_close(&e);
    vecd_model_folder_close(&f);
  }
  vecd_assert(s == VECD_OK || s == VECD_BAD_MODEL || s == VECD_UNSUPPORTED || s == VECD_NOT_FOUND);
  check_end(s, &err, before);
  return 0;
}
