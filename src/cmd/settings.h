/* settings.h - what a person sets: flags, environment variables and defaults, parsed from the one list of rows. */
#ifndef VECD_CMD_SETTINGS_H
#define VECD_CMD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/setting_list.h"

typedef enum vecd_setting_type {
  VECD_SETTING_TEXT,
  VECD_SETTING_STRING,
  VECD_SETTING_CHOICE,
  VECD_SETTING_NUMBER,
  VECD_SETTING_BYTES,
  VECD_SETTING_FRACTION,
  VECD_SETTING_SWITCH,
  VECD_SETTING_LIST_OF,
  VECD_SETTING_SECRETS
} vecd_setting_type;

/* What was given for a flag that may be given several times. */
#define VECD_SETTING_MOST_VALUES 64
typedef struct vecd_setting_values {
  const char *text[VECD_SETTING_MOST_VALUES]; /* borrowed, in their order */
  size_t n;
} vecd_setting_values;

typedef const char *vecd_setting_c_TEXT;
typedef const char *vecd_setting_c_STRING;
typedef const char *vecd_setting_c_CHOICE;
typedef uint64_t vecd_setting_c_NUMBER;
typedef uint64_t vecd_setting_c_BYTES;
typedef double vecd_setting_c_FRACTION;
typedef bool vecd_setting_c_SWITCH;
typedef vecd_setting_values vecd_setting_c_LIST_OF;
typedef vecd_setting_values vecd_setting_c_SECRETS;

enum {
#define X(field, ...) VECD_SETTING_INDEX_##field,
  VECD_SETTING_LIST(X)
#undef X
      VECD_N_SETTINGS
};

typedef enum vecd_setting_source { VECD_FROM_DEFAULT, VECD_FROM_ENVIRONMENT, VECD_FROM_FLAG } vecd_setting_source;

typedef struct vecd_settings {
#define X(field, type, ...) vecd_setting_c_##type field;
  VECD_SETTING_LIST(X)
#undef X
  char **args; /* what stands beside the flags, in their order; [n_args], inside argv */
  size_t n_args;
  bool help;                             /* --help or -h was given: nothing else is to be done */
  unsigned char source[VECD_N_SETTINGS]; /* vecd_setting_source, by VECD_SETTING_INDEX_x */
} vecd_settings;

typedef struct vecd_setting {
  const char *flag; /* without dashes */
  char letter;
  const char *environment, *value;
  vecd_setting_type type;
  uint64_t least, most;
  const char *standard; /* the default, as one would type it */
  unsigned commands;    /* VECD_CMD_X bits */
  const char *help;
  size_t offset; /* in vecd_settings */
} vecd_setting;

/* The rows, [VECD_N_SETTINGS]. */
extern const vecd_setting vecd_setting_rows[];

/* Parses the words behind a command's name. Flags and arguments may mix, "--" ends the flags, "--flag=value", "-f value" and
 * "-fvalue" will do; a flag given twice counts the last time, but for those of several values. A variable that is set but empty counts
 * as not set.
 *
 * argv  [argc], reordered: arguments are gathered at its front. The strings are borrowed by *out.
 * VECD_OK; VECD_BAD_ARGUMENT, err saying which flag or variable, what is wrong, and what was perhaps meant. */
VECD_CHECK vecd_status vecd_settings_parse(unsigned command_bit, int argc, char **argv, vecd_settings *out, vecd_err *err);

/* Appends "port=8080 threads=2 (VECD_THREADS) isa=ref (--isa) ..." for the command's settings that have a value. Secrets are not
 * among it: "api-key=(not shown)". */
void vecd_settings_describe(const vecd_settings *settings, unsigned command_bit, vecd_buf *out);

/* Of the n words gives the one nearest to `word`, NULL where none is near. */
const char *vecd_nearest_word(const char *word, const char *const *words, size_t n);

#endif
