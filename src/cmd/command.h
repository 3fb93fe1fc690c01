/* command.h - the one list of commands, and what they share. A command is a row here and a function vecd_cmd_<name>() in
 * cmd_<name>.c; its flags are rows of settings.h. */
#ifndef VECD_CMD_COMMAND_H
#define VECD_CMD_COMMAND_H

#include "base/err.h"
#include "cmd/settings.h"

/* Exit codes of the program. */
#define VECD_EXIT_OK     0
#define VECD_EXIT_FAILED 1
#define VECD_EXIT_USAGE  2

typedef struct vecd_command {
  const char *name;
  unsigned bit;                              /* VECD_CMD_X, as in the settings' rows */
  const char *usage;                         /* arguments behind the flags, "" for none */
  size_t least, most;                        /* number of arguments */
  const char *summary;                       /* for `vecd help` */
  const char *text;                          /* for `vecd help NAME`: sentences, wrapped when printed */
  int (*run)(const vecd_settings *settings); /* gives the exit code */
} vecd_command;

#define X(bit, name, usage, least, most, summary, text) int vecd_cmd_##name(const vecd_settings *settings);
VECD_COMMAND_LIST(X)
#undef X

/* The command called `name`, or NULL. */
const vecd_command *vecd_command_find(const char *name);

/* The help of one command, or of all where it is NULL. */
void vecd_help_print(FILE *out, const vecd_command *command);

/* "vecd: <err's text>" on stderr. Gives VECD_EXIT_FAILED. */
int vecd_fail(const vecd_err *err);

/* "vecd: ...; see `vecd help COMMAND`" on stderr. Gives VECD_EXIT_USAGE. */
int vecd_fail_usage(const char *command, const vecd_err *err);

/* Flushes stdout; gives VECD_EXIT_FAILED and says why where that or an earlier write failed, else `code`. */
int vecd_finish_stdout(int code);

#endif
