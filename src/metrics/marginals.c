/* Scores made from per-species marginal histograms [n_species, n_levels]. Li et al. 2026, section "Metrics". */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/metrics.h>

void wf_metric_marginals(int n, int n_species, int n_levels, const int32_t *counts, double *marginals)
{
  memset(marginals, 0, (size_t)n_species * (size_t)n_levels * sizeof(*marginals));
  for (int i = 0; i < n; i++)
    for (int s = 0; s < n_species; s++) {
      int32_t c = counts[(size_t)i * (size_t)n_species + (size_t)s];
      c         = c < 0 ? 0 : c < n_levels ? c : n_levels - 1;
      marginals[(size_t)s * (size_t)n_levels + (size_t)c] += 1;
    }
  for (size_t k = 0; k < (size_t)n_species * (size_t)n_levels; k++)
    marginals[k] /= n; /* whole numbers until here: no rounding piles up */
}

double wf_metric_marginal_w(int order, int n_species, int n_levels, const double *p, const double *q)
{
  double *cost   = wf_calloc((size_t)n_species * (size_t)n_species, sizeof(double));
  int    *column = wf_calloc((size_t)n_species, sizeof(int));
  double  w      = NAN;
  if (cost && column) {
    for (int i = 0; i < n_species; i++)
      for (int j = 0; j < n_species; j++) {
        const double *a = p + (size_t)i * (size_t)n_levels, *b = q + (size_t)j * (size_t)n_levels;
        double        sum = 0;
        for (int c = 0; c < n_levels; c++) sum += (a[c] - b[c]) * (a[c] - b[c]);
        cost[(size_t)i * (size_t)n_species + (size_t)j] = order == 2 ? sum : sqrt(sum);
      }
    w = wf_assignment_solve(n_species, cost, column) / n_species;
    if (order == 2) w = sqrt(w);
  }
  wf_free(cost);
  wf_free(column);
  return w;
}

double wf_metric_jsd(int n_species, int n_levels, const double *p, const double *q)
{
  const double smoothing = 1e-10;
  double       jsd       = 0;
  for (int s = 0; s < n_species; s++) {
    const double *a = p + (size_t)s * (size_t)n_levels, *b = q + (size_t)s * (size_t)n_levels;
    double        sum_a = 0, sum_b = 0;
    for (int c = 0; c < n_levels; c++) {
      sum_a += a[c] + smoothing;
      sum_b += b[c] + smoothing;
    }
    for (int c = 0; c < n_levels; c++) {
      double x = (a[c] + smoothing) / sum_a, y = (b[c] + smoothing) / sum_b, middle = (x + y) / 2;
      jsd += (x * log(x / middle) + y * log(y / middle)) / 2;
    }
  }
  return jsd / n_species;
}

double wf_metric_count_w(int n_species, int n_levels, const double *p, const double *q)
{
  double w = 0;
  for (int s = 0; s < n_species; s++) {
    double gap = 0; /* F_p - F_q */
    for (int c = 0; c < n_levels; c++) {
      gap += p[(size_t)s * (size_t)n_levels + (size_t)c] - q[(size_t)s * (size_t)n_levels + (size_t)c];
      w += fabs(gap);
    }
  }
  return w / n_species;
}

void wf_metric_moments(int n_species, int n_levels, const double *marginals, double *moments)
{
  for (int s = 0; s < n_species; s++) {
    const double *p    = marginals + (size_t)s * (size_t)n_levels;
    double       *m    = moments + 4 * s;
    double        mean = 0, second = 0, third = 0, fourth = 0;
    for (int c = 0; c < n_levels; c++) mean += p[c] * c;
    for (int c = 0; c < n_levels; c++) {
      double x = c - mean;
      second += p[c] * x * x;
      third += p[c] * x * x * x;
      fourth += p[c] * x * x * x * x;
    }
    bool spread = second > 1e-12; /* below it is rounding of a single count */
    m[0]        = mean;
    m[1]        = second;
    m[2]        = spread ? third / (second * sqrt(second)) : 0;
    m[3]        = spread ? fourth / (second * second) - 3 : 0;
  }
}

void wf_metric_moment_errors(int n_species, int n_levels, const double *p, const double *q, double *errors)
{
  memset(errors, 0, 4 * sizeof(*errors));
  for (int s = 0; s < n_species; s++) {
    double a[4], b[4];
    wf_metric_moments(1, n_levels, p + (size_t)s * (size_t)n_levels, a);
    wf_metric_moments(1, n_levels, q + (size_t)s * (size_t)n_levels, b);
    a[1] = sqrt(a[1]);
    b[1] = sqrt(b[1]);
    for (int k = 0; k < 4; k++) errors[k] += fabs(a[k] - b[k]) / n_species;
  }
}
