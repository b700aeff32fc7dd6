/* Stages evaluate and report on the published epidemic model: a run folder is made of its ensemble, anchors and predicted weights,
   and the scores must be the published ones. The digest of the scores, printed, must not depend on the rank count. With -all every
   time is scored (slow); with -holdout the scoring is stopped and resumed too. */
/* RUN: np=1,2,3 */
/* RUN: np=1,2,3 args=-holdout 0.3 */
#include <petscsys.h>
#include <unistd.h>
#include <weightflow/anchors.h>
#include <weightflow/run.h>
#include "reference_epidemic.h"
#include "stages/stages.h"

enum { FINE = 21 };

/* Begin a stage, whatever its parents are, and create its product. */
static PetscErrorCode begin_product(wf_run *run, const char *stage, const char *name, const char *kind, wf_file **file)
{
  bool needed;

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, stage, name, 0, NULL, "data", &needed));
  WF_CHECK(needed);
  PetscCall(wf_run_product_create(run, kind, file));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_array(wf_file *file, const char *name, wf_type type, int rank, int64_t a, int64_t b, int64_t c,
                                  const void *data)
{
  wf_dataset dataset = {
      .name = name, .type = type, .rank = rank, .shape = {a, b, c}, .description = "test", .unit = "", .axes = ""};

  PetscFunctionBeginUser;
  PetscCall(wf_file_write(file, &dataset, data));
  PetscFunctionReturn(0);
}

static PetscErrorCode make_ensemble(wf_run *run, hid_t published)
{
  const char *const species[3] = {"S", "I'm <odd>", "R_0"}; /* names that scripts and pages have to quote */
  int32_t          *counts     = reference_ints(published, "/trajectories");
  double            times[REFERENCE_TIME];
  wf_file          *file;

  PetscFunctionBeginUser;
  for (int k = 0; k < REFERENCE_TIME; k++) times[k] = 0.5 * k;
  PetscCall(begin_product(run, "simulate", "ensemble.h5", "ensemble", &file));
  PetscCall(write_array(file, "/counts", WF_TYPE_INT32, 3, REFERENCE_TRAJ, REFERENCE_TIME, REFERENCE_SPECIES, counts));
  PetscCall(write_array(file, "/times", WF_TYPE_DOUBLE, 1, REFERENCE_TIME, 0, 0, times));
  PetscCall(wf_file_write_names(file, "/names/species", 3, species));
  PetscCall(wf_run_stage_end(run, &file));
  wf_free(counts);
  PetscFunctionReturn(0);
}

/* theta [n, 852] of tokens [n, 100, 9]; free with wf_free. */
static wf_real *read_theta(hid_t published, const char *name, int n)
{
  wf_backbone *backbone = reference_backbone();
  double      *tokens   = reference_doubles(published, name);
  wf_real     *theta    = wf_calloc((size_t)n * REFERENCE_PARAM, sizeof(wf_real));
  for (int k = 0; k < n; k++)
    reference_theta(backbone, tokens + k * REFERENCE_TOKENS * REFERENCE_FEATURES, theta + k * REFERENCE_PARAM);
  wf_backbone_destroy(&backbone);
  wf_free(tokens);
  return theta;
}

static PetscErrorCode make_anchors(wf_run *run, hid_t published)
{
  enum { N_EPOCHS = 5 };
  wf_anchors *anchors;
  wf_file    *file;

  PetscFunctionBeginUser;
  PetscCall(wf_anchors_create(REFERENCE_ANCHORS, 0, &anchors));
  anchors->n_param        = REFERENCE_PARAM;
  anchors->theta          = read_theta(published, "/anchors", REFERENCE_ANCHORS);
  anchors->n_train        = REFERENCE_TRAJ;
  anchors->n_time         = REFERENCE_TIME;
  anchors->n_epochs       = N_EPOCHS;
  anchors->config         = (wf_backbone_config){"gru", "categorical", REFERENCE_SPECIES, REFERENCE_LEVELS, 8, 1};
  anchors->loss_history   = wf_calloc(REFERENCE_ANCHORS * N_EPOCHS, sizeof(double));
  anchors->ensemble_times = wf_calloc(REFERENCE_TIME, sizeof(double));
  for (int k = 0; k < REFERENCE_TIME; k++) anchors->ensemble_times[k] = 0.5 * k;
  anchors->ensemble_last = 50;
  for (int k = 0; k < REFERENCE_ANCHORS; k++) {
    anchors->times[k]    = 5.0 * k;
    anchors->observed[k] = 10 * k;
    for (int e = 0; e < N_EPOCHS; e++) anchors->loss_history[k * N_EPOCHS + e] = 2 + 1.0 / (1 + e) - 0.05 * k;
  }
  PetscCall(begin_product(run, "pretrain", "anchors.h5", "anchors", &file));
  PetscCall(wf_anchors_write(file, anchors));
  PetscCall(wf_run_stage_end(run, &file));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}

/* Only what the report shows of the training. */
static PetscErrorCode make_flow(wf_run *run)
{
  const char *const columns[3] = {"iteration", "weight_loss", "total"};
  double            times[FINE], value[FINE][2], history[30][3];
  wf_file          *file;

  PetscFunctionBeginUser;
  for (int i = 0; i < FINE; i++) times[i] = 2.5 * i, value[i][0] = cos(0.2 * i), value[i][1] = i / 20.0;
  for (int i = 0; i < 30; i++) history[i][0] = i, history[i][1] = exp(-0.2 * i), history[i][2] = exp(-0.2 * i) + 1e-3;
  PetscCall(begin_product(run, "train", "flow.h5", "flow", &file));
  PetscCall(write_array(file, "/path/times", WF_TYPE_DOUBLE, 1, FINE, 0, 0, times));
  PetscCall(write_array(file, "/path/value", WF_TYPE_DOUBLE, 2, FINE, 2, 0, value));
  PetscCall(write_array(file, "/history", WF_TYPE_DOUBLE, 2, 30, 3, 0, history));
  PetscCall(wf_file_write_names(file, "/history_columns", 3, columns));
  PetscCall(wf_run_stage_end(run, &file));
  PetscFunctionReturn(0);
}

static PetscErrorCode make_prediction(wf_run *run, hid_t published)
{
  wf_real *theta     = read_theta(published, "/rollout/tokens_f64", 100);
  double  *marginals = reference_doubles(published, "/rollout/exact_marginals_f64"), times[100];
  wf_file *file;

  PetscFunctionBeginUser;
  for (int k = 0; k < 100; k++) times[k] = 0.5 * (k + 1);
  PetscCall(begin_product(run, "predict", "prediction.h5", "prediction", &file));
  PetscCall(write_array(file, "/theta", WF_TYPE_REAL, 2, 100, REFERENCE_PARAM, 0, theta));
  PetscCall(write_array(file, "/times", WF_TYPE_DOUBLE, 1, 100, 0, 0, times));
  PetscCall(write_array(file, "/marginals", WF_TYPE_DOUBLE, 3, 100, REFERENCE_SPECIES, REFERENCE_LEVELS, marginals));
  PetscCall(wf_run_stage_end(run, &file));
  wf_free(theta);
  wf_free(marginals);
  PetscFunctionReturn(0);
}

/* The scores of metrics.h5 by name. */
typedef struct {
  int     n_methods, n_metrics, n_time;
  char  **methods, **metrics;
  double *scores; /* [n_methods, n_metrics, n_time] */
  int32_t index[100];
} scores;

static PetscErrorCode read_scores(wf_run *run, scores *s)
{
  char     path[512], why[512] = "", digest[WF_DIGEST_SIZE];
  int64_t  shape[WF_MAX_RANK];
  int      rank;
  bool     found;
  wf_file *file;

  PetscFunctionBeginUser;
  wf_run_path(run, "evaluate", "metrics.h5", path, sizeof path);
  PetscCall(wf_file_open(wf_run_comm(run), path, "metrics", true, &file, why, sizeof why));
  PetscCheck(file, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(wf_file_shape(file, "/scores", &rank, shape, NULL));
  s->n_time = (int)shape[2];
  s->scores = wf_calloc((size_t)(shape[0] * shape[1] * shape[2]), sizeof(double));
  PetscCall(wf_file_read(file, "/scores", WF_TYPE_DOUBLE, s->scores));
  PetscCall(wf_file_read(file, "/time_index", WF_TYPE_INT32, s->index));
  PetscCall(wf_file_read_names(file, "/methods", &s->n_methods, &s->methods));
  PetscCall(wf_file_read_names(file, "/metrics", &s->n_metrics, &s->metrics));
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, sizeof digest, &found));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "digest %s\n", digest));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static const double *find_scores(const scores *s, const char *method, const char *metric)
{
  for (int m = 0; m < s->n_methods; m++)
    for (int k = 0; k < s->n_metrics; k++)
      if (!strcmp(s->methods[m], method) && !strcmp(s->metrics[k], metric)) return s->scores + (m * s->n_metrics + k) * s->n_time;
  WF_CHECK(false, "no %s %s", method, metric);
  return s->scores;
}

/* Scores that involve no random numbers, time by time. `per`: published numbers a time, averaged. */
static void check_exact(const scores *s, hid_t published, const char *method, const char *metric, const char *name, int per,
                        double tolerance)
{
  const double *ours   = find_scores(s, method, metric);
  double       *theirs = reference_doubles(published, name);
  for (int k = 0; k < s->n_time; k++) {
    double expected = 0;
    for (int j = 0; j < per; j++) expected += theirs[(s->index[k] - 1) * per + j] / per;
    WF_CHECK(fabs(ours[k] - expected) < tolerance, "%s %s, time %d: %.7g, published %.7g", method, metric, s->index[k], ours[k],
             expected);
  }
  wf_free(theirs);
}

/* Scores of random samples: the mean over times, against that of n_seeds published seeds; `slack` covers the spread of both. */
static void check_sampled(const scores *s, hid_t published, const char *method, const char *metric, const char *name, int n_seeds,
                          double slack)
{
  const double *ours   = find_scores(s, method, metric);
  double       *theirs = reference_doubles(published, name), mean = 0, expected = 0;
  for (int k = 0; k < s->n_time; k++) {
    mean += ours[k] / s->n_time;
    for (int r = 0; r < n_seeds; r++) expected += theirs[r * 100 + s->index[k] - 1] / (n_seeds * s->n_time);
  }
  WF_CHECK(fabs(mean - expected) < slack, "%s %s: %.5f, published %.5f", method, metric, mean, expected);
  wf_free(theirs);
}

static void check_published(const scores *s, hid_t published)
{
  double exact = WF_REAL_IS_DOUBLE ? 2e-6 : 2e-5;
  check_exact(s, published, "hypernetwork_exact", "W1", "/metrics/weightflow/exact_W1", 1, exact);
  check_exact(s, published, "hypernetwork_exact", "W2", "/metrics/weightflow/exact_W2", 1, exact);
  check_exact(s, published, "hypernetwork_exact", "JSD", "/metrics/weightflow/exact_JSD_ref", 1, exact);
  check_exact(s, published, "hypernetwork_exact", "count_w", "/metrics/weightflow/exact_spW1", 3, 20 * exact);
  check_exact(s, published, "hypernetwork", "nll", "/metrics/weightflow/nll", 1, 5 * exact);
  check_exact(s, published, "linear_weights_exact", "W1", "/metrics/lininterp/exact_W1", 1, exact);
  check_exact(s, published, "linear_weights", "nll", "/metrics/lininterp/nll", 1, 5 * exact);
  check_exact(s, published, "spline_weights_exact", "W1", "/metrics/splineinterp/exact_W1", 1, exact);
  check_exact(s, published, "spline_weights_exact", "JSD", "/metrics/splineinterp/exact_JSD_ref", 1, exact);
  check_sampled(s, published, "hypernetwork", "W1", "/metrics/weightflow/W1", 10, 0.006);
  check_sampled(s, published, "hypernetwork", "JSD", "/metrics/weightflow/JSD", 10, 0.002);
  check_sampled(s, published, "linear_weights", "W1", "/metrics/lininterp/W1", 10, 0.006);
  check_sampled(s, published, "spline_weights", "JSD", "/metrics/splineinterp/JSD", 10, 0.002);
  check_sampled(s, published, "two_halves", "W1", "/metrics/split_half/W1", 10, 0.006);
  check_sampled(s, published, "two_halves", "JSD", "/metrics/split_half/JSD", 10, 0.002);
  check_sampled(s, published, "resampled", "W1", "/metrics/bootstrap/W1", 10, 0.006);
}

static void check_files(const wf_run *run)
{
  const char *const files[] = {"evaluate/metrics.tsv", "report/report.txt",  "report/report.html",
                               "report/report.h5",     "report/density.tsv", "report/scores.gp",
                               "report/path.gp",       "report/loss.gp",     "report/weights.gp"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[512];
    wf_run_path(run, "", files[i], path, sizeof path);
    WF_CHECK(access(path, R_OK) == 0, "%s", path);
  }
}

static PetscErrorCode open_run(const wf_params *params, wf_run **run)
{
  wf_mistakes *mistakes = wf_mistakes_create();

  PetscFunctionBeginUser;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, params, "t620_evaluate", mistakes, run));
  WF_CHECK(wf_mistakes_count(mistakes) == 0);
  wf_mistakes_destroy(&mistakes);
  PetscFunctionReturn(0);
}

/* Ask for a stop before the first snapshot is scored, and begin again: after as many snapshots as there are ranks. */
static PetscErrorCode interrupt_evaluate(const wf_params *params, wf_run **run)
{
  char path[512];

  PetscFunctionBeginUser;
  wf_run_path(*run, "", "stop", path, sizeof path);
  if (wf_run_rank(*run) == 0) {
    FILE *file = fopen(path, "w");
    WF_CHECK(file && fclose(file) == 0);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(wf_stage_evaluate(*run));
  WF_CHECK(wf_run_exit_code(*run) == WF_EXIT_STOPPED, "exit code %d", wf_run_exit_code(*run));
  PetscCall(wf_run_destroy(run));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  remove(path);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(open_run(params, run));
  PetscFunctionReturn(0);
}

/* With held-out data the mixture of training snapshots differs from the data at the observed times too, about as much as the floor
 * does. */
static void check_held_out(const scores *s)
{
  const double *mixture = find_scores(s, "mixture", "W1"), *floor = find_scores(s, "two_halves", "W1");
  const double *nll = find_scores(s, "hypernetwork", "nll");
  for (int k = 0; k < s->n_time; k++) {
    WF_CHECK(isfinite(nll[k]) && floor[k] > 0);
    if (s->index[k] == 100) WF_CHECK(mixture[k] > 0.3 * floor[k] && mixture[k] < 2 * floor[k], "%g %g", mixture[k], floor[k]);
  }
}

static PetscErrorCode run_test(hid_t published, const char *folder, bool all, double holdout)
{
  wf_params params;
  wf_run   *run;
  scores    s;

  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  snprintf(params.run.out, sizeof params.run.out, "%s", folder);
  snprintf(params.data.evaluated, sizeof params.data.evaluated, "%s", all ? "1:100:1" : "1,5,9,52,58,100");
  params.evaluate.repeats = all ? 10 : 4;
  params.data.holdout     = holdout;
  PetscCall(open_run(&params, &run));
  PetscCall(make_ensemble(run, published));
  PetscCall(make_anchors(run, published));
  PetscCall(make_flow(run));
  PetscCall(make_prediction(run, published));
  if (holdout > 0) PetscCall(interrupt_evaluate(&params, &run));
  PetscCall(wf_stage_evaluate(run));
  WF_CHECK(wf_run_exit_code(run) == 0);
  PetscCall(read_scores(run, &s));
  if (wf_run_rank(run) == 0 && holdout > 0) check_held_out(&s);
  if (wf_run_rank(run) == 0 && !(holdout > 0)) check_published(&s, published);
  PetscCall(wf_stage_report(run));
  WF_CHECK(wf_run_exit_code(run) == 0);
  if (wf_run_rank(run) == 0) check_files(run);
  wf_free(s.methods);
  wf_free(s.metrics);
  wf_free(s.scores);
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char      folder[64] = "/tmp/t620XXXXXX", command[128];
  PetscBool all = PETSC_FALSE, keep = PETSC_FALSE;
  PetscReal holdout = 0;
  int       rank;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-all", &all, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-keep", &keep, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-holdout", &holdout, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  hid_t published = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (rank == 0 && !mkdtemp(folder)) folder[0] = 0;
  PetscCallMPI(MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(run_test(published, folder, all, holdout));
  H5Fclose(published);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (rank == 0 && !keep && system(command)) WF_CHECK(false, "%s", command);
  if (keep) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "kept %s\n", folder));
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
