/* Fits by a team of ranks. */
#ifndef WEIGHTFLOW_FIT_MPI_H
#define WEIGHTFLOW_FIT_MPI_H
#include <petscsys.h>
#include <weightflow/fit.h>

/* One pass over the samples by all ranks of comm, each with the same fit; afterwards all hold the same state. Collective on comm.
   loss: mean NLL per sample and species over the pass, each batch at the weights before its step; not finite if the fit went
   astray. Result does not depend on the number of ranks. */
PetscErrorCode wf_fit_epoch(MPI_Comm comm, wf_fit *fit, int epoch, double *loss);

/* Mean NLL per sample and species of all samples at the present weights. Collective on comm; the same on any number of ranks. */
PetscErrorCode wf_fit_score(MPI_Comm comm, wf_fit *fit, double *loss);
#endif
