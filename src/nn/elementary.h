/* exp, tanh and sigmoid of eight numbers at a time, to be inlined into kernels.

   Float: exp x = 2^n (1 + p(r)) with n = round(x / ln 2), r = x - n ln 2 and p(r) = r + r^2 q(r) ~ expm1 r, q the Chebyshev
   interpolant of degree 4 on |r| <= ln(2)/2 (relative error 2.3e-8). tanh x = m / (m + 2) with m = expm1 2x = 2^n p + (2^n - 1),
   which keeps the relative precision near 0. No branches, no table, and no fused multiply-add: every machine gives the same bits.
   Double: the C library's functions, for parity with references.
   Eight numbers are a GNU C vector: one AVX register of floats, which the compiler splits where registers are shorter. */
#ifndef WEIGHTFLOW_NN_ELEMENTARY_H
#define WEIGHTFLOW_NN_ELEMENTARY_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <weightflow/real.h>

#define WF_INLINE static inline __attribute__((always_inline))

/* Vectors are only passed between functions that are inlined, so how machines would pass them does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef wf_real vector8 __attribute__((vector_size(8 * sizeof(wf_real)), aligned(sizeof(wf_real)), may_alias));
#if WF_REAL_IS_DOUBLE
typedef int64_t mask8 __attribute__((vector_size(64), aligned(8), may_alias));
#else
typedef int32_t mask8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t bits8 __attribute__((vector_size(32), aligned(4), may_alias));
#endif

WF_INLINE vector8 load8(const wf_real *x) { return *(const vector8 *)x; }
WF_INLINE void    store8(wf_real *x, vector8 y) { *(vector8 *)x = y; }
WF_INLINE vector8 fill8(wf_real x) { return (vector8){x, x, x, x, x, x, x, x}; }

/* where: all bits 1 or 0; yes where 1. */
WF_INLINE vector8 select8(mask8 where, vector8 yes, vector8 no) { return (vector8)(((mask8)yes & where) | ((mask8)no & ~where)); }
/* The second where they cannot be compared. */
WF_INLINE vector8 max8(vector8 x, vector8 y) { return select8(x > y, x, y); }

/* Sum and maximum of the eight, by halves. */
WF_INLINE wf_real sum_of8(vector8 x) { return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])); }
WF_INLINE wf_real max_of8(vector8 x)
{
  wf_real max = x[0];
  for (int l = 1; l < 8; l++) max = x[l] > max ? x[l] : max;
  return max;
}

#if WF_REAL_IS_DOUBLE
/* The library is slow where exp underflows, and padding does. */
WF_INLINE vector8 exp8(vector8 x)
{
  for (int l = 0; l < 8; l++) x[l] = x[l] < -745.2 ? 0 : exp(x[l]);
  return x;
}
WF_INLINE vector8 tanh8(vector8 x)
{
  for (int l = 0; l < 8; l++) x[l] = tanh(x[l]);
  return x;
}
WF_INLINE vector8 sigmoid8(vector8 x) { return 1 / (1 + exp8(-x)); }
#else
/* p ~ expm1 r and scale = 2^n for |x| <= 88. Adding 1.5 2^23 rounds to an integer, which then stands in the low bits of the sum. */
WF_INLINE vector8 split_exp(vector8 x, vector8 *scale)
{
  vector8 shifted = x * 1.44269504f + 0x1.8p23f, n = shifted - 0x1.8p23f, r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  *scale = (vector8)(((bits8)shifted << 23) + 0x3f800000); /* unsigned: below -87 it wraps, and is not used */
  vector8 q =
      (((0.001392621346613538f * r + 0.00836320297157575f) * r + 0.04166655443768795f) * r + 0.1666657684599398f) * r + 0.5f;
  return r + r * r * q;
}

WF_INLINE vector8 exp8(vector8 x)
{
  vector8 scale, p = split_exp(select8(x > 88, fill8(88), x), &scale), y = select8(x < -87, fill8(0), scale + scale * p);
  return select8(x > 88, fill8(INFINITY), y);
}

WF_INLINE vector8 tanh8(vector8 x)
{
  const mask8 sign = (mask8)fill8(-0.0f);
  vector8     size = (vector8)((mask8)x & ~sign), scale, p = split_exp(2 * select8(size > 10, fill8(10), size), &scale);
  vector8     m = scale * p + (scale - 1);
  return (vector8)((mask8)(m / (m + 2)) | ((mask8)x & sign));
}

/* Kept clear of denormal numbers, which are slow. */
WF_INLINE vector8 sigmoid8(vector8 x)
{
  vector8 scale, p = split_exp(-select8(x > 80, fill8(80), select8(x < -80, fill8(-80), x)), &scale);
  return 1 / (1 + (scale + scale * p));
}
#endif
#endif
