/* q8.c - lays quantized weights out as gemm_q8 reads them. */
#include "kern/q8.h"

void vecd_q8_pack(const vecd_kern *kern, const float *src, size_t ld, size_t rows, size_t k, unsigned char *panel) {
  size_t nr = kern->nr;
  for (size_t first = 0; first < k; first += VECD_Q8_GROUP, panel += vecd_q8_block_bytes(nr)) {
    size_t n = k - first < VECD_Q8_GROUP ? k - first : VECD_Q8_GROUP;
    unsigned char *scales = panel + nr * VECD_Q8_GROUP, *sums = scales + 2 * nr;
    if (rows < nr) memset(panel, 0, vecd_q8_block_bytes(nr));
    for (size_t j = 0; j < rows; j++) {
      int8_t q[VECD_Q8_GROUP];
      int32_t sum;
      uint16_t scale = kern->weights_q8(src + j * ld + first, n, q, &sum);
      int16_t sum16 = (int16_t)sum;
      for (size_t p = 0; p < VECD_Q8_GROUP; p += 4) memcpy(panel + (p / 4 * nr + j) * 4, q + p, 4);
      memcpy(scales + 2 * j, &scale, 2);
      memcpy(sums + 2 * j, &sum16, 2);
    }
  }
}
