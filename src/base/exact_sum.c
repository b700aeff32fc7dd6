/* Fixed-point sums, see exact_sum.h. words = [a_0 .. a_n-1, b_0 .. b_n-1, number of bad addends]. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/exact_sum.h>

#define COARSE 0x1p20
#define FINE   0x1p63
#define RANGE  0x1p22

struct wf_exact_sum {
  int     n;
  int64_t words[];
};

wf_exact_sum *wf_exact_sum_create(int n)
{
  wf_exact_sum *sum = wf_calloc(1, sizeof(*sum) + (2 * (size_t)n + 1) * sizeof(int64_t));
  if (sum) sum->n = n;
  return sum;
}

void wf_exact_sum_destroy(wf_exact_sum **sum)
{
  wf_free(*sum);
  *sum = NULL;
}

void wf_exact_sum_zero(wf_exact_sum *sum) { memset(sum->words, 0, (2 * (size_t)sum->n + 1) * sizeof(int64_t)); }

/* Round to the nearest integer by the addition of 1.5 2^52: exact for |x| < 2^51 and, unlike rint, it vectorises everywhere. */
static inline double round_to_integer(double x)
{
  const double shift = 0x1.8p52;
  return (x + shift) - shift;
}

#define ADD                                                                                                           \
  int64_t *coarse = sum->words + first, *fine = coarse + sum->n, bad = 0;                                           \
  for (int i = 0; i < count; i++) {                                                                                 \
    double value = (double)x[i], high = round_to_integer(value * COARSE);                                           \
    bool   good = fabs(value) < RANGE;                                                                              \
    bad += !good;                                                                                                   \
    coarse[i] += good ? (int64_t)high : 0;                                                                          \
    fine[i] += good ? (int64_t)round_to_integer((value - high * (1 / COARSE)) * FINE) : 0;                          \
  }                                                                                                                 \
  sum->words[2 * sum->n] += bad;

void wf_exact_sum_add(wf_exact_sum *sum, int first, int count, const wf_real *x) { ADD }
void wf_exact_sum_add_double(wf_exact_sum *sum, int first, int count, const double *x) { ADD }

#define GET(TYPE)                                                                                                   \
  const int64_t *coarse = sum->words + first, *fine = coarse + sum->n;                                              \
  bool           bad    = sum->words[2 * sum->n] != 0;                                                              \
  for (int i = 0; i < count; i++)                                                                                   \
    x[i] = bad ? (TYPE)NAN : (TYPE)(factor * ((double)coarse[i] * (1 / COARSE) + (double)fine[i] * (1 / FINE)));

void wf_exact_sum_get(const wf_exact_sum *sum, int first, int count, double factor, wf_real *x) { GET(wf_real) }
void wf_exact_sum_get_double(const wf_exact_sum *sum, int first, int count, double factor, double *x) { GET(double) }

int64_t *wf_exact_sum_words(wf_exact_sum *sum, int *n_words)
{
  *n_words = 2 * sum->n + 1;
  return sum->words;
}
