/* cmd_embed.c - texts to vectors: a batch is read, encoded and written, then the next.
 *
 * Reading and printing take a few hundredths of the time encoding does, so they do not get a thread of their own; a slow writer
 * on the other side of a pipe goes on meanwhile. Whatever ends the run, what has been encoded is written and the file is valid. */
#include <inttypes.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/interrupt.h"
#include "cmd/open_model.h"
#include "cmd/progress.h"
#include "cmd/vectors.h"

typedef struct embedding {
  vecd_opened opened;
  vecd_input *input;
  vecd_output output;
  vecd_vectors writer;
  vecd_item *items; /* [cap] */
  float *vectors;   /* [cap, dimension] */
  size_t cap;
  vecd_encode_how how;
  vecd_progress progress;
} embedding;

/* Room for n texts; the first batch is often the only one, and small. */
static vecd_status make_room(embedding *e, size_t n, vecd_err *err) {
  if (n <= e->cap) return VECD_OK;
  size_t dimension = e->how.dimension;
  vecd_free(e->items);
  vecd_free(e->vectors);
  e->cap = e->cap ? VECD_INPUT_MAX_TEXTS : n;
  e->items = vecd_alloc_array(VECD_MEM_REQUEST, e->cap, sizeof *e->items);
  e->vectors = vecd_alloc_array(VECD_MEM_REQUEST, e->cap * dimension, sizeof *e->vectors);
  if (e->items && e->vectors) return VECD_OK;
  e->cap = 0;
  return vecd_err_no_memory(err, "vectors", VECD_INPUT_MAX_TEXTS * dimension * sizeof *e->vectors);
}

static vecd_status embed_batch(embedding *e, const vecd_texts *texts, vecd_err *err) {
  size_t n_good;
  vecd_status s = make_room(e, texts->n, err);
  if (s) return s;
  vecd_encode_texts(&e->opened, &e->how, texts->texts, texts->n, e->items, e->vectors, &n_good);
  if ((s = vecd_vectors_write(&e->writer, e->vectors, n_good, err)) || n_good == texts->n) return s;
  char place[400];
  vecd_input_place(e->input, texts->first + n_good, place, sizeof place);
  return vecd_item_explain_place(e->opened.model, &e->items[n_good], place, err);
}

static vecd_status embed_all(embedding *e, vecd_err *err) {
  vecd_texts texts;
  vecd_status s;
  while (!(s = vecd_input_next(e->input, &texts, err)) && texts.n) {
    if ((s = embed_batch(e, &texts, err))) break;
    vecd_progress_update(&e->progress, vecd_input_done_bytes(e->input), e->writer.n_rows);
  }
  return s;
}

static vecd_status set_up(embedding *e, const vecd_settings *settings, vecd_err *err) {
  vecd_status s = vecd_input_open(settings->input, settings->args, settings->n_args, &e->input, err);
  if (!s) s = vecd_opened_open(settings, settings->model, &e->opened, err);
  if (!s) s = vecd_encode_how_of(settings, e->opened.model, &e->how, err);
  if (!s) s = vecd_output_open(settings->output, vecd_input_fd(e->input), &e->output, err);
  return s;
}

/* Formats that are not for eyes do not go to a terminal, and texts come from one place. */
static vecd_status check_settings(const vecd_settings *s, vecd_vector_format format, vecd_err *err) {
  bool to_stdout = !s->output || strcmp(s->output, "-") == 0;
  if (s->n_args && s->input)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "give texts as arguments or a file with -i, not both");
  if (to_stdout && (format == VECD_FORMAT_NPY || format == VECD_FORMAT_F32) && isatty(STDOUT_FILENO))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--format %s is not for a terminal; give -o FILE", s->format);
  if (s->normalize && s->no_normalize)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "give --normalize or --no-normalize, not both");
  return vecd_check_prompt_flags(s, err);
}

int vecd_cmd_embed(const vecd_settings *settings) {
  embedding e = {.cap = 0};
  vecd_err err, second;
  vecd_vector_format format = vecd_vector_format_of(settings->format);
  if (check_settings(settings, format, &err)) return vecd_fail_usage("embed", &err);
  vecd_interrupt_catch();
  vecd_status s = set_up(&e, settings, &err);
  if (s) goto done;
  if ((s = vecd_vectors_begin(&e.writer, &e.output, format, e.how.dimension, &err))) goto done;
  if (vecd_input_fd(e.input) >= 0 && isatty(vecd_input_fd(e.input)) && isatty(STDERR_FILENO))
    fputs("vecd: type texts, one a line; Ctrl-D ends\n", stderr);
  vecd_progress_begin(&e.progress, vecd_input_fd(e.input) >= 0 && !isatty(e.output.fd) && !isatty(vecd_input_fd(e.input)),
                      vecd_input_total_bytes(e.input));
  s = embed_all(&e, &err);
  vecd_progress_end(&e.progress, vecd_input_done_bytes(e.input), e.writer.n_rows);
  vecd_status s2 = vecd_vectors_finish(&e.writer, &second);
  if (!s && (s = s2)) err = second;
  if (s == VECD_CANCELLED)
    vecd_err_set(&err, s, VECD_NO_POS, "interrupted; %s has the vectors of the first %" PRIu64 " texts", e.output.name,
                 e.writer.n_rows);
done:
  if ((s2 = vecd_output_close(&e.output, &second)) && !s) {
    s = s2;
    err = second;
  }
  vecd_free(e.items);
  vecd_free(e.vectors);
  vecd_opened_close(&e.opened);
  vecd_input_close(&e.input);
  return s ? vecd_fail(&err) : VECD_EXIT_OK;
}
