/* Fits by a team of ranks, see fit_mpi.h. */
#include <weightflow/exact_sum_mpi.h>
#include <weightflow/fit_mpi.h>

/* All ranks make every step alike. Where dividing a batch pays, the ranks take its blocks in turn and add up; where not, each does
   the whole batch, which is quicker than to be told. */
PetscErrorCode wf_fit_epoch(MPI_Comm comm, wf_fit *fit, int epoch, double *loss)
{
  int    rank, size, n_batches = wf_fit_n_batches(fit);
  double nll = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  bool shared = wf_fit_is_worth_sharing(fit, size);
  wf_fit_begin_epoch(fit, epoch);
  for (int batch = 0; batch < n_batches; batch++) {
    wf_exact_sum *sum = wf_fit_add_gradient(fit, batch, shared ? rank : 0, shared ? size : 1);
    if (shared) PetscCall(wf_exact_sum_allreduce(comm, sum));
    nll += wf_fit_update(fit, batch);
  }
  *loss = nll / wf_fit_n_terms(fit);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_fit_score(MPI_Comm comm, wf_fit *fit, double *loss)
{
  int rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  wf_exact_sum *sum = wf_fit_add_nll(fit, rank, size);
  PetscCall(wf_exact_sum_allreduce(comm, sum));
  wf_exact_sum_get_double(sum, wf_fit_nll_component(fit), 1, 1 / wf_fit_n_terms(fit), loss);
  PetscFunctionReturn(0);
}
