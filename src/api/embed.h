/* embed.h - the one way from a request for vectors to its reply, whatever the dialect.
 *
 *   body -> dialect->parse -> vecd_embed_request -> the engine -> vecd_embed_reply -> dialect->put_* -> bytes
 *
 * A dialect is a parser and a printer around these two structs, and nothing else. It sees neither HTTP nor the engine. */
#ifndef VECD_API_EMBED_H
#define VECD_API_EMBED_H

#include <jansson.h>

#include "api/routes.h"
#include "engine/engine.h"

typedef struct vecd_embed_limits {
  size_t max_texts;
  size_t max_text_bytes;
  size_t max_prompts_bytes; /* of a prompt, counted for each text it is put before */
} vecd_embed_limits;

/* What was asked for. */
typedef struct vecd_embed_request {
  const char *model_id;     /* NULL: the default model */
  vecd_item *items;         /* [n_items], in the request's arena: text filled */
  size_t n_items;           /* >= 1 */
  vecd_job_options options; /* its strings lie in the body and in `prompt` */
  vecd_span prompt;
  bool base64;  /* vectors as base64 of little-endian float32, not as numbers */
  json_t *body; /* owns all text; given back by the caller of parse, whatever parse says */
} vecd_embed_request;

/* What is to be said. All borrowed. */
typedef struct vecd_embed_reply {
  const char *model_id, *model_name;
  const float *vectors; /* [n_vectors, dimension] */
  size_t n_vectors, dimension;
  const vecd_item *items; /* [n_vectors] as encoded: their numbers of tokens */
  uint64_t n_tokens;      /* of all texts, as the model saw them */
  bool base64;            /* as the request has it */
} vecd_embed_reply;

typedef struct vecd_dialect {
  /* Reads a body. VECD_OK; else err is the line for the client and the status says which kind: VECD_BAD_SYNTAX malformed or of
   * the wrong type (400), VECD_BAD_ARGUMENT an impossible value (422), VECD_NOT_FOUND (404), VECD_NO_MEMORY. */
  VECD_CHECK vecd_status (*parse)(const vecd_embed_limits *limits, vecd_span body, vecd_arena *arena, vecd_embed_request *out,
                                  vecd_err *err);

  /* The reply's text: put_head, put_vector for each in order, put_tail. put_vector: false where the vector is not finite. */
  void (*put_head)(vecd_buf *out, const vecd_embed_reply *reply);
  bool (*put_vector)(vecd_buf *out, const vecd_embed_reply *reply, size_t index);
  void (*put_tail)(vecd_buf *out, const vecd_embed_reply *reply);
} vecd_dialect;

/* Answers a call whose body is a request in this dialect. Event thread. */
void vecd_embed_handle(vecd_api_call *call, const vecd_dialect *dialect);

#endif
