/* golden.h - reading what lies in tests/golden and comparing vectors with it, for cmocka programs: whatever is not there or not as
 * it must be fails the test. VECD_SOURCE_ROOT is the repository, by default the folder one stands in. */
#ifndef VECD_GOLDEN_GOLDEN_H
#define VECD_GOLDEN_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fmt/json.h"

#define GOLDEN_PATH_BYTES 2048

/* tests/golden/<name> of the repository. */
static inline void golden_path(char out[GOLDEN_PATH_BYTES], const char *name) {
  const char *root = getenv("VECD_SOURCE_ROOT");
  int n = snprintf(out, GOLDEN_PATH_BYTES, "%s/tests/golden/%s", root ? root : ".", name);
  assert_true(n > 0 && n < GOLDEN_PATH_BYTES);
}

/* folder/name */
static inline void join_path(char out[GOLDEN_PATH_BYTES], const char *folder, const char *name) {
  if (snprintf(out, GOLDEN_PATH_BYTES, "%s/%s", folder, name) >= GOLDEN_PATH_BYTES) fail_msg("%s: path too long", folder);
}

/* The caller gives it back with json_decref(). */
static inline json_t *read_json(const char *path) {
  vecd_err err = {0};
  json_t *root = NULL;
  if (vecd_json_read(path, (size_t)64 << 20, &root, &err)) fail_msg("%s", err.text);
  return root;
}

static inline json_t *read_golden_json(const char *name) {
  char path[GOLDEN_PATH_BYTES];
  golden_path(path, name);
  return read_json(path);
}

/* Rows of floats that numpy.save() wrote. */
typedef struct npy {
  vecd_mapping file; /* vecd_mapping_close() ends all of it */
  size_t width;
  const float *values; /* [n_rows, width] */
} npy;

/* The file must hold n_rows rows and nothing after them. */
static inline void open_npy(npy *out, const char *path, size_t n_rows) {
  vecd_err err;
  if (vecd_mapping_open(path, &out->file, &err)) fail_msg("%s", err.text);
  size_t header = 10u + out->file.ptr[8] + 256u * out->file.ptr[9]; /* version 1.0: magic, version, length, a Python dict */
  assert_true(n_rows > 0 && out->file.len > header);
  out->width = (out->file.len - header) / sizeof(float) / n_rows;
  assert_int_equal(out->file.len, header + n_rows * out->width * sizeof(float));
  assert_true(out->width > 0);
  out->values = (const float *)(const void *)(out->file.ptr + header);
}

static inline int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* Calls visit() with path and name of each folder in tests/golden/<where>, by name; hidden ones are left out. */
static inline void each_golden_folder(const char *where, void (*visit)(const char *path, const char *name, void *ctx),
                                      void *ctx) {
  char all[GOLDEN_PATH_BYTES], path[GOLDEN_PATH_BYTES];
  struct dirent **entries;
  golden_path(all, where);
  int n = scandir(all, &entries, NULL, by_name);
  if (n < 0) fail_msg("%s cannot be listed", all);
  for (int i = 0; i < n; i++) {
    join_path(path, all, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.' && vecd_dir_exists(path)) visit(path, entries[i]->d_name, ctx);
    free(entries[i]);
  }
  free(entries);
}

/* The larger; NaN if either is, which fmax() and a plain comparison would lose at the next number. */
static inline double larger(double a, double b) { return isnan(a) || a > b ? a : b; }

/* For qsort() of doubles, none of them NaN. */
static inline int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double dot(const float *a, const float *b, size_t width) {
  double sum = 0;
  for (size_t j = 0; j < width; j++) sum += (double)a[j] * b[j];
  return sum;
}

/* NaN if a value is, or a vector is zero. */
static inline double cosine(const float *a, const float *b, size_t width) {
  return dot(a, b, width) / sqrt(dot(a, a, width) * dot(b, b, width));
}

/* Of [n_rows, width]: the largest difference, in a row whose largest value is over 1 as a part of that; NaN if a difference is. */
static inline double largest_difference(const float *want, const float *got, size_t n_rows, size_t width) {
  double worst = 0;
  for (size_t i = 0; i < n_rows; i++, want += width, got += width) {
    double largest = 1, difference = 0;
    for (size_t j = 0; j < width; j++) {
      largest = fmax(largest, fabs((double)want[j]));
      difference = larger(difference, fabs((double)got[j] - want[j]));
    }
    worst = larger(worst, difference / largest);
  }
  return worst;
}

/* Of [n_rows, width]: distances of cosines from 1, the largest as a share of `most` or the median as a share of `median`, whichever
 * is more. A NaN counts as 2; a vector of zeros must stay one. */
static inline double share_of_angles(const float *want, const float *got, size_t n_rows, size_t width, double most,
                                     double median) {
  double *angles = calloc(n_rows, sizeof *angles);
  assert_non_null(angles);
  for (size_t i = 0; i < n_rows; i++, want += width, got += width) {
    bool zero = dot(want, want, width) == 0;
    assert_true(zero == (dot(got, got, width) == 0));
    angles[i] = zero ? 0 : 1 - cosine(want, got, width);
    if (isnan(angles[i])) angles[i] = 2;
  }
  qsort(angles, n_rows, sizeof *angles, by_value);
  double share = larger(angles[n_rows - 1] / most, angles[n_rows / 2] / median);
  free(angles);
  return share;
}

#endif
