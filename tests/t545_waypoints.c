/* Waypoints: their shares, the law they learn against the closed form (a bridge from one state to another is binomial), smoothness,
 * the best likelihood there is, and the same bits on any number of ranks. */
/* RUN: np=1,2,3 */
#include <math.h>
#include <weightflow/base.h>
#include <weightflow/waypoints.h>
#include "check.h"

enum { N = 400, N_OBS = 3, LEVELS = 24, TO = 20, EARLY = 2, BETWEEN = 1, N_WAY = 1 + 2 * (BETWEEN + 1) + EARLY };

static double binomial(int n, double p, int k)
{
  return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(p) + (n - k) * log1p(-p));
}

/* All samples are at 0, then at TO, then half at TO and half at 4. */
static void make_snapshots(int32_t *counts)
{
  for (int i = 0; i < N; i++) {
    counts[i]         = 0;
    counts[N + i]     = TO;
    counts[2 * N + i] = i % 2 ? TO : 4;
  }
}

static void check_shares(const wf_targets *targets, const wf_waypoints *w)
{
  const double share[N_WAY]    = {0, .125, .25, .5, 1, .5, 1};
  const int    interval[N_WAY] = {0, 0, 0, 0, 0, 1, 1};
  WF_CHECK(w->n == N_WAY && wf_targets_first_index(targets, 2) == N_WAY - 1, "%d waypoints", w->n);
  for (int j = 0; j < N_WAY && w->n == N_WAY; j++)
    WF_CHECK(w->share[j] == share[j] && w->interval[j] == interval[j], "waypoint %d: %d %g", j, w->interval[j], w->share[j]);
}

/* Total variation between the waypoint's law and the binomial one. The targets are drawn anew at each step, so that the fit sees
   far more than N of them; what remains is noise: .013 at most is seen with seeds 2 to 5. */
static void check_law(const wf_backbone *backbone, const wf_waypoints *w)
{
  wf_backbone_work *work = wf_backbone_work_create(backbone, 64);
  double            p[LEVELS];
  for (int j = 1; j <= EARLY + 1; j++) {
    double distance = 0;
    WF_CHECK(wf_backbone_marginals(backbone, w->theta + (size_t)j * w->n_param, 0, work, p), "no memory");
    for (int c = 0; c < LEVELS; c++) distance += fabs(p[c] - (c <= TO ? binomial(TO, w->share[j], c) : 0)) / 2;
    WF_CHECK(distance < 0.05, "share %g: %g from the binomial law", w->share[j], distance);
  }
  wf_backbone_work_destroy(&work);
}

static double total_bend(const wf_waypoints *w)
{
  double sum = 0;
  for (int j = 1; j < w->n - 1; j++)
    for (int p = 0; p < w->n_param; p++) {
      const wf_real *x = w->theta + (size_t)j * w->n_param + p;
      double         b = (double)x[w->n_param] - 2 * (double)x[0] + (double)x[-w->n_param];
      sum += b * b;
    }
  return sum;
}

/* Mean over waypoints of the entropy of their targets: no likelihood is better. */
static double mean_entropy(void)
{
  const double share[] = {.125, .25, .5, .5};
  double       sum     = log(2); /* the last snapshot */
  for (int i = 0; i < 3; i++)
    for (int c = 0; c <= TO; c++) sum -= binomial(TO, share[i], c) * log(binomial(TO, share[i], c));
  for (int c = 0; c <= TO - 4; c++) { /* halfway to the last snapshot: TO, or on its way to 4 */
    double p = binomial(TO - 4, .5, c) / 2 + (c == TO - 4 ? .5 : 0);
    sum -= p * log(p);
  }
  return sum / N_WAY;
}

static PetscErrorCode fit(const wf_backbone *backbone, const wf_targets *targets, double roughness, wf_waypoints **waypoints)
{
  wf_waypoints_config config  = {.iterations = 300, .learning_rate = 0.05, .roughness = roughness};
  int                 n       = wf_backbone_n_param(backbone);
  wf_real            *anchors = wf_calloc((size_t)N_OBS * n, sizeof(wf_real));

  PetscFunctionBeginUser;
  for (int k = 0; k < N_OBS; k++) wf_backbone_init(backbone, 1, 0, anchors + (size_t)k * n);
  PetscCall(wf_waypoints_fit(PETSC_COMM_WORLD, backbone, targets, N_OBS, anchors, &config, waypoints));
  wf_free(anchors);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const double       times[N_OBS] = {0, 1, 2};
  wf_targets_config  target       = {.kind = WF_TARGETS_BRIDGE, .n_between = BETWEEN, .n_early = EARLY, .seed = 1};
  wf_backbone_config network      = {
           .network = "gru", .head = "categorical", .n_species = 1, .n_levels = LEVELS, .hidden = 4, .n_layers = 1};
  int32_t       counts[N_OBS * N];
  wf_targets   *targets;
  wf_waypoints *free_path, *smooth;
  double        sum = 0;

  PetscFunctionBeginUser;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  wf_backbone *backbone = wf_backbone_create(&network);
  make_snapshots(counts);
  PetscCall(wf_targets_create(PETSC_COMM_WORLD, &target, N_OBS, times, N, 1, LEVELS, counts, &targets));
  PetscCall(fit(backbone, targets, 0, &free_path));
  PetscCall(fit(backbone, targets, 1, &smooth));
  check_shares(targets, free_path);
  check_law(backbone, free_path);
  WF_CHECK(fabs(free_path->nll - mean_entropy()) < 0.05, "nll %g, entropy %g", free_path->nll, mean_entropy());
  WF_CHECK(smooth->nll > free_path->nll && total_bend(smooth) < 0.2 * total_bend(free_path), "bend %g of %g", total_bend(smooth),
           total_bend(free_path));
  for (int i = 0; i < smooth->n * smooth->n_param; i++) sum += (double)smooth->theta[i] * cos(i);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%.17g %.17g\n", sum, free_path->nll));
  PetscCall(wf_waypoints_destroy(&free_path));
  PetscCall(wf_waypoints_destroy(&smooth));
  PetscCall(wf_targets_destroy(&targets));
  wf_backbone_destroy(&backbone);
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
