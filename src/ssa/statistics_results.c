/* Results of statistics, see statistics.h: exact integers become doubles here, with one or two roundings each.

   With q the whole part of the mean of x (towards 0) and r the rest of its sum, S = sum x = q n + r, the sum of squares about the
   mean is  sum (x - q)^2 - r^2 / n  with  sum (x - q)^2 = sum x^2 - 2 q S + n q^2  in 128-bit integers; likewise for products. */
#include <math.h>
#include <string.h>
#include "ssa/long_sum.h"
#include "ssa/statistics_impl.h"

typedef __int128 wide;

int64_t wf_statistics_n(const wf_statistics *s) { return s->words[0]; }

static wide read_wide(const int64_t *words, int64_t stride)
{
  return ((wide)words[2 * stride] * ((int64_t)1 << 32) + words[stride]) * ((int64_t)1 << 32) + words[0];
}

/* (sum (x - mean) (y - mean)) / (n - 1) from the exact sums. */
static double find_second_moment(wide sum_x, wide sum_y, wide sum_xy, int64_t n)
{
  wide qx = sum_x / n, rx = sum_x % n, qy = sum_y / n, ry = sum_y % n;
  wide about = sum_xy - qx * sum_y - qy * sum_x + (wide)n * qx * qy, rest = rx * ry;
  return n < 2 ? NAN : ((double)(about - rest / n) - (double)(rest % n) / (double)n) / (double)(n - 1);
}

void wf_statistics_moments_of_counts(const wf_statistics *s, double *mean, double *variance, double *covariance)
{
  const int64_t  n = wf_statistics_n(s), columns = s->at.n_columns, entries = columns * s->at.n_lags;
  const int64_t *sums = s->words + s->at.sums, *products = s->words + s->at.products;
  const int      m = s->config.n_counts;
  for (int64_t c = 0; c < columns; c++) {
    wide    sum = read_wide(sums + c, columns), q = n ? sum / n : 0;
    int64_t k = c / m, i = c % m;
    if (mean) mean[c] = n ? (double)q + (double)(sum % n) / (double)n : NAN;
    if (variance) variance[c] = find_second_moment(sum, sum, read_wide(products + c, entries), n ? n : 1);
    for (int64_t j = i; covariance && j < m; j++) {
      double value = NAN;
      if (j - i < s->at.n_lags)
        value = find_second_moment(sum, read_wide(sums + k * m + j, columns), read_wide(products + (j - i) * columns + c, entries),
                                   n ? n : 1);
      covariance[(k * m + i) * m + j] = covariance[(k * m + j) * m + i] = value;
    }
  }
}

/* A long sum as a sum of three doubles, to about 2^-159 of its size. */
static void split_long_sum(const int64_t *sum, double part[3])
{
  int64_t rest[WF_LONG_SUM_DIGITS];
  memcpy(rest, sum, sizeof rest);
  for (int i = 0; i < 3; i++) {
    part[i] = wf_long_sum_round(rest);
    wf_long_sum_add(rest, -part[i]);
    wf_long_sum_settle(rest);
  }
}

/* sum += a b c, each finite. */
static void add_triple(int64_t *sum, double a, double b, double c)
{
  double product = a * b, error = fma(a, b, -product);
  wf_long_sum_add_product(sum, product, c);
  wf_long_sum_add_product(sum, error, c);
}

/* As find_second_moment; about the rounded means, and then corrected. */
static double find_second_value_moment(const int64_t *sum_x, const int64_t *sum_y, const int64_t *sum_xy, double n)
{
  double  mean_x = wf_long_sum_round(sum_x) / n, mean_y = wf_long_sum_round(sum_y) / n, x[3], y[3];
  int64_t about[WF_LONG_SUM_DIGITS], rest_x[WF_LONG_SUM_DIGITS], rest_y[WF_LONG_SUM_DIGITS];
  if (!(n >= 2) || !isfinite(n * mean_x * mean_y)) return NAN;
  memcpy(about, sum_xy, sizeof about);
  memcpy(rest_x, sum_x, sizeof rest_x);
  memcpy(rest_y, sum_y, sizeof rest_y);
  split_long_sum(sum_x, x);
  split_long_sum(sum_y, y);
  for (int i = 0; i < 3; i++) {
    wf_long_sum_add_product(about, -mean_x, y[i]);
    wf_long_sum_add_product(about, -mean_y, x[i]);
  }
  add_triple(about, mean_x, mean_y, n);
  wf_long_sum_add_product(rest_x, -n, mean_x);
  wf_long_sum_add_product(rest_y, -n, mean_y);
  wf_long_sum_settle(about);
  wf_long_sum_settle(rest_x);
  wf_long_sum_settle(rest_y);
  return (wf_long_sum_round(about) - wf_long_sum_round(rest_x) * wf_long_sum_round(rest_y) / n) / (n - 1);
}

/* The second moment of the value columns a and a + lag, NaN where an addend was not finite. */
static double read_value_moment(const wf_statistics *s, int64_t a, int64_t lag)
{
  const int64_t *sums = s->words + s->at.value_sums, *bad = s->words + s->at.bad;
  int64_t        entry = lag * s->at.n_value_columns + a, b = a + lag;
  if (lag >= s->at.n_value_lags || bad[a] || bad[b] || bad[s->at.n_value_columns + entry]) return NAN;
  return find_second_value_moment(sums + a * WF_LONG_SUM_DIGITS, sums + b * WF_LONG_SUM_DIGITS,
                                  s->words + s->at.value_products + entry * WF_LONG_SUM_DIGITS, (double)wf_statistics_n(s));
}

void wf_statistics_moments_of_values(const wf_statistics *s, double *mean, double *variance, double *covariance)
{
  const double n = (double)wf_statistics_n(s);
  const int    m = s->config.n_values;
  for (int64_t c = 0; c < s->at.n_value_columns; c++) {
    int64_t k = c / m, i = c % m;
    bool    good = n > 0 && !s->words[s->at.bad + c];
    if (mean) mean[c] = good ? wf_long_sum_round(s->words + s->at.value_sums + c * WF_LONG_SUM_DIGITS) / n : NAN;
    if (variance) variance[c] = read_value_moment(s, c, 0);
    for (int64_t j = i; covariance && j < m; j++)
      covariance[(k * m + i) * m + j] = covariance[(k * m + j) * m + i] = read_value_moment(s, c, j - i);
  }
}

void wf_statistics_extrema(const wf_statistics *s, int32_t *count_minimum, int32_t *count_maximum, double *value_minimum,
                           double *value_maximum)
{
  for (int64_t c = 0; c < s->at.n_columns; c++) {
    count_minimum[c] = isfinite(s->minimum[c]) ? (int32_t)s->minimum[c] : 0;
    count_maximum[c] = isfinite(s->maximum[c]) ? (int32_t)s->maximum[c] : 0;
  }
  for (int64_t c = 0; c < s->at.n_value_columns; c++) {
    value_minimum[c] = s->minimum[s->at.n_columns + c];
    value_maximum[c] = s->maximum[s->at.n_columns + c];
  }
}

void wf_statistics_histogram(const wf_statistics *s, int64_t *bin_width, int64_t *histogram)
{
  for (int i = 0; i < s->config.n_counts; i++) bin_width[i] = (int64_t)1 << s->shift[i];
  memcpy(histogram, s->words + s->at.bins, (size_t)(s->at.n_columns * s->config.n_bins) * sizeof *histogram);
}

void wf_statistics_quantile(const wf_statistics *s, double q, double *quantile)
{
  const int64_t n      = wf_statistics_n(s);
  int64_t       wanted = (int64_t)ceil(q * (double)n);
  if (wanted < 1) wanted = 1;
  for (int64_t c = 0; c < s->at.n_columns; c++) {
    const int64_t *bins  = s->words + s->at.bins + c * s->config.n_bins;
    int64_t        below = 0;
    quantile[c]          = NAN;
    if (s->shift[c % s->config.n_counts] > 0 || s->minimum[c] < 0) continue;
    for (int b = 0; b < s->config.n_bins && isnan(quantile[c]); b++)
      if ((below += bins[b]) >= wanted) quantile[c] = b;
  }
}
