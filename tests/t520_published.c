/* Parity with the published formulas on the authors' own epidemic model, evaluated there in float64: field, rollouts with the 3/8 rule, loss and gradient
   of a training batch, and twenty AdamW steps, all in the published time convention. */
/* RUN: np=1,2 */
#include <hdf5.h>
#include <petscts.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include <weightflow/published.h>
#include <weightflow/trainer.h>
#include "check.h"

typedef struct {
  wf_file    *file;
  wf_anchors *anchors;
  wf_flow    *flow;
} model;

static const double TOLERANCE = WF_REAL_IS_DOUBLE ? 1e-10 : 1e-5;

/* The reference rounds the rate of the energy to 24 bits at each evaluation (check_field shows it), and the gradient through that rounding too:
   what holds energy is right to that precision only. */
static const double ENERGY_TOLERANCE = WF_REAL_IS_DOUBLE ? 1e-8 : 1e-5;

/* Largest |a - b| over theta against padded tokens, relative to the largest |b|. */
static double token_error(const wf_graph *graph, int n, const double *theta, const double *tokens)
{
  double error = 0, scale = 0;
  for (int k = 0; k < n; k++)
    for (int l = 0; l < graph->n_layers; l++)
      for (int i = 0; i < graph->layers[l].n_nodes; i++)
        for (int f = 0; f < graph->layers[l].n_features; f++) {
          const wf_graph_layer *layer = &graph->layers[l];
          double                b     = tokens[((size_t)k * graph->n_nodes + layer->first_node + i) * graph->max_features + f];
          error = fmax(error, fabs(theta[(size_t)k * graph->n_param + layer->first_weight + i * layer->n_features + f] - b));
          scale = fmax(scale, fabs(b));
        }
  return error / scale;
}

static double *read_doubles(model *m, const char *name)
{
  int     rank;
  int64_t shape[WF_MAX_RANK] = {0}, n = 1;
  wf_type type;
  PetscCallAbort(PETSC_COMM_SELF, wf_file_shape(m->file, name, &rank, shape, &type));
  for (int i = 0; i < rank; i++) n *= shape[i];
  double *data = wf_calloc((size_t)n, sizeof(double));
  PetscCallAbort(PETSC_COMM_SELF, wf_file_read(m->file, name, WF_TYPE_DOUBLE, data));
  return data;
}

static PetscErrorCode check_field(model *m)
{
  double *t = read_doubles(m, "/feval/t"), *expected = read_doubles(m, "/feval/dXdt"), *rate = read_doubles(m, "/feval/energy_rate"), *velocity;
  int     n = m->flow->n_param, n_tokens = m->flow->graph->n_nodes * m->flow->graph->max_features;
  double  error = 0;

  PetscFunctionBeginUser;
  velocity = wf_calloc((size_t)n, sizeof(double));
  for (int i = 0; i < 7; i++)
    for (int k = 0; k < m->flow->n_obs; k++) {
      PetscCall(wf_dynamics_field(m->flow->dynamics, m->flow->phi, t[i], m->flow->anchors + (size_t)k * n, velocity));
      error = fmax(error, token_error(m->flow->graph, 1, velocity, expected + (size_t)(i * m->flow->n_obs + k) * n_tokens));
      double half_square = 0;
      for (int p = 0; p < n; p++) half_square += velocity[p] * velocity[p] / 2;
      double expected_rate = rate[i * m->flow->n_obs + k];
      WF_CHECK((double)(float)expected_rate == expected_rate, "the reference's rate %.17g has more than 24 bits", expected_rate);
      WF_CHECK_CLOSE(half_square / expected_rate, 1, WF_REAL_IS_DOUBLE ? 1.2e-7 : 1e-5);
    }
  WF_CHECK(error < TOLERANCE, "field: %g", error);
  fprintf(stderr, "field %.1e\n", error);
  wf_free(t);
  wf_free(expected);
  wf_free(rate);
  wf_free(velocity);
  PetscFunctionReturn(0);
}

/* A hundred steps of 1/101, and the ten steps of 10/101 of the training grid. */
static PetscErrorCode check_rollouts(model *m)
{
  double *fine = read_doubles(m, "/rollout/tokens_f64"), *coarse = read_doubles(m, "/rollout/tokens_f64_training_grid");
  double *energy = read_doubles(m, "/rollout/energy_f64"), stops[101], e[101], *theta, error;
  int     steps[100];

  PetscFunctionBeginUser;
  theta = wf_calloc(101 * (size_t)m->flow->n_param, sizeof(double));
  for (int i = 0; i <= 100; i++) stops[i] = i / 101.0;
  for (int i = 0; i < 100; i++) steps[i] = 1;
  wf_time_grid grid = {.n_stops = 101, .stops = stops, .steps = steps};
  PetscCall(wf_dynamics_solve(m->flow->dynamics, m->flow->phi, NULL, m->flow->anchors, &grid, false, theta, e));
  error = token_error(m->flow->graph, 100, theta + m->flow->n_param, fine);
  WF_CHECK(error < TOLERANCE, "rollout: %g", error);
  WF_CHECK_CLOSE(e[100] / energy[99], 1, ENERGY_TOLERANCE);
  fprintf(stderr, "rollout %.1e energy %.1e\n", error, e[100] / energy[99] - 1);
  grid.n_stops = 11;
  for (int i = 0; i <= 10; i++) stops[i] = 10 * i / 101.0;
  PetscCall(wf_dynamics_solve(m->flow->dynamics, m->flow->phi, NULL, m->flow->anchors, &grid, false, theta, e));
  error = token_error(m->flow->graph, 10, theta + m->flow->n_param, coarse);
  WF_CHECK(error < TOLERANCE, "training grid: %g", error);
  wf_free(fine);
  wf_free(coarse);
  wf_free(energy);
  wf_free(theta);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_batch(model *m, const char *group, const char *phi_group, double tolerance)
{
  wf_trainer_config config = {.energy_weight = 1e-6, .steps_per_interval = 1};
  wf_trainer       *trainer;
  const int         starts[] = {0, 3, 6, 7};
  char              name[128], why[256] = "";
  wf_real          *phi, *gradient, *expected;
  wf_loss           loss;
  double           *losses, error = 0, scale = 0;
  size_t            n = (size_t)m->flow->n_phi;

  PetscFunctionBeginUser;
  phi      = wf_calloc(n, sizeof(wf_real));
  gradient = wf_calloc(n, sizeof(wf_real));
  expected = wf_calloc(n, sizeof(wf_real));
  PetscCall(wf_published_read_phi(m->file, phi_group, m->flow, phi, why, sizeof why));
  snprintf(name, sizeof name, "/%s/grad", group);
  PetscCall(wf_published_read_phi(m->file, name, m->flow, expected, why, sizeof why));
  WF_CHECK(!why[0], "%s", why);
  snprintf(name, sizeof name, "/%s/losses", group);
  losses = read_doubles(m, name);
  PetscCall(wf_trainer_create(PETSC_COMM_WORLD, m->flow, &config, &trainer));
  PetscCall(wf_trainer_set_windows(trainer, 4, starts, 3, false));
  PetscCall(wf_trainer_evaluate(trainer, phi, 0, &loss, gradient));
  WF_CHECK_CLOSE(loss.weight / losses[0], 1, TOLERANCE);
  WF_CHECK_CLOSE(loss.energy / losses[1], 1, ENERGY_TOLERANCE);
  for (size_t j = 0; j < n; j++) {
    error = fmax(error, fabs((double)gradient[j] - (double)expected[j]));
    scale = fmax(scale, fabs((double)expected[j]));
  }
  WF_CHECK(error <= tolerance * scale, "%s: gradient: %g of %g", group, error, scale);
  fprintf(stderr, "%s: loss %.1e gradient %.1e\n", group, loss.total / losses[2] - 1, error / scale);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: loss %.17g\n", group, loss.total));
  PetscCall(wf_trainer_destroy(&trainer));
  wf_free(phi);
  wf_free(gradient);
  wf_free(expected);
  wf_free(losses);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_training(model *m)
{
  wf_trainer_config config = {.energy_weight = 1e-6, .steps_per_interval = 1};
  wf_adamw_config   adamw  = {.learning_rate = 1e-3, .weight_decay = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  wf_trainer       *trainer;
  wf_real          *phi, *gradient, *first, *second;
  double           *losses = read_doubles(m, "/train20/losses"), *starts = read_doubles(m, "/train20/t_start"), *horizon = read_doubles(m, "/train20/horizon");
  char              why[256] = "";
  size_t            n        = (size_t)m->flow->n_phi;

  PetscFunctionBeginUser;
  phi      = wf_calloc(n, sizeof(wf_real));
  gradient = wf_calloc(n, sizeof(wf_real));
  first    = wf_calloc(n, sizeof(wf_real));
  second   = wf_calloc(n, sizeof(wf_real));
  PetscCall(wf_published_read_phi(m->file, "/phi_init", m->flow, phi, why, sizeof why));
  PetscCall(wf_trainer_create(PETSC_COMM_WORLD, m->flow, &config, &trainer));
  int n_steps = WF_REAL_IS_DOUBLE ? 6 : 3; /* rounding differences grow from step to step */
  for (int step = 0; step < n_steps; step++) {
    int     start[8];
    wf_loss loss;
    for (int i = 0; i < 8; i++) start[i] = (int)starts[8 * step + i];
    PetscCall(wf_trainer_set_windows(trainer, 8, start, (int)horizon[step], false));
    PetscCall(wf_trainer_evaluate(trainer, phi, 0, &loss, gradient));
    WF_CHECK_CLOSE(loss.total / losses[3 * step + 2], 1, WF_REAL_IS_DOUBLE ? 1e-9 : 1e-4);
    fprintf(stderr, "step %d: %.1e\n", step, loss.total / losses[3 * step + 2] - 1);
    wf_adamw_step(&adamw, step + 1, (int)n, gradient, phi, first, second);
  }
  PetscCall(wf_trainer_destroy(&trainer));
  wf_free(phi);
  wf_free(gradient);
  wf_free(first);
  wf_free(second);
  wf_free(losses);
  wf_free(starts);
  wf_free(horizon);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const char *path = test_data("weightflow_reference_epidemic.h5");
  model       m;
  char        why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsSetValue(NULL, "-wf_ts_rk_type", "38"));
  PetscCall(wf_file_open_foreign(PETSC_COMM_WORLD, path, &m.file, why, sizeof why));
  WF_CHECK(m.file, "%s", why);
  PetscCall(wf_published_read_anchors(m.file, 0, 1, &m.anchors, why, sizeof why));
  WF_CHECK(m.anchors, "%s", why);
  PetscCall(wf_published_read_flow(m.file, "/phi", m.anchors, &m.flow, why, sizeof why));
  WF_CHECK(m.flow, "%s", why);
  PetscCall(check_field(&m));
  PetscCall(check_rollouts(&m));
  PetscCall(check_batch(&m, "grad_init", "/phi_init", TOLERANCE));
  PetscCall(check_batch(&m, "grad_shipped", "/phi", ENERGY_TOLERANCE));
  PetscCall(check_training(&m));
  PetscCall(wf_flow_destroy(&m.flow));
  PetscCall(wf_anchors_destroy(&m.anchors));
  PetscCall(wf_file_close(&m.file));
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
