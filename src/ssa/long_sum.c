/* Long accumulators, see long_sum.h. */
#include <math.h>
#include <string.h>
#include "ssa/long_sum.h"

static const int64_t DIGIT = ((int64_t)1 << 32) - 1;

void wf_long_sum_add(int64_t *sum, double x)
{
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t  exponent = (int64_t)(bits >> 52 & 2047), sign = bits >> 63 ? -1 : 1;
  uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
  if (exponent > 0) mantissa |= (uint64_t)1 << 52;
  int64_t           place = exponent > 0 ? exponent - 1 : 0;
  unsigned __int128 wide  = (unsigned __int128)mantissa << place % 32;
  int64_t          *digit = sum + place / 32;
  digit[0] += sign * (int64_t)((uint64_t)wide & (uint64_t)DIGIT);
  digit[1] += sign * (int64_t)((uint64_t)(wide >> 32) & (uint64_t)DIGIT);
  digit[2] += sign * (int64_t)(uint64_t)(wide >> 64);
}

void wf_long_sum_add_product(int64_t *sum, double x, double y)
{
  double product = x * y;
  wf_long_sum_add(sum, product);
  wf_long_sum_add(sum, fma(x, y, -product)); /* the rounding error, itself a double */
}

void wf_long_sum_settle(int64_t *sum)
{
  for (int i = 0; i + 1 < WF_LONG_SUM_DIGITS; i++) {
    int64_t low = sum[i] & DIGIT;
    sum[i + 1] += (sum[i] - low) / (DIGIT + 1);
    sum[i] = low;
  }
}

double wf_long_sum_round(const int64_t *sum)
{
  int64_t digits[WF_LONG_SUM_DIGITS];
  int     top = WF_LONG_SUM_DIGITS - 1, sign = sum[top] < 0 ? -1 : 1;
  for (int i = 0; i < WF_LONG_SUM_DIGITS; i++) digits[i] = sign * sum[i];
  wf_long_sum_settle(digits);
  while (top > 2 && !digits[top]) top--;
  unsigned __int128 wide =
      (unsigned __int128)(uint64_t)digits[top] << 64 | (uint64_t)digits[top - 1] << 32 | (uint64_t)digits[top - 2];
  for (int i = 0; i < top - 2; i++)
    if (digits[i]) wide |= 1; /* far below the last bit that counts: only breaks a tie */
  return sign * ldexp((double)wide, 32 * (top - 2) - 1074);
}
