/* Statistics while simulating, see statistics.h: the state and adding to it. Results are in statistics_results.c.

   A sum of integers is three words of 32, 32 and 64 bits; what is added comes as 64-bit partial sums of a batch. Products of two
   counts at the same time are taken by lag: entry (d, column) is the sum of x[column] x[column + d], so that the loop runs over
   neighbouring columns whatever the number of species; it is meaningless, and ignored, where column + d belongs to another time.
   Trajectories come in blocks that stay in the cache while they are gone through for each purpose. Partial sums over a block are
   made in 32-bit integers where they stay below 2^31, else in doubles where they stay below 2^53, and in 64-bit integers else. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/long_sum.h"
#include "ssa/statistics_impl.h"

enum { TILE = 8, LAGS = 4, HISTOGRAM_TILE = 16, BLOCK_BYTES = 1 << 17, LEAST_BLOCK = 16 };
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
  s->partial = wf_calloc((size_t)s->at.n_columns, (1 + LAGS) * sizeof *s->partial);
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

/* The same where all bins are 1 wide and no count is below 0. */
static void fill_narrow_bins(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  const int64_t n_columns = s->at.n_columns, n_bins = s->config.n_bins;
  for (int64_t first = 0; first < n_columns; first += HISTOGRAM_TILE) {
    const int64_t n = first + HISTOGRAM_TILE < n_columns ? HISTOGRAM_TILE : n_columns - first;
    for (int64_t i = 0; i < n_traj; i++) {
      const int32_t *x    = counts + i * n_columns + first;
      int64_t       *bins = s->words + s->at.bins + first * n_bins;
      for (int64_t c = 0; c < n; c++, bins += n_bins) bins[x[c]]++;
    }
  }
}

/* --- counts --- */

/* low and high [n_columns]: extrema of the columns over the trajectories. */
static WF_SIMD void find_extrema(int64_t n_traj, int64_t n_columns, const int32_t *counts, int32_t *low, int32_t *high)
{
  for (int64_t c = 0; c < n_columns && TILE <= n_columns; c += TILE) {
    if (c > n_columns - TILE) c = n_columns - TILE; /* a last tile covers a part of the one before */
    integers least = *(const integers *)(counts + c), most = least;
    for (int64_t i = 1; i < n_traj; i++) {
      const integers x = *(const integers *)(counts + i * n_columns + c), less = x<least, more = x> most;
      least = (x & less) | (least & ~less);
      most  = (x & more) | (most & ~more);
    }
    *(integers *)(low + c)  = least;
    *(integers *)(high + c) = most;
  }
  for (int64_t c = 0; c < n_columns && n_columns < TILE; c++) {
    low[c] = high[c] = counts[c];
    for (int64_t i = 1; i < n_traj; i++) {
      const int32_t x = counts[i * n_columns + c];
      low[c]          = x < low[c] ? x : low[c];
      high[c]         = x > high[c] ? x : high[c];
    }
  }
}

/* Takes the extrema in, and widens bins where counts got larger. */
static void keep_extrema(wf_statistics *s, int64_t n_traj, const int32_t *counts, int32_t *lowest, int32_t *highest)
{
  const int64_t n_columns = s->at.n_columns;
  int32_t      *low = (int32_t *)s->partial, *high = low + n_columns;
  find_extrema(n_traj, n_columns, counts, low, high);
  *lowest  = low[0];
  *highest = high[0];
  for (int64_t c = 0; c < n_columns; c++) {
    *lowest  = low[c] < *lowest ? low[c] : *lowest;
    *highest = high[c] > *highest ? high[c] : *highest;
    if (low[c] < s->minimum[c]) s->minimum[c] = low[c];
    if (high[c] <= s->maximum[c]) continue;
    s->maximum[c] = high[c];
    widen_bins(s, (int)(c % s->config.n_counts), high[c]);
  }
}

/* totals [n_columns]: sums over the trajectories. */
static void sum_columns(int64_t n_traj, int64_t n_columns, const int32_t *counts, int64_t *totals)
{
  for (int64_t c = 0; c < n_columns; c++) totals[c] = 0;
  for (int64_t i = 0; i < n_traj; i++)
    for (int64_t c = 0; c < n_columns; c++) totals[c] += counts[i * n_columns + c];
}

/* One of n_lags (a constant where it is called) rows of partial from column c on, and each after it. */
static void sum_last_products(int n_lags, int64_t c, int64_t n_traj, int64_t n_columns, const int32_t *counts, int lag,
                              int64_t *partial)
{
  for (; c < n_columns; c++)
    for (int l = 0; l < n_lags; l++) {
      int64_t sum = 0;
      for (int64_t i = 0; i < n_traj && c + lag + l < n_columns; i++)
        sum += (int64_t)counts[i * n_columns + c] * counts[i * n_columns + c + lag + l];
      partial[l * n_columns + c] = sum;
    }
}

/* partial [n_lags, n_columns]: sums of x[c] x[c + lag + l], l < n_lags <= LAGS, and totals [n_columns]: of x[c] itself, exact as
   long as they stay below 2^31. */
static inline __attribute__((always_inline)) void sum_small_lags(int n_lags, int64_t n_traj, int64_t n_columns,
                                                                 const int32_t *counts, int lag, int64_t *totals, int64_t *partial)
{
  const int64_t end = n_columns - (lag + n_lags - 1); /* columns from here on have not all these lags */
  int64_t       c   = 0;
  for (; c < end && TILE <= end; c += TILE) {
    if (c > end - TILE) c = end - TILE; /* a last tile covers a part of the one before */
    integers sum[LAGS] = {{0}}, total = {0};
    for (int64_t i = 0; i < n_traj; i++) {
      const int32_t *x = counts + i * n_columns + c;
      const integers a = *(const integers *)x;
      total += a;
#pragma GCC unroll 4
      for (int l = 0; l < n_lags; l++) sum[l] += a * *(const integers *)(x + lag + l);
    }
    for (int j = 0; j < TILE; j++) totals[c + j] = total[j];
#pragma GCC unroll 4
    for (int l = 0; l < n_lags; l++)
      for (int j = 0; j < TILE; j++) partial[l * n_columns + c + j] = sum[l][j];
  }
  sum_last_products(n_lags, c, n_traj, n_columns, counts, lag, partial);
  for (; c < n_columns; c++) {
    totals[c] = 0;
    for (int64_t i = 0; i < n_traj; i++) totals[c] += counts[i * n_columns + c];
  }
}

/* Each number of lags has a loop of its own, so that the sums stay in registers. */
static WF_SIMD void sum_small_products(int n_lags, int64_t n_traj, int64_t n_columns, const int32_t *counts, int lag,
                                       int64_t *totals, int64_t *partial)
{
  if (n_lags == 1)
    sum_small_lags(1, n_traj, n_columns, counts, lag, totals, partial);
  else if (n_lags == 2)
    sum_small_lags(2, n_traj, n_columns, counts, lag, totals, partial);
  else if (n_lags == 3)
    sum_small_lags(3, n_traj, n_columns, counts, lag, totals, partial);
  else
    sum_small_lags(4, n_traj, n_columns, counts, lag, totals, partial);
}

/* A macro, since a function that returns a wide vector has no one calling convention on all processors. */
#define LOAD_COUNTS(x) __builtin_convertvector(*(const integers *)(x), doubles)

/* The same, exact as long as sums stay below 2^53; always LAGS rows. */
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
  sum_last_products(LAGS, c, n_traj, n_columns, counts, lag, partial);
}

/* Three words += a partial sum; entries lie `stride` words apart. */
static void keep_partial(int64_t *words, int64_t stride, int64_t n, const int64_t *partial)
{
  for (int64_t e = 0; e < n; e++) {
    words[e] += partial[e] & HALF_WORD;
    words[e + stride] += partial[e] >> 32;
  }
}

/* A block whose counts are at most `largest` in size: sums and products. */
static void add_sums(wf_statistics *s, int64_t n_traj, const int32_t *counts, double largest)
{
  const int64_t n = s->at.n_columns, n_entries = n * s->at.n_lags;
  const double  products = (double)n_traj * largest * fmax(1, largest);
  int64_t      *totals   = s->partial + LAGS * n;
  if (products >= 0x1p31) sum_columns(n_traj, n, counts, totals);
  for (int lag = 0; lag < s->at.n_lags; lag += LAGS) {
    const int n_lags = s->at.n_lags - lag < LAGS ? (int)s->at.n_lags - lag : LAGS;
    if (products < 0x1p31)
      sum_small_products(n_lags, n_traj, n, counts, lag, totals, s->partial);
    else if (products < 0x1p53)
      sum_products_in_doubles(n_traj, n, counts, lag, s->partial);
    else
      sum_last_products(n_lags, 0, n_traj, n, counts, lag, s->partial);
    for (int l = 0; l < n_lags; l++) keep_partial(s->words + s->at.products + (lag + l) * n, n_entries, n, s->partial + l * n);
  }
  keep_partial(s->words + s->at.sums, n, n, totals);
  s->unsettled++;
}

/* The bins come last, since they take the counts' place in the cache. */
static void add_block(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  int32_t lowest, highest;
  bool    narrow = true;
  keep_extrema(s, n_traj, counts, &lowest, &highest);
  const double  largest = fmax(fabs((double)lowest), fabs((double)highest));
  const int64_t most    = largest * largest * (double)n_traj < 0x1p62 ? n_traj : 1; /* a product may be 2^62 */
  for (int64_t i = 0; i < n_traj; i += most) add_sums(s, most, counts + i * s->at.n_columns, largest);
  for (int i = 0; i < s->config.n_counts; i++) narrow = narrow && s->shift[i] == 0;
  if (s->config.n_bins > 0 && narrow && lowest >= 0) fill_narrow_bins(s, n_traj, counts);
  if (s->config.n_bins > 0 && !(narrow && lowest >= 0)) fill_bins(s, n_traj, counts);
}

static void add_counts(wf_statistics *s, int64_t n_traj, const int32_t *counts)
{
  const int64_t in_cache = BLOCK_BYTES / (int64_t)sizeof *counts / s->at.n_columns;
  const int64_t usual    = in_cache < LEAST_BLOCK ? LEAST_BLOCK : in_cache;
  for (int64_t first = 0; first < n_traj; first += usual)
    add_block(s, n_traj - first < usual ? n_traj - first : usual, counts + first * s->at.n_columns);
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
