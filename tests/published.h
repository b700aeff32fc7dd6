/* Read whole datasets of a reference file of other people's making; a test without the file is skipped. */
#ifndef WEIGHTFLOW_TESTS_PUBLISHED_H
#define WEIGHTFLOW_TESTS_PUBLISHED_H
#include <hdf5.h>
#include <weightflow/base.h>
#include "check.h"

/* [*size] numbers of dataset `name` as doubles (HDF5 converts), freed with wf_free. */
static inline double *published_read(hid_t file, const char *name, int *size)
{
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
  *size        = (int)H5Sget_simple_extent_npoints(space);
  double *data = wf_calloc((size_t)*size, sizeof(double));
  if (set < 0 || !data || H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
    printf("cannot read %s\n", name);
    exit(99);
  }
  H5Sclose(space);
  H5Dclose(set);
  return data;
}

/* The published ensemble, time first: counts [101, 1000, 3], freed with wf_free. */
static inline int32_t *published_counts(hid_t file)
{
  enum { N_TRAJ = 1000, N_TIME = 101, N_SPECIES = 3 };
  int      size;
  double  *data   = published_read(file, "/trajectories", &size);
  int32_t *counts = wf_calloc((size_t)size, sizeof(int32_t));
  for (int i = 0; i < N_TRAJ; i++)
    for (int k = 0; k < N_TIME; k++)
      for (int s = 0; s < N_SPECIES; s++)
        counts[(k * N_TRAJ + i) * N_SPECIES + s] = (int32_t)data[(i * N_TIME + k) * N_SPECIES + s];
  wf_free(data);
  return counts;
}
#endif
