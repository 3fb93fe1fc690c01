/* facts.c - see facts.h. */
#include "cmd/facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "cmd/output.h"

#define COLUMN 18

void vecd_facts_init(vecd_facts *f, bool json) { *f = (vecd_facts){.buf.tag = VECD_MEM_REQUEST, .json = json}; }

static void begin(vecd_facts *f, const char *name) {
  if (f->json)
    vecd_buf_printf(&f->buf, "%s\n  \"%s\": ", f->n ? "," : "{", name);
  else
    vecd_buf_printf(&f->buf, "%-*s ", COLUMN, name);
  f->n++;
}

static void end(vecd_facts *f) {
  if (!f->json) vecd_buf_append_char(&f->buf, '\n');
}

void vecd_facts_text(vecd_facts *f, const char *name, const char *fmt, ...) {
  char text[1024];
  vecd_err clean; /* whose text is always one line of valid UTF-8 */
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  vecd_err_set(&clean, VECD_OK, VECD_NO_POS, "%s", text);
  begin(f, name);
  if (f->json)
    vecd_output_json_string(&f->buf, clean.text, strlen(clean.text));
  else
    vecd_buf_append_str(&f->buf, clean.text);
  end(f);
}

void vecd_facts_value(vecd_facts *f, const char *name, const vecd_buf *value) {
  begin(f, name);
  vecd_buf_append(&f->buf, value->ptr, value->len);
  if (value->failed) f->buf.failed = true;
  end(f);
}

void vecd_facts_number(vecd_facts *f, const char *name, uint64_t value) {
  begin(f, name);
  vecd_buf_printf(&f->buf, "%" PRIu64, value);
  end(f);
}

void vecd_facts_bool(vecd_facts *f, const char *name, bool value) {
  begin(f, name);
  vecd_buf_append_str(&f->buf, f->json ? (value ? "true" : "false") : value ? "yes" : "no");
  end(f);
}

vecd_status vecd_facts_print(vecd_facts *f, vecd_err *err) {
  if (f->json) vecd_buf_append_str(&f->buf, f->n ? "\n}\n" : "{}\n");
  bool failed = f->buf.failed;
  if (!failed) fwrite(f->buf.ptr, 1, f->buf.len, stdout);
  vecd_buf_fini(&f->buf);
  return failed ? vecd_err_no_memory(err, "the output", 0) : VECD_OK;
}
