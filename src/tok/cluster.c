/* cluster.c - the rules GB3 to GB11, by the classes of unicode_class.h. */
#include "tok/cluster.h"

#include "base/utf8.h"
#include "tok/unicode_class.h"

typedef struct walk {
  unsigned before;                                      /* the class of the last character */
  enum { NO_PICTURE, PICTURE, PICTURE_JOINED } picture; /* a picture and its extenders; and a joiner */
  enum { NO_CONSONANT, CONSONANT, LINKED } consonant;   /* a consonant and its conjoiners; and a linker */
} walk;

static void take(walk *w, const vecd_unicode_class *class) {
  unsigned c = class->cluster;
  if (c == VECD_CLUSTER_PICTURE)
    w->picture = PICTURE;
  else if (w->picture == PICTURE && c == VECD_CLUSTER_ZWJ)
    w->picture = PICTURE_JOINED;
  else if (w->picture != PICTURE || c != VECD_CLUSTER_EXTEND)
    w->picture = NO_PICTURE;
  if (class->flags & VECD_CLASS_CONSONANT)
    w->consonant = CONSONANT;
  else if (w->consonant != NO_CONSONANT && (class->flags & VECD_CLASS_LINKER))
    w->consonant = LINKED;
  else if (!(class->flags & VECD_CLASS_CONJOINER))
    w->consonant = NO_CONSONANT;
  w->before = c;
}

static bool joins(const walk *w, const vecd_unicode_class *class) {
  unsigned a = w->before, b = class->cluster;
  if (a == VECD_CLUSTER_CR) return b == VECD_CLUSTER_LF;
  if (a == VECD_CLUSTER_LF || a == VECD_CLUSTER_CONTROL) return false;
  switch (b) {
  case VECD_CLUSTER_EXTEND:
  case VECD_CLUSTER_ZWJ:
  case VECD_CLUSTER_SPACING: return true;
  case VECD_CLUSTER_CR:
  case VECD_CLUSTER_LF:
  case VECD_CLUSTER_CONTROL: return false;
  default: break;
  }
  if (a == VECD_CLUSTER_PREPEND) return true;
  if (w->picture == PICTURE_JOINED && b == VECD_CLUSTER_PICTURE) return true;
  if (w->consonant == LINKED && (class->flags & VECD_CLASS_CONSONANT)) return true;
  if (a == VECD_CLUSTER_L) return b == VECD_CLUSTER_L || b == VECD_CLUSTER_V || b == VECD_CLUSTER_LV || b == VECD_CLUSTER_LVT;
  if (a == VECD_CLUSTER_LV || a == VECD_CLUSTER_V) return b == VECD_CLUSTER_V || b == VECD_CLUSTER_T;
  if (a == VECD_CLUSTER_LVT || a == VECD_CLUSTER_T) return b == VECD_CLUSTER_T;
  return false;
}

const char *vecd_cluster_end(const char *p, const char *end) {
  walk w = {0};
  take(&w, vecd_unicode_class_get(vecd_utf8_next(&p)));
  while (p < end) {
    const char *next = p;
    const vecd_unicode_class *class = vecd_unicode_class_get(vecd_utf8_next(&next));
    if (!joins(&w, class)) break;
    take(&w, class);
    p = next;
  }
  return p;
}
