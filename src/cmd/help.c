/* help.c - the table of commands, and help made from it and from the settings' rows. Also what every command ends with. */
#include <errno.h>
#include <string.h>

#include "cmd/command.h"

#define WIDTH  100
#define COLUMN 26 /* where a flag's explanation begins */

static const vecd_command commands[] = {
#define X(bit, name, usage, least, most, summary, text) \
  {#name, VECD_CMD_##bit, usage, least, most, summary, text, vecd_cmd_##name},
    VECD_COMMAND_LIST(X)
#undef X
};

const vecd_command *vecd_command_find(const char *name) {
  for (size_t i = 0; i < VECD_N_COMMANDS; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

/* Prints text broken at blanks, further lines indented; `at` is the column one stands in. */
static void print_wrapped(FILE *out, const char *text, size_t indent, size_t at) {
  for (bool first = true; *text; first = false) {
    size_t len = strcspn(text, " ");
    if (!first && at + 1 + len > WIDTH) {
      fprintf(out, "\n%*s", (int)indent, "");
      at = indent;
    } else if (!first) {
      fputc(' ', out);
      at++;
    }
    fwrite(text, 1, len, out);
    at += len;
    text += len + (text[len] == ' ');
  }
  fputc('\n', out);
}

static void print_setting(FILE *out, const vecd_setting *row) {
  char letter[8] = "    ", head[80], tail[400];
  const char *value = row->value ? row->value : "";
  bool bracket = row->standard || row->environment;
  if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
  int n = snprintf(head, sizeof head, "  %s--%s%s%s", letter, row->flag, *value ? " " : "", value);
  snprintf(tail, sizeof tail, "%s%s%s%s%s%s", row->help, bracket ? " [" : "", row->standard ? row->standard : "",
           row->standard && row->environment ? ", " : "", row->environment ? row->environment : "", bracket ? "]" : "");
  fputs(head, out);
  if (n + 2 > COLUMN)
    fprintf(out, "\n%*s", COLUMN, "");
  else
    fprintf(out, "%*s", COLUMN - n, "");
  print_wrapped(out, tail, COLUMN, COLUMN);
}

void vecd_help_print(FILE *out, const vecd_command *command) {
  if (!command) {
    fputs("vecd - text in, vectors out\n\nusage: vecd COMMAND [FLAGS] [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < VECD_N_COMMANDS; i++) fprintf(out, "  %-12s%s\n", commands[i].name, commands[i].summary);
    fputs("\n`vecd help COMMAND` has its flags. Models are folders; `vecd models` lists those vecd finds by name.\n", out);
    return;
  }
  bool has_flags = false;
  for (size_t i = 0; i < VECD_N_SETTINGS; i++) has_flags |= (vecd_setting_rows[i].commands & command->bit) != 0;
  fprintf(out, "usage: vecd %s%s%s%s\n\n", command->name, has_flags ? " [FLAGS]" : "", *command->usage ? " " : "",
          command->usage);
  print_wrapped(out, command->text, 0, 0);
  if (has_flags) fputc('\n', out);
  for (size_t i = 0; i < VECD_N_SETTINGS; i++)
    if (vecd_setting_rows[i].commands & command->bit) print_setting(out, &vecd_setting_rows[i]);
}

int vecd_cmd_help(const vecd_settings *s) {
  const vecd_command *command = s->n_args ? vecd_command_find(s->args[0]) : NULL;
  if (s->n_args && !command) {
    vecd_err err;
    vecd_err_set(&err, VECD_BAD_ARGUMENT, VECD_NO_POS, "there is no command %.100s", s->args[0]);
    return vecd_fail_usage(NULL, &err);
  }
  vecd_help_print(stdout, command);
  return VECD_EXIT_OK;
}

int vecd_cmd_version(const vecd_settings *s) {
  (void)s;
  printf("vecd %s\n", vecd_version());
  return VECD_EXIT_OK;
}

int vecd_fail(const vecd_err *err) {
  fprintf(stderr, "vecd: %s\n", err->text);
  return VECD_EXIT_FAILED;
}

int vecd_fail_usage(const char *command, const vecd_err *err) {
  fprintf(stderr, "vecd: %s%s%s; see `vecd help%s%s`\n", command ? command : "", command ? ": " : "", err->text,
          command ? " " : "", command ? command : "");
  return VECD_EXIT_USAGE;
}

int vecd_finish_stdout(int code) {
  int failed = ferror(stdout);
  errno = 0;
  if (fflush(stdout) == 0 && !failed) return code;
  vecd_err err;
  vecd_err_set(&err, VECD_IO, VECD_NO_POS, "standard output: cannot write: %s",
               errno ? strerror(errno) : "an earlier write failed");
  return vecd_fail(&err);
}
