/* Counter-based random numbers on Random123's Philox4x32-10. */
#include <Random123/philox.h>
#include <math.h>
#include <weightflow/random.h>

void wf_random_words(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, uint32_t words[4])
{
  philox4x32_key_t key     = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  philox4x32_ctr_t counter = {{(uint32_t)item, (uint32_t)(item >> 32), draw, (uint32_t)purpose}};
  philox4x32_ctr_t result  = philox4x32(counter, key);
  for (int i = 0; i < 4; i++) words[i] = result.v[i];
}

static double open_unit_interval(uint32_t high, uint32_t low)
{
  uint64_t bits = ((uint64_t)high << 32 | low) >> 12; /* 52 bits and a half: neither 0 nor 1 can come out */
  return ((double)bits + 0.5) * 0x1p-52;
}

void wf_random_uniform2(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, double u[2])
{
  uint32_t w[4];
  wf_random_words(seed, purpose, item, draw, w);
  u[0] = open_unit_interval(w[0], w[1]);
  u[1] = open_unit_interval(w[2], w[3]);
}

double wf_random_uniform(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw)
{
  double u[2];
  wf_random_uniform2(seed, purpose, item, draw, u);
  return u[0];
}

void wf_random_normal2(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, double z[2])
{
  double u[2];
  wf_random_uniform2(seed, purpose, item, draw, u);
  double radius = sqrt(-2 * log(u[0])), angle = 6.283185307179586 * u[1];
  z[0] = radius * cos(angle);
  z[1] = radius * sin(angle);
}

void wf_random_permutation(uint64_t seed, wf_random_purpose purpose, uint64_t item, int n, int *permutation)
{
  for (int i = 0; i < n; i++) permutation[i] = i;
  for (int i = n - 1; i > 0; i--) {
    int j          = (int)(wf_random_uniform(seed, purpose, item, (uint32_t)i) * (i + 1));
    int swap       = permutation[i];
    permutation[i] = permutation[j];
    permutation[j] = swap;
  }
}
