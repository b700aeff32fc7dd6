/* Compiles hypernet_kernels.inc for each instruction set and picks the best at run time.

   Function multiversioning (WF_SIMD) is not enough here: GCC splits explicit vectors to the baseline's width before it clones a
   function, and register tiles need explicit vectors. Multiply-adds are fused in this file alone (they halve the work and only
   improve accuracy); the choice is the compiler's, made when the file is compiled, hence the same in every run. */
#include <math.h>
#include "flow/hypernet_kernels.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC            optimize("fp-contract=fast")
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors never cross a function that is not inlined */
#endif
#define INLINE static inline __attribute__((always_inline))

#if WF_REAL_IS_DOUBLE
typedef int64_t real_int;
enum { MANTISSA_BITS = 52, N_EXPM1 = 10 };
#define SQRT sqrt
#define SIGN_BIT INT64_MIN
#define ONE_BITS ((real_int)0x3FF0000000000000)
#define ROUND_SHIFT 0x1.8p52
#define LN2_HIGH 0.6931471803691238164901733
#define LN2_LOW 1.9082149292705878161e-10
#define EXP_LOWEST -708.0
#define TANH_ONE 20.0
static const wf_real expm1_coefficients[N_EXPM1] = {
    0.500000000000000103,    0.166666666666666675,     0.0416666666666239915,  0.00833333333333005135, 0.00138888889172817933,
    0.000198412698631059687, 0.0000248015211902177277, 2.75572683786841929e-6, 2.76201387197339956e-7, 2.51004241570050668e-8};
#else
typedef int32_t real_int;
enum { MANTISSA_BITS = 23, N_EXPM1 = 5 };
#define SQRT sqrtf
#define SIGN_BIT INT32_MIN
#define ONE_BITS 0x3F800000
#define ROUND_SHIFT 0x1.8p23f
#define LN2_HIGH 0.693145751953125f
#define LN2_LOW 1.42860682031e-6f
#define EXP_LOWEST -87.0f
#define TANH_ONE 9.1f
static const wf_real expm1_coefficients[N_EXPM1] = {0.5f, 0.1666657685f, 0.04166655444f, 0.008363202972f, 0.001392621347f};
#endif
#define LOG2_E ((wf_real)1.4426950408889634074)
#define NORM_EPSILON ((wf_real)1e-5)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(WF_NO_MULTIVERSION)
#define HAVE_VARIANTS 1
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define KERNEL(name) name##_v4
#define KERNEL_NAME "x86-64-v4"
#define VECTOR_BYTES 64
#include "flow/hypernet_kernels.inc"
#undef KERNEL
#undef KERNEL_NAME
#undef VECTOR_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define KERNEL(name) name##_v3
#define KERNEL_NAME "x86-64-v3"
#define VECTOR_BYTES 32
#include "flow/hypernet_kernels.inc"
#undef KERNEL
#undef KERNEL_NAME
#undef VECTOR_BYTES
#pragma GCC pop_options
#endif

#define KERNEL(name) name##_baseline
#define KERNEL_NAME "baseline"
#define VECTOR_BYTES 16
#include "flow/hypernet_kernels.inc"

int wf_hypernet_kernels_all(const wf_hypernet_kernels *tables[3])
{
  int n = 0;
#ifdef HAVE_VARIANTS
  if (__builtin_cpu_supports("x86-64-v4")) tables[n++] = &table_v4;
  if (__builtin_cpu_supports("x86-64-v3")) tables[n++] = &table_v3;
#endif
  tables[n++] = &table_baseline;
  return n;
}

const wf_hypernet_kernels *wf_hypernet_kernels_get(void)
{
  const wf_hypernet_kernels *tables[3];
  wf_hypernet_kernels_all(tables);
  return tables[0];
}
