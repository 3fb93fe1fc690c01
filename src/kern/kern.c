/* kern.c - which kernel serves each operation. */
#include "kern/kern.h"

#include <string.h>

#include "base/cpu.h"

#define USE(table, isa_name, op) ((table)->op = vecd_##op##_##isa_name, (table)->op##_isa = #isa_name)

#define AVX2_NEEDS   (VECD_CPU_AVX2 | VECD_CPU_FMA)
#define AVX512_NEEDS (AVX2_NEEDS | VECD_CPU_AVX512)

void vecd_kern_init(vecd_kern *table, unsigned features) {
  table->isa = "ref";
  table->mr = 4;
  table->nr = 8;
#define X(name, result, params) USE(table, ref, name);
  VECD_KERN_LIST(X)
  VECD_KERN_Q8_LIST(X)
#undef X
  table->q8_nr = 8;
  table->q8_bytes = 1;
#if defined(__x86_64__)
  if ((features & AVX2_NEEDS) == AVX2_NEEDS) {
    table->isa = "avx2";
    table->mr = 6;
    table->nr = 16;
#define X(name, result, params) USE(table, avx2, name);
    VECD_KERN_LIST(X)
    VECD_KERN_Q8_LIST(X)
#undef X
    table->q8_nr = 16;
    table->q8_bytes = 2;
  }
  if ((features & AVX512_NEEDS) == AVX512_NEEDS) {
    table->isa = "avx512";
    table->mr = 12;
    table->nr = 32;
#define X(name, result, params) USE(table, avx512, name);
    VECD_KERN_LIST(X)
#undef X
    if (features & VECD_CPU_AVX512_VNNI) {
#define X(name, result, params) USE(table, avx512vnni, name);
      VECD_KERN_Q8_LIST(X)
#undef X
      table->q8_nr = 32;
      table->q8_bytes = 1;
    }
  }
#else
  (void)features;
#endif
}

vecd_status vecd_kern_choose(vecd_kern *table, const char *isa, vecd_err *err) {
  static const struct {
    const char *name;
    unsigned features, more; /* needed, and used where there */
  } sets[] = {{"ref", 0, 0}, {"avx2", AVX2_NEEDS, 0}, {"avx512", AVX512_NEEDS, VECD_CPU_AVX512_VNNI}};
  unsigned have = vecd_cpu_features();
  if (!isa) {
    vecd_kern_init(table, have);
    return VECD_OK;
  }
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    if (strcmp(isa, sets[i].name) != 0) continue;
    if ((have & sets[i].features) != sets[i].features)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "isa: this CPU has no %s; leave it out to use the best it has",
                          isa);
    vecd_kern_init(table, sets[i].features | (have & sets[i].more));
    return VECD_OK;
  }
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "isa: \"%s\" is not one of ref, avx2, avx512", isa);
}
