/* word_list.h - "a,b" and "c" of a flag that may be given several times, made into a, b and c. */
#ifndef VECD_CMD_WORD_LIST_H
#define VECD_CMD_WORD_LIST_H

#include "cmd/settings.h"

typedef struct vecd_word_list {
  char *room; /* all words */
  const char **words;
  size_t n;
} vecd_word_list;

/* Cuts every value at its commas. Blanks around a word, and words of nothing, are left out. VECD_OK; VECD_NO_MEMORY. Undo in any
 * case; a zeroed one is legal. */
VECD_CHECK vecd_status vecd_word_list_cut(const vecd_setting_values *values, vecd_word_list *out, vecd_err *err);
void vecd_word_list_fini(vecd_word_list *list);

#endif
