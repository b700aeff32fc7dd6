/* The published epidemic model, imported and run through predict, evaluate and report as any model is: its marginals are those of
   the reference's own float64 rollout, and the table of scores is the published one, baselines and noise floor included. The
   products' digests, printed, must not depend on the rank count. */
/* RUN: np=1,2,3 */
/* RUN: np=2 args=-scores */
#include <petscsys.h>
#include <unistd.h>
#include <weightflow/run.h>
#include "reference.h"
#include "stages/stages.h"

enum { N_SEEDS = 10, N_RANGES = 3, FIRST_TIMES = 9, SCORED_TIMES = 100 };

static hid_t published;
static int   rank;

static PetscErrorCode open_product(wf_run *run, const char *stage, const char *name, wf_file **file)
{
  char path[512], why[512] = "", digest[WF_DIGEST_SIZE];
  bool found;

  PetscFunctionBeginUser;
  wf_run_path(run, stage, name, path, sizeof path);
  PetscCall(wf_file_open(wf_run_comm(run), path, NULL, true, file, why, sizeof why));
  PetscCheck(*file, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(wf_file_read_attribute_text(*file, "/", "wf_digest", digest, sizeof digest, &found));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %s\n", name, digest));
  PetscFunctionReturn(0);
}

/* ---- import: the parameters of the model, and products that need not be made anew ---- */

static PetscErrorCode check_import(wf_run *run)
{
  const wf_params *p = wf_run_params(run);
  bool             needed;
  wf_file         *file;
  int64_t          published_time;
  bool             found;

  PetscFunctionBeginUser;
  WF_CHECK(wf_run_exit_code(run) == 0);
  WF_CHECK(!strcmp(p->train.time_convention, "published") && !strcmp(p->train.start, "random") && !p->train.time_channel);
  WF_CHECK(!strcmp(p->data.observed, "0:100:10"), "%s", p->data.observed);
  WF_CHECK(p->pretrain.levels == REFERENCE_LEVELS && p->data.holdout == 0);
  PetscCall(wf_pretrain_begin(run, &needed));
  WF_CHECK(!needed);
  PetscCall(wf_train_begin(run, &needed));
  WF_CHECK(!needed);
  PetscCall(open_product(run, "simulate", "ensemble.h5", &file));
  PetscCall(wf_file_close(&file));
  PetscCall(open_product(run, "pretrain", "anchors.h5", &file));
  double loss[REFERENCE_ANCHORS], *nll = reference_doubles(published, "/anchor_checks/nll_f64");
  PetscCall(wf_file_read(file, "/loss", WF_TYPE_DOUBLE, loss));
  for (int k = 0; k < REFERENCE_ANCHORS; k++) WF_CHECK_CLOSE(loss[k], nll[k], WF_REAL_IS_DOUBLE ? 1e-9 : 1e-5);
  wf_free(nll);
  PetscCall(wf_file_close(&file));
  PetscCall(open_product(run, "train", "flow.h5", &file));
  PetscCall(wf_file_read_attribute_int(file, "/", "published_time", &published_time, &found));
  WF_CHECK(found && published_time == 1);
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* ---- predict: the marginals of the reference's rollout ---- */

static PetscErrorCode check_marginals(wf_run *run)
{
  enum { SIZE = REFERENCE_SPECIES * REFERENCE_LEVELS };
  wf_file *file;
  double  *ours  = wf_calloc(REFERENCE_TIME * SIZE, sizeof(double)),
         *theirs = reference_doubles(published, "/rollout/exact_marginals_f64");
  double error   = 0;

  PetscFunctionBeginUser;
  PetscCall(open_product(run, "predict", "prediction.h5", &file));
  PetscCall(wf_file_read(file, "/marginals", WF_TYPE_DOUBLE, ours));
  for (int i = 0; i < SCORED_TIMES * SIZE; i++) error = fmax(error, fabs(ours[SIZE + i] - theirs[i]));
  if (rank == 0) fprintf(stderr, "largest error of a marginal probability: %.3g\n", error);
  WF_CHECK(error < (WF_REAL_IS_DOUBLE ? 1e-9 : 1e-4), "%.3g", error);
  wf_free(ours);
  wf_free(theirs);
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* ---- evaluate: the published table ---- */

typedef struct {
  char  **methods, **metrics;
  int     n_methods, n_metrics;
  double *mean, *sd; /* [n_methods, n_metrics, N_RANGES] */
} table;

static size_t find_cell(const table *t, const char *method, const char *metric)
{
  for (int m = 0; m < t->n_methods; m++)
    for (int k = 0; k < t->n_metrics; k++)
      if (!strcmp(t->methods[m], method) && !strcmp(t->metrics[k], metric))
        return ((size_t)m * (size_t)t->n_metrics + (size_t)k) * N_RANGES;
  WF_CHECK(false, "no %s %s", method, metric);
  return 0;
}

/* Mean over the times of range r of row [SCORED_TIMES]. */
static double mean_of_range(const double *row, int per, int r)
{
  int    first = r == 2 ? FIRST_TIMES : 0, last = r == 1 ? FIRST_TIMES : SCORED_TIMES;
  double sum = 0;
  for (int i = first * per; i < last * per; i++) sum += row[i];
  return sum / ((last - first) * per);
}

/* A sampled score in all ranges: two means over ten seeds differ by no more than three standard deviations of their difference. */
static void check_sampled(const table *t, const char *method, const char *metric, const char *group)
{
  char name[64];
  snprintf(name, sizeof name, "/metrics/%s/%s", group, metric);
  double *theirs = reference_doubles(published, name);
  size_t  cell   = find_cell(t, method, metric);
  for (int r = 0; r < N_RANGES; r++) {
    double mean = 0, variance = 0, sd = t->sd[cell + (size_t)r], value[N_SEEDS];
    for (int s = 0; s < N_SEEDS; s++) mean += (value[s] = mean_of_range(theirs + s * SCORED_TIMES, 1, r)) / N_SEEDS;
    for (int s = 0; s < N_SEEDS; s++) variance += (value[s] - mean) * (value[s] - mean) / (N_SEEDS - 1);
    double error = fabs(t->mean[cell + (size_t)r] - mean), bound = 3 * sqrt((variance + sd * sd) / N_SEEDS);
    WF_CHECK(error < bound, "%s %s range %d: %.5f, published %.5f, bound %.5f", method, metric, r, t->mean[cell + (size_t)r], mean,
             bound);
  }
  wf_free(theirs);
}

/* A score without random numbers; per: published numbers a time, averaged. */
static void check_exact(const table *t, const char *method, const char *metric, const char *name, int per)
{
  double *theirs = reference_doubles(published, name);
  size_t  cell   = find_cell(t, method, metric);
  for (int r = 0; r < N_RANGES; r++)
    WF_CHECK_CLOSE(t->mean[cell + (size_t)r], mean_of_range(theirs, per, r), WF_REAL_IS_DOUBLE ? 1e-7 : 1e-5);
  wf_free(theirs);
}

/* The numbers as people quote them: rounded, and so to half of the last digit and the sampling noise. */
static void check_quoted(const table *t)
{
  static const struct {
    const char *method, *metric;
    int         range;
    double      value, slack;
  } quoted[] = {{"hypernetwork", "W1", 0, .1158, 6e-4},         {"hypernetwork", "JSD", 0, .0367, 3e-4},
                {"hypernetwork_exact", "W1", 0, .1084, 5e-5},   {"hypernetwork", "W1", 1, .607, 4e-3},
                {"hypernetwork", "W1", 2, .067, 1e-3},          {"linear_weights", "W1", 0, .0888, 6e-4},
                {"linear_weights_exact", "W1", 0, .0770, 5e-5}, {"spline_weights", "W1", 0, .0854, 6e-4},
                {"spline_weights_exact", "W1", 0, .0746, 5e-5}, {"mixture", "W1", 0, .0557, 5e-5},
                {"displacement", "W1", 0, .036, 1e-3},          {"two_halves", "W1", 0, .0592, 1e-3}};
  for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
    double ours = t->mean[find_cell(t, quoted[i].method, quoted[i].metric) + (size_t)quoted[i].range];
    WF_CHECK(fabs(ours - quoted[i].value) < quoted[i].slack, "%s %s: %.5f, quoted %g", quoted[i].method, quoted[i].metric, ours,
             quoted[i].value);
  }
}

static PetscErrorCode check_table(wf_run *run)
{
  static const char *const sampled[][2] = {{"hypernetwork", "weightflow"},
                                           {"linear_weights", "lininterp"},
                                           {"spline_weights", "splineinterp"},
                                           {"two_halves", "split_half"}};
  wf_file                 *file;
  table                    t;

  PetscFunctionBeginUser;
  PetscCall(open_product(run, "evaluate", "metrics.h5", &file));
  PetscCall(wf_file_read_names(file, "/methods", &t.n_methods, &t.methods));
  PetscCall(wf_file_read_names(file, "/metrics", &t.n_metrics, &t.metrics));
  t.mean = wf_calloc((size_t)t.n_methods * (size_t)t.n_metrics * N_RANGES, sizeof(double));
  t.sd   = wf_calloc((size_t)t.n_methods * (size_t)t.n_metrics * N_RANGES, sizeof(double));
  PetscCall(wf_file_read(file, "/summary/mean", WF_TYPE_DOUBLE, t.mean));
  PetscCall(wf_file_read(file, "/summary/sd", WF_TYPE_DOUBLE, t.sd));
  PetscCall(wf_file_close(&file));
  for (int i = 0; i < 4; i++) {
    check_sampled(&t, sampled[i][0], "W1", sampled[i][1]);
    check_sampled(&t, sampled[i][0], "JSD", sampled[i][1]);
  }
  check_exact(&t, "hypernetwork_exact", "W1", "/metrics/weightflow/exact_W1", 1);
  check_exact(&t, "hypernetwork_exact", "JSD", "/metrics/weightflow/exact_JSD", REFERENCE_SPECIES);
  check_exact(&t, "linear_weights_exact", "W1", "/metrics/lininterp/exact_W1", 1);
  check_exact(&t, "spline_weights_exact", "W1", "/metrics/splineinterp/exact_W1", 1);
  check_quoted(&t);
  wf_free(t.methods);
  wf_free(t.metrics);
  wf_free(t.mean);
  wf_free(t.sd);
  PetscFunctionReturn(0);
}

/* ---- ---- */

static PetscErrorCode run_stages(const char *folder, bool scores)
{
  wf_params    params;
  wf_run      *run;
  wf_mistakes *mistakes = wf_mistakes_create();

  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  snprintf(params.run.out, sizeof params.run.out, "%s", folder);
  snprintf(params.data.file, sizeof params.data.file, "%s", test_data("weightflow_reference_epidemic.h5"));
  snprintf(params.data.times, sizeof params.data.times, "0:0.5");
  snprintf(params.data.species, sizeof params.data.species, "S,I,R");
  params.data.holdout   = 0.5; /* the model was fitted to all: import must say no */
  params.run.force      = true;
  params.report.figures = false;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "t530_import_published", mistakes, &run));
  PetscCheck(run, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "no run folder");
  PetscCall(wf_stage_import(run));
  PetscCall(check_import(run));
  PetscCall(wf_stage_predict(run));
  PetscCall(check_marginals(run));
  if (scores) {
    PetscCall(wf_stage_evaluate(run));
    PetscCall(check_table(run));
    PetscCall(wf_stage_report(run));
  }
  WF_CHECK(wf_run_exit_code(run) == 0);
  PetscCall(wf_run_destroy(&run));
  wf_mistakes_destroy(&mistakes);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char      folder[64] = "/tmp/t530XXXXXX", command[128];
  PetscBool scores     = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-scores", &scores, NULL));
  PetscCall(PetscOptionsSetValue(NULL, "-wf_ts_rk_type", "38")); /* the public code's rule */
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  published = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (rank == 0 && !mkdtemp(folder)) folder[0] = 0;
  PetscCallMPI(MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(run_stages(folder, scores));
  H5Fclose(published);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (rank == 0 && system(command)) WF_CHECK(false, "%s", command);
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
