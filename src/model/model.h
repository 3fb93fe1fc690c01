/* model.h - one opened model: folder + tokenizer + encoder; encode(texts) -> vectors. The public API (capi.c), the commands and
 * the engine all enter here: there is no second path. */
#ifndef VECD_MODEL_MODEL_H
#define VECD_MODEL_MODEL_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/team.h"
#include "fmt/model_folder.h"
#include "kern/kern.h"
#include "nn/encoder.h"
#include "tok/tokenizer.h"
#include "vecd.h"

/* What is put before texts, made ready for one model. Zeroed: nothing. */
typedef struct vecd_prompt {
  vecd_span text;    /* borrowed */
  uint32_t n_tokens; /* that pooling leaves out: the prompt's with the special ones before it; 0 where it counts them all */
} vecd_prompt;

/* One text on its way through a model. The caller fills the first part, vecd_model_encode() the second. */
typedef struct vecd_item {
  vecd_span text;            /* UTF-8, borrowed; ignored where ids is set */
  const vecd_prompt *prompt; /* nullable: the model's default, if it has one; borrowed; ignored where ids is set */
  const uint32_t *ids;       /* nullable: ids instead of a text, special tokens included, borrowed */
  size_t n_ids;
  unsigned flags;     /* VECD_RAW or VECD_NORMALIZE, VECD_NO_TRUNCATE, VECD_NO_PROMPT */
  unsigned dimension; /* values wanted, 1 .. vecd_model_full_dimension(); 0: vecd_model_dimension() */
  unsigned pooling;   /* 0: the folder's; else 1 + a vecd_pool, see vecd_model_pooling() */
  float *vector;      /* [dimension], the caller's */

  vecd_status status; /* VECD_OK; VECD_BAD_TEXT; VECD_BAD_ARGUMENT (too long, no tokens, bad id, a wish that cannot be met);
                       * VECD_BAD_MODEL; VECD_NO_MEMORY; VECD_TIMEOUT (stopped) */
  size_t error_pos;   /* the byte in the text (VECD_NO_POS: sound UTF-8 that the tokenizer cannot take), or the place in ids */
  uint32_t n_tokens;  /* that the model saw, special tokens included */
  uint32_t n_untruncated; /* that the text has; more than n_tokens: it was cut */
} vecd_item;

/* Where one vecd_model_encode() spent its time, from its turn on. Waiting for others at work with the same team counts. */
typedef struct vecd_encode_times {
  uint64_t tokenize_ns;
  uint64_t forward_ns; /* the encoder, the pooling and the modules behind it */
  uint64_t n_tokens;   /* that were given to the encoder */
} vecd_encode_times;

/* The most items one vecd_model_encode() takes. */
#define VECD_MODEL_MAX_ITEMS VECD_ENCODER_MAX_SEQS
/* As many at a time as callers with many texts put on their stack. */
#define VECD_MODEL_SLICE ((size_t)256)

/* What others than its folder know of a model. Zeroed: nothing. Borrowed until the model is open. */
typedef struct vecd_model_hints {
  const char *id;           /* nullable: what it is called; else by its folder's name */
  const json_t *prompts;    /* nullable: {name: text}, for a folder that has none, as vecd_model_folder_add_prompts() */
  const char *prompts_from; /* static: who says so; with prompts */
  bool excludes_prompt;     /* a prompt's tokens stay out of the pooling, whatever the folder says */
} vecd_model_hints;

/* Opens the folder at `path` on a team and kernels that several models may share.
 *
 * team   borrowed until close. kern: copied. hints: nullable.
 * VECD_OK, or as vecd_open(). */
VECD_CHECK vecd_status vecd_model_open(const char *path, vecd_precision precision, const vecd_kern *kern, vecd_team *team,
                                       const vecd_model_hints *hints, vecd_model **out, vecd_err *err);

/* Releases the model (and the team, where vecd_open() made it). Same as vecd_close(). */
void vecd_model_close(vecd_model **model);

/* Encodes n_items items, 1 .. VECD_MODEL_MAX_ITEMS, each with a status of its own: one bad text does not hurt the others.
 * Callers queue up behind each other.
 *
 * stop   nullable; another thread may set it true: the call then ends after the text or the layer at work, and items that are not
 *        finished have status VECD_TIMEOUT.
 * times  nullable. */
void vecd_model_encode(vecd_model *model, vecd_item *items, size_t n_items, const atomic_bool *stop, vecd_encode_times *times);

/* Makes a prompt ready: `text` itself, or else the one that the folder calls `name`; with neither, the model's default.
 *
 * text  nullable, borrowed as long as *out is used; name  nullable, ignored where there is a text.
 * VECD_OK; VECD_BAD_ARGUMENT no prompt of that name (err lists those there are); VECD_BAD_TEXT; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_model_prompt(const vecd_model *model, const vecd_span *text, const char *name, vecd_prompt *out,
                                         vecd_err *err);

/* Encodes a text with a prompt of valid UTF-8 before it, which may be empty. `room` is the caller's, used anew for every text.
 * As vecd_tokenizer_encode(), but err->pos is counted from the text's beginning. */
VECD_CHECK vecd_status vecd_prompt_encode(const vecd_tokenizer *tokenizer, vecd_span prompt, vecd_span text, vecd_buf *room,
                                          size_t max_tokens, unsigned flags, vecd_encoding *out, vecd_err *err);

/* VECD_OK where vectors of `dimension` values can be had (0: the model's own), else VECD_BAD_ARGUMENT. */
VECD_CHECK vecd_status vecd_model_check_dimension(const vecd_model *model, unsigned dimension, vecd_err *err);

/* *out: item->pooling for the pooling called `name` ("mean", "cls", ...); NULL: the folder's.
 * VECD_OK; VECD_BAD_ARGUMENT there is none of that name (err lists those there are), or the folder concatenates several, behind
 * which one alone would have another width. */
VECD_CHECK vecd_status vecd_model_pooling(const vecd_model *model, const char *name, unsigned *out, vecd_err *err);

/* Fills err with what item `index` of a request failed of: "texts[3]: not valid UTF-8 at byte 17". `what` names the array
 * ("texts", "input", "line"). Gives item->status. */
vecd_status vecd_item_explain(const vecd_model *model, const vecd_item *item, const char *what, size_t index, vecd_err *err);

/* The same of an item that is in no array; `where` is how to call it ("in.txt: line 7"). */
vecd_status vecd_item_explain_place(const vecd_model *model, const vecd_item *item, const char *where, vecd_err *err);

/* The parts, for those who show or tokenize. Borrowed; live until close. Read-only and thread-safe. */
const vecd_model_folder *vecd_model_folder_of(const vecd_model *model);
const vecd_tokenizer *vecd_model_tokenizer(const vecd_model *model);
const vecd_encoder *vecd_model_encoder(const vecd_model *model);

/* Facts, as vecd_describe(). */
size_t vecd_model_dimension(const vecd_model *model);
/* The most values a vector can have: the folder may say that fewer are kept. */
size_t vecd_model_full_dimension(const vecd_model *model);
size_t vecd_model_max_tokens(const vecd_model *model);
/* The last module is Normalize: vectors have length 1, if nothing is cut off behind it and VECD_RAW does not leave it out. */
bool vecd_model_normalizes(const vecd_model *model);

#endif
