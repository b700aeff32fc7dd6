/* A learned flow of weights: anchors, control path, hypernetwork and its weights phi, and how clock time becomes path time.
   Joins backbone/, graph/ and the dynamics; written to and read from flow.h5. */
#ifndef WEIGHTFLOW_FLOW_H
#define WEIGHTFLOW_FLOW_H
#include <weightflow/anchors.h>
#include <weightflow/dynamics.h>
#include <weightflow/io.h>
#include <weightflow/params.h>
#include <weightflow/waypoints.h>

typedef struct {
  int          n_obs, n_param, n_phi;
  bool         published_time; /* windows start at path time 0, tau = k / n_time: the public code's convention */
  double       first_time;     /* clock time of path time 0 */
  double       tau_rate;       /* path time per clock time */
  double      *tau;            /* [n_obs] path time of the snapshots, as integrated */
  double      *times;          /* [n_obs] clock time of the snapshots */
  double      *anchors;        /* [n_obs, n_param]; of the waypoints where there are any */
  int          n_knots;        /* of the interpolant: the snapshots, or the waypoints */
  double      *knots;          /* [n_knots] their path times */
  double      *knot_theta;     /* [n_knots, n_param] */
  wf_backbone *backbone;
  wf_graph    *graph;
  wf_hypernet *net;
  wf_path     *path;        /* NULL: ODE */
  wf_spline   *interpolant; /* NULL: start from a random field */
  wf_dynamics *dynamics;
  wf_real     *phi; /* [n_phi] */
  double       path_loss;
} wf_flow;

/* Set up a flow for anchors by the parameters of `train`: control path (rank 0 computes, all get its bits), hypernetwork with
   initial phi. n_time and [ensemble_first, ensemble_last]: number and range of the ensemble's sample times (for the published time
   convention). waypoints (may be NULL: the anchors alone) take the anchors' place: the flow starts at the first of them and
   the interpolant goes through all. Collective on comm. */
PetscErrorCode wf_flow_create(MPI_Comm comm, const wf_params *params, const wf_anchors *anchors, int n_time, double ensemble_first,
                              double ensemble_last, const wf_waypoints *waypoints, wf_flow **flow);
PetscErrorCode wf_flow_destroy(wf_flow **flow);

/* Write path and phi into a product file; read them back into a new flow. A file that does not fit the anchors: *flow = NULL and
   why is set. Collective. */
PetscErrorCode wf_flow_write(const wf_flow *flow, wf_file *file);
PetscErrorCode wf_flow_read(MPI_Comm comm, const char *path, const wf_anchors *anchors, wf_flow **flow, char *why, size_t why_size);

/* The same from an open file, such as a checkpoint. */
PetscErrorCode wf_flow_read_from(wf_file *file, const wf_anchors *anchors, wf_flow **flow, char *why, size_t why_size);

/* Integrate from the first anchor to clock times [n_times] (increasing, not before the first snapshot), with `steps` steps between
   neighbouring snapshots (or a share of them); theta [n_times, n_param] out. Not collective. */
PetscErrorCode wf_flow_predict(wf_flow *flow, int n_times, const double *times, int steps, double *theta);
#endif
