/* Sums that do not depend on order, grouping or rank count: fixed-point accumulation of vectors.

   Every added value is split into two integers, a = round(x 2^20) and b = round((x - a 2^-20) 2^63), which are added exactly in
   64 bits. Integer addition is associative, so the sum has the same bits whoever adds what. Range |x| < 2^22, at most 2^20
   addends a component, resolution 2^-63; a value out of range or not finite makes the whole result NaN.
   For equal bits the *addends* must not depend on the rank count either: make them over fixed blocks of items. */
#ifndef WEIGHTFLOW_EXACT_SUM_H
#define WEIGHTFLOW_EXACT_SUM_H
#include <stdbool.h>
#include <stdint.h>
#include <weightflow/real.h>

typedef struct wf_exact_sum wf_exact_sum;

/* A sum of vectors of length n, zero at first. NULL if memory is short. Free with wf_exact_sum_destroy (accepts NULL, sets NULL).
 */
wf_exact_sum *wf_exact_sum_create(int n);
void          wf_exact_sum_destroy(wf_exact_sum **sum);

/* Set to zero. */
void wf_exact_sum_zero(wf_exact_sum *sum);

/* Add x [count] to the components first .. first + count - 1. */
void wf_exact_sum_add(wf_exact_sum *sum, int first, int count, const wf_real *x);
void wf_exact_sum_add_double(wf_exact_sum *sum, int first, int count, const double *x);

/* The sum's components first .. first + count - 1, times factor; all NaN if any addend was out of range or not finite. */
void wf_exact_sum_get(const wf_exact_sum *sum, int first, int count, double factor, wf_real *x);
void wf_exact_sum_get_double(const wf_exact_sum *sum, int first, int count, double factor, double *x);

/* The integers themselves, [2 n + 1] (last: number of bad addends), for adding over ranks. */
int64_t *wf_exact_sum_words(wf_exact_sum *sum, int *n_words);
#endif
