/* Sine, cosine, exponential and logarithm by reduction to a small argument (Cody and Waite 1980) and their series. Only + - * /
   and exact operations, without contraction. Pure. */
#include <math.h>
#include "ssa/elementary.h"
#include "ssa/ssa_random.h"

/* pi / 2 and log 2 in parts, the first of which times any n below 2^21 (2^14) are exact. */
#define QUARTER_1 0x1.921fb54400000p+0
#define QUARTER_2 0x1.0b4611a400000p-34
#define QUARTER_3 0x1.13198a2e03707p-65
#define LOG_2_1 0x1.62e42fefa0000p-1
#define LOG_2_2 0x1.cf79abc9e3b3ap-40

static const double largest_angle = 1e6, log_2 = 0x1.62e42fefa39efp-1;

/* |y| <= pi / 4 */
static double sine_of_small(double y)
{
  const double q = y * y, q2 = q * q, q4 = q2 * q2;
  const double low  = (-1.0 / 6 + q * (1.0 / 120)) + q2 * (-1.0 / 5040 + q * (1.0 / 362880));
  const double high = (-1.0 / 39916800 + q * (1.0 / 6227020800)) + q2 * (-1.0 / 1307674368000 + q * (1.0 / 355687428096000));
  return y + y * q * (low + q4 * high);
}

static double cosine_of_small(double y)
{
  const double q = y * y, q2 = q * q, q4 = q2 * q2, half = 0.5 * q, near = 1 - half;
  const double low  = (1.0 / 24 + q * (-1.0 / 720)) + q2 * (1.0 / 40320 + q * (-1.0 / 3628800));
  const double high = (1.0 / 479001600 + q * (-1.0 / 87178291200)) + q2 * (1.0 / 20922789888000);
  return near + (((1 - near) - half) + q2 * (low + q4 * high));
}

/* sin(x + quarters pi / 2) */
static double sine_ahead(double x, int quarters)
{
  const double n = rint(x * 0x1.45f306dc9c883p-1), y = ((x - n * QUARTER_1) - n * QUARTER_2) - n * QUARTER_3;
  const int    quadrant = ((int)n + quarters) & 3;
  const double value    = quadrant & 1 ? cosine_of_small(y) : sine_of_small(y);
  return quadrant & 2 ? -fmin(value, 1) : fmin(value, 1);
}

double wf_ssa_sine(double x) { return fabs(x) < largest_angle ? sine_ahead(x, 0) : sin(x); }
double wf_ssa_cosine(double x) { return fabs(x) < largest_angle ? sine_ahead(x, 1) : cos(x); }

double wf_ssa_exponential(double x)
{
  if (!(x < 710)) return x > 0 ? INFINITY : x;
  if (x < -746) return 0;
  const double n = rint(x * 0x1.71547652b82fep+0), r = (x - n * LOG_2_1) - n * LOG_2_2, r2 = r * r, r4 = r2 * r2;
  const double low  = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const double high = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const double last = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
  return ldexp(1 + (r + r2 * (low + r4 * (high + r4 * last))), (int)n);
}

double wf_ssa_natural_logarithm(double x)
{
  if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
  if (isinf(x)) return x;
  return x < 0x1p-1000 ? wf_ssa_logarithm(x * 0x1p64) - 64 * log_2 : wf_ssa_logarithm(x);
}
