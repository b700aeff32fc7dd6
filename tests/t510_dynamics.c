/* The flow's solver and adjoint: order of the schemes, gradient against finite differences and Taylor remainders, landing on uneven
   stops. */
#include <petscts.h>
#include <weightflow/base.h>
#include <weightflow/dynamics.h>
#include <weightflow/random.h>
#include "check.h"

enum { N_OBS = 4, N_CONTROL = 2 };

typedef struct {
  wf_graph    *graph;
  wf_hypernet *net;
  wf_path     *path;
  wf_spline   *interpolant;
  wf_dynamics *dynamics;
  int          n_param, n_phi;
  wf_real     *phi;
  double       tau[N_OBS], *anchors, *theta, *theta_bar, energy[N_OBS], energy_bar[N_OBS];
  wf_dropout   dropout;
} problem;

static double normal(uint64_t item)
{
  double z[2];
  wf_random_normal2(5, WF_RANDOM_TEST, item, 0, z);
  return z[0];
}

static PetscErrorCode make_problem(problem *p, bool ode, bool interpolant, const char *options)
{
  const wf_backbone_layer  layers[] = {{"a", 5, 4}, {"b", 3, 6}};
  const wf_hypernet_config config = {
      .n_control = ode ? 1 : N_CONTROL, .width = 8, .n_heads = 2, .n_feedforward = 12, .n_encoders = 2, .map_hidden = 10};
  const double             codes[]  = {-1, 0.3, 0.9, -0.2};

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, options));
  p->graph   = wf_graph_create(2, layers);
  p->net     = wf_hypernet_create(p->graph, &config);
  p->n_param = p->graph->n_param;
  p->n_phi   = wf_hypernet_n_phi(p->net);
  p->phi     = wf_calloc((size_t)p->n_phi, sizeof(wf_real));
  p->anchors = wf_calloc((size_t)N_OBS * p->n_param, sizeof(double));
  p->theta   = wf_calloc((size_t)N_OBS * p->n_param, sizeof(double));
  p->theta_bar = wf_calloc((size_t)N_OBS * p->n_param, sizeof(double));
  wf_hypernet_init(p->net, 3, false, p->phi);
  for (int i = 0; i < N_OBS * p->n_param; i++) p->anchors[i] = normal((uint64_t)i);
  const double tau[N_OBS] = {0, 0.17, 0.6, 1};
  memcpy(p->tau, tau, sizeof tau);
  p->path        = ode ? NULL : wf_path_create(N_OBS, tau, 1, codes, 1);
  p->interpolant = interpolant ? wf_spline_create(N_OBS, p->n_param, tau, p->anchors) : NULL;
  PetscCall(wf_dynamics_create(p->net, p->n_param, p->path, p->interpolant, &p->dynamics));
  PetscFunctionReturn(0);
}

static PetscErrorCode free_problem(problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(wf_dynamics_destroy(&p->dynamics));
  wf_hypernet_destroy(&p->net);
  wf_graph_destroy(&p->graph);
  if (p->path) wf_path_destroy(&p->path);
  wf_spline_destroy(&p->interpolant);
  wf_free(p->phi);
  wf_free(p->anchors);
  wf_free(p->theta);
  wf_free(p->theta_bar);
  PetscFunctionReturn(0);
}

/* 1/2 sum_k |theta(t_k) - anchor_k|^2 + 0.01 sum_k energy_k, with its cotangents. */
static PetscErrorCode evaluate(problem *p, const wf_real *phi, const double *start, bool keep, double *loss)
{
  const int    steps[] = {2, 3, 1};
  wf_time_grid grid    = {.n_stops = N_OBS, .stops = p->tau, .steps = steps};

  PetscFunctionBeginUser;
  PetscCall(wf_dynamics_solve(p->dynamics, phi, p->dropout.rate > 0 ? &p->dropout : NULL, start, &grid, keep, p->theta, p->energy));
  *loss = 0;
  for (int k = 0; k < N_OBS; k++) {
    for (int i = 0; i < p->n_param; i++) {
      double r = p->theta[k * p->n_param + i] - p->anchors[k * p->n_param + i];
      *loss += r * r / 2;
      p->theta_bar[k * p->n_param + i] = r;
    }
    *loss += 0.01 * p->energy[k];
    p->energy_bar[k] = 0.01;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode check_gradient(bool ode, bool interpolant, double dropout, const char *options, double tolerance)
{
  problem  p = {.dropout = {.rate = dropout, .seed = 1, .item = 4}};
  double   loss, plus, minus, *gradient, *start_bar, *start;
  wf_real *phi;

  PetscFunctionBeginUser;
  PetscCall(make_problem(&p, ode, interpolant, options));
  gradient  = wf_calloc((size_t)p.n_phi, sizeof(double));
  start_bar = wf_calloc((size_t)p.n_param, sizeof(double));
  start     = wf_calloc((size_t)p.n_param, sizeof(double));
  phi       = wf_calloc((size_t)p.n_phi, sizeof(wf_real));
  memcpy(start, p.anchors, (size_t)p.n_param * sizeof(double));
  for (int repeat = 0; repeat < 2; repeat++) { /* twice: one object serves many solves, with solves that keep nothing between */
    memset(gradient, 0, (size_t)p.n_phi * sizeof(double));
    PetscCall(evaluate(&p, p.phi, start, true, &loss));
    PetscCall(wf_dynamics_adjoint(p.dynamics, p.theta_bar, p.energy_bar, gradient, start_bar));
    PetscCall(evaluate(&p, p.phi, start, false, &loss));
  }
  double scale = 0, error = 0, h = WF_REAL_IS_DOUBLE ? 1e-6 : 1e-2; /* small: the ReLUs make kinks */
  for (int i = 0; i < p.n_phi; i++) scale = fmax(scale, fabs(gradient[i]));
  memcpy(phi, p.phi, (size_t)p.n_phi * sizeof(wf_real));
  for (int trial = 0; trial < 40; trial++) {
    int j = (int)(p.n_phi * wf_random_uniform(11, WF_RANDOM_TEST, (uint64_t)trial, 0));
    /* fourth-order central difference */
    double difference = 0, weight[] = {8, -1};
    for (int m = 1; m <= 2; m++) {
      phi[j] = p.phi[j] + (wf_real)(m * h);
      PetscCall(evaluate(&p, phi, start, false, &plus));
      phi[j] = p.phi[j] - (wf_real)(m * h);
      PetscCall(evaluate(&p, phi, start, false, &minus));
      difference += weight[m - 1] * (plus - minus) / (12 * h);
    }
    phi[j] = p.phi[j];
    error  = fmax(error, fabs(difference - gradient[j]));
  }
  WF_CHECK(error <= tolerance * scale, "dphi: error %.2e of %.2e; ode %d interpolant %d dropout %g %s", error, scale, ode,
           interpolant, dropout, options);
  fprintf(stderr, "relative error by phi %.1e (%s)\n", error / scale, options);
  scale = error = 0;
  for (int i = 0; i < p.n_param; i++) scale = fmax(scale, fabs(start_bar[i]));
  for (int j = 0; j < p.n_param; j += 3) {
    start[j] += h;
    PetscCall(evaluate(&p, p.phi, start, false, &plus));
    start[j] -= 2 * h;
    PetscCall(evaluate(&p, p.phi, start, false, &minus));
    start[j] += h;
    /* the anchors' own row 0 is fixed, so the start's jump at stop 0 counts as well */
    error = fmax(error, fabs((plus - minus) / (2 * h) - start_bar[j]));
  }
  WF_CHECK(error <= fmax(tolerance, 1e-6) * scale, "dstart: error %.2e of %.2e", error, scale);
  wf_free(gradient);
  wf_free(start_bar);
  wf_free(start);
  wf_free(phi);
  PetscCall(free_problem(&p));
  PetscFunctionReturn(0);
}

/* Our own adjoint and TSAdjoint are the same sums. */
static PetscErrorCode check_adjoints_agree(void)
{
  double *gradient[2], *start_bar[2], loss, scale[2] = {0}, error[2] = {0};
  int     n_phi = 0, n_param = 0;

  PetscFunctionBeginUser;
  for (int i = 0; i < 2; i++) {
    problem p = {.dropout = {.rate = 0.1, .seed = 1, .item = 4}};
    PetscCall(make_problem(&p, false, true, i ? "-wf_adjoint ts" : "-wf_adjoint own"));
    n_phi        = p.n_phi;
    n_param      = p.n_param;
    gradient[i]  = wf_calloc((size_t)n_phi, sizeof(double));
    start_bar[i] = wf_calloc((size_t)n_param, sizeof(double));
    PetscCall(evaluate(&p, p.phi, p.anchors, true, &loss));
    PetscCall(wf_dynamics_adjoint(p.dynamics, p.theta_bar, p.energy_bar, gradient[i], start_bar[i]));
    PetscCall(free_problem(&p));
  }
  for (int j = 0; j < n_phi; j++) {
    scale[0] = fmax(scale[0], fabs(gradient[0][j]));
    error[0] = fmax(error[0], fabs(gradient[0][j] - gradient[1][j]));
  }
  for (int j = 0; j < n_param; j++) {
    scale[1] = fmax(scale[1], fabs(start_bar[0][j]));
    error[1] = fmax(error[1], fabs(start_bar[0][j] - start_bar[1][j]));
  }
  double limit = WF_REAL_IS_DOUBLE ? 1e-13 : 2e-5;
  WF_CHECK(error[0] <= limit * scale[0] && error[1] <= limit * scale[1], "phi %.1e of %.1e, start %.1e of %.1e", error[0], scale[0],
           error[1], scale[1]);
  for (int i = 0; i < 2; i++) {
    wf_free(gradient[i]);
    wf_free(start_bar[i]);
  }
  PetscFunctionReturn(0);
}

/* L(phi + e d) - L(phi) - e grad.d falls as e^2. */
static PetscErrorCode check_taylor(void)
{
  problem  p = {.dropout = {0}};
  double   loss, shifted, *gradient, remainder[4], slope = 0, along = 0;
  wf_real *phi;

  PetscFunctionBeginUser;
  PetscCall(make_problem(&p, false, true, ""));
  gradient = wf_calloc((size_t)p.n_phi, sizeof(double));
  phi      = wf_calloc((size_t)p.n_phi, sizeof(wf_real));
  PetscCall(evaluate(&p, p.phi, p.anchors, true, &loss));
  PetscCall(wf_dynamics_adjoint(p.dynamics, p.theta_bar, p.energy_bar, gradient, NULL));
  for (int j = 0; j < p.n_phi; j++) along += gradient[j] * normal(1000 + (uint64_t)j);
  for (int i = 0; i < 4; i++) {
    double e = 1e-3 * pow(0.5, i);
    for (int j = 0; j < p.n_phi; j++) phi[j] = (wf_real)((double)p.phi[j] + e * normal(1000 + (uint64_t)j));
    PetscCall(evaluate(&p, phi, p.anchors, false, &shifted));
    remainder[i] = fabs(shifted - loss - e * along);
  }
  for (int i = 0; i < 3; i++) slope += log2(remainder[i] / remainder[i + 1]) / 3;
  WF_CHECK(fabs(slope - 2) < 0.1, "slope %g", slope);
  wf_free(gradient);
  wf_free(phi);
  PetscCall(free_problem(&p));
  PetscFunctionReturn(0);
}

/* Lift all ReLUs into their linear range: the field is then smooth, and a scheme can show its order. */
static void smooth_field(problem *p)
{
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(p->net, &n_blocks);
  for (int i = 0; i < n_blocks; i++)
    if (strstr(blocks[i].name, "feedforward/0/bias"))
      for (int j = 0; j < blocks[i].rows; j++) p->phi[blocks[i].first + j] += 5;
}

/* Error against a fine solution falls with the scheme's order. */
static PetscErrorCode check_order(const char *options, double order)
{
  problem p = {.dropout = {0}};
  double *fine, *coarse, error[3], energy[2];

  PetscFunctionBeginUser;
  PetscCall(make_problem(&p, true, false, options));
  smooth_field(&p);
  fine   = wf_calloc(2 * (size_t)p.n_param, sizeof(double));
  coarse = wf_calloc(2 * (size_t)p.n_param, sizeof(double));
  const double stops[2] = {0, 3};
  for (int i = 0; i < 4; i++) {
    int          steps = i == 0 ? 512 : 4 << i;
    wf_time_grid grid  = {.n_stops = 2, .stops = stops, .steps = &steps};
    PetscCall(wf_dynamics_solve(p.dynamics, p.phi, NULL, p.anchors, &grid, false, i == 0 ? fine : coarse, energy));
    if (i == 0) continue;
    error[i - 1] = 0;
    for (int j = p.n_param; j < 2 * p.n_param; j++) error[i - 1] = fmax(error[i - 1], fabs(fine[j] - coarse[j]));
  }
  double slope = log2(error[0] / error[2]) / 2;
  WF_CHECK(fabs(slope - order) < 0.5, "%s: order %g, errors %g %g %g", options, slope, error[0], error[1], error[2]);
  wf_free(fine);
  wf_free(coarse);
  PetscCall(free_problem(&p));
  PetscFunctionReturn(0);
}

/* With a field of zero the flow is the interpolant: a cubic in each interval, which the fourth-order scheme takes exactly. */
static PetscErrorCode check_interpolant(void)
{
  problem p = {.dropout = {0}};
  double  loss, error = 0;

  PetscFunctionBeginUser;
  PetscCall(make_problem(&p, false, true, ""));
  wf_hypernet_init(p.net, 3, true, p.phi);
  PetscCall(evaluate(&p, p.phi, p.anchors, false, &loss));
  for (int i = 0; i < N_OBS * p.n_param; i++) error = fmax(error, fabs(p.theta[i] - p.anchors[i]));
  WF_CHECK(error < 1e-12, "%g", error);
  PetscCall(free_problem(&p));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  double tolerance = WF_REAL_IS_DOUBLE ? 1e-7 : 2e-2;
  PetscCall(check_interpolant());
  PetscCall(check_gradient(false, true, 0, "", tolerance));
  PetscCall(check_gradient(false, true, 0, "-wf_adjoint ts", tolerance));
  PetscCall(check_adjoints_agree());
  PetscCall(check_gradient(false, false, 0, "-wf_ts_rk_type 38", tolerance));
  PetscCall(check_gradient(true, false, 0, "-wf_ts_rk_type 3bs", tolerance));
  PetscCall(check_gradient(false, true, 0.2, "", tolerance));
  PetscCall(check_gradient(false, true, 0, "-wf_ts_rk_type 3bs -wf_ts_adapt_type basic -wf_ts_rtol 1e-7 -wf_ts_atol 1e-7",
                           WF_REAL_IS_DOUBLE ? 1e-3 : 1e-1));
  if (WF_REAL_IS_DOUBLE) {
    PetscCall(check_taylor());
    PetscCall(check_order("", 4));
    PetscCall(check_order("-wf_ts_rk_type 38", 4));
    PetscCall(check_order("-wf_ts_rk_type 2a", 2));
  }
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
