/* admission.c - see admission.h. */
#include "api/admission.h"

#include "base/mem.h"

size_t vecd_admission_left(const vecd_admission *a) {
  size_t taken = vecd_mem_bytes(VECD_MEM_REQUEST) + vecd_mem_bytes(VECD_MEM_HTTP) + atomic_load(&a->promised_bytes);
  return taken < a->most_bytes ? a->most_bytes - taken : 0;
}

bool vecd_admission_take(vecd_admission *a, size_t n_bytes) {
  if (n_bytes > vecd_admission_left(a)) return false;
  atomic_fetch_add(&a->promised_bytes, n_bytes);
  return true;
}

void vecd_admission_give(vecd_admission *a, size_t n_bytes) { atomic_fetch_sub(&a->promised_bytes, n_bytes); }
