/* cache_stats.c - the engine's counts as JSON. Keys are always the same; what is not known is null. */
#include "api/cache_stats.h"

#include <time.h>

#include "api/call.h"
#include "api/json_print.h"

static void put_uint(vecd_buf *out, const char *key, uint64_t n) {
  vecd_buf_printf(out, ",\"%s\":", key);
  vecd_print_uint(out, n);
}

/* Part of a whole that may be nothing. */
static void put_rate(vecd_buf *out, const char *key, uint64_t part, uint64_t other) {
  if (part + other)
    vecd_buf_printf(out, ",\"%s\":%.4f", key, (double)part / (double)(part + other));
  else
    vecd_buf_printf(out, ",\"%s\":null", key);
}

/* "2026-11-24T10:00:00.123Z", or null for 0. */
static void put_time(vecd_buf *out, const char *key, uint64_t epoch_ms) {
  struct tm at;
  char text[32] = "";
  time_t seconds = (time_t)(epoch_ms / 1000u);
  if (epoch_ms && gmtime_r(&seconds, &at)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &at);
  if (text[0])
    vecd_buf_printf(out, ",\"%s\":\"%s.%03uZ\"", key, text, (unsigned)(epoch_ms % 1000u));
  else
    vecd_buf_printf(out, ",\"%s\":null", key);
}

static void put_model(vecd_buf *out, const vecd_model_status *m) {
  bool resident = m->dimension != 0;
  vecd_buf_append_str(out, "{\"id\":");
  vecd_print_str(out, m->id);
  vecd_buf_printf(out, ",\"state\":\"%s\",\"precision\":", vecd_model_state_name(m->state));
  vecd_print_str(out, resident ? m->precision : NULL);
  put_uint(out, "resident_bytes", m->resident_bytes);
  put_uint(out, "users", m->users);
  put_uint(out, "hits", m->counts.hits);
  put_uint(out, "misses", m->counts.misses);
  put_uint(out, "loads", m->counts.loads);
  put_uint(out, "load_failures", m->counts.load_failures);
  put_uint(out, "evictions", m->counts.evictions);
  put_time(out, "last_used", m->last_used_ms);
  if (m->counts.loads)
    vecd_buf_printf(out, ",\"load_ms\":%.3f}", m->load_ms);
  else
    vecd_buf_append_str(out, ",\"load_ms\":null}");
}

void vecd_cache_stats_get(vecd_api_call *call) {
  vecd_engine *engine = call->server->engine;
  vecd_engine_status all;
  vecd_engine_status_get(engine, &all);
  vecd_buf body;
  vecd_buf_init(&body, VECD_MEM_HTTP);
  vecd_buf_append_str(&body, "{\"models\":[");
  const char *id;
  for (size_t i = 0; (id = vecd_engine_model_id(engine, i)); i++) {
    vecd_model_status model;
    vecd_engine_model_status(engine, id, &model);
    if (i) vecd_buf_append_char(&body, ',');
    put_model(&body, &model);
  }
  vecd_buf_append_char(&body, ']');
  put_uint(&body, "resident_models", all.n_resident);
  put_uint(&body, "max_models", all.max_models);
  put_uint(&body, "used_bytes", all.used_bytes);
  put_uint(&body, "budget_bytes", all.max_bytes);
  put_uint(&body, "hits", all.hits);
  put_uint(&body, "misses", all.misses);
  put_rate(&body, "hit_rate", all.hits, all.misses);
  put_uint(&body, "loads", all.loads);
  put_uint(&body, "evictions", all.evictions);
  vecd_buf_append_char(&body, '}');
  vecd_call_reply(call, 200, &body);
}
