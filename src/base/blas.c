/* CBLAS in the library's precision. */
#include <config.h>

#include <cblas.h>
#include <weightflow/blas.h>

void wf_gemm(bool transpose_a, bool transpose_b, int m, int n, int k, wf_real alpha, const wf_real *a, int lda,
             const wf_real *b, int ldb, wf_real beta, wf_real *c, int ldc)
{
  CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans, tb = transpose_b ? CblasTrans : CblasNoTrans;
#if WF_REAL_IS_DOUBLE
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

void wf_blas_use_one_thread(void)
{
#ifdef HAVE_OPENBLAS_SET_NUM_THREADS
  openblas_set_num_threads(1);
#endif /* other libraries: OMP_NUM_THREADS=1 in the environment, which the job scripts set */
}
