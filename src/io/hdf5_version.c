/* The version of HDF5, for those who may not call it. */
#include <hdf5.h>
#include <stdio.h>
#include "io/hdf5_version.h"

void wf_hdf5_version(char *text, size_t size)
{
  unsigned major = 0, minor = 0, release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0)
    snprintf(text, size, "unknown");
  else
    snprintf(text, size, "%u.%u.%u", major, minor, release);
}
