/* Baselines: their definitions, and their published scores on the published epidemic ensemble. */
#include <weightflow/baselines.h>
#include <weightflow/metrics.h>
#include "reference.h"

enum { N_TRAJ = 1000, N_SPECIES = 3, L = 52, SIZE = N_SPECIES * L, STEP = 10, ROW = N_TRAJ * N_SPECIES };

static void check_locate(void)
{
  const double t[4] = {0, 1, 3, 4}, at[6] = {-1, 0, 0.5, 1, 3.5, 6}, share[6] = {-1, 0, 0.5, 1, 0.5, 3};
  const int    interval[6] = {0, 0, 0, 0, 2, 2};
  for (int k = 0; k < 6; k++) {
    int    i;
    double s;
    wf_baseline_locate(4, t, at[k], &i, &s);
    WF_CHECK(i == interval[k] && s == share[k], "t %g: %d %g", at[k], i, s);
  }
}

/* The authors' own interpolated weights, token layout [100, time, 9]. */
static void check_weights(hid_t file)
{
  enum { N_OBS = 11, N_PARAM = 900 };
  int     size;
  double *anchors = reference_read(file, "/anchors", &size), times[N_OBS], scratch[N_PARAM], worst[2] = {0};
  double *linear  = reference_read(file, "/baselines/linear_interp_tokens", &size),
         *natural = reference_read(file, "/baselines/natural_spline_tokens", &size);
  wf_real *theta  = wf_calloc(N_OBS * N_PARAM, sizeof(wf_real)), now[N_PARAM];
  for (int k = 0; k < N_OBS * N_PARAM; k++) theta[k] = (wf_real)anchors[k];
  for (int k = 0; k < N_OBS; k++) times[k] = STEP * k;
  wf_spline *spline = wf_baseline_weights_spline_create(N_OBS, N_PARAM, times, theta);
  for (int t = 1; t <= 100; t++) {
    wf_baseline_weights_linear(N_OBS, N_PARAM, times, theta, t, now);
    for (int k = 0; k < N_PARAM; k++) worst[0] = fmax(worst[0], fabs((double)now[k] - linear[(t - 1) * N_PARAM + k]));
    wf_baseline_weights_spline(spline, t, scratch, now);
    for (int k = 0; k < N_PARAM; k++) worst[1] = fmax(worst[1], fabs((double)now[k] - natural[(t - 1) * N_PARAM + k]));
  }
  WF_CHECK(worst[0] < 4e-6 && worst[1] < 4e-6, "largest differences %g %g", worst[0],
           worst[1]); /* the file holds single precision */
  wf_spline_destroy(&spline);
  wf_free(anchors), wf_free(linear), wf_free(natural), wf_free(theta);
}

typedef struct {
  double w1, jsd, first, rest;
} score;

static void add_score(score *s, int k, double weight, const double *p, const double *data)
{
  double w = wf_metric_marginal_w(1, N_SPECIES, L, p, data);
  s->w1 += weight * w / 100;
  s->jsd += weight * wf_metric_jsd(N_SPECIES, L, p, data) / 100;
  if (k < STEP)
    s->first += weight * w / 9;
  else
    s->rest += weight * w / 91;
}

/* Both interpolations in state space, k = 0, 10, .., 100 observed, scored at k = 1..100; three roundings of the displaced samples.
 */
static void check_published_scores(hid_t file)
{
  enum { N_ROUNDINGS = 3 };
  int32_t *counts = reference_counts(file), *z = wf_calloc(ROW, sizeof(int32_t));
  int     *partner = wf_calloc(N_TRAJ, sizeof(int));
  score    mixture = {0}, displaced = {0};
  for (int left = 0; left < 100; left += STEP) {
    const int32_t *x = counts + left * ROW, *y = x + STEP * ROW;
    double         p[SIZE], q[SIZE], data[SIZE], now[SIZE];
    wf_metric_marginals(N_TRAJ, N_SPECIES, L, x, p);
    wf_metric_marginals(N_TRAJ, N_SPECIES, L, y, q);
    WF_CHECK(wf_baseline_couple(N_TRAJ, N_SPECIES, x, y, partner) > 0);
    for (int j = 1; j <= STEP; j++) {
      int k = left + j;
      wf_metric_marginals(N_TRAJ, N_SPECIES, L, counts + k * ROW, data);
      wf_baseline_mixture(SIZE, j / (double)STEP, p, q, now);
      add_score(&mixture, k, 1, now, data);
      for (int r = 0; r < N_ROUNDINGS; r++) {
        wf_baseline_displacement(N_TRAJ, N_SPECIES, j / (double)STEP, x, y, partner, 1, (uint64_t)(r * 101 + k) << 32, z);
        wf_metric_marginals(N_TRAJ, N_SPECIES, L, z, now);
        add_score(&displaced, k, 1.0 / N_ROUNDINGS, now, data);
      }
    }
  }
  printf("mixture      W1 %.4f JSD %.4f k=1..9 %.3f k>=10 %.3f\n", mixture.w1, mixture.jsd, mixture.first, mixture.rest);
  printf("displacement W1 %.4f JSD %.4f k=1..9 %.3f k>=10 %.3f\n", displaced.w1, displaced.jsd, displaced.first, displaced.rest);
  WF_CHECK(fabs(mixture.w1 - 0.0557) < 6e-5 && fabs(mixture.jsd - 0.0151) < 6e-5, "%g %g", mixture.w1, mixture.jsd);
  WF_CHECK(fabs(mixture.first - 0.337) < 6e-4 && fabs(mixture.rest - 0.028) < 6e-4, "%g %g", mixture.first, mixture.rest);
  WF_CHECK(fabs(displaced.w1 - 0.036) < 0.0015, "%g",
           displaced.w1); /* which of many optimal couplings was taken is not published */
  WF_CHECK(fabs(displaced.first - 0.123) < 0.006 && fabs(displaced.rest - 0.027) < 0.001, "%g %g", displaced.first, displaced.rest);
  wf_free(counts), wf_free(z), wf_free(partner);
}

/* Rounding keeps the mean, sampling from the mixture its marginals. False alarm: five standard errors. */
static void check_random_parts(void)
{
  enum { N = 40000 };
  int32_t *x = wf_calloc(N * 2, sizeof(int32_t)), *y = wf_calloc(N * 2, sizeof(int32_t)), *z = wf_calloc(N * 2, sizeof(int32_t));
  int     *partner = wf_calloc(N, sizeof(int));
  double   mean[2] = {0}, right = 0;
  for (int i = 0; i < N; i++) {
    partner[i] = N - 1 - i;
    x[2 * i] = 3, x[2 * i + 1] = 10;
    y[2 * i] = 10, y[2 * i + 1] = 1;
  }
  wf_baseline_displacement(N, 2, 0.3, x, y, partner, 4, 0, z);
  for (int i = 0; i < N; i++) {
    WF_CHECK((z[2 * i] == 5 || z[2 * i] == 6) && (z[2 * i + 1] == 7 || z[2 * i + 1] == 8));
    mean[0] += z[2 * i] / (double)N, mean[1] += z[2 * i + 1] / (double)N;
  }
  WF_CHECK(fabs(mean[0] - 5.1) < 5 * 0.3 / 200 && fabs(mean[1] - 7.3) < 5 * 0.46 / 200, "%g %g", mean[0], mean[1]);
  for (int end = 0; end < 2; end++) {
    wf_baseline_displacement(N, 2, end, x, y, partner, 4, 0, z);
    WF_CHECK(!memcmp(z, end ? y : x, N * 2 * sizeof(int32_t)));
  }
  wf_baseline_mixture_sample(N, N, 2, 0.3, x, y, 4, 0, z);
  for (int i = 0; i < N; i++) right += (z[2 * i] == 10 && z[2 * i + 1] == 1) / (double)N;
  WF_CHECK(fabs(right - 0.3) < 5 * 0.46 / 200, "%g", right);
  wf_free(x), wf_free(y), wf_free(z), wf_free(partner);
}

int main(void)
{
  check_locate();
  check_random_parts();
  hid_t file = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  check_weights(file);
  check_published_scores(file);
  H5Fclose(file);
  return WF_TEST_END();
}
