/* What one parameter alone cannot tell. Looks at no file: that is the command `check`. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "params_impl.h"

static bool ends_with(const char *text, const char *ending)
{
  size_t n_text = strlen(text), n_ending = strlen(ending);
  return n_text > n_ending && !strcmp(text + n_text - n_ending, ending);
}

/* Index lists, against the number of samples where it is known. Returns the number of indices, -1 after a mistake. */
static int check_indices(const char *group, const char *name, const char *text, bool simulated, int n, wf_mistakes *mistakes)
{
  char why[WHY_SIZE], shown[NAME_SIZE];
  if (!wf_mistakes_is_sound(mistakes, group, name)) return -1;
  simulated = simulated && wf_mistakes_is_sound(mistakes, "simulate", "samples") && wf_mistakes_is_sound(mistakes, "data", "file");
  int count = wf_indices_parse(text, simulated ? n : INT_MAX, NULL, why, sizeof why);
  if (count < 0)
    wf_mistakes_add(mistakes, "parameters: %s.%s = %s: %s%s", group, name, wf_value_shorten(text, shown), why,
                    simulated && strstr(why, "does not exist") ? " (simulate.samples)" : "");
  return count;
}

static void check_data(const wf_params *p, wf_mistakes *mistakes)
{
  bool simulated  = !*p->data.file;
  int  n_time     = (int)p->simulate.samples;
  int  n_observed = check_indices("data", "observed", p->data.observed, simulated, n_time, mistakes);
  check_indices("data", "evaluated", p->data.evaluated, simulated, n_time, mistakes);
  if (*p->report.times) check_indices("report", "times", p->report.times, simulated, n_time, mistakes);
  if (n_observed >= 0 && n_observed < 2)
    wf_mistakes_add(mistakes, "parameters: data.observed = %s: name at least two snapshots", p->data.observed);
  if (n_observed >= 2 && !strcmp(p->train.path, "pca") && p->train.z_dim >= n_observed)
    wf_mistakes_add(mistakes,
                    "parameters: train.z_dim = %" PRId64
                    ": must be below the number of observed snapshots, %d, where train.path is pca",
                    p->train.z_dim, n_observed);
  if (!wf_mistakes_is_sound(mistakes, "data", "file")) return;
  if (!simulated && !ends_with(p->data.file, ".npy") && !ends_with(p->data.file, ".h5"))
    wf_mistakes_add(mistakes, "parameters: data.file = %s: must be a .npy or .h5 file", p->data.file);
  if (simulated && *p->data.times)
    wf_mistakes_add(mistakes, "parameters: data.times = %s: means nothing without data.file", p->data.times);
  if (simulated && *p->data.species)
    wf_mistakes_add(mistakes, "parameters: data.species = %s: means nothing without data.file", p->data.species);
  if (simulated && p->data.holdout > 0 && wf_mistakes_is_sound(mistakes, "simulate", "trajectories")) {
    double held = floor(p->data.holdout * (double)p->simulate.trajectories + 0.5), kept = (double)p->simulate.trajectories - held;
    if (held < 1 || kept < 1)
      wf_mistakes_add(mistakes, "parameters: data.holdout = %g: of %" PRId64 " trajectories none is %s", p->data.holdout,
                      p->simulate.trajectories, held < 1 ? "held out" : "left to train on");
  }
}

/* first:step with step > 0, where data.times is written so; else it is a file's name. */
static void check_import_times(const wf_params *p, wf_mistakes *mistakes)
{
  char        first[NAME_SIZE];
  double      start, step;
  const char *colon = strchr(p->data.times, ':');
  if (!colon || (size_t)(colon - p->data.times) >= sizeof first) return;
  snprintf(first, sizeof first, "%.*s", (int)(colon - p->data.times), p->data.times);
  if (!wf_number_parse(first, &start)) return;
  if (!wf_number_parse(colon + 1, &step) || !(step > 0))
    wf_mistakes_add(mistakes, "parameters: data.times = %s: write first:step with a step above 0, or a file's name", p->data.times);
}

static void check_predict(const wf_params *p, wf_mistakes *mistakes)
{
  enum { MAX_NUMBERS = 100000 };
  char    why[WHY_SIZE], shown[NAME_SIZE];
  double *numbers = wf_calloc(MAX_NUMBERS, sizeof *numbers);
  int     n;
  if (!numbers) return;
  if (strcmp(p->predict.times, "all")) {
    n = wf_numbers_parse(p->predict.times, MAX_NUMBERS, numbers, why, sizeof why);
    for (int i = 1; i < n && n > 0; i++)
      if (numbers[i] <= numbers[i - 1]) snprintf(why, sizeof why, "times must increase"), n = -1;
    if (n > 0 && !*p->data.file && (numbers[0] < 0 || numbers[n - 1] > p->simulate.t_end * (1 + 1e-9)) &&
        wf_mistakes_is_sound(mistakes, "simulate", "t_end"))
      snprintf(why, sizeof why, "times must lie between 0 and simulate.t_end = %g", p->simulate.t_end), n = -1;
    if (n < 0) wf_mistakes_add(mistakes, "parameters: predict.times = %s: %s", wf_value_shorten(p->predict.times, shown), why);
  }
  if (*p->predict.tails) {
    n = wf_numbers_parse(p->predict.tails, MAX_NUMBERS, numbers, why, sizeof why);
    for (int i = 0; i < n; i++)
      if (numbers[i] < 0 || numbers[i] != floor(numbers[i]) || numbers[i] > INT_MAX)
        snprintf(why, sizeof why, "thresholds are whole numbers from 0"), n = -1;
    if (n < 0) wf_mistakes_add(mistakes, "parameters: predict.tails = %s: %s", wf_value_shorten(p->predict.tails, shown), why);
  }
  if (*p->predict.states && !ends_with(p->predict.states, ".npy") && !ends_with(p->predict.states, ".h5"))
    wf_mistakes_add(mistakes, "parameters: predict.states = %s: must be a .npy or .h5 file", p->predict.states);
  wf_free(numbers);
}

void wf_params_check(const wf_params *params, const char *groups, wf_mistakes *mistakes)
{
  if (!*params->run.out) wf_mistakes_add(mistakes, "parameters: run.out: is empty: name the run folder with -out");
  if (!*params->data.file && !(params->simulate.t_end > 0))
    wf_mistakes_add(mistakes, "parameters: simulate.t_end = %g: must be above 0", params->simulate.t_end);
  if (params->pretrain.levels == 1)
    wf_mistakes_add(mistakes, "parameters: pretrain.levels = 1: must be 0 (from the data) or at least 2");
  if (strstr(groups, "data")) check_data(params, mistakes);
  if (*params->data.file && *params->data.times) check_import_times(params, mistakes);
  check_predict(params, mistakes);
}
