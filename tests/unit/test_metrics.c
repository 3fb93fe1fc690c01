/* test_metrics.c - what /metrics prints for given figures, and what the API counts by model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/metrics.h"

static char *print(const vecd_metrics *m, vecd_buf *out) {
  *out = (vecd_buf){.tag = VECD_MEM_MISC};
  vecd_metrics_print(out, m);
  return (char *)(uintptr_t)vecd_buf_cstr(out);
}

static void expect(const char *text, const char *line) {
  char whole[512];
  snprintf(whole, sizeof whole, "\n%s\n", line);
  if (!strstr(text, whole)) fail_msg("no line %s", line);
}

static void figures_are_printed(void **state) {
  (void)state;
  vecd_metrics_model models[] = {{.id = ""}, {.id = "org/m"}};
  models[0].traffic.by_status[404 - VECD_TRAFFIC_LEAST_STATUS] = 3;
  models[1].traffic.by_status[0] = 7;
  models[1].traffic.in_flight = 2;
  vecd_histogram_add(&models[1].traffic.duration_seconds, VECD_HISTOGRAM_SECONDS, 0.00015);
  vecd_histogram_add(&models[1].traffic.duration_seconds, VECD_HISTOGRAM_SECONDS, 0.0002);
  vecd_histogram_add(&models[1].traffic.duration_seconds, VECD_HISTOGRAM_SECONDS, 1000);
  vecd_histogram_add(&models[1].status.counts.batch_tokens, VECD_HISTOGRAM_COUNTS, 512);
  models[1].status.state = VECD_MODEL_RESIDENT;
  models[1].status.dimension = 36;
  models[1].status.resident_bytes = (size_t)5 << 30;
  strcpy(models[1].status.precision, "int8");
  strcpy(models[1].status.isa, "avx2");
  strcpy(models[1].status.architecture, "bert");
  models[1].status.has_quality = true;
  models[1].status.quality_mean = 0.9993;
  vecd_metrics m = {.ready = true, .start_time_s = 1.8e9 + 0.125, .models = models, .n_models = 2};
  m.http.replies[2] = 11;
  m.engine.max_models = 4;
  m.process = (vecd_process){.cpu_seconds = 1.5, .open_fds = 9, .max_fds = UINT64_MAX};
  vecd_buf out;
  const char *text = print(&m, &out);
  expect(text, "# HELP vecd_ready 1 while /health/ready is 200");
  expect(text, "# TYPE vecd_ready gauge");
  expect(text, "vecd_ready 1");
  expect(text, "vecd_build_info{version=\"" VECD_VERSION "\"} 1");
  expect(text, "# TYPE vecd_requests_total counter");
  expect(text, "vecd_requests_total{model=\"\",status=\"404\"} 3");
  expect(text, "vecd_requests_total{model=\"org/m\",status=\"200\"} 7");
  expect(text, "vecd_requests_in_flight{model=\"org/m\"} 2");
  expect(text, "# TYPE vecd_request_duration_seconds histogram");
  expect(text, "vecd_request_duration_seconds_bucket{model=\"org/m\",le=\"0.0001\"} 0");
  expect(text, "vecd_request_duration_seconds_bucket{model=\"org/m\",le=\"0.0002\"} 2");
  expect(text, "vecd_request_duration_seconds_bucket{model=\"org/m\",le=\"52.4288\"} 2");
  expect(text, "vecd_request_duration_seconds_bucket{model=\"org/m\",le=\"+Inf\"} 3");
  expect(text, "vecd_request_duration_seconds_sum{model=\"org/m\"} 1000.00035");
  expect(text, "vecd_request_duration_seconds_count{model=\"org/m\"} 3");
  expect(text, "vecd_batch_tokens_bucket{model=\"org/m\",le=\"256\"} 0");
  expect(text, "vecd_batch_tokens_bucket{model=\"org/m\",le=\"512\"} 1");
  expect(text, "vecd_model_info{model=\"org/m\",precision=\"int8\",isa=\"avx2\",architecture=\"bert\"} 1");
  expect(text, "vecd_model_state{model=\"org/m\",state=\"resident\"} 1");
  expect(text, "vecd_model_state{model=\"org/m\",state=\"failed\"} 0");
  expect(text, "vecd_model_resident_bytes{model=\"org/m\"} 5368709120");
  expect(text, "vecd_model_similarity_mean{model=\"org/m\"} 0.9993");
  expect(text, "vecd_http_replies_total{class=\"2xx\"} 11");
  expect(text, "vecd_models_limit 4");
  expect(text, "process_cpu_seconds_total 1.5");
  expect(text, "process_open_fds 9");
  expect(text, "process_start_time_seconds 1800000000.12");
  assert_null(strstr(text, "\nprocess_max_fds "));               /* there is no limit */
  assert_null(strstr(text, "\nprocess_resident_memory_bytes ")); /* not known */
  assert_null(strstr(text, "vecd_model_state{model=\"\""));      /* of no model: traffic only */
  vecd_buf_fini(&out);
}

static void names_cannot_break_a_line(void **state) {
  (void)state;
  vecd_metrics_model models[] = {{.id = ""}, {.id = "a\"b\\c\nd\xff\xc3\xa9 {x=\"1\"} 2\n# "}};
  vecd_metrics m = {.models = models, .n_models = 2};
  vecd_buf out;
  const char *text = print(&m, &out);
  expect(text, "vecd_model_users{model=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9 {x=\\\"1\\\"} 2\\n# \"} 0");
  for (const char *line = text; *line; line = strchr(line, '\n') + 1)
    assert_true(strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0 || strncmp(line, "vecd_", 5) == 0 ||
                strncmp(line, "process_", 8) == 0);
  vecd_buf_fini(&out);
}

/* Every row has its two lines of description, once, with a name as the conventions want it. */
static void names_keep_to_the_conventions(void **state) {
  (void)state;
  vecd_metrics_model none = {.id = ""};
  vecd_metrics m = {.models = &none, .n_models = 1};
  vecd_buf out;
  const char *text = print(&m, &out);
  size_t n = 0;
  for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
    char name[128], type[16], again[160];
    if (sscanf(line, "# TYPE %127s %15s", name, type) != 2) continue;
    size_t len = strlen(name);
    bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    assert_int_equal(total, strcmp(type, "counter") == 0);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), len);
    snprintf(again, sizeof again, "# TYPE %s ", name);
    assert_ptr_equal(strstr(text, again), line);
    assert_null(strstr(line + 1, again));
    n++;
  }
  assert_true(n > 40);
  vecd_buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_are_printed),
      cmocka_unit_test(names_cannot_break_a_line),
      cmocka_unit_test(names_keep_to_the_conventions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
