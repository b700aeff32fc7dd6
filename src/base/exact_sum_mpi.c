/* Exact sums over ranks: integers add up to the same bits in any order. */
#include <weightflow/exact_sum_mpi.h>

PetscErrorCode wf_exact_sum_allreduce(MPI_Comm comm, wf_exact_sum *sum)
{
  int      n_words;
  int64_t *words = wf_exact_sum_words(sum, &n_words);

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, words, n_words, MPI_INT64_T, MPI_SUM, comm));
  PetscFunctionReturn(0);
}
