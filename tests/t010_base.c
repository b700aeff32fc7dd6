/* Random numbers against Random123's known answers and exact moments; exact sums against order, grouping and rank count. */
/* RUN: np=1,2,3 */
#include <petscsys.h>
#include <weightflow/base.h>
#include <weightflow/exact_sum_mpi.h>
#include <weightflow/random.h>
#include "check.h"

static void check_philox(void)
{
  uint32_t w[4];
  wf_random_words(0, (wf_random_purpose)0, 0, 0, w);
  WF_CHECK(w[0] == 0x6627e8d5u && w[1] == 0xe169c58du && w[2] == 0xbc57ac4cu && w[3] == 0x9b00dbd8u);
  wf_random_words(~0ull, (wf_random_purpose)~0u, ~0ull, ~0u, w);
  WF_CHECK(w[0] == 0x408f276du && w[1] == 0x41c83b0eu && w[2] == 0xa20bc7c6u && w[3] == 0x6d5451fdu);
}

static void check_moments(void)
{
  enum { N = 200000 };
  double mean = 0, square = 0, fourth = 0;
  for (int i = 0; i < N; i++) {
    double z[2];
    wf_random_normal2(7, WF_RANDOM_TEST, (uint64_t)i, 0, z);
    mean += z[0] + z[1];
    square += z[0] * z[0] + z[1] * z[1];
    fourth += pow(z[0], 4) + pow(z[1], 4);
  }
  /* five standard errors: false alarm 6e-7 each */
  WF_CHECK(fabs(mean / (2 * N)) < 5 / sqrt(2.0 * N));
  WF_CHECK(fabs(square / (2 * N) - 1) < 5 * sqrt(2 / (2.0 * N)));
  WF_CHECK(fabs(fourth / (2 * N) - 3) < 5 * sqrt(96 / (2.0 * N)));
}

static void check_permutation(void)
{
  enum { N = 6, REPEATS = 60000 };
  int place[N][N] = {{0}};
  for (int r = 0; r < REPEATS; r++) {
    int p[N], seen = 0;
    wf_random_permutation(3, WF_RANDOM_TEST, (uint64_t)r, N, p);
    for (int i = 0; i < N; i++) {
      seen |= 1 << p[i];
      place[i][p[i]]++;
    }
    WF_CHECK(seen == (1 << N) - 1);
  }
  double chi2 = 0, expected = REPEATS / (double)N;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) chi2 += pow(place[i][j] - expected, 2) / expected;
  WF_CHECK(chi2 < 66, "chi2 %g with 25 degrees of freedom", chi2); /* false alarm 2e-5 */
}

static PetscErrorCode check_exact_sum(void)
{
  enum { N = 5, ITEMS = 1000 };
  int           rank, size;
  wf_exact_sum *sum = wf_exact_sum_create(N);
  double        result[N], expected[N] = {0};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int i = 0; i < ITEMS; i++) {
    double x[N];
    for (int j = 0; j < N; j++) x[j] = (wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)j) - 0.5) * pow(10, j - 3);
    for (int j = 0; j < N; j++) expected[j] += x[j];
    if (i % size == rank) wf_exact_sum_add_double(sum, 0, N, x);
  }
  PetscCall(wf_exact_sum_allreduce(PETSC_COMM_WORLD, sum));
  wf_exact_sum_get_double(sum, 0, N, 1, result);
  for (int j = 0; j < N; j++) {
    WF_CHECK(fabs(result[j] - expected[j]) < 1e-11 * pow(10, j - 3) + 1e-16, "%.17g %.17g", result[j], expected[j]);
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "sum %d = %a\n", j, result[j]));
  }
  if (rank == 0) wf_exact_sum_add_double(sum, 1, 1, (double[]){INFINITY});
  PetscCall(wf_exact_sum_allreduce(PETSC_COMM_WORLD, sum));
  wf_exact_sum_get_double(sum, 0, N, 1, result);
  WF_CHECK(isnan(result[0]) && isnan(result[1]));
  wf_exact_sum_destroy(&sum);
  WF_CHECK(sum == NULL);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  check_philox();
  check_moments();
  check_permutation();
  PetscCall(check_exact_sum());
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
