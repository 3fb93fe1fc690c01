/* kern.c - which kernel serves each operation. */
#include "kern/kern.h"

#include <string.h>

#include "base/cpu.h"

#define USE(table, isa_name, op) ((table)->op = vecd_##op##_##isa_name, (table)->op##_isa = #isa_name)

/* One row a set: what it is called, needs of the CPU, its tile, and who serves the two lists. Later ones are better. */
#define AVX2_NEEDS   (VECD_CPU_AVX2 | VECD_CPU_FMA)
#define AVX512_NEEDS (AVX2_NEEDS | VECD_CPU_AVX512)
#define SET_LIST(X)         \
  X(ref, 0, 4, 8, ref, ref) \
  X86_SET_LIST(X)
#if defined(__x86_64__)
#define X86_SET_LIST(X)                                            \
  X(avx2, AVX2_NEEDS, 6, 16, avx2, avx2)                           \
  X(avxvnni, AVX2_NEEDS | VECD_CPU_AVX_VNNI, 6, 16, avx2, avxvnni) \
  X(avx512, AVX512_NEEDS, 12, 32, avx512, avx512)                  \
  X(avx512vnni, AVX512_NEEDS | VECD_CPU_AVX512_VNNI, 12, 32, avx512, avx512vnni)
#else
#define X86_SET_LIST(X)
#endif

const char *const vecd_kern_isas[] = {
#define X(set, needs, tile_mr, tile_nr, list, dot_list) #set,
    SET_LIST(X)
#undef X
        NULL};

#define FILL(set, needs, tile_mr, tile_nr, list, dot_list)        \
  static void fill_##set(vecd_kern *table) {                      \
    table->isa = #set;                                            \
    table->mr = tile_mr;                                          \
    table->nr = tile_nr;                                          \
    VECD_KERN_LIST(USE_##list) VECD_KERN_DOT_LIST(USE_##dot_list) \
  }
#define USE_ref(op, result, params)        USE(table, ref, op);
#define USE_avx2(op, result, params)       USE(table, avx2, op);
#define USE_avxvnni(op, result, params)    USE(table, avxvnni, op);
#define USE_avx512(op, result, params)     USE(table, avx512, op);
#define USE_avx512vnni(op, result, params) USE(table, avx512vnni, op);
SET_LIST(FILL)

static const struct {
  const char *name;
  unsigned needs;
  void (*fill)(vecd_kern *table);
} sets[] = {
#define X(set, needs, tile_mr, tile_nr, list, dot_list) {#set, needs, fill_##set},
    SET_LIST(X)
#undef X
};
#define N_SETS (sizeof sets / sizeof *sets)

void vecd_kern_init(vecd_kern *table, unsigned features) {
  for (size_t i = N_SETS; i-- > 0;)
    if ((features & sets[i].needs) == sets[i].needs) {
      sets[i].fill(table);
      return;
    }
}

vecd_status vecd_kern_choose(vecd_kern *table, const char *isa, vecd_err *err) {
  unsigned have = vecd_cpu_features();
  if (!isa) {
    vecd_kern_init(table, have);
    return VECD_OK;
  }
  for (size_t i = 0; i < N_SETS; i++) {
    if (strcmp(isa, sets[i].name) != 0) continue;
    if ((have & sets[i].needs) != sets[i].needs)
      return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "isa: this CPU has no %s; leave it out to use the best it has",
                          isa);
    sets[i].fill(table);
    return VECD_OK;
  }
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS,
                      "isa: \"%s\" is not one of ref, avx2, avxvnni, avx512, avx512vnni (those this program has kernels for)",
                      isa);
}
