/* Windows of snapshots, their loss and gradient; see trainer.h. A window is the unit of work: one rank integrates it and pulls it
   back, and the windows' gradients are added exactly, so that neither their order nor the number of ranks can change a bit. */
#include <math.h>
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
  int               n_targets; /* of all windows */
  wf_exact_sum     *gradient_sum, *loss_sum;
  double           *theta, *theta_bar, *energy, *energy_bar, *stops, *phi_bar;
  int              *steps;
  wf_backbone_work *work; /* for the likelihood */
  wf_real          *theta_now, *theta_gradient;
  int32_t          *samples;
};

enum { LOSS_WEIGHT, LOSS_NLL, LOSS_ENERGY, N_LOSSES, NLL_BLOCK = 512 };

/* Stops of an interval: its targets, of which the last is the snapshot; without likelihood the snapshot alone. */
static int n_stops_of(const wf_trainer *t, int interval)
{
  return t->config.use_nll ? wf_targets_n_stops(t->config.targets, interval) : 1;
}

static double share_of(const wf_trainer *t, int interval, int i)
{
  return t->config.use_nll ? wf_targets_share(t->config.targets, interval, i) : 1;
}

static int first_target(const wf_trainer *t, int interval)
{
  return t->config.use_nll ? wf_targets_first_index(t->config.targets, interval) : interval;
}

static PetscErrorCode create_likelihood(wf_trainer *t)
{
  const wf_targets *targets   = t->config.targets;
  size_t            n_species = (size_t)wf_backbone_get_config(t->flow->backbone)->n_species;

  PetscFunctionBeginUser;
  t->work = wf_backbone_work_create(t->flow->backbone, NLL_BLOCK);
  PetscCheck(t->work, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the likelihood");
  PetscCall(PetscMalloc3((size_t)t->flow->n_param, &t->theta_now, (size_t)t->flow->n_param, &t->theta_gradient,
                         (size_t)wf_targets_n_samples(targets) * n_species, &t->samples));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_trainer_create(MPI_Comm comm, wf_flow *flow, const wf_trainer_config *config, wf_trainer **trainer)
{
  wf_trainer *t;
  size_t      n_obs = (size_t)flow->n_obs, n_param = (size_t)flow->n_param, n_stops;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&t));
  *t = (wf_trainer){.comm = comm, .flow = flow, .config = *config};
  PetscCallMPI(MPI_Comm_rank(comm, &t->rank));
  PetscCallMPI(MPI_Comm_size(comm, &t->size));
  if (config->use_nll) PetscCall(create_likelihood(t));
  n_stops = (size_t)first_target(t, flow->n_obs - 1) + 1;
  PetscCall(PetscMalloc7(n_stops * n_param, &t->theta, n_stops * n_param, &t->theta_bar, n_stops, &t->energy, n_stops,
                         &t->energy_bar, n_stops, &t->stops, n_stops, &t->steps, (size_t)flow->n_phi, &t->phi_bar));
  PetscCall(PetscMalloc2(n_obs, &t->windows, n_obs, &t->owner));
  t->gradient_sum = wf_exact_sum_create(flow->n_phi);
  t->loss_sum     = wf_exact_sum_create(N_LOSSES);
  PetscCheck(t->gradient_sum && t->loss_sum, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the gradient of %d numbers",
             flow->n_phi);
  PetscCall(wf_trainer_tile_windows(t, flow->n_obs - 1, flow->n_obs - 1));
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
  wf_backbone_work_destroy(&t->work);
  PetscCall(PetscFree3(t->theta_now, t->theta_gradient, t->samples));
  PetscCall(PetscFree7(t->theta, t->theta_bar, t->energy, t->energy_bar, t->stops, t->steps, t->phi_bar));
  PetscCall(PetscFree2(t->windows, t->owner));
  PetscCall(PetscFree(*trainer));
  PetscFunctionReturn(0);
}

/* Each window to the rank with least work so far (Graham 1969). */
static PetscErrorCode deal_windows(wf_trainer *t)
{
  int *work;

  PetscFunctionBeginUser;
  t->n_targets = 0;
  PetscCall(PetscCalloc1((size_t)t->size, &work));
  for (int w = 0; w < t->n_windows; w++) {
    int least = 0;
    for (int r = 1; r < t->size; r++)
      if (work[r] < work[least]) least = r;
    t->owner[w] = least;
    int start = t->windows[w].start, n_stops = first_target(t, start + t->windows[w].n_intervals) - first_target(t, start);
    work[least] += n_stops;
    t->n_targets += n_stops;
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
  PetscCheck(n_starts <= t->flow->n_obs, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%d windows for %d snapshots", n_starts,
             t->flow->n_obs);
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

PetscErrorCode wf_trainer_tile_windows(wf_trainer *trainer, int first, int horizon)
{
  wf_trainer *t    = trainer;
  int         last = t->flow->n_obs - 1;

  PetscFunctionBeginUser;
  t->n_windows = 0;
  t->n_pairs   = last;
  for (int start = 0, length = first; start < last; start += length, length = horizon)
    t->windows[t->n_windows++] = (wf_window){.start = start, .n_intervals = PetscMin(length, last - start)};
  PetscCall(deal_windows(t));
  PetscFunctionReturn(0);
}

/* Path times of a window's stops: absolute, or counted from its start in the published convention. */
static wf_time_grid window_grid(wf_trainer *t, const wf_window *window)
{
  const double *tau    = t->flow->tau + window->start;
  double        origin = t->flow->published_time ? tau[0] : 0;
  int           n      = 0;
  t->stops[n++]        = tau[0] - origin;
  for (int k = 0; k < window->n_intervals; k++) {
    double before = 0;
    for (int i = 0; i < n_stops_of(t, window->start + k); i++) {
      double share    = share_of(t, window->start + k, i);
      t->stops[n]     = share < 1 ? tau[k] - origin + share * (tau[k + 1] - tau[k]) : tau[k + 1] - origin;
      t->steps[n - 1] = (int)ceil(t->config.steps_per_interval * (share - before) - 1e-9);
      before          = share;
      n++;
    }
  }
  return (wf_time_grid){.n_stops = n, .stops = t->stops, .steps = t->steps};
}

/* Distance of the weights at a snapshot to its anchor; adds the derivative to theta_bar. */
static double weight_loss(const wf_trainer *t, const double *theta, const double *anchor, double *theta_bar)
{
  const wf_flow *flow   = t->flow;
  int            width  = flow->published_time ? flow->graph->n_nodes * flow->graph->max_features : flow->n_param;
  double         factor = 1.0 / ((double)width * t->n_pairs), loss = 0;
  for (int p = 0; p < flow->n_param; p++) {
    double residual = theta[p] - anchor[p];
    loss += factor * residual * residual;
    theta_bar[p] += 2 * factor * residual;
  }
  return loss;
}

/* Negative log-likelihood of the targets at `share` of an interval; adds the derivative to theta_bar. */
static double nll_loss(wf_trainer *t, int interval, double share, uint64_t item, const double *theta, double *theta_bar)
{
  const wf_flow *flow = t->flow;
  int            n = wf_targets_n_samples(t->config.targets), d = wf_backbone_get_config(flow->backbone)->n_species;
  double         factor = 1.0 / ((double)n * d * t->n_targets), loss = 0;
  wf_targets_draw(t->config.targets, interval, share, item, t->samples);
  for (int p = 0; p < flow->n_param; p++) t->theta_now[p] = (wf_real)theta[p];
  for (int first = 0; first < n; first += NLL_BLOCK) {
    double sum;
    wf_backbone_nll(flow->backbone, t->theta_now, PetscMin(NLL_BLOCK, n - first), t->samples + (size_t)first * d, t->work, &sum,
                    t->theta_gradient);
    loss += factor * sum;
    for (int p = 0; p < flow->n_param; p++) theta_bar[p] += factor * (double)t->theta_gradient[p];
  }
  return loss;
}

/* Losses at the stops of interval number `interval`, the first of which is stop j of the window. */
static void interval_loss(wf_trainer *t, int interval, int j, uint64_t item, double loss[N_LOSSES])
{
  size_t   n       = (size_t)t->flow->n_param;
  int      n_stops = n_stops_of(t, interval), last = j + n_stops - 1;
  uint64_t target = item * (uint64_t)first_target(t, t->flow->n_obs - 1) + (uint64_t)first_target(t, interval);
  for (int i = 0; t->config.use_nll && i < n_stops; i++)
    loss[LOSS_NLL] += nll_loss(t, interval, share_of(t, interval, i), (target + (uint64_t)i) << 20, t->theta + (size_t)(j + i) * n,
                               t->theta_bar + (size_t)(j + i) * n);
  if (t->config.use_weights)
    loss[LOSS_WEIGHT] +=
        weight_loss(t, t->theta + (size_t)last * n, t->flow->anchors + (size_t)(interval + 1) * n, t->theta_bar + (size_t)last * n);
  loss[LOSS_ENERGY] += t->config.energy_weight * t->energy[last] / t->n_pairs;
  t->energy_bar[last] = t->config.energy_weight / t->n_pairs;
}

/* Losses of the integrated window t->theta, t->energy, and their derivatives by these. */
static void window_loss(wf_trainer *t, const wf_window *window, uint64_t item, double loss[N_LOSSES])
{
  int first = first_target(t, window->start), n_stops = first_target(t, window->start + window->n_intervals) - first + 1;

  memset(loss, 0, N_LOSSES * sizeof(double));
  memset(t->theta_bar, 0, (size_t)n_stops * (size_t)t->flow->n_param * sizeof(double));
  memset(t->energy_bar, 0, (size_t)n_stops * sizeof(double));
  for (int k = window->start; k < window->start + window->n_intervals; k++)
    interval_loss(t, k, first_target(t, k) - first + 1, item, loss);
}

static PetscErrorCode evaluate_window(wf_trainer *t, const wf_window *window, const wf_real *phi, uint64_t item, bool want_gradient)
{
  wf_flow     *flow    = t->flow;
  wf_dropout   dropout = {.rate = t->config.dropout, .seed = t->config.seed, .item = item};
  wf_time_grid grid    = window_grid(t, window);
  double       parts[N_LOSSES];

  PetscFunctionBeginUser;
  PetscCall(wf_dynamics_solve(flow->dynamics, phi, dropout.rate > 0 ? &dropout : NULL,
                              flow->anchors + (size_t)window->start * flow->n_param, &grid, want_gradient, t->theta, t->energy));
  window_loss(t, window, item, parts);
  wf_exact_sum_add_double(t->loss_sum, 0, N_LOSSES, parts);
  if (want_gradient) {
    memset(t->phi_bar, 0, (size_t)flow->n_phi * sizeof(double));
    PetscCall(wf_dynamics_adjoint(flow->dynamics, t->theta_bar, t->energy_bar, t->phi_bar, NULL));
    wf_exact_sum_add_double(t->gradient_sum, 0, flow->n_phi, t->phi_bar);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_trainer_evaluate(wf_trainer *trainer, const wf_real *phi, uint64_t item, wf_loss *loss, wf_real *gradient)
{
  wf_trainer *t = trainer;
  double      parts[N_LOSSES];

  PetscFunctionBeginUser;
  wf_exact_sum_zero(t->gradient_sum);
  wf_exact_sum_zero(t->loss_sum);
  for (int w = 0; w < t->n_windows; w++)
    if (t->owner[w] == t->rank) PetscCall(evaluate_window(t, &t->windows[w], phi, item, gradient != NULL));
  PetscCall(wf_exact_sum_allreduce(t->comm, t->loss_sum));
  wf_exact_sum_get_double(t->loss_sum, 0, N_LOSSES, 1, parts);
  *loss = (wf_loss){
      .weight = parts[LOSS_WEIGHT], .nll = parts[LOSS_NLL], .total = parts[LOSS_WEIGHT] + parts[LOSS_NLL] + parts[LOSS_ENERGY]};
  loss->energy = t->config.energy_weight > 0 ? parts[LOSS_ENERGY] / t->config.energy_weight : 0;
  if (gradient) {
    PetscCall(wf_exact_sum_allreduce(t->comm, t->gradient_sum));
    wf_exact_sum_get(t->gradient_sum, 0, t->flow->n_phi, 1, gradient);
  }
  PetscFunctionReturn(0);
}
