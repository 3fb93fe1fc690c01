/* word_list.c - see word_list.h. */
#include "cmd/word_list.h"

#include <string.h>

#include "base/mem.h"

vecd_status vecd_word_list_cut(const vecd_setting_values *values, vecd_word_list *out, vecd_err *err) {
  size_t n_bytes = 0, n_most = 0;
  *out = (vecd_word_list){.n = 0};
  for (size_t i = 0; i < values->n; i++) {
    n_bytes += strlen(values->text[i]) + 1;
    n_most++;
    for (const char *p = values->text[i]; *p; p++) n_most += *p == ',';
  }
  out->room = vecd_alloc(VECD_MEM_MISC, n_bytes);
  out->words = vecd_alloc_array(VECD_MEM_MISC, n_most, sizeof *out->words);
  if (!out->room || !out->words) return vecd_err_no_memory(err, "a list of words", n_bytes);
  char *to = out->room;
  for (size_t i = 0; i < values->n; i++)
    for (const char *p = values->text[i]; *p; p += strspn(p, " ,")) {
      size_t len = strcspn(p, ","), kept = len;
      while (kept && p[kept - 1] == ' ') kept--;
      if (kept) {
        out->words[out->n++] = to;
        memcpy(to, p, kept);
        to[kept] = '\0';
        to += kept + 1;
      }
      p += len;
    }
  return VECD_OK;
}

void vecd_word_list_fini(vecd_word_list *list) {
  vecd_free(list->room);
  vecd_free(list->words);
  *list = (vecd_word_list){.n = 0};
}
