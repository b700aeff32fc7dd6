/* Exact sums over ranks. */
#ifndef WEIGHTFLOW_EXACT_SUM_MPI_H
#define WEIGHTFLOW_EXACT_SUM_MPI_H
#include <petscsys.h>
#include <weightflow/exact_sum.h>

/* Replace each rank's sum by the sum over all ranks of comm. Collective. The result has the same bits on any number of ranks. */
PetscErrorCode wf_exact_sum_allreduce(MPI_Comm comm, wf_exact_sum *sum);
#endif
