/* fuzz_model_folder.c - the small files of a model folder, any bytes in each. The input is cut at byte 0xff, which no JSON holds:
 * its pieces become the files below, in that order; what is missing is not there. Files that are wanted but only looked for
 * always lie there. */
#define _GNU_SOURCE
#include "fmt/model_folder.h"
#include "scratch_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const names[] = {"config.json",
                                    "modules.json",
                                    "1_Pooling/config.json",
                                    "sentence_bert_config.json",
                                    "tokenizer_config.json",
                                    "config_sentence_transformers.json",
                                    "2_Normalize/config.json",
                                    "2_Dense/config.json",
                                    "3_LayerNorm/config.json"};
#define N_NAMES (sizeof names / sizeof *names)

/* Files that always lie there, and the folders of all. */
static const char *const files[] = {"tokenizer.json", "model.safetensors", "2_Dense/model.safetensors",
                                    "3_LayerNorm/model.safetensors"};
static const char *const folders[] = {"1_Pooling", "2_Normalize", "2_Dense", "3_LayerNorm"};

static void clean_up(void) {
  remove_all(names, N_NAMES);
  remove_all(files, sizeof files / sizeof *files);
  remove_all(folders, sizeof folders / sizeof *folders);
  remove_folder();
}

static void set_up(void) {
  make_folder();
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdirat(folder_fd, folders[i], 0700);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) put(files[i], "", 0);
  atexit(clean_up);
}

static void check(const vecd_model_folder *f) {
  vecd_assert(f->path && f->id && f->transformer_dir && f->weights_path && f->tokenizer_path && f->config_path &&
              f->model_type);
  vecd_assert(strncmp(f->transformer_dir, folder, strlen(folder)) == 0 && !strstr(f->transformer_dir, "/../"));
  vecd_assert(f->pooling.n >= 1 && f->pooling.n <= VECD_POOL_COUNT && (f->max_tokens == 0) == (f->max_tokens_from == NULL));
  for (unsigned i = 0; i < f->pooling.n; i++) vecd_assert(f->pooling.modes[i] < VECD_POOL_COUNT);
  vecd_assert(f->n_modules <= VECD_MOST_MODULES);
  size_t width = f->pooling.n * f->pooling.dimension;
  for (unsigned i = 0; i < f->n_modules; i++) {
    const vecd_module *m = &f->modules[i];
    bool has_weights = m->kind != VECD_MODULE_NORMALIZE;
    vecd_assert(m->kind < VECD_MODULE_COUNT && (m->weights_path != NULL) == has_weights && (m->n_in > 0) == has_weights);
    vecd_assert(!m->n_in || m->n_in == width);
    if (m->n_out) width = m->n_out;
  }
  vecd_assert(f->truncate_dim <= width || !f->pooling.dimension);
  vecd_span text = {NULL, 0};
  if (f->default_prompt)
    vecd_assert(vecd_model_folder_prompt(f, f->default_prompt, &text, NULL) == VECD_OK &&
                vecd_utf8_valid_prefix(text.ptr, text.len) == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (folder_fd < 0) set_up();
  const uint8_t *p = data, *end = data + len;
  for (size_t i = 0; i < N_NAMES; i++) {
    const uint8_t *cut = p < end ? memchr(p, 0xff, (size_t)(end - p)) : NULL, *stop = cut ? cut : end;
    if (p < stop)
      put(names[i], p, (size_t)(stop - p));
    else
      unlinkat(folder_fd, names[i], 0);
    p = cut ? cut + 1 : end;
  }
  size_t before = vecd_mem_total_bytes();
  vecd_model_folder f;
  vecd_err err = {VECD_OK, 0, ""};
  vecd_status s = vecd_model_folder_open(folder, &f, &err);
  vecd_assert(s == VECD_OK || s == VECD_BAD_MODEL || s == VECD_UNSUPPORTED || s == VECD_NOT_FOUND || s == VECD_IO);
  if (!s) {
    check(&f);
    vecd_model_folder_close(&f);
  }
  check_end(s, &err, before);
  return 0;
}
