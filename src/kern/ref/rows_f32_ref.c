/* rows_f32_ref.c - the specification of what works row by row: activations, softmax, layer norm. */
#include <math.h>

#include "kern/kern.h"

#define EACH(expression)             \
  for (size_t i = 0; i < rows; i++)  \
    for (size_t j = 0; j < n; j++) { \
      float v = x[i * ld + j];       \
      x[i * ld + j] = (expression);  \
    }

void vecd_act_gelu_f32_ref(float *x, size_t ld, size_t rows, size_t n) { EACH(v * 0.5f * (1.0f + erff(v * 0.70710678f))) }

void vecd_act_gelu_tanh_f32_ref(float *x, size_t ld, size_t rows, size_t n) {
  EACH(v * 0.5f * (1.0f + tanhf(0.79788456f * (v + 0.044715f * v * v * v))))
}

void vecd_act_silu_f32_ref(float *x, size_t ld, size_t rows, size_t n) { EACH(v / (1.0f + expf(-v))) }

void vecd_act_relu_f32_ref(float *x, size_t ld, size_t rows, size_t n) { EACH(v < 0.0f ? 0.0f : v) }

void vecd_softmax_f32_ref(float *x, size_t ld, size_t rows, size_t n, float scale) {
  for (size_t i = 0; i < rows; i++) {
    float *row = x + i * ld, max = -INFINITY, sum = 0.0f;
    for (size_t j = 0; j < n; j++) max = fmaxf(max, row[j]);
    for (size_t j = 0; j < n; j++) sum += row[j] = expf((row[j] - max) * scale);
    for (size_t j = 0; j < n; j++) row[j] /= sum;
  }
}

void vecd_softmax_q16_ref(float *x, size_t ld, size_t rows, size_t n, float scale, int16_t *p, size_t ldp) {
  vecd_softmax_f32_ref(x, ld, rows, n, scale);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < n; j++) p[i * ldp + j] = (int16_t)rintf(x[i * ld + j] * 32767.0f);
    if (n % 2) p[i * ldp + n] = 0;
  }
}

void vecd_layer_norm_f32_ref(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                             const float *beta, float eps, size_t rows, size_t n, float *out, size_t ldo) {
  for (size_t i = 0; i < rows; i++) {
    float *o = out + i * ldo;
    double sum = 0.0, squares = 0.0;
    for (size_t j = 0; j < n; j++) sum += o[j] = x[i * ldx + j] + (residual ? residual[i * ldr + j] : 0.0f);
    double mean = sum / (double)n;
    for (size_t j = 0; j < n; j++) squares += (o[j] - mean) * (o[j] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + (double)eps);
    for (size_t j = 0; j < n; j++) o[j] = (float)((o[j] - mean) * inverse) * gamma[j] + beta[j];
  }
}

void vecd_rms_norm_f32_ref(const float *x, size_t ldx, const float *gamma, float eps, size_t rows, size_t n, float *out,
                           size_t ldo) {
  for (size_t i = 0; i < rows; i++) {
    double squares = 0.0;
    for (size_t j = 0; j < n; j++) squares += (double)x[i * ldx + j] * x[i * ldx + j];
    double inverse = 1.0 / sqrt(squares / (double)n + (double)eps);
    for (size_t j = 0; j < n; j++) out[i * ldo + j] = (float)(x[i * ldx + j] * inverse) * gamma[j];
  }
}

void vecd_add_f32_ref(float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) x[i * ldx + j] += y[i * ldy + j];
}

void vecd_mul_f32_ref(float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) x[i * ldx + j] *= y[i * ldy + j];
}

void vecd_scale_add_f32_ref(float *x, size_t n, float scale, const float *y) {
  for (size_t j = 0; j < n; j++) x[j] = fmaf(x[j], scale, y[j]);
}
