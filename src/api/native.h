/* native.h - our own dialect: POST /api/v1/embed.
 *
 *   {"texts":["..."],"model":"id","truncate":true,"normalize":true,"dimensions":256,"pooling":"mean","prompt":"query: ",
 *    "prompt_name":"query","encoding_format":"float"}
 *   {"embeddings":[[...]],"model":{"id":"...","name":"...","dimension":384},"usage":{"prompt_tokens":5,"total_tokens":5},
 *    "truncated":[]}
 *
 * A field that is null counts as absent. A field we do not know is refused: a misspelt "model" that was ignored would fill a
 * client's database with another model's vectors, and nobody would notice. */
#ifndef VECD_API_NATIVE_H
#define VECD_API_NATIVE_H

#include "api/embed.h"

extern const vecd_dialect vecd_native_dialect;

void vecd_native_embed(vecd_api_call *call);

#endif
