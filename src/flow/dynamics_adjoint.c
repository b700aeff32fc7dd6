/* The discrete adjoint of an explicit Runge-Kutta solve, over the evaluations that the solve kept.

   A step x' = x + h sum_i b_i k_i, k_i = f(x + h sum_{j<i} a_ij k_j) is pulled back, from the last stage to the first, by
     l_i = h b_i lambda + h sum_{j>i} a_ji m_j,   m_i = (df/dx)_i^T l_i,   phi_bar += (df/dphi)_i^T l_i,   then lambda += sum_i m_i
   (Hager 2000, Numer. Math. 87, 247). TSAdjoint does the same sums; here one backward evaluation of the hypernetwork adds to
   phi_bar in place, where TSAdjoint passes vectors of the size of phi several times a stage. The energy is a state that nothing
   depends on, so its multiplier stays what it was and adds h b_i energy_bar f_i to l_i. */
#include <string.h>
#include <weightflow/base.h>
#include "dynamics_impl.h"

typedef struct {
  PetscInt         n_stages;
  const PetscReal *a, *b;
  double          *l, *m; /* [n_param], [n_stages, n_param] */
} tableau;

/* Pull l + energy_bar f back through evaluation `stage`; m [n_param] out. */
static void pull_stage_back(wf_dynamics *d, int stage, const double *l, double energy_weight, double *m)
{
  wf_evaluation *evaluation = wf_dynamics_stage(d, stage);
  wf_dynamics_velocity(d, evaluation, d->velocity);
  for (int p = 0; p < d->n_param; p++) {
    double w = l[p] + energy_weight * d->velocity[p];
    for (int c = 0; c < d->n_control; c++) d->g_bar[p * d->n_control + c] = (wf_real)(w * d->dz[c]);
  }
  wf_hypernet_backward(d->net, d->phi, d->dropout, evaluation->tape, d->g_bar, d->theta_bar, d->phi_bar);
  d->n_backward++;
  for (int p = 0; p < d->n_param; p++) m[p] = (double)d->theta_bar[p];
}

/* Pull lambda [n_param] back over step number `step`. */
static void pull_step_back(wf_dynamics *d, const tableau *t, int step, double energy_bar, double *lambda)
{
  double h = d->step_lengths[step];
  int    s = (int)t->n_stages, n = d->n_param;
  for (int i = s - 1; i >= 0; i--) {
    for (int p = 0; p < n; p++) t->l[p] = h * t->b[i] * lambda[p];
    for (int j = i + 1; j < s; j++) {
      double weight = h * t->a[j * s + i];
      if (weight != 0)
        for (int p = 0; p < n; p++) t->l[p] += weight * t->m[(size_t)j * n + p];
    }
    pull_stage_back(d, step * s + i, t->l, h * t->b[i] * energy_bar, t->m + (size_t)i * n);
  }
  for (int i = 0; i < s; i++)
    for (int p = 0; p < n; p++) lambda[p] += t->m[(size_t)i * n + p];
}

PetscErrorCode wf_dynamics_own_adjoint(wf_dynamics *dynamics, const double *theta_bar, const double *energy_bar, double *phi_bar,
                                       double *start_bar)
{
  wf_dynamics *d = dynamics;
  tableau      t;
  double      *lambda, energy = 0;
  size_t       n = (size_t)d->n_param;

  PetscFunctionBeginUser;
  PetscCall(TSRKGetTableau(d->ts, &t.n_stages, &t.a, &t.b, NULL, NULL, NULL, NULL, NULL));
  PetscCheck(d->n_stage == d->n_steps * t.n_stages, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the solve kept %d stages of %d steps",
             d->n_stage, d->n_steps);
  PetscCall(PetscCalloc3(n, &lambda, n, &t.l, (size_t)t.n_stages * n, &t.m));
  memset(d->phi_bar, 0, (size_t)d->n_phi * sizeof(*d->phi_bar));
  for (int stop = d->n_stops - 1; stop >= 0; stop--) {
    for (size_t p = 0; p < n; p++) lambda[p] += theta_bar[(size_t)stop * n + p];
    if (energy_bar) energy += energy_bar[stop];
    for (int step = d->stop_step[stop] - 1; stop > 0 && step >= d->stop_step[stop - 1]; step--)
      pull_step_back(d, &t, step, energy, lambda);
  }
  for (int j = 0; j < d->n_phi; j++) phi_bar[j] += (double)d->phi_bar[j];
  if (start_bar) memcpy(start_bar, lambda, n * sizeof(*lambda));
  PetscCall(PetscFree3(lambda, t.l, t.m));
  PetscFunctionReturn(0);
}
