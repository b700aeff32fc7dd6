/* Distances between clouds of points: exact optimal transport and the maximum mean discrepancy. */
#include <math.h>
#include <weightflow/base.h>
#include <weightflow/metrics.h>

static double square_distance(int dim, const double *x, const double *y)
{
  double sum = 0;
  for (int k = 0; k < dim; k++) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

double wf_metric_joint_w(int order, int n, int dim, const double *x, const double *y, int *assignment)
{
  double *cost   = wf_calloc((size_t)n * (size_t)n, sizeof(double));
  int    *column = wf_calloc((size_t)n, sizeof(int));
  double  w      = -1;
  if (cost && column) {
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        double d2                               = square_distance(dim, x + (size_t)i * (size_t)dim, y + (size_t)j * (size_t)dim);
        cost[(size_t)i * (size_t)n + (size_t)j] = order == 2 ? d2 : sqrt(d2);
      }
    w = wf_assignment_solve(n, cost, column) / n;
    if (order == 2) w = sqrt(w);
    if (isnan(w))
      w = -1;
    else if (assignment)
      for (int i = 0; i < n; i++) assignment[i] = column[i];
  }
  wf_free(cost);
  wf_free(column);
  return w;
}

static double sum_kernels(double d2) { return exp(-d2 / (2 * 0.01)) + exp(-d2 / 2) + exp(-d2 / (2 * 100.0)); }

static double mean_within(int n, int dim, const double *x)
{
  double sum = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) sum += sum_kernels(square_distance(dim, x + (size_t)i * (size_t)dim, x + (size_t)j * (size_t)dim));
  return sum * 2 / ((double)n * (n - 1));
}

double wf_metric_mmd2(int n, int m, int dim, const double *x, const double *y)
{
  double between = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < m; j++)
      between += sum_kernels(square_distance(dim, x + (size_t)i * (size_t)dim, y + (size_t)j * (size_t)dim));
  return mean_within(n, dim, x) + mean_within(m, dim, y) - 2 * between / ((double)n * m);
}
