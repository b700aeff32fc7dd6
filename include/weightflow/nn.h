/* Building bricks of neural networks in wf_real: element-wise functions, softmax of rows, a matrix product for small sizes, AdamW.

   Pure mathematics: no MPI, no PETSc, no files, no memory of their own; nothing here is collective. A result depends on the numbers
   that it is made from and on nothing else: row i of a product or a softmax has the same bits wherever it stands and however many
   rows there are. Matrices are row-major; ld is a row's length in memory. */
#ifndef WEIGHTFLOW_NN_H
#define WEIGHTFLOW_NN_H
#include <stdbool.h>
#include <stdint.h>
#include <weightflow/real.h>

/* y [n] = exp x, tanh x, 1 / (1 + exp -x), element by element; y may be x. Float: relative error below 3e-7 (exp gives 0 below
   -87); double: the C library's. NaN goes through. */
void wf_vector_exp(int n, const wf_real *x, wf_real *y);
void wf_vector_tanh(int n, const wf_real *x, wf_real *y);
void wf_vector_sigmoid(int n, const wf_real *x, wf_real *y);

/* For each of m rows of n numbers: row_max = max x, x = exp(x - row_max), row_sum = sum x (after). Softmax is x / row_sum and
   log-softmax of an old number is x - row_max - log row_sum. row_max, row_sum [m] out. The sum runs over eight interleaved partial
   sums. */
void wf_rows_exponentiate(int m, int n, wf_real *x, int ld, wf_real *row_max, wf_real *row_sum);

/* x [m, n] = softmax, log-softmax of its rows, in place. */
void wf_rows_softmax(int m, int n, wf_real *x, int ld);
void wf_rows_log_softmax(int m, int n, wf_real *x, int ld);

/* Where a product starts from. */
typedef enum { WF_DENSE_ZERO, WF_DENSE_BIAS, WF_DENSE_ADD } wf_dense_start;

/* C [m, n] = start + A B with A [m, k], a_ij = a[i a_row + j a_column] (so a transpose is a matter of strides), B [k, n]; n a
   multiple of 8. start: WF_DENSE_ZERO 0; WF_DENSE_BIAS bias [n] in every row; WF_DENSE_ADD what is in C. Each element is one sum
   over k in order. bias may be NULL unless start is WF_DENSE_BIAS. Meant for operands that fit in cache; large square products
   belong to BLAS. */
void wf_dense_multiply(int m, int n, int k, const wf_real *a, int a_row, int a_column, const wf_real *b, int ldb,
                       wf_dense_start start, const wf_real *bias, wf_real *c, int ldc);

/* sum [n] += the sum of the m rows of x, in order. */
void wf_rows_add(int m, int n, const wf_real *x, int ld, wf_real *sum);

typedef struct {
  double learning_rate, weight_decay, beta1, beta2, epsilon;
} wf_adamw_config;
#define WF_ADAMW_DEFAULT                                                                                                           \
  {                                                                                                                                \
    .learning_rate = 0.01, .weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8                                     \
  }

/* One step of Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2; the decay is
   theta *= 1 - learning_rate weight_decay, before the update). step counts from 1; theta, m, v [n] in and out, m and v zero at
   first. */
void wf_adamw_step(const wf_adamw_config *config, int64_t step, int n, const wf_real *gradient, wf_real *theta, wf_real *m,
                   wf_real *v);
#endif
