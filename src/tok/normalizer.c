/* normalizer.c - the normalizers that are a pass character by character; normalizer_step.c has the others, normalizer_load.c
 * reads them.
 *
 * A pass takes ASCII by table, in blocks where nothing is dropped, and everything else character by character through the
 * Unicode records. The table is filled from the same records, so that both ways give the same. Decomposed text goes through
 * canonical ordering (Unicode standard, section 3.11): marks wait in a run until a starter comes.
 *
 * Sources of reordered marks follow Hugging Face tokenizers, which counts: the k-th character written that was the first of its
 * decomposition gets the place of the k-th character read, wherever ordering has put it. */
#include "tok/normalizer.h"

#include "base/mem.h"
#include "tok/unicode.h"

#define BLOCK 32 /* ASCII bytes taken at once; the compiler makes vector code of the loops over them */

typedef struct pass_run {
  const vecd_normalizer_pass *pass;
  vecd_normalizer_scratch *scratch;
  vecd_aligned *out;
  uint32_t last_src; /* of the last character that was the first of its decomposition */
} pass_run;

/* The last two steps: dropping and lowercasing work on single characters. */
static void emit(pass_run *run, uint32_t c, const vecd_unicode_record *record, uint32_t src) {
  if (record->props & run->pass->drop_marks) return;
  if (!run->pass->lower) {
    vecd_aligned_put(run->out, c, src);
    return;
  }
  uint32_t low[2];
  size_t n = vecd_unicode_lower(c, record, low);
  for (size_t i = 0; i < n; i++) vecd_aligned_put(run->out, low[i], src);
}

static void flush_marks(pass_run *run) {
  vecd_normalizer_scratch *s = run->scratch;
  if (s->marks.n == 0) return;
  vecd_mark_run_sort(&s->marks);
  size_t used = 0;
  for (size_t i = 0; i < s->marks.n; i++) {
    const vecd_mark *mark = &s->marks.items[i];
    if (mark->change == 0) run->last_src = s->marks_src[used++];
    emit(run, mark->c, vecd_unicode_get(mark->c), run->last_src);
  }
  s->marks.n = s->n_marks_src = 0;
}

static bool put_mark_src(vecd_normalizer_scratch *s, uint32_t src) {
  if (s->n_marks_src == s->marks_src_cap) {
    size_t cap = s->marks_src_cap ? s->marks_src_cap * 2 : 64;
    uint32_t *grown = vecd_realloc(VECD_MEM_SCRATCH, s->marks_src, cap * sizeof *grown);
    if (!grown) return false;
    s->marks_src = grown;
    s->marks_src_cap = cap;
  }
  s->marks_src[s->n_marks_src++] = src;
  return true;
}

static void put_decomposed(pass_run *run, uint32_t c, const vecd_unicode_record *record, uint32_t src) {
  vecd_normalizer_scratch *s = run->scratch;
  uint32_t parts[VECD_UNICODE_MOST_DECOMPOSED];
  size_t n = vecd_unicode_decompose(c, record, parts);
  for (size_t i = 0; i < n; i++) {
    const vecd_unicode_record *part = parts[i] == c ? record : vecd_unicode_get(parts[i]);
    if (part->combining_class == 0) {
      flush_marks(run);
      if (i == 0) run->last_src = src;
      emit(run, parts[i], part, run->last_src);
      continue;
    }
    vecd_mark mark = {parts[i], i == 0 ? 0 : 1, part->combining_class};
    if ((i == 0 && !put_mark_src(s, src)) || !vecd_mark_run_put(&s->marks, mark)) {
      run->out->failed = true;
      return;
    }
  }
}

static void put_char(pass_run *run, uint32_t c, uint32_t src) {
  const vecd_normalizer_pass *pass = run->pass;
  const vecd_unicode_record *record = vecd_unicode_get(c);
  if (pass->clean) {
    if (record->props & VECD_UNICODE_CONTROL) return;
    if (record->props & VECD_UNICODE_SPACE) record = vecd_unicode_get(c = ' ');
  }
  bool spaced = pass->space_cjk && (record->props & VECD_UNICODE_CJK);
  if (spaced) {
    flush_marks(run);
    vecd_aligned_put(run->out, ' ', src);
  }
  if (pass->decompose)
    put_decomposed(run, c, record, src);
  else
    emit(run, c, record, src);
  if (spaced) {
    flush_marks(run);
    vecd_aligned_put(run->out, ' ', src);
  }
}

/* Takes whole blocks of printable ASCII from p on; gives the number of bytes taken. The caller has made room. */
static size_t take_blocks(const unsigned char *p, size_t len, bool lower, unsigned char *to) {
  size_t done = 0;
  unsigned char bit = lower ? 0x20 : 0;
  for (; len - done >= BLOCK; done += BLOCK, p += BLOCK, to += BLOCK) {
    unsigned char odd = 0;
    for (int i = 0; i < BLOCK; i++) odd |= (unsigned char)(p[i] - 0x20) >= 0x7f - 0x20;
    if (odd) break;
    for (int i = 0; i < BLOCK; i++) to[i] = p[i] | ((unsigned char)(p[i] - 'A') < 26 ? bit : 0);
  }
  return done;
}

/* Takes ASCII up to the first character that is none, or to end. `index` counts characters, unless src_in names them. */
static const unsigned char *take_ascii(pass_run *run, const unsigned char *p, const unsigned char *end, const uint32_t *src_in,
                                       uint32_t *index) {
  vecd_aligned *out = run->out;
  size_t n_marks = run->scratch->marks.n;
  while (p < end && *p < 0x80) {
    size_t part = (size_t)(end - p) < 1024 ? (size_t)(end - p) : 1024;
    unsigned char first = run->pass->ascii[*p];
    if (first == VECD_ASCII_DROPPED) { /* a dropped character does not part the marks around it */
      p++, (*index)++;
      if (src_in) src_in++;
      continue;
    }
    if (n_marks) flush_marks(run), n_marks = 0;
    if (!vecd_aligned_reserve(out, part)) return end;
    unsigned char *to = (unsigned char *)out->bytes + out->len;
    uint32_t *src = out->keep_src ? out->src + out->len : NULL;
    size_t n = take_blocks(p, part, run->pass->lower, to);
    if (src)
      for (size_t i = 0; i < n; i++) src[i] = src_in ? src_in[i] : *index + (uint32_t)i;
    size_t written = n, stop = part - n < BLOCK ? part : n + BLOCK; /* then back to the blocks */
    for (; n < stop; n++) {
      unsigned char c = run->pass->ascii[p[n]];
      if (c == VECD_ASCII_NOT) break;
      if (c == VECD_ASCII_DROPPED) continue;
      if (src) src[written] = src_in ? src_in[n] : *index + (uint32_t)n;
      to[written++] = c;
    }
    out->len += written;
    p += n;
    *index += (uint32_t)n;
    if (src_in) src_in += n;
  }
  return p;
}

static void run_pass(const vecd_normalizer_pass *pass, vecd_span text, const uint32_t *src_in, uint32_t index,
                     vecd_normalizer_scratch *scratch, vecd_aligned *out) {
  pass_run run = {.pass = pass, .scratch = scratch, .out = out};
  scratch->marks.n = scratch->n_marks_src = 0;
  const unsigned char *begin = (const unsigned char *)text.ptr, *p = begin, *end = begin + text.len;
  while (p < end && !out->failed) {
    if (*p < 0x80 && !pass->by_record) {
      p = take_ascii(&run, p, end, src_in ? src_in + (p - begin) : NULL, &index);
      continue;
    }
    const char *next = (const char *)p;
    uint32_t c = vecd_utf8_next(&next);
    put_char(&run, c, src_in ? src_in[p - begin] : index);
    p = (const unsigned char *)next;
    index++;
  }
  if (!out->failed) flush_marks(&run);
}

vecd_status vecd_normalizer_run(const vecd_normalizer *normalizer, vecd_span text, size_t first_char, bool keep_src,
                                vecd_normalizer_scratch *scratch, const vecd_aligned **result, vecd_err *err) {
  const vecd_aligned *in = NULL;
  for (size_t i = 0; i < normalizer->n_passes; i++) {
    const vecd_normalizer_pass *pass = &normalizer->passes[i];
    vecd_aligned *out = &scratch->out[i & 1];
    vecd_aligned_reset(out, keep_src, VECD_ALIGNED_MOST(text.len));
    vecd_span from = !in ? text : in->len ? (vecd_span){in->bytes, in->len} : (vecd_span){"", 0};
    const uint32_t *src_in = in && keep_src ? in->src : NULL;
    vecd_status s = VECD_OK;
    if (pass->kind == VECD_NORMALIZER_CHARS)
      run_pass(pass, from, src_in, (uint32_t)first_char, scratch, out);
    else
      s = vecd_normalizer_step(pass, from, src_in, (uint32_t)first_char, scratch, out, err);
    if (!s && out->too_long)
      s = vecd_err_set(err, VECD_BAD_TEXT, VECD_NO_POS, "the normalizer makes the text over %zu bytes long", out->most);
    if (!s && out->failed) s = vecd_err_no_memory(err, "normalizing", from.len);
    if (s) return s;
    in = out;
  }
  *result = in;
  return VECD_OK;
}

void vecd_normalizer_scratch_fini(vecd_normalizer_scratch *scratch) {
  vecd_aligned_fini(&scratch->out[0]);
  vecd_aligned_fini(&scratch->out[1]);
  vecd_compose_scratch_fini(&scratch->compose);
  vecd_regex_scratch_fini(&scratch->regex);
  vecd_mark_run_fini(&scratch->marks);
  vecd_free(scratch->marks_src);
  *scratch = (vecd_normalizer_scratch){0};
}
