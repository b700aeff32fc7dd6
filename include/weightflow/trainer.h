/* The loss of a flow over windows of snapshots, and its gradient, with the windows dealt over ranks.

   A window starts at an anchor and runs over some intervals. With N the number of (window, later snapshot) pairs and M the number
   of (window, target) pairs, targets being the snapshots and the times between them, loss = 1/N sum |theta(t_k) - anchor_k|^2 /
   n_weight                                (weights)
          + 1/M sum mean over samples and species of -log p_theta(t_m)(x)               (nll; Li et al. 2026, eq. 9, first term)
          + lambda 1/N sum energy(t_k)
   n_weight is n_param (in the published convention: with the graph's padding counted). */
#ifndef WEIGHTFLOW_TRAINER_H
#define WEIGHTFLOW_TRAINER_H
#include <weightflow/flow.h>
#include <weightflow/targets.h>

typedef struct wf_trainer wf_trainer;

typedef struct {
  bool              use_weights, use_nll;
  double            energy_weight;
  int               steps_per_interval;
  double            dropout;
  uint64_t          seed;
  const wf_targets *targets; /* borrowed; NULL without nll */
} wf_trainer_config;

typedef struct {
  double weight, nll, energy, total; /* energy: mean, before lambda */
} wf_loss;

/* flow is borrowed. Collective on comm. */
PetscErrorCode wf_trainer_create(MPI_Comm comm, wf_flow *flow, const wf_trainer_config *config, wf_trainer **trainer);
PetscErrorCode wf_trainer_destroy(wf_trainer **trainer);

/* Choose the windows of the next evaluations: those that start at starts [n_starts] (NULL: every snapshot but the last) and run
   over `horizon` intervals, or over fewer where the data end and `shorter` is true (else such starts are left out). */
PetscErrorCode wf_trainer_set_windows(wf_trainer *trainer, int n_starts, const int *starts, int horizon, bool shorter);

/* Cut the whole range into windows of `horizon` intervals, the first one shortened to `first` intervals (1 .. horizon) and the last
   one as need be: every interval is in one window. */
PetscErrorCode wf_trainer_tile_windows(wf_trainer *trainer, int first, int horizon);

/* Loss at phi [n_phi] and, if not NULL, its gradient [n_phi]. item keys the dropout masks and the draws of the targets. Collective;
 * the same bits on any number of ranks. */
PetscErrorCode wf_trainer_evaluate(wf_trainer *trainer, const wf_real *phi, uint64_t item, wf_loss *loss, wf_real *gradient);
#endif
