/* Exact sums of doubles: fixed point of 2176 bits, in units of 2^-1074, as 68 digits of 32 bits in words of 64 (Kulisch's long
   accumulator). Sums of such words are exact and associative. Inside ssa/ only; pure. */
#ifndef WEIGHTFLOW_SSA_LONG_SUM_H
#define WEIGHTFLOW_SSA_LONG_SUM_H
#include <stdint.h>

enum { WF_LONG_SUM_DIGITS = 68 };

/* sum += x, finite. At most 2^30 such calls between two settlings. */
void wf_long_sum_add(int64_t *sum, double x);
/* sum += x y; x y must not overflow. Exact where x y is not below 2^-969. */
void wf_long_sum_add_product(int64_t *sum, double x, double y);
/* Carry, so that each digit but the last is 0 .. 2^32 - 1: the one form that belongs to the value. */
void wf_long_sum_settle(int64_t *sum);
/* The nearest double of a settled sum. */
double wf_long_sum_round(const int64_t *sum);
#endif
