/* The flow of the weights as a PETSc TS, and its discrete adjoint by TSAdjoint. See dynamics.h for the equations.

   One forward evaluation of the hypernetwork a Runge-Kutta stage; one backward evaluation a stage serves lambda and mu together,
   because both transposed products are asked for with the same vector (checked, not assumed). */
#include <petsctime.h>
#include <string.h>
#include <weightflow/base.h>
#include "dynamics_impl.h"

enum { SHELF_BYTES_LIMIT = 160 << 20 };

/* --- callbacks of the TS
 * ------------------------------------------------------------------------------------------------------------------- */

static PetscErrorCode rhs_function(TS ts, PetscReal tau, Vec state, Vec rate, void *context)
{
  wf_dynamics       *d = context;
  const PetscScalar *x;
  PetscScalar       *f;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(state, &x));
  PetscCall(VecGetArrayWrite(rate, &f));
  wf_dynamics_evaluate(d, tau, x, wf_dynamics_shelf_push(d, tau, x), f);
  double square = 0;
  for (int p = 0; p < d->n_param; p++) square += f[p] * f[p];
  f[d->n_param] = square / 2;
  PetscCall(VecRestoreArrayWrite(rate, &f));
  PetscCall(VecRestoreArrayRead(state, &x));
  PetscFunctionReturn(0);
}

static PetscErrorCode linearise_at(wf_dynamics *d, PetscReal tau, Vec state, Mat shell)
{
  const PetscScalar *x;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(state, &x));
  wf_dynamics_linearise(d, tau, x);
  PetscCall(VecRestoreArrayRead(state, &x));
  PetscCall(MatAssemblyBegin(shell, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(shell, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static PetscErrorCode rhs_jacobian(TS ts, PetscReal tau, Vec state, Mat a, Mat b, void *context)
{
  PetscFunctionBeginUser;
  PetscCall(linearise_at(context, tau, state, a));
  PetscFunctionReturn(0);
}

static PetscErrorCode rhs_jacobian_p(TS ts, PetscReal tau, Vec state, Mat a, void *context)
{
  PetscFunctionBeginUser;
  PetscCall(linearise_at(context, tau, state, a));
  PetscFunctionReturn(0);
}

/* Pull the cotangent v [n_param + 1] back through [velocity, 1/2 |velocity|^2] at the linearisation point. */
static void pull_back(wf_dynamics *d, const double *v)
{
  size_t bytes = ((size_t)d->n_param + 1) * sizeof(*v);
  if (d->backward_valid && !memcmp(v, d->cotangent, bytes)) return;
  memcpy(d->cotangent, v, bytes);
  for (int p = 0; p < d->n_param; p++) {
    double w = v[p] + v[d->n_param] * d->velocity[p];
    for (int c = 0; c < d->n_control; c++) d->g_bar[p * d->n_control + c] = (wf_real)(w * d->dz[c]);
  }
  memset(d->phi_bar, 0, (size_t)d->n_phi * sizeof(*d->phi_bar));
  wf_hypernet_backward(d->net, d->phi, d->dropout, d->current->tape, d->g_bar, d->theta_bar, d->phi_bar);
  d->n_backward++;
  d->backward_valid = true;
}

/* The shell's flow, with the cotangent v pulled back. */
static PetscErrorCode pull_back_vector(Mat shell, Vec v, wf_dynamics **dynamics)
{
  const PetscScalar *cotangent;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(shell, dynamics));
  PetscCall(VecGetArrayRead(v, &cotangent));
  pull_back(*dynamics, cotangent);
  PetscCall(VecRestoreArrayRead(v, &cotangent));
  PetscFunctionReturn(0);
}

/* The first n components of y from x [n], the rest 0: nothing depends on the energy so far. */
static PetscErrorCode fill_vector(int n, const wf_real *x, Vec y)
{
  PetscScalar *out;

  PetscFunctionBeginUser;
  PetscCall(VecSet(y, 0));
  PetscCall(VecGetArray(y, &out));
  for (int i = 0; i < n; i++) out[i] = (double)x[i];
  PetscCall(VecRestoreArray(y, &out));
  PetscFunctionReturn(0);
}

static PetscErrorCode multiply_jacobian_transpose(Mat shell, Vec v, Vec y)
{
  wf_dynamics *d;

  PetscFunctionBeginUser;
  PetscCall(pull_back_vector(shell, v, &d));
  PetscCall(fill_vector(d->n_param, d->theta_bar, y));
  PetscFunctionReturn(0);
}

static PetscErrorCode multiply_jacobian_p_transpose(Mat shell, Vec v, Vec y)
{
  wf_dynamics *d;

  PetscFunctionBeginUser;
  PetscCall(pull_back_vector(shell, v, &d));
  PetscCall(fill_vector(d->n_phi, d->phi_bar, y));
  PetscFunctionReturn(0);
}

/* Fixed steps land on the grid's own numbers, however unequal the intervals are. */
static PetscErrorCode set_given_step(TS ts)
{
  wf_dynamics *d;
  PetscInt     step;
  PetscReal    tau;

  PetscFunctionBeginUser;
  PetscCall(TSGetApplicationContext(ts, &d));
  if (!d->step_times) PetscFunctionReturn(0); /* adaptive */
  PetscCall(TSGetStepNumber(ts, &step));
  PetscCall(TSGetTime(ts, &tau));
  d->step_lengths[step] = d->step_times[step + 1] - tau;
  PetscCall(TSSetTimeStep(ts, d->step_lengths[step]));
  PetscFunctionReturn(0);
}

static PetscErrorCode record_stop(wf_dynamics *d, PetscInt step, Vec state)
{
  const PetscScalar *x;
  int                stop = d->n_hit++;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(state, &x));
  d->stop_step[stop] = (int)step;
  memcpy(d->out_theta + (size_t)stop * d->n_param, x, (size_t)d->n_param * sizeof(*x));
  if (d->out_energy) d->out_energy[stop] = x[d->n_param];
  PetscCall(VecRestoreArrayRead(state, &x));
  PetscFunctionReturn(0);
}

static PetscErrorCode note_step_time(wf_dynamics *d, PetscReal tau)
{
  PetscFunctionBeginUser;
  if (d->n_recorded == d->recorded_size) {
    d->recorded_size = 2 * d->recorded_size + 64;
    PetscCall(PetscRealloc((size_t)d->recorded_size * sizeof(double), &d->recorded));
  }
  d->recorded[d->n_recorded++] = tau;
  PetscFunctionReturn(0);
}

static PetscErrorCode after_step(TS ts)
{
  wf_dynamics *d;
  PetscInt     step;
  PetscReal    tau;
  Vec          state;

  PetscFunctionBeginUser;
  PetscCall(TSGetApplicationContext(ts, &d));
  PetscCall(TSGetStepNumber(ts, &step));
  PetscCall(TSGetTime(ts, &tau));
  PetscCall(TSGetSolution(ts, &state));
  if (!d->step_times) PetscCall(note_step_time(d, tau));
  double span = d->stops[d->n_stops - 1] - d->stops[0];
  if (d->n_hit < d->n_stops && PetscAbsReal(tau - d->stops[d->n_hit]) <= 1e-10 * span) PetscCall(record_stop(d, step, state));
  PetscFunctionReturn(0);
}

/* --- joining the callbacks to PETSc's objects --- */

PetscErrorCode wf_dynamics_attach_solver(wf_dynamics *d, TS ts)
{
  PetscFunctionBeginUser;
  PetscCall(TSSetApplicationContext(ts, d));
  PetscCall(TSSetRHSFunction(ts, NULL, rhs_function, d));
  PetscCall(TSSetRHSJacobian(ts, d->jacobian, d->jacobian, rhs_jacobian, d));
  PetscCall(TSSetRHSJacobianP(ts, d->jacobian_p, rhs_jacobian_p, d));
  PetscCall(TSSetPreStep(ts, set_given_step));
  PetscCall(TSSetPostStep(ts, after_step));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_attach_shells(wf_dynamics *d)
{
  PetscFunctionBeginUser;
  PetscCall(MatShellSetOperation(d->jacobian, MATOP_MULT_TRANSPOSE, (void (*)(void))multiply_jacobian_transpose));
  PetscCall(MatShellSetOperation(d->jacobian_p, MATOP_MULT_TRANSPOSE, (void (*)(void))multiply_jacobian_p_transpose));
  PetscFunctionReturn(0);
}

/* --- forward --- */

/* A trajectory object is good for one solve only: reused after a solve without adjoint it fails, with more steps it overflows. */
static PetscErrorCode renew_trajectory(TS ts, bool keep)
{
  TSTrajectory trajectory;

  PetscFunctionBeginUser;
  PetscCall(TSRemoveTrajectory(ts));
  if (keep) {
    PetscCall(TSSetSaveTrajectory(ts));
    PetscCall(TSGetTrajectory(ts, &trajectory));
    PetscCall(TSTrajectorySetType(trajectory, ts, TSTRAJECTORYMEMORY));
    PetscCall(TSTrajectorySetFromOptions(trajectory, ts));
  }
  PetscFunctionReturn(0);
}

/* Make room for n kept evaluations, within the memory limit; what finds no room is computed again in the backward sweep. */
static PetscErrorCode reserve_shelf(wf_dynamics *d, int n)
{
  size_t slot  = wf_hypernet_tape_bytes(d->scratch.tape) + (size_t)d->n_param * (1 + d->n_control) * sizeof(wf_real);
  int    limit = (int)(SHELF_BYTES_LIMIT / slot);

  PetscFunctionBeginUser;
  if (n > d->stage_room) {
    wf_free(d->stage_theta);
    wf_free(d->stage_tau);
    d->stage_theta = wf_calloc((size_t)n * d->n_param, sizeof(wf_real));
    d->stage_tau   = wf_calloc((size_t)n, sizeof(double));
    PetscCheck(d->stage_theta && d->stage_tau, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d stages", n);
    d->stage_room = n;
  }
  if (n > limit) n = limit;
  if (n > d->shelf_size) {
    wf_evaluation *shelf = wf_calloc((size_t)n, sizeof(*shelf));
    PetscCheck(shelf, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d kept evaluations", n);
    if (d->shelf_size) memcpy(shelf, d->shelf, (size_t)d->shelf_size * sizeof(*shelf));
    wf_free(d->shelf);
    d->shelf = shelf;
    for (; d->shelf_size < n; d->shelf_size++)
      PetscCheck(wf_evaluation_create(d, &d->shelf[d->shelf_size]), PETSC_COMM_SELF, PETSC_ERR_MEM,
                 "no memory for kept evaluation %d of %d", d->shelf_size + 1, n);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode start_state(wf_dynamics *d, TS ts, const double *theta_start)
{
  PetscScalar *x;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(d->state, &x));
  memcpy(x, theta_start, (size_t)d->n_param * sizeof(*x));
  x[d->n_param] = 0;
  PetscCall(VecRestoreArrayWrite(d->state, &x));
  d->n_hit      = 0;
  d->n_recorded = 0;
  d->shelf_used = 0;
  d->n_stage    = 0;
  d->current    = NULL;
  d->backward_valid = false;
  PetscCall(TSSetTime(ts, d->stops[0]));
  PetscCall(TSSetStepNumber(ts, 0));
  PetscCall(record_stop(d, 0, d->state));
  PetscFunctionReturn(0);
}

/* Integrate over given step times [n_steps + 1]. */
static PetscErrorCode solve_fixed(wf_dynamics *d, const double *theta_start, int n_steps, const double *step_times, bool keep)
{
  double   first = step_times[0], last = step_times[n_steps], shortest = last - first;
  PetscInt stages;

  PetscFunctionBeginUser;
  PetscCall(TSRKGetTableau(d->ts, &stages, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
  if (keep) PetscCall(reserve_shelf(d, n_steps * (int)stages));
  for (int i = 0; i < n_steps; i++) shortest = PetscMin(shortest, step_times[i + 1] - step_times[i]);
  d->step_times = step_times;
  d->n_steps    = n_steps;
  wf_free(d->step_lengths);
  d->step_lengths = wf_calloc((size_t)n_steps, sizeof(double));
  PetscCheck(d->step_lengths, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d steps", n_steps);
  PetscCall(renew_trajectory(d->ts, keep && !d->own_adjoint));
  PetscCall(start_state(d, d->ts, theta_start));
  d->shelving = keep;
  /* The memory trajectory sizes its stack by (max time - time) / step: that must not be less than the number of steps. */
  PetscCall(TSSetMaxSteps(d->ts, n_steps));
  PetscCall(TSSetMaxTime(d->ts, last + (last - first)));
  PetscCall(TSSetTimeStep(d->ts, shortest));
  PetscCall(TSSolve(d->ts, d->state));
  PetscFunctionReturn(0);
}

/* Integrate with steps chosen by the scheme's error estimate; leaves the accepted times in d->recorded. */
static PetscErrorCode solve_adaptive(wf_dynamics *d, const double *theta_start, const wf_time_grid *grid)
{
  PetscFunctionBeginUser;
  d->step_times = NULL;
  d->shelving   = false;
  PetscCall(TSSetTimeSpan(d->chooser, grid->n_stops, (PetscReal *)grid->stops));
  PetscCall(start_state(d, d->chooser, theta_start));
  PetscCall(note_step_time(d, grid->stops[0]));
  PetscCall(TSSetTimeStep(d->chooser, (grid->stops[1] - grid->stops[0]) / grid->steps[0]));
  PetscCall(TSSolve(d->chooser, d->state));
  PetscFunctionReturn(0);
}

static PetscErrorCode solve_on_grid(wf_dynamics *d, const double *theta_start, const wf_time_grid *grid, bool keep)
{
  int     n_steps = 0;
  double *times;

  PetscFunctionBeginUser;
  for (int i = 0; i + 1 < grid->n_stops; i++) n_steps += grid->steps[i];
  PetscCall(PetscMalloc1((size_t)n_steps + 1, &times));
  for (int i = 0, at = 0; i + 1 < grid->n_stops; i++)
    for (int j = 0; j < grid->steps[i]; j++)
      times[at++] = grid->stops[i] + (grid->stops[i + 1] - grid->stops[i]) * j / grid->steps[i];
  times[n_steps] = grid->stops[grid->n_stops - 1];
  PetscCall(solve_fixed(d, theta_start, n_steps, times, keep));
  PetscCall(PetscFree(times));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_solve(wf_dynamics *dynamics, const wf_real *phi, const wf_dropout *dropout, const double *theta_start,
                                 const wf_time_grid *grid, bool keep, double *theta, double *energy)
{
  wf_dynamics *d = dynamics;

  PetscFunctionBeginUser;
  d->phi        = phi;
  d->dropout    = dropout;
  d->stops      = grid->stops;
  d->n_stops    = grid->n_stops;
  d->out_theta  = theta;
  d->out_energy = energy;
  wf_free(d->stop_step);
  d->stop_step = wf_calloc((size_t)grid->n_stops, sizeof(int));
  PetscCheck(d->stop_step, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d stops", grid->n_stops);
  if (d->chooser) {
    PetscCall(solve_adaptive(d, theta_start, grid));
    /* The adjoint wants fixed steps: take the accepted ones again. Its derivative treats them as constants. */
    if (keep) PetscCall(solve_fixed(d, theta_start, d->n_recorded - 1, d->recorded, true));
  } else PetscCall(solve_on_grid(d, theta_start, grid, keep));
  PetscCheck(d->n_hit == grid->n_stops, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the solver reached %d of %d stops", d->n_hit,
             grid->n_stops);
  PetscFunctionReturn(0);
}

/* --- backward --- */

static PetscErrorCode add_jump(wf_dynamics *d, const double *theta_bar, const double *energy_bar, int stop)
{
  PetscScalar *lambda;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(d->lambda, &lambda));
  for (int p = 0; p < d->n_param; p++) lambda[p] += theta_bar[(size_t)stop * d->n_param + p];
  if (energy_bar) lambda[d->n_param] += energy_bar[stop];
  PetscCall(VecRestoreArray(d->lambda, &lambda));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_adjoint(wf_dynamics *dynamics, const double *theta_bar, const double *energy_bar, double *phi_bar,
                                   double *start_bar)
{
  wf_dynamics       *d = dynamics;
  const PetscScalar *x;

  PetscFunctionBeginUser;
  d->shelving = false;
  if (d->own_adjoint) {
    PetscCall(wf_dynamics_own_adjoint(d, theta_bar, energy_bar, phi_bar, start_bar));
    PetscFunctionReturn(0);
  }
  PetscCall(VecSet(d->lambda, 0));
  PetscCall(VecSet(d->mu, 0));
  PetscCall(TSSetCostGradients(d->ts, 1, &d->lambda, &d->mu));
  for (int stop = d->n_stops - 1; stop > 0; stop--) {
    PetscCall(add_jump(d, theta_bar, energy_bar, stop));
    PetscCall(TSAdjointSetSteps(d->ts, d->stop_step[stop] - d->stop_step[stop - 1]));
    PetscCall(TSAdjointSolve(d->ts));
  }
  PetscCall(add_jump(d, theta_bar, energy_bar, 0));
  PetscCall(VecGetArrayRead(d->mu, &x));
  for (int j = 0; j < d->n_phi; j++) phi_bar[j] += x[j];
  PetscCall(VecRestoreArrayRead(d->mu, &x));
  if (start_bar) {
    PetscCall(VecGetArrayRead(d->lambda, &x));
    memcpy(start_bar, x, (size_t)d->n_param * sizeof(*x));
    PetscCall(VecRestoreArrayRead(d->lambda, &x));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_field(wf_dynamics *dynamics, const wf_real *phi, double tau, const double *theta, double *velocity)
{
  PetscFunctionBeginUser;
  dynamics->phi     = phi;
  dynamics->dropout = NULL;
  dynamics->current = NULL;
  wf_dynamics_evaluate(dynamics, tau, theta, &dynamics->scratch, velocity);
  PetscFunctionReturn(0);
}

void wf_dynamics_counts(const wf_dynamics *dynamics, int64_t *forward, int64_t *backward, int64_t *repeated)
{
  *forward  = dynamics->n_forward;
  *backward = dynamics->n_backward;
  *repeated = dynamics->n_repeated;
}
