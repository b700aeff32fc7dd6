/* Targets between snapshots: the binomial bridge's law, the choice by left-out snapshots, and the gradient of the likelihood
 * through the flow. */
/* RUN: np=1,2,3 */
#include <weightflow/base.h>
#include <weightflow/baselines.h>
#include <weightflow/trainer.h>
#include "check.h"

enum { N = 4000, N_OBS = 5, D = 2, LEVELS = 40 };

/* Mean and variance of z - x for x -> y in every sample: share (y - x), and |y - x| share (1 - share). */
static void check_bridge_law(int x, int y, double share)
{
  int32_t *left = wf_calloc(N, sizeof(int32_t)), *right = wf_calloc(N, sizeof(int32_t)), *z = wf_calloc(N, sizeof(int32_t));
  int     *partner = wf_calloc(N, sizeof(int));
  double   mean = 0, square = 0, n = fabs((double)y - x), variance = n * share * (1 - share);
  for (int i = 0; i < N; i++) left[i] = x, right[i] = y, partner[i] = i;
  wf_baseline_bridge(N, 1, share, left, right, partner, 3, 0, z);
  for (int i = 0; i < N; i++) {
    mean += (z[i] - x) / (double)N;
    square += pow(z[i] - x - share * (y - x), 2) / N;
    WF_CHECK((z[i] - x) * (y - x) >= 0 && abs(z[i] - x) <= n, "%d", z[i]);
  }
  /* five standard errors; the fourth central moment of a binomial is at most 3 variance^2 + variance */
  WF_CHECK(fabs(mean - share * (y - x)) <= 1e-9 + 5 * sqrt(variance / N), "%d -> %d at %g: mean %g", x, y, share, mean);
  WF_CHECK(fabs(square - variance) <= 1e-9 + 5 * sqrt((2 * variance * variance + variance) / N), "%d -> %d at %g: variance %g", x,
           y, share, square);
  wf_free(left), wf_free(right), wf_free(z), wf_free(partner);
}

/* Snapshots of a counting process of rate 5 (bridges foretell it), or of a state that jumps once from 2 to 30 (mixtures do). */
static void make_snapshots(bool counting, int n, int32_t *counts)
{
  for (int i = 0; i < n; i++)
    for (int s = 0; s < D; s++) {
      int    at   = 0;
      double when = N_OBS * wf_random_uniform(2, WF_RANDOM_TEST, (uint64_t)i, 1000 + (uint32_t)s);
      for (int k = 0; k < N_OBS; k++) {
        for (int j = 0; counting && k && j < 100; j++)
          at += wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)((k * D + s) * 100 + j)) < 0.05;
        counts[((size_t)k * n + i) * D + s] = counting ? at : when < k ? 30 : 2;
      }
    }
}

static PetscErrorCode check_choice(bool counting, wf_targets_kind expected)
{
  const double      times[N_OBS] = {0, 1, 2, 3, 4};
  wf_targets_config config       = {.kind = WF_TARGETS_AUTO, .n_between = 1, .seed = 1};
  wf_targets       *targets;
  enum { n = 300 };
  int32_t *counts = wf_calloc((size_t)N_OBS * n * D, sizeof(int32_t)), *x = wf_calloc((size_t)n * D, sizeof(int32_t));

  PetscFunctionBeginUser;
  make_snapshots(counting, n, counts);
  PetscCall(wf_targets_create(PETSC_COMM_WORLD, &config, N_OBS, times, n, D, LEVELS, counts, &targets));
  const double *w = wf_targets_left_out_scores(targets);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %.17g %.17g %.17g\n", wf_targets_kind_name(wf_targets_get_kind(targets)), w[0], w[1],
                        w[2]));
  WF_CHECK(wf_targets_get_kind(targets) == expected, "counting %d", counting);
  wf_targets_draw(targets, 2, 1, 7, x);
  WF_CHECK(!memcmp(x, counts + (size_t)3 * n * D, (size_t)n * D * sizeof(*x)), "the targets at a snapshot are its samples");
  PetscCall(wf_targets_destroy(&targets));
  wf_free(counts), wf_free(x);
  PetscFunctionReturn(0);
}

static PetscErrorCode make_flow(wf_anchors **anchors, wf_flow **flow)
{
  wf_params   params;
  wf_anchors *a;

  PetscFunctionBeginUser;
  wf_backbone_config config = {
      .network = "gru", .head = "categorical", .n_species = D, .n_levels = LEVELS, .hidden = 2, .n_layers = 1};
  wf_backbone       *backbone = wf_backbone_create(&config);
  PetscCall(wf_anchors_create(N_OBS, wf_backbone_n_param(backbone), &a));
  a->config         = config;
  a->n_time         = N_OBS;
  a->ensemble_last  = N_OBS - 1;
  for (int k = 0; k < N_OBS; k++) {
    a->times[k]    = k;
    a->observed[k] = k;
    wf_backbone_init(backbone, 5, (uint64_t)k, a->theta + (size_t)k * a->n_param);
  }
  wf_backbone_destroy(&backbone);
  wf_params_set_defaults(&params);
  params.train.path_steps = 5;
  snprintf(params.train.start, sizeof params.train.start, "random");
  PetscCall(wf_flow_create(PETSC_COMM_WORLD, &params, a, N_OBS, 0, N_OBS - 1, NULL, flow));
  *anchors = a;
  PetscFunctionReturn(0);
}

/* Likelihood and weights and energy together, three windows: gradient against central differences. */
static PetscErrorCode check_gradient(void)
{
  wf_anchors       *anchors;
  wf_flow          *flow;
  wf_targets       *targets;
  wf_trainer       *trainer;
  wf_loss           loss, plus, minus;
  wf_targets_config target_config = {.kind = WF_TARGETS_BRIDGE, .n_between = 2, .n_early = 1, .seed = 1};
  wf_trainer_config config = {.use_weights = true, .use_nll = true, .energy_weight = 1e-3, .steps_per_interval = 3, .seed = 1};
  enum { n = 40 };
  int32_t *counts = wf_calloc((size_t)N_OBS * n * D, sizeof(int32_t));

  PetscFunctionBeginUser;
  PetscCall(make_flow(&anchors, &flow));
  make_snapshots(true, n, counts);
  PetscCall(wf_targets_create(PETSC_COMM_WORLD, &target_config, N_OBS, anchors->times, n, D, LEVELS, counts, &targets));
  config.targets = targets;
  PetscCall(wf_trainer_create(PETSC_COMM_WORLD, flow, &config, &trainer));
  PetscCall(wf_trainer_tile_windows(trainer, 1, 2));
  wf_real *gradient = wf_calloc((size_t)flow->n_phi, sizeof(wf_real)), *phi = wf_calloc((size_t)flow->n_phi, sizeof(wf_real));
  PetscCall(wf_trainer_evaluate(trainer, flow->phi, 3, &loss, gradient));
  PetscCall(
      PetscPrintf(PETSC_COMM_WORLD, "loss %.17g = %.17g + %.17g + energy %.17g\n", loss.total, loss.weight, loss.nll, loss.energy));
  WF_CHECK(loss.weight > 0 && loss.nll > 0 && loss.energy > 0);
  double scale = 0, error = 0, h = WF_REAL_IS_DOUBLE ? 1e-6 : 1e-2; /* one number at a time, and little: the ReLUs make kinks */
  for (int j = 0; j < flow->n_phi; j++) scale = fmax(scale, fabs((double)gradient[j]));
  memcpy(phi, flow->phi, (size_t)flow->n_phi * sizeof(wf_real));
  for (int trial = 0; trial < 24; trial++) {
    int j  = (int)(flow->n_phi * wf_random_uniform(9, WF_RANDOM_TEST, (uint64_t)trial, 0));
    phi[j] = flow->phi[j] + (wf_real)h;
    PetscCall(wf_trainer_evaluate(trainer, phi, 3, &plus, NULL));
    phi[j] = flow->phi[j] - (wf_real)h;
    PetscCall(wf_trainer_evaluate(trainer, phi, 3, &minus, NULL));
    phi[j] = flow->phi[j];
    error  = fmax(error, fabs((plus.total - minus.total) / (2 * h) - (double)gradient[j]));
  }
  WF_CHECK(error <= (WF_REAL_IS_DOUBLE ? 1e-7 : 2e-2) * scale, "gradient: error %g of %g", error, scale);
  fprintf(stderr, "gradient of the likelihood through the flow: %.1e\n", error / scale);
  wf_free(gradient), wf_free(phi), wf_free(counts);
  PetscCall(wf_trainer_destroy(&trainer));
  PetscCall(wf_targets_destroy(&targets));
  PetscCall(wf_flow_destroy(&flow));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  check_bridge_law(10, 30, 0.3);
  check_bridge_law(30, 10, 0.75);
  check_bridge_law(5, 5000, 0.2);
  check_bridge_law(0, 1, 0.5);
  check_bridge_law(4, 4, 0.5);
  check_bridge_law(0, 9, 0);
  check_bridge_law(0, 9, 1);
  PetscCall(check_choice(true, WF_TARGETS_BRIDGE));
  PetscCall(check_choice(false, WF_TARGETS_MIXTURE));
  PetscCall(check_gradient());
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
