/* Setting up a flow from anchors and parameters, and predicting with it. Files are in flow_file.c. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/flow.h>
#include "flow_impl.h"

/* Path time counts mean observation intervals, so that a field of order one moves the weights by order one from snapshot to
   snapshot, however many there are. The published convention divides sample index k by n_time, but puts the knots at equal steps of
   [0, 1]. */
static PetscErrorCode set_times(wf_flow *flow, const wf_anchors *anchors, int n_time, double ensemble_first, double ensemble_last,
                                double *knots)
{
  double first = anchors->times[0], last = anchors->times[flow->n_obs - 1];

  PetscFunctionBeginUser;
  flow->first_time = first;
  flow->tau_rate =
      flow->published_time ? (n_time - 1) / (n_time * (ensemble_last - ensemble_first)) : (flow->n_obs - 1) / (last - first);
  for (int k = 0; k < flow->n_obs; k++) {
    flow->times[k] = anchors->times[k];
    flow->tau[k]   = (anchors->times[k] - first) * flow->tau_rate;
    knots[k]       = flow->published_time ? k / (flow->n_obs - 1.0) : flow->tau[k];
  }
  if (!flow->published_time) flow->tau[flow->n_obs - 1] = knots[flow->n_obs - 1] = flow->n_obs - 1;
  PetscFunctionReturn(0);
}

/* Rank 0 computes and all take its bits: nodes of different make may differ in the last digit. */
static PetscErrorCode make_path(MPI_Comm comm, const wf_params *params, const wf_anchors *anchors, const double *knots,
                                wf_flow *flow)
{
  int     z_dim = (int)params->train.z_dim, rank, ok = 1;
  double *codes;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscCalloc1((size_t)flow->n_obs * z_dim, &codes));
  if (rank == 0) {
    if (wf_params_choice("train", "path", params->train.path) == 0)
      ok = wf_path_codes_autoencoder(flow->n_obs, flow->n_param, anchors->theta, z_dim, (int)params->train.path_steps,
                                     (uint64_t)params->run.seed, codes, &flow->path_loss);
    else
      ok = wf_path_codes_pca(flow->n_obs, flow->n_param, anchors->theta, z_dim, codes);
  }
  PetscCallMPI(MPI_Bcast(&ok, 1, MPI_INT, 0, comm));
  PetscCheck(ok, comm, PETSC_ERR_LIB, "the control path could not be computed");
  PetscCallMPI(MPI_Bcast(codes, flow->n_obs * z_dim, MPI_DOUBLE, 0, comm));
  PetscCallMPI(MPI_Bcast(&flow->path_loss, 1, MPI_DOUBLE, 0, comm));
  int n_clocks = params->train.clocks > 0 ? (int)params->train.clocks : flow->n_obs;
  flow->path   = wf_path_create(flow->n_obs, knots, z_dim, codes, params->train.time_channel ? n_clocks : 0);
  PetscCheck(flow->path, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the control path");
  PetscCall(PetscFree(codes));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_create_base(const wf_anchors *anchors, wf_flow **flow)
{
  wf_flow *f;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&f));
  f->n_obs   = anchors->n_obs;
  f->n_param = anchors->n_param;
  f->tau     = wf_calloc((size_t)f->n_obs, sizeof(double));
  f->times   = wf_calloc((size_t)f->n_obs, sizeof(double));
  f->anchors = wf_calloc((size_t)f->n_obs * f->n_param, sizeof(double));
  PetscCheck(f->tau && f->times && f->anchors, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d anchors", f->n_obs);
  for (size_t i = 0; i < (size_t)f->n_obs * f->n_param; i++) f->anchors[i] = (double)anchors->theta[i];
  f->backbone = wf_backbone_create(&anchors->config);
  PetscCheck(f->backbone, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the backbone");
  int                      n_layers;
  const wf_backbone_layer *layers = wf_backbone_layers(f->backbone, &n_layers);
  f->graph                        = wf_graph_create(n_layers, layers);
  PetscCheck(f->graph, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the weight graph");
  *flow = f;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_set_knots(wf_flow *flow, int n_knots)
{
  PetscFunctionBeginUser;
  flow->n_knots    = n_knots;
  flow->knots      = wf_calloc((size_t)n_knots, sizeof(double));
  flow->knot_theta = wf_calloc((size_t)n_knots * flow->n_param, sizeof(double));
  PetscCheck(flow->knots && flow->knot_theta, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d knots", n_knots);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_take_anchors(wf_flow *flow)
{
  PetscFunctionBeginUser;
  PetscCall(wf_flow_set_knots(flow, flow->n_obs));
  memcpy(flow->knots, flow->tau, (size_t)flow->n_obs * sizeof(double));
  memcpy(flow->knot_theta, flow->anchors, (size_t)flow->n_obs * flow->n_param * sizeof(double));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_anchors_from_knots(wf_flow *flow)
{
  size_t n = (size_t)flow->n_param;
  int    k = 0;

  PetscFunctionBeginUser;
  for (int j = 0; j < flow->n_knots; j++)
    if (k < flow->n_obs && flow->knots[j] == flow->tau[k])
      memcpy(flow->anchors + (size_t)k++ * n, flow->knot_theta + (size_t)j * n, n * sizeof(double));
  PetscCheck(k == flow->n_obs, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d of %d snapshots are knots", k, flow->n_obs);
  PetscFunctionReturn(0);
}

static PetscErrorCode take_waypoints(wf_flow *flow, const wf_waypoints *waypoints)
{
  PetscFunctionBeginUser;
  PetscCall(wf_flow_set_knots(flow, waypoints->n));
  for (int j = 0; j < waypoints->n; j++) {
    double share = waypoints->share[j], *tau = flow->tau + waypoints->interval[j];
    flow->knots[j] = share == 0 ? tau[0] : share == 1 ? tau[1] : tau[0] + share * (tau[1] - tau[0]);
  }
  for (size_t i = 0; i < (size_t)waypoints->n * flow->n_param; i++) flow->knot_theta[i] = (double)waypoints->theta[i];
  PetscCall(wf_flow_anchors_from_knots(flow));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_finish(wf_flow *flow, bool interpolant)
{
  wf_hypernet_config config = WF_HYPERNET_DEFAULT;

  PetscFunctionBeginUser;
  if (interpolant) {
    flow->interpolant = wf_spline_create(flow->n_knots, flow->n_param, flow->knots, flow->knot_theta);
    PetscCheck(flow->interpolant, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the interpolant");
  }
  config.n_control = flow->path ? wf_path_n_control(flow->path) : 1;
  flow->net        = wf_hypernet_create(flow->graph, &config);
  PetscCheck(flow->net, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the hypernetwork");
  flow->n_phi = wf_hypernet_n_phi(flow->net);
  flow->phi   = wf_calloc((size_t)flow->n_phi, sizeof(wf_real));
  PetscCheck(flow->phi, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for phi");
  PetscCall(wf_dynamics_create(flow->net, flow->n_param, flow->path, flow->interpolant, &flow->dynamics));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_create(MPI_Comm comm, const wf_params *params, const wf_anchors *anchors, int n_time, double ensemble_first,
                              double ensemble_last, const wf_waypoints *waypoints, wf_flow **flow)
{
  bool     interpolant = wf_params_choice("train", "start", params->train.start) == 0;
  bool     cde         = wf_params_choice("train", "equation", params->train.equation) == 0;
  double  *knots;
  wf_flow *f;

  PetscFunctionBeginUser;
  PetscCall(wf_flow_create_base(anchors, &f));
  f->published_time = wf_params_choice("train", "time_convention", params->train.time_convention) == 1;
  PetscCall(PetscMalloc1((size_t)f->n_obs, &knots));
  PetscCall(set_times(f, anchors, n_time, ensemble_first, ensemble_last, knots));
  if (cde) PetscCall(make_path(comm, params, anchors, knots, f));
  PetscCall(PetscFree(knots));
  PetscCall(waypoints ? take_waypoints(f, waypoints) : wf_flow_take_anchors(f));
  PetscCall(wf_flow_finish(f, interpolant));
  wf_hypernet_init(f->net, (uint64_t)params->run.seed, interpolant, f->phi);
  *flow = f;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_destroy(wf_flow **flow)
{
  wf_flow *f = *flow;

  PetscFunctionBeginUser;
  if (!f) PetscFunctionReturn(0);
  PetscCall(wf_dynamics_destroy(&f->dynamics));
  wf_hypernet_destroy(&f->net);
  wf_graph_destroy(&f->graph);
  wf_backbone_destroy(&f->backbone);
  wf_path_destroy(&f->path);
  wf_spline_destroy(&f->interpolant);
  wf_free(f->tau);
  wf_free(f->times);
  wf_free(f->anchors);
  wf_free(f->knots);
  wf_free(f->knot_theta);
  wf_free(f->phi);
  PetscCall(PetscFree(*flow));
  PetscFunctionReturn(0);
}

/* Stops of a prediction: knots and asked times merged, each asked time with its place. */
typedef struct {
  int     n_stops, *steps, *place; /* place [n_times]: the stop of each asked time */
  double *stops;
} wf_prediction_grid;

static PetscErrorCode make_prediction_grid(const wf_flow *flow, int n_times, const double *times, int steps,
                                           wf_prediction_grid *grid)
{
  int    i_knot = 1, i_obs = 1, i_time = 0, n = 1;
  double span = flow->tau[flow->n_obs - 1] - flow->tau[0], close = 1e-9 * span;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3((size_t)(n_times + flow->n_knots), &grid->stops, (size_t)(n_times + flow->n_knots), &grid->steps,
                         (size_t)n_times, &grid->place));
  grid->stops[0] = flow->tau[0];
  while (i_time < n_times) {
    double tau = (times[i_time] - flow->first_time) * flow->tau_rate;
    PetscCheck(tau >= flow->tau[0] - close, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "time %g is before the first snapshot",
               times[i_time]);
    if (tau <= grid->stops[n - 1] + close)
      grid->place[i_time++] = n - 1; /* on a stop that is there */
    else {
      bool   knot_first = i_knot < flow->n_knots && flow->knots[i_knot] <= tau + close;
      double to         = knot_first ? flow->knots[i_knot] : tau;
      while (i_obs < flow->n_obs - 1 && flow->tau[i_obs] < to - close) i_obs++;
      int    interval    = i_obs;
      double width       = flow->tau[interval] - flow->tau[interval - 1];
      grid->steps[n - 1] = (int)PetscCeilReal(steps * (to - grid->stops[n - 1]) / width - 1e-6);
      if (grid->steps[n - 1] < 1) grid->steps[n - 1] = 1;
      grid->stops[n++] = to;
      i_knot += knot_first;
    }
  }
  grid->n_stops = n;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_predict(wf_flow *flow, int n_times, const double *times, int steps, double *theta)
{
  wf_prediction_grid grid;
  size_t             n = (size_t)flow->n_param;
  double            *at_stops;

  PetscFunctionBeginUser;
  PetscCall(make_prediction_grid(flow, n_times, times, steps, &grid));
  PetscCall(PetscMalloc1((size_t)grid.n_stops * n, &at_stops));
  if (grid.n_stops == 1)
    memcpy(at_stops, flow->anchors, n * sizeof(double));
  else {
    wf_time_grid stops = {.n_stops = grid.n_stops, .stops = grid.stops, .steps = grid.steps};
    PetscCall(wf_dynamics_solve(flow->dynamics, flow->phi, NULL, flow->anchors, &stops, false, at_stops, NULL));
  }
  for (int i = 0; i < n_times; i++) memcpy(theta + (size_t)i * n, at_stops + (size_t)grid.place[i] * n, n * sizeof(double));
  PetscCall(PetscFree(at_stops));
  PetscCall(PetscFree3(grid.stops, grid.steps, grid.place));
  PetscFunctionReturn(0);
}
