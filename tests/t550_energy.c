/* The state-space energy of a GRU's density, on lattices small enough to list: the continuity equation, the energy as a sum over
   edges, gradients by theta and theta_dot against differences, and the Monte-Carlo estimate against the exact value.
   RUN: np=1
   Statistical checks: a value within 5 standard errors, three checks with fixed seeds: false alarm below 2e-6 had the seeds been
   drawn anew. */
#include <weightflow/energy.h>
#include "check.h"

enum { D = 3, L = 4, N = L * L * L, P_MAX = 1000 };

typedef struct {
  wf_backbone *backbone;
  wf_energy   *energy;
  int          n_param;
  int32_t      x[N * D];
  double       theta[P_MAX], theta_dot[P_MAX];
} small_case;

static void create_case(small_case *c, int n_layers, double sigma, double share, uint64_t seed)
{
  c->backbone = wf_backbone_create(&(wf_backbone_config){
      .network = "gru", .head = "categorical", .n_species = D, .n_levels = L, .hidden = 3, .n_layers = n_layers});
  c->energy   = wf_energy_create(c->backbone, &(wf_energy_config){.sigma = sigma, .uniform_share = share});
  c->n_param  = wf_backbone_n_param(c->backbone);
  for (int p = 0; p < c->n_param; p++) {
    double u[2];
    wf_random_uniform2(seed, WF_RANDOM_TEST, 0, (uint32_t)p, u);
    c->theta[p]     = (float)(2.4 * u[0] - 1.2); /* exact in the backbone's precision */
    c->theta_dot[p] = 2.4 * u[1] - 1.2;
  }
  for (int i = 0; i < N; i++)
    for (int j = 0, rest = i; j < D; j++, rest /= L) c->x[i * D + D - 1 - j] = rest % L;
}

static void destroy_case(small_case *c)
{
  wf_energy_destroy(&c->energy);
  wf_backbone_destroy(&c->backbone);
}

/* p [N] and v [N, D] at theta + shift theta_dot. */
static void list_states(small_case *c, double shift, double *p, double *v)
{
  double theta[P_MAX];
  for (int i = 0; i < c->n_param; i++) theta[i] = c->theta[i] + shift * c->theta_dot[i];
  for (int i = 0; i < N; i++)
    p[i] =
        exp(wf_energy_velocity(c->energy, &(wf_energy_point){.theta = theta, .theta_dot = c->theta_dot}, c->x + i * D, v + i * D));
}

/* log p against the backbone's own. */
static void check_density(small_case *c)
{
  static wf_real    theta[P_MAX];
  double            log_p[N], p[N], v[N * D], worst = 0, sum = 0;
  wf_backbone_work *work = wf_backbone_work_create(c->backbone, N);
  for (int i = 0; i < c->n_param; i++) theta[i] = (wf_real)c->theta[i];
  wf_backbone_log_density(c->backbone, theta, N, c->x, work, log_p);
  wf_backbone_work_destroy(&work);
  list_states(c, 0, p, v);
  for (int i = 0; i < N; i++) {
    worst = fmax(worst, fabs(log(p[i]) - log_p[i]));
    sum += p[i];
  }
  WF_CHECK(worst < (WF_REAL_IS_DOUBLE ? 1e-12 : 1e-5), "%g", worst);
  WF_CHECK_CLOSE(sum, 1, 1e-13);
}

/* dp/dt by differences + the fluxes' divergence = 0 at each state; the energy as a sum over edges. */
static void check_continuity(small_case *c, double sigma)
{
  static const int stride[D] = {L * L, L, 1};
  const double     h         = 1e-5;
  double           p[N], before[N], after[N], v[N * D], unused[N * D], worst = 0, energy = 0, size = 0;
  list_states(c, -h, before, unused);
  list_states(c, h, after, unused);
  list_states(c, 0, p, v);
  for (int i = 0; i < N; i++) {
    double rate = (after[i] - before[i]) / (2 * h), divergence = 0;
    for (int j = 0; j < D; j++) {
      int up = i + stride[j], down = i - stride[j];
      if (c->x[i * D + j] < L - 1) {
        double m = 0.5 * (p[i] + p[up]), slope = (p[up] - p[i]) / m;
        divergence += v[i * D + j] * m;
        energy += m * (0.5 * v[i * D + j] * v[i * D + j] + sigma * sigma * sigma * sigma / 8 * slope * slope);
      }
      if (c->x[i * D + j] > 0) divergence -= v[down * D + j] * 0.5 * (p[i] + p[down]);
    }
    worst = fmax(worst, fabs(rate + divergence));
    size  = fmax(size, fabs(rate));
  }
  double found = wf_energy_weighted(c->energy, &(wf_energy_point){.theta = c->theta, .theta_dot = c->theta_dot}, N, c->x, p);
  fprintf(stderr, "continuity: %.2g of %.2g; energy %.10g, over edges %.10g\n", worst, size, found, energy);
  WF_CHECK(worst < 1e-9 && size > 1e-2, "%g of %g", worst, size);
  WF_CHECK_CLOSE(found, energy, 1e-12);
}

/* Exact energy (weights p(x)), and its gradient where asked. */
static double exact_energy(small_case *c, double *theta_bar, double *theta_dot_bar)
{
  double          p[N], v[N * D];
  wf_energy_point point = {.theta = c->theta, .theta_dot = c->theta_dot, .theta_bar = theta_bar, .theta_dot_bar = theta_dot_bar};
  list_states(c, 0, p, v);
  return wf_energy_weighted(c->energy, &point, N, c->x, p);
}

/* Every component against central differences of fourth order: step 1e-3 leaves 1e-12 of truncation times the fifth derivative. */
static void check_gradient(small_case *c)
{
  static double bar[2][P_MAX];
  const double  h     = 5e-4;
  double        worst = 0, size = 0;
  memset(bar, 0, sizeof bar);
  exact_energy(c, bar[0], bar[1]);
  for (int k = 0; k < 2; k++)
    for (int p = 0; p < c->n_param; p++) {
      double *number = (k ? c->theta_dot : c->theta) + p, old = *number, value[4];
      for (int s = 0; s < 4; s++) {
        *number  = old + h * (s < 2 ? s - 2 : s - 1);
        value[s] = exact_energy(c, NULL, NULL);
      }
      *number           = old;
      double difference = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * h);
      worst             = fmax(worst, fabs(difference - bar[k][p]) / fmax(1, fabs(difference)));
      size              = fmax(size, fabs(difference));
    }
  fprintf(stderr, "gradient of %d + %d numbers: worst difference %.2g, largest %.3g\n", c->n_param, c->n_param, worst, size);
  WF_CHECK(worst < 1e-8 && size > 0.1, "%g, %g", worst, size);
}

/* Mean over blocks, and the gradient along one direction of each kind, against the exact ones. */
static void check_monte_carlo(small_case *c)
{
  enum { BLOCKS = 1000 };
  static double exact_bar[2][P_MAX], bar[2][P_MAX];
  double        sum[3] = {0}, squares[3] = {0}, exact[3] = {0};
  memset(exact_bar, 0, sizeof exact_bar);
  exact[0] = exact_energy(c, exact_bar[0], exact_bar[1]);
  for (int k = 0; k < 2; k++)
    for (int p = 0; p < c->n_param; p++) exact[1 + k] += exact_bar[k][p] * (p % 3 - 1);
  for (int b = 0; b < BLOCKS; b++) {
    wf_energy_point point    = {.theta = c->theta, .theta_dot = c->theta_dot, .theta_bar = bar[0], .theta_dot_bar = bar[1]};
    double          value[3] = {0};
    memset(bar, 0, sizeof bar);
    value[0] = wf_energy_block(c->energy, &point, 3, 0, b, NULL) / WF_ENERGY_BLOCK;
    for (int k = 0; k < 2; k++)
      for (int p = 0; p < c->n_param; p++) value[1 + k] += bar[k][p] * (p % 3 - 1) / WF_ENERGY_BLOCK;
    for (int k = 0; k < 3; k++) {
      sum[k] += value[k] / BLOCKS;
      squares[k] += value[k] * value[k] / BLOCKS;
    }
  }
  for (int k = 0; k < 3; k++) {
    double error = sqrt((squares[k] - sum[k] * sum[k]) / (BLOCKS - 1));
    fprintf(stderr, "Monte Carlo %d: %.6g, exact %.6g, standard error %.2g\n", k, sum[k], exact[k], error);
    WF_CHECK(fabs(sum[k] - exact[k]) < 5 * error && error < 0.05 * fabs(exact[k]), "%g against %g +- %g", sum[k], exact[k], error);
  }
}

/* Blocks in any order give the same bits, with and without the gradient; equal items the same samples. */
static void check_repeatable(small_case *c)
{
  static double   bar[2][P_MAX];
  wf_energy_point plain = {.theta = c->theta, .theta_dot = c->theta_dot}, full = plain;
  double          square[2];
  full.theta_bar     = bar[0];
  full.theta_dot_bar = bar[1];
  double second = wf_energy_block(c->energy, &full, 3, 64, 1, square), first = wf_energy_block(c->energy, &plain, 3, 64, 0, NULL);
  WF_CHECK(wf_energy_block(c->energy, &plain, 3, 64 + WF_ENERGY_BLOCK, 0, square + 1) == second && first != second);
  WF_CHECK(square[0] == square[1] && square[0] >= second * second / WF_ENERGY_BLOCK);
}

int main(void)
{
  static const struct {
    int    n_layers;
    double sigma, share;
  } cases[] = {{1, 0, 0}, {1, 1.1, 0}, {2, 0.8, 0.05}};
  for (int i = 0; i < 3; i++) {
    small_case c;
    create_case(&c, cases[i].n_layers, cases[i].sigma, cases[i].share, 40 + (uint64_t)i);
    if (cases[i].share == 0) check_density(&c);
    check_continuity(&c, cases[i].sigma);
    check_gradient(&c);
    if (i == 1) {
      check_monte_carlo(&c);
      check_repeatable(&c);
    }
    destroy_case(&c);
  }
  return WF_TEST_END();
}
