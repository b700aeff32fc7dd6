/* The version of HDF5, for those who may not call it. */
#ifndef WEIGHTFLOW_HDF5_VERSION_H
#define WEIGHTFLOW_HDF5_VERSION_H
#include <stddef.h>

/* Version of the library that is loaded, "1.10.8". Not collective; needs no MPI. */
void wf_hdf5_version(char *text, size_t size);
#endif
