/* The flow of the weights: dtheta/dtau = sum_c g_phi(theta)[:, c] dZ_c/dtau (+ dS/dtau), integrated by PETSc TS and differentiated
   by a discrete adjoint: our own (default; the same sums with less memory traffic) or TSAdjoint (-wf_adjoint ts).

   The state of the TS is [theta, energy] with d energy/dtau = 1/2 |dtheta/dtau|^2 (Li et al. 2026, eq. 9, second term). The energy
   is a component of the state, not a TS quadrature, for two reasons: one backward evaluation of the hypernetwork then serves the
   observations and the energy together, and the integral stays right when an adaptive scheme rejects a step. S is the natural
   spline through the anchors: with it the untrained flow (g = 0) is the interpolant. The ODE variant takes Z = tau. A wf_dynamics
   lives on one rank (PETSC_COMM_SELF); nothing here is collective. PETSc options under the prefix -wf_: -wf_ts_type rk,
   -wf_ts_rk_type 4 (default), 38 (the 3/8 rule), 1fe, 2a, 3, 3bs; -wf_ts_adapt_type basic with -wf_ts_rtol, -wf_ts_atol. */
#ifndef WEIGHTFLOW_DYNAMICS_H
#define WEIGHTFLOW_DYNAMICS_H
#include <petscts.h>
#include <weightflow/hypernet.h>
#include <weightflow/path.h>

typedef struct wf_dynamics wf_dynamics;

/* Are the options -wf_ts_... in force such as wf_dynamics_create and wf_dynamics_solve can work with? why [why_size] out: "", or
   one line on the first that is not. To be asked before any work is done, since creation raises an error. Not collective. */
PetscErrorCode wf_dynamics_check_options(char *why, size_t why_size);

/* net, path and interpolant [n_param wide; NULL: none] are borrowed and must outlive the object. path NULL: the ODE variant,
 * n_control = 1. */
PetscErrorCode wf_dynamics_create(const wf_hypernet *net, int n_param, const wf_path *path, const wf_spline *interpolant,
                                  wf_dynamics **dynamics);
PetscErrorCode wf_dynamics_destroy(wf_dynamics **dynamics);

/* Where to stop: stops [n_stops] increasing path times, the first being the start; steps [n_stops - 1]: fixed steps between
   neighbours (ignored by adaptive schemes, which choose their own and land on the stops). */
typedef struct {
  int           n_stops;
  const double *stops;
  const int    *steps;
} wf_time_grid;

/* Integrate from theta_start [n_param]. theta [n_stops, n_param] out (row 0 = start); energy [n_stops] out: accumulated 1/2 int
   |dtheta/dtau|^2, may be NULL. keep: remember the trajectory for one call of wf_dynamics_adjoint. phi [n_phi] is borrowed until
   then; dropout NULL: none. Errors: PETSC_ERR_CONV_FAILED-like codes of TS where an adaptive scheme gives up; a non-finite state is
   returned as such. */
PetscErrorCode wf_dynamics_solve(wf_dynamics *dynamics, const wf_real *phi, const wf_dropout *dropout, const double *theta_start,
                                 const wf_time_grid *grid, bool keep, double *theta, double *energy);

/* Gradient of a loss through the last kept solve: theta_bar [n_stops, n_param] and energy_bar [n_stops] (NULL: 0) are its
   derivatives by theta and energy at the stops; phi_bar [n_phi] += d loss/d phi; start_bar [n_param] = d loss/d theta_start (may be
   NULL). Exact for the discrete scheme. */
PetscErrorCode wf_dynamics_adjoint(wf_dynamics *dynamics, const double *theta_bar, const double *energy_bar, double *phi_bar,
                                   double *start_bar);

/* dtheta/dtau [n_param] at (tau, theta), for tests and figures. */
PetscErrorCode wf_dynamics_field(wf_dynamics *dynamics, const wf_real *phi, double tau, const double *theta, double *velocity);

/* Numbers of evaluations since creation: forward, backward, and forward ones repeated because their activations were not kept. */
void wf_dynamics_counts(const wf_dynamics *dynamics, int64_t *forward, int64_t *backward, int64_t *repeated);
#endif
