/* Statistics of an ensemble while it is simulated, exact and independent of who adds what.

   For each time and each count: number, sum, sums of products, minimum, maximum and a histogram; for each value that is not a whole
   number the same without the histogram. All sums are kept as integers: of counts as they are; of doubles in fixed point wide
   enough for any double, products as the exact pair (x y, x y - fl(x y)) (Dekker 1971, Numer. Math. 18, 224; long accumulators:
   Kulisch 2013). Integer addition is associative, so the state after adding a set of trajectories has the same bits in whatever
   order, grouping or rank they came; rounding happens once, when a mean or variance is asked for.
   Columns: time k and count i are column k n_counts + i. Pure: no MPI, no files; nothing is collective. */
#ifndef WEIGHTFLOW_STATISTICS_H
#define WEIGHTFLOW_STATISTICS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wf_statistics wf_statistics;

typedef struct {
  int  n_time, n_counts, n_values;
  int  n_bins;     /* of the histogram of each count at each time; 0: none */
  bool covariance; /* between counts, and between values; else variances only */
} wf_statistics_config;

/* Bytes that a state takes. */
double wf_statistics_bytes(const wf_statistics_config *config);
/* An empty state; NULL if memory is short. Free with wf_statistics_destroy (accepts NULL, sets NULL). */
wf_statistics *wf_statistics_create(const wf_statistics_config *config);
void           wf_statistics_destroy(wf_statistics **statistics);

/* Add trajectories: counts [n_traj, n_time, n_counts], values [n_traj, n_time, n_values]; either may be NULL where there are none.
   At most 2^40 trajectories in all. */
void wf_statistics_add(wf_statistics *statistics, int64_t n_traj, const int32_t *counts, const double *values);

/* The state as three arrays, for merging and for keeping: words [n_words] merge by addition, minimum [n_extrema] by the smaller and
   maximum [n_extrema] by the larger one. Before reading words, all parts must have the same histogram scale: take the largest
   maxima over all parts, put them into maximum, and call wf_statistics_settle, which brings words into the one form that belongs
   to the state; call it once more after words were added up (at most 2^20 parts). */
int64_t *wf_statistics_words(wf_statistics *statistics, int64_t *n_words);
double  *wf_statistics_minimum(wf_statistics *statistics, int64_t *n_extrema);
double  *wf_statistics_maximum(wf_statistics *statistics, int64_t *n_extrema);
void     wf_statistics_settle(wf_statistics *statistics);
/* Empty it again. */
void wf_statistics_clear(wf_statistics *statistics);

/* --- results; of a settled state --- */
int64_t wf_statistics_n(const wf_statistics *statistics); /* trajectories added */
/* Counts or values: mean [n_time, n], variance [n_time, n] (n - 1 in the denominator), covariance [n_time, n, n] where it was kept;
   NaN where there are too few trajectories, or a value was not finite or its square overflows. Any of them may be NULL. */
void wf_statistics_moments_of_counts(const wf_statistics *statistics, double *mean, double *variance, double *covariance);
void wf_statistics_moments_of_values(const wf_statistics *statistics, double *mean, double *variance, double *covariance);
/* The extrema themselves: [n_time, n_counts] and [n_time, n_values]. */
void wf_statistics_extrema(const wf_statistics *statistics, int32_t *count_minimum, int32_t *count_maximum, double *value_minimum,
                           double *value_maximum);
/* bin_width [n_counts]: the smallest power of two with which n_bins bins from 0 on hold all counts of this species; histogram
   [n_time, n_counts, n_bins]: bin b holds the counts b width .. (b + 1) width - 1. Counts below 0 stand in none. */
void wf_statistics_histogram(const wf_statistics *statistics, int64_t *bin_width, int64_t *histogram);
/* The smallest count c with at least the share q of trajectories at or below it: quantile [n_time, n_counts]. Exact where the bins
   are 1 wide, else NaN. */
void wf_statistics_quantile(const wf_statistics *statistics, double q, double *quantile);
#endif
