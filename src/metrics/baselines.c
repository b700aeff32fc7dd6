/* Predictions without a hypernetwork, see baselines.h. */
#include <math.h>
#include <weightflow/base.h>
#include <weightflow/baselines.h>
#include <weightflow/metrics.h>
#include <weightflow/random.h>

void wf_baseline_locate(int n_obs, const double *times, double t, int *interval, double *share)
{
  int i = 0;
  while (i + 2 < n_obs && t > times[i + 1]) i++;
  *interval = i;
  *share    = n_obs > 1 ? (t - times[i]) / (times[i + 1] - times[i]) : 0;
}

void wf_baseline_weights_linear(int n_obs, int n_param, const double *times, const wf_real *theta, double t, wf_real *theta_t)
{
  int    interval;
  double share;
  wf_baseline_locate(n_obs, times, t, &interval, &share);
  const wf_real *left = theta + (size_t)interval * (size_t)n_param, *right = n_obs > 1 ? left + n_param : left;
  for (int k = 0; k < n_param; k++) theta_t[k] = (wf_real)((1 - share) * (double)left[k] + share * (double)right[k]);
}

wf_spline *wf_baseline_weights_spline_create(int n_obs, int n_param, const double *times, const wf_real *theta)
{
  size_t     size   = (size_t)n_obs * (size_t)n_param;
  double    *values = wf_calloc(size, sizeof(double));
  wf_spline *spline = NULL;
  if (values) {
    for (size_t k = 0; k < size; k++) values[k] = (double)theta[k];
    spline = wf_spline_create(n_obs, n_param, times, values);
  }
  wf_free(values);
  return spline;
}

void wf_baseline_weights_spline(const wf_spline *spline, double t, double *scratch, wf_real *theta_t)
{
  wf_spline_value(spline, t, scratch);
  for (int k = 0; k < wf_spline_dim(spline); k++) theta_t[k] = (wf_real)scratch[k];
}

static double hold_to_unit_interval(double share) { return share < 0 ? 0 : share > 1 ? 1 : share; }

void wf_baseline_mixture(int size, double share, const double *left, const double *right, double *mixture)
{
  share = hold_to_unit_interval(share);
  for (int k = 0; k < size; k++) mixture[k] = (1 - share) * left[k] + share * right[k];
}

void wf_baseline_mixture_sample(int n, int n_rows, int n_species, double share, const int32_t *left, const int32_t *right,
                                uint64_t seed, uint64_t item0, int32_t *z)
{
  for (int i = 0; i < n; i++) {
    double u[2];
    wf_random_uniform2(seed, WF_RANDOM_BASELINE, item0 + (uint64_t)i, 0, u);
    const int32_t *row = (u[0] < share ? right : left) + (size_t)(u[1] * n_rows) * (size_t)n_species;
    for (int s = 0; s < n_species; s++) z[(size_t)i * (size_t)n_species + (size_t)s] = row[s];
  }
}

double wf_baseline_couple(int n, int n_species, const int32_t *left, const int32_t *right, int *partner)
{
  double *cost = wf_calloc((size_t)n * (size_t)n, sizeof(double));
  if (!cost) return -1;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const int32_t *x = left + (size_t)i * (size_t)n_species, *y = right + (size_t)j * (size_t)n_species;
      double         sum = 0;
      for (int s = 0; s < n_species; s++) sum += ((double)x[s] - y[s]) * ((double)x[s] - y[s]);
      cost[(size_t)i * (size_t)n + (size_t)j] = sum;
    }
  double total = wf_assignment_solve(n, cost, partner);
  wf_free(cost);
  return isnan(total) ? -1 : total / n;
}

void wf_baseline_displacement(int n, int n_species, double share, const int32_t *left, const int32_t *right, const int *partner,
                              uint64_t seed, uint64_t item0, int32_t *z)
{
  share = hold_to_unit_interval(share);
  for (int i = 0; i < n; i++) {
    const int32_t *x = left + (size_t)i * (size_t)n_species, *y = right + (size_t)partner[i] * (size_t)n_species;
    double         u[2];
    for (int s = 0; s < n_species; s++) {
      if (s % 2 == 0) wf_random_uniform2(seed, WF_RANDOM_BASELINE, item0 + (uint64_t)i, 1 + (uint32_t)(s / 2), u);
      double value                                 = x[s] + share * ((double)y[s] - x[s]);
      z[(size_t)i * (size_t)n_species + (size_t)s] = (int32_t)floor(value + u[s % 2]);
    }
  }
}

/* One binomial number by inversion of a uniform one; n <= BINOMIAL_CHUNK, so that (1 - p)^n does not underflow for p <= 1/2. */
enum { BINOMIAL_CHUNK = 512 };
static int invert_binomial(int n, double p, double u)
{
  double odds = p / (1 - p), mass = pow(1 - p, n);
  int    k = 0;
  for (; k < n && u > mass; k++) {
    u -= mass;
    mass *= odds * (n - k) / (k + 1);
  }
  return k;
}

/* Binomial(n, p) from the uniform numbers of (item, draw), (item, draw + 1), ... */
static int draw_binomial(int n, double p, uint64_t seed, uint64_t item, uint32_t *draw)
{
  int taken = 0;
  for (int left = n; left > 0; left -= BINOMIAL_CHUNK) {
    int    chunk = left < BINOMIAL_CHUNK ? left : BINOMIAL_CHUNK;
    double u     = wf_random_uniform(seed, WF_RANDOM_BASELINE, item, (*draw)++);
    taken += p <= 0.5 ? invert_binomial(chunk, p, u) : chunk - invert_binomial(chunk, 1 - p, u);
  }
  return taken;
}

void wf_baseline_bridge(int n, int n_species, double share, const int32_t *left, const int32_t *right, const int *partner,
                        uint64_t seed, uint64_t item0, int32_t *z)
{
  share = hold_to_unit_interval(share);
  for (int i = 0; i < n; i++) {
    const int32_t *x = left + (size_t)i * (size_t)n_species, *y = right + (size_t)partner[i] * (size_t)n_species;
    uint32_t       draw = 1u << 31;
    for (int s = 0; s < n_species; s++) {
      int distance = y[s] > x[s] ? y[s] - x[s] : x[s] - y[s];
      int taken    = draw_binomial(distance, share, seed, item0 + (uint64_t)i, &draw);

      z[(size_t)i * (size_t)n_species + (size_t)s] = x[s] + (y[s] > x[s] ? taken : -taken);
    }
  }
}
