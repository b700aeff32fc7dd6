/* Stage train: learn the controlled differential equation that carries the weights through time.

   anchors.h5 -> flow.h5. Control path from the anchors; hypernetwork g_phi; loss over windows of snapshots; gradient by the adjoint;
   phi by AdamW or by PETSc TAO. Li et al. 2026, section "Training the dynamics". */
#include <petsctao.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include <weightflow/run.h>
#include <weightflow/trainer.h>
#include "stages.h"

enum { N_HISTORY = 4, TAO_CHUNK = 20 };

static const char *const HISTORY_COLUMNS[N_HISTORY] = {"iteration", "weight_loss", "energy", "total"};

/* All that changes while training, and so all that a checkpoint holds (beside the control path, which belongs to the flow). */
typedef struct {
  wf_run     *run;
  wf_flow    *flow;
  wf_trainer *trainer;
  int64_t     iteration, n_iterations;
  wf_real    *gradient, *m, *v; /* [n_phi] */
  double     *history;          /* [n_iterations, N_HISTORY] */
  bool        stopped, diverged;
} training;

/* --- checkpoint ----------------------------------------------------------------------------------------------------------------------------- */

static wf_dataset phi_dataset(const training *t, const char *name, const char *description)
{
  return (wf_dataset){.name = name, .type = WF_TYPE_REAL, .rank = 1, .shape = {t->flow->n_phi}, .description = description, .unit = "1", .axes = "phi"};
}

static wf_dataset history_dataset(int64_t n)
{
  return (wf_dataset){.name = "/history", .type = WF_TYPE_DOUBLE, .rank = 2, .shape = {n, N_HISTORY}, .description = "losses while training", .unit = "1",
                      .axes = "iteration,column"};
}

static PetscErrorCode write_checkpoint(training *t)
{
  wf_file   *file;
  wf_dataset m = phi_dataset(t, "/optimiser/m", "AdamW first moments"), v = phi_dataset(t, "/optimiser/v", "AdamW second moments");
  wf_dataset history = history_dataset(t->iteration);

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_create(t->run, t->iteration, &file));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_flow_write(t->flow, file));
  PetscCall(wf_file_write(file, &m, t->m));
  PetscCall(wf_file_write(file, &v, t->v));
  if (t->iteration) PetscCall(wf_file_write(file, &history, t->history));
  PetscCall(wf_run_checkpoint_publish(t->run, &file));
  PetscFunctionReturn(0);
}

/* Resume from the newest checkpoint that fits, or set up a new flow. */
static PetscErrorCode start_or_resume(training *t, const wf_anchors *anchors)
{
  wf_file *file;
  char     why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_open(t->run, &file, &t->iteration));
  if (file) PetscCall(wf_flow_read_from(file, anchors, &t->flow, why, sizeof why));
  else PetscCall(wf_flow_create(wf_run_comm(t->run), wf_run_params(t->run), anchors, anchors->n_time, anchors->ensemble_first, anchors->ensemble_last,
                                &t->flow));
  PetscCheck(t->flow, wf_run_comm(t->run), PETSC_ERR_FILE_UNEXPECTED, "checkpoint: %s", why);
  PetscCall(PetscCalloc4((size_t)t->flow->n_phi, &t->gradient, (size_t)t->flow->n_phi, &t->m, (size_t)t->flow->n_phi, &t->v,
                         (size_t)(t->n_iterations + 1) * N_HISTORY, &t->history));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_read(file, "/optimiser/m", WF_TYPE_REAL, t->m));
  PetscCall(wf_file_read(file, "/optimiser/v", WF_TYPE_REAL, t->v));
  if (t->iteration) PetscCall(wf_file_read(file, "/history", WF_TYPE_DOUBLE, t->history));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* --- one iteration's bookkeeping -------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode note_iteration(training *t, const wf_loss *loss)
{
  double *row = t->history + t->iteration * N_HISTORY;

  PetscFunctionBeginUser;
  t->iteration++;
  row[0] = (double)t->iteration;
  row[1] = loss->weight;
  row[2] = loss->energy;
  row[3] = loss->total;
  PetscCall(wf_run_table_row(t->run, "iteration weight_loss energy total", N_HISTORY, row));
  PetscCall(wf_run_progress(t->run, t->iteration, t->n_iterations, "loss %.5g", loss->total));
  PetscFunctionReturn(0);
}

static PetscErrorCode pause_if_asked(training *t)
{
  wf_pause pause;

  PetscFunctionBeginUser;
  PetscCall(wf_run_pause(t->run, &pause));
  if (pause.checkpoint || pause.stop) {
    wf_run_phase(t->run, "checkpoint");
    PetscCall(write_checkpoint(t));
  }
  t->stopped = pause.stop;
  PetscFunctionReturn(0);
}

/* --- optimisers --------------------------------------------------------------------------------------------------------------------------------- */

/* Longest window of an iteration: uniform in 1 .. train.horizon, a function of the iteration alone. */
static int draw_horizon(const training *t, int longest)
{
  uint64_t seed = wf_run_seed(t->run);
  return 1 + (int)(longest * wf_random_uniform(seed, WF_RANDOM_WINDOW, (uint64_t)t->iteration, 0));
}

static PetscErrorCode train_adamw(training *t, int longest)
{
  const wf_params *params = wf_run_params(t->run);
  wf_adamw_config  adamw  = WF_ADAMW_DEFAULT;

  PetscFunctionBeginUser;
  adamw.learning_rate = params->train.learning_rate;
  adamw.weight_decay  = params->train.weight_decay;
  while (t->iteration < t->n_iterations && !t->stopped) {
    wf_loss loss;
    wf_run_phase(t->run, "gradient");
    PetscCall(wf_trainer_set_windows(t->trainer, 0, NULL, draw_horizon(t, longest), false));
    PetscCall(wf_trainer_evaluate(t->trainer, t->flow->phi, (uint64_t)t->iteration, &loss, t->gradient));
    if ((t->diverged = !(loss.total < PETSC_MAX_REAL))) break;
    wf_run_phase(t->run, "optimiser");
    wf_adamw_step(&adamw, t->iteration + 1, t->flow->n_phi, t->gradient, t->flow->phi, t->m, t->v);
    PetscCall(note_iteration(t, &loss));
    PetscCall(pause_if_asked(t));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode tao_objective(Tao tao, Vec x, PetscReal *value, Vec g, void *context)
{
  training          *t = context;
  const PetscScalar *from;
  PetscScalar       *to;
  wf_loss            loss;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(x, &from));
  for (int j = 0; j < t->flow->n_phi; j++) t->flow->phi[j] = (wf_real)from[j];
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscCall(wf_trainer_evaluate(t->trainer, t->flow->phi, 0, &loss, t->gradient));
  *value = loss.total < PETSC_MAX_REAL ? loss.total : PETSC_MAX_REAL; /* a line search steps back from what is not finite */
  PetscCall(VecGetArrayWrite(g, &to));
  for (int j = 0; j < t->flow->n_phi; j++) to[j] = (double)t->gradient[j];
  PetscCall(VecRestoreArrayWrite(g, &to));
  PetscFunctionReturn(0);
}

/* One quasi-Newton solve of a few iterations from the present phi, which it replaces. All ranks do the same: the objective is collective and has the
   same bits everywhere. */
static PetscErrorCode solve_tao_chunk(training *t, PetscInt n_iterations, PetscInt *done)
{
  Tao                tao;
  Vec                x;
  PetscScalar       *a;
  const PetscScalar *b;

  PetscFunctionBeginUser;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, t->flow->n_phi, &x));
  PetscCall(VecGetArrayWrite(x, &a));
  for (int j = 0; j < t->flow->n_phi; j++) a[j] = (double)t->flow->phi[j];
  PetscCall(VecRestoreArrayWrite(x, &a));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoSetOptionsPrefix(tao, "wf_"));
  PetscCall(TaoSetType(tao, TAOLMVM));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, tao_objective, t));
  PetscCall(TaoSetTolerances(tao, 0, 0, 0));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetMaximumIterations(tao, n_iterations));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetIterationNumber(tao, done));
  PetscCall(VecGetArrayRead(x, &b));
  for (int j = 0; j < t->flow->n_phi; j++) t->flow->phi[j] = (wf_real)b[j];
  PetscCall(VecRestoreArrayRead(x, &b));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* Quasi-Newton in chunks that begin with an empty memory: between two chunks phi is the whole state, so that a resumed run takes the same steps. */
static PetscErrorCode train_tao(training *t, int longest)
{
  PetscFunctionBeginUser;
  PetscCall(wf_trainer_set_windows(t->trainer, 0, NULL, longest, true));
  while (t->iteration < t->n_iterations && !t->stopped) {
    PetscInt chunk = (PetscInt)PetscMin((int64_t)TAO_CHUNK, t->n_iterations - t->iteration), done;
    wf_loss  loss;
    wf_run_phase(t->run, "gradient");
    PetscCall(solve_tao_chunk(t, chunk, &done));
    PetscCall(wf_trainer_evaluate(t->trainer, t->flow->phi, 0, &loss, NULL));
    if ((t->diverged = !(loss.total < PETSC_MAX_REAL))) break;
    for (PetscInt i = 0; i < chunk; i++) PetscCall(note_iteration(t, &loss));
    if (done < chunk) {
      PetscCall(wf_run_log(t->run, "  optimiser converged after %d of %d steps of a chunk", (int)done, (int)chunk));
      for (; t->iteration < t->n_iterations;) PetscCall(note_iteration(t, &loss));
    }
    PetscCall(pause_if_asked(t));
  }
  PetscFunctionReturn(0);
}

/* --- the stage ------------------------------------------------------------------------------------------------------------------------------------ */

static PetscErrorCode write_product(training *t)
{
  wf_file   *file;
  wf_dataset history = history_dataset(t->iteration);

  PetscFunctionBeginUser;
  PetscCall(wf_run_product_create(t->run, "flow", &file));
  PetscCall(wf_flow_write(t->flow, file));
  if (t->iteration) PetscCall(wf_file_write(file, &history, t->history));
  PetscCall(wf_file_write_names(file, "/history_columns", N_HISTORY, HISTORY_COLUMNS));
  PetscCall(wf_run_stage_end(t->run, &file));
  PetscFunctionReturn(0);
}

static PetscErrorCode learn(training *t, const wf_anchors *anchors)
{
  const wf_params  *params  = wf_run_params(t->run);
  int               longest = anchors->n_obs - 1;
  wf_trainer_config config  = {.energy_weight      = params->train.energy_weight,
                               .steps_per_interval = (int)params->train.steps_per_interval,
                               .dropout            = params->train.dropout,
                               .seed               = (uint64_t)params->run.seed};

  PetscFunctionBeginUser;
  if (params->train.horizon > 0 && params->train.horizon < longest) longest = (int)params->train.horizon;
  wf_run_phase(t->run, "control path");
  PetscCall(start_or_resume(t, anchors));
  PetscCall(wf_trainer_create(wf_run_comm(t->run), t->flow, &config, &t->trainer));
  PetscCall(wf_run_log(t->run, "  %d snapshots, %d weights, %d nodes; hypernetwork of %d numbers", t->flow->n_obs, t->flow->n_param,
                       t->flow->graph->n_nodes, t->flow->n_phi));
  if (wf_params_choice("train", "optimiser", params->train.optimiser) == 0) PetscCall(train_adamw(t, longest));
  else PetscCall(train_tao(t, longest));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_train_begin(wf_run *run, bool *needed)
{
  const char *const parents[] = {"pretrain/anchors.h5"};

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "train", "flow.h5", 1, parents, "data train", needed));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_train(wf_run *run)
{
  training          t         = {.run = run, .n_iterations = wf_run_params(run)->train.iterations};
  wf_anchors       *anchors;
  bool              needed;
  char              path[PETSC_MAX_PATH_LEN], why[512];

  PetscFunctionBeginUser;
  PetscCall(wf_train_begin(run, &needed));
  if (!needed) PetscFunctionReturn(0);
  wf_run_path(run, "pretrain", "anchors.h5", path, sizeof path);
  PetscCall(wf_anchors_read(wf_run_comm(run), path, &anchors, why, sizeof why));
  if (!anchors) PetscCall(wf_run_fail(run, WF_EXIT_DAMAGED, "%s", why));
  else if (anchors->n_obs < 2) PetscCall(wf_run_fail(run, WF_EXIT_USER, "data.observed: one snapshot only: there is nothing to learn in time"));
  else {
    PetscCall(learn(&t, anchors));
    if (t.diverged) PetscCall(wf_run_fail(run, WF_EXIT_USER, "train: the loss is not finite at iteration %d: lower train.learning_rate", (int)t.iteration + 1));
    else if (t.stopped) PetscCall(wf_run_stop(run));
    else PetscCall(write_product(&t));
    PetscCall(wf_trainer_destroy(&t.trainer));
    PetscCall(wf_flow_destroy(&t.flow));
    PetscCall(PetscFree4(t.gradient, t.m, t.v, t.history));
  }
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}
