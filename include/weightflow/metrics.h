/* Scores of a density against data (Li et al. 2026, section "Metrics"), and noise floors. Pure; double precision; not collective.
 */
#ifndef WEIGHTFLOW_METRICS_H
#define WEIGHTFLOW_METRICS_H
#include <stdbool.h>
#include <stdint.h>

/* Per-species histograms [n_species, n_levels] of counts [n, n_species], normalised to 1; counts above n_levels - 1 are put in the
 * last level. */
void wf_metric_marginals(int n, int n_species, int n_levels, const int32_t *counts, double *marginals);

/* Published W of order 1 or 2: exact optimal transport between the n_species rows of p and q [n_species, n_levels], weights
   1/n_species, Euclidean distance in R^n_levels (squared, and a root at the end, for order 2). */
double wf_metric_marginal_w(int order, int n_species, int n_levels, const double *p, const double *q);

/* Published JSD: mean over species of 1/2 KL(p|m) + 1/2 KL(q|m), natural logarithm, 1e-10 smoothing. */
double wf_metric_jsd(int n_species, int n_levels, const double *p, const double *q);

/* Mean over species of the 1-D Wasserstein distance in counts, sum_c |F_p(c) - F_q(c)|. */
double wf_metric_count_w(int n_species, int n_levels, const double *p, const double *q);

/* Exact optimal transport between n points x and n points y [n, dim] with equal weights, cost |x-y| (order 1) or |x-y|^2 with a
   root (order 2). assignment [n] out (x_i goes to y_assignment[i]), may be NULL. Negative if memory is short or a coordinate is not
   finite. Memory n^2 doubles, time about 0.2 s for n = 1000. */
double wf_metric_joint_w(int order, int n, int dim, const double *x, const double *y, int *assignment);

/* Exact assignment, minimal sum of cost[i, column[i]] over permutations; cost [n, n] finite. column [n] out. Returns the minimum;
   NAN if memory is short or a cost is not finite (column is then left alone). Jonker and Volgenant 1987, Computing 38, 325. */
double wf_assignment_solve(int n, const double *cost, int *column);

/* Unbiased MMD^2 summed over the kernels exp(-|x-y|^2 / (2 sigma^2)), sigma = 0.1, 1, 10; x [n, dim], y [m, dim], n, m >= 2.
   Gretton et al. 2012, JMLR 13, 723, eq. 3. */
double wf_metric_mmd2(int n, int m, int dim, const double *x, const double *y);

/* First four moments of each species from its marginal: moments [n_species, 4] = mean, variance, skewness, excess kurtosis (both 0
   where the variance is 0). */
void wf_metric_moments(int n_species, int n_levels, const double *marginals, double *moments);

/* Mean over species of |difference| of the mean, standard deviation, skewness and excess kurtosis of p and q: errors [4] out. */
void wf_metric_moment_errors(int n_species, int n_levels, const double *p, const double *q, double *errors);
#endif
