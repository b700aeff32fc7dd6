/* Statistics while simulating, see statistics.h: the state and adding to it. Results are in statistics_results.c.

   A sum of integers is three words of 32, 32 and 64 bits; what is added comes as 64-bit partial sums of a batch. Products of two
   counts at the same time are taken by lag: entry (d, column) is the sum of x[column] x[column + d], so that the loop runs over
   neighbouring columns whatever the number of species; it is meaningless, and ignored, where column + d belongs to another time.
   Partial sums are made in doubles where they are exact, that is below 2^53, and in 64-bit integers else. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/long_sum.h"
#include "ssa/statistics_impl.h"

enum { TILE = 8, LAGS = 4, HISTOGRAM_TILE = 16 };
static const int64_t HALF_WORD = ((int64_t)1 << 32) - 1, SETTLE_AFTER = (int64_t)1 << 28;

typedef double  doubles __attribute__((vector_size(TILE * sizeof(double))));
typedef int32_t integers __attribute__((vector_size(TILE * sizeof(int32_t)), aligned(4), may_alias));

static void lay_out(const wf_statistics_config *config, wf_statistics_layout *at)
{
  at->n_columns       = (int64_t)config->n_time * config->n_counts;
  at->n_value_columns = (int64_t)config->n_time * config->n_values;
  at->n_lags          = config->n_counts == 0 ? 0 : config->covariance ? config->n_counts : 1;
  at->n_value_lags    = config->n_values == 0 ? 0 : config->covariance ? config->n_values : 1;
  at->sums            = 1;
  at->products        = at->sums + 3 * at->n_columns;
  at->bins            = at->products + 3 * at->n_columns * at->n_lags;
  at->value_sums      = at->bins + at->n_columns * config->n_bins;
  at->value_products  = at->value_sums + at->n_value_columns * WF_LONG_SUM_DIGITS;
  at->bad             = at->value_products + at->n_value_columns * at->n_value_lags * WF_LONG_SUM_DIGITS;
  at->n_words         = at->bad + at->n_value_columns * (1 + at->n_value_lags);
}

double wf_statistics_bytes(const wf_statistics_config *config)
{
  double columns = (double)config->n_time * config->n_counts, lags = config->covariance ? config->n_counts : 1;
  double values = (double)config->n_time * config->n_values, value_lags = config->covariance ? config->n_values : 1;
  return 8 * (columns * (3 + 4 * lags + config->n_bins + 2) + values * (1 + value_lags) * (WF_LONG_SUM_DIGITS + 1));
}

wf_statistics *wf_statistics_create(const wf_statistics_config *config)
{
  wf_statistics *s = wf_calloc(1, sizeof *s);
  if (!s) return NULL;
  s->config = *config;
  lay_out(config, &s->at);
  s->words   = wf_calloc((size_t)s->at.n_words, sizeof *s->words);
  s->shift   = wf_calloc((size_t)config->n_counts + 1, sizeof *s->shift);
  s->minimum = wf_calloc((size_t)(s->at.n_columns + s->at.n_value_columns), sizeof *s->minimum);
  s->maximum = wf_calloc((size_t)(s->at.n_columns + s->at.n_value_columns), sizeof *s->maximum);
  s->partial = wf_calloc((size_t)s->at.n_columns, LAGS * sizeof *s->partial);
  if (!s->words || !s->shift || !s->minimum || !s->maximum || !s->partial) wf_statistics_destroy(&s);
  if (s) wf_statistics_clear(s);
  return s;
}

void wf_statistics_destroy(wf_statistics **statistics)
{
  wf_statistics *s = *statistics;
  if (!s) return;
  wf_free(s->words);
  wf_free(s->shift);
  wf_free(s->minimum);
  wf_free(s->maximum);
  wf_free(s->partial);
  wf_free(s);
  *statistics = NULL;
}

void wf_statistics_clear(wf_statistics *s)
{
  memset(s->words, 0, (size_t)s->at.n_words * sizeof *s->words);
  memset(s->shift, 0, ((size_t)s->config.n_counts + 1) * sizeof *s->shift);
  for (int64_t c = 0; c < s->at.n_columns + s->at.n_value_columns; c++) {
    s->minimum[c] = INFINITY;
    s->maximum[c] = -INFINITY;
  }
  s->unsettled = 0;
}

/* --- histograms --- */

/* Join neighbouring bins of one species, at all times, until `largest` has one. Counts below 0 have none. */
static void widen_bins(wf_statistics *s, int species, double largest)
{
  const int n_bins = s->config.n_bins, n = s->config.n_counts;
  while (n_bins > 0 && largest >= ldexp(n_bins, s->shift[species])) {
    s->shift[species]++;
    for (int k = 0; k < s->config.n_time; k++) {
      int64_t *bins = s->words + s->at.bins + ((int64_t)k * n + species) * n_bins;
      for (int b = 0; b < n_bins; b++) {
        int64_t low = 2 * b < n_bins ? bins[2 * b] : 0, high = 2 * b + 1 < n_bins ? bins[2 * b + 1] : 0;
        bins[b] = low + high; /* reads at or after b, so nothing is overwritten too early */
      }
    }
  }
}

static void fit_bins(wf_statistics *s)
{
  const int n = s->config.n_counts;
  for (int64_t c = 0; c < s->at.n_columns; c++) widen_bins(s, (int)(c % n), s->maximum[c]);
}

/* Few columns at a time: their bins stay in the nearest cache while the trajectories go by. */
static void fill_bins(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  const int64_t n_columns = s->at.n_columns, n_bins = s->config.n_bins;
  for (int64_t first = 0; first < n_columns; first += HISTOGRAM_TILE) {
    int64_t last = first + HISTOGRAM_TILE < n_columns ? first + HISTOGRAM_TILE : n_columns;
    int64_t shift[HISTOGRAM_TILE];
    for (int64_t c = first; c < last; c++) shift[c - first] = s->shift[c % s->config.n_counts];
    for (int64_t i = 0; i < n_traj; i++) {
      const int32_t *x    = counts + i * n_columns;
      int64_t       *bins = s->words + s->at.bins + first * n_bins;
      for (int64_t c = first; c < last; c++, bins += n_bins)
        if (x[c] >= 0) bins[x[c] >> shift[c - first]]++;
    }
  }
}

/* --- counts --- */

/* low and high [n_columns]: extrema of the columns over the trajectories. */
static WF_SIMD void find_extrema(int64_t n_traj, int64_t n_columns, const int32_t *counts, int32_t *low, int32_t *high)
{
  memcpy(low, counts, (size_t)n_columns * sizeof *low);
  memcpy(high, counts, (size_t)n_columns * sizeof *high);
  for (int64_t i = 1; i < n_traj; i++) {
    const int32_t *x = counts + i * n_columns;
    for (int64_t c = 0; c < n_columns; c++) {
      low[c]  = x[c] < low[c] ? x[c] : low[c];
      high[c] = x[c] > high[c] ? x[c] : high[c];
    }
  }
}

/* Takes the extrema in; returns the largest size of any count. */
static double keep_extrema(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  const int64_t n_columns = s->at.n_columns;
  int32_t      *low = (int32_t *)s->partial, *high = low + n_columns;
  double        largest = 0;
  find_extrema(n_traj, n_columns, counts, low, high);
  for (int64_t c = 0; c < n_columns; c++) {
    if (low[c] < s->minimum[c]) s->minimum[c] = low[c];
    if (high[c] > s->maximum[c]) s->maximum[c] = high[c];
    largest = fmax(largest, fmax(fabs((double)low[c]), fabs((double)high[c])));
  }
  return largest;
}

/* partial [n_columns]: sums over the trajectories. */
static WF_SIMD void sum_columns(int64_t n_traj, int64_t n_columns, const int32_t *counts, int64_t *partial)
{
  for (int64_t c = 0; c < n_columns; c++) partial[c] = 0;
  for (int64_t i = 0; i < n_traj; i++)
    for (int64_t c = 0; c < n_columns; c++) partial[c] += counts[i * n_columns + c];
}

/* A macro, since a function that returns a wide vector has no one calling convention on all processors. */
#define LOAD_COUNTS(x) __builtin_convertvector(*(const integers *)(x), doubles)

/* partial [LAGS, n_columns]: sums of x[c] x[c + lag + l], l < LAGS, exact as long as they stay below 2^53. */
static WF_SIMD void sum_products_in_doubles(int64_t n_traj, int64_t n_columns, const int32_t *counts, int lag, int64_t *partial)
{
  int64_t c = 0;
  for (; c + TILE + lag + LAGS - 1 <= n_columns; c += TILE) {
    doubles sum[LAGS] = {{0}};
    for (int64_t i = 0; i < n_traj; i++) {
      const int32_t *x = counts + i * n_columns + c;
      doubles        a = LOAD_COUNTS(x);
      for (int l = 0; l < LAGS; l++) sum[l] += a * LOAD_COUNTS(x + lag + l);
    }
    for (int l = 0; l < LAGS; l++)
      for (int j = 0; j < TILE; j++) partial[l * n_columns + c + j] = (int64_t)sum[l][j];
  }
  for (; c < n_columns; c++)
    for (int l = 0; l < LAGS; l++) {
      int64_t sum = 0;
      if (c + lag + l < n_columns)
        for (int64_t i = 0; i < n_traj; i++) sum += (int64_t)counts[i * n_columns + c] * counts[i * n_columns + c + lag + l];
      partial[l * n_columns + c] = sum;
    }
}

static void sum_products_in_integers(int64_t n_traj, int64_t n_columns, const int32_t *counts, int lag, int64_t *partial)
{
  for (int l = 0; l < LAGS; l++)
    for (int64_t c = 0; c < n_columns; c++) {
      int64_t sum = 0;
      for (int64_t i = 0; i < n_traj && c + lag + l < n_columns; i++)
        sum += (int64_t)counts[i * n_columns + c] * counts[i * n_columns + c + lag + l];
      partial[l * n_columns + c] = sum;
    }
}

/* Three words += a partial sum; entries lie `stride` words apart. */
static void keep_partial(int64_t *words, int64_t stride, int64_t n, const int64_t *partial)
{
  for (int64_t e = 0; e < n; e++) {
    words[e] += partial[e] & HALF_WORD;
    words[e + stride] += partial[e] >> 32;
  }
}

static void add_count_batch(wf_statistics *s, int64_t n_traj, const int32_t *counts, bool doubles_are_exact)
{
  const int64_t n = s->at.n_columns, n_entries = n * s->at.n_lags;
  sum_columns(n_traj, n, counts, s->partial);
  keep_partial(s->words + s->at.sums, n, n, s->partial);
  for (int lag = 0; lag < s->at.n_lags; lag += LAGS) {
    if (doubles_are_exact)
      sum_products_in_doubles(n_traj, n, counts, lag, s->partial);
    else
      sum_products_in_integers(n_traj, n, counts, lag, s->partial);
    for (int l = 0; l < LAGS && lag + l < s->at.n_lags; l++)
      keep_partial(s->words + s->at.products + (lag + l) * n, n_entries, n, s->partial + l * n);
  }
  s->unsettled++;
}

static void add_counts(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  const double largest = fmax(1, keep_extrema(s, n_traj, counts));
  fit_bins(s);
  if (s->config.n_bins > 0) fill_bins(s, n_traj, counts);
  bool    exact = largest * largest <= 0x1p47; /* then 64 trajectories at least */
  double  room  = (exact ? 0x1p53 : 0x1p62) / (largest * largest);
  int64_t most  = room > 0x1p20 ? (int64_t)1 << 20 : room < 1 ? 1 : (int64_t)room;
  for (int64_t first = 0; first < n_traj; first += most) {
    int64_t n = n_traj - first < most ? n_traj - first : most;
    add_count_batch(s, n, counts + first * s->at.n_columns, exact);
  }
}

/* --- values --- */

/* One product of value columns a and b = a + lag into its accumulator, or a mark where it is not finite. */
static void add_value_product(wf_statistics *s, int64_t lag, int64_t a, double x, double y)
{
  int64_t entry = lag * s->at.n_value_columns + a;
  if (isfinite(x * y))
    wf_long_sum_add_product(s->words + s->at.value_products + entry * WF_LONG_SUM_DIGITS, x, y);
  else
    s->words[s->at.bad + s->at.n_value_columns + entry]++;
}

static void add_value_row(wf_statistics *s, const double *x)
{
  const int64_t n_columns = s->at.n_value_columns, n = s->config.n_values;
  for (int64_t c = 0; c < n_columns; c++) {
    double *low = &s->minimum[s->at.n_columns + c], *high = &s->maximum[s->at.n_columns + c];
    if (x[c] < *low) *low = x[c];
    if (x[c] > *high) *high = x[c];
    if (isfinite(x[c]))
      wf_long_sum_add(s->words + s->at.value_sums + c * WF_LONG_SUM_DIGITS, x[c]);
    else
      s->words[s->at.bad + c]++;
    for (int64_t lag = 0; lag < s->at.n_value_lags && c % n + lag < n; lag++) add_value_product(s, lag, c, x[c], x[c + lag]);
  }
}

/* --- adding and merging --- */

void wf_statistics_add(wf_statistics *s, int64_t n_traj, const int32_t *counts, const double *values)
{
  if (n_traj <= 0) return;
  s->words[0] += n_traj;
  if (s->at.n_columns > 0) add_counts(s, n_traj, counts);
  for (int64_t i = 0; i < n_traj && s->at.n_value_columns > 0; i++) {
    add_value_row(s, values + i * s->at.n_value_columns);
    s->unsettled += 2;
    if (s->unsettled >= SETTLE_AFTER) wf_statistics_settle(s);
  }
  if (s->unsettled >= SETTLE_AFTER) wf_statistics_settle(s);
}

static void carry_three(int64_t *words, int64_t n)
{
  for (int64_t e = 0; e < n; e++) {
    words[e + n] += words[e] >> 32;
    words[e] &= HALF_WORD;
    words[e + 2 * n] += words[e + n] >> 32;
    words[e + n] &= HALF_WORD;
  }
}

void wf_statistics_settle(wf_statistics *s)
{
  fit_bins(s);
  carry_three(s->words + s->at.sums, s->at.n_columns);
  carry_three(s->words + s->at.products, s->at.n_columns * s->at.n_lags);
  for (int64_t e = 0; e < s->at.n_value_columns * (1 + s->at.n_value_lags); e++)
    wf_long_sum_settle(s->words + s->at.value_sums + e * WF_LONG_SUM_DIGITS);
  s->unsettled = 0;
}

int64_t *wf_statistics_words(wf_statistics *s, int64_t *n_words)
{
  *n_words = s->at.n_words;
  return s->words;
}

double *wf_statistics_minimum(wf_statistics *s, int64_t *n_extrema)
{
  *n_extrema = s->at.n_columns + s->at.n_value_columns;
  return s->minimum;
}

double *wf_statistics_maximum(wf_statistics *s, int64_t *n_extrema)
{
  *n_extrema = s->at.n_columns + s->at.n_value_columns;
  return s->maximum;
}
