/* The loss of a flow over windows of snapshots, and its gradient, with the windows dealt over ranks.

   A window starts at an anchor and runs over up to `horizon` intervals. With N the number of (window, later snapshot) pairs,
     loss = 1/N sum |theta(t_k) - anchor_k|^2 / n_weight + lambda 1/N sum energy(t_k)          (Li et al. 2026, training of the dynamics)
   where every distinct window is taken once. n_weight is n_param (in the published convention: with the graph's padding counted). */
#ifndef WEIGHTFLOW_TRAINER_H
#define WEIGHTFLOW_TRAINER_H
#include <weightflow/flow.h>

typedef struct wf_trainer wf_trainer;

typedef struct {
  double   energy_weight;
  int      steps_per_interval;
  double   dropout;
  uint64_t seed;
} wf_trainer_config;

typedef struct {
  double weight, energy, total; /* energy: mean, before lambda */
} wf_loss;

/* flow is borrowed. Collective on comm. */
PetscErrorCode wf_trainer_create(MPI_Comm comm, wf_flow *flow, const wf_trainer_config *config, wf_trainer **trainer);
PetscErrorCode wf_trainer_destroy(wf_trainer **trainer);

/* Choose the windows of the next evaluations: those that start at starts [n_starts] (NULL: every snapshot but the last) and run over `horizon`
   intervals, or over fewer where the data end and `shorter` is true (else such starts are left out). */
PetscErrorCode wf_trainer_set_windows(wf_trainer *trainer, int n_starts, const int *starts, int horizon, bool shorter);

/* Loss at phi [n_phi] and, if not NULL, its gradient [n_phi]. dropout_item keys the dropout masks. Collective; the same bits on any number of ranks. */
PetscErrorCode wf_trainer_evaluate(wf_trainer *trainer, const wf_real *phi, uint64_t dropout_item, wf_loss *loss, wf_real *gradient);
#endif
