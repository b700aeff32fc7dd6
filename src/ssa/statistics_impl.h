/* What statistics.c and statistics_results.c share. */
#ifndef WEIGHTFLOW_SSA_STATISTICS_IMPL_H
#define WEIGHTFLOW_SSA_STATISTICS_IMPL_H
#include <weightflow/statistics.h>

/* Where things are among the words. Sums of counts [3, n_columns], products [3, n_lags, n_columns], bins [n_columns, n_bins], long
   sums of values [n_value_columns, digits], of their products [n_value_lags, n_value_columns, digits], and how many addends were
   not finite, in the same order. Word 0 is the number of trajectories. */
typedef struct {
  int64_t n_columns, n_value_columns, n_lags, n_value_lags;
  int64_t sums, products, bins, value_sums, value_products, bad, n_words;
} wf_statistics_layout;

struct wf_statistics {
  wf_statistics_config config;
  wf_statistics_layout at;
  int64_t             *words;
  double              *minimum, *maximum; /* [n_columns + n_value_columns] */
  int                 *shift;             /* [n_counts] bins of a species are 2^shift wide */
  int64_t             *partial;           /* scratch */
  int64_t              unsettled;         /* additions to any one word since the last carry, about */
};
#endif
