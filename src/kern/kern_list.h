/* kern_list.h - the one place to add an operation: X(name, result, parameters). A kernel file `<name>_<isa>.c` defines
 * `vecd_<name>_<isa>`; the scalar one, `<name>_ref`, is the specification. Kernels allocate nothing, keep no state and may read
 * exactly the elements their contract names.
 *
 * What holds for all: every output element is computed by the same chain of operations whatever the number of rows in the
 * call, so results never depend on how work is split.
 *
 * gemm_f32     c[i][j] = bias[j] + sum over p of a[i][p] * b[p][j], summed by fused multiply-adds in order of p, starting from
 *              the bias. a: `rows` rows of k values, lda floats apart. b: one panel [k][nr] (nr = vecd_kern.nr). bias: [nr].
 *              c: `rows` rows of nr values, ldc floats apart; must not overlap a. rows >= 1, k >= 1. Bit for bit the same on
 *              every ISA.
 * pack_f32     one panel: dst[p][i] = src[i][p] for i < rows, 0 for rows <= i < nr. src: rows of k values, ld floats apart.
 * act_*_f32    in place on `rows` rows of n values, ld floats apart.
 *              gelu: x * Phi(x) by the error function; gelu_tanh: the tanh form (Hendrycks & Gimpel, arXiv:1606.08415);
 *              silu: x / (1 + e^-x); relu. NaN gives NaN, inf gives inf, -inf NaN or next to nothing.
 * softmax_f32  in place on `rows` rows of n values, ld floats apart: e^(scale x - max) / sum. scale > 0.
 * layer_norm_f32  out[i] = (t - mean) / sqrt(var + eps) * gamma + beta with t = x[i] + residual[i] (residual nullable), rows of n
 *              values, ldx / ldr / ldo floats apart; out may be x or residual (Ba et al., arXiv:1607.06450).
 * rms_norm_f32 out[i] = x[i] / sqrt(mean of x^2 + eps) * gamma, rows of n values, ldx / ldo floats apart; out may be x (Zhang and
 *              Sennrich, arXiv:1910.07467).
 * add_f32      x[i] += y[i], mul_f32 x[i] *= y[i]: rows of n values, ldx / ldy floats apart. Bit for bit the same on every ISA.
 * scale_add_f32  x = scale x + y by fused multiply-adds, n values. Bit for bit the same on every ISA.
 * softmax_q16  softmax_f32 as 16-bit integers: p[i][j] = round(32767 softmax), ldp apart, and a 0 behind an odd n. x is destroyed.
 * quantize_q8  activations for gemm_q8: each row in groups of 64 values (the last may be shorter), asymmetric, 8 bits:
 *              q = round(x / scale) + zero in 0 .. 255, with 0 inside the range, so that 0 stays 0. x: `rows` rows of k values,
 *              ldx floats apart. q: rows of whole groups, the last filled up with `zero`, ldq apart. scale, zero: one for each
 *              group, lds apart.
 * weights_q8   one group of n <= 64 finite weights: q[i] = round(x[i] / scale), 0 from n to 63, as q8.h says; their sum; gives the
 *              scale (bfloat16).
 * quantize_q16 q = round(x / scale) within -limit .. limit, one scale for all `rows` rows of n values, and a 0 behind an odd n;
 *              gives the scale, 0 where every x is.
 * pairs_q16    the same as one panel for gemm_q16 whose k runs over the rows: panel[i / 2][j][i % 2], n <= nr columns, filled up
 *              with 0 to nr columns and an even number of rows.
 * gemm_q8      c[i][j] = bias[j] + sum over groups g of scale[i][g] * (ws[g][j] * sum over p in g of (a[i][p] - zero[i][g]) *
 *              w[p][j]), the inner sum in integers, exact, the outer by fused multiply-adds in order of g. panel: as
 *              vecd_q8_pack() lays it out, nr columns. Other parameters as gemm_f32. Bit for bit the same on every ISA.
 * gemm_q16     c[i][j] = factor[i] * sum over p of a[i][p] * b[p / 2][j][p % 2], the sum in integers, exact: it must fit 32 bits. k
 *              is even. Bit for bit the same on every ISA.
 * peak_f32     what the processor can do at best: `loops` rounds of independent multiply-adds that touch registers only. Gives
 *              the number of floating-point operations done. `sink` keeps the compiler honest. */
#ifndef VECD_KERN_LIST_H
#define VECD_KERN_LIST_H

#define VECD_KERN_LIST(X)                                                                                                 \
  X(gemm_f32, void,                                                                                                       \
    (const float *a, size_t lda, const float *b, const float *bias, float *c, size_t ldc, size_t rows, size_t k))         \
  X(pack_f32, void, (const float *src, size_t ld, size_t rows, size_t k, float *dst))                                     \
  X(act_gelu_f32, void, (float *x, size_t ld, size_t rows, size_t n))                                                     \
  X(act_gelu_tanh_f32, void, (float *x, size_t ld, size_t rows, size_t n))                                                \
  X(act_silu_f32, void, (float *x, size_t ld, size_t rows, size_t n))                                                     \
  X(act_relu_f32, void, (float *x, size_t ld, size_t rows, size_t n))                                                     \
  X(softmax_f32, void, (float *x, size_t ld, size_t rows, size_t n, float scale))                                         \
  X(layer_norm_f32, void,                                                                                                 \
    (const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma, const float *beta, float eps,     \
     size_t rows, size_t n, float *out, size_t ldo))                                                                      \
  X(rms_norm_f32, void,                                                                                                   \
    (const float *x, size_t ldx, const float *gamma, float eps, size_t rows, size_t n, float *out, size_t ldo))           \
  X(add_f32, void, (float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n))                             \
  X(mul_f32, void, (float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n))                             \
  X(scale_add_f32, void, (float *x, size_t n, float scale, const float *y))                                               \
  X(softmax_q16, void, (float *x, size_t ld, size_t rows, size_t n, float scale, int16_t *p, size_t ldp))                 \
  X(quantize_q8, void,                                                                                                    \
    (const float *x, size_t ldx, size_t rows, size_t k, uint8_t *q, size_t ldq, float *scale, int32_t *zero, size_t lds)) \
  X(weights_q8, uint16_t, (const float *x, size_t n, int8_t *q, int32_t *sum))                                            \
  X(quantize_q16, float, (const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *q, size_t ldq))      \
  X(pairs_q16, float, (const float *x, size_t ldx, size_t rows, size_t n, int32_t limit, int16_t *panel))                 \
  X(peak_f32, double, (size_t loops, float *sink))

/* Sums of products of integers: there are CPU instructions of their own for them, so ISAs of their own. */
#define VECD_KERN_DOT_LIST(X)                                                                                       \
  X(gemm_q8, void,                                                                                                  \
    (const uint8_t *a, size_t lda, const float *scale, const int32_t *zero, size_t lds, const unsigned char *panel, \
     const float *bias, float *c, size_t ldc, size_t rows, size_t k))                                               \
  X(gemm_q16, void,                                                                                                 \
    (const int16_t *a, size_t lda, const int16_t *b, const float *factor, float *c, size_t ldc, size_t rows, size_t k))

#endif
