/* A smooth path of weights through all targets; see waypoints.h. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include <weightflow/waypoints.h>

#define WF_MPI_REAL (WF_REAL_IS_DOUBLE ? MPI_DOUBLE : MPI_FLOAT)
enum { BLOCK = 512 };

typedef struct {
  MPI_Comm                   comm;
  int                        rank, size;
  const wf_backbone         *backbone;
  const wf_targets          *targets;
  const wf_waypoints_config *config;
  wf_waypoints              *path;
  wf_backbone_work          *work;
  int32_t                   *samples;
  wf_real                   *block_gradient, *gradient, *m, *v; /* [n_param], then [n, n_param] each */
  double                    *sum;                               /* [n_param] */
} fitting;

PetscErrorCode wf_waypoints_destroy(wf_waypoints **waypoints)
{
  wf_waypoints *w = *waypoints;

  PetscFunctionBeginUser;
  if (!w) PetscFunctionReturn(0);
  PetscCall(PetscFree3(w->interval, w->share, w->theta));
  PetscCall(PetscFree(*waypoints));
  PetscFunctionReturn(0);
}

/* Straight lines through the anchors. */
static PetscErrorCode create_path(const wf_targets *targets, int n_obs, int n_param, const wf_real *anchors,
                                  wf_waypoints **waypoints)
{
  wf_waypoints *w;
  int           n = wf_targets_first_index(targets, n_obs - 1) + 1;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&w));
  w->n       = n;
  w->n_param = n_param;
  PetscCall(PetscCalloc3((size_t)n, &w->interval, (size_t)n, &w->share, (size_t)n * n_param, &w->theta));
  for (int k = 0, j = 1; k < n_obs - 1; k++)
    for (int i = 0; i < wf_targets_n_stops(targets, k); i++, j++) {
      w->interval[j] = k;
      w->share[j]    = wf_targets_share(targets, k, i);
    }
  for (int j = 0; j < n; j++)
    for (int p = 0; p < n_param; p++) {
      const wf_real *from               = anchors + (size_t)w->interval[j] * n_param;
      w->theta[(size_t)j * n_param + p] = (wf_real)((1 - w->share[j]) * (double)from[p] + w->share[j] * (double)from[n_param + p]);
    }
  *waypoints = w;
  PetscFunctionReturn(0);
}

/* Mean negative log-likelihood of waypoint j, and its gradient into sum. */
static double likelihood(fitting *f, int j, uint64_t item)
{
  int n = wf_targets_n_samples(f->targets), d = wf_backbone_get_config(f->backbone)->n_species, n_param = f->path->n_param;
  const wf_real *theta = f->path->theta + (size_t)j * n_param;
  double         total = 0;
  wf_targets_draw(f->targets, f->path->interval[j], f->path->share[j], item, f->samples);
  memset(f->sum, 0, (size_t)n_param * sizeof(double));
  for (int first = 0; first < n; first += BLOCK) {
    double nll;
    wf_backbone_nll(f->backbone, theta, PetscMin(BLOCK, n - first), f->samples + (size_t)first * d, f->work, &nll,
                    f->block_gradient);
    total += nll;
    for (int p = 0; p < n_param; p++) f->sum[p] += (double)f->block_gradient[p];
  }
  for (int p = 0; p < n_param; p++) f->sum[p] /= (double)n * d;
  return total / ((double)n * d);
}

/* Second difference of weight p around waypoint j; 0 at the ends. */
static double bend(const wf_waypoints *w, int j, int p)
{
  const wf_real *x = w->theta + (size_t)j * w->n_param + p;
  return j < 1 || j >= w->n - 1 ? 0 : (double)x[w->n_param] - 2 * (double)x[0] + (double)x[-w->n_param];
}

/* Gradient of one waypoint: likelihood and roughness. */
static double differentiate(fitting *f, int j, uint64_t item)
{
  wf_real *gradient = f->gradient + (size_t)j * f->path->n_param;
  double   nll      = likelihood(f, j, item);
  for (int p = 0; p < f->path->n_param; p++) {
    double rough = bend(f->path, j - 1, p) - 2 * bend(f->path, j, p) + bend(f->path, j + 1, p);
    gradient[p]  = (wf_real)(f->sum[p] + 2 * f->config->roughness * rough);
  }
  return nll;
}

/* All waypoints on all ranks: each is worked on by one rank, so that a sum of one number and zeros gives its bits. */
static PetscErrorCode step(fitting *f, int iteration)
{
  wf_waypoints   *w     = f->path;
  int             n     = w->n * w->n_param;
  wf_adamw_config adamw = {.weight_decay = 0, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
  double         *nll;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)w->n, &nll));
  memset(f->gradient, 0, (size_t)n * sizeof(*f->gradient));
  for (int j = f->rank; j < w->n; j += f->size)
    nll[j] = differentiate(f, j, ((uint64_t)1 << 61) + (((uint64_t)iteration * (uint64_t)w->n + (uint64_t)j) << 20));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, f->gradient, n, WF_MPI_REAL, MPI_SUM, f->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, nll, w->n, MPI_DOUBLE, MPI_SUM, f->comm));
  w->nll = 0;
  for (int j = 0; j < w->n; j++) w->nll += nll[j] / w->n;
  adamw.learning_rate = f->config->learning_rate * 0.5 * (1 + cos(3.141592653589793 * iteration / f->config->iterations));
  wf_adamw_step(&adamw, iteration + 1, n, f->gradient, w->theta, f->m, f->v);
  PetscCall(PetscFree(nll));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_waypoints_fit(MPI_Comm comm, const wf_backbone *backbone, const wf_targets *targets, int n_obs,
                                const wf_real *anchors, const wf_waypoints_config *config, wf_waypoints **waypoints)
{
  fitting f       = {.comm = comm, .backbone = backbone, .targets = targets, .config = config};
  int     n_param = wf_backbone_n_param(backbone);
  size_t  n;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &f.rank));
  PetscCallMPI(MPI_Comm_size(comm, &f.size));
  PetscCall(create_path(targets, n_obs, n_param, anchors, waypoints));
  f.path = *waypoints;
  n      = (size_t)f.path->n * n_param;
  f.work = wf_backbone_work_create(backbone, BLOCK);
  PetscCheck(f.work, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the likelihood");
  PetscCall(PetscMalloc3((size_t)wf_targets_n_samples(targets) * (size_t)wf_backbone_get_config(backbone)->n_species, &f.samples,
                         (size_t)n_param, &f.block_gradient, (size_t)n_param, &f.sum));
  PetscCall(PetscCalloc3(n, &f.gradient, n, &f.m, n, &f.v));
  for (int i = 0; i < config->iterations; i++) PetscCall(step(&f, i));
  PetscCall(PetscFree3(f.gradient, f.m, f.v));
  PetscCall(PetscFree3(f.samples, f.block_gradient, f.sum));
  wf_backbone_work_destroy(&f.work);
  PetscFunctionReturn(0);
}
