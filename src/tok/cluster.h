/* cluster.h - extended grapheme clusters (Unicode Standard Annex 29): what people take for one character. */
#ifndef VECD_TOK_CLUSTER_H
#define VECD_TOK_CLUSTER_H

/* The end of the cluster that begins at p < end, in valid UTF-8. Pairs of regional indicators are not joined: who asks does so for
 * clusters of less than six bytes, which no flag is. */
const char *vecd_cluster_end(const char *p, const char *end);

#endif
