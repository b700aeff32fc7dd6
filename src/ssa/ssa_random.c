/* Philox4x32-10 (Salmon et al. 2011) over the steps of one trajectory, with its own logarithm. Pure.

   The logarithm is log(2^e m) = e log 2 + 2 artanh(s), s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)): |s| < 0.1716, and ten
   terms of the series of artanh leave a relative error below 1e-17. Only + - * / and integers, without contraction: every machine
   gives the same bits. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/random.h>
#include "ssa/ssa_random.h"
#if defined(__GNUC__) && defined(__x86_64__) && !defined(WF_NO_MULTIVERSION)
#include <immintrin.h>
#define WITH_AVX2
#endif

#define FACTOR_0 0xD2511F53u
#define FACTOR_1 0xCD9E8D57u
#define STRIDE_0 0x9E3779B9u
#define STRIDE_1 0xBB67AE85u
enum { N_ROUNDS = 10 };

static inline double make_double(uint64_t bits)
{
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* As wf_random_uniform2 does it: (bits + 1/2) 2^-52, here without converting integers, which AVX2 cannot do. Exact. */
static inline double make_uniform(uint64_t high, uint64_t low)
{
  uint64_t bits = (high << 32 | (low & 0xffffffffu)) >> 12;
  return (make_double(bits | 0x3ff0000000000000u) - 1) + 0x1p-53;
}

static inline double negative_log(double u)
{
  const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu;
  uint64_t       bits;
  memcpy(&bits, &u, sizeof bits);
  uint64_t shifted  = bits - sqrt_half + (UINT64_C(1024) << 52); /* exponent + 1024, not negative for any u in (0,1) */
  double   exponent = make_double(shifted >> 52 | 0x4330000000000000u) - (0x1p52 + 1024);
  double   m        = make_double((shifted & 0xfffffffffffffu) + sqrt_half);
  double   s = (m - 1) / (m + 1), q = s * s, q2 = q * q, q4 = q2 * q2;
  double   low    = (1.0 / 3 + q * (1.0 / 5)) + q2 * (1.0 / 7 + q * (1.0 / 9));
  double   high   = (1.0 / 11 + q * (1.0 / 13)) + q2 * (1.0 / 15 + q * (1.0 / 17));
  double   series = low + q4 * (high + q4 * (1.0 / 19 + q * (1.0 / 21)));
  double   log_m  = 2 * s + 2 * s * q * series;
  return -(exponent * 0x1.62e42fee00000p-1 + (log_m + exponent * 0x1.a39ef35793c76p-33));
}

/* Random words of the steps in 64-bit lanes, of which only the lower half counts: words [4, WF_SSA_CHUNK]. */
static void mix_counters(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t first, uint64_t *words)
{
  for (int i = 0; i < WF_SSA_CHUNK; i++) {
    uint32_t c0 = (uint32_t)item, c1 = (uint32_t)(item >> 32), c2 = first + (uint32_t)i, c3 = (uint32_t)purpose;
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < N_ROUNDS; round++, key0 += STRIDE_0, key1 += STRIDE_1) {
      uint64_t p0 = (uint64_t)c0 * FACTOR_0, p1 = (uint64_t)c2 * FACTOR_1;
      c0 = (uint32_t)(p1 >> 32) ^ c1 ^ key0;
      c1 = (uint32_t)p1;
      c2 = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
      c3 = (uint32_t)p0;
    }
    words[i]                    = c0;
    words[WF_SSA_CHUNK + i]     = c1;
    words[2 * WF_SSA_CHUNK + i] = c2;
    words[3 * WF_SSA_CHUNK + i] = c3;
  }
}

#ifdef WITH_AVX2
/* The same with AVX2, whose 32 x 32 -> 64 bit product compilers do not find by themselves: three times as fast. */
__attribute__((target("avx2"))) static void mix_counters_avx2(uint64_t seed, wf_random_purpose purpose, uint64_t item,
                                                              uint32_t first, uint64_t *words)
{
  const __m256i factor_0 = _mm256_set1_epi64x(FACTOR_0), factor_1 = _mm256_set1_epi64x(FACTOR_1);
  for (int i = 0; i < WF_SSA_CHUNK; i += 4) {
    __m256i  c0 = _mm256_set1_epi64x((uint32_t)item), c1 = _mm256_set1_epi64x((int64_t)(item >> 32));
    __m256i  c2   = _mm256_add_epi64(_mm256_set1_epi64x((int64_t)first + i), _mm256_set_epi64x(3, 2, 1, 0)); /* first + 15 < 2^32 */
    __m256i  c3   = _mm256_set1_epi64x(purpose);
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < N_ROUNDS; round++, key0 += STRIDE_0, key1 += STRIDE_1) {
      __m256i p0 = _mm256_mul_epu32(c0, factor_0), p1 = _mm256_mul_epu32(c2, factor_1);
      c0 = _mm256_xor_si256(_mm256_xor_si256(c1, _mm256_set1_epi64x(key0)), _mm256_srli_epi64(p1, 32));
      c2 = _mm256_xor_si256(_mm256_xor_si256(c3, _mm256_set1_epi64x(key1)), _mm256_srli_epi64(p0, 32));
      c1 = p1;
      c3 = p0;
    }
    _mm256_storeu_si256((__m256i *)(words + i), c0);
    _mm256_storeu_si256((__m256i *)(words + WF_SSA_CHUNK + i), c1);
    _mm256_storeu_si256((__m256i *)(words + 2 * WF_SSA_CHUNK + i), c2);
    _mm256_storeu_si256((__m256i *)(words + 3 * WF_SSA_CHUNK + i), c3);
  }
}
#endif

WF_SIMD static void convert_words(const uint64_t *restrict words, double *restrict exponential, double *restrict uniform)
{
  for (int i = 0; i < WF_SSA_CHUNK; i++) exponential[i] = negative_log(make_uniform(words[i], words[WF_SSA_CHUNK + i]));
  for (int i = 0; i < WF_SSA_CHUNK; i++) uniform[i] = make_uniform(words[2 * WF_SSA_CHUNK + i], words[3 * WF_SSA_CHUNK + i]);
}

void wf_ssa_fill_random_for(wf_random_purpose purpose, uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential,
                            double *uniform)
{
  const uint64_t item = trajectory + (first >> 32 << 32);
  uint64_t       words[4 * WF_SSA_CHUNK];

#ifdef WITH_AVX2
  if (__builtin_cpu_supports("avx2"))
    mix_counters_avx2(seed, purpose, item, (uint32_t)first, words);
  else
#endif
    mix_counters(seed, purpose, item, (uint32_t)first, words);
  convert_words(words, exponential, uniform);
}

void wf_ssa_fill_random(uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential, double *uniform)
{
  wf_ssa_fill_random_for(WF_RANDOM_SSA, seed, trajectory, first, exponential, uniform);
}

double wf_ssa_logarithm(double x) { return -negative_log(x); }

double wf_ssa_sine_of_turns(double turns)
{
  double y = turns - (double)(int64_t)(turns + 0.5); /* [-1/2, 1/2] */
  y        = y > 0.25 ? 0.5 - y : y < -0.25 ? -0.5 - y : y;
  double z = 6.283185307179586 * y, q = z * z, q2 = q * q, q4 = q2 * q2;
  double low  = (-1.0 / 6 + q * (1.0 / 120)) + q2 * (-1.0 / 5040 + q * (1.0 / 362880));
  double high = (-1.0 / 39916800 + q * (1.0 / 6227020800)) + q2 * (-1.0 / 1307674368000 + q * (1.0 / 355687428096000));
  return z + z * q * (low + q4 * (high + q4 * (-1.0 / 121645100408832000)));
}
