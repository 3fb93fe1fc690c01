/* compose.h - the normalization forms C, KC and KD as passes over aligned text. (Form D is a step of normalizer.c's own pass.) */
#ifndef VECD_TOK_COMPOSE_H
#define VECD_TOK_COMPOSE_H

#include "tok/marks.h"
#include "tok/transform.h"

typedef enum vecd_form { VECD_FORM_C, VECD_FORM_KC, VECD_FORM_KD } vecd_form;

/* Working room; zeroed is legal. */
typedef struct vecd_compose_scratch {
  vecd_mark_run marks; /* decomposed, waiting for canonical order */
  vecd_mark_run kept;  /* in order, not composed, waiting for the end of their cluster */
} vecd_compose_scratch;

/* Appends the form of what `t` is laid over; t->out->failed when memory is out. */
void vecd_compose_text(vecd_form form, vecd_transform *t, vecd_compose_scratch *scratch);

void vecd_compose_scratch_fini(vecd_compose_scratch *scratch);

#endif
