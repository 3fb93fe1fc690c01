/* plan.c - apart or together.
 *
 * Apart, each worker takes about CHUNK_TOKENS tokens of whole sequences through all layers without ever waiting: the best for
 * large batches. Together, all workers are on one chunk: the best for one text or a few, where apart would leave workers idle.
 * Then each takes some of the rows, if there are enough of them to make streaming all the weights worth while; else some of the
 * columns of every product. Which is faster is estimated from the token counts. */
#include "nn/plan.h"

/* Tokens for which a worker streams the weights once: enough to make that cheap, few enough to stay in the second-level cache.
 */
#define CHUNK_TOKENS 128

/* What barriers and smaller products cost the workers together, as a share of the work and in tokens' worth of time. */
#define TOGETHER_SHARE  16
#define TOGETHER_TOKENS 4

static void sort_longest_first(vecd_plan *plan, const uint32_t *lens, size_t n_seqs, size_t most, uint32_t *counts) {
  for (size_t i = 0; i <= most; i++) counts[i] = 0;
  for (size_t i = 0; i < n_seqs; i++) counts[lens[i]]++;
  for (size_t i = most, at = 0; i != (size_t)-1; i--) { /* counts[len] becomes the first place of that length */
    uint32_t n = counts[i];
    counts[i] = (uint32_t)at;
    at += n;
  }
  for (size_t i = 0; i < n_seqs; i++) plan->order[counts[lens[i]]++] = (uint32_t)i;
}

/* Fills chunks greedily up to `target` tokens each; gives the time the slowest of n_workers would take, in tokens. */
static size_t cut(vecd_plan *plan, const uint32_t *lens, size_t n_seqs, size_t target) {
  plan->n_chunks = 0;
  size_t tokens = 0;
  for (size_t i = 0; i < n_seqs; i++) {
    size_t len = lens[plan->order[i]];
    if (i == 0 || tokens + len > target) {
      plan->chunks[plan->n_chunks++] = (vecd_chunk){(uint32_t)i, (uint32_t)i, false};
      tokens = 0;
    }
    plan->chunks[plan->n_chunks - 1].end = (uint32_t)i + 1;
    tokens += len;
  }
  return plan->n_chunks;
}

static size_t chunk_tokens(const vecd_plan *plan, size_t chunk, const uint32_t *lens) {
  size_t sum = 0;
  for (uint32_t i = plan->chunks[chunk].first; i < plan->chunks[chunk].end; i++) sum += lens[plan->order[i]];
  return sum;
}

/* Tokens of the busiest worker when each takes the next chunk as it becomes free. */
static size_t makespan(const vecd_plan *plan, const uint32_t *lens, unsigned n_workers) {
  enum { MOST = 64 };
  size_t load[MOST] = {0};
  if (n_workers > MOST) n_workers = MOST;
  for (size_t c = 0; c < plan->n_chunks; c++) {
    unsigned least = 0;
    for (unsigned w = 1; w < n_workers; w++)
      if (load[w] < load[least]) least = w;
    load[least] += chunk_tokens(plan, c, lens);
  }
  size_t most = 0;
  for (unsigned w = 0; w < n_workers; w++)
    if (load[w] > most) most = load[w];
  return most;
}

void vecd_plan_make(vecd_plan *plan, const uint32_t *lens, size_t n_seqs, unsigned n_workers, size_t most_tokens,
                    size_t apart_tokens, size_t rows_each, uint32_t *counts) {
  size_t total = 0;
  for (size_t i = 0; i < n_seqs; i++) total += lens[i];
  sort_longest_first(plan, lens, n_seqs, most_tokens, counts);

  bool together = n_workers > 1;
  if (n_workers == 1 || (n_seqs > 1 && lens[plan->order[0]] <= apart_tokens)) {
    /* A whole number of rounds in which every worker has the same share. */
    size_t rounds = (total + (size_t)n_workers * CHUNK_TOKENS / 2) / ((size_t)n_workers * CHUNK_TOKENS);
    size_t share = n_workers * (rounds ? rounds : 1), target = (total + share - 1) / share;
    if (target > apart_tokens) target = apart_tokens;
    cut(plan, lens, n_seqs, target);
    size_t apart = makespan(plan, lens, n_workers);
    size_t shared = total / n_workers + total / n_workers / TOGETHER_SHARE + TOGETHER_TOKENS;
    together = n_workers > 1 && shared < apart;
  }
  if (together) cut(plan, lens, n_seqs, most_tokens);
  plan->split = !together ? VECD_APART : total / n_workers >= rows_each ? VECD_BY_ROWS : VECD_BY_COLUMNS;
}
