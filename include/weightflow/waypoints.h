/* Waypoints: weights of the density at the snapshots and at the targets between them, fitted together.

   The anchors are fitted one by one, each to its snapshot alone, and what lies between them is known only by interpolation, which
   goes astray where the law changes its shape: from a point mass to a spread one. Waypoints are a free path of weights through all
   target times that maximises the likelihood of the targets and is smooth:

     1/N sum_j (mean over samples and species of -log p_theta_j(x)) + roughness/N sum_j |theta_{j+1} - 2 theta_j + theta_{j-1}|^2

   with N waypoints. Differences go by number, not by time, so that targets which crowd together after the start, each half as far
   as the next, may carry weights that move as fast there. Minimised by Adam; the targets are drawn anew at each iteration. */
#ifndef WEIGHTFLOW_WAYPOINTS_H
#define WEIGHTFLOW_WAYPOINTS_H
#include <weightflow/backbone.h>
#include <weightflow/targets.h>

typedef struct {
  int      n, n_param;
  int     *interval; /* [n], share [n]: where a waypoint lies; the first has share 0, later snapshots have share 1 */
  double  *share;
  wf_real *theta; /* [n, n_param] */
  double   nll;   /* of the last iteration: mean over waypoints, nats per species */
} wf_waypoints;

typedef struct {
  int    iterations;
  double learning_rate, roughness;
} wf_waypoints_config;

/* Fit waypoints to the targets of n_obs snapshots, starting from straight lines through anchors [n_obs, n_param].  Collective on
 * comm, the waypoints dealt over ranks; the same bits on any number. */
PetscErrorCode wf_waypoints_fit(MPI_Comm comm, const wf_backbone *backbone, const wf_targets *targets, int n_obs,
                                const wf_real *anchors, const wf_waypoints_config *config, wf_waypoints **waypoints);
PetscErrorCode wf_waypoints_destroy(wf_waypoints **waypoints);
#endif
