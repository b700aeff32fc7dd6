/* Samples between observed snapshots; see targets.h. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/baselines.h>
#include <weightflow/metrics.h>
#include <weightflow/targets.h>

enum { COUPLED_MAX = 2000, LEFT_OUT_MAX = 500, N_MEMBERS = 3, LEFT_OUT_REPEATS = 5 };

struct wf_targets {
  wf_targets_config config;
  wf_targets_kind   kind;
  int               n_obs, n, n_coupled, n_species, n_levels;
  const double     *times;
  const int32_t    *counts;
  int              *partner; /* [n_obs - 1, n_coupled] of neighbouring snapshots */
  double            left_out[N_MEMBERS];
};

static const int32_t *snapshot(const wf_targets *t, int k) { return t->counts + (size_t)k * t->n * t->n_species; }

const char *wf_targets_kind_name(wf_targets_kind kind)
{
  static const char *const names[] = {"none", "mixture", "displacement", "bridge", "auto"};
  return names[kind];
}

wf_targets_kind wf_targets_get_kind(const wf_targets *targets) { return targets->kind; }
const double   *wf_targets_left_out_scores(const wf_targets *targets) { return targets->left_out; }

int wf_targets_n_stops(const wf_targets *targets, int interval)
{
  if (targets->kind == WF_TARGETS_NONE) return 1;
  return targets->config.n_between + 1 + (interval == 0 ? targets->config.n_early : 0);
}

double wf_targets_share(const wf_targets *targets, int interval, int i)
{
  int n_stops = wf_targets_n_stops(targets, interval), even = targets->kind == WF_TARGETS_NONE ? 1 : targets->config.n_between + 1;
  int early = n_stops - even;
  return i >= early ? (i - early + 1) / (double)even : ldexp(1.0 / even, i - early);
}

int wf_targets_first_index(const wf_targets *targets, int interval)
{
  return interval == 0 ? 0 : wf_targets_n_stops(targets, 0) + (interval - 1) * wf_targets_n_stops(targets, 1);
}

int wf_targets_n_samples(const wf_targets *targets) { return targets->n_coupled; }

static void draw_member(const wf_targets *t, wf_targets_kind kind, int left, int right, const int *partner, double share,
                        uint64_t item, int32_t *x)
{
  const int32_t *from = snapshot(t, left), *to = snapshot(t, right);
  if (kind == WF_TARGETS_MIXTURE)
    wf_baseline_mixture_sample(t->n_coupled, t->n, t->n_species, share, from, to, t->config.seed, item, x);
  else if (kind == WF_TARGETS_DISPLACEMENT)
    wf_baseline_displacement(t->n_coupled, t->n_species, share, from, to, partner, t->config.seed, item, x);
  else
    wf_baseline_bridge(t->n_coupled, t->n_species, share, from, to, partner, t->config.seed, item, x);
}

void wf_targets_draw(const wf_targets *targets, int interval, double share, uint64_t item, int32_t *x)
{
  const wf_targets *t = targets;
  if (share <= 0)
    memcpy(x, snapshot(t, interval), (size_t)t->n_coupled * t->n_species * sizeof(*x));
  else if (share >= 1)
    memcpy(x, snapshot(t, interval + 1), (size_t)t->n_coupled * t->n_species * sizeof(*x));
  else
    draw_member(t, t->kind, interval, interval + 1, t->partner + (size_t)interval * t->n_coupled, share, item, x);
}

/* Couplings of snapshot k with snapshot k + stride for all k, dealt over the ranks; partner [n_obs - stride, n_coupled] out on all
 * of them. */
static PetscErrorCode couple_all(MPI_Comm comm, const wf_targets *t, int stride, int *partner)
{
  int rank, size, n_pairs = t->n_obs - stride;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  memset(partner, 0, (size_t)n_pairs * t->n_coupled * sizeof(*partner));
  for (int k = rank; k < n_pairs; k += size) {
    double cost =
        wf_baseline_couple(t->n_coupled, t->n_species, snapshot(t, k), snapshot(t, k + stride), partner + (size_t)k * t->n_coupled);
    PetscCheck(cost >= 0, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to couple %d samples", t->n_coupled);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, partner, n_pairs * t->n_coupled, MPI_INT, MPI_SUM, comm));
  PetscFunctionReturn(0);
}

/* Mean W1 of a member at the interior snapshots, each made from its two neighbours. */
static double score_left_out(const wf_targets *t, wf_targets_kind kind, const int *partner, int32_t *x, double *p, double *q)
{
  int    size = t->n_species * t->n_levels, n_interior = t->n_obs - 2;
  double sum = 0, *mean = q + size;
  for (int k = 1; k <= n_interior; k++) {
    double share = (t->times[k] - t->times[k - 1]) / (t->times[k + 1] - t->times[k - 1]);
    memset(mean, 0, (size_t)size * sizeof(*mean));
    for (int repeat = 0; repeat < LEFT_OUT_REPEATS; repeat++) {
      uint64_t item = ((uint64_t)1 << 62) + ((uint64_t)(k * LEFT_OUT_REPEATS + repeat) << 32);
      draw_member(t, kind, k - 1, k + 1, partner + (size_t)(k - 1) * t->n_coupled, share, item, x);
      wf_metric_marginals(t->n_coupled, t->n_species, t->n_levels, x, p);
      for (int i = 0; i < size; i++) mean[i] += p[i] / LEFT_OUT_REPEATS;
    }
    wf_metric_marginals(t->n, t->n_species, t->n_levels, snapshot(t, k), q);
    sum += wf_metric_marginal_w(1, t->n_species, t->n_levels, mean, q) / n_interior;
  }
  return sum;
}

/* Leave each interior snapshot out in turn; with fewer than three snapshots there is none, and the bridge is taken. */
static PetscErrorCode choose_member(MPI_Comm comm, wf_targets *t)
{
  int     *partner;
  int32_t *x;
  double  *p;
  size_t   size      = (size_t)t->n_species * t->n_levels;
  int      n_coupled = t->n_coupled;

  PetscFunctionBeginUser;
  t->kind = WF_TARGETS_BRIDGE;
  if (t->n_obs < 3) PetscFunctionReturn(0);
  t->n_coupled = PetscMin(n_coupled, (int)LEFT_OUT_MAX); /* a coupling costs the cube of it, and a choice of three needs few */
  PetscCall(PetscMalloc3((size_t)(t->n_obs - 2) * t->n_coupled, &partner, (size_t)t->n_coupled * t->n_species, &x, 3 * size, &p));
  PetscCall(couple_all(comm, t, 2, partner));
  for (int m = 0; m < N_MEMBERS; m++) {
    wf_targets_kind kind = (wf_targets_kind)(WF_TARGETS_MIXTURE + m);
    t->left_out[m]       = score_left_out(t, kind, partner, x, p, p + size);
    if (t->left_out[m] < t->left_out[t->kind - WF_TARGETS_MIXTURE] || m == 0) t->kind = kind;
  }
  PetscCallMPI(MPI_Bcast(&t->kind, sizeof t->kind, MPI_BYTE, 0, comm));
  PetscCall(PetscFree3(partner, x, p));
  t->n_coupled = n_coupled;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_targets_create(MPI_Comm comm, const wf_targets_config *config, int n_obs, const double *times, int n,
                                 int n_species, int n_levels, const int32_t *counts, wf_targets **targets)
{
  wf_targets *t;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&t));
  *t           = (wf_targets){.config    = *config,
                              .kind      = config->kind,
                              .n_obs     = n_obs,
                              .n         = n,
                              .n_species = n_species,
                              .n_levels  = n_levels,
                              .times     = times,
                              .counts    = counts};
  t->n_coupled = PetscMin(n, (int)COUPLED_MAX);
  PetscCall(PetscMalloc1((size_t)n_obs * t->n_coupled, &t->partner));
  if (config->kind == WF_TARGETS_AUTO) PetscCall(choose_member(comm, t));
  if (t->kind == WF_TARGETS_DISPLACEMENT || t->kind == WF_TARGETS_BRIDGE) PetscCall(couple_all(comm, t, 1, t->partner));
  *targets = t;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_targets_destroy(wf_targets **targets)
{
  PetscFunctionBeginUser;
  if (*targets) PetscCall(PetscFree((*targets)->partner));
  PetscCall(PetscFree(*targets));
  PetscFunctionReturn(0);
}
