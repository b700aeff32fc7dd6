/* Compiles ssa_kernels.inc for each instruction set and picks the best at run time. Function multiversioning (WF_SIMD) would not
   do: GCC splits explicit vectors to the baseline's width before it clones a function. */
#include <math.h>
#include <weightflow/random.h>
#include "ssa/ssa_kernels.h"
#include "ssa/ssa_random.h"
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define ON_X86 1
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors never cross a function that is not inlined */
#endif
#define INLINE static inline __attribute__((always_inline))

enum { N_ROUNDS = WF_SSA_KEYS / 2, VECTORS = 4, DRAWN = 4 };

void wf_ssa_make_keys(uint64_t seed, uint64_t *keys)
{
  uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < N_ROUNDS; round++, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u) {
    keys[2 * round]     = key0;
    keys[2 * round + 1] = key1;
  }
}

#if defined(ON_X86) && !defined(__clang__) && !defined(WF_NO_MULTIVERSION)
#define HAVE_VARIANTS 1
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define KERNEL(name) name##_v4
#define KERNEL_NAME "x86-64-v4"
#define VECTOR_BYTES 64
#include "ssa/ssa_kernels.inc"
#undef KERNEL
#undef KERNEL_NAME
#undef VECTOR_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define KERNEL(name) name##_v3
#define KERNEL_NAME "x86-64-v3"
#define VECTOR_BYTES 32
#include "ssa/ssa_kernels.inc"
#undef KERNEL
#undef KERNEL_NAME
#undef VECTOR_BYTES
#pragma GCC pop_options
#endif

#define KERNEL(name) name##_baseline
#define KERNEL_NAME "baseline"
#define VECTOR_BYTES 16
#include "ssa/ssa_kernels.inc"

int wf_ssa_kernels_all(const wf_ssa_kernels *tables[3])
{
  int n = 0;
#ifdef HAVE_VARIANTS
  if (__builtin_cpu_supports("x86-64-v4")) tables[n++] = &table_v4;
  if (__builtin_cpu_supports("x86-64-v3")) tables[n++] = &table_v3;
#endif
  tables[n++] = &table_baseline;
  return n;
}

const wf_ssa_kernels *wf_ssa_kernels_get(void)
{
  const wf_ssa_kernels *tables[3];
  wf_ssa_kernels_all(tables);
  return tables[0];
}
