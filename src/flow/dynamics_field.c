/* The field and its derivative: hypernetwork times control, with the activations of the forward sweep kept for the backward one. Pure. */
#include <string.h>
#include <weightflow/base.h>
#include "dynamics_impl.h"

bool wf_evaluation_create(const wf_dynamics *dynamics, wf_evaluation *evaluation)
{
  evaluation->theta = wf_calloc((size_t)dynamics->n_param, sizeof(wf_real));
  evaluation->g     = wf_calloc((size_t)dynamics->n_param * dynamics->n_control, sizeof(wf_real));
  evaluation->tape  = wf_hypernet_tape_create(dynamics->net);
  return evaluation->theta && evaluation->g && evaluation->tape;
}

void wf_evaluation_destroy(wf_evaluation *evaluation)
{
  wf_free(evaluation->theta);
  wf_free(evaluation->g);
  wf_hypernet_tape_destroy(&evaluation->tape);
}

static void control_rate(wf_dynamics *dynamics, double tau)
{
  if (dynamics->path) wf_path_derivative(dynamics->path, tau, dynamics->dz);
  else dynamics->dz[0] = 1;
}

void wf_dynamics_velocity(wf_dynamics *dynamics, const wf_evaluation *evaluation, double *velocity)
{
  int nc = dynamics->n_control;
  control_rate(dynamics, evaluation->tau);
  if (dynamics->interpolant) wf_spline_derivative(dynamics->interpolant, evaluation->tau, velocity);
  else memset(velocity, 0, (size_t)dynamics->n_param * sizeof(*velocity));
  for (int p = 0; p < dynamics->n_param; p++)
    for (int c = 0; c < nc; c++) velocity[p] += (double)evaluation->g[p * nc + c] * dynamics->dz[c];
}

void wf_dynamics_evaluate(wf_dynamics *dynamics, double tau, const double *x, wf_evaluation *evaluation, double *velocity)
{
  evaluation->tau = tau;
  for (int p = 0; p < dynamics->n_param; p++) evaluation->theta[p] = (wf_real)x[p];
  wf_hypernet_forward(dynamics->net, dynamics->phi, evaluation->theta, dynamics->dropout, evaluation->tape, evaluation->g);
  dynamics->n_forward++;
  wf_dynamics_velocity(dynamics, evaluation, velocity);
}

wf_evaluation *wf_dynamics_shelf_push(wf_dynamics *dynamics)
{
  if (!dynamics->shelving || dynamics->shelf_used == dynamics->shelf_size) return &dynamics->scratch;
  return &dynamics->shelf[dynamics->shelf_used++];
}

static bool is_evaluation_at(const wf_dynamics *dynamics, const wf_evaluation *evaluation, double tau, const double *x)
{
  if (evaluation->tau != tau) return false;
  for (int p = 0; p < dynamics->n_param; p++)
    if (evaluation->theta[p] != (wf_real)x[p]) return false;
  return true;
}

void wf_dynamics_linearise(wf_dynamics *dynamics, double tau, const double *x)
{
  if (dynamics->current && is_evaluation_at(dynamics, dynamics->current, tau, x)) return;
  dynamics->backward_valid = false;
  /* The sweep goes backward in time: what lies above a match on the shelf will not be asked for again. */
  for (int i = dynamics->shelf_used - 1; i >= 0; i--)
    if (is_evaluation_at(dynamics, &dynamics->shelf[i], tau, x)) {
      dynamics->shelf_used = i;
      dynamics->current    = &dynamics->shelf[i];
      wf_dynamics_velocity(dynamics, dynamics->current, dynamics->velocity);
      return;
    }
  dynamics->current = &dynamics->scratch;
  dynamics->n_repeated++;
  wf_dynamics_evaluate(dynamics, tau, x, dynamics->current, dynamics->velocity);
}
