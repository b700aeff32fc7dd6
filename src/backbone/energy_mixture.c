/* Velocity and score of a moving mixture of normal densities in one dimension; see energy.h.

   With Phi and phi the standard normal distribution function and density and z = (x - mean) / sigma,

     p = sum w phi(z) / sigma,   dF/dt = sum w' Phi(z) - w phi(z) (mean' + z sigma') / sigma,

   so v = sum rho (mean' + z sigma') - sum w' Phi(z) / p with rho = w phi / (sigma p), and d log p / dx = -sum rho z / sigma. Since
   sum w' = 0, Phi(z) may be replaced by Phi(z) - 1: right of the middle that is what keeps the precision. Ratios are taken of
   logarithms, so nothing underflows. */
#include <math.h>
#include <weightflow/energy.h>

static const double LOG_SQRT_2_PI = 0.91893853320467274178;

static double log_density(const wf_energy_mixture *mixture, int k, double x)
{
  double z = (x - mixture->mean[k]) / mixture->sigma[k];
  return log(mixture->weight[k]) - 0.5 * z * z - log(mixture->sigma[k]) - LOG_SQRT_2_PI;
}

/* log Phi(z); below -25 by the first terms of Mills' ratio, relative error 15 / 25^6. */
static double log_tail(double z)
{
  double y = 1 / (z * z);
  if (z > -25) return log(0.5 * erfc(-z * 0.70710678118654752440));
  return -0.5 * z * z - LOG_SQRT_2_PI - log(-z) + log1p(-y * (1 - 3 * y));
}

double wf_energy_mixture_velocity(const wf_energy_mixture *mixture, double x, double *score)
{
  double largest = -INFINITY, sum = 0, below = 0, velocity = 0, slope = 0, log_p;
  for (int k = 0; k < mixture->n; k++) largest = fmax(largest, log_density(mixture, k, x));
  for (int k = 0; k < mixture->n; k++) {
    sum += exp(log_density(mixture, k, x) - largest);
    below += mixture->weight[k] * 0.5 * erfc((mixture->mean[k] - x) / mixture->sigma[k] * 0.70710678118654752440);
  }
  log_p      = largest + log(sum);
  double way = below < 0.5 ? 1 : -1; /* which tail */
  for (int k = 0; k < mixture->n; k++) {
    double z = (x - mixture->mean[k]) / mixture->sigma[k], rho = exp(log_density(mixture, k, x) - log_p);
    velocity += rho * (mixture->mean_dot[k] + z * mixture->sigma_dot[k]);
    velocity -= way * mixture->weight_dot[k] * exp(log_tail(way * z) - log_p);
    slope -= rho * z / mixture->sigma[k];
  }
  if (score) *score = slope;
  return velocity;
}
