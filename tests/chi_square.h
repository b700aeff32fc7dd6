/* Pearson's chi-square test of counts against a law. */
#ifndef WEIGHTFLOW_TESTS_CHI_SQUARE_H
#define WEIGHTFLOW_TESTS_CHI_SQUARE_H
#include <math.h>

/* P(chi-square with n degrees of freedom > x): the incomplete gamma function by its series, or by its continued fraction (Lentz).
 */
static inline double chi_square_tail(double x, int n)
{
  double a = 0.5 * n, y = 0.5 * x, scale = exp(-y + a * log(y) - lgamma(a));
  if (y < a + 1) {
    double term = 1 / a, sum = term;
    for (int i = 1; i < 10000 && term > 1e-18 * sum; i++) sum += term *= y / (a + i);
    return 1 - scale * sum;
  }
  double b = y + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 10000; i++) {
    double an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
  }
  return scale * h;
}

/* p-value of observed counts [n_cells] of n draws against probabilities p [n_cells] (what they lack of 1 lies outside the cells);
   neighbouring cells are merged until 10 draws are expected in each. */
static inline double chi_square_p_value(double n, int n_cells, const double *observed, const double *p)
{
  double expected_here = 0, observed_here = 0, chi2 = 0, expected_rest = n, observed_rest = n;
  int    cells = 0;
  for (int c = 0; c < n_cells; c++) {
    expected_here += n * p[c];
    observed_here += observed[c];
    if (expected_here < 10 || expected_rest - expected_here < 10) continue;
    chi2 += (observed_here - expected_here) * (observed_here - expected_here) / expected_here;
    expected_rest -= expected_here;
    observed_rest -= observed_here;
    expected_here = observed_here = 0;
    cells++;
  }
  chi2 += (observed_rest - expected_rest) * (observed_rest - expected_rest) / expected_rest;
  return cells ? chi_square_tail(chi2, cells) : 1;
}
#endif
