/* Matrix product for small sizes: tiles of 4 rows by 2 vector registers (16 floats or 8 doubles), see nn.h.

   Why not BLAS: the matrices here are some ten to a hundred wide, where a BLAS call's fixed cost and packing are felt, and each
   element here is one sum over k in order, so that its bits do not depend on the shape of the call. */
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include "nn/elementary.h"

enum { LANES = 32 / sizeof(wf_real) };
typedef wf_real lanes __attribute__((vector_size(32), aligned(sizeof(wf_real)), may_alias));

/* One tile of `rows` x LANES `vectors` elements; both are compile-time constants after inlining. */
WF_INLINE void multiply_tile(const int rows, const int vectors, int k, const wf_real *a, int a_row, int a_column, const wf_real *b,
                             int ldb, wf_dense_start start, const wf_real *bias, wf_real *c, int ldc)
{
  lanes sum[4][2];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
      if (start == WF_DENSE_ZERO)
        sum[i][j] = (lanes){0};
      else
        sum[i][j] = *(const lanes *)((start == WF_DENSE_BIAS ? bias : c + (size_t)i * ldc) + LANES * j);
    }
  for (int l = 0; l < k; l++) {
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++)
        sum[i][j] += a[(size_t)i * a_row + (size_t)l * a_column] * *(const lanes *)(b + (size_t)l * ldb + LANES * j);
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) *(lanes *)(c + (size_t)i * ldc + LANES * j) = sum[i][j];
}

WF_INLINE void multiply_panel(const int vectors, int m, int k, const wf_real *a, int a_row, int a_column, const wf_real *b, int ldb,
                              wf_dense_start start, const wf_real *bias, wf_real *c, int ldc)
{
  int i = 0;
  for (; i + 4 <= m; i += 4)
    multiply_tile(4, vectors, k, a + (size_t)i * a_row, a_row, a_column, b, ldb, start, bias, c + (size_t)i * ldc, ldc);
  for (; i < m; i++)
    multiply_tile(1, vectors, k, a + (size_t)i * a_row, a_row, a_column, b, ldb, start, bias, c + (size_t)i * ldc, ldc);
}

WF_SIMD void wf_dense_multiply(int m, int n, int k, const wf_real *a, int a_row, int a_column, const wf_real *b, int ldb,
                               wf_dense_start start, const wf_real *bias, wf_real *c, int ldc)
{
  int j = 0;
  for (; j + 2 * LANES <= n; j += 2 * LANES)
    multiply_panel(2, m, k, a, a_row, a_column, b + j, ldb, start, bias ? bias + j : NULL, c + j, ldc);
  for (; j + LANES <= n; j += LANES)
    multiply_panel(1, m, k, a, a_row, a_column, b + j, ldb, start, bias ? bias + j : NULL, c + j, ldc);
}

WF_INLINE void add_rows(const int vectors, int m, const wf_real *x, int ld, wf_real *sum)
{
  lanes part[4];
#pragma GCC unroll 4
  for (int j = 0; j < vectors; j++) part[j] = *(const lanes *)(sum + LANES * j);
  for (int i = 0; i < m; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) part[j] += *(const lanes *)(x + (size_t)i * ld + LANES * j);
#pragma GCC unroll 4
  for (int j = 0; j < vectors; j++) *(lanes *)(sum + LANES * j) = part[j];
}

WF_SIMD void wf_rows_add(int m, int n, const wf_real *x, int ld, wf_real *sum)
{
  int j = 0;
  for (; j + 4 * LANES <= n; j += 4 * LANES) add_rows(4, m, x + j, ld, sum + j);
  for (; j + LANES <= n; j += LANES) add_rows(1, m, x + j, ld, sum + j);
  for (; j < n; j++)
    for (int i = 0; i < m; i++) sum[j] += x[(size_t)i * ld + j];
}
