// A suite that uses the C library of today's integrations ("instrument hooks"), as any program may.
// Two benchmarks: one computes, in rounds that are marked; one allocates what is known exactly.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"

#define ROUNDS 4
#define INTEGRATION "codspeed-cpp"
#define VERSION "2.3.0"

static InstrumentHooks *hooks;
static volatile unsigned sink;

__attribute__((noinline)) static void compute(void) {
  unsigned x = 1;
  for (int i = 0; i < 200000; i++) x = x * 1103515245u + 12345u;
  sink = x;
}

// The peak is 3 000 000 bytes above the start.
__attribute__((noinline)) static void allocate(void) {
  char *first = malloc(1000000), *second = malloc(2000000);
  if (!first || !second) exit(7);
  memset(first, 1, 1000000);
  memset(second, 2, 2000000);
  sink = (unsigned)(first[sink % 1000] + second[sink % 1000]);
  free(second);
  free(first);
}

__attribute__((noinline)) static void __codspeed_root_frame__run(void (*benchmark)(void)) {
  benchmark();
}

// Whatever goes wrong between the library and the runner is a failure of this program.
static void demand(uint8_t failed, const char *what) {
  if (!failed) return;
  fprintf(stderr, "failed: %s\n", what);
  exit(1);
}

static int by_size(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

static void measure(const char *name, void (*benchmark)(void), int rounds, FILE *results) {
  uint64_t start[ROUNDS], end[ROUNDS];
  double times[ROUNDS], sum = 0;
  char uri[200];
  snprintf(uri, sizeof uri, "suite.c::%s", name);
  demand(instrument_hooks_start_benchmark(hooks), "start");
  for (int i = 0; i < rounds; i++) {
    start[i] = instrument_hooks_current_timestamp();
    __codspeed_root_frame__run(benchmark);
    end[i] = instrument_hooks_current_timestamp();
  }
  demand(instrument_hooks_stop_benchmark(hooks), "stop");
  for (int i = 0; results && i < rounds; i++) {
    demand(instrument_hooks_add_marker(hooks, getpid(), MARKER_TYPE_BENCHMARK_START, start[i]), "marker");
    demand(instrument_hooks_add_marker(hooks, getpid(), MARKER_TYPE_BENCHMARK_END, end[i]), "marker");
  }
  demand(instrument_hooks_set_executed_benchmark(hooks, getpid(), uri), "name");
  if (!results) return;
  for (int i = 0; i < rounds; i++) sum += times[i] = (double)(end[i] - start[i]);
  qsort(times, (size_t)rounds, sizeof *times, by_size);
  fprintf(results,
          "%s{\"name\":\"%s\",\"uri\":\"%s\",\"config\":{\"max_rounds\":%d},\"stats\":{\"min_ns\":%.1f,\"max_ns\":%.1f,"
          "\"mean_ns\":%.1f,\"stdev_ns\":0.0,\"q1_ns\":%.1f,\"median_ns\":%.1f,\"q3_ns\":%.1f,\"rounds\":%d,"
          "\"total_time\":%.9f,\"iqr_outlier_rounds\":0,\"stdev_outlier_rounds\":0,\"iter_per_round\":1,"
          "\"warmup_iters\":0}}",
          ftell(results) ? "," : "", name, uri, rounds, times[0], times[rounds - 1], sum / rounds,
          times[rounds / 4], times[rounds / 2], times[rounds * 3 / 4], rounds, sum / 1e9);
}

int main(void) {
  const char *folder = getenv("CODSPEED_PROFILE_FOLDER"), *mode = getenv("CODSPEED_RUNNER_MODE");
  int is_walltime = folder && mode && !strcmp(mode, "walltime");
  char *text = NULL;
  size_t size = 0;
  FILE *results = is_walltime ? open_memstream(&text, &size) : NULL;
  hooks = instrument_hooks_init();
  if (!hooks || !instrument_hooks_is_instrumented(hooks)) {
    fprintf(stderr, "failed: not instrumented\n");
    return 1;
  }
  demand(instrument_hooks_set_integration(hooks, INTEGRATION, VERSION), "integration");
  measure("compute", compute, is_walltime ? ROUNDS : 1, results);
  measure("allocate", allocate, is_walltime ? 2 : 1, results);
  demand(instrument_hooks_set_environment(hooks, "cpp", "compiler", __VERSION__), "environment");
  demand(instrument_hooks_write_environment(hooks, getpid()), "environment");
  instrument_hooks_deinit(hooks);
  if (!results) return 0;
  char path[600];
  snprintf(path, sizeof path, "%s/results", folder);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/results/%d.json", folder, getpid());
  fclose(results);
  FILE *file = fopen(path, "w");
  if (!file) return 2;
  fprintf(file,
          "{\"creator\":{\"name\":\"" INTEGRATION "\",\"version\":\"" VERSION "\",\"pid\":%d},"
          "\"instrument\":{\"type\":\"walltime\"},\"benchmarks\":[%s]}",
          getpid(), text);
  free(text);
  return fclose(file) != 0;
}
