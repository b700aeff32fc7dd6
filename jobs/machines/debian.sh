#!/usr/bin/env bash
# Debian and Ubuntu with their own packages of Slurm, Open MPI, PETSc and HDF5: nothing to load. Debian's Open MPI knows PMIx and
# not Slurm's older PMI, so `srun --mpi=pmi2` would start many runs of one rank each.
WF_SRUN_MPI=${WF_SRUN_MPI:-pmix}
export WF_SRUN_MPI
