/* rows_f32_body.h - activations, softmax and layer norm for any vector of vec_*.h; included once by each
 * rows_f32_<isa>.c. The order of every sum depends on n alone.
 *
 * Errors of functions of one variable were measured over all float32; tests/kern holds them and derives those of the rows. A
 * NaN comes through everything; so that it does, vf_max and vf_min take x second. */

/* e^x for x <= 88, 0 for x < -87.3: Cody-Waite reduction and the polynomial of Cephes' expf (Moshier), within 1.02 ulp. */
static inline vf exp_vf(vf x) {
  vf n = vf_round(vf_mul(x, vf_set1(1.44269504f)));
  vf r = vf_fnma(n, vf_set1(0.693359375f), x);
  r = vf_fnma(n, vf_set1(-2.12194440e-4f), r);
  vf p = vf_set1(1.9875691500e-4f);
  p = vf_fma(p, r, vf_set1(1.3981999507e-3f));
  p = vf_fma(p, r, vf_set1(8.3334519073e-3f));
  p = vf_fma(p, r, vf_set1(4.1665795894e-2f));
  p = vf_fma(p, r, vf_set1(1.6666665459e-1f));
  p = vf_fma(p, r, vf_set1(5.0000001201e-1f));
  p = vf_add(vf_fma(p, vf_mul(r, r), r), vf_set1(1.0f));
  return vf_zero_below(vf_scale2(p, vf_max(n, vf_set1(-126.0f))), x, -87.3f);
}

/* x Phi(x), Phi(x) = 1/2 + x P(x^2) with a minimax polynomial of degree 14 on |x| <= 5.375, beyond which Phi is 0 or 1 to
 * single precision. In s = 2 x^2 / 5.375^2 - 1 its coefficients stay small; found by tools/fit_gelu.py. From x = -1 on within
 * 5.5 ulp, below, where the result fades, within 4e-7. */
static inline vf gelu_vf(vf x) {
  vf w = vf_max(vf_set1(-5.375f), x), z = vf_min(vf_set1(5.375f), w);
  vf s = vf_fma(vf_mul(z, z), vf_set1((float)(2.0 / (5.375 * 5.375))), vf_set1(-1.0f));
  vf p = vf_set1(3.272800532e-04f);
  p = vf_fma(p, s, vf_set1(-9.380858392e-04f));
  p = vf_fma(p, s, vf_set1(9.554300341e-04f));
  p = vf_fma(p, s, vf_set1(-1.223766827e-03f));
  p = vf_fma(p, s, vf_set1(3.372432431e-03f));
  p = vf_fma(p, s, vf_set1(-6.422431674e-03f));
  p = vf_fma(p, s, vf_set1(9.539805353e-03f));
  p = vf_fma(p, s, vf_set1(-1.381368190e-02f));
  p = vf_fma(p, s, vf_set1(1.944278181e-02f));
  p = vf_fma(p, s, vf_set1(-2.563173883e-02f));
  p = vf_fma(p, s, vf_set1(3.211868554e-02f));
  p = vf_fma(p, s, vf_set1(-3.930736333e-02f));
  p = vf_fma(p, s, vf_set1(4.869049042e-02f));
  p = vf_fma(p, s, vf_set1(-6.562235206e-02f));
  p = vf_fma(p, s, vf_set1(1.315357685e-01f));
  return vf_mul(w, vf_fma(z, p, vf_set1(0.5f)));
}

/* x / (1 + e^-t) for t >= -88. */
static inline vf gate_vf(vf x, vf t) { return vf_div(x, vf_add(vf_set1(1.0f), exp_vf(vf_sub(vf_set1(0.0f), t)))); }

/* From x = -1 on within 2 ulp, below within 4e-8. */
static inline vf silu_vf(vf x) {
  vf w = vf_max(vf_set1(-88.0f), x);
  return gate_vf(w, w);
}

/* 0.5 x (1 + tanh(u)) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). From x = -1 on within 3 ulp, below within 5e-8. */
static inline vf gelu_tanh_vf(vf x) {
  vf w = vf_max(vf_set1(-10.0f), x);
  vf inner = vf_fma(vf_mul(vf_mul(w, w), w), vf_set1(0.044715f), w);
  return gate_vf(w, vf_mul(inner, vf_set1(1.59576912f)));
}

static inline vf relu_vf(vf x) { return vf_max(vf_set1(0.0f), x); }

#define ACTIVATION(op, function)                                                    \
  void VF_NAME(op)(float *x, size_t ld, size_t rows, size_t n) {                    \
    for (size_t i = 0; i < rows; i++, x += ld) {                                    \
      size_t j = 0;                                                                 \
      for (; j + VF_N <= n; j += VF_N) vf_store(x + j, function(vf_load(x + j)));   \
      if (j < n) vf_store_part(x + j, function(vf_load_part(x + j, n - j)), n - j); \
    }                                                                               \
  }

ACTIVATION(act_gelu_f32, gelu_vf)
ACTIVATION(act_gelu_tanh_f32, gelu_tanh_vf)
ACTIVATION(act_silu_f32, silu_vf)
ACTIVATION(act_relu_f32, relu_vf)

/* 2^t for t <= 0, 2^-125 for what is less: a whole number by which the exponent moves, and a polynomial for -1/2 .. 1/2 (minimax
 * for the relative error, which is 9.2e-8; 2^0 is 1). Adding 1.5 2^23 rounds to a whole number, whose low bits it then has. */
static inline vf exp2_vf(vf t) {
  vf magic = vf_set1(12582912.0f);
  t = vf_max(vf_set1(-125.0f), t);
  vf whole = vf_add(t, magic), f = vf_sub(t, vf_sub(whole, magic));
  vf p = vf_fma(vf_set1(1.3264727124e-03f), f, vf_set1(9.6715126448e-03f));
  p = vf_fma(p, f, vf_set1(5.5507337435e-02f));
  p = vf_fma(p, f, vf_set1(2.4022242085e-01f));
  p = vf_fma(p, f, vf_set1(6.9314697760e-01f));
  p = vf_fma(p, f, vf_set1(1.0f));
  return vf_of_bits(vi_add(vf_bits(p), vi_shift_left(vf_bits(whole), 23)));
}

/* e^(scale x - max) in place; gives their sum. */
static inline float exps_of_row(float *x, size_t n, float scale) {
  size_t whole = n / VF_N * VF_N, rest = n - whole, j = 0;
  vf by = vf_set1(scale * 1.44269504f), lowest = vf_set1(-__builtin_inff()), top = lowest, top2 = lowest, sum = vf_set1(0.0f);
  for (; j + 2 * VF_N <= whole; j += 2 * VF_N) {
    top = vf_max(top, vf_load(x + j));
    top2 = vf_max(top2, vf_load(x + j + VF_N));
  }
  if (j < whole) top = vf_max(top, vf_load(x + j));
  if (rest) top2 = vf_max(top2, vf_keep(vf_load_part(x + whole, rest), lowest, rest));
  vf max = vf_set1(vf_top(vf_max(top, top2)));
  for (j = 0; j < whole; j += VF_N) {
    vf e = exp2_vf(vf_mul(vf_sub(vf_load(x + j), max), by));
    vf_store(x + j, e);
    sum = vf_add(sum, e);
  }
  if (rest) {
    vf e = exp2_vf(vf_mul(vf_sub(vf_load_part(x + whole, rest), max), by));
    vf_store_part(x + whole, e, rest);
    sum = vf_add(sum, vf_keep(e, vf_set1(0.0f), rest));
  }
  return vf_sum(sum);
}

/* scale > 0. With u = 2^-24 and m = n / VF_N + log2 VF_N: a result p of d = scale (x - max) is within p (3.3 (|d| + ln n) + m +
 * 8) u + 2.4e-38 of exact, and a row's results add up to 1 within (m + 3) u. -inf counts nothing; NaN,
 * inf and rows of nothing but -inf give NaN. */
void VF_NAME(softmax_f32)(float *x, size_t ld, size_t rows, size_t n, float scale) {
  size_t whole = n / VF_N * VF_N, rest = n - whole;
  for (size_t i = 0; i < rows; i++, x += ld) {
    vf inverse = vf_set1(1.0f / exps_of_row(x, n, scale));
    for (size_t j = 0; j < whole; j += VF_N) vf_store(x + j, vf_mul(vf_load(x + j), inverse));
    if (rest) vf_store_part(x + whole, vf_mul(vf_load_part(x + whole, rest), inverse), rest);
  }
}

/* Within half a step of what softmax_f32 would give. */
void VF_NAME(softmax_q16)(float *x, size_t ld, size_t rows, size_t n, float scale, int16_t *p, size_t ldp) {
  for (size_t i = 0; i < rows; i++, x += ld, p += ldp) {
    vf by = vf_set1(32767.0f / exps_of_row(x, n, scale));
    size_t j = 0;
    for (; j + 2 * VF_N <= n; j += 2 * VF_N)
      vi_store_s16(p + j, vi_round(vf_mul(vf_load(x + j), by)), vi_round(vf_mul(vf_load(x + j + VF_N), by)));
    for (; j < n; j++) p[j] = (int16_t)vi_first(vi_round(vf_mul(vf_set1(x[j]), by)));
    if (n % 2) p[n] = 0;
  }
}

/* With u and m as above, r = 1 / sqrt(var + eps) and d = t - mean: the mean is off by at most D = (m + 2) u mean|t|, the result by
 * |gamma| r (D + |d| ((m / 2 + 7) u + D^2 r^2 / 2)) + u |result|. The sum of squares must stay below FLT_MAX. */
void VF_NAME(layer_norm_f32)(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                             const float *beta, float eps, size_t rows, size_t n, float *out, size_t ldo) {
  size_t whole = n / VF_N * VF_N, rest = n - whole;
  float inverse_n = 1.0f / (float)n;
  for (size_t i = 0; i < rows; i++, x += ldx, out += ldo) {
    vf sum = vf_set1(0.0f), squares = vf_set1(0.0f);
    for (size_t j = 0; j < whole; j += VF_N) {
      vf t = vf_load(x + j);
      if (residual) t = vf_add(t, vf_load(residual + j));
      vf_store(out + j, t);
      sum = vf_add(sum, t);
    }
    if (rest) {
      vf t = vf_load_part(x + whole, rest);
      if (residual) t = vf_add(t, vf_load_part(residual + whole, rest));
      vf_store_part(out + whole, t, rest);
      sum = vf_add(sum, t);
    }
    vf mean = vf_set1(vf_sum(sum) * inverse_n);
    for (size_t j = 0; j < whole; j += VF_N) {
      vf d = vf_sub(vf_load(out + j), mean);
      squares = vf_fma(d, d, squares);
    }
    if (rest) {
      vf d = vf_keep(vf_sub(vf_load_part(out + whole, rest), mean), vf_set1(0.0f), rest);
      squares = vf_fma(d, d, squares);
    }
    vf inverse = vf_set1(1.0f / __builtin_sqrtf(vf_sum(squares) * inverse_n + eps));
    for (size_t j = 0; j < whole; j += VF_N) {
      vf d = vf_mul(vf_sub(vf_load(out + j), mean), inverse);
      vf_store(out + j, vf_fma(d, vf_load(gamma + j), vf_load(beta + j)));
    }
    if (rest) {
      vf d = vf_mul(vf_sub(vf_load_part(out + whole, rest), mean), inverse);
      vf_store_part(out + whole, vf_fma(d, vf_load_part(gamma + whole, rest), vf_load_part(beta + whole, rest)), rest);
    }
    if (residual) residual += ldr;
  }
}

/* With u and m as above: the mean of squares is off by (m + 3) u of itself at most, the result by ((m + 3) / 2 + 5) u of itself. */
void VF_NAME(rms_norm_f32)(const float *x, size_t ldx, const float *gamma, float eps, size_t rows, size_t n, float *out,
                           size_t ldo) {
  size_t whole = n / VF_N * VF_N, rest = n - whole;
  float inverse_n = 1.0f / (float)n;
  for (size_t i = 0; i < rows; i++, x += ldx, out += ldo) {
    vf squares = vf_set1(0.0f);
    for (size_t j = 0; j < whole; j += VF_N) {
      vf v = vf_load(x + j);
      squares = vf_fma(v, v, squares);
    }
    if (rest) {
      vf v = vf_load_part(x + whole, rest);
      squares = vf_fma(v, v, squares);
    }
    vf inverse = vf_set1(1.0f / __builtin_sqrtf(vf_sum(squares) * inverse_n + eps));
    for (size_t j = 0; j < whole; j += VF_N) vf_store(out + j, vf_mul(vf_mul(vf_load(x + j), inverse), vf_load(gamma + j)));
    if (rest)
      vf_store_part(out + whole, vf_mul(vf_mul(vf_load_part(x + whole, rest), inverse), vf_load_part(gamma + whole, rest)),
                    rest);
  }
}

#define PAIRWISE(op, function)                                                                                  \
  void VF_NAME(op)(float *x, size_t ldx, const float *y, size_t ldy, size_t rows, size_t n) {                   \
    for (size_t i = 0; i < rows; i++, x += ldx, y += ldy) {                                                     \
      size_t j = 0;                                                                                             \
      for (; j + VF_N <= n; j += VF_N) vf_store(x + j, function(vf_load(x + j), vf_load(y + j)));               \
      if (j < n) vf_store_part(x + j, function(vf_load_part(x + j, n - j), vf_load_part(y + j, n - j)), n - j); \
    }                                                                                                           \
  }

PAIRWISE(add_f32, vf_add)
PAIRWISE(mul_f32, vf_mul)

void VF_NAME(scale_add_f32)(float *x, size_t n, float scale, const float *y) {
  vf by = vf_set1(scale);
  size_t j = 0;
  for (; j + VF_N <= n; j += VF_N) vf_store(x + j, vf_fma(vf_load(x + j), by, vf_load(y + j)));
  if (j < n) vf_store_part(x + j, vf_fma(vf_load_part(x + j, n - j), by, vf_load_part(y + j, n - j)), n - j);
}
