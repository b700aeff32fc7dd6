/* The epidemic system with rates frozen between events against the ensemble that Li et al. (2026) published: 1000 trajectories,
   101 times. */
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"

enum { N = 10000, N_PUBLISHED = 1000, TIMES = 101, D = 3 };

/* Mean, variance and the squared standard errors of both (the variance's from the fourth moment), of one species at one time. */
typedef struct {
  double mean, variance, mean_error2, variance_error2;
} moments;

static moments find_moments(int n, const double *x, size_t stride)
{
  double mean = 0, second = 0, fourth = 0;
  for (int i = 0; i < n; i++) mean += x[(size_t)i * stride] / n;
  for (int i = 0; i < n; i++) {
    double d2 = pow(x[(size_t)i * stride] - mean, 2);
    second += d2 / n;
    fourth += d2 * d2 / n;
  }
  return (moments){mean, second * n / (n - 1), second / n, (fourth - second * second) / n};
}

/* Largest |difference| / standard error over the species and the times first .. 100: of the means, and of the variances. */
static void compare(const double *x, int n, const double *y, int n_y, int first, double worst[2])
{
  worst[0] = worst[1] = 0;
  for (int k = first; k < TIMES; k++)
    for (int s = 0; s < D; s++) {
      moments a = find_moments(n, x + k * D + s, TIMES * D), b = find_moments(n_y, y + k * D + s, TIMES * D);
      worst[0] = fmax(worst[0], fabs(a.mean - b.mean) / sqrt(a.mean_error2 + b.mean_error2));
      worst[1] = fmax(worst[1], fabs(a.variance - b.variance) / sqrt(a.variance_error2 + b.variance_error2));
    }
}

/* counts [n, n_time, D] of the epidemic system. */
static void simulate(wf_ssa_rate rate, uint64_t seed, uint64_t first, int n, int n_time, const double *times, int32_t *counts)
{
  char                why[256]  = "";
  wf_network         *network   = wf_network_create_builtin("epidemic");
  const wf_ssa_config config    = {.rate = rate, .seed = seed, .n_time = n_time, .times = times};
  const wf_ssa_batch  batch     = {.first = first, .n_traj = n, .counts = counts};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  wf_ssa_failure      failure;
  WF_CHECK(simulator && wf_simulator_run(simulator, &batch, &failure), "%s", why);
  wf_simulator_destroy(&simulator);
  wf_network_destroy(&network);
}

static double *simulate_ensemble(wf_ssa_rate rate, uint64_t seed)
{
  const size_t n      = (size_t)N * TIMES * D;
  int32_t     *counts = wf_calloc(n, sizeof *counts);
  double      *x      = wf_calloc(n, sizeof *x), times[TIMES];
  for (int k = 0; k < TIMES; k++) times[k] = 0.5 * k;
  simulate(rate, seed, 0, N, TIMES, times, counts);
  for (size_t j = 0; j < n; j++) x[j] = counts[j];
  wf_free(counts);
  return x;
}

/* Early in the first season the rate rises, so a frozen one lags: fewer are infected by t = 2. */
static void check_exact_differs(void)
{
  enum { MANY = 60000 };
  const double times[1] = {2};
  double       sum[2] = {0}, square[2] = {0};
  int32_t     *x = wf_calloc((size_t)MANY * D, sizeof *x);
  for (int frozen = 0; frozen < 2; frozen++) {
    simulate(frozen ? WF_SSA_RATE_FROZEN : WF_SSA_RATE_EXACT, 3, (uint64_t)(frozen * MANY), MANY, 1, times, x);
    for (int i = 0; i < MANY; i++) {
      sum[frozen] += x[i * D];
      square[frozen] += (double)x[i * D] * x[i * D];
    }
  }
  wf_free(x);
  double mean[2] = {sum[0] / MANY, sum[1] / MANY};
  double z       = (mean[1] - mean[0]) / sqrt((square[0] / MANY - mean[0] * mean[0] + square[1] / MANY - mean[1] * mean[1]) / MANY);
  fprintf(stderr, "susceptible at t = 2: exact %.4f, frozen %.4f, %.1f standard errors apart\n", mean[0], mean[1], z);
  WF_CHECK(z > 6, "%g standard errors", z);
}

/* The published moments at five times. Their errors are those of 1000 trajectories of our moments. */
static void check_table(const double *x)
{
  static const int    at[5]      = {10, 30, 50, 70, 100};
  static const double mean[5][D] = {
      {41.240, 14.011, 1.187}, {25.201, 18.045, 4.229}, {15.972, 15.366, 7.111}, {11.327, 10.845, 9.073}, {8.728, 5.704, 10.167}};
  static const double variance[5][D] = {
      {13.085, 13.410, 1.177}, {42.978, 31.326, 4.167}, {41.645, 21.842, 6.709}, {32.899, 16.381, 8.935}, {22.905, 8.555, 9.136}};
  for (int r = 0; r < 5; r++)
    for (int s = 0; s < D; s++) {
      moments m = find_moments(N, x + at[r] * D + s, TIMES * D);
      double  z = (m.mean - mean[r][s]) / sqrt(m.mean_error2 * (1 + N / (double)N_PUBLISHED));
      double  y = (m.variance - variance[r][s]) / sqrt(m.variance_error2 * (1 + N / (double)N_PUBLISHED));
      WF_CHECK(fabs(z) < 4, "k = %d, species %d: mean %g against %g, %g standard errors", at[r], s, m.mean, mean[r][s], z);
      WF_CHECK(fabs(y) < 4, "k = %d, species %d: variance %g against %g, %g standard errors", at[r], s, m.variance, variance[r][s],
               y);
    }
}

/* A version 1 .npy file of little-endian doubles [N_PUBLISHED, TIMES, D]. */
static double *read_published(const char *path)
{
  char    head[10], text[512] = "";
  size_t  n    = (size_t)N_PUBLISHED * TIMES * D;
  double *x    = wf_calloc(n, sizeof *x);
  FILE   *file = fopen(path, "rb");
  size_t  length;
  WF_CHECK(file && fread(head, 1, 10, file) == 10 && !memcmp(head + 1, "NUMPY", 5));
  length = (unsigned char)head[8] + 256 * (size_t)(unsigned char)head[9];
  WF_CHECK(length < sizeof text && fread(text, 1, length, file) == length && strstr(text, "<f8") && strstr(text, "(1000, 101, 3)"));
  WF_CHECK(fread(x, sizeof *x, n, file) == n);
  fclose(file);
  return x;
}

int main(void)
{
  double *frozen = simulate_ensemble(WF_SSA_RATE_FROZEN, 1), *exact = simulate_ensemble(WF_SSA_RATE_EXACT, 2), worst[2], other[2];

  check_table(frozen);
  check_exact_differs();
  if (checks_failed) return WF_TEST_END();

  double *published = read_published(test_data("epidemic_trajectories.npy"));
  compare(frozen, N, published, N_PUBLISHED, 10, worst);
  compare(exact, N, published, N_PUBLISHED, 10, other);
  fprintf(stderr, "against the published ensemble, k = 10..100: frozen %.2f and %.2f, exact %.2f and %.2f\n", worst[0], worst[1],
          other[0], other[1]);
  WF_CHECK(worst[0] < 4 && worst[1] < 4, "worst mean %g, variance %g standard errors", worst[0], worst[1]);
  WF_CHECK(other[0] > worst[0]);
  wf_free(frozen);
  wf_free(exact);
  wf_free(published);
  return WF_TEST_END();
}
