/* Random numbers over the steps of one trajectory; the arithmetic is in ssa_kernels.inc. Pure. */
#include <string.h>
#include "ssa/ssa_kernels.h"
#include "ssa/ssa_random.h"

void wf_ssa_fill_random_for(wf_random_purpose purpose, uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential,
                            double *uniform)
{
  uint64_t keys[WF_SSA_KEYS];
  wf_ssa_make_keys(seed, keys);
  wf_ssa_kernels_get()->fill_random(keys, purpose, trajectory, first, exponential, uniform);
}

void wf_ssa_fill_random(uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential, double *uniform)
{
  wf_ssa_fill_random_for(WF_RANDOM_SSA, seed, trajectory, first, exponential, uniform);
}

/* The kernels' logarithm for one number. */
double wf_ssa_logarithm(double x)
{
  const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu;
  uint64_t       bits;
  double         m;
  memcpy(&bits, &x, sizeof bits);
  const uint64_t shifted = bits - sqrt_half + (UINT64_C(1024) << 52), mantissa = (shifted & 0xfffffffffffffu) + sqrt_half;
  const double   exponent = (double)(int64_t)(shifted >> 52) - 1024;
  memcpy(&m, &mantissa, sizeof m);
  const double s = (m - 1) / (m + 1), q = s * s, q2 = q * q;
  const double low  = (0x1.5555555555592p-2 + q * 0x1.999999997fdb1p-3) + q2 * (0x1.24924941f1864p-3 + q * 0x1.c71c5209085cbp-4);
  const double high = (0x1.74663efaea079p-4 + q * 0x1.39a1b8bf44b48p-4) + q2 * 0x1.2f05786253065p-4;
  return exponent * 0x1.62e42fee00000p-1 + ((2 * s + 2 * s * q * (low + q2 * q2 * high)) + exponent * 0x1.a39ef35793c76p-33);
}

double wf_ssa_sine_of_turns(double turns)
{
  double y = turns - (double)(int64_t)(turns + 0.5); /* [-1/2, 1/2] */
  y        = y > 0.25 ? 0.5 - y : y < -0.25 ? -0.5 - y : y;
  double z = 6.283185307179586 * y, q = z * z, q2 = q * q, q4 = q2 * q2;
  double low  = (-1.0 / 6 + q * (1.0 / 120)) + q2 * (-1.0 / 5040 + q * (1.0 / 362880));
  double high = (-1.0 / 39916800 + q * (1.0 / 6227020800)) + q2 * (-1.0 / 1307674368000 + q * (1.0 / 355687428096000));
  return z + z * q * (low + q4 * (high + q4 * (-1.0 / 121645100408832000)));
}
