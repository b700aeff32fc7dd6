/* Stage train, the optimisers: AdamW over windows that tile the time range, or PETSc TAO on the whole range. */
#include <math.h>
#include <petsctao.h>
#include <weightflow/nn.h>
#include "train_impl.h"

enum { TAO_CHUNK = 20 };

/* --- one iteration's bookkeeping -------------------------------------------------------------------------------------------------------------- */

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

/* --- optimisers --------------------------------------------------------------------------------------------------------------------------------- */

/* Cut the time range into windows of a random length and offset, a function of the iteration alone: every interval once. */
static PetscErrorCode draw_windows(training *t, int longest)
{
  double u[2];

  PetscFunctionBeginUser;
  wf_random_uniform2(wf_run_seed(t->run), WF_RANDOM_WINDOW, (uint64_t)t->iteration, 0, u);
  int horizon = 1 + (int)(longest * u[0]);
  if (getenv("FIXH")) { horizon = atoi(getenv("FIXH")); }
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
PetscErrorCode wf_train_tao(training *t, int longest)
{
  PetscFunctionBeginUser;
  PetscCall(wf_trainer_tile_windows(t->trainer, longest, longest));
  while (t->iteration < t->n_iterations && !t->stopped) {
    PetscInt chunk = (PetscInt)PetscMin((int64_t)(getenv("CHUNK") ? atoi(getenv("CHUNK")) : TAO_CHUNK), t->n_iterations - t->iteration), done;
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
