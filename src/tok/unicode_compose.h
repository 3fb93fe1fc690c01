/* unicode_compose.h - the tables behind NFC, NFKC and NFKD (unicode_compose_tab.c, made by tools/make_unicode_class.py). */
#ifndef VECD_TOK_UNICODE_COMPOSE_H
#define VECD_TOK_UNICODE_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

typedef struct vecd_unicode_pair {
  uint32_t second, first, composed;
} vecd_unicode_pair;

typedef struct vecd_unicode_compatible {
  uint32_t c;
  uint16_t at, len; /* in vecd_unicode_compatible_pool */
} vecd_unicode_compatible;

extern const vecd_unicode_pair vecd_unicode_pairs[]; /* sorted by second, then first */
extern const size_t vecd_unicode_n_pairs;
extern const vecd_unicode_compatible vecd_unicode_compatibles[]; /* sorted by c; only where NFKD is not NFD */
extern const size_t vecd_unicode_n_compatibles;
extern const uint32_t vecd_unicode_compatible_pool[];

#endif
