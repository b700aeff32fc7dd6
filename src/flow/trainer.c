/* Windows of snapshots, their loss and gradient; see trainer.h. A window is the unit of work: one rank integrates it and pulls it back, and the
   windows' gradients are added exactly, so that neither their order nor the number of ranks can change a bit. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/exact_sum_mpi.h>
#include <weightflow/trainer.h>

typedef struct {
  int start, n_intervals;
} wf_window;

struct wf_trainer {
  MPI_Comm          comm;
  int               rank, size;
  wf_flow          *flow;
  wf_trainer_config config;
  int               n_windows, n_pairs, *owner;
  wf_window        *windows;
  wf_exact_sum     *gradient_sum, *loss_sum;
  double           *theta, *theta_bar, *energy, *energy_bar, *stops, *phi_bar;
  int              *steps;
};

PetscErrorCode wf_trainer_create(MPI_Comm comm, wf_flow *flow, const wf_trainer_config *config, wf_trainer **trainer)
{
  wf_trainer *t;
  size_t      n_obs = (size_t)flow->n_obs, n_param = (size_t)flow->n_param;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&t));
  *t = (wf_trainer){.comm = comm, .flow = flow, .config = *config};
  PetscCallMPI(MPI_Comm_rank(comm, &t->rank));
  PetscCallMPI(MPI_Comm_size(comm, &t->size));
  PetscCall(PetscMalloc7(n_obs * n_param, &t->theta, n_obs * n_param, &t->theta_bar, n_obs, &t->energy, n_obs, &t->energy_bar, n_obs, &t->stops, n_obs,
                         &t->steps, (size_t)flow->n_phi, &t->phi_bar));
  PetscCall(PetscMalloc2(n_obs, &t->windows, n_obs, &t->owner));
  t->gradient_sum = wf_exact_sum_create(flow->n_phi);
  t->loss_sum     = wf_exact_sum_create(2);
  PetscCheck(t->gradient_sum && t->loss_sum, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the gradient of %d numbers", flow->n_phi);
  PetscCall(wf_trainer_set_windows(t, 0, NULL, flow->n_obs - 1, true));
  *trainer = t;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_trainer_destroy(wf_trainer **trainer)
{
  wf_trainer *t = *trainer;

  PetscFunctionBeginUser;
  if (!t) PetscFunctionReturn(0);
  wf_exact_sum_destroy(&t->gradient_sum);
  wf_exact_sum_destroy(&t->loss_sum);
  PetscCall(PetscFree7(t->theta, t->theta_bar, t->energy, t->energy_bar, t->stops, t->steps, t->phi_bar));
  PetscCall(PetscFree2(t->windows, t->owner));
  PetscCall(PetscFree(*trainer));
  PetscFunctionReturn(0);
}

/* Longest windows first, each to the rank with least work so far (Graham 1969): starts rise, so lengths fall. */
static PetscErrorCode deal_windows(wf_trainer *t)
{
  int *work;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)t->size, &work));
  for (int w = 0; w < t->n_windows; w++) {
    int least = 0;
    for (int r = 1; r < t->size; r++)
      if (work[r] < work[least]) least = r;
    t->owner[w] = least;
    work[least] += t->windows[w].n_intervals;
  }
  PetscCall(PetscFree(work));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_trainer_set_windows(wf_trainer *trainer, int n_starts, const int *starts, int horizon, bool shorter)
{
  wf_trainer *t    = trainer;
  int         last = t->flow->n_obs - 1;

  PetscFunctionBeginUser;
  if (!starts) n_starts = last;
  PetscCheck(n_starts <= t->flow->n_obs, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%d windows for %d snapshots", n_starts, t->flow->n_obs);
  t->n_windows = t->n_pairs = 0;
  for (int i = 0; i < n_starts; i++) {
    int start = starts ? starts[i] : i, length = PetscMin(horizon, last - start);
    if (length < 1 || (length < horizon && !shorter)) continue;
    t->windows[t->n_windows++] = (wf_window){.start = start, .n_intervals = length};
    t->n_pairs += length;
  }
  PetscCall(deal_windows(t));
  PetscFunctionReturn(0);
}

/* Path times of a window's stops: absolute, or counted from its start in the published convention. */
static wf_time_grid window_grid(wf_trainer *t, const wf_window *window)
{
  const wf_flow *flow = t->flow;
  for (int j = 0; j <= window->n_intervals; j++) {
    t->stops[j] = flow->tau[window->start + j] - (flow->published_time ? flow->tau[window->start] : 0);
    t->steps[j] = t->config.steps_per_interval;
  }
  return (wf_time_grid){.n_stops = window->n_intervals + 1, .stops = t->stops, .steps = t->steps};
}

/* Loss of the integrated window t->theta, t->energy, and its derivatives by them. */
static void window_loss(wf_trainer *t, const wf_window *window, double loss[2])
{
  const wf_flow *flow   = t->flow;
  size_t         n      = (size_t)flow->n_param;
  int            width  = flow->published_time ? flow->graph->n_nodes * flow->graph->max_features : flow->n_param;
  double         factor = 1.0 / ((double)width * t->n_pairs);

  loss[0] = loss[1] = 0;
  memset(t->theta_bar, 0, n * sizeof(double));
  t->energy_bar[0] = 0;
  for (int j = 1; j <= window->n_intervals; j++) {
    const double *theta = t->theta + (size_t)j * n, *anchor = flow->anchors + (size_t)(window->start + j) * n;
    for (size_t p = 0; p < n; p++) {
      double residual = theta[p] - anchor[p];
      loss[0] += factor * residual * residual;
      t->theta_bar[(size_t)j * n + p] = 2 * factor * residual;
    }
    loss[1] += t->config.energy_weight * t->energy[j] / t->n_pairs;
    t->energy_bar[j] = t->config.energy_weight / t->n_pairs;
  }
}

PetscErrorCode wf_trainer_evaluate(wf_trainer *trainer, const wf_real *phi, uint64_t dropout_item, wf_loss *loss, wf_real *gradient)
{
  wf_trainer *t       = trainer;
  wf_flow    *flow    = t->flow;
  wf_dropout  dropout = {.rate = t->config.dropout, .seed = t->config.seed, .item = dropout_item};
  double      parts[2];

  PetscFunctionBeginUser;
  wf_exact_sum_zero(t->gradient_sum);
  wf_exact_sum_zero(t->loss_sum);
  for (int w = 0; w < t->n_windows; w++) {
    const wf_window *window = &t->windows[w];
    if (t->owner[w] != t->rank) continue;
    wf_time_grid grid = window_grid(t, window);
    PetscCall(wf_dynamics_solve(flow->dynamics, phi, dropout.rate > 0 ? &dropout : NULL, flow->anchors + (size_t)window->start * flow->n_param, &grid,
                                gradient != NULL, t->theta, t->energy));
    window_loss(t, window, parts);
    wf_exact_sum_add_double(t->loss_sum, 0, 2, parts);
    if (!gradient) continue;
    memset(t->phi_bar, 0, (size_t)flow->n_phi * sizeof(double));
    PetscCall(wf_dynamics_adjoint(flow->dynamics, t->theta_bar, t->energy_bar, t->phi_bar, NULL));
    wf_exact_sum_add_double(t->gradient_sum, 0, flow->n_phi, t->phi_bar);
  }
  PetscCall(wf_exact_sum_allreduce(t->comm, t->loss_sum));
  wf_exact_sum_get_double(t->loss_sum, 0, 2, 1, parts);
  *loss = (wf_loss){.weight = parts[0], .total = parts[0] + parts[1]};
  loss->energy = t->config.energy_weight > 0 ? parts[1] / t->config.energy_weight : 0;
  if (gradient) {
    PetscCall(wf_exact_sum_allreduce(t->comm, t->gradient_sum));
    wf_exact_sum_get(t->gradient_sum, 0, flow->n_phi, 1, gradient);
  }
  PetscFunctionReturn(0);
}
