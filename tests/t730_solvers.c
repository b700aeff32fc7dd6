/* Solvers by option: quasi-Newton and AdamW lower the loss from a random field, for both equations; theta(t) hardly depends on the
   time-stepping scheme, nor the densities on the number of steps. */
/* RUN: np=1,2 */
#include <petscsys.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/flow.h>
#include "check.h"
#include "stages/stages.h"

enum { N_HISTORY = 5, N_TIMES = 9, MAX_ROWS = 64 };

static char      folder[64];
static int       rank;
static wf_params params;

static void set_text(char *member, const char *text) { snprintf(member, WF_PARAM_TEXT_SIZE, "%.1000s", text); }

static PetscErrorCode run_stage(PetscErrorCode (*stage)(wf_run *))
{
  wf_run *run;

  PetscFunctionBeginUser;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "t730_solvers", NULL, &run));
  PetscCall(stage(run));
  WF_CHECK(wf_run_exit_code(run) == 0);
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

/* Train with the present parameters; the loss after each iteration [n]. */
static PetscErrorCode train(int64_t iterations, double total[MAX_ROWS])
{
  char     path[128], why[512];
  double   history[MAX_ROWS][N_HISTORY];
  wf_file *file;

  PetscFunctionBeginUser;
  params.train.iterations = iterations;
  PetscCall(run_stage(wf_stage_train));
  snprintf(path, sizeof path, "%s/train/flow.h5", folder);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, "flow", true, &file, why, sizeof why));
  PetscCheck(file, PETSC_COMM_WORLD, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(wf_file_read(file, "/history", WF_TYPE_DOUBLE, history));
  PetscCall(wf_file_close(&file));
  for (int64_t i = 0; i < iterations; i++) total[i] = history[i][4];
  PetscFunctionReturn(0);
}

/* Windows of one interval, so that the loss of every iteration is that of the same windows, whichever the optimiser. */
static PetscErrorCode check_training(void)
{
  double      before[MAX_ROWS] = {0}, total[MAX_ROWS] = {0};
  const char *equations[] = {"cde", "ode"}, *optimisers[] = {"adamw", "tao"};

  PetscFunctionBeginUser;
  set_text(params.train.start, "random");
  params.train.horizon = 1;
  for (int e = 0; e < 2; e++) {
    set_text(params.train.equation, equations[e]);
    set_text(params.train.optimiser, "adamw");
    PetscCall(train(1, before)); /* AdamW notes the loss that it found, so this is the loss of the random field */
    for (int o = 0; o < 2; o++) {
      set_text(params.train.optimiser, optimisers[o]);
      PetscCall(train(o ? 6 : 20, total));
      double last = total[o ? 5 : 19];
      if (rank == 0) fprintf(stderr, "%s %s: loss %.4g -> %.4g\n", equations[e], optimisers[o], before[0], last);
      if (rank == 0) printf("%s %s %a\n", equations[e], optimisers[o], last);
      for (int i = 1; o && i < 6; i++)
        WF_CHECK(total[i] <= total[i - 1], "%s tao: loss %g, then %g", equations[e], total[i - 1], total[i]);
      WF_CHECK(last < 0.8 * before[0], "%s %s: loss %g, before %g", equations[e], optimisers[o], last, before[0]);
      if (o == 0) WF_CHECK(total[0] == before[0]);
    }
  }
  PetscFunctionReturn(0);
}

/* theta [N_TIMES, n_param] of the flow in the folder, integrated under PETSc's options of the moment. */
static PetscErrorCode predict(const wf_anchors *anchors, int steps, double *theta, wf_flow **keep)
{
  char     path[128], why[512];
  double   times[N_TIMES];
  wf_flow *flow;

  PetscFunctionBeginUser;
  for (int i = 0; i < N_TIMES; i++) times[i] = 50.0 * i / (N_TIMES - 1);
  snprintf(path, sizeof path, "%s/train/flow.h5", folder);
  PetscCall(wf_flow_read(PETSC_COMM_SELF, path, anchors, &flow, why, sizeof why));
  PetscCheck(flow, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(wf_flow_predict(flow, N_TIMES, times, steps, theta));
  if (keep)
    *keep = flow;
  else
    PetscCall(wf_flow_destroy(&flow));
  PetscFunctionReturn(0);
}

static double find_difference(size_t n, const double *a, const double *b)
{
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

/* Largest total variation between the marginals of two predictions. */
static PetscErrorCode compare_marginals(const wf_flow *flow, const double *a, const double *b, double *most)
{
  const wf_backbone_config *config   = wf_backbone_get_config(flow->backbone);
  int                       n_levels = config->n_levels, n_param = flow->n_param;
  wf_backbone_work         *work = wf_backbone_work_create(flow->backbone, 256);
  double                   *p[2];
  wf_real                  *theta;

  PetscFunctionBeginUser;
  size_t size = (size_t)config->n_species * n_levels;
  PetscCall(PetscMalloc3(size, &p[0], size, &p[1], (size_t)n_param, &theta));
  *most = 0;
  for (int t = 0; t < N_TIMES; t++) {
    for (int side = 0; side < 2; side++) {
      for (int j = 0; j < n_param; j++) theta[j] = (wf_real)(side ? b : a)[(size_t)t * n_param + j];
      WF_CHECK(work && wf_backbone_marginals(flow->backbone, theta, 0, work, p[side]));
    }
    for (int s = 0; s < config->n_species; s++) {
      double sum = 0;
      for (int c = 0; c < n_levels; c++) sum += fabs(p[0][s * n_levels + c] - p[1][s * n_levels + c]) / 2;
      *most = fmax(*most, sum);
    }
  }
  PetscCall(PetscFree3(p[0], p[1], theta));
  wf_backbone_work_destroy(&work);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_schemes(const wf_anchors *anchors)
{
  const char *options[][4] = {{"-wf_ts_rk_type", "38", NULL, NULL}, {"-wf_ts_rk_type", "3bs", "-wf_ts_adapt_type", "basic"}};
  size_t      n            = (size_t)N_TIMES * anchors->n_param;
  double     *theta, *other, moved = 0, most;
  wf_flow    *flow;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &theta, n, &other));
  PetscCall(predict(anchors, 10, theta, &flow));
  for (int j = 0; j < anchors->n_param; j++)
    moved = fmax(moved, fabs(theta[(size_t)(N_TIMES - 1) * anchors->n_param + j] - theta[j]));
  WF_CHECK(moved > 0.1, "theta(t) stands still: %g", moved);
  for (int o = 0; o < 2; o++) {
    for (int i = 0; i < 4 && options[o][i]; i += 2) PetscCall(PetscOptionsSetValue(NULL, options[o][i], options[o][i + 1]));
    PetscCall(PetscOptionsSetValue(NULL, "-wf_ts_rtol", "1e-6"));
    PetscCall(PetscOptionsSetValue(NULL, "-wf_ts_atol", "1e-6"));
    PetscCall(predict(anchors, 10, other, NULL));
    for (int i = 0; i < 4 && options[o][i]; i += 2) PetscCall(PetscOptionsClearValue(NULL, options[o][i]));
    most = find_difference(n, theta, other);
    if (rank == 0) fprintf(stderr, "%s: theta(t) differs by %.2g, it moves by %.2g\n", options[o][1], most, moved);
    WF_CHECK(most > 0 && most < 1e-3 * moved, "%s: theta(t) differs by %g", options[o][1], most);
  }
  PetscCall(predict(anchors, 20, other, NULL));
  PetscCall(compare_marginals(flow, theta, other, &most));
  if (rank == 0) fprintf(stderr, "10 against 20 steps: marginals differ by %.2g\n", most);
  WF_CHECK(most > 0 && most < 1e-3, "10 against 20 steps: total variation %g", most);
  PetscCall(wf_flow_destroy(&flow));
  PetscCall(PetscFree2(theta, other));
  PetscFunctionReturn(0);
}

static PetscErrorCode run_checks(void)
{
  char        path[128], why[512], command[160];
  double      total[MAX_ROWS];
  wf_anchors *anchors;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  snprintf(folder, sizeof folder, "/tmp/t730_XXXXXX");
  if (rank == 0) WF_CHECK(mkdtemp(folder) != NULL);
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  wf_params_set_defaults(&params);
  set_text(params.run.out, folder);
  set_text(params.data.observed, "0:100:25");
  params.simulate.trajectories    = 60;
  params.pretrain.hidden          = 4;
  params.pretrain.epochs_first    = 10;
  params.pretrain.epochs          = 5;
  params.train.path_steps         = 100;
  params.train.steps_per_interval = 1;
  PetscCall(run_stage(wf_stage_simulate));
  PetscCall(run_stage(wf_stage_pretrain));
  PetscCall(check_training());
  set_text(params.train.equation, "cde");
  set_text(params.train.optimiser, "adamw");
  set_text(params.train.start, "interpolant");
  PetscCall(train(2, total));
  snprintf(path, sizeof path, "%s/pretrain/anchors.h5", folder);
  PetscCall(wf_anchors_read(PETSC_COMM_SELF, path, &anchors, why, sizeof why));
  PetscCheck(anchors, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "%s", why);
  PetscCall(check_schemes(anchors));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (rank == 0) WF_CHECK(system(command) == 0);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(run_checks());
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
