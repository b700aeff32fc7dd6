/* BLAS in the library's precision (wf_real), row-major, one thread a rank. Not collective. */
#ifndef WEIGHTFLOW_BLAS_H
#define WEIGHTFLOW_BLAS_H
#include <stdbool.h>
#include <weightflow/real.h>

/* C [m,n] = alpha op(A) op(B) + beta C, with op(A) [m,k] and op(B) [k,n]; lda, ldb, ldc are row lengths in memory. */
void wf_gemm(bool transpose_a, bool transpose_b, int m, int n, int k, wf_real alpha, const wf_real *a, int lda,
             const wf_real *b, int ldb, wf_real beta, wf_real *c, int ldc);

/* Hold BLAS to one thread on this rank: ranks are the parallelism. */
void wf_blas_use_one_thread(void);
#endif
