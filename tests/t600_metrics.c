/* Scores against brute force, closed forms and the published scores of the shipped epidemic model. */
#include <time.h>
#include <weightflow/metrics.h>
#include <weightflow/random.h>
#include "reference.h"

static double draw(uint64_t item, uint32_t number) { return wf_random_uniform(11, WF_RANDOM_TEST, item, number); }

/* Least cost over all permutations of the rows i.. given the columns still free. */
static double search_all(int n, const double *cost, int i, unsigned used)
{
  double best = i == n ? 0 : INFINITY;
  for (int j = 0; i < n && j < n; j++)
    if (!(used >> j & 1)) best = fmin(best, cost[i * n + j] + search_all(n, cost, i + 1, used | 1u << j));
  return best;
}

static bool is_permutation(int n, const int *column)
{
  int *seen = wf_calloc((size_t)n, sizeof(int)), good = 1;
  for (int i = 0; i < n; i++) good = good && column[i] >= 0 && column[i] < n && !seen[column[i]]++;
  wf_free(seen);
  return good;
}

static void check_assignment_against_all(void)
{
  for (int trial = 0; trial < 1500; trial++) {
    int    n = 1 + trial % 7, column[7], kind = trial / 7 % 4;
    double cost[49];
    for (int k = 0; k < n * n; k++) {
      double u = draw((uint64_t)trial, (uint32_t)k);
      cost[k]  = kind == 0 ? u : kind == 1 ? floor(3 * u) : kind == 2 ? floor(2 * u) * 0.1 + 0.7 : 1e6 * u - 5e5;
    }
    double total = wf_assignment_solve(n, cost, column), best = search_all(n, cost, 0, 0);
    WF_CHECK(is_permutation(n, column));
    WF_CHECK(fabs(total - best) <= 1e-12 * fmax(1, fabs(best)) + 1e-9 * (kind == 3), "trial %d: %.17g %.17g", trial, total, best);
  }
  double bad[4] = {1, 2, NAN, 4};
  int    column[2];
  WF_CHECK(isnan(wf_assignment_solve(2, bad, column)));
}

static int compare_numbers(const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* On a line the sorted points are an optimal pairing for both costs, with continuous points and with many equal ones. */
static void check_sorted_line(void)
{
  enum { N = 500 };
  static double x[N], y[N];
  for (int ties = 0; ties < 2; ties++) {
    double order1 = 0, order2 = 0;
    for (int i = 0; i < N; i++) {
      x[i] = 10 * draw((uint64_t)i, 100);
      y[i] = 3 + 10 * pow(draw((uint64_t)i, 101), 2);
      if (ties) x[i] = floor(x[i]), y[i] = floor(y[i]);
    }
    double w1 = wf_metric_joint_w(1, N, 1, x, y, NULL), w2 = wf_metric_joint_w(2, N, 1, x, y, NULL);
    qsort(x, N, sizeof *x, compare_numbers);
    qsort(y, N, sizeof *y, compare_numbers);
    for (int i = 0; i < N; i++) order1 += fabs(x[i] - y[i]) / N, order2 += (x[i] - y[i]) * (x[i] - y[i]) / N;
    WF_CHECK_CLOSE(w1, order1, 1e-12);
    WF_CHECK_CLOSE(w2, sqrt(order2), 1e-12);
  }
}

/* Two clouds that differ by a shift: the shift is the optimal map for the squared cost (it is the gradient of a convex function).
 */
static void check_shift_and_time(void)
{
  enum { N = 1000, DIM = 3 };
  static double   x[N * DIM], y[N * DIM];
  static int      to[N];
  struct timespec start, end;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < DIM; k++) {
      x[i * DIM + k]           = draw((uint64_t)i, (uint32_t)(200 + k)) * 4;
      y[(N - 1 - i) * DIM + k] = x[i * DIM + k] + (k == 1 ? 2 : 0.5);
    }
  clock_gettime(CLOCK_MONOTONIC, &start);
  double w = wf_metric_joint_w(2, N, DIM, x, y, to);
  clock_gettime(CLOCK_MONOTONIC, &end);
  fprintf(stderr, "assignment of 1000 shifted points: %.3f s\n",
          (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
  WF_CHECK_CLOSE(w, sqrt(4.5), 1e-12);
  int right = 0;
  for (int i = 0; i < N; i++) right += to[i] == N - 1 - i;
  WF_CHECK(right == N, "%d of %d", right, N);
}

static void check_histogram_scores(void)
{
  enum { L = 8 };
  double p[2 * L] = {0}, q[2 * L] = {0}, errors[4];
  for (int c = 0; c < 4; c++) p[c] = q[c + 3] = 0.25, p[L + c] = q[L + c] = (c + 1) / 10.0;
  WF_CHECK_CLOSE(wf_metric_count_w(2, L, p, q), 1.5, 1e-14); /* (3 + 0) / 2 */
  wf_metric_moment_errors(2, L, p, q, errors);
  WF_CHECK_CLOSE(errors[0], 1.5, 1e-14);
  for (int k = 1; k < 4; k++) WF_CHECK_CLOSE(errors[k], 0, 1e-12);
  double d2 = 6 * 0.0625; /* six levels where only one of the two has 1/4 */
  WF_CHECK_CLOSE(wf_metric_marginal_w(1, 2, L, p, q), sqrt(d2) / 2, 1e-14);
  WF_CHECK_CLOSE(wf_metric_marginal_w(2, 2, L, p, q), sqrt(d2 / 2), 1e-14);
  double swapped[2 * L];
  memcpy(swapped, p + L, L * sizeof *p), memcpy(swapped + L, p, L * sizeof *p);
  WF_CHECK(wf_metric_marginal_w(1, 2, L, p, swapped) == 0); /* the published score does not see which species is which */
  WF_CHECK(wf_metric_jsd(2, L, p, p) == 0);
  double a[L] = {0.5, 0.5}, b[L] = {0, 0, 0.5, 0.5};
  WF_CHECK_CLOSE(wf_metric_jsd(1, L, a, b), log(2), 1e-7);
  double c[2] = {0.5, 0.5}, d[2] = {1, 0};
  WF_CHECK_CLOSE(wf_metric_jsd(1, 2, c, d), 0.75 * log(4.0 / 3), 1e-8); /* (log(2/3)/2 + log 2/2)/2 + log(4/3)/2 */
  const int32_t counts[8] = {0, 1, 2, 1, 2, 9, 2, 1};
  wf_metric_marginals(4, 2, 4, counts, p);
  WF_CHECK(p[0] == 0.25 && p[2] == 0.75 && p[4 + 1] == 0.75 && p[4 + 3] == 0.25);
}

static void check_poisson_moments(void)
{
  enum { L = 120 };
  const double lambda = 6.5;
  double       p[L] = {exp(-lambda)}, m[4], still[3] = {0, 1, 0};
  for (int c = 1; c < L; c++) p[c] = p[c - 1] * lambda / c;
  wf_metric_moments(1, L, p, m);
  WF_CHECK_CLOSE(m[0], lambda, 1e-12);
  WF_CHECK_CLOSE(m[1], lambda, 1e-12);
  WF_CHECK_CLOSE(m[2], 1 / sqrt(lambda), 1e-12);
  WF_CHECK_CLOSE(m[3], 1 / lambda, 1e-11);
  wf_metric_moments(1, 3, still, m);
  WF_CHECK(m[0] == 1 && m[1] == 0 && m[2] == 0 && m[3] == 0);
}

/* Expected value of the three kernels between N(0,1) and N(mu,1): s / sqrt(s^2 + 2) exp(-mu^2 / (2 (s^2 + 2))), and MMD^2 from it.
 */
static void check_mmd(void)
{
  enum { N = 1500 };
  static double x[N], y[N];
  const double  mu = 1, sigma[3] = {0.1, 1, 10};
  double        expected = 0, two[2] = {0, 1}, three[3] = {0, 2, 2}, k1 = 0, k2 = 0, k0 = 3;
  for (int k = 0; k < 3; k++) {
    double s2 = sigma[k] * sigma[k];
    expected += 2 * sqrt(s2 / (s2 + 2)) * (1 - exp(-mu * mu / (2 * (s2 + 2))));
    k1 += exp(-1 / (2 * s2));
    k2 += exp(-4 / (2 * s2));
  }
  WF_CHECK_CLOSE(wf_metric_mmd2(2, 3, 1, two, three), k1 + (2 * k2 + k0) / 3 - 2 * (k0 + 2 * k2 + k1 + 2 * k1) / 6, 1e-14);
  for (int i = 0; i < N; i++) {
    double z[2];
    wf_random_normal2(5, WF_RANDOM_TEST, (uint64_t)i, 0, z);
    x[i] = z[0];
    y[i] = mu + z[1];
  }
  double mmd2 = wf_metric_mmd2(N, N, 1, x, y);
  WF_CHECK(fabs(mmd2 - expected) < 0.05, "%g, expected %g", mmd2, expected); /* the standard error is 0.01 */
}

/* The shipped model's exact marginals against the published data: the published scores by time. */
static void check_reference(void)
{
  enum { N_TRAJ = 1000, N_SPECIES = 3, L = 52, SIZE = N_SPECIES * L };
  hid_t    file = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  int      size;
  int32_t *counts = reference_counts(file);
  double  *model = reference_read(file, "/rollout/exact_marginals_f64", &size), data[SIZE], mean = 0, jsd_mean = 0;
  double  *w1 = reference_read(file, "/metrics/weightflow/exact_W1", &size),
         *w2  = reference_read(file, "/metrics/weightflow/exact_W2", &size);
  double *jsd = reference_read(file, "/metrics/weightflow/exact_JSD_ref", &size),
         *sp  = reference_read(file, "/metrics/weightflow/exact_spW1", &size);
  for (int k = 1; k <= 100; k++) {
    const double *p = model + (k - 1) * SIZE;
    wf_metric_marginals(N_TRAJ, N_SPECIES, L, counts + k * N_TRAJ * N_SPECIES, data);
    double w = wf_metric_marginal_w(1, N_SPECIES, L, p, data), j = wf_metric_jsd(N_SPECIES, L, p, data);
    WF_CHECK(fabs(w - w1[k - 1]) < 2e-6, "k %d: %g %g", k, w, w1[k - 1]);
    WF_CHECK(fabs(wf_metric_marginal_w(2, N_SPECIES, L, p, data) - w2[k - 1]) < 2e-6);
    WF_CHECK(fabs(j - jsd[k - 1]) < 2e-6, "k %d: %g %g", k, j, jsd[k - 1]);
    WF_CHECK(fabs(wf_metric_count_w(N_SPECIES, L, p, data) - (sp[3 * k - 3] + sp[3 * k - 2] + sp[3 * k - 1]) / 3) < 2e-5);
    mean += w / 100;
    jsd_mean += j / 100;
  }
  printf("shipped model, exact marginals: W1 %.4f JSD %.4f\n", mean, jsd_mean);
  WF_CHECK(fabs(mean - 0.1084) < 5e-5, "%g", mean);
  wf_free(counts), wf_free(model), wf_free(w1), wf_free(w2), wf_free(jsd), wf_free(sp);
  H5Fclose(file);
}

int main(void)
{
  check_assignment_against_all();
  check_sorted_line();
  check_shift_and_time();
  check_histogram_scores();
  check_poisson_moments();
  check_mmd();
  check_reference();
  return WF_TEST_END();
}
