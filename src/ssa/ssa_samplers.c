/* Poisson and binomial random numbers. Pure. */
#include <math.h>
#include <stdbool.h>
#include "ssa/ssa_samplers.h"

/* Below this mean inversion is faster than rejection, which Hoermann gives for means from 10 on. */
static const double small_mean = 10, log_two_pi = 1.8378770664093454836;

double wf_ssa_exponential_of(double y)
{
  static const double inverse[] = {0,       1,       1.0 / 2,  1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6, 1.0 / 7,
                                   1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11, 1.0 / 12, 1.0 / 13, 1.0 / 14};
  if (y < -745) return 0;
  /* y = k log 2 + r, |r| < 0.35: fourteen terms of the series leave 1e-17 */
  const double k = floor(y * 1.4426950408889634 + 0.5), r = (y - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
  double       sum = 1;
  for (int n = 14; n > 0; n--) sum = 1 + sum * (r * inverse[n]);
  return ldexp(sum, (int)k);
}

/* log k! - (log sqrt(2 pi k) + k log k - k), k > 0: what Stirling's formula leaves. */
static double stirling_error(double k)
{
  static const double exact[] = {0,
                                 0.08106146679532726,
                                 0.0413406959554093,
                                 0.02767792568499834,
                                 0.020790672103765093,
                                 0.016644691189821193,
                                 0.013876128823070748,
                                 0.01189670994589177,
                                 0.010411265261972096,
                                 0.009255462182712733,
                                 0.00833056343336287,
                                 0.007573675487951841,
                                 0.00694284010720953,
                                 0.006408994188004207,
                                 0.0059513701127588475,
                                 0.005554733551962801};
  if (k < 16) return exact[(int)k];
  const double q = 1 / (k * k);
  return (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q * (1.0 / 1680 - q / 1188)))) / k;
}

double wf_ssa_log_factorial(double k)
{
  return k < 1 ? 0 : stirling_error(k) + 0.5 * (log_two_pi + wf_ssa_logarithm(k)) + k * (wf_ssa_logarithm(k) - 1);
}

/* x log(x / m) + m - x, x >= 0, m > 0, without cancellation where x is near m (Loader's deviance). */
static double deviance(double x, double m)
{
  const double difference = x - m;
  if (x <= 0) return m;
  if (fabs(difference) > 0.1 * (x + m)) return x * wf_ssa_logarithm(x / m) - difference;
  /* log(x / m) = 2 artanh(v), v = (x - m) / (x + m), |v| <= 0.1 */
  const double v = difference / (x + m), q = v * v;
  double       tail = 0;
  for (int n = 19; n >= 3; n -= 2) tail = (1.0 / n + tail) * q;
  return difference * v + 2 * x * v * tail;
}

static double poisson_log_probability(double k, double mean)
{
  if (k < 1) return -mean;
  return -stirling_error(k) - deviance(k, mean) - 0.5 * (log_two_pi + wf_ssa_logarithm(k));
}

static double binomial_log_probability(double k, double n, double p)
{
  const double q = 1 - p;
  if (k < 1) return -n * (deviance(1, q) + p); /* n log q, as deviance(1, q) = -log q + q - 1 */
  if (k > n - 1) return n * wf_ssa_logarithm(p);
  return stirling_error(n) - stirling_error(k) - stirling_error(n - k) - deviance(k, n * p) - deviance(n - k, n * q) -
         0.5 * (log_two_pi + wf_ssa_logarithm(k) + wf_ssa_logarithm(1 - k / n));
}

static double invert_poisson(wf_ssa_draws *draws, double mean)
{
  const double p0 = wf_ssa_exponential_of(-mean);
  for (;;) {
    double u = wf_ssa_draws_uniform(draws), p = p0;
    for (int k = 0; k < 128; k++) { /* beyond, probabilities are below those that uniform numbers can tell from 0 */
      if (u < p) return k;
      u -= p;
      p *= mean / (k + 1);
    }
  }
}

double wf_ssa_poisson(wf_ssa_draws *draws, double mean)
{
  if (mean <= 0) return 0;
  if (mean < small_mean) return invert_poisson(draws, mean);
  const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b, inverse_alpha = 1.1239 + 1.1328 / (b - 3.4),
               squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = wf_ssa_draws_uniform(draws) - 0.5, v = wf_ssa_draws_uniform(draws), edge = 0.5 - fabs(u);
    const double k = floor((2 * a / edge + b) * u + mean + 0.43);
    if (edge >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    if (wf_ssa_logarithm(v * inverse_alpha / (a / (edge * edge) + b)) <= poisson_log_probability(k, mean)) return k;
  }
}

static double invert_binomial(wf_ssa_draws *draws, double n, double p)
{
  const double p0 = wf_ssa_exponential_of(binomial_log_probability(0, n, p)), odds = p / (1 - p);
  for (;;) {
    double u = wf_ssa_draws_uniform(draws), probability = p0;
    for (int k = 0; k < 128 && k <= n; k++) {
      if (u < probability) return k;
      u -= probability;
      probability *= (n - k) / (k + 1) * odds;
    }
  }
}

double wf_ssa_binomial(wf_ssa_draws *draws, double n, double p)
{
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - wf_ssa_binomial(draws, n, 1 - p);
  if (n * p < small_mean) return invert_binomial(draws, n, p);
  const double deviation = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * p,
               squeeze = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * deviation, mode = floor((n + 1) * p),
               log_mode = binomial_log_probability(mode, n, p);
  for (;;) {
    const double u = wf_ssa_draws_uniform(draws) - 0.5, v = wf_ssa_draws_uniform(draws), edge = 0.5 - fabs(u);
    const double k = floor((2 * a / edge + b) * u + n * p + 0.5);
    if (edge >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    if (wf_ssa_logarithm(v * alpha / (a / (edge * edge) + b)) <= binomial_log_probability(k, n, p) - log_mode) return k;
  }
}
