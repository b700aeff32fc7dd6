/* Stage pretrain: the anchors' losses are those of their weights; the same digest on any number of ranks, for each way of aligning,
   and when it is stopped after every pass and gone on with on other ranks; mistakes are told. */
/* RUN: np=1,2,3 */
#include <signal.h>
#include <unistd.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>
#include <weightflow/snapshots.h>
#include "check.h"
#include "stages/stages.h"

enum { N_TRAJ = 70, N_TIME = 7, N_SPECIES = 2, N_OBS = 4, MAX_SESSIONS = 40 };

static char      root[64];
static int       rank;
static wf_params params;

static void set_text(char *member, const char *text) { snprintf(member, WF_PARAM_TEXT_SIZE, "%.1000s", text); }

static void name_file(const char *name, char path[256]) { snprintf(path, 256, "%.100s/%.100s", params.run.out, name); }

/* Counts that grow with time, 0 .. 6, the second dependent on the first. */
static PetscErrorCode write_ensemble(MPI_Comm comm)
{
  static const char *const names[N_SPECIES] = {"a", "b"};
  static const double      times[N_TIME]    = {0, 1, 2, 3, 4, 5, 7};
  const wf_dataset         counts_set       = {
                    "/counts", WF_TYPE_INT32, 3, {N_TRAJ, N_TIME, N_SPECIES}, "", "molecules", "trajectory,time,species", false};
  const wf_dataset times_set = {"/times", WF_TYPE_DOUBLE, 1, {N_TIME}, "times", "time", "time", false};
  static int32_t   counts[N_TRAJ][N_TIME][N_SPECIES];
  wf_file         *file;
  wf_run          *run;
  bool             needed;

  PetscFunctionBeginUser;
  for (int i = 0; i < N_TRAJ; i++)
    for (int k = 0; k < N_TIME; k++) {
      double u[2];
      wf_random_uniform2(1, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)k, u);
      counts[i][k][0] = (int32_t)(u[0] * (k + 1) * 0.8);
      counts[i][k][1] = (int32_t)(u[1] * (counts[i][k][0] + 2));
    }
  counts[0][N_TIME - 1][0] = 6;
  PetscCall(wf_run_create(comm, &params, "t420_pretrain", NULL, &run));
  PetscCall(wf_run_stage_begin(run, "simulate", "ensemble.h5", 0, NULL, "simulate", &needed));
  PetscCall(wf_run_product_create(run, "ensemble", &file));
  PetscCall(wf_file_write(file, &counts_set, counts));
  PetscCall(wf_file_write(file, &times_set, times));
  PetscCall(wf_file_write_names(file, "/names/species", N_SPECIES, names));
  PetscCall(wf_run_stage_end(run, &file));
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

/* One go at the stage on comm; interrupted: it is asked to stop before it begins, so that it stops after one pass. */
static PetscErrorCode run_stage(MPI_Comm comm, bool interrupted, int *exit_code)
{
  wf_run *run;

  PetscFunctionBeginUser;
  PetscCall(wf_run_create(comm, &params, "t420_pretrain", NULL, &run));
  if (interrupted && rank == 0) raise(SIGUSR1);
  PetscCall(wf_stage_pretrain(run));
  *exit_code = wf_run_exit_code(run);
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

static PetscErrorCode begin_folder(const char *name)
{
  PetscFunctionBeginUser;
  snprintf(params.run.out, sizeof params.run.out, "%s/%s", root, name);
  PetscCall(write_ensemble(PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

/* Digest of the product, and the product itself. */
static PetscErrorCode read_product(char digest[WF_DIGEST_SIZE], wf_anchors **anchors)
{
  char     path[256], why[512];
  wf_file *file;
  bool     found = false;

  PetscFunctionBeginUser;
  name_file("pretrain/anchors.h5", path);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, "anchors", true, &file, why, sizeof why));
  WF_CHECK(file != NULL, "%s", why);
  if (file) PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, WF_DIGEST_SIZE, &found));
  WF_CHECK(found);
  PetscCall(wf_file_close(&file));
  PetscCall(wf_anchors_read(PETSC_COMM_WORLD, path, anchors, why, sizeof why));
  WF_CHECK(*anchors != NULL, "%s", why);
  PetscFunctionReturn(0);
}

/* The recorded losses are the mean NLL of the training trajectories under the recorded weights. */
static PetscErrorCode check_losses(const wf_anchors *a)
{
  char              path[256], why[512];
  wf_snapshots     *ensemble;
  wf_backbone      *backbone = wf_backbone_create(&a->config);
  wf_backbone_work *work     = wf_backbone_work_create(backbone, 1);
  int               n_train, rows[N_TRAJ];

  PetscFunctionBeginUser;
  name_file("simulate/ensemble.h5", path);
  wf_snapshots_split((uint64_t)params.run.seed, N_TRAJ, params.data.holdout, &n_train, rows);
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, path, n_train, rows, &ensemble, why, sizeof why));
  WF_CHECK(a->n_obs == N_OBS && a->n_train == n_train && n_train == 63 && a->config.n_levels == 7 && a->n_time == N_TIME);
  WF_CHECK(a->times[3] == 7 && a->observed[3] == 6 && a->ensemble_times[6] == 7 && a->n_epochs == 3);
  for (int k = 0; k < a->n_obs; k++) {
    double nll;
    wf_backbone_nll(backbone, a->theta + (size_t)k * (size_t)a->n_param, n_train,
                    ensemble->counts + a->observed[k] * n_train * N_SPECIES, work, &nll, NULL);
    WF_CHECK_CLOSE(a->loss[k], nll / (n_train * N_SPECIES), WF_REAL_IS_DOUBLE ? 1e-13 : 1e-6);
    WF_CHECK(a->loss_history[k * 3] > 0 &&
             isnan(a->loss_history[k * 3 + 2]) == (k > 0 && strcmp(params.pretrain.aligning, "none") != 0));
  }
  PetscCall(wf_snapshots_destroy(&ensemble));
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

/* In one go, and stopped after every pass, going on in turns with all ranks and with rank 0 alone. */
static PetscErrorCode check_aligning(const char *aligning, wf_anchors **anchors)
{
  char        digest[2][WF_DIGEST_SIZE] = {"", ""};
  int         code, sessions = 0;
  wf_anchors *pieces;

  PetscFunctionBeginUser;
  set_text(params.pretrain.aligning, aligning);
  PetscCall(begin_folder(aligning));
  PetscCall(run_stage(PETSC_COMM_WORLD, false, &code));
  WF_CHECK(code == WF_EXIT_COMPLETE, "%d", code);
  PetscCall(read_product(digest[0], anchors));
  PetscCall(check_losses(*anchors));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %s\n", aligning, digest[0]));
  char name[64];
  snprintf(name, sizeof name, "%s_in_pieces", aligning);
  PetscCall(begin_folder(name));
  do {
    bool alone = sessions % 2 == 1;
    code       = WF_EXIT_STOPPED;
    if (!alone || rank == 0) PetscCall(run_stage(alone ? PETSC_COMM_SELF : PETSC_COMM_WORLD, true, &code));
    PetscCallMPI(MPI_Bcast(&code, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  } while (code == WF_EXIT_STOPPED && ++sessions < MAX_SESSIONS);
  WF_CHECK(code == WF_EXIT_COMPLETE && sessions > 3, "%d after %d sessions", code, sessions);
  fprintf(stderr, "%s: %d interruptions\n", aligning, sessions);
  PetscCall(read_product(digest[1], &pieces));
  WF_CHECK(strcmp(digest[0], digest[1]) == 0, "%s, in pieces %s", digest[0], digest[1]);
  PetscCall(wf_anchors_destroy(&pieces));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_mistakes(void)
{
  int code;

  PetscFunctionBeginUser;
  PetscCall(begin_folder("mistakes"));
  params.pretrain.levels = 6;
  PetscCall(run_stage(PETSC_COMM_WORLD, false, &code));
  WF_CHECK(code == WF_EXIT_USER, "%d", code);
  params.pretrain.levels        = 0;
  params.pretrain.learning_rate = 1e30;
  PetscCall(begin_folder("astray"));
  PetscCall(run_stage(PETSC_COMM_WORLD, false, &code));
  WF_CHECK(code == WF_EXIT_USER, "%d", code);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  static const char *const kinds[3] = {"sequential", "tree", "none"};
  wf_anchors              *anchors[3];

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  snprintf(root, sizeof root, "t420_XXXXXX");
  if (rank == 0 && !mkdtemp(root)) return 99;
  PetscCallMPI(MPI_Bcast(root, sizeof root, MPI_CHAR, 0, PETSC_COMM_WORLD));
  wf_params_set_defaults(&params);
  set_text(params.data.observed, "0,1,3,6");
  params.data.holdout          = 0.1;
  params.pretrain.batch        = 40; /* two blocks, the second not full */
  params.pretrain.epochs_first = 3;
  params.pretrain.epochs       = 2;
  params.pretrain.hidden       = 6;
  for (int i = 0; i < 3; i++) PetscCall(check_aligning(kinds[i], &anchors[i]));
  const size_t n_param = (size_t)anchors[0]->n_param, last = (N_OBS - 1) * n_param, row = n_param * sizeof(wf_real);
  WF_CHECK(memcmp(anchors[0]->theta, anchors[1]->theta, row) == 0 && memcmp(anchors[0]->theta, anchors[2]->theta, row) == 0);
  WF_CHECK(memcmp(anchors[0]->theta + last, anchors[1]->theta + last, row) != 0);
  WF_CHECK(memcmp(anchors[1]->theta + last, anchors[2]->theta + last, row) != 0);
  for (int i = 0; i < 3; i++) PetscCall(wf_anchors_destroy(&anchors[i]));
  PetscCall(check_mistakes());
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  if (rank == 0 && system(command) != 0) return 99;
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
