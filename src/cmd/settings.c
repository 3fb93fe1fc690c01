/* settings.c - one parser for flags and environment, driven by the rows of setting_list.h. */
#include "cmd/settings.h"

#include <stdlib.h>
#include <string.h>

const vecd_setting vecd_setting_rows[VECD_N_SETTINGS] = {
#define X(field, type, flag, letter, environment, value, least, most, standard, commands, help) \
  {flag, letter,   environment, value, VECD_SETTING_##type,           least,                    \
   most, standard, commands,    help,  offsetof(vecd_settings, field)},
    VECD_SETTING_LIST(X)
#undef X
};

/* Restricted Damerau-Levenshtein distance of two short words: a swap of neighbours counts one, as it is the commonest slip. */
static size_t distance(const char *a, const char *b) {
  enum { MOST = 32 };
  size_t n = strlen(a), m = strlen(b), d[3][MOST + 1];
  if (n > MOST || m > MOST) return MOST;
  for (size_t j = 0; j <= m; j++) d[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *row = d[i % 3], *above = d[(i + 2) % 3], *two_above = d[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
      if (above[j] + 1 < best) best = above[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < best)
        best = two_above[j - 2] + 1;
      row[j] = best;
    }
  }
  return d[n % 3][m];
}

const char *vecd_nearest_word(const char *word, const char *const *words, size_t n) {
  const char *best = NULL;
  size_t least = strlen(word) / 3 + 2; /* further than that is another word */
  for (size_t i = 0; i < n; i++) {
    size_t d = *word && strncmp(word, words[i], strlen(word)) == 0 ? 1 : distance(word, words[i]);
    if (d >= least) continue;
    least = d;
    best = words[i];
  }
  return best;
}

static vecd_status bad_value(const vecd_setting *row, vecd_setting_source source, const char *value, const char *must,
                             vecd_err *err) {
  bool from_flag = source == VECD_FROM_FLAG;
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%s%s: \"%.100s\" must be %s", from_flag ? "--" : "",
                      from_flag ? row->flag : row->environment, value, must);
}

static vecd_status set_fraction(const vecd_setting *row, vecd_setting_source source, const char *value, double *out,
                                vecd_err *err) {
  char *end;
  size_t len = strlen(value);
  *out = strtod(value, &end);
  if (len && strspn(value, "0123456789.") == len && *end == '\0' && *out <= 1) return VECD_OK;
  return bad_value(row, source, value, "a number from 0 to 1", err);
}

/* The flag says yes by being there; a variable must say which. */
static vecd_status set_switch(const vecd_setting *row, vecd_setting_source source, const char *value, bool *out,
                              vecd_err *err) {
  bool yes = source == VECD_FROM_FLAG || strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
  if (!yes && strcmp(value, "0") != 0 && strcmp(value, "false") != 0)
    return bad_value(row, source, value, "1 or true, 0 or false", err);
  *out = yes;
  return VECD_OK;
}

/* Values gather from one source: flags do not add to what the environment says. */
static vecd_status add_value(const vecd_setting *row, bool first, const char *value, vecd_setting_values *out, vecd_err *err) {
  if (first) out->n = 0;
  if (out->n == VECD_SETTING_MOST_VALUES)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--%s is given more than %d times", row->flag,
                        VECD_SETTING_MOST_VALUES);
  out->text[out->n++] = value;
  return VECD_OK;
}

static bool parse_number(const char *s, bool with_unit, uint64_t *out) {
  static const char units[] = "kKmMgG";
  uint64_t n = 0;
  if (*s < '0' || *s > '9') return false;
  for (; *s >= '0' && *s <= '9'; s++) {
    if (n > (UINT64_MAX - 9) / 10) return false;
    n = n * 10 + (uint64_t)(*s - '0');
  }
  const char *unit = with_unit && *s ? strchr(units, *s) : NULL;
  if (unit) {
    unsigned shift = (unsigned)((unit - units) / 2 + 1) * 10;
    if (n > UINT64_MAX >> shift) return false;
    n <<= shift;
    s++;
  }
  *out = n;
  return *s == '\0';
}

static vecd_status set_number(const vecd_setting *row, vecd_setting_source source, const char *value, uint64_t *out,
                              vecd_err *err) {
  bool bytes = row->type == VECD_SETTING_BYTES;
  if (parse_number(value, bytes, out) && *out >= row->least && *out <= row->most) return VECD_OK;
  char must[128];
  snprintf(must, sizeof must, "a whole number from %llu to %llu%s", (unsigned long long)row->least,
           (unsigned long long)row->most, bytes ? ", which may end in K, M or G" : "");
  return bad_value(row, source, value, must, err);
}

/* Sets *out to the choice's own text, so that callers may compare as they like. */
static vecd_status set_choice(const vecd_setting *row, vecd_setting_source source, const char *value, const char **out,
                              vecd_err *err) {
  char must[128];
  size_t len = strlen(value);
  for (const char *p = row->value; p; p = strchr(p, '|')) {
    p += *p == '|';
    if (len && strcspn(p, "|") == len && memcmp(p, value, len) == 0) {
      *out = value;
      return VECD_OK;
    }
  }
  size_t n = (size_t)snprintf(must, sizeof must, "one of ");
  for (const char *p = row->value; *p && n + 3 < sizeof must; p++) {
    if (*p == '|') must[n++] = ',';
    must[n++] = *p == '|' ? ' ' : *p;
  }
  must[n] = '\0';
  return bad_value(row, source, value, must, err);
}

static vecd_status set(vecd_settings *s, size_t index, vecd_setting_source source, const char *value, vecd_err *err) {
  const vecd_setting *row = &vecd_setting_rows[index];
  void *field = (char *)s + row->offset;
  vecd_status status = VECD_OK;
  switch (row->type) {
  case VECD_SETTING_TEXT:
    if (*value)
      *(const char **)field = value;
    else
      status = bad_value(row, source, value, "something, not empty", err);
    break;
  case VECD_SETTING_STRING: *(const char **)field = value; break;
  case VECD_SETTING_CHOICE: status = set_choice(row, source, value, (const char **)field, err); break;
  case VECD_SETTING_NUMBER:
  case VECD_SETTING_BYTES: status = set_number(row, source, value, (uint64_t *)field, err); break;
  case VECD_SETTING_FRACTION: status = set_fraction(row, source, value, field, err); break;
  case VECD_SETTING_SWITCH: status = set_switch(row, source, value, field, err); break;
  case VECD_SETTING_LIST_OF:
  case VECD_SETTING_SECRETS: status = add_value(row, s->source[index] != source, value, field, err); break;
  }
  if (!status) s->source[index] = (unsigned char)source;
  return status;
}

static vecd_status set_from_around(vecd_settings *s, unsigned command, vecd_err *err) {
  vecd_status status = VECD_OK;
  for (size_t i = 0; i < VECD_N_SETTINGS && !status; i++) {
    const vecd_setting *row = &vecd_setting_rows[i];
    if (!(row->commands & command)) continue;
    if (row->standard) status = set(s, i, VECD_FROM_DEFAULT, row->standard, err);
    vecd_assert(!status);
    const char *value = row->environment ? getenv(row->environment) : NULL;
    if (value && *value) status = set(s, i, VECD_FROM_ENVIRONMENT, value, err);
  }
  return status;
}

static vecd_status unknown_flag(unsigned command, const char *word, size_t len, vecd_err *err) {
  const char *flags[VECD_N_SETTINGS + 1];
  char name[40];
  size_t n = 0, dashes = strspn(word, "-");
  if (dashes > len) dashes = len;
  snprintf(name, sizeof name, "%.*s", (int)(len - dashes < sizeof name ? len - dashes : sizeof name - 1), word + dashes);
  for (size_t i = 0; i < VECD_N_SETTINGS; i++)
    if (vecd_setting_rows[i].commands & command) flags[n++] = vecd_setting_rows[i].flag;
  flags[n++] = "help";
  const char *near = strlen(name) > 1 ? vecd_nearest_word(name, flags, n) : NULL;
  bool takes_texts = command & (VECD_CMD_EMBED | VECD_CMD_TOKENIZE | VECD_CMD_SIMILARITY);
  return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "unknown flag %.*s%s%s%s%s", (int)(len < 100 ? len : 100), word,
                      near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
                      !near && takes_texts ? "; a text that begins with - goes behind --" : "");
}

/* The row of a flag, its value if it stands in the same word ("" is one), and whether it is in the plain form with dashes. */
static const vecd_setting *find_flag(unsigned command, const char *word, const char **inner, size_t *name_len) {
  bool is_long = word[1] == '-';
  const char *name = word + 1 + is_long;
  size_t len = is_long ? strcspn(name, "=") : 1;
  *inner = name[len] ? name + len + is_long : NULL;
  *name_len = (size_t)(name - word) + len;
  for (size_t i = 0; i < VECD_N_SETTINGS; i++) {
    const vecd_setting *row = &vecd_setting_rows[i];
    if (!(row->commands & command)) continue;
    if (is_long ? strlen(row->flag) == len && memcmp(row->flag, name, len) == 0 : row->letter == *name) return row;
  }
  return NULL;
}

vecd_status vecd_settings_parse(unsigned command, int argc, char **argv, vecd_settings *out, vecd_err *err) {
  *out = (vecd_settings){.args = argv};
  bool flags = true;
  for (int i = 0; i < argc; i++) { /* help is given whatever else is wrong */
    if (strcmp(argv[i], "--") == 0) break;
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      out->help = true;
      return VECD_OK;
    }
  }
  vecd_status s = set_from_around(out, command, err);
  for (int i = 0; i < argc && !s; i++) {
    char *word = argv[i];
    if (!flags || word[0] != '-' || !word[1]) { /* "-" alone is an argument */
      argv[out->n_args++] = word;
      continue;
    }
    if (strcmp(word, "--") == 0) {
      flags = false;
      continue;
    }
    const char *value;
    size_t name_len;
    const vecd_setting *row = find_flag(command, word, &value, &name_len);
    if (!row) return unknown_flag(command, word, name_len, err);
    if (row->type == VECD_SETTING_SWITCH) {
      if (value) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--%s takes no value", row->flag);
      value = "";
    } else if (!value) {
      if (i + 1 == argc) return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "--%s: %s is missing", row->flag, row->value);
      value = argv[++i];
    }
    s = set(out, (size_t)(row - vecd_setting_rows), VECD_FROM_FLAG, value, err);
  }
  return s;
}

static void describe_value(const vecd_setting *row, const void *field, vecd_buf *out) {
  const vecd_setting_values *values = field;
  switch (row->type) {
  case VECD_SETTING_TEXT:
  case VECD_SETTING_STRING:
  case VECD_SETTING_CHOICE: vecd_buf_append_str(out, *(const char *const *)field); break;
  case VECD_SETTING_NUMBER:
  case VECD_SETTING_BYTES: vecd_buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)field); break;
  case VECD_SETTING_FRACTION: vecd_buf_printf(out, "%g", *(const double *)field); break;
  case VECD_SETTING_SWITCH: vecd_buf_append_str(out, *(const bool *)field ? "yes" : "no"); break;
  case VECD_SETTING_LIST_OF:
    for (size_t i = 0; i < values->n; i++) vecd_buf_printf(out, "%s%s", i ? "," : "", values->text[i]);
    break;
  case VECD_SETTING_SECRETS: vecd_buf_append_str(out, "(not shown)"); break;
  }
}

void vecd_settings_describe(const vecd_settings *s, unsigned command, vecd_buf *out) {
  const char *gap = "";
  for (size_t i = 0; i < VECD_N_SETTINGS; i++) {
    const vecd_setting *row = &vecd_setting_rows[i];
    if (!(row->commands & command) || (s->source[i] == VECD_FROM_DEFAULT && !row->standard)) continue;
    vecd_buf_printf(out, "%s%s=", gap, row->flag);
    describe_value(row, (const char *)s + row->offset, out);
    if (s->source[i] == VECD_FROM_ENVIRONMENT) vecd_buf_printf(out, " (%s)", row->environment);
    if (s->source[i] == VECD_FROM_FLAG) vecd_buf_printf(out, " (--%s)", row->flag);
    gap = " ";
  }
}
