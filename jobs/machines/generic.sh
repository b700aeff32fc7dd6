#!/usr/bin/env bash
# Any cluster with Slurm. Job scripts source this (WF_MACHINE=generic, or where nothing better is found); copy it to
# jobs/machines/NAME.sh for a site of yours, where NAME is Slurm's ClusterName or what WF_MACHINE says.
#
#   WF_MODULES    modules to load, those that the program was built with, such as "gcc openmpi petsc hdf5 openblas"
#   WF_LAUNCH     the MPI starter with its options, in place of the one that is found (srun with PMIx, else mpiexec)
#   WF_BIND       what a rank is bound to: cores (default), sockets, none
#   WF_IO         romio: files through ROMIO in place of Open MPI's own OMPIO (where OMPIO is slow or fails: NFS, some Lustre)
#   ROMIO_HINTS   hints for ROMIO (default: jobs/machines/romio_hints)
if [ -n "${WF_MODULES:-}" ]; then
  # shellcheck disable=SC2086
  module load $WF_MODULES || return 2
fi
