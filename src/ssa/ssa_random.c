/* Random numbers over the steps of one trajectory; the arithmetic is in ssa_kernels.inc. Pure. */
#include "ssa/ssa_kernels.h"
#include "ssa/ssa_random.h"

void wf_ssa_fill_random(uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential, double *uniform)
{
  uint64_t keys[WF_SSA_KEYS];
  wf_ssa_make_keys(seed, keys);
  wf_ssa_kernels_get()->fill_random(keys, trajectory, first, exponential, uniform);
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
