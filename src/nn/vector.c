/* Element-wise functions and softmax of rows, see nn.h. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include "nn/elementary.h"

/* y = function x, by eights; the last few through a vector that is filled up with zeros. */
#define APPLY(function)                                                                                                            \
  int i = 0;                                                                                                                       \
  for (; i + 8 <= n; i += 8) store8(y + i, function(load8(x + i)));                                                                \
  if (i < n) {                                                                                                                     \
    wf_real rest[8] = {0};                                                                                                         \
    memcpy(rest, x + i, (size_t)(n - i) * sizeof(wf_real));                                                                        \
    store8(rest, function(load8(rest)));                                                                                           \
    memcpy(y + i, rest, (size_t)(n - i) * sizeof(wf_real));                                                                        \
  }

WF_SIMD void wf_vector_exp(int n, const wf_real *x, wf_real *y){APPLY(exp8)} WF_SIMD
    void wf_vector_tanh(int n, const wf_real *x, wf_real *y){APPLY(tanh8)} WF_SIMD
    void wf_vector_sigmoid(int n, const wf_real *x, wf_real *y){APPLY(sigmoid8)}

/* The last n % 8 numbers of a row, filled up with -infinity. */
WF_INLINE vector8 load_rest(int n_rest, const wf_real *x)
{
  vector8 rest = fill8(-INFINITY);
  for (int l = 0; l < n_rest; l++) rest[l] = x[l];
  return rest;
}

WF_INLINE wf_real find_row_max(int n, const wf_real *x)
{
  vector8 max = fill8(-INFINITY);
  int     j   = 0;
  for (; j + 8 <= n; j += 8) max = max8(load8(x + j), max);
  if (j < n) max = max8(load_rest(n - j, x + j), max);
  return max_of8(max);
}

WF_SIMD void wf_rows_exponentiate(int m, int n, wf_real *x, int ld, wf_real *row_max, wf_real *row_sum)
{
  for (int i = 0; i < m; i++, x += ld) {
    wf_real max = find_row_max(n, x);
    vector8 sum = fill8(0);
    int     j   = 0;
    for (; j + 8 <= n; j += 8) {
      vector8 y = exp8(load8(x + j) - max);
      store8(x + j, y);
      sum += y;
    }
    if (j < n) {
      vector8 y = exp8(load_rest(n - j, x + j) - max);
      for (int l = 0; l < n - j; l++) x[j + l] = y[l];
      sum += y;
    }
    row_max[i] = max;
    row_sum[i] = sum_of8(sum);
  }
}

void wf_rows_softmax(int m, int n, wf_real *x, int ld)
{
  for (int i = 0; i < m; i++) {
    wf_real *row = x + (size_t)i * ld, max, sum;
    wf_rows_exponentiate(1, n, row, ld, &max, &sum);
    for (int j = 0; j < n; j++) row[j] /= sum;
  }
}

WF_SIMD void wf_rows_log_softmax(int m, int n, wf_real *x, int ld)
{
  for (int i = 0; i < m; i++, x += ld) {
    wf_real max = find_row_max(n, x);
    vector8 sum = fill8(0);
    int     j   = 0;
    for (; j + 8 <= n; j += 8) sum += exp8(load8(x + j) - max);
    if (j < n) sum += exp8(load_rest(n - j, x + j) - max);
    wf_real shift = max + (wf_real)log((double)sum_of8(sum));
    for (j = 0; j < n; j++) x[j] -= shift;
  }
}
