/* Held-out trajectories stay out of everything that is learnt, and are all that is scored: changing them leaves anchors, flow and
   prediction as they are, bit by bit; changing a training one does not; and the scores are those of the held-out rows alone,
   computed here from the ensemble. */
/* RUN: np=1,2 */
#include <petscsys.h>
#include <unistd.h>
#include <weightflow/backbone.h>
#include <weightflow/metrics.h>
#include <weightflow/run.h>
#include <weightflow/snapshots.h>
#include "reference.h"
#include "stages/stages.h"

enum { HELD_OUT = REFERENCE_TRAJ / 2, N_TRAIN = REFERENCE_TRAJ - HELD_OUT, ROW = REFERENCE_TIME * REFERENCE_SPECIES };
enum { SIZE = REFERENCE_SPECIES * REFERENCE_LEVELS };

static char     folder[64] = "/tmp/t630XXXXXX";
static int      rank, rows[REFERENCE_TRAJ]; /* training rows, then held-out ones */
static int32_t *counts;

typedef struct {
  char anchors[WF_DIGEST_SIZE], flow[WF_DIGEST_SIZE], prediction[WF_DIGEST_SIZE], metrics[WF_DIGEST_SIZE];
} digests;

static void in_folder(const char *name, char *path, size_t size) { snprintf(path, size, "%s/%s", folder, name); }

static PetscErrorCode write_source(const char *path)
{
  wf_file   *file;
  wf_dataset dataset = {.name        = "/counts",
                        .type        = WF_TYPE_INT32,
                        .rank        = 3,
                        .shape       = {REFERENCE_TRAJ, REFERENCE_TIME, REFERENCE_SPECIES},
                        .description = "test",
                        .unit        = "",
                        .axes        = ""};
  double     times[REFERENCE_TIME];
  wf_dataset at = {
      .name = "/times", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {REFERENCE_TIME}, .description = "", .unit = "", .axes = ""};

  PetscFunctionBeginUser;
  for (int k = 0; k < REFERENCE_TIME; k++) times[k] = 0.5 * k;
  PetscCall(wf_file_create(PETSC_COMM_WORLD, path, "ensemble", &file));
  PetscCall(wf_file_write(file, &dataset, counts));
  PetscCall(wf_file_write(file, &at, times));
  PetscCall(wf_file_publish(&file, NULL));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_digest(const char *name, char *digest)
{
  char     path[256], why[512];
  bool     found;
  wf_file *file;

  PetscFunctionBeginUser;
  in_folder(name, path, sizeof path);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, NULL, true, &file, why, sizeof why));
  PetscCheck(file, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, WF_DIGEST_SIZE, &found));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* All stages on the counts as they stand. */
static PetscErrorCode run_stages(digests *d)
{
  PetscErrorCode (*const stages[])(wf_run *) = {wf_stage_import, wf_stage_pretrain, wf_stage_train, wf_stage_predict,
                                                wf_stage_evaluate};
  wf_params    params;
  wf_run      *run;
  wf_mistakes *mistakes = wf_mistakes_create();

  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  snprintf(params.run.out, sizeof params.run.out, "%s/run", folder);
  in_folder("source.h5", params.data.file, sizeof params.data.file);
  snprintf(params.data.observed, sizeof params.data.observed, "0,50,100");
  snprintf(params.data.evaluated, sizeof params.data.evaluated, "25,50,70");
  params.data.holdout          = (double)HELD_OUT / REFERENCE_TRAJ;
  params.pretrain.epochs_first = params.pretrain.epochs = 4;
  params.train.iterations                               = 0;
  params.train.path_steps                               = 20;
  params.predict.samples                                = 10;
  params.evaluate.repeats                               = 2;
  PetscCall(write_source(params.data.file));
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "t630_holdout", mistakes, &run));
  PetscCheck(run, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "no run folder");
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) PetscCall(stages[i](run));
  WF_CHECK(wf_run_exit_code(run) == 0);
  PetscCall(wf_run_destroy(&run));
  wf_mistakes_destroy(&mistakes);
  PetscCall(read_digest("run/pretrain/anchors.h5", d->anchors));
  PetscCall(read_digest("run/train/flow.h5", d->flow));
  PetscCall(read_digest("run/predict/prediction.h5", d->prediction));
  PetscCall(read_digest("run/evaluate/metrics.h5", d->metrics));
  PetscFunctionReturn(0);
}

/* ---- scores, computed here ---- */

static int find_name(int n, char **names, const char *name)
{
  int found = 0;
  while (found < n && strcmp(names[found], name)) found++;
  WF_CHECK(found < n, "no %s", name);
  return found;
}

static void take_snapshot(const int *which, int n, int k, int32_t *x)
{
  for (int i = 0; i < n; i++)
    for (int s = 0; s < REFERENCE_SPECIES; s++)
      x[i * REFERENCE_SPECIES + s] = counts[(size_t)which[i] * ROW + k * REFERENCE_SPECIES + s];
}

/* Likelihood of the held-out rows, and the training rows' mixture between the neighbours against the held-out rows. */
static void compute_scores(wf_real *theta, int k, double *nll, double *mixture_w1)
{
  wf_backbone      *backbone = reference_backbone();
  wf_backbone_work *work     = wf_backbone_work_create(backbone, HELD_OUT);
  int32_t          *x        = wf_calloc(REFERENCE_TRAJ * REFERENCE_SPECIES, sizeof *x);
  double           *p = wf_calloc(3 * SIZE, sizeof *p), log_p[HELD_OUT], share = (k > 50 ? k - 50 : k) / 50.0;
  int               left = k > 50 ? 50 : 0;
  take_snapshot(rows + N_TRAIN, HELD_OUT, k, x);
  wf_backbone_log_density(backbone, theta, HELD_OUT, x, work, log_p);
  *nll = 0;
  for (int i = 0; i < HELD_OUT; i++) *nll -= log_p[i] / (HELD_OUT * REFERENCE_SPECIES);
  wf_metric_marginals(HELD_OUT, REFERENCE_SPECIES, REFERENCE_LEVELS, x, p);
  for (int side = 0; side < 2; side++) {
    take_snapshot(rows, N_TRAIN, left + 50 * side, x);
    wf_metric_marginals(N_TRAIN, REFERENCE_SPECIES, REFERENCE_LEVELS, x, p + (1 + side) * SIZE);
  }
  for (int i = 0; i < SIZE; i++) p[SIZE + i] = (1 - share) * p[SIZE + i] + share * p[2 * SIZE + i];
  *mixture_w1 = wf_metric_marginal_w(1, REFERENCE_SPECIES, REFERENCE_LEVELS, p + SIZE, p);
  wf_free(x);
  wf_free(p);
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
}

static PetscErrorCode check_scores(void)
{
  static const int scored[3] = {25, 50, 70};
  char             path[256], why[512], **methods, **metrics;
  int              n_methods, n_metrics, n;
  wf_file         *file;
  double          *scores;
  int64_t          held_out, n_train;
  bool             found;
  wf_real         *theta = wf_calloc(REFERENCE_TIME * REFERENCE_PARAM, sizeof *theta);

  PetscFunctionBeginUser;
  in_folder("run/predict/prediction.h5", path, sizeof path);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, NULL, false, &file, why, sizeof why));
  PetscCall(wf_file_read(file, "/theta", WF_TYPE_REAL, theta));
  PetscCall(wf_file_close(&file));
  in_folder("run/evaluate/metrics.h5", path, sizeof path);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, NULL, false, &file, why, sizeof why));
  PetscCall(wf_file_read_names(file, "/methods", &n_methods, &methods));
  PetscCall(wf_file_read_names(file, "/metrics", &n_metrics, &metrics));
  PetscCall(wf_file_read_attribute_int(file, "/", "held_out", &held_out, &found));
  PetscCall(wf_file_read_attribute_int(file, "/", "n_train", &n_train, &found));
  WF_CHECK(held_out == HELD_OUT && n_train == N_TRAIN);
  scores = wf_calloc((size_t)n_methods * (size_t)n_metrics * 3, sizeof *scores);
  PetscCall(wf_file_read(file, "/scores", WF_TYPE_DOUBLE, scores));
  PetscCall(wf_file_close(&file));
  for (n = 0; n < 3; n++) {
    double nll, mixture;
    compute_scores(theta + (size_t)scored[n] * REFERENCE_PARAM, scored[n], &nll, &mixture);
    int w1 = find_name(n_metrics, metrics, "W1"), likelihood = find_name(n_metrics, metrics, "nll");
    WF_CHECK_CLOSE(scores[(find_name(n_methods, methods, "hypernetwork") * n_metrics + likelihood) * 3 + n], nll, 1e-12);
    WF_CHECK_CLOSE(scores[(find_name(n_methods, methods, "mixture") * n_metrics + w1) * 3 + n], mixture, 1e-12);
  }
  wf_free(methods);
  wf_free(metrics);
  wf_free(scores);
  wf_free(theta);
  PetscFunctionReturn(0);
}

/* ---- ---- */

/* Turn a trajectory around in time: other counts at almost every sample, no larger ones. */
static void reverse_trajectory(int row)
{
  for (int k = 0; k < REFERENCE_TIME / 2; k++)
    for (int s = 0; s < REFERENCE_SPECIES; s++) {
      int32_t *a = counts + (size_t)row * ROW + k * REFERENCE_SPECIES + s,
              *b = counts + (size_t)row * ROW + (100 - k) * REFERENCE_SPECIES + s;
      int32_t c  = *a;
      *a         = *b;
      *b         = c;
    }
}

static bool is_same(const char *a, const char *b) { return !strcmp(a, b); }

static PetscErrorCode run_test(void)
{
  int     n_train;
  digests before, after;

  PetscFunctionBeginUser;
  wf_snapshots_split(1, REFERENCE_TRAJ, (double)HELD_OUT / REFERENCE_TRAJ, &n_train, rows);
  WF_CHECK(n_train == N_TRAIN);
  PetscCall(run_stages(&before));
  PetscCall(check_scores());
  for (int i = N_TRAIN; i < REFERENCE_TRAJ; i++) reverse_trajectory(rows[i]);
  PetscCall(run_stages(&after));
  PetscCall(check_scores());
  WF_CHECK(is_same(before.anchors, after.anchors) && is_same(before.flow, after.flow) &&
           is_same(before.prediction, after.prediction));
  WF_CHECK(!is_same(before.metrics, after.metrics));
  reverse_trajectory(rows[0]);
  PetscCall(run_stages(&after));
  WF_CHECK(!is_same(before.anchors, after.anchors) && !is_same(before.prediction, after.prediction));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "anchors %s, scores %s\n", after.anchors, after.metrics));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char command[128];

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  hid_t published = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  counts          = reference_ints(published, "/trajectories");
  H5Fclose(published);
  if (rank == 0 && !mkdtemp(folder)) folder[0] = 0;
  PetscCallMPI(MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(run_test());
  wf_free(counts);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (rank == 0 && system(command)) WF_CHECK(false, "%s", command);
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
