/* States whose log-density a user asks for: one row of counts a state. */
#ifndef WEIGHTFLOW_STATES_H
#define WEIGHTFLOW_STATES_H
#include <petscsys.h>
#include <stdint.h>

/* Read counts [n, n_species] from an .npy file, or from /states of an HDF5 file. states [n, n_species] out, freed with PetscFree, the same on all
   ranks. Anything wrong with the file: *n = 0, *states = NULL and a one-line reason in why [why_size]. Collective on comm. */
PetscErrorCode wf_states_read(MPI_Comm comm, const char *path, int n_species, int *n, int32_t **states, char *why, size_t why_size);
#endif
