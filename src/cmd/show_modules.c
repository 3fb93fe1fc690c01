/* show_modules.c - a line each for people, arrays and objects for programs. */
#include "cmd/show_modules.h"

#include <stdio.h>

#include "cmd/output.h"

/* Text lines go into the facts one by one, JSON into one value. */
static void end_line(vecd_facts *f, const char *name, vecd_buf *buf) {
  if (f->json) return;
  vecd_facts_value(f, name, buf);
  buf->len = 0;
}

static void put_pooling(vecd_buf *buf, const vecd_pooling *pooling, bool json) {
  char modes[128];
  vecd_pooling_name(pooling, modes, sizeof modes);
  if (json)
    vecd_buf_printf(buf, ",{\"type\":\"Pooling\",\"mode\":\"%s\",\"include_prompt\":%s}", modes,
                    pooling->include_prompt ? "true" : "false");
  else
    vecd_buf_printf(buf, "Pooling, %s%s", modes, pooling->include_prompt ? "" : ", without the prompt's tokens");
}

static void put_module(vecd_buf *buf, const vecd_module *m, bool json) {
  const char *name = vecd_module_name(m->kind), *activation = m->has_tanh ? "tanh" : "identity";
  if (json) vecd_buf_printf(buf, ",{\"type\":\"%s\"", name);
  if (json && m->kind == VECD_MODULE_DENSE)
    vecd_buf_printf(buf, ",\"in\":%u,\"out\":%u,\"bias\":%s,\"activation\":\"%s\"", m->n_in, m->n_out,
                    m->has_bias ? "true" : "false", activation);
  if (json && m->kind == VECD_MODULE_LAYER_NORM) vecd_buf_printf(buf, ",\"dimension\":%u", m->n_in);
  if (json)
    vecd_buf_append_char(buf, '}');
  else if (m->kind == VECD_MODULE_DENSE)
    vecd_buf_printf(buf, "%s, %u to %u values, %s bias, %s", name, m->n_in, m->n_out, m->has_bias ? "with" : "without",
                    activation);
  else if (m->kind == VECD_MODULE_LAYER_NORM)
    vecd_buf_printf(buf, "%s, %u values", name, m->n_in);
  else
    vecd_buf_append_str(buf, name);
}

void vecd_show_modules(vecd_facts *f, const vecd_model_folder *folder) {
  vecd_buf buf = {.tag = VECD_MEM_REQUEST};
  vecd_buf_append_str(&buf, f->json ? "[{\"type\":\"Transformer\"}" : "Transformer");
  end_line(f, "module", &buf);
  put_pooling(&buf, &folder->pooling, f->json);
  end_line(f, "module", &buf);
  for (unsigned i = 0; i < folder->n_modules; i++) {
    put_module(&buf, &folder->modules[i], f->json);
    end_line(f, "module", &buf);
  }
  if (f->json) {
    vecd_buf_append_char(&buf, ']');
    vecd_facts_value(f, "modules", &buf);
  }
  vecd_buf_fini(&buf);
}

void vecd_show_prompts(vecd_facts *f, const vecd_model_folder *folder) {
  vecd_buf buf = {.tag = VECD_MEM_REQUEST};
  const char *name;
  json_t *text;
  json_object_foreach(folder->prompts, name, text) {
    if (f->json) vecd_buf_append_char(&buf, buf.len ? ',' : '{');
    vecd_output_json_string(&buf, name, strlen(name));
    vecd_buf_append_str(&buf, f->json ? ":" : ": ");
    vecd_output_json_string(&buf, json_string_value(text), json_string_length(text));
    end_line(f, "prompt", &buf);
  }
  if (f->json) {
    vecd_buf_append_str(&buf, buf.len ? "}" : "{}");
    vecd_facts_value(f, "prompts", &buf);
    buf.len = 0;
  }
  if (json_object_size(folder->prompts)) vecd_facts_text(f, "prompts_from", "%s", folder->prompts_from);
  if (folder->default_prompt)
    vecd_output_json_string(&buf, folder->default_prompt, strlen(folder->default_prompt));
  else
    vecd_buf_append_str(&buf, f->json ? "null" : "none");
  vecd_facts_value(f, "default_prompt", &buf);
  vecd_buf_fini(&buf);
}

void vecd_show_shards(vecd_facts *f, const vecd_model_folder *folder, const vecd_checkpoint *weights) {
  vecd_buf buf = {.tag = VECD_MEM_REQUEST};
  const char *first = vecd_safetensors_path(vecd_checkpoint_shard(weights, 0));
  if (strcmp(first, folder->weights_path) == 0) return; /* the one file there is */
  for (size_t i = 0; i < vecd_checkpoint_n_shards(weights); i++) {
    const char *path = vecd_safetensors_path(vecd_checkpoint_shard(weights, i));
    if (strncmp(path, folder->transformer_dir, strlen(folder->transformer_dir)) == 0)
      path += strlen(folder->transformer_dir) + 1; /* as the index calls it, hence UTF-8 */
    if (f->json) vecd_buf_append_char(&buf, i ? ',' : '[');
    if (f->json)
      vecd_output_json_string(&buf, path, strlen(path));
    else
      vecd_buf_append_str(&buf, path);
    end_line(f, "shard", &buf);
  }
  if (f->json) {
    vecd_buf_append_char(&buf, ']');
    vecd_facts_value(f, "shards", &buf);
  }
  vecd_buf_fini(&buf);
}
