/* hub_options.c - see hub_options.h. */
#include "registry/hub_options.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/env.h"
#include "base/file.h"
#include "registry/hub_cache.h"

#define STANDARD_ENDPOINT "https://huggingface.co"
#define STANDARD_STALL_S  10
#define MOST_STALL_S      3600
#define MOST_TOKEN_BYTES  4096

static bool is_true(const char *name) {
  static const char *const words[] = {"1", "ON", "YES", "TRUE"};
  const char *value = vecd_env(name);
  for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
    if (strcasecmp(value, words[i]) == 0) return true;
  return false;
}

static bool is_printable(vecd_span s) {
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] <= ' ' || s.ptr[i] > '~') return false;
  return true;
}

/* A name and password in it would be printed with it, and sent where a redirect says. */
static vecd_status read_endpoint(vecd_hub_options *o, vecd_err *err) {
  const char *value = vecd_env("HF_ENDPOINT"), *host = NULL;
  if (!value) value = STANDARD_ENDPOINT;
  vecd_span url = vecd_span_of(value);
  while (url.len && url.ptr[url.len - 1] == '/') url.len--;
  if (strncmp(value, "https://", 8) == 0) host = value + 8;
  if (strncmp(value, "http://", 7) == 0) host = value + 7;
  if (!host || host >= url.ptr + url.len || *host == '/' || !is_printable(url) || memchr(url.ptr, '@', url.len) ||
      url.len > 1024)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "HF_ENDPOINT must be like %s, without a password",
                        STANDARD_ENDPOINT);
  o->endpoint = vecd_strndup(VECD_MEM_MISC, url.ptr, url.len);
  return o->endpoint ? VECD_OK : vecd_err_no_memory(err, "HF_ENDPOINT", url.len);
}

static vecd_status take_token(vecd_hub_options *o, vecd_span text, const char *from, vecd_err *err) {
  while (text.len && isspace((unsigned char)text.ptr[0])) text = (vecd_span){text.ptr + 1, text.len - 1};
  while (text.len && isspace((unsigned char)text.ptr[text.len - 1])) text.len--;
  if (!text.len) return VECD_OK;
  if (text.len > MOST_TOKEN_BYTES || !is_printable(text))
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s holds what cannot be a token", from);
  o->token = vecd_strndup(VECD_MEM_MISC, text.ptr, text.len);
  return o->token ? VECD_OK : vecd_err_no_memory(err, "the token", text.len);
}

static vecd_status read_token(vecd_hub_options *o, vecd_err *err) {
  static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
  if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return VECD_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = vecd_env(names[i]);
    vecd_status s = value ? take_token(o, vecd_span_of(value), names[i], err) : VECD_OK;
    if (s || o->token) return s;
  }
  char *path = NULL;
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_err why;
  vecd_status s = vecd_hub_token_path(&path, err);
  if (!s && vecd_file_exists(path)) {
    s = vecd_file_read(path, 2 * MOST_TOKEN_BYTES, &text, &why);
    if (s == VECD_BAD_MODEL)
      s = vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s holds what cannot be a token", path);
    else if (s && err)
      *err = why;
    if (!s) s = take_token(o, (vecd_span){text.ptr, text.len}, path, err);
  }
  vecd_buf_fini(&text);
  vecd_free(path);
  return s;
}

static vecd_status read_stall(vecd_hub_options *o, vecd_err *err) {
  const char *value = vecd_env("HF_HUB_DOWNLOAD_TIMEOUT");
  char *end = NULL;
  o->stall_s = STANDARD_STALL_S;
  if (!value) return VECD_OK;
  unsigned long n = isdigit((unsigned char)*value) ? strtoul(value, &end, 10) : 0;
  if (!end || *end || n > MOST_STALL_S)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "HF_HUB_DOWNLOAD_TIMEOUT must be a number of seconds up to %d",
                        MOST_STALL_S);
  if (n) o->stall_s = (unsigned)n; /* in Python 0 is as good as not set */
  return VECD_OK;
}

vecd_status vecd_hub_options_read(vecd_hub_options *out, vecd_err *err) {
  *out = (vecd_hub_options){.offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE")};
  vecd_status s = vecd_hub_cache_root(&out->cache, err);
  if (!s) s = read_endpoint(out, err);
  if (!s) s = read_token(out, err);
  return s ? s : read_stall(out, err);
}

void vecd_hub_options_fini(vecd_hub_options *options) {
  vecd_free(options->cache);
  vecd_free(options->endpoint);
  vecd_free(options->token);
  *options = (vecd_hub_options){.cache = NULL};
}
