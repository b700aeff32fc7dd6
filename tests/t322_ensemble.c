/* RUN: np=1,2,3 */
/* The stage simulate by its product: statistics against the counts beside them, events replayed against the samples, the last
   samples against all, and the same digests on any number of ranks. */
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/run.h>
#include "check.h"
#include "stages/stages.h"

enum { N = 333, TIMES = 21, D = 3 };
static char folder[] = "/tmp/weightflow_t322_XXXXXX";
static int  rank;

/* Simulate with these changes to the parameters; the product opened, verified. */
static PetscErrorCode simulate(const char *name, void (*change)(wf_params *), wf_file **file)
{
  static wf_params params;
  wf_run          *run;
  char             path[4096], why[512], digest[WF_DIGEST_SIZE] = "";
  bool             found;

  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  params.simulate.trajectories = N;
  params.simulate.samples      = TIMES;
  snprintf(params.simulate.rate, sizeof params.simulate.rate, "frozen");
  snprintf(params.run.out, sizeof params.run.out, "%s/%s", folder, name);
  change(&params);
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "test", NULL, &run));
  PetscCall(wf_stage_simulate(run));
  WF_CHECK(wf_run_exit_code(run) == 0);
  wf_run_path(run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_run_destroy(&run));
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, "ensemble", true, file, why, sizeof why));
  PetscCheck(*file, PETSC_COMM_WORLD, PETSC_ERR_FILE_READ, "%s", why);
  PetscCall(wf_file_read_attribute_text(*file, "/", "wf_digest", digest, sizeof digest, &found));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s %s\n", name, digest));
  PetscFunctionReturn(0);
}

static void change_nothing(wf_params *p) {}
static void keep_last(wf_params *p) { snprintf(p->simulate.store, sizeof p->simulate.store, "final"); }
static void keep_none(wf_params *p)
{
  snprintf(p->simulate.store, sizeof p->simulate.store, "none");
  p->simulate.histogram = 10; /* too few bins: they get wider */
}
static void ask_for_events(wf_params *p) { snprintf(p->simulate.output, sizeof p->simulate.output, "events"); }

static PetscErrorCode read_all(wf_file *file, const char *name, wf_type type, int64_t n, size_t size, void *data)
{
  int64_t shape[WF_MAX_RANK], all = 1;
  int     axes;

  PetscFunctionBeginUser;
  PetscCall(wf_file_shape(file, name, &axes, shape, NULL));
  for (int i = 0; i < axes; i++) all *= shape[i];
  PetscCheck(all == n, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED, "%s has %d entries", name, (int)all);
  PetscCall(wf_file_read(file, name, type, data));
  PetscFunctionReturn(0);
}

static int compare_counts(const void *a, const void *b) { return *(const int32_t *)a - *(const int32_t *)b; }

static PetscErrorCode check_statistics(wf_file *file, const int32_t *counts, int n_bins)
{
  const double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};
  double       mean[TIMES * D], variance[TIMES * D], covariance[TIMES * D * D], quantiles[5 * TIMES * D];
  int32_t      minimum[TIMES * D], maximum[TIMES * D];
  int64_t      width[D], *histogram = wf_calloc((size_t)(TIMES * D * n_bins), sizeof *histogram);

  PetscFunctionBeginUser;
  PetscCall(read_all(file, "/statistics/mean", WF_TYPE_DOUBLE, TIMES * D, 8, mean));
  PetscCall(read_all(file, "/statistics/variance", WF_TYPE_DOUBLE, TIMES * D, 8, variance));
  PetscCall(read_all(file, "/statistics/covariance", WF_TYPE_DOUBLE, TIMES * D * D, 8, covariance));
  PetscCall(read_all(file, "/statistics/quantiles", WF_TYPE_DOUBLE, 5 * TIMES * D, 8, quantiles));
  PetscCall(read_all(file, "/statistics/minimum", WF_TYPE_INT32, TIMES * D, 4, minimum));
  PetscCall(read_all(file, "/statistics/maximum", WF_TYPE_INT32, TIMES * D, 4, maximum));
  PetscCall(read_all(file, "/statistics/bin_width", WF_TYPE_INT64, D, 8, width));
  PetscCall(read_all(file, "/statistics/histogram", WF_TYPE_INT64, TIMES * D * n_bins, 8, histogram));
  for (int c = 0; c < TIMES * D; c++) {
    int32_t     column[N];
    int64_t    *expected = wf_calloc((size_t)n_bins, sizeof *expected);
    long double m = 0, v = 0, w = 0;
    int         other = c / D * D + (c + 1) % D; /* of the same time */
    long double mo    = 0;
    for (int i = 0; i < N; i++) column[i] = counts[i * TIMES * D + c], m += column[i], mo += counts[i * TIMES * D + other];
    for (int i = 0; i < N; i++) v += (column[i] - m / N) * (column[i] - m / N);
    for (int i = 0; i < N; i++) w += (column[i] - m / N) * (counts[i * TIMES * D + other] - mo / N);
    for (int i = 0; i < N; i++) expected[column[i] / width[c % D]]++;
    qsort(column, N, sizeof *column, compare_counts);
    WF_CHECK_CLOSE(mean[c], m / N, 1e-15);
    WF_CHECK_CLOSE(variance[c], v / (N - 1), 1e-13);
    WF_CHECK_CLOSE(covariance[c * D + (c + 1) % D], w / (N - 1), 1e-13);
    WF_CHECK(minimum[c] == column[0] && maximum[c] == column[N - 1]);
    WF_CHECK(!memcmp(expected, histogram + c * n_bins, (size_t)n_bins * sizeof *expected), "column %d", c);
    for (int q = 0; q < 5; q++) {
      int r = (int)ceil(shares[q] * N);
      WF_CHECK(width[c % D] > 1 ? isnan(quantiles[q * TIMES * D + c]) : quantiles[q * TIMES * D + c] == column[r > 0 ? r - 1 : 0]);
    }
    wf_free(expected);
  }
  wf_free(histogram);
  PetscFunctionReturn(0);
}

/* The changes of the epidemic's reactions, to replay them: S + I -> 2 I, I -> R, R -> S, and three deaths. */
static const int CHANGES[6][D] = {{-1, 1, 0}, {0, -1, 1}, {1, 0, -1}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}};

static PetscErrorCode check_events(wf_file *file, const int32_t *counts)
{
  int64_t offset[N + 1], shape[WF_MAX_RANK], n_events = 0;
  double  times[TIMES];
  bool    found;

  PetscFunctionBeginUser;
  PetscCall(read_all(file, "/events/offset", WF_TYPE_INT64, N + 1, 8, offset));
  PetscCall(wf_file_read(file, "/times", WF_TYPE_DOUBLE, times));
  PetscCall(wf_file_shape(file, "/events/time", NULL, shape, NULL));
  PetscCall(wf_file_read_attribute_int(file, "/", "events", &n_events, &found));
  WF_CHECK(offset[0] == 0 && offset[N] == shape[0] && n_events == shape[0] && shape[0] > 50 * N);
  double  *time = wf_calloc((size_t)offset[N], sizeof *time);
  int32_t *jump = wf_calloc((size_t)offset[N], sizeof *jump), *state = wf_calloc((size_t)offset[N], D * sizeof *state);
  PetscCall(wf_file_read(file, "/events/time", WF_TYPE_DOUBLE, time));
  PetscCall(wf_file_read(file, "/events/jump", WF_TYPE_INT32, jump));
  PetscCall(wf_file_read(file, "/events/counts", WF_TYPE_INT32, state));
  for (int i = 0; i < N; i++) {
    int32_t x[D] = {50, 10, 0};
    int     k    = 0;
    bool    same = true, ordered = true;
    for (int64_t e = offset[i]; e <= offset[i + 1]; e++) {
      for (; k < TIMES && (e == offset[i + 1] || time[e] > times[k]); k++)
        same = same && !memcmp(x, counts + (i * TIMES + k) * D, sizeof x);
      if (e == offset[i + 1]) break;
      ordered = ordered && jump[e] >= 0 && jump[e] < 6 && (e == offset[i] || time[e] > time[e - 1]);
      for (int s = 0; ordered && s < D; s++) x[s] += CHANGES[jump[e]][s];
      same = same && !memcmp(x, state + e * D, sizeof x);
    }
    WF_CHECK(same && ordered && k == TIMES, "trajectory %d", i);
  }
  wf_free(time);
  wf_free(jump);
  wf_free(state);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_all(void)
{
  static int32_t counts[N * TIMES * D], others[N * TIMES * D];
  wf_file       *file;
  bool           has;

  PetscFunctionBeginUser;
  PetscCall(simulate("grid", change_nothing, &file));
  PetscCall(read_all(file, "/counts", WF_TYPE_INT32, N * TIMES * D, 4, counts));
  PetscCall(check_statistics(file, counts, 256));
  PetscCall(wf_file_close(&file));
  PetscCall(simulate("events", ask_for_events, &file));
  PetscCall(read_all(file, "/counts", WF_TYPE_INT32, N * TIMES * D, 4, others));
  WF_CHECK(!memcmp(counts, others, sizeof counts));
  PetscCall(check_events(file, counts));
  PetscCall(wf_file_close(&file));
  PetscCall(simulate("final", keep_last, &file));
  PetscCall(read_all(file, "/counts", WF_TYPE_INT32, N * D, 4, others));
  for (int i = 0; i < N; i++) WF_CHECK(!memcmp(others + i * D, counts + (i * TIMES + TIMES - 1) * D, D * sizeof *counts));
  PetscCall(check_statistics(file, counts, 256));
  PetscCall(wf_file_close(&file));
  PetscCall(simulate("none", keep_none, &file));
  PetscCall(wf_file_has(file, "/counts", &has));
  WF_CHECK(!has);
  PetscCall(check_statistics(file, counts, 11));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) WF_CHECK(mkdtemp(folder) != NULL);
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(check_all());
  if (rank == 0) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    WF_CHECK(system(command) == 0);
  }
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
