/* health.c - see health.h. "Live" is true whenever somebody can ask. "Ready" begins when what is to be loaded first
 * is loaded, and ends when the server is told to stop, whatever happens to models in between. */
#include "api/health.h"

#include <stdio.h>

#include "api/call.h"
#include "api/json_print.h"

static void reply_status(vecd_api_call *call, const char *word) {
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append_str(&body, "{\"status\":");
  vecd_print_str(&body, word);
  vecd_buf_append_char(&body, '}');
  vecd_call_reply(call, 200, &body);
}

void vecd_health_live(vecd_api_call *call) { reply_status(call, "live"); }

void vecd_health_ready(vecd_api_call *call) {
  const vecd_api_server *s = call->server;
  if (atomic_load(&s->stopping)) {
    vecd_call_reply_error(call, 503, "not ready: shutting down");
  } else if (!atomic_load(&s->ready)) {
    char text[320];
    snprintf(text, sizeof text, "not ready: loading %.255s", s->n_preload ? s->preload[atomic_load(&s->n_preloaded)] : "");
    vecd_call_reply_error(call, 503, text);
  } else {
    reply_status(call, "ready");
  }
}

void vecd_root_get(vecd_api_call *call) {
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append_str(&body, "{\"name\":\"vecd\",\"version\":\"" VECD_VERSION "\","
                             "\"about\":\"an embedding server: text in, vectors out\","
                             "\"documentation\":\"docs/API.md of the source; man vecd\",\"default_model\":");
  vecd_print_str(&body, call->server->default_model);
  vecd_buf_append_str(&body, ",\"routes\":[");
  size_t n;
  const vecd_route *routes = vecd_routes(&n);
  for (size_t i = 0; i < n; i++) {
    vecd_buf_append_str(&body, i ? ",{\"method\":" : "{\"method\":");
    vecd_print_str(&body, vecd_http_method_name(routes[i].method));
    vecd_buf_append_str(&body, ",\"path\":");
    vecd_print_str(&body, routes[i].path);
    vecd_buf_append_str(&body, ",\"does\":");
    vecd_print_str(&body, routes[i].does);
    vecd_buf_append_char(&body, '}');
  }
  vecd_buf_append_str(&body, "]}");
  vecd_call_reply(call, 200, &body);
}
