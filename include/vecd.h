/* vecd.h - the C API of libvecd: open a model folder, turn texts into vectors, close.
 *
 * A model is an ordinary Hugging Face folder (config.json, tokenizer.json, model.safetensors and, where it is a
 * sentence-transformers model, modules.json). The vectors are those sentence-transformers gives in float32, to rounding.
 *
 * Threads     Every function may be called from any thread. One vecd_model serves several callers at once: encode calls on
 *             it queue up behind each other, because each uses all the model's worker threads. vecd_close() may be called
 *             only when no other call on that model is running.
 * Ownership   Pointers handed in are borrowed until the call returns, pointers handed out belong to who its comment says.
 * Errors      Every fallible function returns a vecd_status; on failure `err` (nullable) says what, where and what to do.
 *             The library neither exits nor prints.
 * Text        is UTF-8 as (pointer, length): U+0000 is a character like any other. Invalid UTF-8 is an error. */
#ifndef VECD_H
#define VECD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VECD_API   __attribute__((visibility("default")))
#define VECD_CHECK __attribute__((warn_unused_result))
#else
#define VECD_API
#define VECD_CHECK
#endif

#define VECD_VERSION_MAJOR 0
#define VECD_VERSION_MINOR 1
#define VECD_VERSION_PATCH 0
#define VECD_VERSION       "0.1.0"

/* The one list of errors: name, text, the HTTP status a server usually answers with. Values never change meaning. */
#define VECD_STATUS_LIST(X)                                             \
  X(OK, 0, "ok", 200)                                                   \
  X(NO_MEMORY, 1, "out of memory", 503)                                 \
  X(IO, 2, "input or output failed", 500)                               \
  X(NOT_FOUND, 3, "not found", 404)                                     \
  X(BAD_ARGUMENT, 4, "bad argument", 422)                               \
  X(BAD_SYNTAX, 5, "malformed input", 400)                              \
  X(BAD_TEXT, 6, "text is not valid UTF-8", 422)                        \
  X(BAD_MODEL, 7, "model folder is damaged or contradicts itself", 500) \
  X(UNSUPPORTED, 8, "model needs something vecd does not have", 501)    \
  X(BUSY, 9, "overloaded, try again later", 429)                        \
  X(TIMEOUT, 10, "timed out", 504)                                      \
  X(CANCELLED, 11, "cancelled", 499)                                    \
  X(STOPPING, 12, "shutting down", 503)                                 \
  X(INTERNAL, 13, "internal error", 500)                                \
  X(UNAVAILABLE, 14, "unavailable, try again later", 503)

typedef enum vecd_status {
#define X(name, value, text, http) VECD_##name = value,
  VECD_STATUS_LIST(X)
#undef X
} vecd_status;

/* What went wrong. The caller owns the storage; a failing call fills it, a succeeding one leaves it alone. */
typedef struct vecd_err {
  vecd_status code;
  size_t pos;     /* byte offset in the file or text at fault, or SIZE_MAX where there is none */
  char text[512]; /* one line, NUL-terminated: what, where, and what to do about it */
} vecd_err;

typedef struct vecd_model vecd_model;

/* How to open a model. Zero every field you do not set: zero is always the default. */
typedef struct vecd_options {
  size_t size;           /* sizeof(vecd_options), so that later fields can be told from garbage; 0 counts as this version's */
  unsigned threads;      /* worker threads; 0: as many as the process may use (affinity and cgroup quota) */
  const char *isa;       /* "ref", "avx2", "avxvnni", "avx512" or "avx512vnni" to force a set of kernels; NULL: the best */
  const char *precision; /* of the weights: "fp32" (NULL), "int8" (a quarter of the memory, cosine to fp32 around 0.999), or
                          * "auto": int8 for over 100 million parameters */
} vecd_options;

/* Facts on an opened model. Strings belong to the model and live until vecd_close(). */
typedef struct vecd_info {
  const char *id;           /* the folder's name */
  const char *architecture; /* "bert", ... */
  const char *pooling;      /* "mean", "cls", "mean+max", ... */
  const char *precision;    /* "fp32" or "int8" */
  const char *isa;          /* the kernels in use, as in vecd_options */
  unsigned dimension;       /* floats in a vector, unless others are asked for */
  unsigned max_tokens;      /* longest sequence the model sees, special tokens included; longer texts are cut */
  unsigned threads;
  int normalized; /* nonzero: vectors have length 1 */
  uint64_t parameters;
  uint64_t resident_bytes; /* measured: packed weights, vocabulary, scratch (not the mapped file) */
} vecd_info;

/* Flags of the encode calls. */
#define VECD_RAW         1u /* leave out a Normalize step at the end of the folder's modules: vectors keep their length */
#define VECD_NO_TRUNCATE 2u /* a text over max_tokens is an error (VECD_BAD_ARGUMENT) rather than cut */
#define VECD_NO_PROMPT   4u /* nothing is put before a text, not even the folder's default prompt */
#define VECD_NORMALIZE \
  8u /* vectors have length 1 as they are handed out, cut or not, whatever the folder says; not with VECD_RAW */

/* How to encode, where flags do not say it. Zero every field you do not set: zero is always the default. */
typedef struct vecd_encoding_options {
  size_t size;             /* sizeof(vecd_encoding_options), as in vecd_options */
  unsigned flags;          /* as above */
  unsigned dimensions;     /* vectors are cut to so many floats, behind all modules and not normalised again but by
                            * VECD_NORMALIZE; at most vecd_full_dimension(). 0: vecd_info.dimension */
  const char *prompt;      /* put before every text; "" puts nothing there. NULL: the one called prompt_name */
  size_t prompt_len;       /* of prompt, in bytes */
  const char *prompt_name; /* one of the folder's prompts, NUL-terminated. NULL: the folder's default, if it has one */
  const char *pooling; /* "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean" or "lasttoken" in place of the folder's
                            * (NULL), if that is one and not several concatenated */
} vecd_encoding_options;

/* Opens the model folder `path`: checks every file, packs the weights, starts the worker threads.
 *
 * path     borrowed until return; NUL-terminated.
 * options  nullable; borrowed until return.
 * out      set on success only: the caller's, given back with vecd_close().
 * VECD_OK; VECD_NOT_FOUND no such folder or file; VECD_BAD_MODEL damaged (err names file and fault);
 * VECD_UNSUPPORTED a kind of model or a component vecd does not know; VECD_BAD_ARGUMENT an unknown isa or precision. */
VECD_API VECD_CHECK vecd_status vecd_open(const char *path, const vecd_options *options, vecd_model **out, vecd_err *err);

/* Releases the model and sets *model NULL. NULL and pointer to NULL are legal. */
VECD_API void vecd_close(vecd_model **model);

/* Fills *out with facts on the model. Never fails. */
VECD_API void vecd_describe(const vecd_model *model, vecd_info *out);

/* The most floats a vector can have: over vecd_info.dimension where the folder says that its vectors are cut. */
VECD_API unsigned vecd_full_dimension(const vecd_model *model);

/* The name of the folder's prompt number i, from 0; NULL where there are not so many. Sets *text and *len (nullable) to the prompt.
 * All of it lives until vecd_close(). */
VECD_API const char *vecd_prompt_at(const vecd_model *model, unsigned i, const char **text, size_t *len);

/* The name of the prompt that is put before every text where nothing else is asked for; NULL: none is. */
VECD_API const char *vecd_default_prompt(const vecd_model *model);

/* Turns a text, behind the folder's default prompt unless flags has VECD_NO_PROMPT, into token ids, special tokens included, cut to
 * max_tokens unless flags has VECD_NO_TRUNCATE (which here means "give all ids", not an error).
 *
 * text, len  UTF-8, `len` bytes; text may be NULL when len is 0.
 * ids        room for `cap` ids; filled with as many as fit.
 * n_ids      set to the number of ids the text has, which may be more than cap: call again with more room.
 * VECD_OK; VECD_BAD_TEXT invalid UTF-8 (err->pos is the byte), or nothing the tokenizer can take (SIZE_MAX); VECD_NO_MEMORY. */
VECD_API VECD_CHECK vecd_status vecd_tokenize(vecd_model *model, const char *text, size_t len, unsigned flags, uint32_t *ids,
                                              size_t cap, size_t *n_ids, vecd_err *err);

/* Encodes `n_texts` texts into vectors.
 *
 * texts, lens  n_texts pointers to UTF-8 and their lengths in bytes.
 * vectors      [n_texts, dimension] floats, row-major, the caller's storage.
 * n_tokens     nullable; [n_texts], set to each text's number of ids the model saw.
 * The same text gives the same bits whatever else is in the call and however many threads work.
 * VECD_OK; VECD_BAD_TEXT (err names the index); VECD_BAD_ARGUMENT (as the flags say); VECD_NO_MEMORY. On failure vectors are
 * unspecified. */
VECD_API VECD_CHECK vecd_status vecd_encode(vecd_model *model, const char *const *texts, const size_t *lens, size_t n_texts,
                                            unsigned flags, float *vectors, uint32_t *n_tokens, vecd_err *err);

/* The same with more to say.
 *
 * options  nullable; borrowed until return. Where it asks for other dimensions, vectors is [n_texts, dimensions].
 * As vecd_encode(); VECD_BAD_ARGUMENT also for a prompt the folder does not have (err lists those it has), for dimensions out of
 * range and for a pooling that cannot be had; VECD_BAD_TEXT also for the prompt. */
VECD_API VECD_CHECK vecd_status vecd_encode_with(vecd_model *model, const char *const *texts, const size_t *lens,
                                                 size_t n_texts, const vecd_encoding_options *options, float *vectors,
                                                 uint32_t *n_tokens, vecd_err *err);

/* Encodes `n_seqs` sequences of token ids, which must carry their special tokens, and a prompt's, already. All of them are pooled.
 *
 * ids      all sequences one after another.
 * lens     [n_seqs], each 1 .. max_tokens.
 * vectors  as in vecd_encode().
 * VECD_OK; VECD_BAD_ARGUMENT an id outside the vocabulary or a length out of range (err names the sequence). */
VECD_API VECD_CHECK vecd_status vecd_encode_ids(vecd_model *model, const uint32_t *ids, const size_t *lens, size_t n_seqs,
                                                unsigned flags, float *vectors, vecd_err *err);

/* "out of memory" for VECD_NO_MEMORY and so on; never NULL. */
VECD_API const char *vecd_status_text(vecd_status status);

/* The library's version, "major.minor.patch". */
VECD_API const char *vecd_version(void);

#ifdef __cplusplus
}
#endif

#endif
