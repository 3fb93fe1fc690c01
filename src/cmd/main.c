/* main.c - finds the command, parses its settings, runs it. */
#include <string.h>

#include "cmd/command.h"
#include "fmt/json.h"

static int unknown_command(const char *word) {
#define X(bit, name, ...) #name,
  static const char *const names[] = {VECD_COMMAND_LIST(X)};
#undef X
  const char *near = vecd_nearest_word(word, names, VECD_N_COMMANDS);
  vecd_err err;
  vecd_err_set(&err, VECD_BAD_ARGUMENT, VECD_NO_POS, "there is no command %.100s%s%s%s", word, near ? "; did you mean " : "",
               near ? near : "", near ? "?" : "");
  return vecd_fail_usage(NULL, &err);
}

static vecd_status check_arguments(const vecd_command *command, const vecd_settings *s, vecd_err *err) {
  if (s->n_args < command->least)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "arguments are missing: vecd %s %s", command->name,
                        command->usage);
  if (s->n_args > command->most)
    return vecd_err_set(err, VECD_BAD_ARGUMENT, VECD_NO_POS, "%.100s is one argument too many", s->args[command->most]);
  return VECD_OK;
}

int main(int argc, char **argv) {
  vecd_settings settings;
  vecd_err err;
  if (argc < 2) {
    vecd_help_print(stderr, NULL);
    return VECD_EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
  if (strcmp(name, "--version") == 0) name = "version";
  const vecd_command *command = vecd_command_find(name);
  if (!command) return unknown_command(argv[1]);

  vecd_status s = vecd_settings_parse(command->bit, argc - 2, argv + 2, &settings, &err);
  if (!s && settings.help) {
    vecd_help_print(stdout, command);
    return vecd_finish_stdout(VECD_EXIT_OK);
  }
  if (!s) s = check_arguments(command, &settings, &err);
  if (s) return vecd_fail_usage(command->name, &err);
  vecd_json_count_memory(); /* before the first JSON value and the first thread */
  return vecd_finish_stdout(command->run(&settings));
}
