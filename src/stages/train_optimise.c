/* Stage train, the optimisers: AdamW over windows that tile the time range, or PETSc TAO on the whole range. */
#include <math.h>
#include <petsctao.h>
#include <string.h>
#include <weightflow/nn.h>
#include "train_impl.h"

/* --- one iteration's bookkeeping --- */

static PetscErrorCode note_iteration(training *t, const wf_loss *loss)
{
  double *row = t->history + t->iteration * N_HISTORY;

  PetscFunctionBeginUser;
  t->iteration++;
  row[0] = (double)t->iteration;
  row[1] = loss->weight;
  row[2] = loss->nll;
  row[3] = loss->energy;
  row[4] = loss->total;
  PetscCall(wf_run_table_row(t->run, "iteration weight_loss nll energy total", N_HISTORY, row));
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
    PetscCall(wf_train_write_checkpoint(t));
  }
  t->stopped = pause.stop;
  PetscFunctionReturn(0);
}

/* --- optimisers --- */

/* Cut the time range into windows of a random length and offset, a function of the iteration alone: every interval once. */
static PetscErrorCode draw_windows(training *t, int longest)
{
  double u[2];

  PetscFunctionBeginUser;
  wf_random_uniform2(wf_run_seed(t->run), WF_RANDOM_WINDOW, (uint64_t)t->iteration, 0, u);
  int horizon = 1 + (int)(longest * u[0]);
  PetscCall(wf_trainer_tile_windows(t->trainer, 1 + (int)(horizon * u[1]), horizon));
  PetscFunctionReturn(0);
}

static double scheduled_rate(const training *t)
{
  const wf_params *params = wf_run_params(t->run);
  bool             cosine = wf_params_choice("train", "schedule", params->train.schedule) == 1;
  double           share  = (double)t->iteration / (double)t->n_iterations;
  return params->train.learning_rate * (cosine ? 0.5 * (1 + cos(3.141592653589793 * share)) : 1);
}

PetscErrorCode wf_train_adamw(training *t, int longest)
{
  wf_adamw_config adamw = WF_ADAMW_DEFAULT;

  PetscFunctionBeginUser;
  adamw.weight_decay = wf_run_params(t->run)->train.weight_decay;
  while (t->iteration < t->n_iterations && !t->stopped) {
    wf_loss loss;
    wf_run_phase(t->run, "gradient");
    PetscCall(draw_windows(t, longest));
    PetscCall(wf_trainer_evaluate(t->trainer, t->flow->phi, (uint64_t)t->iteration, &loss, t->gradient));
    if ((t->diverged = !(loss.total < PETSC_MAX_REAL))) break;
    wf_run_phase(t->run, "optimiser");
    adamw.learning_rate = scheduled_rate(t);
    wf_adamw_step(&adamw, t->iteration + 1, t->flow->n_phi, t->gradient, t->flow->phi, t->m, t->v);
    PetscCall(note_iteration(t, &loss));
    PetscCall(pause_if_asked(t));
  }
  PetscFunctionReturn(0);
}

/* --- quasi-Newton --- */

static PetscErrorCode copy_to_phi(training *t, Vec x)
{
  const PetscScalar *from;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(x, &from));
  for (int j = 0; j < t->flow->n_phi; j++) t->flow->phi[j] = (wf_real)from[j];
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscFunctionReturn(0);
}

static PetscErrorCode copy_from(const training *t, const wf_real *values, Vec x)
{
  PetscScalar *to;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(x, &to));
  for (int j = 0; j < t->flow->n_phi; j++) to[j] = (double)values[j];
  PetscCall(VecRestoreArrayWrite(x, &to));
  PetscFunctionReturn(0);
}

static PetscErrorCode tao_objective(Tao tao, Vec x, PetscReal *value, Vec g, void *context)
{
  training *t = context;

  PetscFunctionBeginUser;
  PetscCall(copy_to_phi(t, x));
  PetscCall(wf_trainer_evaluate(t->trainer, t->flow->phi, 0, &t->loss, t->gradient));
  *value = t->loss.total < PETSC_MAX_REAL ? t->loss.total : PETSC_MAX_REAL; /* a line search steps back from what is not finite */
  PetscCall(copy_from(t, t->gradient, g));
  PetscFunctionReturn(0);
}

/* Called after each step: PETSc's own test, and whether we are asked to stop. */
static PetscErrorCode after_tao_step(Tao tao, void *context)
{
  training *t = context;
  PetscInt  step;
  wf_pause  pause;

  PetscFunctionBeginUser;
  PetscCall(TaoDefaultConvergenceTest(tao, NULL));
  PetscCall(TaoGetIterationNumber(tao, &step));
  if (step == 0) PetscFunctionReturn(0);
  PetscCall(note_iteration(t, &t->loss));
  PetscCall(wf_run_pause(t->run, &pause));
  t->checkpoint_asked |= pause.checkpoint;
  t->stopped = pause.stop;
  if (t->stopped) PetscCall(TaoSetConvergedReason(tao, TAO_CONVERGED_USER));
  PetscFunctionReturn(0);
}

/* One solve of at most n_iterations from the present phi, which it replaces. All ranks do the same: the objective is collective and
   has the same bits everywhere. */
static PetscErrorCode solve_tao_chunk(training *t, PetscInt n_iterations)
{
  Tao tao;
  Vec x;

  PetscFunctionBeginUser;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, t->flow->n_phi, &x));
  PetscCall(copy_from(t, t->flow->phi, x));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoSetOptionsPrefix(tao, "wf_"));
  PetscCall(TaoSetType(tao, TAOLMVM));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, tao_objective, t));
  PetscCall(TaoSetConvergenceTest(tao, after_tao_step, t));
  PetscCall(TaoSetTolerances(tao, 0, 0, 0));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetMaximumIterations(tao, n_iterations));
  PetscCall(TaoSolve(tao));
  PetscCall(copy_to_phi(t, x));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* The number of remembered pairs, unless the user's options set it. PETSc 3.18 lets it be set by an option only, and under this
   name whatever the solver's prefix. */
static PetscErrorCode set_memory(int64_t n_pairs)
{
  const char *const name = "-tao_lmvm_mat_lmvm_hist_size";
  char              value[32];
  PetscBool         set;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsHasName(NULL, NULL, name, &set));
  snprintf(value, sizeof value, "%lld", (long long)n_pairs);
  if (!set) PetscCall(PetscOptionsSetValue(NULL, name, value));
  PetscFunctionReturn(0);
}

/* Solves of train.chunk steps, each beginning with an empty memory: between two of them phi is the whole state, so that a resumed
   run takes the same steps. A stop in the middle gives up the solve under way (seconds of work) and leaves the state before it. */
PetscErrorCode wf_train_tao(training *t, int longest)
{
  const wf_params *params = wf_run_params(t->run);
  size_t           bytes  = (size_t)t->flow->n_phi * sizeof(wf_real);

  PetscFunctionBeginUser;
  PetscCall(set_memory(params->train.memory));
  PetscCall(wf_trainer_tile_windows(t->trainer, longest, longest));
  while (t->iteration < t->n_iterations && !t->stopped) {
    int64_t before = t->iteration;
    wf_run_phase(t->run, "gradient");
    memcpy(t->m, t->flow->phi, bytes); /* AdamW's moments are not used here: room for the state before the solve */
    PetscCall(solve_tao_chunk(t, (PetscInt)PetscMin(params->train.chunk, t->n_iterations - t->iteration)));
    if ((t->diverged = !(t->loss.total < PETSC_MAX_REAL))) break;
    if (t->stopped) {
      memcpy(t->flow->phi, t->m, bytes);
      t->iteration = before;
    }
    memset(t->m, 0, bytes);
    if (t->stopped || t->checkpoint_asked) {
      wf_run_phase(t->run, "checkpoint");
      PetscCall(wf_train_write_checkpoint(t));
      t->checkpoint_asked = false;
    } else if (t->iteration == before) break;
  }
  if (!t->stopped && t->iteration < t->n_iterations)
    PetscCall(wf_run_log(t->run, "  no step of the optimiser lowers the loss any more after %d of %d iterations", (int)t->iteration,
                         (int)t->n_iterations));
  PetscFunctionReturn(0);
}
