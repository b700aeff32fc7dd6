/* Summaries over times and repeats, and the tables made of them: evaluate/metrics.tsv and the text in the log. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "evaluate_impl.h"

const char *const EVALUATE_METHODS[N_METHODS] = {"hypernetwork",   "hypernetwork_exact",
                                                 "linear_weights", "linear_weights_exact",
                                                 "spline_weights", "spline_weights_exact",
                                                 "mixture",        "displacement",
                                                 "bridge",         "two_halves",
                                                 "resampled"};
const char *const EVALUATE_METRICS[N_METRICS] = {
    "W1", "W2", "JSD", "count_w", "joint_w1", "mean_error", "sd_error", "skewness_error", "kurtosis_error", "nll"};
const char *const EVALUATE_METHOD_NOTES[N_METHODS] = {"predicted density, sampled",
                                                      "predicted density, its own marginals",
                                                      "straight lines through the anchors' weights, sampled",
                                                      "the same, its own marginals",
                                                      "natural spline through the anchors' weights, sampled",
                                                      "the same, its own marginals",
                                                      "linear mixture of the neighbouring snapshots",
                                                      "displacement interpolation of the neighbouring snapshots",
                                                      "the same coupling carried by random unit jumps",
                                                      "noise floor: data against other data",
                                                      "noise floor: data against a resample of itself"};

static bool is_in_range(const scoring *s, range r, int i_time)
{
  bool first = s->n_obs > 1 && s->times[i_time] > s->observed_times[0] && s->times[i_time] < s->observed_times[1];
  return r == RANGE_ALL || (r == RANGE_FIRST) == first;
}

bool wf_evaluate_range(const scoring *s, range r, double *from, double *to)
{
  bool found = false;
  for (int k = 0; k < s->n_time; k++) {
    if (!is_in_range(s, r, k)) continue;
    if (!found) *from = s->times[k];
    *to   = s->times[k];
    found = true;
  }
  return found;
}

summary wf_evaluate_summary(const scoring *s, const double *all, method i_method, metric i_metric, range r)
{
  const double *scores = all + ((size_t)i_method * N_METRICS + (size_t)i_metric) * (size_t)s->n_time * (size_t)s->n_repeats;
  summary       result = {0};
  double        sum = 0, square = 0, shift = 0;
  for (int repeat = 0; repeat < s->n_repeats; repeat++) {
    double over_times = 0;
    int    n_times    = 0;
    for (int k = 0; k < s->n_time; k++)
      if (is_in_range(s, r, k)) {
        over_times += scores[(size_t)k * (size_t)s->n_repeats + (size_t)repeat];
        n_times++;
      }
    if (!n_times || isnan(over_times)) continue;
    double value = over_times / n_times;
    if (!result.n) shift = value; /* about the first value: no cancellation in the variance */
    sum += value - shift;
    square += (value - shift) * (value - shift);
    result.n++;
  }
  int n       = result.n;
  result.mean = n ? shift + sum / n : NAN;
  result.sd   = n > 1 ? sqrt(fmax(0, (square - sum * sum / n) / (n - 1))) : NAN;
  if (n && isinf(shift)) result.mean = shift;
  return result;
}

void wf_evaluate_describe_truth(const scoring *s, char *text, size_t size)
{
  if (s->held_out)
    snprintf(text, size,
             "truth: the %d held-out trajectories; anchors, flow, mixture and displacement were made from the other %d and never "
             "saw them",
             s->data->n_traj, s->train->n_traj);
  else
    snprintf(text, size,
             "truth: all %d trajectories, which were learnt from too: mixture and displacement are made of the very data they are "
             "scored "
             "on, which flatters them (data.holdout keeps some apart)",
             s->data->n_traj);
}

/* The W1 of two samples of one density falls as the square root of 1/n + 1/m, so the floor tells what a perfect model would score.
 */
void wf_evaluate_describe_floor(const scoring *s, const double *all, char *text, size_t size)
{
  int     n = s->data->n_traj, half = !s->held_out ? n / 2 : PetscMin(s->train->n_traj, n), other = s->held_out ? n : half;
  summary floor = wf_evaluate_summary(s, all, METHOD_TWO_HALVES, METRIC_W1, RANGE_ALL);
  text[0]       = 0;
  if (!half || !floor.n) return;
  double perfect = floor.mean * sqrt((1.0 / s->n_samples + 1.0 / n) / (1.0 / half + 1.0 / other));
  snprintf(text, size,
           "noise: two_halves is %d %strajectories against %d%s; %d samples of a perfect model would have a W1 of about %.4f", half,
           s->held_out ? "training " : "", other, s->held_out ? " held-out ones" : " others", s->n_samples, perfect);
}

static void print_table(FILE *stream, const scoring *s, const double *all)
{
  fprintf(stream, "# method\tmetric\tfrom_time\tto_time\tmean\tsd\tn\n");
  for (int m = 0; m < N_METHODS; m++)
    for (int k = 0; k < N_METRICS; k++)
      for (int r = 0; r < N_RANGES; r++) {
        double  from, to;
        summary x = wf_evaluate_summary(s, all, (method)m, (metric)k, (range)r);
        if (x.n && wf_evaluate_range(s, (range)r, &from, &to))
          fprintf(stream, "%s\t%s\t%.10g\t%.10g\t%.8g\t%.3g\t%d\n", EVALUATE_METHODS[m], EVALUATE_METRICS[k], from, to, x.mean,
                  fabs(x.sd), x.n);
      }
  char text[512];
  wf_evaluate_describe_truth(s, text, sizeof text);
  fprintf(stream, "# %s\n", text);
  wf_evaluate_describe_floor(s, all, text, sizeof text);
  if (text[0]) fprintf(stream, "# %s\n", text);
}

PetscErrorCode wf_evaluate_write_table(wf_run *run, const scoring *s, const double *all)
{
  char path[PETSC_MAX_PATH_LEN], part[PETSC_MAX_PATH_LEN + 8];
  int  failure = 0;

  PetscFunctionBeginUser;
  wf_run_path(run, "evaluate", "metrics.tsv", path, sizeof path);
  snprintf(part, sizeof part, "%s.part", path);
  if (wf_run_rank(run) == 0) {
    FILE *stream = fopen(part, "w");
    if (!stream)
      failure = errno;
    else {
      print_table(stream, s, all);
      if (ferror(stream) || fflush(stream)) failure = errno ? errno : EIO;
      if (fclose(stream) && !failure) failure = errno;
      if (!failure && rename(part, path)) failure = errno;
    }
  }
  PetscCallMPI(MPI_Bcast(&failure, 1, MPI_INT, 0, wf_run_comm(run)));
  PetscCheck(!failure, wf_run_comm(run), PETSC_ERR_FILE_WRITE, "%s: %s", path, strerror(failure));
  PetscFunctionReturn(0);
}

static void print_cell(char *text, size_t size, summary x)
{
  if (!x.n)
    snprintf(text, size, "%8s %-8s", "-", "");
  else if (x.n == 1)
    snprintf(text, size, "%8.4f %-8s", x.mean, "");
  else
    snprintf(text, size, "%8.4f +-%.4f", x.mean, x.sd);
}

PetscErrorCode wf_evaluate_log_table(wf_run *run, const scoring *s, const double *all)
{
  const metric shown[2] = {METRIC_W1, METRIC_JSD};
  double       from = 0, to = 0;
  char         text[512];

  PetscFunctionBeginUser;
  if (wf_evaluate_range(s, RANGE_FIRST, &from, &to))
    PetscCall(wf_run_log(
        run, "  marginal scores, mean over times +- spread over repeats; first: times %g..%g, inside the first observed interval",
        from, to));
  PetscCall(wf_run_log(run, "  %-20s | %-17s %-17s %-17s | %-17s %-17s %-17s", "", "W1 all", "first", "rest", "JSD all", "first",
                       "rest"));
  for (int m = 0; m < N_METHODS; m++) {
    char cells[2][N_RANGES][40];
    for (int k = 0; k < 2; k++)
      for (int r = 0; r < N_RANGES; r++)
        print_cell(cells[k][r], sizeof cells[k][r], wf_evaluate_summary(s, all, (method)m, shown[k], (range)r));
    PetscCall(wf_run_log(run, "  %-20s | %s %s %s | %s %s %s", EVALUATE_METHODS[m], cells[0][0], cells[0][1], cells[0][2],
                         cells[1][0], cells[1][1], cells[1][2]));
  }
  wf_evaluate_describe_truth(s, text, sizeof text);
  PetscCall(wf_run_log(run, "  %s", text));
  wf_evaluate_describe_floor(s, all, text, sizeof text);
  if (text[0]) PetscCall(wf_run_log(run, "  %s", text));
  if (!s->exact)
    PetscCall(wf_run_log(run, "  *_exact: marginals from %d samples, the tree of states is larger than predict.exact_limit",
                         LARGE_SAMPLE));
  if (s->n_displaced < s->train->n_traj) PetscCall(wf_run_log(run, "  displacement: of the first %d trajectories", s->n_displaced));
  PetscFunctionReturn(0);
}
