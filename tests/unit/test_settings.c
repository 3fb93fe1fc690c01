/* test_settings.c - flags, environment and defaults, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/command.h"
#include "cmd/vectors.h"

static vecd_settings settings;
static vecd_err err;
static char *words[16];

/* Parses blank-separated words; "_" stands for an empty one. */
static vecd_status parse(unsigned command, const char *line) {
  static char copy[512];
  int n = 0;
  assert_true(strlen(line) < sizeof copy);
  strcpy(copy, line);
  for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) words[n++] = strcmp(w, "_") == 0 ? w + 1 : w;
  memset(&settings, 0xff, sizeof settings); /* nothing may be left from before */
  return vecd_settings_parse(command, n, words, &settings, &err);
}

static int clear_environment(void **state) {
  (void)state;
  for (size_t i = 0; i < VECD_N_SETTINGS; i++)
    if (vecd_setting_rows[i].environment) unsetenv(vecd_setting_rows[i].environment);
  return 0;
}

static void assert_wrong(unsigned command, const char *line, const char *word) {
  assert_int_equal(parse(command, line), VECD_BAD_ARGUMENT);
  if (!strstr(err.text, word)) fail_msg("\"%s\" is not in: %s", word, err.text);
  assert_null(strchr(err.text, '\n'));
}

static void test_defaults(void **state) {
  (void)state;
  assert_int_equal(parse(VECD_CMD_SERVE, ""), VECD_OK);
  assert_string_equal(settings.host, "127.0.0.1");
  assert_int_equal(settings.port, 8080);
  assert_int_equal(settings.max_body, 32u << 20);
  assert_int_equal(settings.served_models.n, 0);
  assert_true(settings.min_similarity == 0.98);
  assert_int_equal(settings.threads, 0);
  assert_int_equal(settings.n_args, 0);
  assert_false(settings.help);
  assert_null(settings.format); /* another command's */
}

static void test_every_form_of_a_flag(void **state) {
  (void)state;
  static const char *const forms[] = {"-m x a b", "a -mx b", "a b --model x", "--model=x a b", "-m y a b -m x", "a -m x -- b"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    assert_int_equal(parse(VECD_CMD_EMBED, forms[i]), VECD_OK);
    assert_string_equal(settings.model, "x");
    assert_int_equal(settings.n_args, 2);
    assert_string_equal(settings.args[0], "a");
    assert_string_equal(settings.args[1], "b");
  }
  assert_int_equal(parse(VECD_CMD_EMBED, "-i - --threads=3 --no-normalize --format npy -- -m --help --"), VECD_OK);
  assert_string_equal(settings.input, "-");
  assert_int_equal(settings.threads, 3);
  assert_true(settings.no_normalize);
  assert_int_equal(vecd_vector_format_of(settings.format), VECD_FORMAT_NPY);
  assert_int_equal(settings.n_args, 3);
  assert_string_equal(settings.args[2], "--");
  assert_int_equal(parse(VECD_CMD_EMBED, "- _"), VECD_OK); /* texts, if odd ones */
  assert_int_equal(settings.n_args, 2);
  assert_string_equal(settings.args[1], "");
}

static void test_help_comes_before_all_faults(void **state) {
  (void)state;
  assert_int_equal(parse(VECD_CMD_EMBED, "--nonsense --threads x -h"), VECD_OK);
  assert_true(settings.help);
  assert_int_equal(parse(VECD_CMD_EMBED, "-- -h"), VECD_OK);
  assert_false(settings.help);
}

static void test_wrong_flags_say_what_is_wrong(void **state) {
  (void)state;
  assert_wrong(VECD_CMD_EMBED, "--thread 2", "did you mean --threads?");
  assert_wrong(VECD_CMD_EMBED, "--no-normalise", "did you mean --no-normalize?");
  assert_wrong(VECD_CMD_EMBED, "--fromat json", "did you mean --format?");
  assert_wrong(VECD_CMD_EMBED, "--no-norm=1", "did you mean --no-normalize?");
  assert_wrong(VECD_CMD_EMBED, "--port 1", "unknown flag --port");
  assert_wrong(VECD_CMD_EMBED, "-x", "goes behind --");
  assert_wrong(VECD_CMD_SERVE, "-x", "unknown flag -x");
  assert_wrong(VECD_CMD_EMBED, "---", "unknown flag ---");
  assert_wrong(VECD_CMD_EMBED, "--=x", "unknown flag --");
  assert_wrong(VECD_CMD_EMBED, "--threads", "--threads: N is missing");
  assert_wrong(VECD_CMD_EMBED, "-m", "--model: MODEL is missing");
  assert_wrong(VECD_CMD_EMBED, "--model=", "--model: \"\"");
  assert_wrong(VECD_CMD_EMBED, "-m _", "not empty");
  assert_wrong(VECD_CMD_EMBED, "--no-normalize=yes", "takes no value");
  assert_wrong(VECD_CMD_EMBED, "--format xml", "one of jsonl, json, npy, f32");
  assert_wrong(VECD_CMD_EMBED, "--format json|npy", "one of jsonl");
  assert_wrong(VECD_CMD_EMBED, "--format jso", "one of jsonl");
}

static void test_numbers_and_bytes(void **state) {
  (void)state;
  static const char *const bad[] = {
      "_", "-1", "+1", "0", "1.5", "1025", "two", "1x", "0x10", "1K", "18446744073709551617", "99999999999999999999999"};
  char line[64];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(line, sizeof line, "--threads %s", bad[i]);
    assert_wrong(VECD_CMD_EMBED, line, "a whole number from 1 to 1024");
  }
  static const struct {
    const char *text;
    uint64_t n;
  } good[] = {{"1", 1}, {"2000", 2000}, {"3k", 3072}, {"3K", 3072}, {"5m", 5u << 20}, {"4G", (uint64_t)4 << 30}, {"0001", 1}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    snprintf(line, sizeof line, "--max-body %s", good[i].text);
    assert_int_equal(parse(VECD_CMD_SERVE, line), VECD_OK);
    assert_int_equal(settings.max_body, good[i].n);
  }
  static const char *const bad_bytes[] = {"0", "1KB", "K", "5G", "17179869184G", "1T", "1 K"};
  for (size_t i = 0; i < sizeof bad_bytes / sizeof *bad_bytes - 1; i++) {
    snprintf(line, sizeof line, "--max-body %s", bad_bytes[i]);
    assert_wrong(VECD_CMD_SERVE, line, "K, M or G");
  }
  assert_int_equal(parse(VECD_CMD_SERVE, "--port 0"), VECD_OK);
  assert_wrong(VECD_CMD_SERVE, "--port 65536", "\"65536\" must be a whole number from 0 to 65535");
}

static void test_flags_beat_the_environment_beats_defaults(void **state) {
  (void)state;
  setenv("VECD_PORT", "1234", 1);
  setenv("VECD_THREADS", "7", 1);
  setenv("VECD_HOST", "", 1);
  assert_int_equal(parse(VECD_CMD_SERVE, "--threads 2"), VECD_OK);
  assert_int_equal(settings.port, 1234);
  assert_int_equal(settings.threads, 2);
  assert_string_equal(settings.host, "127.0.0.1");
  vecd_buf words_of = {.len = 0};
  vecd_settings_describe(&settings, VECD_CMD_SERVE, &words_of);
  const char *text = vecd_buf_cstr(&words_of);
  assert_non_null(strstr(text, "port=1234 (VECD_PORT)"));
  assert_non_null(strstr(text, "threads=2 (--threads)"));
  assert_non_null(strstr(text, "host=127.0.0.1 "));
  assert_null(strstr(text, "model="));
  assert_null(strstr(text, "format=jsonl"));
  vecd_buf_fini(&words_of);
  setenv("VECD_PORT", "http", 1);
  assert_wrong(VECD_CMD_SERVE, "", "VECD_PORT: \"http\" must be");
  assert_int_equal(parse(VECD_CMD_EMBED, ""), VECD_OK); /* has no port */
  clear_environment(NULL);
}

static void test_switches_from_the_environment(void **state) {
  (void)state;
  static const struct {
    const char *value;
    bool is;
  } cases[] = {{"1", true}, {"true", true}, {"0", false}, {"false", false}, {"", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    setenv("VECD_ALLOW_PULL", cases[i].value, 1);
    assert_int_equal(parse(VECD_CMD_SERVE, ""), VECD_OK);
    assert_int_equal(settings.allow_pull, cases[i].is);
    assert_int_equal(parse(VECD_CMD_SERVE, "--allow-pull"), VECD_OK);
    assert_true(settings.allow_pull);
  }
  setenv("VECD_ALLOW_PULL", "maybe", 1);
  assert_wrong(VECD_CMD_SERVE, "", "VECD_ALLOW_PULL: \"maybe\" must be 1 or true, 0 or false");
  clear_environment(NULL);
}

static void test_lists_gather(void **state) {
  (void)state;
  setenv("VECD_MODEL", "from-around", 1);
  assert_int_equal(parse(VECD_CMD_SERVE, ""), VECD_OK);
  assert_int_equal(settings.served_models.n, 1);
  assert_string_equal(settings.served_models.text[0], "from-around");
  assert_int_equal(parse(VECD_CMD_SERVE, "-m a --model=b=int8 --keep x,y --preload _ -mc"), VECD_OK);
  assert_int_equal(settings.served_models.n, 3);
  assert_string_equal(settings.served_models.text[0], "a");
  assert_string_equal(settings.served_models.text[1], "b=int8");
  assert_string_equal(settings.served_models.text[2], "c");
  assert_string_equal(settings.keep.text[0], "x,y");
  assert_int_equal(settings.preload.n, 1);
  assert_string_equal(settings.preload.text[0], "");
  assert_int_equal(parse(VECD_CMD_EMBED, "-m a -m b"), VECD_OK); /* another row of the same flag */
  assert_string_equal(settings.model, "b");
  static char *many[VECD_SETTING_MOST_VALUES + 1];
  for (size_t i = 0; i < VECD_SETTING_MOST_VALUES + 1; i++) many[i] = strdup("-ma");
  assert_int_equal(vecd_settings_parse(VECD_CMD_SERVE, VECD_SETTING_MOST_VALUES, many, &settings, &err), VECD_OK);
  assert_int_equal(settings.served_models.n, VECD_SETTING_MOST_VALUES);
  assert_int_equal(vecd_settings_parse(VECD_CMD_SERVE, VECD_SETTING_MOST_VALUES + 1, many, &settings, &err), VECD_BAD_ARGUMENT);
  assert_string_equal(err.text, "--model is given more than 64 times");
  for (size_t i = 0; i < VECD_SETTING_MOST_VALUES + 1; i++) free(many[i]);
  clear_environment(NULL);
}

static void test_fractions(void **state) {
  (void)state;
  assert_int_equal(parse(VECD_CMD_SERVE, "--min-similarity 0.5"), VECD_OK);
  assert_true(settings.min_similarity == 0.5);
  assert_int_equal(parse(VECD_CMD_SERVE, "--min-similarity 1"), VECD_OK);
  assert_int_equal(parse(VECD_CMD_SERVE, "--min-similarity 0"), VECD_OK);
  static const char *const bad[] = {"_", "1.1", "-0.5", "nan", "inf", "1e-3", "0x1", ".", "0.5.5", "+1", "0,5"};
  char line[64];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(line, sizeof line, "--min-similarity %s", bad[i]);
    assert_wrong(VECD_CMD_SERVE, line, "a number from 0 to 1");
  }
}

/* Neither the start-up log nor help nor an error has a key's text. */
static void test_secrets_are_not_shown(void **state) {
  (void)state;
  setenv("VECD_ADMIN_KEY", "hidden3", 1);
  assert_int_equal(parse(VECD_CMD_SERVE, "--api-key hidden1,hidden2 --api-key=hidden4"), VECD_OK);
  assert_int_equal(settings.api_key.n, 2);
  vecd_buf text = {.len = 0};
  vecd_settings_describe(&settings, VECD_CMD_SERVE, &text);
  assert_non_null(strstr(vecd_buf_cstr(&text), "api-key=(not shown) (--api-key)"));
  assert_non_null(strstr(vecd_buf_cstr(&text), "admin-key=(not shown) (VECD_ADMIN_KEY)"));
  assert_null(strstr(vecd_buf_cstr(&text), "hidden"));
  vecd_buf_fini(&text);
  assert_wrong(VECD_CMD_SERVE, "--api-keys=hidden1", "did you mean --api-key?");
  assert_null(strstr(err.text, "hidden"));
  clear_environment(NULL);
}

/* The rows are read by people and by tests of the documents: they must hold together. */
static void test_rows_are_sound(void **state) {
  (void)state;
  for (size_t i = 0; i < VECD_N_SETTINGS; i++) {
    const vecd_setting *a = &vecd_setting_rows[i];
    assert_true(a->commands != 0 && *a->help);
    assert_true((a->type == VECD_SETTING_SWITCH) == (a->value == NULL));
    for (size_t k = 0; k < i; k++) {
      const vecd_setting *b = &vecd_setting_rows[k];
      if (!(a->commands & b->commands)) continue; /* no command has both */
      assert_string_not_equal(a->flag, b->flag);
      if (a->letter) assert_int_not_equal(a->letter, b->letter);
      if (a->environment && b->environment) assert_string_not_equal(a->environment, b->environment);
    }
  }
  for (unsigned bit = 0; bit < VECD_N_COMMANDS; bit++) assert_int_equal(parse(1u << bit, ""), VECD_OK);
}

static void test_every_command_has_help(void **state) {
  (void)state;
#define X(bit, name, ...) #name,
  static const char *const names[] = {VECD_COMMAND_LIST(X)};
#undef X
  for (size_t i = 0; i < VECD_N_COMMANDS; i++) {
    char *text = NULL;
    size_t len = 0;
    const vecd_command *command = vecd_command_find(names[i]);
    assert_non_null(command);
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    vecd_help_print(f, command);
    fclose(f);
    assert_non_null(strstr(text, names[i]));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) assert_true(strlen(line) <= 100);
    free(text);
  }
  assert_null(vecd_command_find("nonsense"));
  assert_null(vecd_command_find(""));
}

static void test_nearest_word(void **state) {
  (void)state;
  static const char *const list[] = {"embed", "serve", "show", "models"};
  assert_string_equal(vecd_nearest_word("embde", list, 4), "embed");
  assert_string_equal(vecd_nearest_word("srve", list, 4), "serve");
  assert_string_equal(vecd_nearest_word("model", list, 4), "models");
  assert_string_equal(vecd_nearest_word("mo", list, 4), "models");
  assert_null(vecd_nearest_word("bananas", list, 4));
  assert_null(vecd_nearest_word("", list, 4));
  assert_null(vecd_nearest_word("a word far longer than any that is in the list of words", list, 4));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_every_form_of_a_flag),
      cmocka_unit_test(test_help_comes_before_all_faults),
      cmocka_unit_test(test_wrong_flags_say_what_is_wrong),
      cmocka_unit_test(test_numbers_and_bytes),
      cmocka_unit_test(test_flags_beat_the_environment_beats_defaults),
      cmocka_unit_test(test_switches_from_the_environment),
      cmocka_unit_test(test_switches_from_the_environment),
      cmocka_unit_test(test_lists_gather),
      cmocka_unit_test(test_fractions),
      cmocka_unit_test(test_secrets_are_not_shown),
      cmocka_unit_test(test_rows_are_sound),
      cmocka_unit_test(test_every_command_has_help),
      cmocka_unit_test(test_nearest_word),
  };
  return cmocka_run_group_tests(tests, clear_environment, NULL);
}
