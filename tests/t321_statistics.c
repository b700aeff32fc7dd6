/* Statistics while simulating: against two-pass formulas in long double, at the edges of the integers, and in any order and
   grouping to the same bits. */
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/statistics.h>
#include "check.h"

enum { TIMES = 3, D = 5, V = 2, BINS = 16 };
static const wf_statistics_config config = {.n_time = TIMES, .n_counts = D, .n_values = V, .n_bins = BINS, .covariance = true};

/* Reproducible numbers of any size: scale up to 2^31. */
static void make_trajectories(int n, double scale, int32_t *counts, double *values)
{
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < TIMES * D; c++)
      counts[i * TIMES * D + c] = (int32_t)floor(wf_random_uniform(7, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)c) * scale);
    for (int c = 0; c < TIMES * V; c++)
      values[i * TIMES * V + c] = 1e6 + wf_random_uniform(8, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)c) * (c + 1);
  }
}

/* Two passes: the mean, then products about it. */
static long double covary(int n, const double *x, const double *y, int stride)
{
  long double mean_x = 0, mean_y = 0, sum = 0;
  for (int i = 0; i < n; i++) mean_x += (long double)x[i * stride] / n, mean_y += (long double)y[i * stride] / n;
  for (int i = 0; i < n; i++) sum += (x[i * stride] - mean_x) * (y[i * stride] - mean_y);
  return sum / (n - 1);
}

static void check_moments(int n, double scale)
{
  int32_t       *counts = wf_calloc((size_t)n * TIMES * D, sizeof *counts);
  double        *values = wf_calloc((size_t)n * TIMES * V, sizeof *values), *x = wf_calloc((size_t)n * TIMES * D, sizeof *x);
  double         mean[TIMES * D], variance[TIMES * D], covariance[TIMES * D * D], vmean[TIMES * V], vcovariance[TIMES * V * V];
  wf_statistics *s = wf_statistics_create(&config);
  make_trajectories(n, scale, counts, values);
  for (int i = 0; i < n * TIMES * D; i++) x[i] = counts[i];
  wf_statistics_add(s, n, counts, values);
  wf_statistics_settle(s);
  WF_CHECK(wf_statistics_n(s) == n);
  wf_statistics_moments_of_counts(s, mean, variance, covariance);
  wf_statistics_moments_of_values(s, vmean, NULL, vcovariance);
  for (int k = 0; k < TIMES; k++)
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++) {
        double exact = (double)covary(n, x + k * D + i, x + k * D + j, TIMES * D);
        double size  = sqrt((double)covary(n, x + k * D + i, x + k * D + i, TIMES * D));
        WF_CHECK(fabs(covariance[(k * D + i) * D + j] - exact) <= 1e-14 * size * size * 4, "%g: %d %d %d: %.17g %.17g", scale, k, i,
                 j, covariance[(k * D + i) * D + j], exact);
        if (i == j) WF_CHECK(variance[k * D + i] == covariance[(k * D + i) * D + i]);
      }
  for (int k = 0; k < TIMES; k++)
    for (int i = 0; i < V; i++)
      for (int j = 0; j < V; j++) {
        double exact = (double)covary(n, values + k * V + i, values + k * V + j, TIMES * V);
        double size  = (double)covary(n, values + k * V + i, values + k * V + i, TIMES * V);
        WF_CHECK(fabs(vcovariance[(k * V + i) * V + j] - exact) <= 1e-8 * size, "%d %d %d: %.17g %.17g", k, i, j,
                 vcovariance[(k * V + i) * V + j], exact); /* what the long double mean of 1e6 + x allows */
      }
  wf_statistics_destroy(&s);
  WF_CHECK(s == NULL);
  wf_free(counts);
  wf_free(values);
  wf_free(x);
}

/* Sums at the very edge: 2^31 - 1 everywhere, two of them and 300; the mean is it and the variance 0. And its opposite. */
static void check_edges(void)
{
  enum { N = 300 };
  static int32_t counts[N * TIMES * D];
  static double  values[N * TIMES * V];
  double         mean[TIMES * D], variance[TIMES * D], vmean[TIMES * V], vvariance[TIMES * V];
  wf_statistics *s = wf_statistics_create(&config);
  for (int sign = 1; sign >= -1; sign -= 2)
    for (int n = 2; n <= N; n += N - 2) {
      for (int i = 0; i < N * TIMES * D; i++) counts[i] = sign * INT32_MAX;
      for (int i = 0; i < N * TIMES * V; i++) values[i] = sign * (i % 2 ? 1e150 : 1e-160);
      wf_statistics_clear(s);
      wf_statistics_add(s, n, counts, values);
      wf_statistics_settle(s);
      wf_statistics_moments_of_counts(s, mean, variance, NULL);
      wf_statistics_moments_of_values(s, vmean, vvariance, NULL);
      for (int c = 0; c < TIMES * D; c++)
        WF_CHECK(mean[c] == sign * (double)INT32_MAX && variance[c] == 0, "%g %g", mean[c], variance[c]);
      for (int c = 0; c < TIMES * V; c++) WF_CHECK(vmean[c] == values[c] && vvariance[c] == 0, "%g %g", vmean[c], vvariance[c]);
    }
  /* cancellation in the sum itself: 1e300 + 1 - 1e300 = 1; and what is not finite, or overflows, is told as NaN */
  const double mixed[3][TIMES * V] = {{1e300, 1e10, INFINITY, NAN, 3, 4}, {1, 1, 1, 1, 5, 6}, {-1e300, -1e10, 1, 1, 7, 11}};
  memset(counts, 0, sizeof counts);
  wf_statistics_clear(s);
  wf_statistics_add(s, 3, counts, &mixed[0][0]);
  wf_statistics_settle(s);
  wf_statistics_moments_of_values(s, vmean, vvariance, NULL);
  WF_CHECK(vmean[0] == 1. / 3 && isnan(vvariance[0]));
  WF_CHECK(vmean[1] == 1. / 3 && fabs(vvariance[1] / (1e20 + 1. / 3) - 1) < 1e-15, "%.17g", vvariance[1]);
  WF_CHECK(isnan(vmean[2]) && isnan(vmean[3]) && vmean[4] == 5 && vvariance[4] == 4 && vmean[5] == 7 && vvariance[5] == 13);
  wf_statistics_clear(s);
  wf_statistics_add(s, 1, counts, &mixed[1][0]);
  wf_statistics_moments_of_counts(s, mean, variance, NULL);
  WF_CHECK(mean[0] == 0 && isnan(variance[0]));
  wf_statistics_destroy(&s);
}

static void merge(wf_statistics *to, wf_statistics *from)
{
  int64_t n_words, n;
  double *high = wf_statistics_maximum(to, &n), *low = wf_statistics_minimum(to, &n);
  double *other_high = wf_statistics_maximum(from, &n), *other_low = wf_statistics_minimum(from, &n);
  for (int64_t i = 0; i < n; i++) {
    high[i] = other_high[i] = fmax(high[i], other_high[i]);
    low[i]                  = fmin(low[i], other_low[i]);
  }
  wf_statistics_settle(to);
  wf_statistics_settle(from);
  int64_t *a = wf_statistics_words(to, &n_words), *b = wf_statistics_words(from, &n_words);
  for (int64_t i = 0; i < n_words; i++) a[i] += b[i];
  wf_statistics_settle(to);
}

/* In one go; one by one and backwards; in three parts that are merged: the same words. */
static void check_order(double scale)
{
  enum { N = 1000 };
  int32_t       *counts = wf_calloc(N * TIMES * D, sizeof *counts);
  double        *values = wf_calloc(N * TIMES * V, sizeof *values);
  wf_statistics *whole = wf_statistics_create(&config), *backwards = wf_statistics_create(&config), *parts[3];
  int64_t        n_words, n;
  make_trajectories(N, scale, counts, values);
  for (int c = 0; c < TIMES * D; c++) counts[5 * TIMES * D + c] = (int32_t)(scale * 0.999999999); /* large ones early and late */
  wf_statistics_add(whole, N, counts, values);
  for (int i = N - 1; i >= 0; i--) wf_statistics_add(backwards, 1, counts + i * TIMES * D, values + i * TIMES * V);
  for (int p = 0; p < 3; p++) {
    int first = p == 0 ? 0 : p == 1 ? 100 : 101, last = p == 0 ? 100 : p == 1 ? 101 : N;
    parts[p] = wf_statistics_create(&config);
    wf_statistics_add(parts[p], last - first, counts + first * TIMES * D, values + first * TIMES * V);
  }
  merge(parts[2], parts[0]);
  merge(parts[2], parts[1]);
  wf_statistics_settle(whole);
  wf_statistics_settle(backwards);
  const int64_t *a = wf_statistics_words(whole, &n_words), *b = wf_statistics_words(backwards, &n_words);
  const int64_t *c     = wf_statistics_words(parts[2], &n_words);
  size_t         bytes = (size_t)n_words * sizeof *a;
  WF_CHECK(!memcmp(a, b, bytes) && !memcmp(a, c, bytes), "scale %g", scale);
  const double *x = wf_statistics_maximum(whole, &n), *y = wf_statistics_maximum(parts[2], &n);
  for (int64_t i = 0; i < n; i++) WF_CHECK(x[i] == y[i], "scale %g: %d: %g %g", scale, (int)i, x[i], y[i]);
  WF_CHECK(!memcmp(wf_statistics_minimum(whole, &n), wf_statistics_minimum(backwards, &n), (size_t)n * sizeof(double)));
  wf_statistics_destroy(&whole);
  wf_statistics_destroy(&backwards);
  for (int p = 0; p < 3; p++) wf_statistics_destroy(&parts[p]);
  wf_free(counts);
  wf_free(values);
}

/* Histograms and quantiles by sorting. */
static int compare_counts(const void *a, const void *b)
{
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static void check_histogram(double scale)
{
  enum { N = 777 };
  const double shares[] = {0, 0.05, 0.25, 0.5, 0.95, 1};
  int32_t     *counts   = wf_calloc(N * TIMES * D, sizeof *counts), column[N], low[TIMES * D], high[TIMES * D];
  double      *values = wf_calloc(N * TIMES * V, sizeof *values), quantile[TIMES * D], value_low[TIMES * V], value_high[TIMES * V];
  int64_t      width[D], histogram[TIMES * D * BINS];
  wf_statistics *s = wf_statistics_create(&config);
  make_trajectories(N, scale, counts, values);
  wf_statistics_add(s, 300, counts, values);
  wf_statistics_add(s, N - 300, counts + 300 * TIMES * D, values + 300 * TIMES * V);
  wf_statistics_settle(s);
  wf_statistics_histogram(s, width, histogram);
  wf_statistics_extrema(s, low, high, value_low, value_high);
  for (int c = 0; c < TIMES * D; c++) {
    int64_t expected[BINS] = {0}, w = width[c % D];
    for (int i = 0; i < N; i++) column[i] = counts[i * TIMES * D + c];
    qsort(column, N, sizeof *column, compare_counts);
    for (int i = 0; i < N; i++) expected[column[i] / w]++;
    WF_CHECK(!memcmp(expected, histogram + c * BINS, sizeof expected), "scale %g column %d", scale, c);
    WF_CHECK(low[c] == column[0] && high[c] == column[N - 1]);
    WF_CHECK((scale <= BINS) == (w == 1) && (w & (w - 1)) == 0 && w * BINS < 4 * scale + 2 * BINS);
  }
  for (size_t q = 0; q < sizeof shares / sizeof *shares; q++) {
    wf_statistics_quantile(s, shares[q], quantile);
    for (int c = 0; c < TIMES * D; c++) {
      for (int i = 0; i < N; i++) column[i] = counts[i * TIMES * D + c];
      qsort(column, N, sizeof *column, compare_counts);
      int rank = (int)ceil(shares[q] * N);
      if (scale <= BINS) WF_CHECK(quantile[c] == column[rank > 0 ? rank - 1 : 0]);
      if (scale > BINS) WF_CHECK(isnan(quantile[c]));
    }
  }
  wf_statistics_destroy(&s);
  wf_free(counts);
  wf_free(values);
}

int main(void)
{
  const double scales[] = {2, 16, 1000, 3e6, 2147483647.0};
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    check_moments(500, scales[i]);
    check_order(scales[i]);
    check_histogram(scales[i]);
  }
  check_edges();
  return WF_TEST_END();
}
