/* server.h - the embedding server as one object: HTTP in front, engine behind, the routes and dialects between.
 *
 * For a program's main():
 *
 *   vecd_api_server_new()   opens the listeners first, so that a port in use fails before anything costs time, then the engine.
 *                           Print "listening on ..." now: vecd_api_server_port() knows a port that was chosen freely.
 *   (signal handlers)       may call vecd_api_server_stop() from here on.
 *   vecd_api_server_run()   answers at once; the default model (or what else is to be loaded first) loads in a thread meanwhile:
 *                           /health/live is 200, /health/ready 503, embedding requests wait for the load. Then on_ready, then
 *                           /health/ready is 200. Returns when stopped and drained, or when one of these cannot be loaded.
 *   vecd_api_server_free()
 *
 * Nothing is printed. What goes wrong with a request is logged (base/log.h): one line a request at debug level, what is our
 * fault at warn; a server without a default model says so at warn. */
#ifndef VECD_API_SERVER_H
#define VECD_API_SERVER_H

#include "api/keys.h"
#include "engine/engine.h"
#include "http/http.h"
#include "registry/registry.h"

#define VECD_API_MAX_TEXTS      16384 /* defaults of the settings below */
#define VECD_API_MAX_TEXT_BYTES (1u << 20)

/* Zero is always the default. Everything is copied or used up by vecd_api_server_new(). */
typedef struct vecd_api_settings {
  vecd_http_settings http;     /* where to listen (at least one address), and the HTTP layer's limits (--max-body, --grace) */
  vecd_engine_settings engine; /* threads, isa, batch and queue sizes */

  /* The id of the model that answers when a request names none. NULL: nobody asked for one, so the catalogue's if it is
   * there; if it is not but other models are, there is no default, and requests must name a model. */
  const char *default_model;

  /* The models that are loaded and warm before the server says that it is ready; [n_preload] ids, at most engine.max_models.
   * NULL: the default model, where there is one. */
  const char *const *preload;
  size_t n_preload;

  vecd_key_settings keys;       /* where there are any, requests need one (401); health and metrics do not, */
  bool protect_all;             /* unless this is set */
  vecd_key_settings admin_keys; /* who has one may load and unload models by request; without any nobody may (403) */

  size_t max_texts;      /* texts in one request; VECD_API_MAX_TEXTS. Over it: 422 */
  size_t max_text_bytes; /* UTF-8 bytes of one text; VECD_API_MAX_TEXT_BYTES. Over it: 422 */

  /* What all requests together may take in memory, at least four times http.max_body_bytes; 512 MiB. Over it: 429. */
  size_t max_request_bytes;

  /* Nullable. Called once, on a thread of the server's, when what is to be loaded first is loaded and warm (or nothing is), just
   * before /health/ready turns 200. Not called where the load failed or the server was stopped before. */
  void (*on_ready)(void *ctx);
  void *ctx;
} vecd_api_settings;

typedef struct vecd_api_server vecd_api_server;

/* Opens the listeners, then starts the engine. Connections are taken once it runs.
 *
 * registry  borrowed until free.
 * out       set on success: the caller's, given back with vecd_api_server_free().
 * err       one line: what, where, and what to do about it.
 * VECD_OK; VECD_BAD_ARGUMENT a setting that makes no sense (an address, an isa, too little memory for requests); VECD_IO a
 * listener cannot be opened (in use, no such address, no permission) or threads cannot start; VECD_NOT_FOUND a model
 * that was named is not there, or none was asked for and there is no model at all; VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_api_server_new(const vecd_api_settings *settings, vecd_registry *registry, vecd_api_server **out,
                                           vecd_err *err);

/* Serves until stopped; this thread is the event thread. Once per server.
 *
 * VECD_OK       stopped, and everything that was taken is answered.
 * VECD_TIMEOUT  stopped, and the grace period ended with work left. Not a failure of a program that was told to stop. What is
 *               left (a batch, a model being loaded) makes vecd_api_server_free() wait; who must be gone now may exit without.
 * VECD_BAD_MODEL, VECD_UNSUPPORTED, VECD_NOT_FOUND, VECD_UNAVAILABLE, VECD_NO_MEMORY, VECD_IO: a model that is to be loaded first
 * cannot be, or threads cannot start; err has the one line to print. */
VECD_CHECK vecd_status vecd_api_server_run(vecd_api_server *server, vecd_err *err);

/* Stop accepting, finish what was taken, return from run: at the latest after http.grace_ms. Any thread and any signal
 * handler, any number of times, also before run. */
void vecd_api_server_stop(vecd_api_server *server);

/* Ends the drain (or starts and ends it) now. As callable as stop: for the second Ctrl-C. */
void vecd_api_server_abort(vecd_api_server *server);

/* Reads again what may have changed since the start: the file of keys. On failure all stays as it was, and err has the line to
 * log. May block for as long as reading a small file takes. Any thread, while the server lives; no signal handler. */
VECD_CHECK vecd_status vecd_api_server_reload(vecd_api_server *server, vecd_err *err);

/* Not while run runs. Waits for a batch or a load at work, frees all. Sets *server NULL; NULL is legal. */
void vecd_api_server_free(vecd_api_server **server);

/* The TCP port of the index-th address of settings.http.listen, 0 for another kind. Any thread. */
unsigned vecd_api_server_port(const vecd_api_server *server, size_t index);

/* The id of the default model; NULL where there is none. The server's; lives until free. Any thread. */
const char *vecd_api_server_default_model(const vecd_api_server *server);

#endif
