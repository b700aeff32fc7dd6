/* Shared inside the dynamics' files: the object, and the shelf of activations kept from the forward sweep for the backward one. */
#ifndef WEIGHTFLOW_FLOW_DYNAMICS_IMPL_H
#define WEIGHTFLOW_FLOW_DYNAMICS_IMPL_H
#include <weightflow/dynamics.h>

/* One evaluation of the hypernetwork at (tau, theta), with all that its derivative needs. */
typedef struct {
  double            tau;
  wf_real          *theta; /* [n_param] */
  wf_real          *g;     /* [n_param, n_control] */
  wf_hypernet_tape *tape;
} wf_evaluation;

struct wf_dynamics {
  const wf_hypernet *net;
  const wf_path     *path;        /* NULL: ODE */
  const wf_spline   *interpolant; /* NULL: none */
  int                n_param, n_control, n_phi;
  const wf_real     *phi;
  const wf_dropout  *dropout;

  TS  ts, chooser; /* chooser: finds adaptive steps; NULL where steps are fixed */
  Vec state, lambda, mu; /* [n_param + 1], [n_param + 1], [n_phi] */
  Mat jacobian, jacobian_p;

  /* forward sweep */
  const double *step_times; /* fixed steps: times of all steps [n_steps + 1] */
  double       *step_lengths; /* [n_steps] as taken */
  const double *stops;
  int           n_steps, n_stops, n_hit, *stop_step; /* step number at each stop */
  double       *out_theta, *out_energy;
  double       *recorded; /* times of accepted adaptive steps */
  int           n_recorded, recorded_size;

  /* shelf of kept evaluations, last in first out; slot `current` is where the Jacobians are taken */
  wf_evaluation *shelf;
  int            shelf_size, shelf_used;
  bool           shelving;
  int            n_stage;                 /* kept stages: evaluations since the start of the solve */
  wf_real       *stage_theta;             /* [stage_room, n_param], [stage_room]: where they were taken, shelved or not */
  double        *stage_tau;
  int            stage_room;
  bool           own_adjoint;
  wf_evaluation  scratch, *current;

  /* result of the last backward evaluation, good for cotangent `cotangent` at `current` */
  double  *velocity, *dz, *cotangent;
  wf_real *g_bar, *theta_bar, *phi_bar;
  bool     backward_valid;
  int64_t  n_forward, n_backward, n_repeated;
};

/* Join the callbacks of dynamics.c to a solver, and to the two Jacobians. */
PetscErrorCode wf_dynamics_attach_solver(wf_dynamics *dynamics, TS ts);
PetscErrorCode wf_dynamics_attach_shells(wf_dynamics *dynamics);

/* Evaluate g at (tau, x) into `evaluation`, and the velocity dtheta/dtau [n_param] from it. */
void wf_dynamics_evaluate(wf_dynamics *dynamics, double tau, const double *x, wf_evaluation *evaluation, double *velocity);

/* Velocity [n_param] of an evaluation already made. */
void wf_dynamics_velocity(wf_dynamics *dynamics, const wf_evaluation *evaluation, double *velocity);

/* A slot for a new forward evaluation at (tau, x): on the shelf while there is room, else the scratch slot. */
wf_evaluation *wf_dynamics_shelf_push(wf_dynamics *dynamics, double tau, const double *x);

/* Evaluation number i of the kept solve: from the shelf, or computed again. */
wf_evaluation *wf_dynamics_stage(wf_dynamics *dynamics, int i);

/* wf_dynamics_adjoint by our own discrete adjoint, over the kept evaluations; see dynamics_adjoint.c. */
PetscErrorCode wf_dynamics_own_adjoint(wf_dynamics *dynamics, const double *theta_bar, const double *energy_bar, double *phi_bar,
                                       double *start_bar);

/* Make `current` the evaluation at (tau, x): from the shelf if it is there, else computed again. */
void wf_dynamics_linearise(wf_dynamics *dynamics, double tau, const double *x);

bool wf_evaluation_create(const wf_dynamics *dynamics, wf_evaluation *evaluation);
void wf_evaluation_destroy(wf_evaluation *evaluation);
#endif
